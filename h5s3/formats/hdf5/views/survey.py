"""The walk that views are made from: every object with its header and the attributes that matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from h5py import h5a, h5d, h5g

from h5s3.errors import H5s3Error
from h5s3.formats.base import Facts
from h5s3.formats.cf import one, text
from h5s3.formats.hdf5.data.small_values import LARGEST, MOST, TEXT, SmallValue, is_small, read_small
from h5s3.formats.hdf5.fetch.waves import OF_THE_FILE, gather
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.attributes import attribute_names, read_attribute
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import Link, address_of, count_links, kind_of, list_links, open_link
from h5s3.formats.hdf5.objects.values import by_address
from h5s3.formats.hdf5.walk import DEEPEST, Group, Listing, Step, Walk, unreadable
from h5s3.formats.names import names_of, text_of
from h5s3.records import UNSET, Attribute, Json, TypeInfo
from h5s3.sizes import MIB

MOST_OBJECTS = 20_000  # of one view
MOST_TEXT = 8 * MIB  # bytes of their paths and names
MOST_ATTRIBUTES = 200  # of one object
MOST_TOLD, EACH = 64 * MIB, 100  # bytes of all attributes together, and of each beside its value
LARGEST_ATTRIBUTE = 4 * MIB  # bytes of one
MOST_READ = 5_000  # values of small datasets
MADE = ("{", "enum", "bool", "opaque", "vlen")  # how their types begin
Kind = Literal["group", "dataset", "datatype", "link", "unresolved"]


@dataclass(eq=False)
class Thing:
    """What a link leads to, as far as views need it."""

    name: bytes
    path: bytes
    kind: Kind
    facts: Facts | None = None  # of a dataset
    type: TypeInfo | None = None  # of a committed datatype
    attributes: dict[str, Attribute] = field(default_factory=dict)
    types: dict[str, TypeInfo] = field(default_factory=dict)  # of attributes, where they are made of others
    children: dict[str, Thing] = field(default_factory=dict)
    total: int = 0  # children that a group has
    walked: bool = False  # whether its children are here
    address: int | None = None
    parent: Any = None  # h5g.GroupID
    link: Link | None = None
    alias: bytes | None = None  # where the same object was met before
    reason: str = ""  # why something of it is missing

    @property
    def text(self) -> str:
        """Its name."""
        return text_of(self.name)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a dataset; empty for scalars, for null dataspaces and for what is no dataset."""
        return (self.facts.shape or ()) if self.facts else ()

    def value(self, name: str) -> Json:
        """The value of an attribute; None where it is not there."""
        found = self.attributes.get(name)
        return None if found is None else one(found.value)

    def word(self, name: str) -> str:
        """A text attribute, or nothing."""
        found = self.attributes.get(name)
        return "" if found is None else text(found.value)

    def words(self, name: str) -> list[str]:
        """An attribute that is a list of texts, or nothing."""
        found = self.attributes.get(name)
        value = found.value if found is not None else None
        value = [value] if isinstance(value, str) else value
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def group(self, *names: str) -> Thing | None:
        """A group below it."""
        return self._below(names, "group")

    def dataset(self, *names: str) -> Thing | None:
        """A dataset below it."""
        return self._below(names, "dataset")

    def of_kind(self, kind: Kind) -> list[Thing]:
        """Its children of a kind."""
        return [child for child in self.children.values() if child.kind == kind]

    def _below(self, names: Iterable[str], kind: Kind) -> Thing | None:
        here: Thing | None = self
        for name in names:
            here = here.children.get(name) if here is not None else None
        return here if here is not None and here.kind == kind else None


@dataclass(frozen=True)
class Plan:
    """What a view looks at: so many levels, these attributes (None: all), groups for which `enters` is true.

    `whole`: all children of a group, however few of them are shown.
    """

    levels: int = DEEPEST
    attributes: frozenset[bytes] | None = None
    enters: Callable[[Thing], bool] = lambda thing: True
    whole: bool = False
    hidden: frozenset[bytes] = frozenset()  # attributes that are not read
    from_root: bool = False  # the whole file, whatever the path


