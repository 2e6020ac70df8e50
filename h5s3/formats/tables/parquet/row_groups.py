"""Row groups of a Parquet file as records, and the statistics of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h5s3.formats.tables.arrow import reading
from h5s3.formats.tables.json_values import json_of
from h5s3.formats.tables.parquet.footers import Footer
from h5s3.formats.tables.parquet.nodes import nodes_of, paths_of
from h5s3.formats.tables.parquet.schema import properties_in, words
from h5s3.records import UNSET, ColumnChunk, ColumnRange, RowGroup

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST = 100  # characters of a bound that is shown


def row_groups_of(footer: Footer, most: int | None) -> list[RowGroup]:
    """The first of its row groups (0 or None: all), with all columns."""
    leaves = {node.leaves[0]: (path, node) for path, node in paths_of(nodes_of(footer)) if not node.children}
    found = []
    with reading("a row group"):
        for number in range(min(most or footer.num_row_groups, footer.num_row_groups)):
            columns = []
            for leaf, chunk in footer.chunks(number):
                if leaf not in leaves:
                    continue
                path, node = leaves[leaf]
                kind = words(footer.schema.column(leaf))
                columns.append(
                    ColumnChunk(
                        path=path,
                        type=kind,
                        encodings=[],
                        compression="encrypted",
                        stored=0,
                        logical=0,
                        values=0,
                    )
                    if chunk is None
                    else _chunk(path, kind, chunk, node.field.type)
                )
            group = footer.row_group(number)
            found.append(
                RowGroup(
                    rows=group.num_rows,
                    stored=sum(one.stored for one in columns),
                    logical=group.total_byte_size,
                    columns=columns,
                )
            )
    return found


def _chunk(path: str, kind: str, chunk: Any, arrow: pa.DataType) -> ColumnChunk:
    range_ = range_of(chunk, arrow)
    bloom = getattr(chunk, "bloom_filter_offset", None)  # of newer pyarrow
    return ColumnChunk(
        path=path,
        type=kind,
        encodings=list(chunk.encodings),
        compression="LZ4" if chunk.compression == "UNKNOWN" else chunk.compression,
        stored=chunk.total_compressed_size,
        logical=chunk.total_uncompressed_size,
        values=chunk.num_values,
        statistics=UNSET if range_ is None else range_,
        bloom_filter=UNSET if bloom is None else True,
        properties=properties_in(getattr(chunk, "metadata", None)) or UNSET,
    )


def range_of(chunk: Any, kind: pa.DataType) -> ColumnRange | None:
    """Statistics of a column chunk; None where there are none, or they cannot be read."""
    try:
        found = chunk.statistics
        if found is None:
            return None
        low, high = (found.min, found.max) if found.has_min_max else (None, None)
        exact = _is_exact(found, kind)
        nulls = found.null_count if found.has_null_count else None
    except Exception:  # noqa: BLE001 - whatever a damaged file makes pyarrow raise
        return None
    if low is None and high is None and nulls is None:
        return None
    return ColumnRange(min=_short(low), max=_short(high), nulls=nulls, exact=exact)


def _is_exact(found: Any, kind: pa.DataType) -> bool:
    """Whether bounds are values: those of texts and bytes may be cut short, unless the file says not."""
    import pyarrow as pa

    said = getattr(found, "is_min_value_exact", None), getattr(found, "is_max_value_exact", None)
    if None not in said:
        return all(said)
    types = pa.types
    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind) or types.is_boolean(kind)
    )


def _short(value: Any) -> Any:
    found = json_of(value + 0.0 if isinstance(value, float) else value)  # writers put -0.0 for 0.0
    return found[:LONGEST] if isinstance(found, str) else found


def ranges_of(footer: Footer) -> dict[str, ColumnRange]:
    """The same of all row groups of a file together, of columns whose order is sure."""
    found: dict[str, ColumnRange] = {}
    nodes = [(path, node) for path, node in paths_of(nodes_of(footer)) if not node.children]
    for path, node in nodes:
        parts = [
            None
            if (chunk := footer.chunk(group, node.leaves[0])) is None
            else range_of(chunk, node.field.type)
            for group in range(footer.num_row_groups)
        ]
        told = [one for one in parts if one is not None]
        if not told or len(told) < len(parts):
            continue
        found[path] = joined(told)
    return found


def joined(parts: list[ColumnRange]) -> ColumnRange:
    """What holds for all of several parts. A part of nulls alone has no bounds, and needs none."""
    nulls = None if any(one.nulls is None for one in parts) else sum(one.nulls or 0 for one in parts)
    bounded = [one for one in parts if one.min is not None and one.max is not None]
    unknown = any((one.min is None or one.max is None) and not one.nulls for one in parts)
    try:
        low = None if unknown or not bounded else min(one.min for one in bounded)
        high = None if unknown or not bounded else max(one.max for one in bounded)
    except TypeError:
        low = high = None
    return ColumnRange(min=low, max=high, nulls=nulls, exact=all(one.exact for one in parts))
