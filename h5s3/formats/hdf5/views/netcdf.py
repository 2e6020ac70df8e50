"""NetCDF-4 as `ncdump -h` tells it: dimensions, types, variables with their dimensions, attributes, groups.

"NetCDF-4 format", appendix B of the NetCDF file format specifications; what is not said there (dimensions
without a name, the length of unlimited ones) is done as netcdf-c does it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from h5s3.formats.base import has_references
from h5s3.formats.hdf5.objects.datatypes import short
from h5s3.formats.hdf5.views.survey import Plan, Thing
from h5s3.formats.hdf5.views.view import Asked, View, bytes_of, item, levels_of, link_item
from h5s3.formats.hdf5.walk import DEEPEST
from h5s3.formats.names import text_of
from h5s3.records import UNSET, Attribute, Convention, Item, TypeInfo, replaced, to_json

BARE = "This is a netCDF dimension but not a netCDF variable."
RENAMED = "_nc4_non_coord_"  # before the name of a variable that is called as a dimension that is not its own
MARKS = ("_NCProperties", "_nc3_strict")
NUMBER, NUMBERS = "_Netcdf4Dimid", "_Netcdf4Coordinates"
OWN = {  # attributes that netcdf-c uses inside
    "CLASS", "DIMENSION_LIST", "REFERENCE_LIST", NUMBER, NUMBERS, *MARKS, "_NCCOPY", "_QuantizeBitRound",
}  # fmt: skip
INTEGERS = {1: "byte", 2: "short", 4: "int", 8: "int64"}
FLOATS = {4: "float", 8: "double"}


@dataclass(eq=False)
class Dimension:
    """A dimension in its group. `address`: of its scale; None for one that netcdf-c would make up."""

    name: str
    size: int
    unlimited: bool
    address: int | None
    number: int | None
    thing: Thing | None = None


@dataclass(eq=False)
class Scope:
    """A group with what is defined in it."""

    group: Thing
    dimensions: list[Dimension] = field(default_factory=list)
    sizes: dict[tuple[int, bool], list[Dimension]] = field(default_factory=dict)  # by length
    variables: list[tuple[Thing, list[str]]] = field(default_factory=list)
    below: list[Scope] = field(default_factory=list)


def plan(levels: int | None) -> Plan:
    """Everything: a dimension may be defined after, and far above, the variables that use it."""
    hidden = frozenset({b"REFERENCE_LIST"})
    return Plan(levels_of(levels, DEEPEST, DEEPEST), whole=True, hidden=hidden, from_root=True)


def read(asked: Asked) -> Convention | None:
    """The group as a NetCDF group; None where nothing says that NetCDF was meant."""
    root = asked.root or asked.top
    book = Book(root)
    marked = any(root.attributes.get(name) for name in MARKS)
    if not (marked or book.scales or "CF-" in root.word("Conventions")):
        return None
    top = Writer(asked, book).group(book.scope(asked.top))
    properties = root.word("_NCProperties")
    return Convention(
        view="netcdf",
        name="NetCDF-4",
        facts={"properties": properties} if properties else {},
        attributes=top.attributes,
        items=top.items or [],
        num_items=top.num_items,
        notes=asked.notes,
    )


class Book:
    """All dimensions, by the addresses of their scales and by their numbers."""

    def __init__(self, top: Thing) -> None:
        self.scales: dict[int, Dimension] = {}
        self.numbered: dict[int, Dimension] = {}
        self.top = Scope(top)
        self._lengths: dict[int, int] = {}  # of unlimited dimensions, by their scales' addresses
        self._scopes = list(self._define(self.top))
        self._next = max([*self.numbered, len(self.scales) - 1]) + 1 if self.scales else 0
        for scope in self._scopes:
            scope.dimensions.sort(key=lambda one: -1 if one.number is None else one.number)
            for known in scope.dimensions:
                scope.sizes.setdefault((known.size, known.unlimited), []).append(known)
            for thing in scope.group.of_kind("dataset"):
                if not _is_bare(thing):
                    scope.variables.append((thing, self._dimensions_of(scope, thing)))
        for address, length in self._lengths.items():
            dimension = self.scales[address]
            dimension.size = max(dimension.size, length)

    def scope(self, group: Thing) -> Scope:
        """What is defined in a group."""
        return next(scope for scope in self._scopes if scope.group is group)

    def _define(self, top: Scope) -> Iterator[Scope]:
        """The groups, with the dimensions that scales define."""
        todo = [top]
        while todo:
            scope = todo.pop()
            yield scope
            for thing in scope.group.children.values():
                if thing.kind == "group" and thing.alias is None:
                    scope.below.append(Scope(thing))
                elif _is_scale(thing) and thing.alias is None:
                    self._add(scope, thing)
            todo += reversed(scope.below)

    def _add(self, scope: Scope, thing: Thing) -> None:
        assert thing.facts is not None
        number = thing.value(NUMBER)
        number = number if isinstance(number, int) and number >= 0 else None
        limits = thing.facts.maxshape or ()
        unlimited = bool(limits) and limits[0] is None
        size = thing.shape[0] if thing.shape else 0
        found = Dimension(_plain_name(thing), size, unlimited, thing.address, number, thing)
        scope.dimensions.append(found)
        self.scales[thing.address or 0] = found
        if number is not None:
            self.numbered.setdefault(number, found)

    def _dimensions_of(self, scope: Scope, thing: Thing) -> list[str]:
        shape, taken = thing.shape, self._scales_of(thing)
        names: list[str] = []
        for axis, size in enumerate(shape):
            found = taken[axis] if axis < len(taken) else None
            if found is None:
                found = self._unnamed(scope, thing, axis, names)
            elif found.unlimited and found.address is not None:
                self._lengths[found.address] = max(size, self._lengths.get(found.address, 0))
            names.append(found.name)
        return names

    def _scales_of(self, thing: Thing) -> list[Dimension | None]:
        """The dimensions of a variable, as far as it names them."""
        numbers = thing.value(NUMBERS)
        numbers = numbers if isinstance(numbers, list) else [numbers]
        by_number = [self.numbered.get(one) if isinstance(one, int) else None for one in numbers]
        if len(by_number) == len(thing.shape) and all(by_number):
            return by_number
        if _is_scale(thing) and thing.address is not None:
            return [self.scales.get(thing.address)]
        listed = thing.attributes.get("DIMENSION_LIST")
        axes = listed.value if listed is not None and isinstance(listed.value, list) else []
        return [self._referred(references) for references in axes]

    def _referred(self, references: Any) -> Dimension | None:
        first = references[0] if isinstance(references, list) and references else None
        if not isinstance(first, str) or not first.startswith("@"):
            return None
        return self.scales.get(int(first[1:])) if first[1:].isdecimal() else None

    def _unnamed(self, scope: Scope, thing: Thing, axis: int, taken: Sequence[str]) -> Dimension:
        """A dimension of this length in the group that is not taken; if there is none, one is made up."""
        size = thing.shape[axis]
        limits = thing.facts.maxshape if thing.facts is not None else None
        unlimited = bool(limits) and limits[axis] is None  # type: ignore[index]
        of_size = scope.sizes.setdefault((size, unlimited), [])
        for known in of_size[: axis + 1]:
            if known.name not in taken:
                return known
        made = Dimension(f"phony_dim_{self._next}", size, unlimited, None, None)
        self._next += 1
        scope.dimensions.append(made)
        of_size.append(made)
        return made


class Writer:
    """Turns what was found into items."""

    def __init__(self, asked: Asked, book: Book) -> None:
        self._asked = asked
        self._types = dict(_types(book.top.group))

    def group(self, top: Scope) -> Item:
        """A group with all below it, without recursion: a file may nest deeper than Python's stack."""
        done: dict[int, Item] = {}
        todo = [top]
        for scope in todo:
            todo += scope.below
        for scope in reversed(todo):
            below = [done.pop(id(one)) for one in scope.below]
            done[id(scope)] = self._item(scope, below)
        return done[id(top)]

    def _item(self, scope: Scope, below: Sequence[Item]) -> Item:
        things = scope.group.children.values()
        kinds: list[list[Item]] = [
            [_dimension(one) for one in scope.dimensions],
            [self._type(thing) for thing in things if thing.kind == "datatype"],
            [self._variable(thing, names) for thing, names in scope.variables],
            [link_item(thing) for thing in things if _leads_away(thing)],
            list(below),
        ]
        missing = max(0, scope.group.total - len(scope.group.children))
        if missing:
            self._asked.notes.append(f"{text_of(scope.group.path)} holds {missing:,} more objects")
        if scope.group.reason:
            self._asked.notes.append(f"{text_of(scope.group.path)}: {scope.group.reason}")
        items = [one for kind in kinds for one in self._asked.cut(kind)["items"]]
        total = sum(map(len, kinds))
        return item(
            "group",
            scope.group,
            attributes=self._attributes(scope.group),
            items=items,
            num_items=total if total > len(items) else UNSET,
        )

    def _variable(self, thing: Thing, names: list[str]) -> Item:
        assert thing.facts is not None
        return Item(
            kind="variable",
            name=_plain_name(thing),
            path=text_of(thing.path),
            type=self._word(thing.facts.type) or UNSET,
            dtype=thing.facts.dtype,
            shape=list(thing.shape),
            nbytes=bytes_of(thing),
            dimensions=names,
            units=thing.word("units") or UNSET,
            title=thing.word("long_name") or thing.word("standard_name") or UNSET,
            attributes=self._attributes(thing),
            facts={"attributes": thing.reason} if thing.reason else {},
        )

    def _type(self, thing: Thing) -> Item:
        info = thing.type
        assert info is not None
        members: list[Item] | Any = UNSET
        if info.class_ == "compound":
            members = [
                Item(kind="field", name=one.name, type=self._inner(one.type), **_array(one.type))
                for one in info.members or []
            ]
        facts: dict[str, Any] = {}
        if info.base is not None:
            facts["base"] = self._inner(info.base)
        if info.class_ == "opaque":
            facts["size"] = info.size
        if info.mapping is not None:
            facts["mapping"] = dict(list(info.mapping.items())[:1000])
        return item("type", thing, type=info.class_, dtype=short(info), items=members, facts=facts)

    def _attributes(self, thing: Thing) -> list[Attribute]:
        """The attributes that are NetCDF's too, with the names of their types."""
        found = []
        for one in thing.attributes.values():
            if one.name not in OWN and not (one.name == "NAME" and _is_scale(thing)):
                kind = thing.types.get(one.name)
                name = self._types.get(to_json(kind)) if kind is not None else None
                found.append(replaced(one, type_name=name) if name else one)
        return found

    def _word(self, info: TypeInfo) -> str:
        """The name of a type: that of the type of the file which it equals, or CDL's."""
        plain = info.class_ in ("integer", "float", "string")
        return cdl_type(info) if plain else self._types.get(to_json(info)) or cdl_type(info)

    def _inner(self, info: TypeInfo) -> str:
        while info.class_ == "array" and info.base is not None:
            info = info.base
        return self._word(info) or short(info)


