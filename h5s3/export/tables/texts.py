"""Columns of Arrow as texts and as values of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from h5s3.formats.dtypes import duration_text
from h5s3.formats.tables.json_values import json_of, python_values

if TYPE_CHECKING:
    import pyarrow as pa


def texts_of(column: pa.ChunkedArray, quoted: Callable[[str], str]) -> list[str | None]:
    """A text for each value, as CSV has it; None for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, types = column.type, pa.types
    if types.is_integer(kind) or types.is_boolean(kind) or types.is_date32(kind):
        found: list[str | None] = pc.cast(column, pa.string()).to_pylist()
        return found
    if types.is_float64(kind):
        return [None if value is None else repr(value) for value in column.to_pylist()]
    if types.is_floating(kind):
        numbers = column.to_numpy()
        return [None if gone else str(value) for value, gone in zip(numbers, _nulls(column), strict=True)]
    if types.is_duration(kind):
        values = pc.fill_null(column, 0).to_numpy()
        return [
            None if gone else duration_text(value) for value, gone in zip(values, _nulls(column), strict=True)
        ]
    nested = types.is_nested(kind)
    return [None if value is None else quoted(_text(value, nested)) for value in json_column(column)]


def _nulls(column: pa.ChunkedArray) -> list[bool]:
    found: list[bool] = column.is_null().to_pylist()
    return found


def _text(value: Any, nested: bool) -> str:
    if isinstance(value, str) and not nested:
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def json_column(column: pa.ChunkedArray) -> list[Any]:
    """A value of JSON for each value."""
    import pyarrow as pa

    kind, types = column.type, pa.types
    values = python_values(column)
    if types.is_integer(kind) or types.is_boolean(kind):
        return values
    return [json_of(value) for value in values]


def count_unusual(column: Any) -> tuple[int, int]:
    """How many NaN and infinities are in a column, also within lists and structs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    nans = infs = 0
    for leaf in _leaves(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column):
        nans += pc.sum(pc.is_nan(leaf)).as_py() or 0
        infs += pc.sum(pc.is_inf(leaf)).as_py() or 0
    return nans, infs


def _leaves(array: Any) -> Iterator[Any]:
    """The floats in an array."""
    import pyarrow as pa

    kind, types = array.type, pa.types
    if types.is_floating(kind):
        yield pc_float(array)
    elif types.is_struct(kind):
        for part in array.flatten():
            yield from _leaves(part)
    elif types.is_map(kind):
        yield from _leaves(array.items)
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        yield from _leaves(array.flatten())


def pc_float(array: Any) -> Any:
    """Floats of 16 bits as larger ones, which Arrow has functions for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(array, pa.float32()) if pa.types.is_float16(array.type) else array
