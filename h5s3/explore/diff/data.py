"""Values of datasets: stored bytes first, then what is decoded of pieces whose bytes differ.

Datasets are opened in groups, so that their rounds are shared. No side decodes more than a box at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite, prod
from typing import Any

import numpy as np

from h5s3.explore.diff import boxes
from h5s3.explore.diff.boxes import (
    Bounds,
    Dataset,
    Opened,
    all_boxes,
    bounds_of,
    cut_up,
    inside,
    itemsize_of,
    paired,
    parts_of,
    size_of,
)
from h5s3.explore.diff.compare import Key, Side, plain_value
from h5s3.explore.diff.definitions import dataset_changes
from h5s3.explore.diff.readers import Readers, Report
from h5s3.explore.diff.reading import DIGEST, Job
from h5s3.explore.diff.values import (
    Found,
    Tolerance,
    columns_told,
    comparable,
    values_of,
)
from h5s3.records import UNSET, Changed, NotCompared, OutlinedObject
from h5s3.sizes import MIB, size_text

TOGETHER = 500  # datasets that are opened together
LARGE = 64 * MIB  # bytes of values of such
MOST_LOOKED_AT = 32 * MIB  # bytes of all such
LOOK = 64 * 1024  # bytes of a dataset that are looked at to know it again
DIFFER = "its shapes or types differ"  # which is told of it
NOT_REACHED = "--max-bytes was reached"
Values = np.ndarray[Any, Any]
Pair = tuple[Key, OutlinedObject, OutlinedObject]
Rows = tuple[Dataset, Values, Values]  # of the tables of both sides
Event = Changed | NotCompared


class DataComparison:
    """Compares datasets of two sides. `most`: stored bytes that both together may take."""

    def __init__(
        self,
        readers: Readers,
        sides: tuple[Side, Side],
        shared: bool,
        tolerance: Tolerance,
        most: int | None,
        progress: Callable[[str, float], object] = lambda path, done: None,
    ) -> None:
        self._readers, self._sides, self._shared = readers, sides, shared
        self._tolerance, self._left = tolerance, most
        self._names = [side.names() for side in sides]
        self._progress, self._done, self._total = progress, 0, 1
        self._look_left = MOST_LOOKED_AT
        self.compared = 0  # values

    def events(self, pairs: Sequence[Pair]) -> Iterator[tuple[Key, list[Event]]]:
        """What differs of each dataset, in their order."""
        self._total = max(1, sum(_nbytes(pair) for pair in pairs))
        done = 0
        for group in _groups(pairs):
            datasets = [self._dataset(number, pair) for number, pair in enumerate(group)]
            self._progress(datasets[0].path, done / self._total)
            self._open([one for one in datasets if not one.left], group)
            self._undecoded([one for one in datasets if not one.left and one.alike])
            self._decoded([one for one in datasets if not one.left and not one.alike])
            done += sum(map(_nbytes, group))
            self._done = done
            for (key, *_), one in zip(group, datasets, strict=True):
                self.compared += one.compared
                yield key, _events(one)

    def same(self, pairs: Sequence[Pair]) -> list[bool]:
        """Whether the data of each two datasets is the same, as far as a look at some of it tells: which
        pieces are stored, in how many bytes, and what is in the first of them."""
        answers: list[bool] = []
        for group in _groups(pairs):
            datasets = [self._dataset(number, pair) for number, pair in enumerate(group)]
            self._open([one for one in datasets if not one.left], group)
            self._look([one for one in datasets if not one.left])
            answers += [not one.left and not one.totals.columns for one in datasets]
        return answers

    def _look(self, datasets: Sequence[Dataset]) -> None:
        """Look at some of the data of these, in a round or two."""
        pieces: list[Rows] = []
        wanted: list[tuple[Dataset, Bounds]] = []
        for one in datasets:
            if one.alike:
                both, others = paired(one)
                sizes = np.cumsum(one.sides[0].table[both[:, 0], -2])
                rows = both[: max(1, int(np.searchsorted(sizes, LOOK)))]
                pieces.append((one, rows[:, 0], rows[:, 1]))
                if len(others) or not len(both) or self._look_left < int(sizes[len(rows) - 1]):
                    pieces.pop()
                    one.left = "not the same pieces, or too much to look at"
                else:
                    self._look_left -= int(sizes[len(rows) - 1])
            elif prod(one.shape) * itemsize_of(one) <= LOOK:
                wanted.append((one, tuple((0, size) for size in one.shape)))
            else:
                one.left = "too much to look at"
        if pieces:
            self._digests(pieces)
        self._read(wanted)

    # ---------------------------------------------------------------------------------------------- open

    def _dataset(self, number: int, pair: Pair) -> Dataset:
        _, a, b = pair
        assert a.dataset is not UNSET and b.dataset is not UNSET
        types = self._sides[0].types, self._sides[1].types
        names = {name for name, *_ in dataset_changes((a.dataset, b.dataset), types, self._shared)}
        fills = [self._fill(one.fill_value) for one in (a.dataset, b.dataset)]
        one = Dataset(
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

    def _fill(self, fill: Any) -> Any:
        """The fill value, in what can be compared."""
        if fill is UNSET:
            return ""
        return plain_value(fill) if self._shared else fill.digest

    def _open(self, datasets: Sequence[Dataset], group: Sequence[Pair]) -> None:
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

    def _told(self, one: Dataset, report: Report, told: Any) -> None:
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
        if piece is not None and (len(piece) != len(one.shape) or not inside(table, piece, one.shape)):
            raise report.nonsense()
        one.sides.append(Opened(piece, told["whole"] is True, table, types, itemsize, chunks, refused))

    def _unfit(self, one: Dataset) -> str:
        """Why a dataset cannot be compared; nothing for one that can."""
        a, b = one.sides
        one.alike = one.alike and a.whole and b.whole and a.piece == b.piece
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

    def _undecoded(self, datasets: Sequence[Dataset]) -> None:
        """By digests of stored bytes; what differs is decoded while these bytes are still there."""
        batches: list[list[Rows]] = [[]]
        size = pieces = 0
        for one in datasets:
            both, others = paired(one)
            one.compared += prod(one.shape)
            self._boxes(one, others)
            for rows in parts_of(both, one.sides[0].table):
                bytes_ = int(one.sides[0].table[rows[:, 0], -2].sum())
                if batches[-1] and (size + bytes_ > boxes.BATCH or pieces + len(rows) > boxes.MOST_PIECES):
                    batches.append([])
                    size = pieces = 0
                batches[-1].append((one, rows[:, 0], rows[:, 1]))
                size, pieces = size + bytes_, pieces + len(rows)
        for batch, ahead in zip(batches, [*batches[1:], []], strict=True):
            if batch:
                self._digests(batch, ahead)

    def _digests(self, batch: Sequence[Rows], ahead: Sequence[Rows] = ()) -> None:
        """Compare stored bytes, while those of the next batch are on their way."""
        jobs: list[Job] = [
            {
                "kind": "digests",
                "rows": [[one.number, rows[side].tolist()] for one, *rows in batch],
                "ahead": [[one.number, rows[side].tolist()] for one, *rows in ahead],
            }
            for side in (0, 1)
        ]
        reports = self._readers.ask(jobs)
        self._advance([(one, len(rows) * prod(one.sides[0].piece or ())) for one, rows, _ in batch])
        count = sum(len(rows) for _, rows, _ in batch)
        made = [np.frombuffer(one.take(DIGEST * count), dtype=(np.void, DIGEST)) for one in reports]
        differ = (made[0] != made[1]) | (made[0] == np.void(bytes(DIGEST)))
        at = 0
        wanted: list[tuple[Dataset, Bounds]] = []
        for one, rows, _ in batch:
            cells = one.sides[0].table[rows[differ[at : at + len(rows)]], :-3]
            wanted += [(one, bounds) for bounds in bounds_of(one, cells)]
            at += len(rows)
        self._read(wanted, keep=True)

    def _advance(self, done: Sequence[tuple[Dataset, int]]) -> None:
        """So many values were compared."""
        self._done += sum(count * one.sides[0].itemsize for one, count in done)
        if done:
            self._progress(done[-1][0].path, min(1.0, self._done / self._total))

    def _boxes(self, one: Dataset, cells: Values) -> None:
        """Decode pieces that are on one side alone, or have not the same length."""
        self._read([(one, bounds) for bounds in bounds_of(one, cells)])

    # ------------------------------------------------------------------------------------------- decoded

    def _decoded(self, datasets: Sequence[Dataset]) -> None:
        """Box by box."""
        wanted: list[tuple[Dataset, Bounds]] = []
        size = 0
        for one in datasets:
            found = all_boxes(one)
            if found is None:
                one.left = "it has too many chunks that were never written"
                continue
            one.compared = prod(one.shape)
            for bounds in found:
                wanted.append((one, bounds))
                size += size_of(one, bounds)
                if size > boxes.BOX or len(wanted) >= boxes.MOST_PIECES:
                    self._read(wanted)
                    wanted, size = [], 0
        self._read(wanted)

    def _read(self, wanted: Sequence[tuple[Dataset, Bounds]], keep: bool = False) -> None:
        """Compare the values of boxes, as many at once as there is room for."""
        some: list[tuple[Dataset, Bounds]] = []
        size = 0
        for one, bounds in wanted:
            refused = one.sides[0].refused or one.sides[1].refused
            if refused:
                one.miss(bounds, refused)
                continue
            for part in cut_up(one, bounds):
                more = size_of(one, part)
                if some and size + more > boxes.BOX:
                    self._compare(some, keep)
                    some, size = [], 0
                some.append((one, part))
                size += more
        if some:
            self._compare(some, keep)

    def _compare(self, boxes: Sequence[tuple[Dataset, Bounds]], keep: bool) -> None:
        job = {"kind": "values", "boxes": [[one.number, bounds] for one, bounds in boxes], "keep": keep}
        reports = self._readers.ask([job, job])
        self._advance([(one, prod(b - a for a, b in bounds)) for one, bounds in boxes if not one.alike])
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
        self, side: int, one: Dataset, bounds: Bounds, report: Report, at: int
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


def _nbytes(pair: Pair) -> int:
    return pair[1].dataset.nbytes if pair[1].dataset is not UNSET else 0


def _groups(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    """Datasets that are opened together."""
    some: list[Pair] = []
    size = 0
    for pair in pairs:
        more = _nbytes(pair)
        if some and (len(some) >= TOGETHER or size + more > LARGE):
            yield some
            some, size = [], 0
        some.append(pair)
        size += more
    if some:
        yield some


def _events(one: Dataset) -> list[Event]:
    """What is told of a dataset."""
    found: list[Event] = [_changed(one, column) for column in one.totals.columns.values()]
    if one.left.strip() and one.left != DIFFER:
        found.append(NotCompared(path=one.path, reason=f"values: {one.left}"))
    return found


def _changed(one: Dataset, column: Found) -> Changed:
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
        made.num_not_finite = column.not_finite
    return made
