"""What differs between two outlines, in the order of paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from h5s3.explore.diff.definitions import dataset_changes, type_changes
from h5s3.records import (
    UNSET,
    Changed,
    NotCompared,
    OnOneSide,
    Outline,
    OutlinedObject,
    OutlinedValue,
    Renamed,
    replaced,
)

Key = tuple[str, ...]  # the parts of a path, so that what is below an object follows it


@dataclass(frozen=True)
class Added:
    """What B has alone."""

    what: OnOneSide


@dataclass(frozen=True)
class Removed:
    """What A has alone."""

    what: OnOneSide


Event = Added | Removed | Changed | Renamed | NotCompared


class Side:
    """An outline, its objects by their paths. `top`: the path that it is of."""

    def __init__(self, outline: Outline, top: str) -> None:
        self.outline, self.types = outline, outline.types
        self._top = top.rstrip("/")
        self.objects: dict[Key, OutlinedObject] = {key_of(one): one for one in outline.objects}

    def at(self, key: Key) -> OutlinedObject | None:
        """What stands at a path: of an object with several names, what is told at the first."""
        found = self.objects.get(key)
        if found is None or found.alias_of is UNSET:
            return found
        return self.objects.get(self.first(key), found)

    def first(self, key: Key) -> Key:
        """The first path of the object at a path."""
        found = self.objects[key]
        return key if found.alias_of is UNSET else _key(found.alias_of)

    def reroot(self, other: Side) -> None:
        """Tell groups that have several names at one that the other side has as well, and all below them."""
        for new, one in sorted(self.objects.items()):
            if one.alias_of is UNSET or one.kind != "group" or new not in other.objects:
                continue
            old = self.first(new)
            if old not in other.objects and self.objects[old].path_b64 is UNSET and new[: len(old)] != old:
                self._move(old, new)

    def _move(self, old: Key, new: Key) -> None:
        """Have a group, which is told at `old`, told at `new`, and `old` be another name of it."""
        texts = ["/" + "/".join(key) for key in (old, new)]
        name = self.objects.pop(new)
        for key in [key for key in self.objects if key[: len(old)] == old]:
            one = self.objects.pop(key)
            self.objects[new + key[len(old) :]] = replaced(one, path=texts[1] + one.path[len(texts[0]) :])
        for key, one in self.objects.items():
            if one.alias_of is not UNSET and (one.alias_of + "/").startswith(texts[0] + "/"):
                self.objects[key] = replaced(one, alias_of=texts[1] + one.alias_of[len(texts[0]) :])
        self.objects[old] = replaced(name, path=texts[0], alias_of=texts[1])

    def names(self) -> dict[str, str]:
        """Paths of objects, by what a reference to them is called that knows their address alone."""
        return {
            f"@{one.address}": one.path
            for one in self.outline.objects
            if one.address is not UNSET and one.alias_of is UNSET
        }

    def path(self, one: OutlinedObject) -> str:
        """The path in the file."""
        return self._top + one.path if one.path != "/" else self._top or "/"


def key_of(one: OutlinedObject) -> Key:
    """Sorts objects by their paths, those whose names are not UTF-8 by their bytes, too."""
    return _key(one.path) if one.path_b64 is UNSET else (*_key(one.path), "\0" + str(one.path_b64))


def _key(path: str) -> Key:
    return tuple(path.split("/")[1:]) if path != "/" else ()


@dataclass
class Comparison:
    """Two sides. `shared`: they are of different formats, and only what both know is compared."""

    a: Side
    b: Side
    num_objects: int = 0
    num_attributes: int = 0
    datasets: list[tuple[Key, OutlinedObject, OutlinedObject]] = field(default_factory=list)
    renamed: dict[Key, Key] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.a.reroot(self.b)
        self.b.reroot(self.a)
        tables = not self.shared and self.a.outline.has_columns and self.b.outline.has_columns
        self._columns = [_columns_by_group(side) for side in (self.a, self.b)] if tables else []

    @property
    def shared(self) -> bool:
        """Whether the two are of different formats."""
        return self.a.outline.format != self.b.outline.format

    def events(self) -> Iterator[tuple[Key, Event]]:
        """All differences, each with its key."""
        names = self._names()
        known = [
            {side.first(key): first for key, first in found.items()}
            for side, found in zip((self.a, self.b), names.values(), strict=True)
        ]
        moved = {*self._below(self.a, self.renamed), *self._below(self.b, self.renamed.values())}
        for key in sorted(self.a.objects.keys() | self.b.objects.keys()):
            if key in self.renamed:
                yield key, self._renamed(key)
            if key in moved:
                continue
            one, other = self.a.objects.get(key), self.b.objects.get(key)
            if self.shared and (one is None or other is None) and _only_hdf5(one or other):
                yield key, NotCompared(path=self._path(key), reason=NO_COUNTERPART)
            elif one is None:
                assert other is not None
                yield key, Added(_alone(self.b, other, known[1].get(self.b.first(key))))
            elif other is None:
                yield key, Removed(_alone(self.a, one, known[0].get(self.a.first(key))))
            else:
                for event in self._both(key, names):
                    yield key, event

    def _below(self, side: Side, tops: Iterable[Key]) -> Iterator[Key]:
        """Objects that were renamed, with all below them."""
        wanted = set(tops)
        for key in side.objects if wanted else ():
            if any(key[:depth] in wanted for depth in range(1, len(key) + 1)):
                yield key

    def _renamed(self, key: Key) -> Renamed:
        one, other = self.a.objects[key], self.b.objects[self.renamed[key]]
        below = sum(1 for _ in self._below(self.a, [key])) - 1
        self.num_objects += 1 + below
        return Renamed(a=self.a.path(one), b=self.b.path(other), type=one.kind, num_below=below)

    def _path(self, key: Key) -> str:
        one, other = self.a.objects.get(key), self.b.objects.get(key)
        if one is not None:
            return self.a.path(one)
        assert other is not None
        return self.b.path(other)

    def _names(self) -> dict[str, dict[Key, Key]]:
        """Of each side, by path, the first path of the same object that both sides have."""
        common = self.a.objects.keys() & self.b.objects.keys()
        found: dict[str, dict[Key, Key]] = {}
        for name, side in (("a", self.a), ("b", self.b)):
            firsts: dict[Key, Key] = {}
            found[name] = {}
            for key in sorted(common):
                found[name][key] = firsts.setdefault(side.first(key), key)
        return found

    def _both(self, key: Key, names: dict[str, dict[Key, Key]]) -> Iterator[Event]:
        one, other = self.a.at(key), self.b.at(key)
        assert one is not None and other is not None
        path = self.a.path(self.a.objects[key])
        firsts = [names[side][key] for side in ("a", "b")]
        if firsts[0] != firsts[1] and not self.shared:
            a, b = (None if first == key else "/" + "/".join(first) for first in firsts)
            yield Changed(path=path, field="hard_link", a=a, b=b)
        elif firsts[0] != key and firsts == [self.a.first(key), self.b.first(key)]:
            return  # the same object, which is compared there
        self.num_objects += 1
        if one.kind != other.kind:
            yield Changed(path=path, field="type", a=one.kind, b=other.kind)
            return
        yield from self._objects(key, path, one, other)

    def _objects(self, key: Key, path: str, one: OutlinedObject, other: OutlinedObject) -> Iterator[Event]:
        if one.target != other.target:
            yield Changed(path=path, field="target", a=one.target, b=other.target)
        if one.reason != other.reason:
            a, b = (None if side.reason is UNSET else side.reason for side in (one, other))
            yield Changed(path=path, field="error", a=a, b=b)
        elif one.reason is not UNSET:
            yield NotCompared(path=path, reason=one.reason)
        if one.datatype is not UNSET and other.datatype is not UNSET:
            for name, a, b in type_changes(self.a.types[one.datatype], self.b.types[other.datatype]):
                yield Changed(path=path, field=name, a=a, b=b)
        if one.dataset is not UNSET and other.dataset is not UNSET:
            sides = (one.dataset, other.dataset), (self.a.types, self.b.types)
            for name, a, b in dataset_changes(*sides, self.shared):
                yield Changed(path=path, field=name, a=a, b=b)
            self.datasets.append((key, one, other))
        if self._columns:
            yield from self._order(key, path)
        yield from self._attributes(path, one, other)

    def _order(self, key: Key, path: str) -> Iterator[Event]:
        """Whether the columns of a table, or of a struct, that both sides have stand in the same order."""
        names = [columns.get(key, []) for columns in self._columns]
        known_as = [self.renamed.get((*key, name), (name,))[-1] for name in names[0]]
        both = set(known_as) & set(names[1])
        if [name for name in known_as if name in both] != [name for name in names[1] if name in both]:
            yield Changed(path=path, field="column_order", a=names[0], b=names[1])

    # ---------------------------------------------------------------------------------------- attributes

    def _attributes(self, path: str, one: OutlinedObject, other: OutlinedObject) -> Iterator[Event]:
        mine, others = ({_name(each): each for each in side.attributes} for side in (one, other))
        if self.shared:
            mine, others = ({k: v for k, v in each.items() if k not in INTERNAL} for each in (mine, others))
        for name in sorted(mine.keys() | others.keys()):
            a, b = mine.get(name), others.get(name)
            if a is None:
                assert b is not None
                yield Added(_attribute(path, b))
            elif b is None:
                yield Removed(_attribute(path, a))
            else:
                self.num_attributes += 1
                yield from self._values(path, a, b)

    def _values(self, path: str, a: OutlinedValue, b: OutlinedValue) -> Iterator[Event]:
        if self.shared:
            if plain_value(a) != plain_value(b):
                yield _value_change(path, a, b)
            elif a.truncated or b.truncated or a.digest is UNSET or b.digest is UNSET:
                yield NotCompared(path=path, name=a.name, reason="not all of it is told by both formats")
            return
        known = a.digest is not UNSET and b.digest is not UNSET
        types = list(type_changes(self.a.types[a.type], self.b.types[b.type])) if a.dtype != "unknown" else []
        for name, old, new in types:
            yield Changed(path=path, attribute=a.name, field=name, a=old, b=new)
        if a.shape != b.shape:
            yield Changed(path=path, attribute=a.name, field="shape", a=a.shape, b=b.shape)
        if known and (a.digest != b.digest or (a.shape is None) != (b.shape is None)):
            yield _value_change(path, a, b)
        elif not known and not types and a.shape == b.shape:
            reason = a.error if a.error is not UNSET else b.error
            yield NotCompared(path=path, name=a.name, reason=str(reason or "its value cannot be read"))


def _columns_by_group(side: Side) -> dict[Key, list[str]]:
    """Of the table and of each struct in it: the names of its columns, in their order."""
    found: dict[Key, list[str]] = {}
    for key in side.objects:
        if key:
            found.setdefault(key[:-1], []).append(key[-1])
    return found


NO_COUNTERPART = "the other format has no links and no named types"
INTERNAL = frozenset(  # attributes by which formats find their own
    ("DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS", "CLASS", "NAME", "_Netcdf4Coordinates",
     "_Netcdf4Dimid", "_NCProperties", "_nc3_strict", "_ARRAY_DIMENSIONS", "h5s3.enum")
)  # fmt: skip


def _only_hdf5(one: OutlinedObject | None) -> bool:
    """Whether it is what other formats have no counterpart of."""
    assert one is not None
    return one.alias_of is not UNSET or one.kind in ("soft_link", "external_link", "datatype")


def _name(value: OutlinedValue) -> str:
    return value.name if value.name_b64 is UNSET else f"{value.name}\0{value.name_b64}"


def plain_value(value: OutlinedValue) -> Any:
    """The value as formats tell it that have no arrays of one element, and words for what JSON lacks."""
    found = value.value
    while isinstance(found, list) and len(found) == 1:
        found = found[0]
    if value.nan_count is UNSET and value.inf_count is UNSET:
        return found
    return _with_words(found, "NaN" if value.inf_count is UNSET else "Infinity")


def _with_words(value: Any, word: str) -> Any:
    if isinstance(value, list):
        return [_with_words(item, word) for item in value]
    return word if value is None or value == "-Infinity" else value


def _value_change(path: str, a: OutlinedValue, b: OutlinedValue) -> Changed:
    return Changed(
        path=path,
        attribute=a.name,
        field="value",
        a=a.value,
        b=b.value,
        a_truncated=a.truncated,
        b_truncated=b.truncated,
        a_nan_count=a.nan_count,
        a_inf_count=a.inf_count,
        b_nan_count=b.nan_count,
        b_inf_count=b.inf_count,
    )


def _attribute(path: str, value: OutlinedValue) -> OnOneSide:
    return OnOneSide(
        path=path,
        type="attribute",
        name=value.name,
        shape=value.shape,
        dtype=value.dtype,
        value=value.value,
        truncated=value.truncated,
        nan_count=value.nan_count,
        inf_count=value.inf_count,
    )


def _alone(side: Side, one: OutlinedObject, known: Key | None) -> OnOneSide:
    """What one side has alone. `known`: a path of the same object that both have."""
    path = side.path(one)
    if known is not None:
        return OnOneSide(path=path, type="hard_link", target=side.path(side.objects[known]))
    if one.alias_of is not UNSET:
        return OnOneSide(path=path, type="hard_link", target=one.alias_of)
    found = OnOneSide(path=path, type=one.kind, target=one.target)
    if one.dataset is not UNSET:
        found.dtype = one.dataset.dtype
        if side.outline.table is UNSET:  # columns of a table have its rows
            found.shape = one.dataset.shape
    return found
