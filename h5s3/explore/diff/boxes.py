"""What of two datasets is compared as it is stored, and what is read in boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

import numpy as np

from h5s3.explore.diff.values import ColumnType, Totals
from h5s3.formats.boxes import POINTED, Cut
from h5s3.formats.selection import whole
from h5s3.sizes import MIB

BATCH = 16 * MIB  # stored bytes whose digests are asked for together
MOST_PIECES = 4096  # likewise
BOX = 16 * MIB  # bytes of values that each side gives at once
LARGEST_WHOLE = 64 * MIB  # bytes of a chunk that is decoded as one
MOST_BOXES = 1_000_000  # of one dataset
Values = np.ndarray[Any, Any]
Bounds = tuple[tuple[int, int], ...]


@dataclass
class Opened:
    """One side of a dataset, as its cell tells it."""

    piece: tuple[int, ...] | None
    whole: bool  # stored bytes tell whether values are alike
    table: Values  # rows as `StoredCells` has them
    columns: list[ColumnType] | None
    itemsize: int
    chunks: tuple[int, ...]
    refused: str

    @property
    def stored(self) -> int:
        """Bytes of all pieces."""
        return int(self.table[:, -2].sum()) if len(self.table) else 0


@dataclass
class Dataset:
    """A dataset of both sides."""

    number: int
    path: str
    shape: tuple[int, ...]
    alike: bool  # stored and defined in the same way
    same_fill: bool
    sides: list[Opened] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)
    compared: int = 0
    left: str = ""  # why it, or a part of it, was not compared

    def miss(self, bounds: Bounds, why: str) -> None:
        """A box that was not compared."""
        self.left = self.left or why
        self.compared -= prod(high - low for low, high in bounds)

    @property
    def pointers(self) -> bool:
        """Whether values come as JSON."""
        return any(one.dtype is None for side in self.sides for one in side.columns or [])


def inside(table: Values, piece: Sequence[int], shape: Sequence[int]) -> bool:
    grid = np.array([-(-size // part) for size, part in zip(shape, piece, strict=True)], dtype="u8")
    return bool((table[:, :-3] < grid).all() and (table[:, -2] < 1 << 40).all())


def paired(one: Dataset) -> tuple[Values, Values]:
    """Rows of both tables for the same pieces, of as many bytes; and the cells of all other pieces.

    Where the fill values differ, or are not known, these others are all that one side lacks, and all that
    both do.
    """
    a, b = (side.table for side in one.sides)
    grid = [-(-size // part) for size, part in zip(one.shape, one.sides[0].piece or (), strict=True)]
    mine, theirs = _keys(a, grid), _keys(b, grid)
    common, rows, others = np.intersect1d(mine, theirs, return_indices=True)
    same = (a[rows, -2] == b[others, -2]) & (a[rows, -1] == b[others, -1])
    left = np.union1d(np.setxor1d(mine, theirs), common[~same])
    if not one.same_fill and len(np.union1d(mine, theirs)) < prod(grid):
        left = np.setdiff1d(np.arange(min(prod(grid), MOST_BOXES)), common[same])
        one.left = "it has too many chunks that were never written" if prod(grid) > MOST_BOXES else ""
    cells = np.array(np.unravel_index(left, grid), dtype="u8").T if len(left) else np.zeros((0, len(grid)))
    order = np.argsort(a[rows[same], -3], kind="stable")
    return np.column_stack([rows[same], others[same]])[order], cells


def _keys(table: Values, grid: Sequence[int]) -> Values:
    cells = tuple(table[:, :-3].astype("i8").T)
    return np.ravel_multi_index(cells, grid) if len(table) else np.zeros(0, dtype="i8")


def parts_of(rows: Values, table: Values) -> Iterator[Values]:
    """Rows whose stored bytes are fetched at once."""
    if not len(rows):
        return
    ends = np.cumsum(table[rows[:, 0], -2])
    at = 0
    while at < len(rows):
        before = int(ends[at - 1]) if at else 0
        stop = int(np.searchsorted(ends, before + BATCH, side="right"))
        stop = min(max(stop, at + 1), at + MOST_PIECES)
        yield rows[at:stop]
        at = stop


def bounds_of(one: Dataset, cells: Values) -> Iterator[Bounds]:
    """The boxes of pieces."""
    return _boxes_of(cells, one.sides[0].piece or (), one.shape)


def _boxes_of(cells: Values, piece: Sequence[int], shape: Sequence[int]) -> Iterator[Bounds]:
    for cell in cells.tolist():
        along = zip(cell, piece, shape, strict=True)
        yield tuple((int(n) * size, min((int(n) + 1) * size, length)) for n, size, length in along)


def itemsize_of(one: Dataset) -> int:
    """Bytes that a value takes on its way."""
    size = max(side.itemsize for side in one.sides)
    return size + POINTED if one.pointers else size


def size_of(one: Dataset, bounds: Bounds) -> int:
    return prod(high - low for low, high in bounds) * itemsize_of(one)


def _cell(one: Dataset) -> tuple[int, ...]:
    """What boxes are made of: chunks that hold those of both sides, or those of one."""
    pairs = zip(one.sides[0].chunks, one.sides[1].chunks, one.shape, strict=True)
    both = tuple(min(max(a, b), size) for a, b, size in pairs)
    wanted = [
        both,
        *sorted((tuple(map(min, side.chunks, one.shape)) for side in one.sides), key=prod, reverse=True),
    ]
    return next((cell for cell in wanted if prod(cell) * itemsize_of(one) <= BOX), wanted[-1])


def all_boxes(one: Dataset) -> Iterable[Bounds] | None:
    """Boxes that hold all values but those that neither side has written and that are alike therefore; None
    where there are too many."""
    cell = _cell(one)
    grid = [-(-size // part) for size, part in zip(one.shape, cell, strict=True)]
    if one.same_fill and one.sides[0].piece and one.sides[1].piece:
        if sum(map(prod, (_reach(side, cell) for side in one.sides))) > MOST_BOXES:
            return None
        touched = sorted(set().union(*(_touched(one, side, cell) for side in one.sides)))
        return _boxes_of(np.array(touched, dtype="u8").reshape(-1, len(cell)), cell, one.shape)
    if prod(grid) > MOST_BOXES:
        return None
    boxes = Cut(whole(one.shape), cell, itemsize_of(one), prod(cell) * itemsize_of(one), BOX).boxes(False)
    return (box.bounds for box in boxes)


def _reach(side: Opened, cell: Sequence[int]) -> list[int]:
    """How many boxes all pieces of a side reach into at the most."""
    return [
        max(1, len(side.table)),
        *(piece // size + 2 for piece, size in zip(side.piece or (), cell, strict=True)),
    ]


def _touched(one: Dataset, side: Opened, cell: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Boxes of this size that pieces of a side have values in."""
    pieces, sizes = side.table[:, :-3], np.array(cell, dtype="u8")
    lows = pieces * np.array(side.piece, dtype="u8")
    highs = np.minimum(lows + np.array(side.piece, dtype="u8"), np.array(one.shape, dtype="u8")) - np.uint64(
        1
    )
    for low, high in zip((lows // sizes).tolist(), (highs // sizes).tolist(), strict=True):
        yield from product(*(range(a, b + 1) for a, b in zip(low, high, strict=True)))


def cut_up(one: Dataset, bounds: Bounds) -> Iterator[Bounds]:
    """A box, in parts where it is too large to be decoded at once."""
    if size_of(one, bounds) <= LARGEST_WHOLE or not bounds:
        yield bounds
        return
    counts = tuple(high - low for low, high in bounds)
    for box in Cut(whole(counts), (1,) * len(counts), itemsize_of(one), 1, BOX).boxes(False):
        yield tuple((low + a, low + b) for (low, _), (a, b) in zip(bounds, box.bounds, strict=True))
