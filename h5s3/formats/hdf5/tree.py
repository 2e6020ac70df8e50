"""The tree below a path, one level of siblings after another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import h5py

from h5s3.errors import DamagedError, H5s3Error, NotFoundError, RefusedError
from h5s3.formats.base import Take
from h5s3.formats.hdf5.fetch.memory import give_back
from h5s3.formats.hdf5.fetch.waves import OF_THE_FILE
from h5s3.formats.hdf5.follow.branches import Branches
from h5s3.formats.hdf5.follow.places import Place, find, reading
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.addressed import Addressed
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import (
    DECODED_OF_LINKS,
    DECODED_OF_OBJECTS,
    FAILURES,
    OpenFile,
    plain_reason,
)
from h5s3.formats.hdf5.objects.links import (
    Found,
    Link,
    Links,
    address_of,
    count_links,
    get_link,
    kind_of,
    list_links,
)
from h5s3.formats.hdf5.objects.packed import Met
from h5s3.formats.hdf5.objects.reference_names import References, name_targets
from h5s3.formats.hdf5.objects.values import by_address
from h5s3.formats.hdf5.shapes import facts_of
from h5s3.formats.hdf5.told import Told
from h5s3.formats.hdf5.tree_details import Details
from h5s3.formats.hdf5.tree_nodes import (
    ATTRIBUTES_SHOWN,
    Wanted,
    add_attributes,
    dataset_node,
    link_node,
    nx_class,
    unresolved,
)
from h5s3.formats.hdf5.walk import DEEPEST, MOST_LINKS, MOST_TEXT, Group, Listing, Step, Walk, unreadable
from h5s3.formats.names import join, names_of, raw_path, text_of, unescaped
from h5s3.formats.requests import TreeRequest
from h5s3.records import (
    UNSET,
    AttributedNode,
    ChildNames,
    DatasetNode,
    DatatypeNode,
    ExternalLinkNode,
    GroupNode,
    Tree,
    TreeNode,
)
from h5s3.sizes import MIB
from h5s3.storage.location import Location

MOST_VALUES = 64 * MIB  # bytes of the attributes of one walk, as JSON
FARTHER = 10  # times as far goes a walk whose nodes are told and not held
MOST_FILES_DEEP = 16  # that lead to each other
MOST_BLOCKS = 64 * MIB  # bytes of the file that such a walk holds from one wave to the next


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
    place = find(file, path)
    found = place.found
    document = Tree(
        location=location.display,
        key=location.shown_key,
        etag=file.info.etag,
        path=text_of(path),
        num_children=0,
        children=[],
    )
    document.followed = place.followed
    with reading(place):
        tree = _Tree(place.file, asked, told)
        if found.object is not None and kind_of(found.object) == "group":
            tree.fill(document, path, found.object)
        elif place.link is not None:
            path = join(path.rpartition(b"/")[0], place.link.name)
            tree.alone(document, path, place)
        tree.name_references(found)
        if asked.view != "plain":
            _add_view(document, place.file, found, asked)
    return document


def read_children(file: OpenFile, path: str, some: ChildNames) -> list[TreeNode]:
    """The nodes of some children of a group: their objects are opened where they are, without a look-up."""
    where = raw_path(path)
    place = find(file, where)
    group = place.found.object
    if group is None or kind_of(group) != "group":
        raise NotFoundError(f"{path} is not a group any more")
    with reading(place):
        return _Some(place.file, TreeRequest(path), None).nodes(where, group, some)


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

    def __init__(
        self, file: OpenFile, asked: TreeRequest, told: Told | None, trunk: _Tree | None = None
    ) -> None:
        """`trunk`: the tree of another file that led to this one; both share bounds, and what they met."""
        levels = min(asked.depth or DEEPEST, DEEPEST) if trunk is None else trunk.below
        more = FARTHER if told else 1
        super().__init__(file, levels=levels, links=MOST_LINKS * more, text=MOST_TEXT * more)
        self._asked, self._branches = asked, Branches(file)
        self.met_in: dict[Location, Met] = trunk.met_in if trunk else {}
        self.met = self.met_in.setdefault(file.info.location, self.met)
        self.files_deep: int = trunk.files_deep + 1 if trunk else 0
        self._all, self._limit, self._ahead = asked.depth == 0, asked.limit, walk(levels)
        each = 0 if asked.all_attributes else ATTRIBUTES_SHOWN
        self.attributes: Wanted | None = Wanted(each, MOST_VALUES * more) if asked.attributes else None
        if trunk is not None:
            self.attributes = trunk.attributes
            self.share(trunk)
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
        if self.attributes is not None:
            add_attributes(top, self.file.h5.id, group, self.attributes, self._references)
        address = address_of(group)
        self.met.first(address, path)
        self.file.prefetch_objects([address], self._ahead, self._limit and self._asked.first + self._limit)
        if self._told:
            with suppress(*FAILURES):  # who lists them says why
                top.num_children = count_links(group)
        self._grow(top, path, group)
        document.num_children = top.num_children
        document.children = top.children or []
        document.children_truncated = top.children_truncated or False
        document.attributes, document.num_attributes = top.attributes, top.num_attributes
        document.attributes_truncated = top.attributes_truncated

    def _grow(self, top: GroupNode, path: bytes, group: Any) -> None:
        """Hang what is below a group into its node."""
        for item in self.descend(top, path, group):
            item.owner.children_truncated = item.owner.num_children > 0 or UNSET
            if self._told:
                self._told.node(item.owner)
        if self._told:
            self._told.give()
        self._details.read()

    def alone(self, document: Tree, path: bytes, place: Place) -> None:
        """Give the document the node of what is no group."""
        link = place.link
        if link is not None and place.elsewhere and link.link_class == "external":
            node = link_node(link, {**names_of(link.name), "path": text_of(path)})
            assert isinstance(node, ExternalLinkNode)
            node.followed, node.node = place.followed, self.branch(path, place.found)
            document.node = node
            return
        found = place.found
        within = found.link if place.elsewhere else link
        if within is not None:
            document.node = self.only(path, found.parent, within)

    def only(self, path: bytes, parent: Any, link: Link) -> TreeNode:
        """What one link leads to."""
        node, found = self._look(path, parent, link)
        if self.attributes is not None and isinstance(node, AttributedNode):
            add_attributes(node, self.file.h5.id, found, self.attributes, self._references)
        if isinstance(node, DatasetNode) and link.link_class == "hard":
            self._details.note(node, parent, link)
            self._details.read()
        return node

    @property
    def below(self) -> int:
        """Levels that are left below the links that are met now."""
        return max(0, self._levels - self.depth - 1)

    def branch(self, path: bytes, found: Found) -> TreeNode:
        """The node of what a link of another file led to, with what is below it."""
        thing = found.object
        address = address_of(thing)
        first = self.met.first(address, path)
        if not isinstance(thing, h5py.h5g.GroupID):
            assert found.link is not None
            other = self.only(path, found.parent, found.link)
            if isinstance(other, AttributedNode) and first is not path:
                other.alias_of = text_of(first)
            return other
        name = found.link.name if found.link is not None else b"/"
        node = self._group_node(thing, address, {**names_of(name), "path": text_of(path)})
        if self.attributes is not None:
            add_attributes(node, self.file.h5.id, thing, self.attributes, self._references)
        if first is not path:
            node.alias_of = text_of(first)
        elif self._levels:
            self.file.prefetch_objects([address], self._ahead, self._limit)
            self._grow(node, path, thing)
        elif self._all:
            node.children_truncated = node.num_children > 0 or UNSET
        return node

    def _follow(self, path: bytes, place: Place) -> TreeNode:
        """What an external link leads to."""
        if self.files_deep >= MOST_FILES_DEEP:
            raise RefusedError(f"the walk ends {MOST_FILES_DEEP} files away")
        tree = _Tree(place.file, self._asked, None, self)
        node = tree.branch(path, place.found)
        tree.name_references(place.found)
        self.share(tree)
        self.cut = self.cut or tree.cut
        return node

    def name_references(self, found: Found) -> None:
        """Of attributes: by what the walk has met, and by what stands beside the path that was asked for."""
        self._references.resolve(name_targets(self.file, found))

    def links_of(self, group: Group[GroupNode]) -> Listing:
        opened = group.open()
        first = self._asked.first if group.link is None else 0
        total, links = count_links(opened), list_links(opened, self._limit, first=first)
        return Listing(opened, total, len(links), links)

    def describe(self, step: Step[GroupNode]) -> TreeNode:
        """Of an object whose attributes fail, all but these."""
        node, found = self._look(step.path, step.group, step.link)
        if self.attributes is not None and isinstance(node, AttributedNode):
            try:
                with self.file.blocks.misses_first():
                    add_attributes(node, self.file.h5.id, found, self.attributes, self._references)
            except (*FAILURES, *OF_THE_FILE) as error:
                if not isinstance(error, H5s3Error):
                    self.file.blocks.raise_if_confused(error)
                node.attributes_error = plain_reason(error)
        return node

    def meet(self, step: Step[GroupNode], answer: TreeNode | Exception) -> GroupNode | None:
        """Hang a child into the tree; an object met before is an alias and is not gone into again."""
        node = unresolved(step, answer) if isinstance(answer, Exception) else answer
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
        if isinstance(node, ExternalLinkNode):
            self._branches.note(node, step.path, step.link)
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
        self._branches.follow(self._follow)
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
        if link.link_class != "hard":
            return link_node(link, named), None
        found = self._addressed.open(group, link)
        if isinstance(found, h5py.h5g.GroupID):
            return self._group_node(found, link.address or 0, named), found
        if isinstance(found, h5py.h5d.DatasetID):
            return dataset_node(facts_of(self.file, found), named), found
        return DatatypeNode(**named, dtype=short(describe(found))), found

    def _group_node(self, group: Any, address: int, named: dict[str, Any]) -> GroupNode:
        """To count the links of an old group reads all of it: once, however many names it has."""
        if address not in self._counts:
            self._counts[address] = count_links(group)
        return GroupNode(**named, num_children=self._counts[address], nx_class=nx_class(group) or UNSET)


class _Some(_Tree):
    """Of a group some children, whose addresses are known."""

    def nodes(self, path: bytes, group: Any, some: ChildNames) -> list[TreeNode]:
        """Their nodes, in their order."""
        self._some = some
        top = GroupNode(name="", path=text_of(path), num_children=0)
        self._grow(top, path, group)
        return top.children or []

    def links_of(self, group: Group[GroupNode]) -> Listing:
        opened, links = group.open(), Links()
        for name, address in zip(self._some.names, self._some.addresses, strict=True):
            raw = name.encode("utf-8", "surrogateescape")
            if address and b"\\x" not in raw:
                links.add(raw, "hard", address)
                continue
            link = get_link(opened, raw) or get_link(opened, unescaped(raw))
            links.add(raw if link is None else link.name, "other" if link is None else link.link_class, None)
        links.read_targets(opened)
        return Listing(opened, len(links), len(links), links)

    def ahead(self, addresses: Sequence[int]) -> None:
        super().ahead(addresses)
        self._addressed.expect(addresses)
