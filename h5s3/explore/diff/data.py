"""Values of datasets: stored bytes first, then what is decoded of pieces whose bytes differ.

Datasets are opened in groups, so that their rounds are shared. No side decodes more than a box at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite, prod
from typing import Any

import numpy as np

from h5s3.explore.diff.compare import Key, Side
from h5s3.explore.diff.definitions import dataset_changes
from h5s3.explore.diff.readers import Readers, Report
from h5s3.explore.diff.reading import DIGEST, Job
from h5s3.explore.diff.values import (
    ColumnType,
    Found,
    Tolerance,
    Totals,
    columns_told,
    comparable,
    values_of,
)
from h5s3.formats.boxes import POINTED, Cut
from h5s3.formats.selection import whole
from h5s3.records import UNSET, Changed, NotCompared, OutlinedObject
from h5s3.sizes import MIB, size_text

TOGETHER = 500  # datasets that are opened together
LARGE = 64 * MIB  # bytes of values of such
BATCH = 16 * MIB  # stored bytes whose digests are asked for together
MOST_PIECES = 4096  # likewise
BOX = 8 * MIB  # bytes of values that each side gives at once
MOST_VALUES = 1 << 20  # likewise
LARGEST_WHOLE = 64 * MIB  # bytes of a chunk that is decoded as one
MOST_BOXES = 1_000_000  # of one dataset
DIFFER = "its shapes or types differ"  # which is told of it
NOT_REACHED = "--max-bytes was reached"
Values = np.ndarray[Any, Any]
Bounds = tuple[tuple[int, int], ...]
Pair = tuple[Key, OutlinedObject, OutlinedObject]
Event = Changed | NotCompared


@dataclass
class _Opened:
    """One side of a dataset, as its cell tells it."""

    piece: tuple[int, ...] | None
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
class _Dataset:
    """A dataset of both sides."""

    number: int
    path: str
    shape: tuple[int, ...]
    alike: bool  # stored and defined in the same way
    same_fill: bool
    sides: list[_Opened] = field(default_factory=list)
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


class DataComparison:
    """Compares datasets of two sides. `most`: stored bytes that both together may take."""

    def __init__(
        self, readers: Readers, sides: tuple[Side, Side], shared: bool, tolerance: Tolerance, most: int | None
    ) -> None:
        self._readers, self._sides, self._shared = readers, sides, shared
        self._tolerance, self._left = tolerance, most
        self._names = [side.names() for side in sides]
        self.compared = 0  # values

    def events(self, pairs: Sequence[Pair]) -> Iterator[tuple[Key, list[Event]]]:
        """What differs of each dataset, in their order."""
        for group in _groups(pairs):
            datasets = [self._dataset(number, pair) for number, pair in enumerate(group)]
            self._open([one for one in datasets if not one.left], group)
            self._undecoded([one for one in datasets if not one.left and one.alike])
            self._decoded([one for one in datasets if not one.left and not one.alike])
            for (key, *_), one in zip(group, datasets, strict=True):
                self.compared += one.compared
                yield key, _events(one)

    # ---------------------------------------------------------------------------------------------- open

    def _dataset(self, number: int, pair: Pair) -> _Dataset:
        _, a, b = pair
        assert a.dataset is not UNSET and b.dataset is not UNSET
        types = self._sides[0].types, self._sides[1].types
        names = {name for name, *_ in dataset_changes((a.dataset, b.dataset), types, self._shared)}
        fills = [
            one.fill_value.digest if one.fill_value is not UNSET else "" for one in (a.dataset, b.dataset)
        ]
        one = _Dataset(
            number=number,
            path=self._sides[0].path(a),
            shape=tuple(a.dataset.shape or ()),
            alike=not self._shared and not names - {"maxshape", "fill_value", "type_name"},
            same_fill=fills[0] == fills[1],
        )
        if "shape" in names:
            one.left = DIFFER
        elif a.dataset.shape is None or 0 in a.dataset.shape:
            one.left = " "  # there is nothing
        return one

    def _open(self, datasets: Sequence[_Dataset], group: Sequence[Pair]) -> None:
        if not datasets:
            return
        numbers = [one.number for one in datasets]
        paths = zip(*(self._paths(group[number]) for number in numbers), strict=True)
        jobs: list[Job] = [{"kind": "open", "numbers": numbers, "paths": list(side)} for side in paths]
        for report in self._readers.ask(jobs):
            if not isinstance(report.head, list) or len(report.head) != len(datasets):
                raise report.nonsense()
            for one, told in zip(datasets, report.head, strict=True):
                self._told(one, report, told)
        for one in datasets:
            one.left = one.left or self._unfit(one)

    def _paths(self, pair: Pair) -> tuple[str, str]:
        _, a, b = pair
        return self._sides[0].path(a), self._sides[1].path(b)

    def _told(self, one: _Dataset, report: Report, told: Any) -> None:
        try:
            if "error" in told:
                one.left = one.left or f"{told['error']} ({report.place.display})"
                return
            piece = None if told["piece"] is None else tuple(map(int, told["piece"]))
            rows, columns = int(told["rows"]), len(one.shape) + 3
            table = np.frombuffer(report.take(8 * rows * columns), dtype="<u8").reshape(rows, columns)
            chunks = tuple(map(int, told["chunks"]))
            refused, itemsize = str(told["refused"]), int(told["itemsize"])
        except (TypeError, KeyError, ValueError):
            raise report.nonsense() from None
        types = None if told["columns"] is None else columns_told(report, told["columns"])
        sizes = [*(piece or ()), *chunks, itemsize]
        if any(not 0 < size < 1 << 62 for size in sizes) or len(chunks) != len(one.shape):
            raise report.nonsense()
        if piece is not None and (len(piece) != len(one.shape) or not _inside(table, piece, one.shape)):
            raise report.nonsense()
        one.sides.append(_Opened(piece, table, types, itemsize, chunks, refused))

    def _unfit(self, one: _Dataset) -> str:
        """Why a dataset cannot be compared; nothing for one that can."""
        a, b = one.sides
        one.alike = one.alike and a.piece is not None and a.piece == b.piece
        refused = a.refused or b.refused
        if not one.alike and refused:
            return refused
        if not refused and not comparable(a.columns or [], b.columns or []):
            return DIFFER
        cost = a.stored + b.stored
        if self._left is not None:
            if cost > self._left:
                return f"{NOT_REACHED}: it takes {size_text(cost)}"
            self._left -= cost
        grid = [-(-size // part) for size, part in zip(one.shape, a.piece or one.shape, strict=True)]
        return "" if prod(grid) < 1 << 62 else "it has more chunks than can be counted"

    # ----------------------------------------------------------------------------------------- undecoded

    def _undecoded(self, datasets: Sequence[_Dataset]) -> None:
        """By digests of stored bytes; what differs is decoded while these bytes are still there."""
        batch: list[tuple[_Dataset, Values, Values]] = []
        size = pieces = 0
        for one in datasets:
            both, others = _paired(one)
            one.compared += prod(one.shape)
            self._boxes(one, others)
            for rows in _parts(both, one.sides[0].table):
                bytes_ = int(one.sides[0].table[rows[:, 0], -2].sum())
                if batch and (size + bytes_ > BATCH or pieces + len(rows) > MOST_PIECES):
                    self._digests(batch)
                    batch, size, pieces = [], 0, 0
                batch.append((one, rows[:, 0], rows[:, 1]))
                size, pieces = size + bytes_, pieces + len(rows)
        if batch:
            self._digests(batch)

    def _digests(self, batch: Sequence[tuple[_Dataset, Values, Values]]) -> None:
        jobs = [
            {"kind": "digests", "rows": [[one.number, rows[side].tolist()] for one, *rows in batch]}
            for side in (0, 1)
        ]
        reports = self._readers.ask(jobs)
        count = sum(len(rows) for _, rows, _ in batch)
        made = [np.frombuffer(one.take(DIGEST * count), dtype=(np.void, DIGEST)) for one in reports]
        differ = (made[0] != made[1]) | (made[0] == np.void(bytes(DIGEST)))
        at = 0
        wanted: list[tuple[_Dataset, Bounds]] = []
        for one, rows, _ in batch:
            cells = one.sides[0].table[rows[differ[at : at + len(rows)]], :-3]
            wanted += [(one, bounds) for bounds in _bounds(one, cells)]
            at += len(rows)
        self._read(wanted, keep=True)

    def _boxes(self, one: _Dataset, cells: Values) -> None:
        """Decode pieces that are on one side alone, or have not the same length."""
        self._read([(one, bounds) for bounds in _bounds(one, cells)])

    # ------------------------------------------------------------------------------------------- decoded

    def _decoded(self, datasets: Sequence[_Dataset]) -> None:
        """Box by box."""
        wanted: list[tuple[_Dataset, Bounds]] = []
        size = 0
        for one in datasets:
            a, b = one.sides
            if one.same_fill and a.piece and b.piece and not len(a.table) and not len(b.table):
                one.compared = prod(one.shape)  # nothing was ever written
                continue
            cell = _cell(one)
            boxes = Cut(whole(one.shape), cell, _itemsize(one), prod(cell) * _itemsize(one), BOX).boxes(False)
            count = prod(-(-size // part) for size, part in zip(one.shape, cell, strict=True))
            if count > MOST_BOXES:
                one.left = "it has too many chunks that were never written"
                continue
            one.compared = prod(one.shape)
            for box in boxes:
                wanted.append((one, box.bounds))
                size += _size(one, box.bounds)
                if size > BOX or len(wanted) >= MOST_PIECES:
                    self._read(wanted)
                    wanted, size = [], 0
        self._read(wanted)

    def _read(self, wanted: Sequence[tuple[_Dataset, Bounds]], keep: bool = False) -> None:
        """Compare the values of boxes, as many at once as there is room for."""
        some: list[tuple[_Dataset, Bounds]] = []
        size = 0
        for one, bounds in wanted:
            refused = one.sides[0].refused or one.sides[1].refused
            if refused:
                one.miss(bounds, refused)
                continue
            for part in _cut(one, bounds):
                more = _size(one, part)
                if some and size + more > BOX:
                    self._compare(some, keep)
                    some, size = [], 0
                some.append((one, part))
                size += more
        if some:
            self._compare(some, keep)

    def _compare(self, boxes: Sequence[tuple[_Dataset, Bounds]], keep: bool) -> None:
        job = {"kind": "values", "boxes": [[one.number, bounds] for one, bounds in boxes], "keep": keep}
        reports = self._readers.ask([job, job])
        for report in reports:
            if not isinstance(report.head, list) or len(report.head) != len(boxes):
                raise report.nonsense()
        for at, (one, bounds) in enumerate(boxes):
            found = [self._values(side, one, bounds, report, at) for side, report in enumerate(reports)]
            if found[0] is None or found[1] is None:
                one.miss(bounds, self._why(reports, at))
                continue
            for column, a, b in zip(one.sides[0].columns or [], found[0], found[1], strict=True):
                one.totals.take(column.name, (a, b), bounds, self._tolerance)

    def _why(self, reports: Sequence[Report], at: int) -> str:
        """Why a box could not be read, and on which side."""
        failed = [one for one in reports if isinstance(one.head[at], dict)]
        return f"{failed[0].head[at].get('error', '')} ({failed[0].place.display})"

    def _values(
        self, side: int, one: _Dataset, bounds: Bounds, report: Report, at: int
    ) -> list[Values] | None:
        told, columns = report.head[at], one.sides[side].columns or []
        if isinstance(told, dict):
            return None
        if not isinstance(told, list) or len(told) != len(columns):
            raise report.nonsense()
        count = prod(high - low for low, high in bounds)
        names = self._names[side]
        return [
            values_of(report, column, count, int(size), lambda text: _named(text, names))
            for column, size in zip(columns, told, strict=True)
        ]


def _named(text: str, names: dict[str, str]) -> str:
    """A reference by the path of what it points to."""
    address, bracket, rest = text.partition("[")
    return names.get(address, address) + bracket + rest


def _groups(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    """Datasets that are opened together."""
    some: list[Pair] = []
    size = 0
    for pair in pairs:
        more = pair[1].dataset.nbytes if pair[1].dataset is not UNSET else 0
        if some and (len(some) >= TOGETHER or size + more > LARGE):
            yield some
            some, size = [], 0
        some.append(pair)
        size += more
    if some:
        yield some


def _inside(table: Values, piece: Sequence[int], shape: Sequence[int]) -> bool:
    grid = np.array([-(-size // part) for size, part in zip(shape, piece, strict=True)], dtype="u8")
    return bool((table[:, :-3] < grid).all() and (table[:, -2] < 1 << 40).all())


def _paired(one: _Dataset) -> tuple[Values, Values]:
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


def _parts(rows: Values, table: Values) -> Iterator[Values]:
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


def _bounds(one: _Dataset, cells: Values) -> Iterator[Bounds]:
    """The boxes of cells."""
    piece = one.sides[0].piece or ()
    for cell in cells.tolist():
        along = zip(cell, piece, one.shape, strict=True)
        yield tuple((int(n) * size, min((int(n) + 1) * size, length)) for n, size, length in along)


def _itemsize(one: _Dataset) -> int:
    """Bytes that a value takes on its way."""
    size = max(side.itemsize for side in one.sides)
    return size + POINTED if one.pointers else max(size, BOX // MOST_VALUES)


def _size(one: _Dataset, bounds: Bounds) -> int:
    return prod(high - low for low, high in bounds) * _itemsize(one)


def _cell(one: _Dataset) -> tuple[int, ...]:
    """What boxes are made of: chunks that hold those of both sides, or those of one."""
    pairs = zip(one.sides[0].chunks, one.sides[1].chunks, one.shape, strict=True)
    both = tuple(min(max(a, b), size) for a, b, size in pairs)
    return both if prod(both) * _itemsize(one) <= BOX else tuple(map(min, one.sides[0].chunks, one.shape))


def _cut(one: _Dataset, bounds: Bounds) -> Iterator[Bounds]:
    """A box, in parts where it is too large to be decoded at once."""
    if _size(one, bounds) <= max(BOX, min(LARGEST_WHOLE, BOX * 8)) or not bounds:
        yield bounds
        return
    counts = tuple(high - low for low, high in bounds)
    for box in Cut(whole(counts), (1,) * len(counts), _itemsize(one), 1, BOX).boxes(False):
        yield tuple((low + a, low + b) for (low, _), (a, b) in zip(bounds, box.bounds, strict=True))


def _events(one: _Dataset) -> list[Event]:
    """What is told of a dataset."""
    found: list[Event] = [_changed(one, column) for column in one.totals.columns.values()]
    if one.left.strip() and one.left != DIFFER:
        found.append(NotCompared(path=one.path, reason=f"values: {one.left}"))
    return found


def _changed(one: _Dataset, column: Found) -> Changed:
    made = Changed(
        path=one.path,
        field="data",
        a=column.a,
        b=column.b,
        column=column.name or UNSET,
        num_different=column.different,
        num_compared=one.compared,
        first=list(column.first or ()),
    )
    for side in ("a", "b"):
        value = getattr(made, side)
        if isinstance(value, float) and not isfinite(value):
            setattr(made, f"{side}_nan_count" if value != value else f"{side}_inf_count", 1)
    if column.numbers:
        made.max_difference, made.max_relative = column.largest, column.largest_relative
    return made
