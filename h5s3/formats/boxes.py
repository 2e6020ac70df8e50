"""How a selection is cut into boxes, each read in one round and small enough for the memory.

A box never cuts a chunk where that can be helped, so that no chunk is fetched and decoded twice. Boxes for a
stream follow each other in the order of the values (C order); boxes for a file that can be written anywhere
are blocks of whole chunks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import RefusedError
from h5s3.formats.base import Array
from h5s3.formats.grid import run_shape
from h5s3.formats.selection import Axis, Selection
from h5s3.sizes import MIB
from h5s3.storage.base import Range

Values = np.ndarray[Any, Any]
BOX = 32 * MIB  # bytes of the values of one box, and of what is stored of it; a larger chunk is a box alone
MOST_CELLS = 8192  # chunks (or runs of bytes) of one box
TURN = 8 * MIB  # bytes of the values of one box, where the next are fetched while one is decoded
TURNS = 8  # chunks of such a box, for threads to share
POINTED = 256  # bytes that a value of variable length is taken to have, where boxes are planned
LARGEST_CHUNK = 1024 * MIB  # decoded, unless --max-bytes allows more
MOST_ELSEWHERE = 1024 * MIB  # bytes of one box that are stored apart from it: strings of variable length


@dataclass(frozen=True)
class Box:
    """Positions along each axis of a selection, half-open."""

    bounds: tuple[tuple[int, int], ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many positions of each axis."""
        return tuple(high - low for low, high in self.bounds)

    def part(self, selection: Selection) -> Selection:
        """This box as a selection of the dataset."""
        return tuple(
            replace(axis, start=axis.start + low * axis.step, count=high - low)
            for axis, (low, high) in zip(selection, self.bounds, strict=True)
        )


