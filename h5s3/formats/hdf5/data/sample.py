"""Reading no more of a dataset than a budget allows, and telling what was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, Literal

import h5py
import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.hdf5.data.byte_ranges import Runs, count_runs
from h5s3.formats.hdf5.data.chunk_grid import Cell, Cells, Grid, evenly, make_grid, stored_cells
from h5s3.formats.hdf5.data.plans import Array, Part, Plan, Sample, dropped, steps_of
from h5s3.formats.hdf5.data.refuse import refuse_unsafe
from h5s3.formats.hdf5.objects.datasets import Facts
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.numpy_values import as_numpy, flat_type
from h5s3.formats.hdf5.objects.sequences import in_order
from h5s3.formats.hdf5.objects.values import compound_type, memory_dtype, readable_dtype
from h5s3.formats.selection import Selection
from h5s3.sizes import MIB, option_text
from h5s3.storage.base import Range
from h5s3.storage.ranges import GAP, LARGEST, join_ranges

DECODED = 4  # decoded bytes allowed for each stored byte of the budget
MOST_PIECES = 50_000  # of one read
MOST_RUNS = 4096  # of bytes that are picked out of a contiguous dataset
MOST_IN_BOX = 65_536  # chunks that libhdf5 is let look at for one read
__all__ = ["Array", "Part", "Plan", "Sample", "Sampler", "refuse_unsafe"]


class Sampler:
    """Reads selections of one dataset within `max_bytes` of stored bytes, in two steps.

    `plan` chooses the pieces, `ranges` tells the bytes of the object to fetch for them, and after that `take`
    or `parts` decode: so what several datasets need can be fetched in one round. `read` does all of it.
    """

    def __init__(self, file: OpenFile, dataset: Any, facts: Facts, max_bytes: int = 16 * MIB) -> None:
        refuse_unsafe(file, dataset, facts)
        self._file = file
        self._data = h5py.Dataset(dataset)
        self._facts = facts
        self._dtype = readable_dtype(dataset.get_type()) or self._data.dtype
        self.max_bytes = max_bytes
        self._grid: Grid = make_grid(dataset, facts, file)
        self._offset = dataset.get_offset() if facts.layout == "contiguous" else None
        chunked = facts.layout == "chunked" and not self.never_written
        if chunked and self._grid.piece_bytes > self.most_decoded:
            raise RefusedError(
                f"one chunk decodes to {max(1, round(self._grid.piece_bytes / MIB))} MiB",
                hint=f"allow it with --max-bytes {option_text(-(-self._grid.piece_bytes // DECODED))}",
            )

    @property
    def complete_index(self) -> bool:
        """Whether all chunks are known."""
        return self._grid.complete

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
        try:
            self._file.blocks.fetch_exact(self.ranges(plan))
            return self.take(plan)
        finally:
            self._file.blocks.drop_exact()

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
        if self._grid.places is None:
            return []
        runs = self._runs(plan.selection) if plan.complete else None
        if runs is not None:
            return runs.ranges()
        places = [place for cell in plan.cells if (place := self._grid.places.get(cell)) is not None]
        joined = join_ranges(places, GAP, LARGEST)
        fits = sum(stop - start for start, stop in joined) <= self.max_bytes
        return joined if fits else join_ranges(places, largest=LARGEST)

    def take(self, plan: Plan) -> Sample:
        """The values of a plan, which were fetched. Raises `DamagedError` where they cannot be decoded."""
        with self._decoding():
            return self._sample(plan.selection, plan.cells, plan.complete)

    def parts(self, plan: Plan) -> list[Part]:
        """The same piece by piece, for selections that are too large to lay out."""
        with self._decoding():
            sources = [self._overlap(cell, plan.selection)[0] for cell in plan.cells]
            return [Part(source, self._read(source)) for source in sources]

    def laid_out(self, plan: Plan, parts: list[Part], drawn: Selection) -> tuple[Array, Array]:
        """Values at a selection from the parts of a plan, and which are known.

        What was never written is known as well: it has the fill value.
        """
        values = np.array(self._filled(tuple(axis.count for axis in drawn)))
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
        """Exact byte runs of a selection of a contiguous dataset; None where there are too many of them."""
        shape = self._facts.shape or ()
        direct = self._facts.layout == "contiguous" and not self._facts.type_has_pointers and shape
        if not direct or self._offset is None or memory_dtype(self._data.id.get_type()) is None:
            return None
        if not all(axis.count for axis in selection) or count_runs(shape, selection) > MOST_RUNS:
            return None
        return Runs(shape, self._facts.itemsize, self._offset, selection)

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            with self._file.blocks.limited(self.max_bytes + MIB, self._grid.piece_bytes):  # strings too
                yield
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise DamagedError(f"the values cannot be read: {plain_reason(error)}") from None

    def _sample(self, selection: Selection, cells: list[Cell], complete: bool) -> Sample:
        runs = self._runs(selection) if complete else None
        if runs is not None:
            return Sample(dropped(self._by_runs(runs, selection), selection), None, len(cells))
        if complete and (self._facts.type_has_pointers or self._compact(selection)):
            return Sample(dropped(self._read(selection), selection), None, len(cells))
        values = self._filled(tuple(axis.count for axis in selection))
        if cells:
            values = np.array(values)
        have = set(cells)
        present = None if complete else np.ones(values.shape[: len(selection)], dtype=bool)
        for cell in cells:
            source, target = self._overlap(cell, selection)
            values[target] = self._read(source)
        if present is not None:
            for cell in stored_cells(self._grid, selection):
                if cell not in have:
                    present[self._overlap(cell, selection)[1]] = False
        flags = None if present is None else dropped(present, selection)
        return Sample(dropped(values, selection), flags, len(cells))

    def _by_runs(self, runs: Runs, selection: Selection) -> Array:
        """Values from the bytes themselves: libhdf5 would read much around each of them."""
        kind = np.dtype((np.void, self._facts.itemsize))
        try:
            raw = runs.read(self._file.blocks).reshape(-1).view(kind)
        except EOFError as error:
            raise DamagedError(f"the values cannot be read: {error}") from None
        raw = raw.reshape(tuple(axis.count for axis in selection))
        return as_numpy(raw, self._data.id.get_type(), self._dtype, self._facts.itemsize)

    def _filled(self, shape: tuple[int, ...]) -> Array:
        """An array of the fill value, which is in memory but once: not to be written to."""
        base, inner = flat_type(self._dtype)
        try:
            fill = np.full(inner, self._data.fillvalue, dtype=base)
        except (TypeError, ValueError, RuntimeError):
            fill = np.zeros(inner, dtype=base)
        return np.broadcast_to(fill, shape + inner)

    def _compact(self, selection: Selection) -> bool:
        """Whether libhdf5 reads a selection at a stroke: it looks at every chunk of the box around it."""
        box = prod(
            (axis.stop - 1) // size - axis.start // size + 1
            for axis, size in zip(selection, self._grid.shape, strict=True)
            if axis.count
        )
        return box <= MOST_IN_BOX and not self._grid.never_written

    def _read(self, selection: Selection) -> Array:
        """Values as h5py gives them; of types it cannot convert whole, what can be read of them."""
        opaque = self._facts.type.class_ in ("opaque", "bitfield")
        if not opaque and memory_dtype(self._data.id.get_type()) is not None:
            values = np.asarray(self._data[tuple(axis.as_slice for axis in selection)])
            return in_order(values, self._dtype)
        shape = tuple(axis.count for axis in selection)
        space = self._data.id.get_space()
        if shape:
            starts, steps = tuple(axis.start for axis in selection), tuple(axis.step for axis in selection)
            space.select_hyperslab(starts, shape, steps)
        values = np.zeros(shape, dtype=self._dtype)
        memory = h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
        mtype = self._data.id.get_type() if opaque else compound_type(self._dtype)
        self._data.id.read(memory, space, values, mtype=mtype)
        return in_order(values, self._dtype)

    def _overlap(self, cell: Cell, selection: Selection) -> tuple[Selection, tuple[slice, ...]]:
        """A cell's part of the selection: in the dataset, and in the array of the selection."""
        source, target = [], []
        for axis, index, size in zip(selection, cell, self._grid.shape, strict=True):
            part, first = axis.within(index * size, (index + 1) * size)
            source.append(part)
            target.append(slice(first, first + part.count))
        return tuple(source), tuple(target)
