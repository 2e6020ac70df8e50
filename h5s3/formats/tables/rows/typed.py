"""Values of a condition in the types of the columns that they are compared with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from h5s3.errors import UsageError
from h5s3.formats.tables.rows.predicate import Value

if TYPE_CHECKING:
    import pyarrow as pa

MOST_DIGITS = 38  # of decimals
MICROSECONDS = re.compile(r"\.\d{7}")  # and more digits, which Python would cut off


def typed(name: str, kind: pa.DataType, value: Value) -> Any:
    """A value as a column of a type has it. Raises `UsageError` for what cannot be compared with it."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return typed(name, kind.value_type, value)
    if types.is_boolean(kind):
        return _of(name, value, bool, "true or false")
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return _numeric(name, kind, _number(name, value))
    reader = next((read for is_kind, read in _readers() if any(one(kind) for one in is_kind)), None)
    if reader is None:
        hint = "is null can be asked of it"
        raise UsageError(f"{name} is of type {kind}, which cannot be compared", hint=hint)
    return reader(name, kind, _of(name, value, str, f"a text in single quotes ({kind})"))


def _numeric(name: str, kind: pa.DataType, number: int | Decimal) -> Any:
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return number
    if pa.types.is_floating(kind):
        return float(number)
    found = Decimal(number)
    if len(found.as_tuple().digits) > MOST_DIGITS or abs(found.adjusted()) > MOST_DIGITS:
        raise UsageError(f"{number} has more than {MOST_DIGITS} digits")
    return found


def _readers() -> Iterator[tuple[tuple[Callable[[Any], Any], ...], Callable[[str, Any, str], Any]]]:
    """How texts are read that values of types are compared with."""
    import pyarrow as pa

    types = pa.types
    yield (is_text,), lambda name, kind, text: text
    binary = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    yield binary, lambda name, kind, text: text.encode()
    yield (types.is_date,), lambda name, kind, text: _parsed(name, text, date, "a date, such as '2024-05-01'")
    yield (types.is_timestamp,), _time
    yield (types.is_time,), lambda name, kind, text: _parsed(name, text, time, "a time, such as '12:00:00'")


def _time(name: str, kind: Any, text: str) -> datetime:
    """Without a zone: UTC, where the column has one."""
    found: datetime = _parsed(name, text, datetime, "a time, such as '2024-05-01T12:00:00'")
    if found.tzinfo is None:
        return found
    if kind.tz is None:
        raise UsageError(f"{name} holds times without a zone, and {text} has one")
    return found.astimezone(UTC).replace(tzinfo=None)


def is_text(kind: pa.DataType) -> bool:
    """Whether values are texts."""
    import pyarrow as pa

    types = pa.types
    return any(is_kind(kind) for is_kind in (types.is_string, types.is_large_string, types.is_string_view))


def _of(name: str, value: Value, kind: type, wanted: str) -> Any:
    if not isinstance(value, kind):
        raise UsageError(f"{name} is compared with {wanted}, not with {value}")
    return value


def _number(name: str, value: Value) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UsageError(f"{name} is compared with a number, not with {value!r}")
    return value


def _parsed(name: str, text: str, kind: Any, wanted: str) -> Any:
    try:
        if MICROSECONDS.search(text):
            raise ValueError
        return kind.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{name} is compared with {wanted}, not with {text!r}") from None


def whole(operator: str, value: int | Decimal) -> tuple[str, int] | bool:
    """A comparison of integers with a number as one with an integer; or what it is for all integers."""
    if isinstance(value, int) or value == value.to_integral_value():
        return operator, int(value)
    if operator in ("=", "!="):
        return operator == "!="
    below = math.floor(value)
    return ("<=", below) if operator in ("<", "<=") else (">", below)
