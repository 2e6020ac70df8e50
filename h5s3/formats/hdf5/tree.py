"""The tree below a path, one level of siblings after another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from h5s3.errors import DamagedError, H5s3Error
from h5s3.formats.hdf5.fetch.block_file import Miss
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import Link, address_of, count_links, kind_of, list_links, open_link
from h5s3.formats.hdf5.objects.tree_nodes import Child, Wanted, add_attributes, describe_link, unresolved
from h5s3.formats.names import raw_path, text_of
from h5s3.formats.requests import TreeRequest
from h5s3.records import UNSET, AttributedNode, GroupNode, Tree, TreeNode
from h5s3.sizes import MIB

MOST_NODES = 1_000_000  # of one walk
DEEPEST = 200  # levels of one walk; JSON nests as deep
MOST_TEXT = 128 * MIB  # bytes of the names, paths and targets of one walk
MOST_VALUES = 64 * MIB  # bytes of the attributes of one walk, as JSON
ATTRIBUTES_SHOWN = 20


def read_tree(file: OpenFile, asked: TreeRequest) -> Tree:
    """What is below a path. Raises `NotFoundError` for a path that is not there."""
    return _Walk(file, asked).run(asked.path)


@dataclass
class _Open:
    """A group whose children are wanted: behind `link`, or `parent` itself where there is none."""

    node: GroupNode
    path: bytes
    parent: Any  # h5g.GroupID
    link: Link | None
    failure: Exception | None = None  # why its children cannot be listed


@dataclass
class _Listed:
    """The links of a group, or why there are none."""

    group: Any = None  # h5g.GroupID
    total: int = 0
    links: list[Link] = field(default_factory=list)
    failure: Exception | None = None


class _Walk:
    """Breadth first, so that the shortest path of an object is the one its aliases refer to."""

    def __init__(self, file: OpenFile, asked: TreeRequest) -> None:
        self._file = file
        self._all = asked.depth == 0
        self._levels = min(asked.depth or DEEPEST, DEEPEST)
        self._limit = asked.limit
        self._attributes = Wanted(ATTRIBUTES_SHOWN, MOST_VALUES) if asked.attributes else None
        self._text = MOST_TEXT
        self._seen: dict[int, str] = {}
        self._counts: dict[int, int] = {}
        self._left = MOST_NODES

    def run(self, path: str) -> Tree:
        """The document for one path."""
        location, raw = self._file.info.location, raw_path(path)
        found = self._file.find(raw)
        document = Tree(
            location=location.display,
            key=location.shown_key,
            etag=self._file.info.etag,
            path=text_of(raw),
            num_children=0,
            children=[],
        )
        if found.object is not None and kind_of(found.object) == "group":
            self._fill(document, raw, found.object)
        elif found.link is not None:
            document.node = self._describe(found.parent, raw.rpartition(b"/")[0], found.link).node
        return document

    def _fill(self, document: Tree, raw: bytes, group: Any) -> None:
        top = GroupNode(name="", path=document.path, num_children=0)
        if self._attributes is not None:
            add_attributes(document, self._file.h5.id, group, self._attributes)
        self._seen[address_of(group)] = document.path
        opened = _Open(top, raw, group, None)
        self._descend(opened)
        if isinstance(opened.failure, H5s3Error):
            raise opened.failure
        if opened.failure is not None:
            raise DamagedError(f"the links of {document.path} cannot be read: {top.error}")
        document.num_children = top.num_children
        document.children = top.children or []
        document.children_truncated = top.children_truncated or False

    def _descend(self, top: _Open) -> None:
        self._file.prefetch_objects([address_of(top.parent)], walk(self._levels), self._limit)
        level, depth = [top], 0
        while level and depth < self._levels and self._left > 0:
            level, depth = self._children(level), depth + 1
        for opened in level if self._all or self._left <= 0 else ():
            opened.node.children_truncated = opened.node.num_children > 0 or UNSET

    def _children(self, groups: list[_Open]) -> list[_Open]:
        """Give each group its children; the groups among them are the next level."""
        listed = self._list(groups)
        pairs = list(self._within(groups, listed))
        below: list[_Open] = []
        for (owner, group, link), child in zip(pairs, self._describe_all(pairs), strict=True):
            self._adopt(owner, group, link, child, below)
        for owner, found in zip(groups, listed, strict=True):
            _close(owner, found)
        return below

    def _within(self, groups: list[_Open], listed: list[_Listed]) -> Iterator[tuple[_Open, Any, Link]]:
        """The links of these groups, as many as the walk may tell of."""
        for owner, found in zip(groups, listed, strict=True):
            for link in found.links:
                self._text -= len(owner.path) + 2 * len(link.name) + len(link.target)
                if self._left <= 0 or self._text <= 0:
                    self._left = 0
                    return
                self._left -= 1
                yield owner, found.group, link

    def _list(self, groups: list[_Open]) -> list[_Listed]:
        return gather(
            self._file.blocks,
            [partial(self._links, owner) for owner in groups],
            lambda _, error: _Listed(failure=error),
        )

    def _links(self, owner: _Open) -> _Listed:
        group = open_link(owner.parent, owner.link) if owner.link else owner.parent
        return _Listed(group, count_links(group), list_links(group, self._limit))

    def _describe_all(self, pairs: list[tuple[_Open, Any, Link]]) -> list[Child]:
        self._file.prefetch_objects(link.address for _, _, link in pairs if link.address is not None)
        return gather(
            self._file.blocks,
            [partial(self._describe, group, owner.path, link) for owner, group, link in pairs],
            lambda index, error: self._rest(*pairs[index], error),
        )

    def _rest(self, owner: _Open, group: Any, link: Link, error: Exception) -> Child:
        """What can be told of an object that fails: all but its attributes, where it is they."""
        if self._attributes is not None:
            with suppress(*FAILURES, Miss):
                child = describe_link(self._file.h5.id, group, owner.path, link, None, self._counts)
                if isinstance(child.node, AttributedNode):
                    child.node.attributes_error = plain_reason(error)
                    return child
        return unresolved(owner.path, link, error)

    def _describe(self, group: Any, parent: bytes, link: Link) -> Child:
        return describe_link(self._file.h5.id, group, parent, link, self._attributes, self._counts)

    def _adopt(self, owner: _Open, group: Any, link: Link, child: Child, below: list[_Open]) -> None:
        """Hang a child into the tree; an object met before is an alias and is not gone into again."""
        node: TreeNode = child.node
        if owner.node.children is UNSET:
            owner.node.children = []
        owner.node.children.append(node)
        if child.address is None or not isinstance(node, AttributedNode):
            return
        if child.address in self._seen:
            node.alias_of = self._seen[child.address]
            return
        self._seen[child.address] = node.path
        if isinstance(node, GroupNode):
            below.append(_Open(node, child.path, group, link))


def _close(owner: _Open, found: _Listed) -> None:
    """Say of a group how many children it has, and whether all of them are there."""
    node = owner.node
    node.children = node.children or []
    if found.failure is None:
        node.num_children = found.total
    else:
        owner.failure, node.error = found.failure, plain_reason(found.failure)
    if len(node.children) < node.num_children:
        node.children_truncated = True
