"""The tree below a path, one level of siblings after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from h5s3.errors import UsageError
from h5s3.formats.requests import TreeRequest
from h5s3.formats.zarr.attributes import attributes_of
from h5s3.formats.zarr.hierarchy import DEEPEST, Hierarchy
from h5s3.formats.zarr.nodes import ArrayNode, Group, Node, compression_of
from h5s3.formats.zarr.stored import stored_sizes
from h5s3.records import (
    UNSET,
    AttributedNode,
    ChildNames,
    DatasetNode,
    GroupNode,
    Tree,
    TreeNode,
    UnresolvedNode,
    to_json,
)
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo

ATTRIBUTES_SHOWN = 20
MOST_ATTRIBUTES = 64 * MIB  # bytes of the attributes of one tree, as JSON
TOGETHER = 1000  # children that are told together
INTERNAL = frozenset({"_ARRAY_DIMENSIONS"})


def read_tree(store: Hierarchy, info: ObjectInfo, asked: TreeRequest) -> Tree:
    """What is below a path. Raises `NotFoundError` for a path that is not there."""
    if asked.view not in ("auto", "plain"):
        raise UsageError(f"--view {asked.view} shows HDF5 files", hint="leave it out")
    path = asked.path.strip("/")
    node = store.node(path)
    document = Tree(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        path=asked.path,
        num_children=0,
        children=[],
    )
    walk = _Walk(store, asked)
    top = walk.record(path, node)
    if not isinstance(top, GroupNode):
        document.node = top
    else:
        refuse_unlisted(store)
        walk.down(path, top)
        document.num_children, document.children = top.num_children, top.children or []
        document.children_truncated = top.children_truncated is True
        document.attributes, document.num_attributes = top.attributes, top.num_attributes
        document.attributes_truncated = top.attributes_truncated
    walk.add_sizes()
    return document


def refuse_unlisted(store: Hierarchy) -> None:
    """Raise `UsageError` where nobody tells what is in a group."""
    if not store.consolidated and not store.objects.listed:
        raise UsageError(
            "a URL cannot be listed, and the store has no consolidated metadata: its groups do not tell what"
            " is in them",
            hint="give the path of an array, or use the store's s3:// location",
        )


def list_names(store: Hierarchy, path: str, take: Callable[[ChildNames], object]) -> int:
    """Give `take` what is directly below a group, some at a time; how many that is."""
    inner = path.strip("/")
    if not isinstance(store.node(inner), Group):
        return 0
    refuse_unlisted(store)
    store.list_groups([inner])
    names = store.names(inner)
    for first in range(0, len(names), TOGETHER):
        some = names[first : first + TOGETHER]
        nodes = _nodes(store, inner, some) if store.consolidated else UNSET
        take(ChildNames(names=list(some), nodes=nodes))
    return len(names)


def read_children(store: Hierarchy, path: str, some: ChildNames) -> list[TreeNode]:
    """The nodes of some children of a group, their documents fetched in one round."""
    inner = path.strip("/")
    store.fetch(_join(inner, name) for name in some.names)
    return _nodes(store, inner, some.names)


def _nodes(store: Hierarchy, path: str, names: Sequence[str]) -> list[TreeNode]:
    walk, paths = _Walk(store, TreeRequest(path)), [_join(path, name) for name in names]
    nodes = [store.known(one) for one in paths]
    store.list_groups(one for one, node in zip(paths, nodes, strict=True) if isinstance(node, Group))
    return [
        UnresolvedNode(name=name, path="/" + one, reason="no group and no array")
        if node is None
        else walk.record(one, node)
        for name, one, node in zip(names, paths, nodes, strict=True)
    ]


@dataclass
class _Walk:
    """One walk, and what it may still hold."""

    store: Hierarchy
    asked: TreeRequest
    left: int = MOST_ATTRIBUTES
    top: str = ""

    def __post_init__(self) -> None:
        self._arrays: list[tuple[str, ArrayNode, DatasetNode]] = []

    def down(self, path: str, top: GroupNode) -> None:
        """Give a group what is below it, as deep as it was asked for."""
        levels = min(self.asked.depth or DEEPEST, DEEPEST)
        self.top = path
        groups = [(path, top)]
        for depth in range(levels):
            self.store.list_groups(path for path, _ in groups)
            self.store.fetch(_join(path, name) for path, _ in groups for name in self._taken(path))
            below: list[tuple[str, GroupNode]] = []
            for path, group in groups:
                below += self._fill(path, group)
            if depth + 1 < levels:
                groups = below
                continue
            self.store.list_groups(path for path, _ in below)
            for path, group in below:
                group.num_children = len(self.store.names(path))
                if not self.asked.depth:
                    group.children_truncated = group.num_children > 0 or UNSET

    def _taken(self, path: str) -> list[str]:
        first = self.asked.first if path == self.top else 0
        names = list(self.store.names(path))[first:]
        return names[: self.asked.limit] if self.asked.limit else names

    def _fill(self, path: str, group: GroupNode) -> list[tuple[str, GroupNode]]:
        """The children of one group; those of them that are groups."""
        taken, all_names = self._taken(path), self.store.names(path)
        group.children, below = [], []
        for name in taken:
            node = self.store.known(_join(path, name))
            if node is None:  # a prefix of something else
                continue
            child = self.record(_join(path, name), node)
            group.children.append(child)
            if isinstance(child, GroupNode):
                below.append((_join(path, name), child))
        group.num_children = len(group.children) + len(all_names) - len(taken)
        if len(taken) < len(all_names):
            group.children_truncated = True
        return below

    def record(self, path: str, node: Node) -> TreeNode:
        """A node as the tree shows it, without what is below it."""
        named: dict[str, Any] = {"name": path.rpartition("/")[2] or "/", "path": "/" + path}
        if isinstance(node, Group):
            group = GroupNode(**named, num_children=len(self.store.names(path)))
            self._add_attributes(group, node)
            return group
        if not isinstance(node, ArrayNode):
            return UnresolvedNode(**named, reason=node.reason)
        facts = node.facts
        found = DatasetNode(
            **named,
            shape=list(node.shape),
            dtype=facts.dtype,
            size=facts.size,
            ndim=facts.ndim,
            nbytes=facts.nbytes,
            layout=facts.layout,
            chunks=list(node.chunks) if node.chunks else UNSET,
            shards=list(node.sharding.shape) if node.sharding else UNSET,
            compression=compression_of(node.inner) or UNSET,
            filters=node.filter_names or UNSET,
        )
        self._add_attributes(found, node)
        self._arrays.append((path, node, found))
        return found

    def _add_attributes(self, record: AttributedNode, node: Group | ArrayNode) -> None:
        if not self.asked.attributes:
            return
        every = self.asked.all_attributes
        shown = [name for name in node.attributes if every or name not in INTERNAL]
        taken = shown if every else shown[:ATTRIBUTES_SHOWN]
        attributes = attributes_of(node.attributes, taken if self.left > 0 else [])
        self.left -= len(to_json(list(attributes)))
        record.attributes, record.num_attributes = attributes, len(node.attributes)
        record.attributes_truncated = len(attributes) < len(shown)

    def add_sizes(self) -> None:
        """Stored bytes of the arrays, and values of small ones, where they were asked for."""
        if self.asked.stored:
            sizes = stored_sizes(self.store, [(path, node) for path, node, _ in self._arrays])
            for (_, _, record), size in zip(self._arrays, sizes, strict=True):
                if size is not None:
                    record.storage_size = size.stored
        if self.asked.values:
            from h5s3.formats.zarr.data.small_values import add_values

            add_values(self.store, self._arrays)


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
