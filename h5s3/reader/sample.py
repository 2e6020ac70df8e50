"""Reading no more of a dataset than a budget allows, and telling what was read."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import h5py
import numpy as np

from h5s3.errors import DamagedError, NotFoundError, RefusedError
from h5s3.reader.datasets import Facts, read_facts, virtual_sources
from h5s3.reader.names import raw_path
from h5s3.reader.opening import OpenFile, plain_reason
from h5s3.reader.pieces import Cell, Cells, Grid, make_grid, merged
from h5s3.reader.selection import Selection
from h5s3.settings import MIB

DECODED = 4  # decoded bytes allowed for each stored byte of the budget
MOST_PIECES = 20_000  # of one read
MOST_IN_BOX = 4096  # chunks that libhdf5 is let look at for one read
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sample:
    """Values of a selection; `present` marks those that were read (None: all of them)."""

    values: Array  # shape of the kept dimensions
    present: Array | None
    pieces_read: int
    pieces: int  # that the selection touches

    @property
    def read_values(self) -> Array:
        """The values that were read, in one dimension."""
        return self.values.reshape(-1) if self.present is None else self.values[self.present]


class Sampler:
    """Reads selections of one dataset within `max_bytes` of stored bytes."""

    def __init__(self, file: OpenFile, dataset: Any, facts: Facts, max_bytes: int = 16 * MIB) -> None:
        refuse_unsafe(file, dataset, facts)
        self._file = file
        self._data = h5py.Dataset(dataset)
        self._facts = facts
        self._max_bytes = max_bytes
        self._grid: Grid = make_grid(dataset, facts)
        if self._grid.piece_bytes > self._max_bytes * DECODED and self._facts.layout == "chunked":
            raise RefusedError(
                f"one chunk decodes to {max(1, round(self._grid.piece_bytes / MIB))} MiB",
                hint=f"allow it with --max-bytes {-(-self._grid.piece_bytes // DECODED)}",
            )

    @property
    def complete_index(self) -> bool:
        """Whether all chunks are known."""
        return self._grid.complete

    def fits(self, selection: Selection) -> bool:
        """Whether a whole selection can be read within the budget."""
        cells = Cells(self._grid, selection)
        decoded = prod(axis.count for axis in selection) * self._facts.itemsize
        if self._facts.layout == "chunked":
            decoded = max(decoded, len(cells) * self._grid.piece_bytes)
        if decoded > self._max_bytes * DECODED or len(cells) > MOST_PIECES:
            return False
        return sum(self._grid.cost(cell) for cell in cells) <= self._max_bytes

    def read(self, selection: Selection) -> Sample:
        """All of a selection where it fits, else pieces of it spread evenly; the rest is marked absent.

        Raises `RefusedError` where not even one piece fits, `DamagedError` for values that cannot be decoded.
        """
        cells = Cells(self._grid, selection)
        chosen = list(cells) if self.fits(selection) else self._choose(cells)
        if not chosen and len(cells):
            needed = max(self._grid.cost(cells[0]), -(-self._grid.piece_bytes // DECODED))
            raise RefusedError(
                "one piece of the dataset is larger than the limit",
                hint=f"allow it with --max-bytes {needed}",
            )
        self._fetch(chosen)
        try:
            with self._file.blocks.limited(self._max_bytes + MIB):  # variable-length values lie elsewhere
                return self._sample(selection, cells, chosen)
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise DamagedError(f"the values cannot be read: {plain_reason(error)}") from None
        finally:
            self._file.blocks.drop_exact()

    def _sample(self, selection: Selection, cells: Cells, chosen: list[Cell]) -> Sample:
        complete = len(chosen) == len(cells)
        if complete and (self._facts.type_has_pointers or self._compact(selection)):
            values = self._read(tuple(axis.as_slice for axis in selection))
            return Sample(_drop(values, selection), None, len(chosen), len(cells))
        shape = tuple(axis.count for axis in selection)
        values = np.full(shape, self._data.fillvalue, dtype=self._data.dtype)
        present = None if complete else np.zeros(shape, dtype=bool)
        for cell in chosen:
            source, target = self._overlap(cell, selection)
            if self._grid.written(cell):
                values[target] = self._read(source)
            if present is not None:
                present[target] = True
        flags = None if present is None else _drop(present, selection)
        return Sample(_drop(values, selection), flags, len(chosen), len(cells))

    def _compact(self, selection: Selection) -> bool:
        """Whether libhdf5 reads a selection at a stroke: it looks at every chunk of the box around it."""
        box = prod(
            (axis.stop - 1) // size - axis.start // size + 1
            for axis, size in zip(selection, self._grid.shape, strict=True)
            if axis.count
        )
        return box <= MOST_IN_BOX and not self._grid.never_written

    def _read(self, index: tuple[slice, ...]) -> Array:
        """Values as h5py gives them; of types it cannot convert (tagged opaque ones), as stored."""
        values: Array
        if self._facts.type.class_ in ("opaque", "bitfield"):
            space = self._data.id.get_space()
            shape = tuple(len(range(part.start, part.stop, part.step)) for part in index)
            if shape:
                starts, steps = tuple(p.start for p in index), tuple(p.step for p in index)
                space.select_hyperslab(starts, shape, steps)
            values = np.zeros(shape, dtype=self._data.dtype)
            memory = h5py.h5s.create_simple(shape) if shape else h5py.h5s.create(h5py.h5s.SCALAR)
            self._data.id.read(memory, space, values, mtype=self._data.id.get_type())
            return values
        values = np.asarray(self._data[index])
        return values

    def _choose(self, cells: Cells) -> list[Cell]:
        chosen: list[Cell] = []
        stored = decoded = 0
        for cell in cells.spread():
            stored += self._grid.cost(cell)
            decoded += self._grid.piece_bytes
            if stored > self._max_bytes or decoded > self._max_bytes * DECODED or len(chosen) >= MOST_PIECES:
                break
            chosen.append(cell)
        return chosen

    def _overlap(self, cell: Cell, selection: Selection) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """A cell's part of the selection: in the dataset, and in the array of the selection."""
        source, target = [], []
        for axis, index, size in zip(selection, cell, self._grid.shape, strict=True):
            part, first = axis.within(index * size, (index + 1) * size)
            source.append(part.as_slice)
            target.append(slice(first, first + part.count))
        return tuple(source), tuple(target)

    def _fetch(self, cells: list[Cell]) -> None:
        """All pieces in one round of exact ranges. What was never written has no bytes to fetch."""
        if self._grid.places is not None:
            places = (self._grid.places.get(cell) for cell in cells)
            self._file.blocks.fetch_exact(merged(place for place in places if place is not None))


