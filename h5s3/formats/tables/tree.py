"""The columns of a table as a tree: structs are groups, all others leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from h5s3.errors import NotFoundError
from h5s3.formats.names import nearest
from h5s3.formats.requests import TreeRequest
from h5s3.formats.tables.arrow import width_of
from h5s3.formats.tables.attributes import attributes_of
from h5s3.formats.tables.partitions import partitions_of
from h5s3.formats.tables.table import Column, Table, is_struct, leaves, named
from h5s3.records import UNSET, AttributedNode, DatasetNode, GroupNode, Tree, TreeNode
from h5s3.storage.base import ObjectInfo

Sizes = Mapping[str, tuple[int | None, int | None]]  # stored and logical bytes, by path


def column_at(columns: Sequence[Column], path: str) -> Column | None:
    """What is at a path, or has a name as `--columns` has it: None for the table itself. Raises
    `NotFoundError`."""
    if path in ("", "/"):
        return None
    found = named(columns, path.removeprefix("/"), "/") or named(columns, path.strip("/"), "/")
    dotted = named(columns, path.strip("/"), ".")
    if found is None and not path.startswith("/"):
        found = dotted
    if found is not None:
        return found[-1]
    if not path.strip("/"):
        return None
    meant = f"/{'/'.join(one.name for one in dotted)}" if dotted else _nearest(columns, path)
    raise NotFoundError(f"no column {path}", hint=f"did you mean {meant}?" if meant else "")


def _nearest(columns: Sequence[Column], path: str) -> str | None:
    """The name that comes nearest to the first part of a path that is not there."""
    for part in path.strip("/").split("/"):
        inside = named(columns, part, "/")
        if inside is None:
            return nearest(part, [one.name for one in columns])
        columns = inside[-1].children
    return None


def read_tree(table: Table, info: ObjectInfo, asked: TreeRequest) -> Tree:
    """What is below a path. Raises `NotFoundError` for a column that is not there."""
    top = column_at(table.columns, asked.path)
    sizes: Sizes = table.column_bytes() if asked.stored else table.known_bytes()
    document = Tree(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        path=asked.path,
        num_children=0,
        children=[],
    )
    if top is not None and not is_struct(top):
        above = asked.path.rstrip("/").removesuffix(f"/{top.name}")
        document.node = node_of(table, top, above, sizes, asked, 0)
        return document
    columns = table.columns if top is None else top.children
    inside = "" if top is None else asked.path.rstrip("/")
    shown = columns[: asked.limit] if asked.limit else columns
    document.children = [node_of(table, one, inside, sizes, asked, asked.depth or 1000) for one in shown]
    document.num_children = len(columns)
    document.children_truncated = len(shown) < len(columns)
    if asked.attributes:
        document.attributes = attributes_of(table.properties if top is None else _told(top))
        document.num_attributes, document.attributes_truncated = len(document.attributes), False
    if asked.partitions:
        found = partitions_of(table)
        document.partitions = found[: asked.limit] if asked.limit else found
        document.num_partitions = len(found)
    return document


def node_of(
    table: Table, column: Column, above: str, sizes: Sizes, asked: TreeRequest, levels: int
) -> TreeNode:
    """A column, and of a struct what is in it, as deep as it was asked for."""
    path = f"{above}/{column.name}"
    if is_struct(column):
        group = GroupNode(name=column.name, path=path, num_children=len(column.children))
        _add_attributes(group, column, asked)
        if levels > 1:
            taken = column.children[: asked.limit] if asked.limit else column.children
            group.children = [node_of(table, one, path, sizes, asked, levels - 1) for one in taken]
            group.children_truncated = len(taken) < len(column.children) or UNSET
        elif not asked.depth and column.children:
            group.children_truncated = True
        return group
    rows = table.rows
    stored, logical = sizes.get(path, (None, None))
    count = rows or 0
    width = width_of(column.arrow)
    made = DatasetNode(
        name=column.name,
        path=path,
        shape=None if rows is None else [rows],
        dtype=str(column.arrow) if column.arrow is not None else column.type,
        size=count,
        ndim=1,
        layout="columns",
        nbytes=logical if logical is not None else count * (width or 0),
        storage_size=UNSET if stored is None else stored,
    )
    _add_attributes(made, column, asked)
    return made


def _add_attributes(node: AttributedNode, column: Column, asked: TreeRequest) -> None:
    if asked.attributes:
        node.attributes = attributes_of(_told(column))
        node.num_attributes, node.attributes_truncated = len(node.attributes), False


def _told(column: Column) -> dict[str, str]:
    """What is told of a column beside its type."""
    return {"comment": column.comment} if column.comment else {}


def all_leaves(table: Table) -> list[tuple[str, Column]]:
    """All columns without fields of their own."""
    return list(leaves(table.columns))
