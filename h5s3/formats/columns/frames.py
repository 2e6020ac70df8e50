"""A table that a group holds: columns that are arrays of their own, read together, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import DamagedError
from h5s3.formats.base import Array, Facts, Runs, Stored, ToJson
from h5s3.formats.grid import Cell, Grid, run_shape
from h5s3.formats.names import field_text
from h5s3.formats.selection import Axis, Selection, whole
from h5s3.records import Member, TypeInfo
from h5s3.storage.base import Range

Values = np.ndarray[Any, Any]
LONGEST_TYPE = 200  # characters


@dataclass(frozen=True)
class Column:
    """One column: what is read for it, and how its values are made of that (masked where one is missing)."""

    name: str
    dtype: np.dtype[Any]
    type: TypeInfo
    arrays: tuple[Array, ...]  # of one dimension, all as long as the table
    make: Callable[..., Values] = lambda values: values


class FrameArray(Array):
    """The rows of a table, as compound values. Raises `DamagedError` where columns differ in length."""

    table = True

    def __init__(
        self, path: str, columns: Sequence[Column], left_out: Sequence[str] = (), index: int = 0
    ) -> None:
        self.path, self.group, self.left_out, self.index = path, path, list(left_out), index
        self._columns = _with_names(columns)
        self._arrays = list({id(array): array for column in columns for array in column.arrays}.values())
        self.etag = self._arrays[0].etag
        lengths = {array.facts.shape for array in self._arrays}
        if len(lengths) > 1 or any(len(shape or ()) != 1 for shape in lengths):
            raise DamagedError(f"the columns of {path} are not of one length")
        self.dtype = self.readable = np.dtype([(column.name, column.dtype) for column in self._columns])
        self.facts = self._facts(lengths.pop() or (0,))

    def _facts(self, shape: tuple[int, ...]) -> Facts:
        assert self.dtype is not None
        members = [Member(name=field_text(c.name), offset=0, type=c.type) for c in self._columns]
        text = ", ".join(f"{field_text(c.name)}: {_word(c.dtype)}" for c in self._columns)
        chunks = [array.facts.chunks[0] for array in self._arrays if array.facts.chunks]
        return Facts(
            shape=shape, maxshape=shape, type=TypeInfo(class_="compound", members=members),
            dtype="{" + (text if len(text) < LONGEST_TYPE else text[:LONGEST_TYPE] + "…") + "}",
            size=shape[0], itemsize=self.dtype.itemsize, layout="chunked" if chunks else "contiguous",
            chunks=(max(chunks),) if chunks else None, filters=[], external=[],
        )  # fmt: skip

    def refuse(self) -> None:
        """By each of the arrays."""
        for array in self._arrays:
            array.refuse()

    def converter(self, most: int = 0, *, exact: bool = False) -> ToJson:
        """That of the file."""
        return self._arrays[0].converter(most, exact=exact)

    def read(self, selection: Selection) -> Values:
        """The rows of a selection, masked."""
        return self.exact(selection)

    def exact(self, part: Selection) -> Values:
        """The same."""
        read = {id(array): array.exact(part) for array in self._arrays}
        rows: Any = np.ma.zeros(part[0].count, dtype=self.dtype)
        for column in self._columns:
            rows[column.name] = column.make(*(read[id(array)] for array in column.arrays))
        found: Values = rows
        return found

    def grid(self) -> Grid:
        """Rows that are stored together, in all columns."""
        shape = self.facts.chunks or run_shape(self.facts.shape or (), self.facts.itemsize)
        piece = prod(shape) * self.facts.itemsize
        return _Pieces(
            shape,
            None,
            True,
            piece,
            columns=self.stored(whole(self.facts.shape or ())),
            count=self.facts.size,
        )

    def stored(self, selection: Selection) -> _Together:
        """Where the values of all columns are stored."""
        return _Together(self._arrays, selection)

    def decoding(self, most: int, piece: int, *, again: bool | None = None) -> AbstractContextManager[None]:
        """As for one array of the file."""
        return self._arrays[0].decoding(most, piece, again=again)

    @contextmanager
    def fetched(self, ranges: Iterable[Range]) -> Iterator[None]:
        """As for one array of the file."""
        with self._arrays[0].fetched(ranges):
            yield


class RowsOf(Array):
    """A table of numbers, of one or two dimensions, as its rows: whole ones, or as many as are meant."""

    def __init__(self, table: Array, count: int | None = None) -> None:
        self._table, self._behind = table, whole((table.facts.shape or ())[1:])
        self.path, self.etag, self.dtype, self.readable = table.path, table.etag, table.dtype, table.readable
        shape, chunks = (table.facts.shape or ())[:1], table.facts.chunks
        rows = shape[0] if shape and count is None else count or 0
        width = prod(axis.count for axis in self._behind)
        self.facts = replace(
            table.facts, shape=(rows,), maxshape=(rows,), size=rows, itemsize=width * table.facts.itemsize,
            chunks=chunks[:1] if chunks else None,
        )  # fmt: skip

    def _whole(self, part: Selection) -> Selection:
        return (part[0], *self._behind)

    def refuse(self) -> None:
        """By the table."""
        self._table.refuse()

    def converter(self, most: int = 0, *, exact: bool = False) -> ToJson:
        """That of the table."""
        return self._table.converter(most, exact=exact)

    def read(self, selection: Selection) -> Values:
        """Rows, of two dimensions if the table has two."""
        return self.exact(selection)

    def exact(self, part: Selection) -> Values:
        """The same."""
        if not part[0].count:
            return np.zeros((0, *(axis.count for axis in self._behind)), dtype=self.dtype)
        return self._table.exact(self._whole(part))

    def stored(self, selection: Selection) -> Stored | None:
        """The chunks of whole rows."""
        found = self._table.stored(self._whole(selection))
        return None if found is None else _StoredRows(found, self._whole, found.largest)

    def runs(self, selection: Selection, most: int | None = None) -> Runs | None:
        """The bytes of whole rows."""
        return self._table.runs(self._whole(selection), most) if selection[0].count else None

    def decoding(self, most: int, piece: int, *, again: bool | None = None) -> AbstractContextManager[None]:
        """As for the table."""
        return self._table.decoding(most, piece, again=again)

    @contextmanager
    def fetched(self, ranges: Iterable[Range]) -> Iterator[None]:
        """As for the table."""
        with self._table.fetched(ranges):
            yield


@dataclass(frozen=True)
class _Pieces(Grid):
    """Rows in the arrays of all columns."""

    columns: _Together | None = None
    count: int = 0  # rows

    def cost(self, cell: Cell) -> int:
        """Stored bytes in all columns."""
        return sum(stop - start for start, stop in self.ranges([cell]))

    def ranges(self, cells: Iterable[Cell]) -> list[Range]:
        """Those in all columns."""
        size, found = self.shape[0], []
        for (cell,) in cells:
            rows = Axis(cell * size, 1, min(size, self.count - cell * size))
            found += self.columns.ranges((rows,)) if self.columns is not None else []
        return sorted(set(found))


@dataclass
class _StoredRows:
    """Where the chunks of rows are stored."""

    table: Stored
    whole: Callable[[Selection], Selection]
    largest: int

    def __len__(self) -> int:
        return len(self.table)

    def ranges(self, part: Selection) -> list[Range]:
        return self.table.ranges(self.whole(part))


class _Together:
    """The stored bytes of several arrays."""

    def __init__(self, arrays: Sequence[Array], selection: Selection) -> None:
        self._parts = [(array, array.stored(selection)) for array in arrays]
        self.largest = max((stored.largest for _, stored in self._parts if stored is not None), default=0)

    def __len__(self) -> int:
        return 1

    def ranges(self, part: Selection) -> list[Range]:
        found = []
        for array, stored in self._parts:
            if stored is not None:
                found += stored.ranges(part)
            elif (runs := array.runs(part)) is not None:
                found += runs.ranges()
        return found


def _with_names(columns: Sequence[Column]) -> list[Column]:
    """Columns of different names: what was met before gets a number."""
    found: dict[str, Column] = {}
    for column in columns:
        name, number = column.name, 2
        while name in found:
            name, number = f"{column.name}_{number}", number + 1
        found[name] = Column(name, column.dtype, column.type, column.arrays, column.make)
    return list(found.values())


def _word(dtype: np.dtype[Any]) -> str:
    return "str" if dtype.kind in "SO" else dtype.name


def gaps(values: Values, mask: Values) -> Values:
    """Values of which some are missing."""
    return np.ma.MaskedArray(values, mask.astype(bool))


def chosen(categories: Values) -> Callable[[Values], Values]:
    """Codes as the categories that they stand for; negative ones mean that a value is missing."""
    most = len(categories)

    def make(codes: Values) -> Values:
        if codes.size and int(codes.max()) >= most:
            raise DamagedError("a code stands for no category")
        missing = codes < 0
        if not most:
            return np.ma.MaskedArray(np.zeros(codes.shape, dtype=categories.dtype), missing)
        return np.ma.MaskedArray(categories[np.where(missing, 0, codes)], missing)

    return make