def refuse_unsafe(file: OpenFile, dataset: Any, facts: Facts) -> None:
    """Raise `RefusedError` for data that lies elsewhere, or that this machine cannot decode."""
    if facts.external:
        names = ", ".join(item.name for item in facts.external[:3])
        raise RefusedError(f"the values lie in external files ({names}), which are never read")
    if facts.layout == "virtual":
        _refuse_virtual(file, dataset)
    missing = [item for item in facts.filters if not item.available]
    if missing:
        named = ", ".join(f"{item.id} ({item.name})" for item in missing)
        raise RefusedError(f"no plugin here decodes the filter with id {named}")


def _refuse_virtual(file: OpenFile, dataset: Any) -> None:
    """Only values stored in this same file are read: libhdf5 would look for another file's in this one.

    A virtual dataset made of virtual ones is refused too: a circle of them crashes libhdf5.
    """
    sources, cut = virtual_sources(dataset)
    foreign = [source.file for source in sources if not source.same_file]
    if foreign or cut:
        named = f" ({', '.join(dict.fromkeys(foreign[:3]))})" if foreign else ""
        raise RefusedError(f"a virtual dataset whose values lie in other files{named}")
    for path in dict.fromkeys(source.path for source in sources):
        try:
            found = file.find(raw_path(path)).object
        except NotFoundError:
            continue  # libhdf5 shows the fill value
        if isinstance(found, h5py.h5d.DatasetID) and read_facts(found).layout in ("virtual", "external"):
            raise RefusedError(f"a virtual dataset made of {path}, whose values lie elsewhere in turn")


def _drop(values: Array, selection: Selection) -> Array:
    """Without the dimensions in which a single index was selected."""
    return values[tuple(slice(None) if axis.keep else 0 for axis in selection)] if selection else values
