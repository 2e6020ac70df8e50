"""How a selection is cut into boxes, each read in one round and small enough for the memory.

A box never cuts a chunk where that can be helped, so that no chunk is fetched and decoded twice. Boxes for a
stream follow each other in the order of the values (C order); boxes for a file that can be written anywhere
are blocks of whole chunks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from h5s3.formats.selection import Axis, Selection
from h5s3.sizes import MIB

BOX = 32 * MIB  # bytes of the values of one box, and of what is stored of it; a larger chunk is a box alone
MOST_CELLS = 8192  # chunks (or runs of bytes) of one box


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