class Survey(Walk[Thing, Thing]):
    """Everything below a group, by a plan."""

    at_once = 10_000

    def __init__(self, file: OpenFile, plan: Plan, limit: int) -> None:
        super().__init__(file, levels=min(plan.levels, DEEPEST), links=MOST_OBJECTS, text=MOST_TEXT)
        self._plan, self._limit = plan, 0 if plan.whole else limit
        self._told = MOST_TOLD

    @property
    def notes(self) -> list[str]:
        """What was left out of it."""
        found = []
        if self.cut is not None:
            found.append("the file has more objects than are looked at for a view")
        if self._told <= 0:
            found.append("the file has more attributes than are read for a view")
        return found

    def top(self, path: bytes, group: Any) -> Thing:
        """The group with all that is below it. Raises `DamagedError` where it cannot be listed."""
        top = Thing(path.rpartition(b"/")[2] or b"/", path, "group", address=address_of(group), walked=True)
        self.met.first(top.address or 0, path)
        self.file.prefetch_objects([top.address or 0], walk(self._levels), self._limit or MOST_OBJECTS)
        (top.attributes,) = gather(self.file.blocks, [partial(self._attributes, group)], lambda *_: {})
        if self._plan.attributes is None:
            (top.types,) = gather(
                self.file.blocks, [partial(_made_types, group, top.attributes)], lambda *_: {}
            )
        self.descend(top, path, group)
        return top

    def links_of(self, group: Group[Thing]) -> Listing:
        opened = group.open()
        most = self._limit or MOST_OBJECTS
        total, links = count_links(opened), list_links(opened, most)
        return Listing(opened, total, len(links), links)

    def describe(self, step: Step[Thing]) -> Thing:
        """Its header; of an object whose attributes fail, all but these."""
        link = step.link
        thing = Thing(link.name, step.path, "link", address=link.address, parent=step.group, link=link)
        if link.link_class != "hard":
            return thing
        found = open_link(step.group, link)
        thing.kind = kind_of(found)
        if isinstance(found, h5d.DatasetID):
            thing.facts = read_facts(found)
        elif isinstance(found, h5g.GroupID):
            thing.total = count_links(found)
        else:
            thing.type = describe(found)
        try:
            with self.file.blocks.misses_first():
                thing.attributes = self._attributes(found)
                thing.types = _made_types(found, thing.attributes) if self._plan.attributes is None else {}
        except (*FAILURES, *OF_THE_FILE) as error:
            if not isinstance(error, H5s3Error):
                self.file.blocks.raise_if_confused(error)
            thing.reason = plain_reason(error)
        return thing

    def _attributes(self, found: Any) -> dict[str, Attribute]:
        plan = self._plan
        if self._told <= 0:  # to list them would read them
            return {}
        if plan.attributes is None:
            names = [n for n in attribute_names(found, MOST_ATTRIBUTES) if n not in plan.hidden]
        else:
            names = [name for name in plan.attributes if h5a.exists(found, name)]
        attributes = [item for name in names if (item := self._attribute(found, name)) is not None]
        return {item.name: item for item in attributes}

    def _attribute(self, found: Any, name: bytes) -> Attribute | None:
        """One attribute; without its value where it is large, None where all together are too large."""
        opened = h5a.open(found, name)
        size = opened.get_space().get_simple_extent_npoints() * opened.get_type().get_size()
        if size > LARGEST_ATTRIBUTE:
            dtype, shape = short(describe(opened.get_type())), [int(one) for one in opened.shape]
            error = f"larger than {LARGEST_ATTRIBUTE // MIB} MiB"
            return Attribute(**names_of(name), value=None, dtype=dtype, shape=shape, error=error)
        self._told -= size + EACH
        if self._told <= 0:
            return None
        item = read_attribute(self.file.h5.id, found, name)
        self._told -= len(item.value) if isinstance(item.value, str | list) else 0
        return item

    def meet(self, step: Step[Thing], answer: Thing | Exception) -> Thing | None:
        if isinstance(answer, Exception):
            thing = Thing(step.link.name, step.path, "unresolved", reason=plain_reason(answer))
        else:
            thing = answer
        step.owner.children[thing.text] = thing
        if thing.address is None or thing.kind == "unresolved":
            return None
        first = self.met.first(thing.address, step.path)
        if first is not step.path:
            thing.alias = first
            return None
        return thing if thing.kind == "group" and self._plan.enters(thing) else None

    def unlisted(self, group: Group[Thing], error: Exception) -> None:
        if group.link is None:
            raise unreadable(group.path, error)
        group.owner.reason = plain_reason(error)

    def listed(self, group: Group[Thing], listing: Listing, taken: int) -> None:
        group.owner.walked = True
        if listing.failure is None:
            group.owner.total = listing.total

    def expected(self, group: Group[Thing]) -> int:
        return min(group.owner.total, self._limit) if self._limit else group.owner.total


def _made_types(found: Any, attributes: dict[str, Attribute]) -> dict[str, TypeInfo]:
    """The types of attributes that may be named types of the file."""
    made = {one.name for one in attributes.values() if one.dtype.startswith(MADE)}
    names = [name for name in attributes if name in made and attributes[name].name_b64 is UNSET]
    return {name: describe(h5a.open(found, name.encode()).get_type()) for name in names}


def more_attributes(file: OpenFile, wanted: Sequence[tuple[Thing, Sequence[str]]]) -> list[dict[str, Json]]:
    """Values of further attributes of things, of all of them together; of those that are there."""

    def read(thing: Thing, names: Sequence[str]) -> dict[str, Json]:
        opened = open_link(thing.parent, thing.link)  # type: ignore[arg-type]
        encoded = [(name, name.encode("utf-8", "surrogateescape")) for name in names]
        there = [(name, raw) for name, raw in encoded if h5a.exists(opened, raw)]
        return {name: read_attribute(file.h5.id, opened, raw).value for name, raw in there}

    return gather(file.blocks, [partial(read, *one) for one in wanted], lambda *_: {})


def small_values(
    file: OpenFile, things: Sequence[Thing], most: int = MOST, largest: int = LARGEST
) -> dict[bytes, SmallValue]:
    """The values of small datasets by their paths, all together: those of a scan in a round or two.

    `most` elements and `largest` bytes is what is small.
    """

    def read(thing: Thing) -> SmallValue | None:
        opened = open_link(thing.parent, thing.link)  # type: ignore[arg-type]
        return read_small(file, opened, by_address, max(most, TEXT))

    known = [thing for thing in things if thing.facts is not None and is_small(thing.facts, most, largest)]
    wanted = known[:MOST_READ]
    found = gather(file.blocks, [partial(read, thing) for thing in wanted], lambda *_: None)
    return {thing.path: value for thing, value in zip(wanted, found, strict=True) if value is not None}
