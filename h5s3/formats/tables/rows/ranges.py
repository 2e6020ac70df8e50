"""What the footer of a Parquet file tells of the values in it: of columns, and of fields of structs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from h5s3.formats.tables.json_values import json_of
from h5s3.formats.tables.parquet.footers import Footer
from h5s3.formats.tables.parquet.nodes import Node, nodes_of
from h5s3.formats.tables.rows.bounds import Known, of_chunk
from h5s3.records import ColumnRange

if TYPE_CHECKING:
    import pyarrow as pa


def ranges_of_footer(footer: Footer) -> dict[str, ColumnRange]:
    """Bounds and counts of nulls of a whole file, by path: of types whose order is sure."""
    found = {}
    for path, number, kind in _leaves(nodes_of(footer), ""):
        chunks = [footer.chunk(group, number) for group in range(footer.num_row_groups)]
        known = [of_chunk(chunk, kind) if chunk is not None else None for chunk in chunks]
        told = [one for one in known if isinstance(one, Known)]
        if told and len(told) == len(chunks) and (made := _together(told, chunks)) is not None:
            found[path] = made
    return found


def _together(told: Sequence[Known], chunks: Sequence[Any]) -> ColumnRange | None:
    """Those of row groups as one; None where nothing is told."""
    counts = [one.nulls for one in told if one.nulls is not None]
    nulls = sum(counts) if len(counts) == len(told) else None
    some = [one for one in told if one.nulls is None or one.nulls != one.rows]
    low = high = None
    if some and all(one.low is not None and one.high is not None for one in some):
        low, high = min(one.low for one in some), max(one.high for one in some)
    if low is None and nulls is None:
        return None
    exact = all(
        getattr(chunk.statistics, f"is_{end}_value_exact", None) is not False
        for chunk in chunks
        for end in ("min", "max")
    )
    return ColumnRange(min=json_of(low), max=json_of(high), nulls=nulls, exact=exact)


def _leaves(nodes: Sequence[Node], above: str) -> Iterator[tuple[str, int, pa.DataType]]:
    """Paths of plain columns, the numbers of their column chunks, their types."""
    import pyarrow as pa

    for node in nodes:
        path = f"{above}/{node.field.name}"
        if pa.types.is_struct(node.field.type):
            yield from _leaves(node.children, path)
        elif not node.children and len(node.leaves) == 1:
            yield path, node.leaves[0], node.field.type
