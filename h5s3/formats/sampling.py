"""Samples of an array: no more is read than a budget allows, and what was read is known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal

import numpy as np

from h5s3.errors import RefusedError
from h5s3.formats.base import Array, Runs
from h5s3.formats.dtypes import flat_type
from h5s3.formats.grid import Cell, Cells, Grid, cells_along, evenly, stored_cells
from h5s3.formats.selection import Axis, Selection
from h5s3.sizes import MIB, option_text
from h5s3.storage.base import Range
from h5s3.storage.ranges import GAP, LARGEST, join_ranges

Values = np.ndarray[Any, Any]
DECODED = 4  # decoded bytes allowed for each stored byte of the budget
MOST_PIECES = 50_000  # of one read
MOST_RUNS = 4096  # of bytes that are picked out of an array that is stored in order
MOST_IN_BOX = 65_536  # chunks that a format is let look at for one read


@dataclass(frozen=True)
class Plan:
    """The pieces to read of a selection: all that it touches, or (`complete` is False) some of them."""

    selection: Selection
    cells: list[Cell]
    complete: bool


@dataclass(frozen=True)
class Sample:
    """Values of a selection; `present` marks those that were read (None: all of them)."""

    values: Values  # shape of the kept dimensions
    present: Values | None
    pieces_read: int


@dataclass(frozen=True)
class Part:
    """Values of a selection, such as those within one piece; `present`: which were read (None: all)."""

    selection: Selection
    values: Values
    present: Values | None = None


class Sampler:
    """Reads selections of one array within `max_bytes` of stored bytes, in two steps.

    `plan` chooses the pieces, `ranges` tells the bytes of the object to fetch for them, and after that `take`
    or `parts` decode: so what several datasets need can be fetched in one round. `read` does all of it.
    """

    def __init__(self, array: Array, max_bytes: int = 16 * MIB) -> None:
        array.refuse()
        if array.readable is None:
            raise RefusedError(f"values of type {array.facts.dtype} cannot be read here")
        self._array, self._facts, self._dtype = array, array.facts, array.readable
        self.max_bytes = max_bytes
        self._grid: Grid = array.grid()
        chunked = self._facts.layout == "chunked" and not self.never_written
        if chunked and self._grid.piece_bytes > self.most_decoded:
            raise RefusedError(
                f"one chunk decodes to {max(1, round(self._grid.piece_bytes / MIB))} MiB",
                hint=f"allow it with --max-bytes {option_text(-(-self._grid.piece_bytes // DECODED))}",
            )

    def unknown(self, whole: bool) -> str:
        """What is not known of where the chunks are, in words; `whole`: where all of them were read."""
        if self._grid.cut:
            return "the chunk index is longer than what was looked at"
        certain = self._grid.complete or whole
        return "" if certain else "which chunks were written is not certain: all are counted"

    @property
    def never_written(self) -> bool:
        """Whether every value is the fill value, because nothing was ever written."""
        return self._grid.never_written

    @property
    def most_decoded(self) -> int:
        """Bytes that values may take once decoded."""
        return self.max_bytes * DECODED

    @property
    def unit(self) -> Literal["chunk", "run"] | None:
        """What a piece is; None where the dataset is not stored in pieces."""
        units: dict[str, Literal["chunk", "run"]] = {"chunked": "chunk", "contiguous": "run"}
        return units.get(self._facts.layout) if self._facts.shape else None

    def pieces(self, selection: Selection) -> tuple[int, int]:
        """Number of pieces of a selection that are stored, and of all that it touches."""
        return len(stored_cells(self._grid, selection)), len(Cells(self._grid, selection))

    def nearest_written(self, plane: Selection, selection: Selection) -> Selection:
        """A plane like `plane` that is nearest to it among those that hold something written."""
        cut = [n for n, axis in enumerate(selection) if axis.keep and not plane[n].keep]
        if not cut or self._grid.places is None or stored_cells(self._grid, plane):
            return plane
        middle = {n: plane[n].start // self._grid.shape[n] for n in cut}
        cells = stored_cells(self._grid, selection)
        if not cells:
            return plane
        cell = min(cells, key=lambda cell: sum(abs(cell[n] - middle[n]) for n in cut))
        found = list(plane)
        for n in cut:
            low, size = cell[n] * self._grid.shape[n], self._grid.shape[n]
            part, _ = selection[n].within(low, low + size)
            found[n] = part.at(0 if part.start > plane[n].start else part.count - 1)
        return tuple(found)

    def cost(self, selection: Selection) -> int | None:
        """Stored bytes of a selection; None where decoding or looking them up would be too much."""
        decoded = prod(axis.count for axis in selection) * self._facts.itemsize
        if decoded > self.most_decoded:
            return None
        runs = self._runs(selection)
        if runs is not None:
            return sum(stop - start for start, stop in runs.ranges())
        guessed = self._array.cost(selection)
        if guessed is not None:
            return guessed
        cells = stored_cells(self._grid, selection)
        if len(cells) > MOST_PIECES:
            return None
        if self._facts.layout == "chunked" and len(cells) * self._grid.piece_bytes > self.most_decoded:
            return None
        return sum(self._grid.cost(cell) for cell in cells)

    def fits(self, selection: Selection) -> bool:
        """Whether a whole selection can be read within the budget."""
        cost = self.cost(selection)
        return cost is not None and cost <= self.max_bytes

    def read(self, selection: Selection) -> Sample:
        """All of a selection where it fits, else pieces of it spread evenly; the rest is marked absent.

        Raises `RefusedError` where not even one piece fits, `DamagedError` for values that cannot be decoded.
        """
        plan = self.plan(selection)
        with self._array.fetched(self.ranges(plan)):
            return self.take(plan)

    def plan(self, selection: Selection, first: Selection | None = None) -> Plan:
        """The pieces to read: all where they fit, else some, spread evenly, as many as the budget allows.

        `first`: a part of the selection that is to be read whole if it fits; else its pieces get half of the
        budget. Raises `RefusedError` where not even one piece fits.
        """
        if self._facts.itemsize > self.most_decoded:
            allowed = option_text(-(-self._facts.itemsize // DECODED))
            hint = f"allow it with --max-bytes {allowed}"
            raise RefusedError(f"one value takes {max(1, round(self._facts.itemsize / MIB))} MiB", hint=hint)
        if self.fits(selection):
            return Plan(selection, list(stored_cells(self._grid, selection)), True)
        chosen: dict[Cell, None] = {}
        spent = [0, 0]
        if first is not None:
            self._choose(stored_cells(self._grid, first), chosen, spent, 1 if self.fits(first) else 2)
        cells = stored_cells(self._grid, selection)
        self._choose(cells, chosen, spent, 1)
        if not chosen and len(cells):
            needed = max(self._grid.cost(cells[0]), -(-self._grid.piece_bytes // DECODED))
            raise RefusedError(
                "one piece of the dataset is larger than the limit",
                hint=f"allow it with --max-bytes {option_text(needed)}",
            )
        return Plan(selection, list(chosen), False)

    def _choose(self, cells: Sequence[Cell], chosen: dict[Cell, None], spent: list[int], share: int) -> None:
        """Add cells, spread evenly, until a share of the budget (1: all, 2: half) of bytes is spent."""
        for cell in evenly(cells):
            if cell in chosen:
                continue
            stored = spent[0] + self._grid.cost(cell)
            decoded = spent[1] + self._grid.piece_bytes
            full = stored > self.max_bytes // share or decoded > self.most_decoded // share
            if full or len(chosen) >= MOST_PIECES // share:
                break
            chosen[cell] = None
            spent[:] = stored, decoded

    def ranges(self, plan: Plan) -> list[Range]:
        """Bytes of the object that a plan needs. What was never written has none."""
        runs = self._runs(plan.selection) if plan.complete else None
        if runs is not None:
            return runs.ranges()
        places = self._grid.ranges(plan.cells)
        joined = join_ranges(places, GAP, LARGEST)
        fits = sum(stop - start for start, stop in joined) <= self.max_bytes
        return joined if fits else join_ranges(places, largest=LARGEST)

    def take(self, plan: Plan) -> Sample:
        """The values of a plan, which were fetched. Raises `DamagedError` where they cannot be decoded."""
        with self._decoding():
            return self._sample(plan.selection, plan.cells, plan.complete)

    def decoded_with(self, planes: Selection, selection: Selection) -> list[Selection]:
        """What of `selection` comes with the chunks of `planes`, a part of it: boxes that do not overlap.

        `planes` alone where nothing does, or where it would be too much, or is not in the chunks.
        """
        if self.unit != "chunk" or self.never_written or self._facts.type_has_pointers:
            return [planes]
        axes = zip(planes, selection, self._grid.shape, strict=True)
        along = [[part] if part == axis else runs_of_cells(part, axis, size) for part, axis, size in axes]
        count = prod(sum(axis.count for axis in runs) for runs in along)
        large = count * self._facts.itemsize > self.most_decoded or prod(map(len, along)) > MOST_PIECES
        if large or count == prod(axis.count for axis in planes):
            return [planes]
        return list(itertools.product(*along))

    def boxes(self, selections: Sequence[Selection]) -> list[Part]:
        """All values of selections whose chunks were fetched."""
        with self._decoding():
            return list(map(Part, selections, self._array.read_many(selections)))

    def parts(self, plan: Plan) -> list[Part]:
        """The same piece by piece, for selections that are too large to lay out."""
        with self._decoding():
            sources = [self._overlap(cell, plan.selection)[0] for cell in plan.cells]
            return list(map(Part, sources, self._array.read_many(sources)))

    def laid_out(self, plan: Plan, parts: list[Part], drawn: Selection) -> tuple[Values, Values]:
        """Values at a selection from the parts of a plan, and which are known.

        What was never written is known as well: it has the fill value.
        """
        values = self._to_fill(tuple(axis.count for axis in drawn))
        present = np.ones(values.shape[: len(drawn)], dtype=bool)
        have = set(plan.cells)
        for cell in stored_cells(self._grid, drawn):
            if cell not in have:
                present[self._overlap(cell, drawn)[1]] = False
        for cell, part in zip(plan.cells, parts, strict=True):
            wanted, target = self._overlap(cell, drawn)
            if all(axis.count for axis in wanted):
                values[target] = part.values[tuple(map(steps_of, wanted, part.selection))]
        return dropped(values, drawn), dropped(present, drawn)

    def _runs(self, selection: Selection) -> Runs | None:
        """Exact byte runs of a selection; None where there are too many of them, or none."""
        return self._array.runs(selection, MOST_RUNS)

    def _decoding(self) -> Any:
        return self._array.decoding(self.max_bytes + MIB, self._grid.piece_bytes)  # strings too

    def _read(self, selection: Selection) -> Values:
        return self._array.read(selection)

    def _sample(self, selection: Selection, cells: list[Cell], complete: bool) -> Sample:
        runs = self._runs(selection) if complete else None
        if runs is not None:
            return Sample(dropped(self._array.read_runs(runs, selection), selection), None, len(cells))
        if complete and (self._facts.type_has_pointers or self._compact(selection)):
            return Sample(dropped(self._read(selection), selection), None, len(cells))
        values = self._filled(tuple(axis.count for axis in selection))
        if cells:
            values = self._to_fill(tuple(axis.count for axis in selection))
        have = set(cells)
        present = None if complete else np.ones(values.shape[: len(selection)], dtype=bool)
        parts = [self._overlap(cell, selection) for cell in cells]
        found = self._array.read_many([source for source, _ in parts])
        for (_, target), part in zip(parts, found, strict=True):
            values[target] = part
        if present is not None:
            for cell in stored_cells(self._grid, selection):
                if cell not in have:
                    present[self._overlap(cell, selection)[1]] = False
        flags = None if present is None else dropped(present, selection)
        return Sample(dropped(values, selection), flags, len(cells))

    def _filled(self, shape: tuple[int, ...]) -> Values:
        """An array of the fill value, which is in memory but once: not to be written to."""
        base, inner = flat_type(self._dtype)
        try:
            fill = np.full(inner, self._array.fill(), dtype=base)
        except (TypeError, ValueError, RuntimeError):
            fill = np.zeros(inner, dtype=base)
        return np.broadcast_to(fill, shape + inner)

    def _to_fill(self, shape: tuple[int, ...]) -> Values:
        """The same to be written to; with a mask where values may be missing."""
        values: Any = np.array(self._filled(shape))
        return np.ma.MaskedArray(values) if self._array.table or self._array.gaps else values

    def _compact(self, selection: Selection) -> bool:
        """Whether a selection is read in one go: libhdf5 looks at every chunk of the box around it."""
        box = prod(
            (axis.stop - 1) // size - axis.start // size + 1
            for axis, size in zip(selection, self._grid.shape, strict=True)
            if axis.count
        )
        return box <= MOST_IN_BOX and not self._grid.never_written

    def _overlap(self, cell: Cell, selection: Selection) -> tuple[Selection, tuple[slice, ...]]:
        """A cell's part of the selection: in the dataset, and in the array of the selection."""
        source, target = [], []
        for axis, index, size in zip(selection, cell, self._grid.shape, strict=True):
            part, first = axis.within(index * size, (index + 1) * size)
            source.append(part)
            target.append(slice(first, first + part.count))
        return tuple(source), tuple(target)


