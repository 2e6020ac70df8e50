"""What `tree` returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.attribute import Attribute
from h5s3.records.base import Document, Followed, Json, Record, Shape, replaced
from h5s3.records.convention import Convention
from h5s3.records.tables.table import Partition


class Node(Record, tag_field="type", kw_only=True):
    """Something a link of a group leads to."""

    name: str
    path: str
    name_b64: str | UnsetType = UNSET


class AttributedNode(Node, kw_only=True):
    """A node that is an object of the file."""

    attributes: list[Attribute] | UnsetType = UNSET
    num_attributes: int | UnsetType = UNSET
    attributes_truncated: bool | UnsetType = UNSET
    attributes_error: str | UnsetType = UNSET  # why the attributes could not be read
    alias_of: str | UnsetType = UNSET  # path of the same object seen first (another hard link)


class GroupNode(AttributedNode, tag="group", kw_only=True):
    """A group; `children` is absent where the walk did not go into it."""

    num_children: int
    children: list[TreeNode] | UnsetType = UNSET
    children_truncated: bool | UnsetType = UNSET
    error: str | UnsetType = UNSET  # why the children could not be listed
    nx_class: str | UnsetType = UNSET


class DatasetNode(AttributedNode, tag="dataset", kw_only=True):
    """A dataset; `shape` is None for a null dataspace, `[]` for a scalar."""

    shape: Shape | None
    dtype: str
    size: int
    ndim: int
    nbytes: int
    maxshape: list[int | None] | UnsetType = UNSET
    layout: str | UnsetType = UNSET
    chunks: Shape | UnsetType = UNSET
    shards: Shape | UnsetType = UNSET
    compression: str | UnsetType = UNSET
    filters: list[str] | UnsetType = UNSET
    storage_size: int | UnsetType = UNSET
    external_files: list[str] | UnsetType = UNSET
    value: Json | UnsetType = UNSET  # of what is small, where asked for
    nan_count: int | UnsetType = UNSET  # of `value`
    inf_count: int | UnsetType = UNSET
    value_truncated: bool | UnsetType = UNSET

    @property
    def is_column(self) -> bool:
        """Whether it is a column of a table."""
        return self.layout == "columns"


class DatatypeNode(AttributedNode, tag="datatype", kw_only=True):
    """A committed (named) datatype."""

    dtype: str


class SoftLinkNode(Node, tag="soft_link", kw_only=True):
    """A soft link, shown and not followed."""

    target: str


class ExternalLinkNode(Node, tag="external_link", kw_only=True):
    """A link into another file. Where it is followed, `node` is what it leads to, its paths being those by
    which it was reached here."""

    target: str  # file:path
    target_file: str
    target_path: str
    followed: Followed | UnsetType = UNSET
    node: TreeNode | UnsetType = UNSET
    error: str | UnsetType = UNSET  # why it cannot be followed


class UnresolvedNode(Node, tag="unresolved", kw_only=True):
    """What could not be opened, and why."""

    reason: str
    target: str | UnsetType = UNSET


TreeNode = GroupNode | DatasetNode | DatatypeNode | SoftLinkNode | ExternalLinkNode | UnresolvedNode


class ChildNames(Record, kw_only=True):
    """Some children of a group: what they are called, and what is needed to ask for their nodes."""

    names: list[str]
    addresses: list[int] = []  # of object headers in an HDF5 file, 0 for links that are not hard
    nodes: list[TreeNode] | UnsetType = UNSET  # where they are known already


class Tree(Document, kw_only=True):
    """The level (or levels) below one path of a file."""

    schema: Literal["h5s3/tree/1"] = "h5s3/tree/1"
    location: str
    key: str
    etag: str | None
    path: str
    num_children: int
    children: list[TreeNode]
    children_truncated: bool = False
    cached: bool = False
    node: TreeNode | UnsetType = UNSET  # what PATH itself is, where it is not a group
    attributes: list[Attribute] | UnsetType = UNSET
    num_attributes: int | UnsetType = UNSET
    attributes_truncated: bool | UnsetType = UNSET
    followed: Followed | UnsetType = UNSET  # where the path led, if that is another file
    partitions: list[Partition] | UnsetType = UNSET  # of a table, where asked for
    num_partitions: int | UnsetType = UNSET
    convention: Convention | UnsetType = UNSET  # what it is by its convention, where a view was asked for


def kind_of(node: TreeNode) -> str:
    """What a node is: `dataset`, `soft_link` …"""
    return str(node.__struct_config__.tag)


def nodes_of(tree: Tree) -> Iterator[TreeNode]:
    """What the path leads to, and each node below it without its children: one level after another.

    A group into which the walk went stands right before those of its children into which it did not.
    """
    if tree.node is not UNSET:
        yield tree.node
        return
    level = [_top(tree)]
    while level:
        below: list[GroupNode] = []
        for group in level:
            yield replaced(group, children=UNSET)
            for node in group.children or ():
                if isinstance(node, GroupNode) and node.children is not UNSET:
                    below.append(node)
                else:
                    yield node
        level = below


def and_followed(nodes: Iterable[TreeNode]) -> Iterator[TreeNode]:
    """The nodes, and behind each external link that was followed what it led to, itself in this order, by the
    name of the link."""
    for node in nodes:
        yield replaced(node, node=UNSET) if isinstance(node, ExternalLinkNode) else node
        if isinstance(node, ExternalLinkNode) and node.node is not UNSET:
            yield from and_followed(_below(replaced(node.node, name=node.name, name_b64=node.name_b64)))


def _below(node: TreeNode) -> Iterator[TreeNode]:
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, GroupNode):
            stack += reversed(one.children or ())
            one = replaced(one, children=UNSET)
        yield one


def _top(tree: Tree) -> GroupNode:
    return GroupNode(
        name=tree.path.rpartition("/")[2] or "/",
        path=tree.path,
        num_children=tree.num_children,
        children=tree.children,
        children_truncated=tree.children_truncated or UNSET,
        attributes=tree.attributes,
        num_attributes=tree.num_attributes,
        attributes_truncated=tree.attributes_truncated,
    )
