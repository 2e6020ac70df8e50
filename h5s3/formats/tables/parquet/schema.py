"""The schema of a Parquet file as columns, and what its footer says beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from h5s3.formats.tables.arrow import column_of, reading
from h5s3.formats.tables.parquet.nodes import Node, nodes_of, paths_of
from h5s3.formats.tables.table import Column

if TYPE_CHECKING:
    import pyarrow as pa

MOST_PROPERTY = 10_000  # characters of a value that is shown
OLD_TIMES = "times of INT96 are read to the microsecond: finer digits are cut"


def columns_of(footer: Any) -> tuple[Column, ...]:
    """The columns of a file."""
    nodes = nodes_of(footer)
    words = words_of(footer, nodes)
    return tuple(column_of(field, words.get) for field in fields_of(footer, nodes))


def fields_of(footer: Any, nodes: Sequence[Node]) -> list[pa.Field]:
    """The columns of a file as they are read: Spark's old times of 96 bits as microseconds, as it means them;
    nanoseconds could not hold all of its years."""
    with reading("the schema"):
        old = {number for number in range(footer.num_columns) if _is_old(footer.schema.column(number))}
        return [_renewed(node, old) if old else node.field for node in nodes]


def words_of(footer: Any, nodes: Sequence[Node]) -> dict[str, str]:
    """Types in Parquet's words, by path: `INT64 TIMESTAMP(…)`."""
    with reading("the schema"):
        found = {}
        for path, node in paths_of(nodes):
            if not node.children and len(node.leaves) == 1:
                found[path] = words(footer.schema.column(node.leaves[0]))
        return found


def notes_of(columns: Sequence[Column]) -> list[str]:
    """What is to be said of how values of columns are read."""
    return [OLD_TIMES] if any(one.type == "INT96" or notes_of(one.children) for one in columns) else []


def _is_old(leaf: Any) -> bool:
    return bool(leaf.physical_type == "INT96")


def _renewed(node: Node, old: set[int]) -> pa.Field:
    import pyarrow as pa

    kind, types = node.field.type, pa.types
    if not node.children:
        times = node.leaves[0] in old and types.is_timestamp(kind)
        return node.field.with_type(pa.timestamp("us", kind.tz)) if times else node.field
    if not old & set(node.leaves):
        return node.field
    inner = [_renewed(one, old) for one in node.children]
    if types.is_struct(kind):
        return node.field.with_type(pa.struct(inner))
    if types.is_map(kind):
        return node.field.with_type(pa.map_(inner[0], inner[1]))
    return node.field.with_type(pa.list_(inner[0]))


def properties_of(footer: Any) -> dict[str, str]:
    """The key-value metadata of a file, but Arrow's own schema."""
    return properties_in(footer.metadata)


def properties_in(metadata: Any) -> dict[str, str]:
    """Keys and values as texts."""
    return {
        key.decode("utf-8", "replace")[:MOST_PROPERTY]: value.decode("utf-8", "replace")[:MOST_PROPERTY]
        for key, value in dict(metadata or {}).items()
        if key != b"ARROW:schema"
    }


def words(leaf: Any) -> str:
    """A type in Parquet's words: `INT64 TIMESTAMP(…)`."""
    logical = str(leaf.logical_type)
    return leaf.physical_type if logical == "None" else f"{leaf.physical_type} {logical}"
