"""The tree below a path, one level of siblings after another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import h5py
from h5py import h5a

from h5s3.errors import DamagedError, H5s3Error
from h5s3.formats.base import Facts, Take
from h5s3.formats.cf import one
from h5s3.formats.hdf5.fetch.memory import give_back
from h5s3.formats.hdf5.fetch.waves import OF_THE_FILE
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.addressed import Addressed
from h5s3.formats.hdf5.objects.attributes import attribute_names, count_attributes, read_attribute
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import (
    DECODED_OF_LINKS,
    DECODED_OF_OBJECTS,
    FAILURES,
    OpenFile,
    plain_reason,
)
from h5s3.formats.hdf5.objects.filters import compression
from h5s3.formats.hdf5.objects.links import (
    Found,
    Link,
    address_of,
    count_links,
    kind_of,
    list_links,
    misleading,
)
from h5s3.formats.hdf5.objects.reference_names import References, name_targets
from h5s3.formats.hdf5.objects.values import by_address
from h5s3.formats.hdf5.told import Told
from h5s3.formats.hdf5.tree_details import Details
from h5s3.formats.hdf5.walk import DEEPEST, MOST_LINKS, MOST_TEXT, Group, Listing, Step, Walk, unreadable
from h5s3.formats.names import join, names_of, raw_path, text_of
from h5s3.formats.requests import TreeRequest
from h5s3.records import (
    UNSET,
    AttributedNode,
    DatasetNode,
    DatatypeNode,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    Tree,
    TreeNode,
    UnresolvedNode,
    to_json,
)
from h5s3.sizes import MIB

MOST_VALUES = 64 * MIB  # bytes of the attributes of one walk, as JSON
FARTHER = 10  # times as far goes a walk whose nodes are told and not held
MOST_BLOCKS = 64 * MIB  # bytes of the file that such a walk holds from one wave to the next
ATTRIBUTES_SHOWN = 20
INTERNAL = {  # attributes by which HDF5's dimension scales and netCDF-4 find their own, not for people
    b"CLASS", b"DIMENSION_LIST", b"REFERENCE_LIST", b"_Netcdf4Coordinates", b"_Netcdf4Dimid",
}  # fmt: skip


def read_tree(file: OpenFile, asked: TreeRequest) -> Tree:
    """What is below a path. Raises `NotFoundError` for a path that is not there."""
    return _read(file, asked, None)


def stream_tree(file: OpenFile, asked: TreeRequest, take: Take) -> Tree | None:
    """The same, given to `take` node by node; None once the answer has more than `MOST_KEPT`."""
    told = Told(take)
    document = _read(file, asked, told)
    if document.node is not UNSET:
        take([document.node])
    return document if told.keeps else None


def _read(file: OpenFile, asked: TreeRequest, told: Told | None) -> Tree:
    location, path = file.info.location, raw_path(asked.path)
    found = file.find(path)
    document = Tree(
        location=location.display,
        key=location.shown_key,
        etag=file.info.etag,
        path=text_of(path),
        num_children=0,
        children=[],
    )
    tree = _Tree(file, asked, told)
    if found.object is not None and kind_of(found.object) == "group":
        tree.fill(document, path, found.object)
        tree.name_references(found)
    elif found.link is not None:
        path = join(path.rpartition(b"/")[0], found.link.name)
        document.node = tree.only(path, found.parent, found.link)
        tree.name_references(found)
    if asked.view != "plain":
        _add_view(document, file, found, asked)
    return document


def _add_view(document: Tree, file: OpenFile, found: Found, asked: TreeRequest) -> None:
    from h5s3.formats.hdf5.views.read import not_so, read_view

    try:
        convention = read_view(file, found, asked)
    except (DamagedError, *FAILURES) as error:
        if asked.view != "auto":
            raise
        if not isinstance(error, DamagedError):
            file.blocks.raise_if_confused(error)
        return  # the tree itself can be shown
    if convention is not None:
        document.convention = convention
    elif asked.view != "auto":
        raise not_so(file, found, asked)


class _Tree(Walk[GroupNode, TreeNode]):
    """Breadth first, so that the shortest path of an object is the one its aliases refer to."""

    at_once = 10_000

    def __init__(self, file: OpenFile, asked: TreeRequest, told: Told | None) -> None:
        levels, more = min(asked.depth or DEEPEST, DEEPEST), FARTHER if told else 1
        super().__init__(file, levels=levels, links=MOST_LINKS * more, text=MOST_TEXT * more)
        self._all, self._limit, self._ahead = asked.depth == 0, asked.limit, walk(levels)
        each = 0 if asked.all_attributes else ATTRIBUTES_SHOWN
        self._attributes = _Wanted(each, MOST_VALUES * more) if asked.attributes else None
        self._references = References(self.met.where)
        self._counts: dict[int, int] = {}
        self._details = Details(file, asked.values, asked.stored, self._name)
        self._told = told
        self._large = False  # there are more links than look-ahead is for
        self._addressed = Addressed(file)
        if told:
            file.spare_memory()

    def fill(self, document: Tree, path: bytes, group: Any) -> None:
        """Give the document what is below a group."""
        top = GroupNode(name=document.path.rpartition("/")[2] or "/", path=document.path, num_children=0)
        if self._attributes is not None:
            _add_attributes(top, self.file.h5.id, group, self._attributes, self._references)
        address = address_of(group)
        self.met.first(address, path)
        self.file.prefetch_objects([address], self._ahead, self._limit)
        if self._told:
            with suppress(*FAILURES):  # who lists them says why
                top.num_children = count_links(group)
        for item in self.descend(top, path, group):
            item.owner.children_truncated = item.owner.num_children > 0 or UNSET
            if self._told:
                self._told.node(item.owner)
        if self._told:
            self._told.give()
        self._details.read()
        document.num_children = top.num_children
        document.children = top.children or []
        document.children_truncated = top.children_truncated or False
        document.attributes, document.num_attributes = top.attributes, top.num_attributes
        document.attributes_truncated = top.attributes_truncated

    def only(self, path: bytes, parent: Any, link: Link) -> TreeNode:
        """What one link leads to."""
        node, found = self._look(path, parent, link)
        if self._attributes is not None and isinstance(node, AttributedNode):
            _add_attributes(node, self.file.h5.id, found, self._attributes, self._references)
        if isinstance(node, DatasetNode) and link.link_class == "hard":
            self._details.note(node, parent, link)
            self._details.read()
        return node

    def name_references(self, found: Found) -> None:
        """Of attributes: by what the walk has met, and by what stands beside the path that was asked for."""
        self._references.resolve(name_targets(self.file, found))

    def links_of(self, group: Group[GroupNode]) -> Listing:
        opened = group.open()
        total, links = count_links(opened), list_links(opened, self._limit)
        return Listing(opened, total, len(links), links)

    def describe(self, step: Step[GroupNode]) -> TreeNode:
        """Of an object whose attributes fail, all but these."""
        node, found = self._look(step.path, step.group, step.link)
        if self._attributes is not None and isinstance(node, AttributedNode):
            try:
                with self.file.blocks.misses_first():
                    _add_attributes(node, self.file.h5.id, found, self._attributes, self._references)
            except (*FAILURES, *OF_THE_FILE) as error:
                if not isinstance(error, H5s3Error):
                    self.file.blocks.raise_if_confused(error)
                node.attributes_error = plain_reason(error)
        return node

    def meet(self, step: Step[GroupNode], answer: TreeNode | Exception) -> GroupNode | None:
        """Hang a child into the tree; an object met before is an alias and is not gone into again."""
        node = _unresolved(step, answer) if isinstance(answer, Exception) else answer
        if self._told is None or self._told.keeps:
            assert step.owner.children is not UNSET
            step.owner.children.append(node)
        if step.link.address is not None and isinstance(node, AttributedNode):
            first = self.met.first(step.link.address, step.path)
            if first is not step.path:
                node.alias_of = text_of(first)
            elif isinstance(node, DatasetNode):
                self._details.note(node, step.group, step.link)
            elif isinstance(node, GroupNode):
                if self.depth + 1 < self._levels:
                    return node
                if self._all:
                    node.children_truncated = node.num_children > 0 or UNSET
        if self._told:
            self._told.node(node, step.owner)
        return None

    def expected(self, group: Group[GroupNode]) -> int:
        number = group.owner.num_children
        return min(number, self._limit) if self._limit else number

    def before_listing(self, groups: Sequence[Group[GroupNode]]) -> None:
        """Where many links are to come, look ahead to these alone: objects fill waves of their own."""
        self._large = self._large or (
            self._told is not None and sum(map(self.expected, groups)) > self.at_once
        )
        if self._large:
            self._let_go(DECODED_OF_LINKS)
            known = [group.link.address if group.link else address_of(group.parent) for group in groups]
            self.file.prefetch_objects(filter(None, known), walk(1), self._limit)

    def ahead(self, addresses: Sequence[int]) -> None:
        if not self._large:
            super().ahead(addresses)
            return
        self._let_go(DECODED_OF_OBJECTS)
        self.file.fetch_headers(addresses)
        self._addressed.expect(addresses)

    def _let_go(self, decoded: int) -> None:
        """Forget what was read, but for the latest. Of that libhdf5 holds so many bytes decoded."""
        self.file.blocks.spare(MOST_BLOCKS)
        self.file.hold_decoded(decoded)
        give_back()

    def unlisted(self, group: Group[GroupNode], error: Exception) -> None:
        if group.link is None:
            raise unreadable(group.path, error)
        group.owner.error = plain_reason(error)

    def listed(self, group: Group[GroupNode], listing: Listing, taken: int) -> None:
        """Say of a group how many children it has, and whether all of them are there."""
        node = group.owner
        if listing.failure is None:
            node.num_children = listing.total
        if taken < node.num_children:
            node.children_truncated = True
        if self._told is None or self._told.keeps:
            node.children = []
        if self._told:
            self._told.group(node)

    def wave_ended(self) -> None:
        if self._told:
            self._told.give()

    def leave(self, group: Group[GroupNode], listing: Listing) -> None:
        if self._told:
            self._told.groups()

    def _name(self, address: int) -> str:
        """What a reference points to."""
        path = self.met.where(address)
        return by_address(address) if path is None else text_of(path)

    def _look(self, path: bytes, group: Any, link: Link) -> tuple[TreeNode, Any]:
        """The node of a link, and the object behind it where the link is hard."""
        named = {**names_of(link.name), "path": text_of(path)}
        if link.link_class == "soft":
            return SoftLinkNode(**named, target=text_of(link.target)), None
        if link.link_class == "external":
            name, inside = text_of(link.target_file), text_of(link.target)
            target = f"{name}:{inside}"
            return ExternalLinkNode(**named, target=target, target_file=name, target_path=inside), None
        if link.link_class == "other":
            reason = "its name is a path" if misleading(link.name) else "a user-defined link"
            return UnresolvedNode(**named, reason=reason), None
        found = self._addressed.open(group, link)
        if isinstance(found, h5py.h5g.GroupID):
            return self._group_node(found, link.address or 0, named), found
        if isinstance(found, h5py.h5d.DatasetID):
            return _dataset_node(read_facts(found), named), found
        return DatatypeNode(**named, dtype=short(describe(found))), found

    def _group_node(self, group: Any, address: int, named: dict[str, Any]) -> GroupNode:
        """To count the links of an old group reads all of it: once, however many names it has."""
        if address not in self._counts:
            self._counts[address] = count_links(group)
        return GroupNode(**named, num_children=self._counts[address], nx_class=_nx_class(group) or UNSET)


@dataclass
class _Wanted:
    """How many attributes of each object are wanted (0: all of them, also those that conventions use inside),
    and how many bytes all of them together may take."""

    each: int
    left: int


def _dataset_node(facts: Facts, named: dict[str, Any]) -> DatasetNode:
    """The node of a dataset. The chunk index is not looked at: its requests are for `meta` to make."""
    packed, _ = compression(facts.filters)
    resizable = facts.maxshape != facts.shape and facts.maxshape is not None
    return DatasetNode(
        **named,
        shape=None if facts.shape is None else list(facts.shape),
        dtype=facts.dtype,
        size=facts.size,
        ndim=facts.ndim,
        nbytes=facts.nbytes,
        maxshape=list(facts.maxshape or ()) if resizable else UNSET,
        layout=facts.layout,
        chunks=list(facts.chunks) if facts.chunks else UNSET,
        compression=packed or UNSET,
        filters=[item.name for item in facts.filters] or UNSET,
        external_files=[item.name for item in facts.external] or UNSET,
    )


def _add_attributes(
    node: AttributedNode | Tree, file: Any, found: Any, wanted: _Wanted, references: References
) -> None:
    """Give a node its first attributes; none once all together take what they may."""
    number = count_attributes(found)
    most = wanted.each and wanted.each + len(INTERNAL)
    names = attribute_names(found, most) if wanted.left > 0 else []
    shown = [name for name in names if name not in INTERNAL][: wanted.each] if wanted.each else names
    attributes = [references.noted(partial(read_attribute, file, found, name)) for name in shown]
    wanted.left -= len(to_json(list(attributes)))
    node.num_attributes, node.attributes = number, attributes
    hidden = sum(name in INTERNAL for name in names) if wanted.each else 0
    node.attributes_truncated = len(attributes) + hidden < number


def _nx_class(group: Any) -> str | None:
    """The NeXus class of a group (https://www.nexusformat.org), a text attribute, where it has one."""
    if not h5a.exists(group, b"NX_class"):
        return None
    try:
        value = one(read_attribute(group, group, b"NX_class").value)
    except (OSError, RuntimeError, ValueError, KeyError):
        return None
    return value if isinstance(value, str) and len(value) <= 64 else None


def _unresolved(step: Step[GroupNode], error: Exception) -> UnresolvedNode:
    """The node of what could not be opened."""
    return UnresolvedNode(**names_of(step.link.name), path=text_of(step.path), reason=plain_reason(error))
