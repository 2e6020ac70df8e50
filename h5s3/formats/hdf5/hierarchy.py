"""All groups and datasets below a path with all that is said of them, for copies in other formats.

Links that are no hard ones, further names of the same object and named types are told apart: most formats
have no counterpart of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from h5py import h5a, h5d, h5g, h5s

from h5s3.errors import H5s3Error, RefusedError
from h5s3.formats.base import Facts
from h5s3.formats.cf import text
from h5s3.formats.hdf5.conventions.coordinates import (
    NO_VARIABLE,
    name_of_scale,
    read_labels,
    read_scales,
)
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex, read_indexes
from h5s3.formats.hdf5.fetch.waves import OF_THE_FILE, gather
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.attributes import attribute_names, attribute_values, named_value
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import (
    Link,
    address_of,
    count_links,
    kind_of,
    list_links,
    misleading,
    open_link,
)
from h5s3.formats.hdf5.objects.reference_names import renamed
from h5s3.formats.hdf5.objects.values import Converter, by_address
from h5s3.formats.hdf5.walk import DEEPEST, MOST_LINKS, MOST_TEXT, Group, Listing, Step, Walk, unreadable
from h5s3.formats.names import text_of
from h5s3.records import Json
from h5s3.sizes import MIB

LARGEST_ATTRIBUTE = 16 * MIB
MOST_ATTRIBUTES = 256 * MIB  # bytes of all attributes that are held
AT_ONCE = 2_000  # datasets that are open at a time
INTERNAL = frozenset(  # attributes by which dimension scales and netCDF-4 find their own
    (b"DIMENSION_LIST", b"REFERENCE_LIST", b"DIMENSION_LABELS", b"_Netcdf4Coordinates", b"_Netcdf4Dimid",
     b"_NCProperties", b"_nc3_strict")
)  # fmt: skip
OF_SCALES = (b"CLASS", b"NAME")
Tell = Callable[[str, str], None]  # a path, and what of it has no counterpart


class Plain(Converter):
    """Attributes in strict JSON: numbers that it does not have are the texts that Zarr has for them."""

    def _float(self, value: Any) -> Any:
        number = float(value)
        if number != number:
            return "NaN"
        if number in (float("inf"), float("-inf")):
            return "Infinity" if number > 0 else "-Infinity"
        return number


@dataclass(eq=False)
class Thing:
    """A group or a dataset, with its attributes as JSON values."""

    path: bytes
    facts: Facts | None = None  # of a dataset
    attributes: dict[str, Json] = field(default_factory=dict)
    pointed: set[int] = field(default_factory=set)  # addresses of objects that attributes refer to
    size: int = 0  # bytes of the attributes in the file
    lost: list[str] = field(default_factory=list)  # what of the attributes could not be read, or was changed
    scales: list[int | None] = field(default_factory=list)  # of its dimensions: addresses of datasets
    scale_names: list[str] = field(default_factory=list)  # what those call themselves
    labels: list[str] = field(default_factory=list)
    is_scale: bool = False
    bare: bool = False  # a dimension of netCDF without values of its own
    children: int = 0
    kind: str = "group"
    word: str = ""  # of what is neither a group nor a dataset


Take = Callable[[Thing, Any, ChunkIndex | Exception | None], None]


class Hierarchy(Walk[Thing, Thing]):
    """The walk. `take` is given each dataset while it is open, with the index of its chunks.

    `tell` hears of what has no counterpart in other formats.
    """

    at_once = AT_ONCE

    def __init__(self, file: OpenFile, take: Take, tell: Tell) -> None:
        super().__init__(file, levels=DEEPEST, links=MOST_LINKS, text=MOST_TEXT)
        self.groups: list[Thing] = []
        self._paths: dict[int, bytes] = {}
        self._take, self._tell = take, tell
        self._open: list[tuple[Thing, Step[Thing]]] = []
        self._left = MOST_ATTRIBUTES

    def whole(self, path: bytes, group: Any) -> None:
        """Everything below a group. Raises `RefusedError` where that is more than can be held."""
        address = address_of(group)
        self._paths[address] = self.met.first(address, path)
        self.file.prefetch_objects([address], walk(DEEPEST))
        top = Thing(path)
        (failed,) = gather(self.file.blocks, [partial(self._attributes, top, group)], lambda _, e: e)
        if failed is not None:
            raise failed
        self.groups.append(top)
        self.descend(top, path, group)
        if self.cut is not None:
            raise RefusedError("it has more objects than can be held", hint="give the PATH of a group in it")

    def names(self) -> dict[int, str]:
        """The paths of all objects that were met, by address."""
        return {address: text_of(path) for address, path in self._paths.items()}

    def one(self, path: bytes, dataset: Any) -> None:
        """A dataset alone."""
        thing = Thing(path)
        self.met.first(address_of(dataset), path)
        calls = [partial(self._dataset, thing, dataset), partial(self._attributes, thing, dataset)]
        for failed in gather(self.file.blocks, calls, lambda _, error: error):
            if failed is not None:
                raise failed
        self._give([(thing, dataset)])

    # ------------------------------------------------------------------------------------------ the walk

    def links_of(self, group: Group[Thing]) -> Listing:
        opened = group.open()
        links = list_links(opened)
        return Listing(opened, count_links(opened), len(links), links)

    def describe(self, step: Step[Thing]) -> Thing:
        """What a link leads to."""
        thing = Thing(step.path, kind="link")
        if step.link.link_class != "hard":
            thing.word = _link_text(step.link)
            return thing
        found = open_link(step.group, step.link)
        thing.kind = kind_of(found)
        if thing.kind == "datatype":
            thing.word = f"a named type ({short(describe(found))})"
            return thing
        if isinstance(found, h5g.GroupID):
            thing.children = count_links(found)
        else:
            self._dataset(thing, found)
        self._attributes(thing, found)
        return thing

    def meet(self, step: Step[Thing], answer: Thing | Exception) -> Thing | None:
        """Keep a group or a dataset that was not met before; tell of all else."""
        if isinstance(answer, Exception):
            self._tell(text_of(step.path), f"cannot be read: {plain_reason(answer)}")
            return None
        if answer.word:
            self._tell(text_of(step.path), answer.word)
            return None
        self._left -= answer.size
        if self._left < 0:
            raise RefusedError(f"its attributes take more than {MOST_ATTRIBUTES >> 20} MiB")
        assert step.link.address is not None
        first = self.met.first(step.link.address, step.path)
        self._paths.setdefault(step.link.address, first)
        if first is not step.path:
            self._tell(text_of(step.path), f"a further name of {text_of(first)}")
            return None
        if answer.kind == "dataset":
            self._open.append((answer, step))
            return None
        self.groups.append(answer)
        return answer

    def wave_ended(self) -> None:
        """Give the datasets of a wave away, which need not stay open."""
        found = [(thing, open_link(step.group, step.link)) for thing, step in self._open]
        self._open = []
        self._give(found)

    def expected(self, group: Group[Thing]) -> int:
        return group.owner.children

    def unlisted(self, group: Group[Thing], error: Exception) -> None:
        if group.link is None:
            raise unreadable(group.path, error)
        self._tell(text_of(group.path), f"its links cannot be read: {plain_reason(error)}")

    def _give(self, found: Sequence[tuple[Thing, Any]]) -> None:
        chunked = [
            (number, dataset, thing.facts)
            for number, (thing, dataset) in enumerate(found)
            if thing.facts is not None and thing.facts.layout == "chunked" and thing.facts.shape is not None
        ]
        indexes = read_indexes(self.file, [(dataset, facts) for _, dataset, facts in chunked])
        of = dict(zip((number for number, *_ in chunked), indexes, strict=True))
        for number, (thing, dataset) in enumerate(found):
            self._take(thing, dataset, of.get(number))

    # ---------------------------------------------------------------------------------------- questions

    def _dataset(self, thing: Thing, dataset: h5d.DatasetID) -> None:
        thing.kind = "dataset"
        thing.facts = read_facts(dataset)
        thing.is_scale = text(named_value(self.file, dataset, b"CLASS")) == "DIMENSION_SCALE"
        name = text(named_value(self.file, dataset, b"NAME")) if thing.is_scale else ""
        thing.bare = name.startswith(NO_VARIABLE)
        thing.labels = read_labels(self.file, dataset)
        thing.scales, thing.scale_names = [], []
        for scales in read_scales(self.file, dataset):
            scale = scales[0] if scales else None
            thing.scales.append(None if scale is None else address_of(scale))
            thing.scale_names.append("" if scale is None else name_of_scale(self.file, scale)[0])

    def _attributes(self, thing: Thing, found: Any) -> None:
        thing.attributes, thing.lost, thing.pointed, thing.size = {}, [], set(), 0
        for name in attribute_names(found):
            if name not in INTERNAL and not (thing.is_scale and name in OF_SCALES):
                self._attribute(thing, found, name)

    def _attribute(self, thing: Thing, found: Any, name: bytes) -> None:
        attribute, shown = h5a.open(found, name), f"attribute {text_of(name)}"
        kind, space = attribute.get_type(), attribute.get_space()
        null = space.get_simple_extent_type() == h5s.NULL
        thing.size += 0 if null else space.get_simple_extent_npoints() * kind.get_size()
        converter = Plain(self.file.h5.id, self._noted(thing))
        made: Json = None
        try:
            with self.file.blocks.misses_first():
                if not null:
                    values, dtype = attribute_values(attribute, LARGEST_ATTRIBUTE)
                    made = converter.array(values, dtype.subdtype[0] if dtype.subdtype else dtype)
        except (*FAILURES, *OF_THE_FILE, UnicodeError) as error:
            if not isinstance(error, H5s3Error):
                self.file.blocks.raise_if_confused(error)
            thing.lost.append(f"{shown}: {plain_reason(error)}")
            return
        thing.attributes[text_of(name)] = made
        if converter.raw:
            thing.lost.append(f"{shown}: not UTF-8, written with its bytes escaped")

    def _noted(self, thing: Thing) -> Callable[[int], str]:
        def name(address: int) -> str:
            thing.pointed.add(address)
            return by_address(address)

        return name


def with_paths(thing: Thing, where: Callable[[int], bytes | None]) -> dict[str, Json]:
    """The attributes of a thing, references as the paths of what they point to, as far as that was met."""
    paths = {address: where(address) for address in thing.pointed}
    names = {by_address(address): text_of(path) for address, path in paths.items() if path is not None}
    return {name: renamed(value, names) for name, value in thing.attributes.items()}


def _link_text(link: Link) -> str:
    if link.link_class == "soft":
        return f"a soft link to {text_of(link.target)}"
    if link.link_class == "external":
        return f"an external link to {text_of(link.target_file)}:{text_of(link.target)}"
    return "its name is a path" if misleading(link.name) else "a user-defined link"
