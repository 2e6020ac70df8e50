"""Chunks that are copied as they are stored: fetched in batches by some threads, and written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from h5s3.export.zarr.plan import rows_of
from h5s3.formats.hdf5.data.threads import work_on
from h5s3.records import PlannedArray
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo, Range, Store
from h5s3.storage.ranges import GAP, LARGEST, join_ranges
from h5s3.storage.trace import Trace

BATCH, MOST = 8 * MIB, 1024  # bytes and chunks of one batch
Cell = tuple[int, ...]
Held = Callable[[PlannedArray, Cell], bool]
Put = Callable[[PlannedArray, Cell, bytes | memoryview], None]


@dataclass(frozen=True)
class Piece:
    """A chunk, and where it is stored."""

    array: PlannedArray
    cell: Cell
    stored: Range


def batches(arrays: Sequence[PlannedArray], held: Held) -> Iterator[list[Piece]]:
    """The chunks of all arrays in the order in which they are stored, but for those that are held: some at a
    time, to be fetched together."""
    tables = [rows_of(array) for array in arrays]
    owners = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    rows = np.concatenate([np.arange(len(table)) for table in tables] or [np.zeros(0, dtype="i8")])
    starts = np.concatenate([table[:, -2] for table in tables] or [np.zeros(0, dtype="u8")])
    some: list[Piece] = []
    size = 0
    for number in np.argsort(starts, kind="stable").tolist():
        array = arrays[owners[number]]
        *cell, start, length = tables[owners[number]][rows[number]].tolist()
        if held(array, tuple(cell)):
            continue
        if some and (size + length > BATCH or len(some) >= MOST):
            yield some
            some, size = [], 0
        some.append(Piece(array, tuple(cell), (start, start + length)))
        size += length
    if some:
        yield some


class Copier:
    """Copies chunks of one object."""

    def __init__(self, store: Store, info: ObjectInfo, trace: Trace) -> None:
        self._store, self._info, self._trace = store, info, trace

    def copy(self, arrays: Sequence[PlannedArray], held: Held, put: Put, threads: int) -> None:
        """All chunks of these arrays but for those that are held. `put` is called by several threads.

        Raises what the store raises, `ChangedError` among it, and what `put` raises.
        """

        def one(batch: list[Piece]) -> None:
            with self._trace.behind():
                wanted = join_ranges([piece.stored for piece in batch], gap=GAP, largest=LARGEST)
                found = self._store.get_ranges(self._info, wanted)
            firsts = [start for start, _ in wanted]
            for piece in batch:
                start, stop = piece.stored
                place = wanted[bisect_right(firsts, start) - 1]
                data = memoryview(found[place])[start - place[0] : stop - place[0]]
                put(piece.array, piece.cell, _padded(piece.array, data))

        work_on(one, list(batches(arrays, held)), threads)


def _padded(array: PlannedArray, data: memoryview) -> bytes | memoryview:
    """A chunk as long as all are: the last one of contiguous values may be short."""
    full = prod(array.chunks) * len(array.fill)
    return bytes(data).ljust(full, b"\0") if not array.codecs and len(data) < full else data
