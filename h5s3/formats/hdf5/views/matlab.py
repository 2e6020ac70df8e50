"""MATLAB 7.3: variables with their classes and sizes as `whos` shows them, what is in cells and structures.

MathWorks does not publish the format. Arrays are stored with their dimensions in reverse; what a dataset is
stands in its attributes `MATLAB_class`, `MATLAB_empty` and `MATLAB_sparse`; cells refer to datasets in the
group `#refs#`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

from h5py import h5d, h5g

from h5s3.formats.cf import text
from h5s3.formats.hdf5.data.small_values import SmallValue, is_small, read_small
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.addressed import Addressed
from h5s3.formats.hdf5.objects.attributes import named_value
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.links import Link
from h5s3.formats.hdf5.views.survey import Plan, Thing, small_values
from h5s3.formats.hdf5.views.view import (
    Asked,
    View,
    bytes_of,
    everything,
    group_item,
    item,
    levels_of,
    link_item,
)
from h5s3.formats.hdf5.walk import DEEPEST
from h5s3.records import UNSET, Convention, Item, Json

USUAL = 4  # levels: structures nest
CLASS, EMPTY, SPARSE, DECODE = "MATLAB_class", "MATLAB_empty", "MATLAB_sparse", "MATLAB_int_decode"
OBJECT = "MATLAB_object_decode"
NAMES = (CLASS, EMPTY, SPARSE, DECODE, OBJECT)
OWN = ("#refs#", "#subsystem#")  # groups that hold what cells and objects refer to
MOST_SHOWN = 16  # elements of a cell, or of a small array
MOST_LETTERS = 400
MOST_ELEMENTS = 2000  # of all cells together


def plan(levels: int | None) -> Plan:
    """The variables, and the fields of structures."""
    names = frozenset(name.encode() for name in NAMES)
    return Plan(levels_of(levels, USUAL, DEEPEST), names, lambda thing: thing.text not in OWN)


def read(asked: Asked) -> Convention | None:
    """The variables; None where nothing has a class of MATLAB."""
    things = everything(asked.top)
    if not any(thing.word(CLASS) for thing in things):
        return None
    values = small_values(asked.file, things, MOST_LETTERS)
    book = _Book(asked, values, _elements(asked, things, values))
    shown = [thing for name, thing in asked.top.children.items() if name not in OWN]
    items = [book.variable(thing) for thing in shown]
    own = len(asked.top.children) - len(shown)
    cut = asked.cut(items, max(len(items), asked.top.total - own))
    return Convention(view="matlab", name="MATLAB 7.3", notes=asked.notes, **cut)


def _elements(
    asked: Asked, things: Sequence[Thing], values: Mapping[bytes, SmallValue]
) -> dict[int, tuple[str, Item]]:
    """What small cells refer to, by address: all of it together."""
    cells = [values[one.path].value for one in things if one.word(CLASS) == "cell" and one.path in values]
    addresses = list(dict.fromkeys(address for cell in cells for address in _addresses(cell)))[:MOST_ELEMENTS]
    asked.file.prefetch_objects(addresses)
    opener = Addressed(asked.file)
    opener.expect(addresses)

    def look(address: int) -> tuple[str, Item]:
        found = opener.open(asked.file.root, Link(b"", "hard", address))
        kind = text(named_value(asked.file, found, CLASS.encode()))
        one = Item(kind="element", name="", type=kind or UNSET)
        if isinstance(found, h5g.GroupID) or not isinstance(found, h5d.DatasetID):
            return kind, one
        facts = read_facts(found)
        small = read_small(asked.file, found, most=MOST_LETTERS) if is_small(facts, MOST_LETTERS) else None
        empty = bool(named_value(asked.file, found, EMPTY.encode()))
        _describe(one, kind, facts.shape or (), facts.dtype, empty, small.value if small else None)
        return kind, one

    found = gather(asked.file.blocks, [partial(look, one) for one in addresses], lambda *_: None)
    return {address: one for address, one in zip(addresses, found, strict=True) if one is not None}


def _addresses(cell: Json) -> list[int]:
    flat = _flat(cell)
    words = [one[1:] for one in flat if isinstance(one, str) and one.startswith("@")]
    return [int(word) for word in words if word.isdecimal()] if len(flat) <= MOST_SHOWN else []


class _Book:
    def __init__(
        self, asked: Asked, values: Mapping[bytes, SmallValue], elements: Mapping[int, tuple[str, Item]]
    ) -> None:
        self._asked, self._values, self._elements = asked, values, elements

    def variable(self, top: Thing) -> Item:
        """A variable with its fields, the deepest first: a file may nest deeper than Python's stack."""
        done: dict[bytes, Item] = {}
        for thing in reversed(everything(top)):
            items = [done.pop(child.path) for child in thing.children.values() if child.path in done]
            done[thing.path] = self._one(thing, items)
        return done[top.path]

    def _one(self, thing: Thing, items: list[Item]) -> Item:
        if thing.alias is not None or thing.kind not in ("group", "dataset"):
            return link_item(thing)
        kind = thing.word(CLASS)
        if thing.facts is None:
            sparse = thing.value(SPARSE)
            if sparse is not None:
                return _sparse(thing, kind, sparse)
            return group_item(self._asked, thing, items, type=kind or UNSET, shape=_of_struct(thing))
        if not kind and thing.facts.dtype == "ref(object)":  # of an array of structures
            return item("field", thing)
        small = self._values.get(thing.path)
        found = item("variable", thing, type=kind or UNSET)
        value, empty = small.value if small is not None else None, bool(thing.value(EMPTY))
        _describe(found, kind, thing.shape, thing.facts.dtype, empty, value)
        if kind == "cell" and not empty:
            inside = [self._element(number, one) for number, one in enumerate(_addresses(value), 1)]
            found.items = [one for one in inside if one is not None]
            found.num_items = UNSET if len(found.items) == prod(thing.shape) else prod(thing.shape)
        if thing.value(OBJECT) is not None and kind not in ("function_handle",):
            found.facts = {**found.facts, "object": True}
            found.shape, found.value = UNSET, UNSET
        return found

    def _element(self, number: int, address: int) -> Item | None:
        known = self._elements.get(address)
        if known is None:
            return None
        found = known[1]
        return Item(
            kind="element", name=f"{{{number}}}", type=found.type, shape=found.shape, value=found.value,
            facts=found.facts,
        )  # fmt: skip


