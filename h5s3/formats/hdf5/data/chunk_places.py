"""Where the chunks of one dataset are stored, looked up by their cells."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.data.chunk_index import Cell, read_index
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.selection import Axis

Values = np.ndarray[Any, Any]
Place = tuple[int, int, int]  # first byte in the object, stored bytes, mask of filters that were not applied


class ChunkPlaces:
    """The chunks of a dataset that were written. Reads the index when it is made: raises what h5py raises.

    `certain`: every chunk is known, and its cell.
    """

    def __init__(self, file: OpenFile, dataset: Any, facts: Facts) -> None:
        index = read_index(dataset, facts, file)
        self._dataset, self._chunks = dataset, facts.chunks or ()
        sizes = zip(facts.shape or (), self._chunks, strict=True)
        self._grid = tuple(-(-size // chunk) for size, chunk in sizes)
        self._complete, self._table = index.complete, index.table
        self.certain = index.complete and index.certain and 0 < prod(self._grid) < 1 << 62
        if self.certain:
            cells = index.table[:, : len(self._grid)]
            inside = np.flatnonzero((cells < np.array(self._grid, dtype="u8")).all(axis=1))
            keys = self._keys(cells[inside].astype("i8"))
            order = np.argsort(keys, kind="stable")
            self._sorted, self._rows = keys[order], inside[order]
            self.certain = not (self._sorted[1:] == self._sorted[:-1]).any()

    def _keys(self, cells: Values) -> Values:
        keys = np.zeros(len(cells), dtype="i8")
        for dimension, count in enumerate(self._grid):
            keys = keys * count + cells[:, dimension]
        return keys

    def find(self, cells: Sequence[Cell]) -> list[Place | None]:
        """The place of each cell; None for those that were never written. Only where it is `certain`."""
        if not self._sorted.size or not cells:
            return [None] * len(cells)
        keys = self._keys(np.array(cells, dtype="i8").reshape(len(cells), len(self._grid)))
        at = np.minimum(np.searchsorted(self._sorted, keys), self._sorted.size - 1)
        rows = np.where(self._sorted[at] == keys, self._rows[at], -1).tolist()
        places = map(tuple, self._table[[row for row in rows if row >= 0], -3:].tolist())
        return [next(places) if row >= 0 else None for row in rows]

    def ask(self, cells: Sequence[Cell]) -> list[tuple[Cell | None, Place]]:
        """What is stored of these cells, whether it is certain or not.

        Of more chunks than were looked up libhdf5 is asked for each. Where the cells are not sure, all chunks
        are given, without a cell. Raises what h5py raises.
        """
        if self._complete and not self.certain:
            return [(None, (start, size, mask)) for start, size, mask in self._table[:, -3:].tolist()]
        places = self.find(cells) if self.certain else map(self._by_libhdf5, cells)
        return [(cell, place) for cell, place in zip(cells, places, strict=True) if place is not None]

    def _by_libhdf5(self, cell: Cell) -> Place | None:
        offset = tuple(number * size for number, size in zip(cell, self._chunks, strict=True))
        found = self._dataset.get_chunk_info_by_coord(offset)
        return None if found.byte_offset is None else (found.byte_offset, found.size, found.filter_mask)


def touched(axis: Axis, size: int) -> Sequence[int]:
    """The chunks along one dimension that something is selected of."""
    if not axis.count:
        return range(0)
    if axis.step <= size:
        return range(axis.start // size, (axis.stop - 1) // size + 1)
    return [(axis.start + number * axis.step) // size for number in range(axis.count)]
