"""Python values, as Arrow gives them, as values of JSON."""

from __future__ import annotations

import base64
import datetime
import decimal
import math
import uuid
from typing import Any

from h5s3.formats.names import text_of
from h5s3.records import Json


def json_of(value: Any) -> Json:
    """Exact integers, decimals as texts, dates and times in ISO 8601, bytes as text or `{"b64": …}`; NaN and
    infinities are null."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return (
            value if value.isascii() or _is_text(value) else text_of(value.encode("utf-8", "surrogatepass"))
        )
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): json_of(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_of(one) for one in value]
    if isinstance(value, decimal.Decimal | uuid.UUID | datetime.timedelta):
        return str(value)
    return str(value)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bytes(value: bytes) -> Json:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def python_values(column: Any) -> list[Any]:
    """Values of a column of Arrow as Python has them: times with a zone are in UTC, which needs no files;
    those that Python's types do not hold are texts."""
    import pyarrow as pa

    changed = _without_zones(column.type)
    if changed != column.type:
        column = column.cast(changed)
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # nanoseconds, years beyond 9999
        found = [python_value(one) for chunk in getattr(column, "chunks", [column]) for one in chunk]
    if pa.types.is_map(column.type):
        return [one if one is None else _mapped(one) for one in found]
    return found


def _mapped(pairs: Any) -> Any:
    """A map with texts as keys as an object; any other as pairs."""
    if all(isinstance(key, str) for key, _ in pairs) and len({key for key, _ in pairs}) == len(pairs):
        return dict(pairs)
    return pairs


def python_value(scalar: Any) -> Any:
    """The same of one value."""
    import pyarrow as pa

    changed = _without_zones(scalar.type)
    if changed != scalar.type:
        scalar = scalar.cast(changed)

    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        if pa.types.is_timestamp(scalar.type):
            return str(scalar.cast(pa.timestamp(scalar.type.unit)).cast(pa.string())).replace(" ", "T")
        return str(scalar)


def _without_zones(kind: Any) -> Any:
    import pyarrow as pa

    types = pa.types
    if types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, "UTC")
    if types.is_struct(kind):
        return pa.struct([field.with_type(_without_zones(field.type)) for field in kind])
    if types.is_map(kind):
        return pa.map_(_without_zones(kind.key_type), _without_zones(kind.item_type))
    if types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_without_zones(kind.value_type)))
    if types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_without_zones(kind.value_type)))
    return kind