@dataclass(frozen=True)
class Cut:
    """What a selection is cut by: the shape of a cell and what one costs."""

    selection: Selection
    cell: tuple[int, ...]  # shape of a chunk or run, in elements
    itemsize: int  # bytes of one value in memory
    stored: int  # bytes of one cell at the most, as stored
    limit: int = BOX

    def boxes(self, ordered: bool) -> Iterator[Box]:
        """All boxes; `ordered`: in C order, so that the values of one follow those of the one before."""
        if any(not axis.count for axis in self.selection):
            return
        groups = self._in_order() if ordered else self._anywhere()
        for bounds in _product(self._edges(groups)):
            yield Box(bounds)

    def cells(self, dimension: int) -> int:
        """Cells that the selection touches along a dimension."""
        axis, size = self.selection[dimension], self.cell[dimension]
        return (axis.stop - 1) // size - axis.start // size + 1 if axis.step <= size else axis.count

    def _reach(self, dimension: int) -> int:
        """Selected positions in one cell, at the most."""
        axis = self.selection[dimension]
        return min(axis.count, -(-self.cell[dimension] // axis.step))

    def _fitting(self, positions: int, cells: int) -> int:
        """How many times so many positions in so many cells fit the limits."""
        values = max(1, positions * self.itemsize)
        return min(self.limit // values, self.limit // max(1, cells * self.stored), MOST_CELLS // cells)

    def _in_order(self) -> list[int]:
        """Cells of a box along each axis; 0: one position. Whole axes stand behind the one that is cut."""
        last = len(self.selection) - 1
        for dimension in range(last + 1):
            behind = range(dimension + 1, last + 1)
            positions = self._reach(dimension) * prod(self.selection[d].count for d in behind)
            fitting = self._fitting(positions, prod(self.cells(d) for d in behind))
            if fitting or dimension == last:
                return [0] * dimension + [max(1, fitting)] + [self.cells(d) for d in behind]
        return []

    def _anywhere(self) -> list[int]:
        """Cells of a box along each axis: as many as fit, from the last axis on."""
        groups = [1] * len(self.selection)
        for dimension in reversed(range(len(groups))):
            others = [d for d in range(len(groups)) if d != dimension]
            positions = self._reach(dimension) * prod(
                min(self.selection[d].count, self._reach(d) * groups[d]) for d in others
            )
            fitting = self._fitting(positions, prod(groups[d] for d in others))
            groups[dimension] = max(1, min(self.cells(dimension), fitting))
            if groups[dimension] < self.cells(dimension):
                break
        return groups

    def _edges(self, groups: list[int]) -> list[tuple[Axis, int, int]]:
        return list(zip(self.selection, self.cell, groups, strict=True))


def _product(edges: list[tuple[Axis, int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    """All combinations in C order, none of the axes listed."""
    if not edges:
        yield ()
        return
    for low, high in _along(*edges[0]):
        for rest in _product(edges[1:]):
            yield ((low, high), *rest)


def _along(axis: Axis, size: int, group: int) -> Iterator[tuple[int, int]]:
    """Half-open positions of an axis that lie in so many cells (0: one position each)."""
    low = 0
    while low < axis.count:
        high = low + 1
        if group and axis.step <= size:
            border = ((axis.start + low * axis.step) // size + group) * size
            high = min(axis.count, -(-(border - axis.start) // axis.step))
        elif group:
            high = min(axis.count, low + group)
        yield low, high
        low = high


class BoxReader:
    """A selection of one array of any size, exactly, box by box: each one round of parallel ranges.

    Values come with all dimensions of the array. Raises `RefusedError` for values that are stored elsewhere,
    that no filter here decodes, or in chunks too large.
    """

    def __init__(
        self,
        array: Array,
        selection: Selection,
        max_bytes: int | None = None,
        limit: int | None = None,
        *,
        again: bool = True,
    ) -> None:
        array.refuse()
        self.dtype = array.dtype
        self.selection = selection
        self._array, self._facts, self.limit = array, array.facts, limit or BOX
        self._piece = array.piece()
        self._refuse_chunk(self._cell_bytes, max_bytes)
        self._stored = array.stored(selection)
        if self._stored is not None:
            self._refuse_chunk(self._stored.largest, max_bytes)
        self._delivered = not again  # the question may be asked again until values were handed out
        self._streams = array.streams

    @property
    def _cell(self) -> tuple[int, ...]:
        facts = self._facts
        if facts.layout == "chunked" and facts.chunks:
            return facts.chunks
        if self._piece is not None:
            return self._piece
        return run_shape(facts.shape or (), facts.itemsize)

    @property
    def _cell_bytes(self) -> int:
        return prod(self._cell) * self._facts.itemsize

    def _refuse_chunk(self, size: int, max_bytes: int | None) -> None:
        if size > max(LARGEST_CHUNK, max_bytes or 0):
            raise RefusedError(
                f"one chunk is of {max(1, round(size / MIB))} MiB", hint=f"allow it with --max-bytes {size}"
            )

    def boxes(self, ordered: bool) -> Iterator[Box]:
        """What is read at once, one after the other; `ordered`: in C order."""
        stored = self._cell_bytes if self._stored is None else self._stored.largest
        size = max(self._facts.itemsize, self.dtype.itemsize if self.dtype is not None else 0)
        if self._facts.type_has_pointers:
            size += POINTED
        limit = self.limit
        if self._streams and not ordered:
            limit = min(limit, max(TURN, TURNS * self._cell_bytes))
        return Cut(self.selection, self._cell, size, stored, limit).boxes(ordered)

    def read_all(self, boxes: Iterable[Box], *, raw: bool = False) -> Iterator[tuple[Box, Values]]:
        """Each box with its values, in turn; while one is decoded, those after it are fetched.

        `raw`: the values as stored. For boxes to come no more bytes are held than one box may take.
        """
        read = self.raw if raw else self.values
        try:
            for box in self._announced(iter(boxes)) if self._streams else boxes:
                yield box, read(box)
        finally:
            self._array.drop_ahead()

    def _announced(self, boxes: Iterator[Box]) -> Iterator[Box]:
        """The boxes one after another, those of the next two groups on their way: with one group alone the
        line would be idle for a round trip after each."""
        coming: deque[tuple[list[Box], int]] = deque()
        held = 0
        for group, ranges in self._groups(boxes):
            size = _bytes_of(ranges)
            while coming and (len(coming) > 2 or held - coming[0][1] + size > self.limit):
                held -= coming[0][1]
                yield from coming.popleft()[0]
            self._array.fetch_ahead(ranges)
            coming.append((group, size))
            held += size
        for group, _ in coming:
            yield from group

    def _groups(self, boxes: Iterator[Box]) -> Iterator[tuple[list[Box], list[Range]]]:
        """Boxes that are fetched in one round, and what they need: up to a quarter of what may be held."""
        group: list[Box] = []
        ranges: list[Range] = []
        for box in boxes:
            more = self.ranges(box)
            if group and _bytes_of(ranges) + _bytes_of(more) > self.limit // 4:
                yield group, ranges
                group, ranges = [], []
            group.append(box)
            ranges += more
        if group:
            yield group, ranges

    def ranges(self, box: Box) -> list[Range]:
        """The bytes of the object that a box needs. Strings of variable length are stored elsewhere."""
        part = box.part(self.selection)
        if self._stored is not None:
            return self._stored.ranges(part)
        runs = self._array.runs(part)
        return [] if runs is None else runs.ranges()

    @property
    def none_stored(self) -> bool:
        """Whether no chunk of the selection is stored, as far as is known without a request."""
        return self._stored is not None and not len(self._stored)

    @property
    def never_written(self) -> bool:
        """Whether all of the selection has the fill value."""
        if self._stored is not None:
            return not len(self._stored)
        return self._array.grid().never_written

    def unwritten(self, box: Box) -> bool:
        """Whether nothing of a box was ever written: all of it has the fill value."""
        if self._stored is not None:
            return not self._stored.ranges(box.part(self.selection))
        return self.never_written

    def raw(self, box: Box) -> Values:
        """The values as stored, as opaque bytes. Not for types with pointers."""
        return self._read(box, self._array.raw)

    def values(self, box: Box) -> Values:
        """The values in NumPy's types; dimensions of array types come last."""
        return self._read(box, self._array.exact)

    def _read(self, box: Box, read: Callable[[Selection], Values]) -> Values:
        most = max(MOST_ELSEWHERE, self.limit)
        with (
            self._array.fetched(self.ranges(box)),
            self._array.decoding(most, self._cell_bytes, again=not self._delivered),
        ):
            found = read(box.part(self.selection))
        self._delivered = True
        return found


def _bytes_of(ranges: list[Range]) -> int:
    return sum(stop - start for start, stop in ranges)
