"""Frames and series that pandas stores in its format "fixed": an array for each axis, and for each block.

A frame has `axis0` (names of columns), `axis1` (the index), and for each block of columns of one type
`block0_items` and `block0_values`; a series has `index` and `values`. An axis of several levels is stored as
`axis1_level0`, `axis1_label0`, … (pandas/io/pytables.py, `GenericFixed`). Text in values is pickled, and so
left out: nothing is unpickled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from h5py import h5a, h5d, h5g

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.base import Array
from h5s3.formats.cf import text
from h5s3.formats.columns.frames import Column, FrameArray, RowsOf, chosen
from h5s3.formats.hdf5.conventions.pandas_values import (
    Meaning,
    days,
    listed,
    named,
    plain,
    times,
    truths,
    without,
)
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.metadata.node import OBJECT
from h5s3.formats.hdf5.objects.attributes import named_value, named_values
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, get_link, open_link
from h5s3.formats.names import join, text_of
from h5s3.formats.selection import whole
from h5s3.records import Json, TypeInfo
from h5s3.sizes import MIB

FRAMES = ("frame", "series")
MOST = 10_000  # blocks or levels
MOST_COLUMNS = 50_000
LARGEST_LABELS = 64 * MIB  # of all names together
GAP = b"nan_rep"  # what stands for missing text in an index
ABOUT = [b"kind", b"name", b"value_type", b"shape", b"index_class", GAP]
PICKLED, PERIODS = "pickled Python objects", "periods"
Values = np.ndarray[Any, Any]


def pandas_frame(file: OpenFile, found: Found) -> FrameArray | None:
    """The table that a group is, or None. Raises `RefusedError` where all its columns are pickled."""
    group = found.object
    if not isinstance(group, h5g.GroupID):
        return None
    kind = text(named_value(file, group, b"pandas_type"))
    if kind not in FRAMES:
        return None
    made = _Series(file, found) if kind == "series" else _Frame(file, found)
    return made.table() if made.whole else None


@dataclass(frozen=True)
class _Node:
    """One array of the group, and what is said of it."""

    array: Hdf5Array
    about: dict[bytes, Json]

    @property
    def name(self) -> str:
        return named(self.about.get(b"name"))

    @cached_property
    def rows(self) -> Array:
        """Its rows: whole ones of a block. None of what stands for an array without elements."""
        empty = "0" in listed(self.about.get(b"shape"))  # which PyTables cannot store
        return RowsOf(self.array, 0 if empty else None) if empty or self.array.facts.ndim == 2 else self.array

    @cached_property
    def meaning(self) -> Meaning | None:
        """What the values stand for; None for what is stored as pickles, and for periods."""
        base = self.array.dtype
        kind = text(self.about.get(b"kind")) or text(self.about.get(b"value_type"))
        if base is None or base.names or base.subdtype or text(self.about.get(b"index_class")) == "period":
            return None
        if self.array.facts.type.class_ == "bitfield" or (kind == "bool" and base.kind in "iu"):
            return np.dtype("?"), truths
        if kind == "date" and base.kind == "i":
            return np.dtype("M8[D]"), days
        if base.kind == "S":
            gap = text(self.about.get(GAP)) if h5a.exists(self.array.dataset, GAP) else "nan"
            return base, without(gap.encode()) if gap else plain
        return times(kind, base) or ((base, plain) if base.kind in "iufcb" else None)

    @property
    def hidden(self) -> str:
        """What the values are, where they have no meaning here."""
        return PERIODS if text(self.about.get(b"index_class")) == "period" else PICKLED

    def column(self, name: str, number: int | None = None) -> Column:
        """Its values as a column, of a block one of them."""
        assert self.meaning is not None
        dtype, convert = self.meaning
        return _column(
            name, dtype, self, convert if number is None else lambda rows: convert(rows[:, number])
        )


class _Stored(ABC):
    """What pandas stores in a group: arrays for each axis, and for the values."""

    index: str  # the name of its array

    def __init__(self, file: OpenFile, found: Found) -> None:
        self.file, self.found, self.path = file, found, text_of(found.path)
        self._about: dict[str, Json] = {}
        self._nodes: dict[str, _Node] = {}
        self._labels: dict[str, Values] = {}
        self.whole = self._read()

    @abstractmethod
    def _read(self) -> bool:
        """Open the arrays, and read what is needed to know the columns; whether it is all there."""

    @abstractmethod
    def _columns(self) -> tuple[list[Column], list[str]]:
        """The columns of values, and the names of those that are pickled."""

    def table(self) -> FrameArray | None:
        """The index and the columns."""
        index, without = self._index()
        columns, left_out = self._columns()
        if left_out and not columns:
            raise RefusedError(
                f"{self.path}: {', '.join(left_out)}: {PICKLED}, which are never loaded",
                hint="write it again with format='table'",
            )
        if left_out:
            without += [f"{', '.join(left_out)} ({PICKLED})"]
        return FrameArray(self.path, index + columns, without, len(index)) if index + columns else None

    # ------------------------------------------------------------------------------------ what is stored

    def _ask(self, names: Sequence[str]) -> None:
        found = named_values(self.file, self.found.object, [name.encode() for name in names])
        self._about |= {name.decode(): value for name, value in found.items()}

    def _ask_axes(self, axes: Sequence[str]) -> None:
        self._ask([f"{axis}_{end}" for axis in axes for end in ("variety", "nlevels")])

    def _count(self, name: str) -> int:
        count = self._about.get(name)
        if isinstance(count, int) and count > MOST:
            raise RefusedError(f"{self.path} has too many parts to be read as a table")
        return count if isinstance(count, int) and count > 0 else 0

    def _levels(self, axis: str) -> list[tuple[str, str]]:
        """The arrays of the values and of the codes of each level of an axis; none where it has but one."""
        if text(self._about.get(f"{axis}_variety")) != "multi":
            return []
        numbers = range(self._count(f"{axis}_nlevels"))
        return [(f"{axis}_level{number}", f"{axis}_label{number}") for number in numbers]

    def _arrays(self, axis: str) -> list[str]:
        """The arrays that an axis is stored in."""
        levels = self._levels(axis)
        return [name for level in levels for name in level] if levels else [axis]

    def _open(self, names: Sequence[str]) -> bool:
        """All arrays of these names, in one round, and what is said of them; whether all are there."""
        group = self.found.object
        links = {name: get_link(group, name.encode()) for name in names}
        there = {name: link for name, link in links.items() if link is not None and link.address is not None}
        addresses = [link.address for link in there.values() if link.address is not None]
        self.file.prefetch_objects(addresses, OBJECT)
        for name, link in there.items():
            opened = open_link(group, link)
            if isinstance(opened, h5d.DatasetID):
                found = Found(join(self.found.path, name.encode()), group, link, opened)
                array = Hdf5Array(self.file, opened, found)
                self._nodes[name] = _Node(array, named_values(self.file, opened, ABOUT))
        return all(name in self._nodes for name in names)

    def _read_labels(self, names: Sequence[str]) -> None:
        """The values of these arrays, in shared rounds. What is pickled has none."""
        nodes = {name: self._nodes[name] for name in names if self._nodes[name].meaning is not None}
        if sum(node.array.facts.nbytes for node in nodes.values()) > LARGEST_LABELS:
            raise RefusedError(f"the labels of {self.path} are larger than {LARGEST_LABELS // MIB} MiB")

        def read(node: _Node) -> Values | Exception:
            node.rows.refuse()
            return node.rows.exact(whole(node.rows.facts.shape or ()))

        calls = [partial(read, node) for node in nodes.values()]
        found = gather(self.file.blocks, calls, lambda _, error: error)
        for (name, node), values in zip(nodes.items(), found, strict=True):
            if isinstance(values, H5s3Error):
                raise values
            if isinstance(values, Exception) or node.meaning is None or values.ndim != 1:
                raise DamagedError(f"the names in {node.array.path} cannot be read")
            self._labels[name] = node.meaning[1](values)

    # ------------------------------------------------------------------------------------------- columns

    def _index(self) -> tuple[list[Column], list[str]]:
        """The columns of the index, and the names of those that cannot be read."""
        node = self._nodes.get(self.index)
        if node is not None:
            name = node.name or "index"
            return ([], [f"{name} ({node.hidden})"]) if node.meaning is None else ([node.column(name)], [])
        found: list[Column] = []
        left_out: list[str] = []
        for number, (level, codes) in enumerate(self._levels(self.index)):
            name = self._nodes[level].name or f"level_{number}"
            dtype = self._nodes[codes].array.dtype
            if level in self._labels and dtype is not None and dtype.kind in "iu":
                values = self._labels[level]
                found.append(_column(name, values.dtype, self._nodes[codes], chosen(values)))
            else:
                left_out.append(f"{name} ({self._nodes[level].hidden})")
        return found, left_out

    def _names(self, axis: str) -> list[str]:
        """The labels of an axis as text; those of several levels with full stops between them."""
        levels = self._levels(axis)
        if not levels:
            return _texts(self._labels[axis]) if axis in self._labels else []
        if any(name not in self._labels for name in self._arrays(axis)):
            return []
        columns = [_texts(chosen(self._labels[level])(self._labels[codes])) for level, codes in levels]
        return [".".join(row) for row in zip(*columns, strict=False)]


class _Series(_Stored):
    """One column of values."""

    index = "index"

    def _read(self) -> bool:
        self._ask(["name"])
        self._ask_axes([self.index])
        there = self._open([*self._arrays(self.index), "values"])
        if there:
            self._read_labels([level for level, _ in self._levels(self.index)])
        return there

    def _columns(self) -> tuple[list[Column], list[str]]:
        node, name = self._nodes["values"], named(self._about.get("name")) or "values"
        return ([], [name]) if node.meaning is None else ([node.column(name)], [])


class _Frame(_Stored):
    """Columns in blocks of one type."""

    index = "axis1"

    def _read(self) -> bool:
        self._ask(["nblocks"])
        self._blocks = [f"block{number}" for number in range(self._count("nblocks"))]
        items = [f"{block}_items" for block in self._blocks]
        self._ask_axes(["axis0", self.index, *items])
        names = [name for axis in ("axis0", *items) for name in self._arrays(axis)]
        values = [f"{block}_values" for block in self._blocks]
        there = self._open([*self._arrays(self.index), *names, *values])
        if there:
            if sum(self._nodes[name].array.facts.size for name in names) > 4 * MOST_COLUMNS:  # twice, levels
                raise RefusedError(f"{self.path} has too many columns to be read as a table")
            self._read_labels(names + [level for level, _ in self._levels(self.index)])
        return there

    def _columns(self) -> tuple[list[Column], list[str]]:
        """In the order of the frame."""
        columns: list[Column] = []
        left_out: list[str] = []
        for block in self._blocks:
            node, names = self._nodes[f"{block}_values"], self._names(f"{block}_items")
            if node.meaning is None:
                left_out += names or [block]
                continue
            self._check(node, names)
            columns += [node.column(name, number) for number, name in enumerate(names)]
        places = {name: number for number, name in enumerate(self._names("axis0"))}
        return sorted(columns, key=lambda column: places.get(column.name, len(places))), left_out

    def _check(self, node: _Node, names: list[str]) -> None:
        """Raise `DamagedError` where a block has more or fewer columns than names."""
        shape = node.array.facts.shape or ()
        if node.rows.facts.size and (len(shape) != 2 or shape[1] != len(names)):
            raise DamagedError(f"{node.array.path} does not fit the names of its columns")


def _column(name: str, dtype: np.dtype[Any], node: _Node, make: Callable[..., Values]) -> Column:
    kind = TypeInfo(class_="string" if dtype.kind == "S" else "integer", size=dtype.itemsize)
    return Column(name, dtype, kind, (node.rows,), make)


def _texts(labels: Values) -> list[str]:
    return [text_of(item) if isinstance(item, bytes) else str(item) for item in np.ma.getdata(labels)]
