"""What is known of the values of columns: what metadata tells exactly, else what the first rows tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from h5s3.formats.tables.json_values import json_of, python_value
from h5s3.formats.tables.parquet.row_groups import joined as joined_ranges
from h5s3.formats.tables.table import Column, Table, leaves
from h5s3.records import ColumnRange, ColumnStats, replaced

if TYPE_CHECKING:
    import pyarrow as pa

MOST_FILES = 10_000


def told_of(table: Table, most: int) -> list[ColumnStats]:
    """The first columns, with bounds and counts of nulls where all files tell them and no row is hidden."""
    files = table.files
    certain = len(files) <= MOST_FILES and not any(one.deleted or one.deletes or one.logs for one in files)
    if certain and table.refused is None:
        table.read_statistics()
        files = table.files
    found = []
    for path, column in list(leaves(table.columns))[:most]:
        range_ = _of_all([(one.statistics or {}).get(path) for one in files]) if certain else None
        rows = table.rows
        if range_ is None or rows is None:
            found.append(ColumnStats(path=path, type=_words(column)))
            continue
        made = ColumnStats(path=path, type=_words(column), rows=rows, source="metadata")
        made.min, made.max, made.nulls = range_.min, range_.max, range_.nulls
        found.append(made)
    return found


def _of_all(parts: Sequence[ColumnRange | None]) -> ColumnRange | None:
    told = [one for one in parts if one is not None]
    if not told or len(told) < len(parts):
        return None
    found = joined_ranges(told)
    return found if found.exact and found.nulls is not None else None


def _words(column: Column) -> str:
    return column.type if column.arrow is None else str(column.arrow)


def joined(parts: Sequence[pa.Table]) -> pa.Table | None:
    """Rows that came some at a time; None where there are none."""
    import pyarrow as pa

    return pa.concat_tables(parts) if parts else None


def of_sample(column: ColumnStats, sample: pa.Table, alone: bool) -> ColumnStats:
    """With what the first rows tell of a column. `alone`: they have no other column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    top, *inside = (
        [part for part in column.path.split("/") if part] if not alone else [sample.schema.names[0]]
    )
    if sample.schema.get_field_index(top) < 0:
        return column
    values: Any = sample.column(top)
    for name in inside:
        if not pa.types.is_struct(values.type) or values.type.get_field_index(name) < 0:
            return column
        values = pc.struct_field(values, [values.type.get_field_index(name)])
    low = high = None
    try:
        bounds = pc.min_max(values)
        low, high = (json_of(python_value(bounds[end])) for end in ("min", "max"))
    except (pa.ArrowException, NotImplementedError, ValueError):
        pass  # of a type without an order
    return replaced(column, min=low, max=high, nulls=values.null_count, rows=sample.num_rows, source="sample")
