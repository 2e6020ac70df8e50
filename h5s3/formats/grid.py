"""The pieces of a dataset that are stored together: its chunks, or runs of contiguous bytes.

A read within a budget is planned in pieces, each one exact range of the object.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd, prod
from typing import Any, Protocol

from h5s3.formats.selection import Axis, Selection
from h5s3.storage.base import Range

RUN = 64 * 1024  # bytes of a contiguous dataset that make one piece
Cell = tuple[int, ...]  # number of a piece along each dimension

NOWHERE: dict[Cell, Range] = {}  # nothing was ever written


class Places(Protocol):
    """Where the pieces are stored, as bytes of the object."""

    def get(self, cell: Cell, /) -> Range | None:
        """The range of one piece; None where it was never written."""


@dataclass(frozen=True)
class Grid:
    """How a dataset is cut into pieces. `places` tells where a piece is stored; absent: never written."""

    shape: tuple[int, ...]  # of one piece, in elements
    places: Places | None  # None: nothing to fetch (compact, virtual, or not known)
    complete: bool = True  # False: other pieces may be stored too, or elsewhere
    piece_bytes: int = 0  # of one piece once decoded
    cut: bool = False  # there are more chunks than were looked up

    @property
    def never_written(self) -> bool:
        """Whether no piece is stored at all."""
        return self.complete and self.places is NOWHERE

    def written(self, cell: Cell) -> bool:
        """Whether a piece may be stored: what is not has the fill value."""
        return self.places is None or not self.complete or self.places.get(cell) is not None

    def cost(self, cell: Cell) -> int:
        """Stored bytes of one piece."""
        if self.places is None:
            return 0
        start, stop = self.places.get(cell) or (0, 0)
        return stop - start

    def ranges(self, cells: Iterable[Cell]) -> list[Range]:
        """The bytes of pieces. What was never written has none."""
        if self.places is None:
            return []
        return [place for cell in cells if (place := self.places.get(cell)) is not None]


def run_shape(shape: tuple[int, ...], itemsize: int, most: int = RUN) -> tuple[int, ...]:
    """The largest box that is one run of bytes and no longer than `most` bytes."""
    run = [1] * len(shape)
    left = max(1, most // max(1, itemsize))
    for dimension in reversed(range(len(shape))):
        run[dimension] = max(1, min(shape[dimension], left))
        if run[dimension] < shape[dimension]:
            break
        left //= max(1, shape[dimension])
    return tuple(run)


class Cells(Sequence[Cell]):
    """The cells of a grid that a selection has elements in: counted and drawn from without listing them."""

    def __init__(self, grid: Grid, selection: Selection) -> None:
        self._axes = [cells_along(axis, size) for axis, size in zip(selection, grid.shape, strict=True)]
        self._count = prod(len(axis) for axis in self._axes)

    def __len__(self) -> int:
        return min(self._count, sys.maxsize)

    def __getitem__(self, index: Any) -> Any:
        found = []
        for axis in reversed(self._axes):
            index, position = divmod(index, len(axis))
            found.append(axis[position])
        return tuple(reversed(found))

    def __iter__(self) -> Iterator[Cell]:
        return itertools.product(*self._axes)

    def __contains__(self, cell: Any) -> bool:
        return all(index in axis for index, axis in zip(cell, self._sets, strict=True))

    @cached_property
    def _sets(self) -> list[range | set[int]]:
        return [axis if isinstance(axis, range) else set(axis) for axis in self._axes]


def evenly(cells: Sequence[Cell]) -> Iterator[Cell]:
    """Cells in an order of which every beginning is spread evenly: steps of the golden ratio."""
    count = len(cells)
    step = max(1, round(count * 0.6180339887498949))
    while gcd(step, count) != 1:
        step += 1
    for number in range(count):
        yield cells[number * step % count]


def stored_cells(grid: Grid, selection: Selection) -> Sequence[Cell]:
    """Cells of a selection that have bytes, in order; where not all chunks are known, all cells."""
    cells = Cells(grid, selection)
    if not isinstance(grid.places, dict) or not grid.complete:
        return cells
    if len(grid.places) <= len(cells):
        return sorted(cell for cell in grid.places if cell in cells)
    return [cell for cell in cells if cell in grid.places]


def cells_along(axis: Axis, size: int) -> Sequence[int]:
    """The cells of one dimension, each `size` long, in which something is selected, in order."""
    if not axis.count:
        return range(0)
    if axis.step <= size:
        return range(axis.start // size, (axis.stop - 1) // size + 1)
    return [(axis.start + position * axis.step) // size for position in range(axis.count)]
