"""Where the bytes of a box are stored: chunks by their index, contiguous values by arithmetic."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import RefusedError
from h5s3.formats.base import Facts, StoredCells
from h5s3.formats.grid import run_shape
from h5s3.formats.hdf5.data.chunk_index import read_index
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.selection import Axis, Selection
from h5s3.sizes import MIB
from h5s3.storage.base import Range
from h5s3.storage.ranges import GAP, LARGEST, join_ranges

MOST_CHUNKS = 20_000_000  # of one selection: 24 bytes of memory each
RUN = MIB  # bytes of contiguous values that are compared as one
MOST_RUNS = 200_000  # such of one dataset
SHORT = 512  # bytes of a run that is picked out of a longer read
Numbers = np.ndarray[Any, Any]


class StoredChunks:
    """The chunks of a selection that are stored, 24 bytes each. Read once: the index may be long."""

    def __init__(
        self,
        file: OpenFile,
        dataset: Any,
        facts: Facts,
        chunks: tuple[int, ...],
        selection: Selection,
    ) -> None:
        self._chunks = chunks
        self._low = [axis.start // size for axis, size in zip(selection, chunks, strict=True)]
        high = [(max(axis.stop, axis.start + 1) - 1) // s for axis, s in zip(selection, chunks, strict=True)]
        self._span = [top - low + 1 for low, top in zip(self._low, high, strict=True)]
        if prod(self._span) >= 1 << 62:
            raise RefusedError("more chunks than can be counted", hint="take a part with --slice")
        index = read_index(dataset, facts, file)
        keys, starts, sizes = self._known(index.table) if index.complete else self._collect(dataset)
        order = np.argsort(keys, kind="stable")
        self._keys, self._starts, self._sizes = keys[order], starts[order], sizes[order]
        self.largest = int(self._sizes.max()) if self._sizes.size else 0

    def __len__(self) -> int:
        return int(self._keys.size)

    def _known(self, table: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """From an index that was read before."""
        places = table[:, :-3].astype("i8") - np.array(self._low, dtype="i8")
        inside = ((places >= 0) & (places < np.array(self._span, dtype="i8"))).all(axis=1)
        keys = np.zeros(int(inside.sum()), dtype="i8")
        for dimension, span in enumerate(self._span):
            keys = keys * span + places[inside, dimension]
        return keys, table[inside, -3].astype("i8"), table[inside, -2].astype("i8")

    def _collect(self, dataset: Any) -> tuple[Numbers, Numbers, Numbers]:
        keys, starts, sizes = array("q"), array("q"), array("q")
        strides = [prod(self._span[d + 1 :]) for d in range(len(self._span))]
        along = list(zip(self._chunks, self._low, self._span, strides, strict=True))

        def visit(chunk: Any) -> bool | None:
            key = 0
            if chunk.byte_offset is None:
                return None
            for offset, (size, low, span, stride) in zip(chunk.chunk_offset, along, strict=True):
                place = int(offset) // size - low
                if not 0 <= place < span:
                    return None
                key += place * stride
            keys.append(key)
            starts.append(int(chunk.byte_offset))
            sizes.append(int(chunk.size))
            return True if len(keys) > MOST_CHUNKS else None

        dataset.chunk_iter(visit)
        if len(keys) > MOST_CHUNKS:
            raise RefusedError(f"more than {MOST_CHUNKS:,} chunks", hint="take a part with --slice")
        return np.array(keys, dtype="i8"), np.array(starts, dtype="i8"), np.array(sizes, dtype="i8")

    def ranges(self, part: Selection) -> list[Range]:
        """The chunks that a part touches, joined where they are side by side. What is not stored has none."""
        keys: Numbers = np.zeros((), dtype="i8")
        for axis, size, low, span in zip(part, self._chunks, self._low, self._span, strict=True):
            keys = keys[..., None] * span + (_cells(axis, size) - low)
        keys = keys.reshape(-1)
        if not self._keys.size:
            return []
        at = np.minimum(np.searchsorted(self._keys, keys), self._keys.size - 1)
        found = at[self._keys[at] == keys]
        starts = self._starts[found]
        stored = zip(starts.tolist(), (starts + self._sizes[found]).tolist(), strict=True)
        return join_ranges(stored, largest=LARGEST)


def _cells(axis: Axis, size: int) -> Numbers:
    if axis.step <= size:
        return np.arange(axis.start // size, (axis.stop - 1) // size + 1)
    return (axis.start + np.arange(axis.count) * axis.step) // size


class Runs:
    """The bytes of a part of a contiguous dataset: runs of one length, in C order."""

    def __init__(self, shape: tuple[int, ...], itemsize: int, offset: int, part: Selection) -> None:
        inner, dimension = itemsize, len(shape) - 1
        while dimension > 0 and part[dimension].count == shape[dimension]:
            inner *= shape[dimension]
            dimension -= 1
        axis = part[dimension]
        self.step = axis.step if axis.step * inner <= GAP else 1  # such gaps are read and left out
        along = axis.step in (1, self.step)
        self.length = ((axis.count - 1) * axis.step + 1) * inner if along else inner
        starts = np.full((), offset, dtype="i8")
        for outer in range(dimension + (not along)):
            stride = prod(shape[outer + 1 :]) * itemsize
            chosen = part[outer]
            starts = starts[..., None] + (chosen.start + np.arange(chosen.count) * chosen.step) * stride
        self.starts = starts.reshape(-1) + (axis.start * inner if along else 0)
        self.inner = inner
        self.along = along

    def ranges(self) -> list[Range]:
        """The same as requests: joined over small gaps, none longer than the longest."""
        return [part for start, stop, _, _ in self.spans() for part in _parts(start, stop)]

    def spans(self) -> Iterator[tuple[int, int, int, int]]:
        """First byte and last of what is read at once, and which runs (from, to) it holds."""
        if not self.starts.size:
            return
        gaps = self.starts[1:] - self.starts[:-1] - self.length
        breaks = [0, *(np.flatnonzero(gaps > GAP) + 1).tolist(), self.starts.size]
        for low, high in itertools.pairwise(breaks):
            yield int(self.starts[low]), int(self.starts[high - 1]) + self.length, low, high

    def read(self, source: Any) -> Numbers:
        """The bytes of the part, read from a seekable file. Raises `EOFError` where they end too early."""
        found = np.empty((self.starts.size, self.length), dtype="u1")
        for start, stop, low, high in self.spans():
            if high - low == 1 or self.length >= SHORT:
                for number in range(low, high):
                    _read(source, int(self.starts[number]), found[number])
            else:
                span = np.empty(stop - start, dtype="u1")
                _read(source, start, span)
                windows = np.lib.stride_tricks.sliding_window_view(span, self.length)
                found[low:high] = windows[self.starts[low:high] - start]
        if not self.along or self.step == 1:
            return found
        count = (self.length // self.inner - 1) // self.step + 1
        picked = np.empty((self.starts.size, count, self.inner), dtype="u1")
        picked[:] = found.reshape(self.starts.size, -1, self.inner)[:, :: self.step]
        return picked


def run_cells(shape: tuple[int, ...], itemsize: int, offset: int | None, whole: bool) -> StoredCells | None:
    """Contiguous values as pieces that are one run of bytes each; None where these are too many."""
    piece = run_shape(shape, itemsize, RUN)
    if offset is None:
        return StoredCells(piece, np.zeros((0, len(shape) + 3), dtype="<u8"), whole)
    grid = [-(-size // part) for size, part in zip(shape, piece, strict=True)]
    count = prod(grid)
    if count > MOST_RUNS:
        return None
    cells = np.indices(grid, dtype="<u8").reshape(len(shape), count).T
    lows = cells * np.array(piece, dtype="<u8")
    sizes = np.minimum(lows + np.array(piece, dtype="<u8"), np.array(shape, dtype="<u8")) - lows
    strides = np.array([prod(shape[d + 1 :]) * itemsize for d in range(len(shape))], dtype="<u8")
    starts = (lows * strides).sum(axis=1, dtype="<u8") + np.uint64(offset)
    lengths = sizes.prod(axis=1, dtype="<u8") * np.uint64(itemsize)
    table = np.column_stack([cells, starts, lengths, np.zeros(count, dtype="<u8")])
    return StoredCells(piece, table, whole)


def count_runs(shape: tuple[int, ...], part: Selection) -> int:
    """How many runs a part of a contiguous dataset has at the most, counted without making them."""
    dimension = len(shape) - 1
    while dimension > 0 and part[dimension].count == shape[dimension]:
        dimension -= 1
    counts = [axis.count for axis in part[:dimension]]
    return prod(counts) * (1 if not shape or part[dimension].step == 1 else part[dimension].count)


def _parts(start: int, stop: int) -> Iterator[Range]:
    for low in range(start, stop, LARGEST):
        yield low, min(low + LARGEST, stop)


def _read(source: Any, start: int, target: Numbers) -> None:
    source.seek(start)
    if source.readinto(target.data) != target.size:
        raise EOFError("the file ends before the values do")
