"""Which rows match a condition: found out by Arrow, with null where SQL has it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from h5s3.formats.tables.arrow import reading
from h5s3.formats.tables.rows.columns import Bound
from h5s3.formats.tables.rows.predicate import Both, Compared, Condition, Missing, Name, Not
from h5s3.formats.tables.rows.typed import whole

if TYPE_CHECKING:
    import pyarrow as pa

PER_SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
FUNCTIONS = {
    "=": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}  # fmt: skip


def matching(rows: pa.Table, condition: Condition, bound: Mapping[Name, Bound]) -> pa.Table:
    """The rows that match."""
    with reading("a condition"):
        return rows.filter(_mask(rows, condition, bound))


def values_at(rows: pa.Table, bound: Bound) -> pa.ChunkedArray:
    """The values of a column, or of a field inside one: null where the struct around it is."""
    import pyarrow.compute as pc

    top, *inside = bound.names
    found = rows.column(top)
    for name in inside:
        found = pc.struct_field(found, [found.type.get_field_index(name)])
    return found


def _mask(rows: pa.Table, condition: Condition, bound: Mapping[Name, Bound]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(condition, Not):
        return pc.invert(_mask(rows, condition.inner, bound))
    if isinstance(condition, Both):
        join = pc.or_kleene if condition.either else pc.and_kleene
        found = _mask(rows, condition.parts[0], bound)
        for part in condition.parts[1:]:
            found = join(found, _mask(rows, part, bound))
        return found
    about = bound[condition.name]
    values = values_at(rows, about)
    if isinstance(condition, Missing):
        return pc.is_null(values)
    if condition.value is None:
        return pa.chunked_array([pa.nulls(len(values), pa.bool_())])
    if condition.operator == "like":
        return pc.match_like(pc.cast(values, pa.large_string()), condition.value)
    return _compared(values, condition, about)


def _compared(values: Any, condition: Compared, about: Bound) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    assert condition.value is not None  # which nothing is compared with
    kind, types = values.type, pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
        values = pc.cast(values, kind)
    value, operator = about.value_of(condition.value), str(condition.operator)
    if types.is_timestamp(kind):  # exactly, whatever the unit
        since = value - datetime.datetime(1970, 1, 1)
        value = Decimal(since // datetime.timedelta(microseconds=1)) * PER_SECOND[kind.unit] / 1_000_000
        return _integers(pc.cast(values, pa.int64()), operator, value)
    if types.is_integer(kind):
        return _integers(values, operator, value)
    if types.is_floating(kind):
        values, scalar = pc.cast(values, pa.float64()), pa.scalar(value, pa.float64())
    elif types.is_decimal(kind):
        values, scalar = _decimals(values, kind, value)
    elif types.is_time(kind):
        values, scalar = pc.cast(values, pa.time64("us")), pa.scalar(value, pa.time64("us"))
    elif types.is_date(kind):
        values, scalar = pc.cast(values, pa.date32()), pa.scalar(value, pa.date32())
    elif isinstance(value, bytes):
        values, scalar = pc.cast(values, pa.large_binary()), pa.scalar(value, pa.large_binary())
    else:
        scalar = pa.scalar(value, kind)
    return getattr(pc, FUNCTIONS[operator])(values, scalar)


def _integers(values: Any, operator: str, value: int | Decimal) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    exact = whole(operator, value)
    if isinstance(exact, bool):
        return _constant(values, exact)
    operator, value = exact
    wide = pa.uint64() if pa.types.is_unsigned_integer(values.type) else pa.int64()
    low, high = (0, 2**64 - 1) if wide == pa.uint64() else (-(2**63), 2**63 - 1)
    if not low <= value <= high:
        return _constant(values, _beyond(operator, value > high))
    return getattr(pc, FUNCTIONS[operator])(pc.cast(values, wide), pa.scalar(value, wide))


def _decimals(values: Any, kind: Any, value: Decimal) -> tuple[Any, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    scale = max(kind.scale, -int(value.as_tuple().exponent), 0)
    wide = pa.decimal256(76, scale)
    return pc.cast(values, wide), pa.scalar(value, wide)


def _beyond(operator: str, above: bool) -> bool:
    """What a comparison with a value that the type cannot hold is, for all that are not null."""
    if operator in ("=", "!="):
        return operator == "!="
    return above == (operator in ("<", "<="))


def _constant(values: Any, answer: bool) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.is_null(values), pa.scalar(None, pa.bool_()), pa.scalar(answer))
