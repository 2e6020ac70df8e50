"""Chunks that are copied as they are stored: fetched in batches by some threads, and written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from h5s3.export.zarr.objects import Cell, rows_of
from h5s3.export.zarr.shards import assembled, cells_in
from h5s3.formats.hdf5.data.threads import work_on
from h5s3.records import PlannedArray
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo, Range, Store
from h5s3.storage.ranges import GAP, LARGEST, join_ranges
from h5s3.storage.trace import Trace

MEMORY = 512 * MIB  # bytes of shards that are made at a time
BATCH, MOST = 8 * MIB, 1024  # bytes and chunks of one batch
Held = Callable[[PlannedArray, Cell], bool]
Put = Callable[[PlannedArray, Cell, bytes | memoryview], None]


@dataclass(frozen=True)
class Piece:
    """A chunk, and where it is stored."""

    array: PlannedArray
    cell: Cell
    stored: Range


def batches(
    arrays: Sequence[PlannedArray], held: Held, most_bytes: int = BATCH, most: int = MOST
) -> Iterator[list[Piece]]:
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
        if some and (size + length > most_bytes or len(some) >= most):
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
        """All chunks of these arrays, or shards of them, but for those that are held. `put` is called by
        several threads.

        Raises what the store raises, `ChangedError` among it, and what `put` raises.
        """

        work_on(
            lambda some: self._batch(some, put),
            list(batches([array for array in arrays if not array.shards], held)),
            threads,
        )
        for array in arrays:
            if array.shards:
                few = max(1, min(threads, MEMORY // max(1, prod(array.shards) * len(array.fill))))
                work_on(lambda some: self._shard(some, put), list(shards(array, held)), few)

    def _batch(self, batch: list[Piece], put: Put) -> None:
        for piece, data in zip(batch, self._fetch(batch), strict=True):
            put(piece.array, piece.cell, data)

    def _shard(self, shard: tuple[Cell, list[Piece]], put: Put) -> None:
        cell, pieces = shard
        array = pieces[0].array
        found = {piece.cell: data for piece, data in zip(pieces, self._fetch(pieces), strict=True)}
        put(array, cell, shard_of(array, cell, found))

    def _fetch(self, pieces: list[Piece]) -> list[bytes | memoryview]:
        with self._trace.behind():
            wanted = join_ranges([piece.stored for piece in pieces], gap=GAP, largest=LARGEST)
            found = self._store.get_ranges(self._info, wanted)
        firsts = [start for start, _ in wanted]
        made = []
        for piece in pieces:
            start, stop = piece.stored
            place = wanted[bisect_right(firsts, start) - 1]
            data = memoryview(found[place])[start - place[0] : stop - place[0]]
            made.append(padded(piece.array, data))
        return made


def shards(array: PlannedArray, held: Held) -> Iterator[tuple[Cell, list[Piece]]]:
    """The shards of an array, each with its chunks."""
    counts = np.array(
        [size // part for size, part in zip(array.shards, array.chunks, strict=True)], dtype="u8"
    )
    rows = rows_of(array)
    cells = rows[:, :-2] // counts
    found: dict[Cell, list[Piece]] = {}
    for at, (*cell, start, length) in zip(map(tuple, cells.tolist()), rows.tolist(), strict=True):
        if not held(array, at):
            found.setdefault(at, []).append(Piece(array, tuple(cell), (start, start + length)))
    yield from found.items()


def shard_of(array: PlannedArray, cell: Cell, found: Mapping[Cell, bytes | memoryview]) -> bytes:
    """A shard of the chunks that there are of it, by their cells."""
    counts = [size // part for size, part in zip(array.shards, array.chunks, strict=True)]
    first = [number * count for number, count in zip(cell, counts, strict=True)]
    chunks = [
        found.get(tuple(a + b for a, b in zip(first, at, strict=True)))
        for at in cells_in(array.shards, array.chunks)
    ]
    made = assembled(chunks)
    assert made is not None
    return made


def padded(array: PlannedArray, data: memoryview) -> bytes | memoryview:
    """A chunk as long as all are: the last one of contiguous values may be short."""
    full = prod(array.chunks) * len(array.fill)
    return bytes(data).ljust(full, b"\0") if not array.codecs and len(data) < full else data
