"""Reading no more of a dataset than a budget allows, and telling what was read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import h5py
import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.reader.datasets import Facts
from h5s3.reader.opening import OpenFile, plain_reason
from h5s3.reader.pieces import Cell, Cells, Grid, make_grid, merged
from h5s3.reader.selection import Selection
from h5s3.reader.sequences import in_order
from h5s3.reader.unsafe import refuse_unsafe
from h5s3.reader.values import memory_dtype, readable_dtype
from h5s3.settings import MIB, written_size
from h5s3.storage.base import Range

DECODED = 4  # decoded bytes allowed for each stored byte of the budget
MOST_PIECES = 20_000  # of one read
MOST_IN_BOX = 4096  # chunks that libhdf5 is let look at for one read
Array = np.ndarray[Any, Any]
__all__ = ["Array", "Part", "Plan", "Sample", "Sampler", "refuse_unsafe"]


@dataclass(frozen=True)
class Plan:
    """The pieces to read of a selection: all that it touches, or (`complete` is False) some of them."""

    selection: Selection
    cells: list[Cell]
    complete: bool


@dataclass(frozen=True)
class Sample:
    """Values of a selection; `present` marks those that were read (None: all of them)."""

    values: Array  # shape of the kept dimensions
    present: Array | None
    pieces_read: int


@dataclass(frozen=True)
class Part:
    """All values of a selection within one piece, in all dimensions of the dataset."""

    selection: Selection
    values: Array


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
        if self._grid.piece_bytes > self.max_bytes * DECODED and self._facts.layout == "chunked":
            raise RefusedError(
                f"one chunk decodes to {max(1, round(self._grid.piece_bytes / MIB))} MiB",
                hint=f"allow it with --max-bytes {written_size(-(-self._grid.piece_bytes // DECODED))}",
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
    def unit(self) -> Literal["chunk", "run"] | None:
        """What a piece is; None where the dataset is not stored in pieces."""
        units: dict[str, Literal["chunk", "run"]] = {"chunked": "chunk", "contiguous": "run"}
        return units.get(self._facts.layout) if self._facts.shape else None

    def pieces(self, selection: Selection) -> int:
        """Number of pieces that a selection touches."""
        return len(Cells(self._grid, selection))

    def cost(self, selection: Selection) -> int | None:
        """Stored bytes of a selection; None where decoding or looking them up would be too much."""
        cells = Cells(self._grid, selection)
        decoded = prod(axis.count for axis in selection) * self._facts.itemsize
        if self._facts.layout == "chunked" and not self.never_written:
            decoded = max(decoded, len(cells) * self._grid.piece_bytes)
        if decoded > self.max_bytes * DECODED or len(cells) > MOST_PIECES:
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

        `first`: a part of the selection, the pieces of which get half of the budget. Raises `RefusedError`
        where not even one piece fits.
        """
        if self.fits(selection):
            return Plan(selection, list(Cells(self._grid, selection)), True)
        chosen: dict[Cell, None] = {}
        spent = [0, 0]
        if first is not None:
            self._choose(Cells(self._grid, first), chosen, spent, 2)
        cells = Cells(self._grid, selection)
        self._choose(cells, chosen, spent, 1)
        if not chosen and len(cells):
            needed = max(self._grid.cost(cells[0]), -(-self._grid.piece_bytes // DECODED))
            raise RefusedError(
                "one piece of the dataset is larger than the limit",
                hint=f"allow it with --max-bytes {written_size(needed)}",
            )
        return Plan(selection, list(chosen), len(chosen) == len(cells))

    def _choose(self, cells: Cells, chosen: dict[Cell, None], spent: list[int], share: int) -> None:
        """Add cells, spread evenly, until a share of the budget (1: all, 2: half) of bytes is spent."""
        for cell in cells.spread():
            if cell in chosen:
                continue
            stored = spent[0] + self._grid.cost(cell)
            decoded = spent[1] + self._grid.piece_bytes
            full = stored > self.max_bytes // share or decoded > self.max_bytes * DECODED // share
            if full or len(chosen) >= MOST_PIECES // share:
                break
            chosen[cell] = None
            spent[:] = stored, decoded

    def ranges(self, plan: Plan) -> list[Range]:
        """Bytes of the object that a plan needs. What was never written has none."""
        if self._grid.places is None:
            return []
        places = (self._grid.places.get(cell) for cell in plan.cells)
        return merged(place for place in places if place is not None)

    def take(self, plan: Plan) -> Sample:
        """The values of a plan, which were fetched. Raises `DamagedError` where they cannot be decoded."""
        with self._decoding():
            return self._sample(plan.selection, plan.cells, plan.complete)

    def parts(self, plan: Plan) -> list[Part]:
        """The same piece by piece, for selections that are too large to lay out."""
        with self._decoding():
            found = []
            for cell in plan.cells:
                source, _ = self._overlap(cell, plan.selection)
                found.append(Part(source, self._piece(cell, source)))
            return found

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        try:
            with self._file.blocks.limited(self.max_bytes + MIB):  # variable-length values lie elsewhere
                yield
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise DamagedError(f"the values cannot be read: {plain_reason(error)}") from None

    def _sample(self, selection: Selection, cells: list[Cell], complete: bool) -> Sample:
        if complete and (self._facts.type_has_pointers or self._compact(selection)):
            values = self._read(selection)
            return Sample(_drop(values, selection), None, len(cells))
        shape = tuple(axis.count for axis in selection)
        values = self._filled(shape)
        present = None if complete else np.zeros(shape, dtype=bool)
        for cell in cells:
            source, target = self._overlap(cell, selection)
            if self._grid.written(cell):
                values[target] = self._read(source)
            if present is not None:
                present[target] = True
        flags = None if present is None else _drop(present, selection)
        return Sample(_drop(values, selection), flags, len(cells))

    def _piece(self, cell: Cell, source: Selection) -> Array:
        if self._grid.written(cell):
            return self._read(source)
        return np.broadcast_to(self._filled(()), tuple(axis.count for axis in source))

    def _filled(self, shape: tuple[int, ...]) -> Array:
        """An array of the fill value."""
        try:
            fill = self._data.fillvalue
        except (TypeError, ValueError, RuntimeError):
            return np.zeros(shape, dtype=self._dtype)
        return np.full(shape, fill, dtype=self._dtype)

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
        mtype = self._data.id.get_type() if opaque else h5py.h5t.py_create(self._dtype)
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


def _drop(values: Array, selection: Selection) -> Array:
    """Without the dimensions in which a single index was selected."""
    return values[tuple(slice(None) if axis.keep else 0 for axis in selection)] if selection else values
