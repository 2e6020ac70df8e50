"""The fields of a Parquet file, and which column chunks hold them: by places, since names may have dots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError
from h5s3.formats.tables.arrow import reading

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Node:
    """A field of a file, and its leaves: column chunks, by their number in the file."""

    field: pa.Field
    leaves: range
    children: tuple[Node, ...]

    @property
    def field_id(self) -> int | None:
        """Its number, where the file has some."""
        text = (self.field.metadata or {}).get(b"PARQUET:field_id", b"")
        return int(text) if text.lstrip(b"-").isdigit() else None


def nodes_of(footer: Any) -> list[Node]:
    """The fields of a file. Raises `DamagedError`."""
    with reading("the schema"):
        schema = footer.schema.to_arrow_schema()
    nodes, count = _nodes(list(schema), 0)
    if count != footer.num_columns:
        raise DamagedError("its schema does not agree with its columns")
    return nodes


def _nodes(fields: Sequence[pa.Field], first: int) -> tuple[list[Node], int]:
    found = []
    for field in fields:
        children, after = _nodes(_inner(field.type), first)
        after = after if children else first + 1
        found.append(Node(field, range(first, after), tuple(children)))
        first = after
    return found, first


def _inner(kind: pa.DataType) -> list[pa.Field]:
    import pyarrow as pa

    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _inner(kind.storage_type)
    if types.is_struct(kind):
        return list(kind)
    if types.is_map(kind):
        return [kind.key_field, kind.item_field]
    if is_list(kind):
        return [kind.value_field]
    return []


def is_list(kind: pa.DataType) -> bool:
    """Whether values are lists."""
    import pyarrow as pa

    types = pa.types
    return any(is_kind(kind) for is_kind in (types.is_list, types.is_large_list, types.is_fixed_size_list))


def paths_of(nodes: Sequence[Node], above: str = "") -> Iterator[tuple[str, Node]]:
    """All fields with their paths, as columns have them: `/list/element`, `/map/key`."""
    for node in nodes:
        path = f"{above}/{node.field.name}"
        yield path, node
        yield from paths_of(_named(node), path)


def _named(node: Node) -> Sequence[Node]:
    """What is in a field, by the names that columns have."""
    import pyarrow as pa

    kind = node.field.type
    names = ["element"] if is_list(kind) else ["key", "value"] if pa.types.is_map(kind) else []
    if not names:
        return node.children
    return [
        Node(one.field.with_name(name), one.leaves, one.children)
        for name, one in zip(names, node.children, strict=False)
    ]