def _describe(found: Item, kind: str, shape: Sequence[int], dtype: str, empty: bool, value: Json) -> None:
    """Size and value of an array as MATLAB has them."""
    numbers = [_complex(one) for one in _flat(value)]
    if empty:  # its size is what is stored
        found.shape = [one for one in numbers if isinstance(one, int)]
        return
    found.shape = list(reversed(shape))
    if dtype.startswith("{real") or dtype.startswith("complex"):
        found.facts = {"complex": True}
    if value is None or kind in ("cell", "struct", "function_handle"):
        return
    if kind == "char":
        found.value = _letters(numbers) if len(shape) == 2 and shape[1] == 1 else UNSET
    elif prod(shape) == 1:
        found.value = bool(numbers[0]) if kind == "logical" else numbers[0]
    elif prod(shape) <= MOST_SHOWN and sum(size > 1 for size in shape) == 1:
        found.value = [bool(one) for one in numbers] if kind == "logical" else numbers


def _complex(value: Json) -> Json:
    """Complex numbers as they are everywhere in JSON: two numbers."""
    return list(value.values()) if isinstance(value, dict) and list(value) == ["real", "imag"] else value


def _letters(numbers: Sequence[Json]) -> str:
    """Text from its UTF-16 codes."""
    codes = [one for one in numbers if isinstance(one, int) and 0 <= one < 1 << 16]
    return b"".join(one.to_bytes(2, "little") for one in codes).decode("utf-16-le", "backslashreplace")


def _sparse(thing: Thing, kind: str, rows: Json) -> Item:
    """A sparse matrix: a pointer for each column, and one more."""
    pointers, data = thing.dataset("jc"), thing.dataset("data")
    columns = max(0, prod(pointers.shape) - 1) if pointers is not None else 0
    nnz = prod(data.shape) if data is not None else 0
    shape = [rows, columns] if isinstance(rows, int) else UNSET
    size = bytes_of(*thing.of_kind("dataset"))
    facts = {"sparse": True, "nnz": nnz}
    return item("variable", thing, type=kind or UNSET, shape=shape, nbytes=size, facts=facts)


def _of_struct(thing: Thing) -> list[int] | Any:
    """The size of an array of structures, of which every field holds references; 1 × 1 of a single one."""
    fields = thing.of_kind("dataset")
    many = [one for one in fields if not one.word(CLASS) and one.facts is not None]
    if (
        fields
        and len(many) == len(fields)
        and all(one.facts.dtype == "ref(object)" for one in many if one.facts)
    ):
        return list(reversed(many[0].shape))
    return [1, 1] if thing.word(CLASS) == "struct" else UNSET


def _flat(value: Json) -> list[Json]:
    """The numbers of a small array in MATLAB's order, which is that of the file."""
    if not isinstance(value, list):
        return [] if value is None else [value]
    return [one for part in value for one in (_flat(part) if isinstance(part, list) else [part])]


VIEW = View("matlab", "MATLAB 7.3", plan, read)
