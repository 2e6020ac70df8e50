"""Values of columns that files do not have: defaults, and the names of columns in files without ids.

Source: the Iceberg specification, "Default values", "Column Projection", "Appendix D: JSON single-value".
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from h5s3.errors import DamagedError
from h5s3.records import UNSET

DEEPEST = 100


def default_of(kind: Any, value: Any) -> Any:
    """A default as a Python value; `UNSET` for null, which is none. Raises `DamagedError`."""
    if value is UNSET or value is None:
        return UNSET
    if not isinstance(kind, str):
        return _nested(kind, value)
    try:
        if kind == "date":
            return datetime.date.fromisoformat(value)
        if kind == "time":
            return datetime.time.fromisoformat(value)
        if kind in ("timestamp", "timestamptz"):
            return datetime.datetime.fromisoformat(value)
        if kind == "uuid":
            return uuid.UUID(value)
        if kind == "binary" or kind.startswith("fixed"):
            return bytes.fromhex(value)
        return Decimal(value) if kind.startswith("decimal") else value
    except (TypeError, ValueError, AttributeError, ArithmeticError):
        raise DamagedError(f"a default of type {kind} cannot be read") from None


def _nested(kind: Any, value: Any) -> Any:
    """Of lists, maps and structs only empty ones are usual: fields of structs have defaults of their own."""
    if not isinstance(value, dict | list) or not value:
        return value
    keys, values = (value.get("keys"), value.get("values")) if isinstance(value, dict) else (None, None)
    if keys == [] and values == []:
        return []
    raise DamagedError("a default of a nested type is not read here")


def names_of(text: str | None) -> dict[int, tuple[str, ...]] | None:
    """Names of columns by their ids, from the property that tells them; None where there is none."""
    if text is None:
        return None
    found: dict[int, tuple[str, ...]] = {}

    def walk(fields: Any, depth: int) -> None:
        if depth > DEEPEST:
            raise ValueError
        for one in fields or ():
            if one.get("field-id") is not None:
                found[int(one["field-id"])] = tuple(map(str, one.get("names") or ()))
            walk(one.get("fields"), depth + 1)

    try:
        mapping = json.loads(text)
        walk(mapping.get("fields") if isinstance(mapping, Mapping) else mapping, 0)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise DamagedError("the names of columns in files without ids cannot be read") from None
    return found
