"""Reading a selection of any size exactly, box by box: each one round of parallel exact ranges."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from h5py import h5s, h5t

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.boxes import BOX, Box, Cut
from h5s3.formats.hdf5.data.byte_ranges import Runs, StoredChunks
from h5s3.formats.hdf5.data.chunk_grid import run_shape
from h5s3.formats.hdf5.data.refuse import refuse_unsafe
from h5s3.formats.hdf5.fetch.waves import ReplayError
from h5s3.formats.hdf5.objects.datasets import Facts
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.numpy_values import as_numpy
from h5s3.formats.hdf5.objects.sequences import in_order
from h5s3.formats.hdf5.objects.values import memory_dtype
from h5s3.formats.selection import Selection
from h5s3.sizes import MIB
from h5s3.storage.base import Range

Array = np.ndarray[Any, Any]
POINTED = 256  # bytes that a value of variable length is taken to have, where boxes are planned
LARGEST_CHUNK = 1024 * MIB  # decoded, unless --max-bytes allows more
MOST_IN_BOX = 4096  # chunks that libhdf5 is let look at for one read
MOST_ELSEWHERE = 1024 * MIB  # bytes of one box that lie elsewhere in the file: strings of variable length


class Bulk:
    """A selection of one dataset. Values come in boxes with all dimensions of the dataset.

    Raises `RefusedError` for values that lie elsewhere, that no filter here decodes, or in chunks too large.
    """

    def __init__(
        self,
        file: OpenFile,
        dataset: Any,
        facts: Facts,
        selection: Selection,
        max_bytes: int | None = None,
        limit: int | None = None,
    ) -> None:
        refuse_unsafe(file, dataset, facts)
        self.dtype = memory_dtype(dataset.get_type())
        self.selection = selection
        self._file, self._dataset, self._facts, self._limit = file, dataset, facts, limit or BOX
        self._type = dataset.get_type()
        self._index: StoredChunks | None = None
        self._refuse_chunk(self._cell_bytes, max_bytes)
        if facts.layout == "chunked" and facts.chunks:
            self._index = StoredChunks(file, dataset, facts, facts.chunks, selection)
            self._refuse_chunk(min(self._index.largest, file.info.size), max_bytes)
        self._offset = dataset.get_offset() if facts.layout == "contiguous" and facts.shape else None
        self._delivered = False

    @property
    def _cell(self) -> tuple[int, ...]:
        facts = self._facts
        if facts.layout == "chunked" and facts.chunks:
            return facts.chunks
        return run_shape(facts.shape or (), facts.itemsize)

    @property
    def _cell_bytes(self) -> int:
        return prod(self._cell) * self._facts.itemsize

    def _refuse_chunk(self, size: int, max_bytes: int | None) -> None:
        if size > max(LARGEST_CHUNK, max_bytes or 0):
            raise RefusedError(
                f"one chunk is of {max(1, round(size / MIB))} MiB", hint=f"allow it with --max-bytes {size}"
            )

    def boxes(self, ordered: bool) -> Iterator[Box]:
        """What is read at once, one after the other; `ordered`: in C order."""
        index = self._index
        stored = self._cell_bytes if index is None else min(index.largest, self._file.info.size)
        size = max(self._facts.itemsize, self.dtype.itemsize if self.dtype is not None else 0)
        if self._facts.type_has_pointers:
            size += POINTED
        return Cut(self.selection, self._cell, size, stored, self._limit).boxes(ordered)

    def ranges(self, box: Box) -> list[Range]:
        """The bytes of the object that a box needs. Strings of variable length lie elsewhere."""
        part = box.part(self.selection)
        if self._index is not None:
            return self._index.ranges(part)
        if self._offset is not None:
            return self._runs(part).ranges()
        return []

    @property
    def never_written(self) -> bool:
        """Whether all of the selection has the fill value."""
        if self._index is not None:
            return not len(self._index)
        return self._facts.layout == "contiguous" and bool(self._facts.shape) and self._offset is None

    def unwritten(self, box: Box) -> bool:
        """Whether nothing of a box was ever written: all of it has the fill value."""
        if self._index is not None:
            return not self._index.ranges(box.part(self.selection))
        return self.never_written

    def raw(self, box: Box) -> Array:
        """The values as stored, as opaque bytes. Not for types with pointers."""
        return self._guarded(box, self._raw)

    def values(self, box: Box) -> Array:
        """The values in NumPy's types; dimensions of array types come last."""
        return self._guarded(box, self._pointed if self._facts.type_has_pointers else self._converted)

    def _guarded(self, box: Box, read: Any) -> Array:
        blocks = self._file.blocks
        try:
            blocks.fetch_exact(self.ranges(box))
            with blocks.limited(max(MOST_ELSEWHERE, self._limit), self._cell_bytes):
                found: Array = read(box.part(self.selection))
        except EOFError as error:
            raise DamagedError(f"the values cannot be read: {error}") from None
        except FAILURES as error:
            if blocks.ever_missed and not self._delivered:
                raise ReplayError from error
            raise DamagedError(f"the values cannot be read: {plain_reason(error)}") from None
        finally:
            blocks.drop_exact()
        self._delivered = True
        return found

    # ----------------------------------------------------------------------------------- as stored

    def _raw(self, part: Selection) -> Array:
        shape, kind = tuple(axis.count for axis in part), np.dtype((np.void, self._facts.itemsize))
        if self._offset is not None:
            return self._runs(part).read(self._file.blocks).reshape(-1).view(kind).reshape(shape)
        return self._by_libhdf5(part, kind, self._type)

    def _runs(self, part: Selection) -> Runs:
        return Runs(self._facts.shape or (), self._facts.itemsize, int(self._offset or 0), part)

    def _by_libhdf5(self, part: Selection, kind: np.dtype[Any], memory: Any) -> Array:
        reads = list(self._reads(part))
        if len(reads) == 1:
            return self._hyperslab(part, kind, memory)
        values = np.zeros(tuple(axis.count for axis in part), dtype=kind)
        for target, source in reads:
            values[target] = self._hyperslab(source, kind, memory)
        return values

    def _hyperslab(self, part: Selection, kind: np.dtype[Any], memory: Any) -> Array:
        shape = tuple(axis.count for axis in part)
        space, target = self._dataset.get_space(), h5s.create(h5s.SCALAR)
        if shape:
            starts, steps = tuple(axis.start for axis in part), tuple(axis.step for axis in part)
            space.select_hyperslab(starts, shape, steps)
            target = h5s.create_simple(shape)
        values = np.zeros(shape, dtype=kind)  # of an array type: gains its dimensions
        self._dataset.read(target, space, values, mtype=memory)
        return values

    def _reads(self, part: Selection) -> Iterator[tuple[Any, Selection]]:
        """A part at a stroke, or chunk by chunk where libhdf5 would look at too many between them."""
        chunks = self._facts.chunks if self._index is not None else None
        between = [
            (axis.stop - 1) // size - axis.start // size + 1
            for axis, size in zip(part, chunks or (), strict=False)
        ]
        if chunks is None or prod(between) <= MOST_IN_BOX:
            yield (), part
            return
        one = Cut(part, chunks, 1, 1, limit=1)
        for box in one.boxes(ordered=False):
            yield tuple(slice(low, high) for low, high in box.bounds), box.part(part)

    # ------------------------------------------------------------------------------- as NumPy has it

    def _converted(self, part: Selection) -> Array:
        if self.dtype is None:
            raise TypeError(f"values of type {self._facts.dtype}")
        raw = self._raw(part)
        return as_numpy(raw, self._type, self.dtype, self._facts.itemsize)

    def _pointed(self, part: Selection) -> Array:
        """By h5py: values that lie outside the elements become Python objects."""
        if self.dtype is None:
            raise TypeError(f"values of type {self._facts.dtype}")
        return in_order(self._by_libhdf5(part, self.dtype, h5t.py_create(self.dtype)), self.dtype)
