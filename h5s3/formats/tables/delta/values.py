"""Partition values, which the log has as text, as values of the types of their columns.

Source: Delta Transaction Log Protocol, "Partition Value Serialization".
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Mapping, Sequence
from typing import Any

from h5s3.errors import DamagedError
from h5s3.formats.tables.table import Column

NOTHING = ("", "__HIVE_DEFAULT_PARTITION__")
BITS = {"byte": 8, "short": 16, "integer": 32, "long": 64}
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9:]{2,6})?"
)


class PartitionValues:
    """Partition values of files. Those that are the same are made once."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._names = [column.physical or column.name for column in columns]
        self._made: dict[tuple[str | None, ...], Mapping[str, Any]] = {}
        self.wrong: str | None = None  # one that is none of the type of its column: it is left as text
        self.zoneless = False  # whether times were met that do not tell where they are meant

    def of(self, texts: Mapping[str, str | None]) -> Mapping[str, Any]:
        """Those of a file, by the names of the columns."""
        key = tuple(map(texts.get, self._names))
        made = self._made.get(key)
        if made is None:
            values = {
                column.name: self._value(text, column)
                for column, text in zip(self._columns, key, strict=True)
            }
            self._made[key] = made = values
        return made

    def _value(self, text: str | None, column: Column) -> Any:
        if text is None or text in NOTHING:
            return None
        try:
            value = value_of(text, column.type)
        except (ValueError, ArithmeticError, DamagedError):
            self.wrong = self.wrong or f"{text[:100]!r} of partition column {column.name} is no {column.type}"
            return text
        if column.type == "timestamp" and TIME.fullmatch(text) and not TIME.fullmatch(text)[4]:  # type: ignore[index]
            self.zoneless = True
        return value


def value_of(text: str, kind: str) -> Any:
    """A value of a type. Raises `ValueError` for what is none."""
    if kind in BITS:
        number = int(text)
        if not -(1 << BITS[kind] - 1) <= number < 1 << BITS[kind] - 1:
            raise ValueError(text)
        return number
    if kind in ("float", "double"):
        return float(text)
    if kind.startswith("decimal"):
        return decimal.Decimal(text)
    if kind == "boolean":
        return (
            {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _no(text)
        )
    if kind == "date":
        return datetime.date.fromisoformat(text)
    if kind in ("timestamp", "timestamp_ntz"):
        return _time(text, kind == "timestamp")
    if kind == "binary":
        return text.encode()
    return text


def _no(text: str) -> Any:
    raise ValueError(text)


def _time(text: str, with_zone: bool) -> datetime.datetime:
    """To the microsecond; those that do not tell their zone are taken for UTC."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        text += " 00:00:00"
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    fraction = (match[3] or "0").ljust(6, "0")[:6]
    found = datetime.datetime.fromisoformat(f"{match[1]}T{match[2]}.{fraction}{match[4] or ''}")
    if not with_zone:
        return found.replace(tzinfo=None)
    return found.replace(tzinfo=datetime.UTC) if found.tzinfo is None else found.astimezone(datetime.UTC)