def runs_of_cells(part: Axis, axis: Axis, size: int) -> list[Axis]:
    """What of `axis` is in the cells that `part` of it touches: a part for each run of cells."""
    found: list[Axis] = []
    first = last = None
    for cell in cells_along(part, size):
        if last is not None and first is not None and cell > last + 1:
            found.append(axis.within(first * size, (last + 1) * size)[0])
            first = cell
        first, last = cell if first is None else first, cell
    if first is not None and last is not None:
        found.append(axis.within(first * size, (last + 1) * size)[0])
    return found


def steps_of(wanted: Axis, held: Axis) -> slice:
    """Where the indices of one axis stand among those of another that holds them all."""
    first, every = (wanted.start - held.start) // held.step, max(1, wanted.step // held.step)
    return slice(first, first + (wanted.count - 1) * every + 1, every)


def dropped(values: Values, selection: Selection) -> Values:
    """Without the dimensions in which a single index was selected."""
    return values[tuple(slice(None) if axis.keep else 0 for axis in selection)] if selection else values


def spread(sampler: Sampler, selection: Selection, plane: Selection, most: int) -> Selection | None:
    """As many planes like `plane` as fit into `most` stored bytes, this one among them; None if not even it.

    `plane` stands at one index in some of the dimensions of `selection`. There every n-th index is taken,
    with n as small as the budget allows, first where least is known.
    """
    if not sampler.fits(plane):
        return None
    counts = {n: 1 for n, axis in enumerate(selection) if axis.keep and not plane[n].keep and axis.count > 1}
    found = plane
    open_ = dict(counts)
    while open_:
        number = max(open_, key=lambda n: selection[n].count / counts[n])
        tried = {**counts, number: min(counts[number] * 2, selection[number].count)}
        wider = _planes(selection, plane, tried)
        cost = sampler.cost(wider)
        if cost is None or cost > most:
            del open_[number]
            continue
        counts, found = tried, wider
        if counts[number] == selection[number].count:
            del open_[number]
    return found


def _planes(selection: Selection, plane: Selection, counts: dict[int, int]) -> Selection:
    """Planes at so many indices of each dimension; those of `plane` are among them."""
    chosen = list(plane)
    for number, count in counts.items():
        if count == 1:
            continue
        axis = selection[number]
        every = -(-axis.count // count)
        position = (plane[number].start - axis.start) // axis.step
        first = position % every
        chosen[number] = replace(
            axis,
            start=axis.start + first * axis.step,
            step=axis.step * every,
            count=-(-(axis.count - first) // every),
        )
    return tuple(chosen)
