"""The pieces of an HDF5 dataset that are stored together: its chunks, or runs of contiguous bytes."""

from __future__ import annotations

from math import prod
from typing import Any

from h5s3.formats.base import Facts
from h5s3.formats.grid import NOWHERE, Cell, Grid, Places, run_shape
from h5s3.formats.hdf5.data.chunk_index import MOST_CHUNKS, fetch_index, read_index
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.storage.base import Range


def make_grid(dataset: Any, facts: Facts, file: OpenFile | None = None) -> Grid:
    """The pieces of a dataset. h5py gives offsets in the object, the user block included.

    With a `file`, the index of the chunks is read once, and kept; what libhdf5 needs of it is fetched.
    """
    shape = facts.shape or ()
    if facts.layout == "chunked" and facts.chunks:
        index = read_index(dataset, facts, file, MOST_CHUNKS)
        if index.from_cache and file is not None:
            fetch_index(file, dataset)
        piece = prod(facts.chunks) * facts.itemsize
        known = index.complete and index.certain
        return Grid(facts.chunks, index.places or NOWHERE, known, piece, not index.complete)
    if facts.layout == "contiguous" and shape:
        run = run_shape(shape, facts.itemsize)
        offset = dataset.get_offset()
        runs: Places = NOWHERE if offset is None else _RunPlaces(shape, run, facts.itemsize, int(offset))
        return Grid(run, runs, True, prod(run) * facts.itemsize)
    return Grid(tuple(max(1, size) for size in shape), None, True, facts.nbytes)


class _RunPlaces:
    """Where runs are stored, computed when asked: a large dataset has too many to list."""

    def __init__(self, shape: tuple[int, ...], run: tuple[int, ...], itemsize: int, offset: int) -> None:
        self._shape, self._run, self._itemsize, self._offset = shape, run, itemsize, offset

    def get(self, cell: Cell) -> Range | None:
        """The range of one run."""
        strides = [prod(self._shape[d + 1 :]) for d in range(len(self._shape))]
        origin = [c * r for c, r in zip(cell, self._run, strict=True)]
        extent = [min(r, s - o) for r, s, o in zip(self._run, self._shape, origin, strict=True)]
        start = self._offset + sum(o * s for o, s in zip(origin, strides, strict=True)) * self._itemsize
        return start, start + prod(extent) * self._itemsize