def cdl_type(info: TypeInfo) -> str:
    """The word of CDL for an HDF5 type; nothing where NetCDF has none."""
    if info.class_ == "integer" and not info.precision:
        word = INTEGERS.get(info.size or 0, "")
        return word if info.signed or not word else f"u{word}"
    if info.class_ == "float" and not info.note:
        return FLOATS.get(info.size or 0, "")
    if info.class_ == "string":
        return "char" if info.size == 1 else "string"
    if has_references(info):
        return ""
    return info.class_ if info.class_ in ("compound", "enum", "boolean", "vlen", "opaque") else ""


def _array(info: TypeInfo) -> dict[str, Any]:
    return {"shape": list(info.dims)} if info.class_ == "array" and info.dims else {}


def _types(top: Thing) -> Iterator[tuple[bytes, str]]:
    """Names of committed types by what they are. Of two that are alike, the first one counts."""
    todo, found = [top], dict[bytes, str]()
    while todo:
        for thing in todo.pop().children.values():
            if thing.type is not None:
                found.setdefault(to_json(thing.type), thing.text)
            elif thing.kind == "group":
                todo.append(thing)
    yield from found.items()


def _dimension(found: Dimension) -> Item:
    return Item(
        kind="dimension",
        name=found.name,
        path=text_of(found.thing.path) if found.thing is not None else UNSET,
        shape=[found.size],
        unlimited=found.unlimited or UNSET,
        facts={} if found.address is not None else {"made_up": True},
    )


def _is_scale(thing: Thing) -> bool:
    return thing.kind == "dataset" and thing.word("CLASS") == "DIMENSION_SCALE"


def _is_bare(thing: Thing) -> bool:
    """Whether it is a dimension and no variable."""
    return _is_scale(thing) and thing.word("NAME").startswith(BARE)


def _plain_name(thing: Thing) -> str:
    return thing.text.removeprefix(RENAMED)


def _leads_away(thing: Thing) -> bool:
    return thing.kind in ("link", "unresolved") or (thing.kind == "group" and thing.alias is not None)


VIEW = View("netcdf", "NetCDF-4", plan, read)
