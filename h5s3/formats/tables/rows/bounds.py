"""Whether any row can match a condition, by what metadata tells of the values of columns."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from h5s3.formats.tables.rows.columns import Bound
from h5s3.formats.tables.rows.predicate import Both, Compared, Condition, Missing, Name, Not
from h5s3.formats.tables.rows.typed import is_text
from h5s3.records import ColumnRange

if TYPE_CHECKING:
    import pyarrow as pa

MILLISECOND = datetime.timedelta(milliseconds=1)  # to which some writers cut times


@dataclass(frozen=True)
class Known:
    """What is known of the values of a column: bounds of those that are not null (None: unknown)."""

    low: Any = None
    high: Any = None
    nulls: int | None = None
    rows: int | None = None


Knowing = Callable[[Bound], Known | None]


def possible(condition: Condition, bound: Mapping[Name, Bound], known: Knowing) -> bool:
    """Whether a row may match. `condition`: as `pushed` gives it. `bound`: the columns that it names."""
    if isinstance(condition, Both):
        answers = (possible(part, bound, known) for part in condition.parts)
        return any(answers) if condition.either else all(answers)
    inner = condition.inner if isinstance(condition, Not) else condition
    assert not isinstance(inner, Both | Not)
    about = bound[inner.name]
    found = known(about)
    if found is None:
        return True
    if isinstance(inner, Missing):
        if isinstance(condition, Not):
            return found.nulls is None or found.nulls != found.rows
        return found.nulls != 0
    try:
        return _compared(inner, about, found)
    except (TypeError, ValueError, OverflowError, ArithmeticError):
        return True  # what cannot be compared tells nothing


def _compared(condition: Compared, about: Bound, known: Known) -> bool:
    if condition.value is None or (known.nulls is not None and known.nulls == known.rows):
        return False
    value = about.value_of(condition.value)
    low, high = known.low, known.high
    if any(isinstance(one, float) and math.isnan(one) for one in (low, high, value)):
        return True
    operator = condition.operator
    if isinstance(value, float) and (condition.or_nan or operator == "!="):
        return True  # bounds leave NaN out
    if operator in ("like", "not like"):
        return True
    if operator == "!=":
        return low is None or high is None or not low == high == value
    if (
        operator in ("<", "<=", "=")
        and low is not None
        and not (low < value or (low == value and operator != "<"))
    ):
        return False
    return not (
        operator in (">", ">=", "=")
        and high is not None
        and not (high > value or (high == value and operator != ">"))
    )


def of_constant(value: Any, rows: int | None) -> Known:
    """What is known of a column that is the same in all rows."""
    rows = rows if rows else 1
    return Known(_plain(value), _plain(value), rows if value is None else 0, rows)


def of_statistics(range_: ColumnRange, kind: pa.DataType, rows: int | None) -> Known:
    """What the metadata of a table tells of a file."""
    low = high = None
    if range_.exact:
        low, high = _from_json(range_.min, kind), _from_json(range_.max, kind)
        if isinstance(low, datetime.datetime) and isinstance(high, datetime.datetime):
            low, high = low - MILLISECOND, high + MILLISECOND
    return Known(low, high, range_.nulls, rows)


def of_chunk(chunk: Any, kind: pa.DataType) -> Known | None:
    """What the footer of a Parquet file tells of a column of a row group: of types whose order is sure."""
    try:
        found = chunk.statistics
        if found is None:
            return None
        nulls = found.null_count if found.has_null_count else None
        low = high = None
        if found.has_min_max and has_sure_order(kind):
            low, high = _plain(found.min), _plain(found.max)
        return Known(low, high, nulls, chunk.num_values)
    except Exception:  # noqa: BLE001 - statistics that cannot be read tell nothing
        return None


def has_sure_order(kind: pa.DataType) -> bool:
    """Whether minimum and maximum are what everybody means by them."""
    import pyarrow as pa

    types = pa.types
    if types.is_timestamp(kind):
        return bool(kind.unit != "ns")
    plain = (types.is_integer, types.is_float32, types.is_float64, types.is_boolean, types.is_date32)
    return any(is_kind(kind) for is_kind in plain) or is_text(kind)


def _plain(value: Any) -> Any:
    """Times without a zone, as `typed` has them; numbers as they are."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    return value


def _from_json(value: Any, kind: pa.DataType) -> Any:
    import pyarrow as pa

    types = pa.types
    if value is None:
        return None
    try:
        if types.is_integer(kind) or types.is_decimal(kind):
            return None if isinstance(value, bool) else Decimal(str(value))
        if types.is_float32(kind) or types.is_float64(kind):
            return float(value)
        if types.is_date(kind):
            return datetime.date.fromisoformat(value)
        if types.is_timestamp(kind):
            return _plain(datetime.datetime.fromisoformat(value))
    except (TypeError, ValueError, ArithmeticError):
        return None
    return value if isinstance(value, str) and is_text(kind) else None
