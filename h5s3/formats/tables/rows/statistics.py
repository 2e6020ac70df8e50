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

    found = (0,) if alone else _place(sample.schema, column.path[1:])
    if found is None:
        return column
    values: Any = sample.column(found[0])
    for number in found[1:]:
        values = pc.struct_field(values, [number])
    low = high = None
    try:
        bounds = pc.min_max(values)
        low, high = (json_of(python_value(bounds[end])) for end in ("min", "max"))
    except (pa.ArrowException, NotImplementedError, ValueError):
        pass  # of a type without an order
    return replaced(column, min=low, max=high, nulls=values.null_count, rows=sample.num_rows, source="sample")


def _place(fields: Sequence[pa.Field], path: str) -> tuple[int, ...] | None:
    """Numbers of the field at a path, and of those around it. Names may have slashes in them."""
    for number, field in enumerate(fields):
        if field.name == path:
            return (number,)
        if hasattr(field.type, "get_field_index") and path.startswith(f"{field.name}/"):
            inside = _place(list(field.type), path[len(field.name) + 1 :])
            if inside is not None:
                return (number, *inside)
    return None
