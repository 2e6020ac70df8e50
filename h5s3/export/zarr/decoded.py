"""Chunks that cannot be copied, and overviews: values are read from the file, encoded, and handed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, TypeVar

import numpy as np

from h5s3.export.behind import Behind
from h5s3.export.zarr.asked import ToDecode, is_decoded
from h5s3.export.zarr.encode import Encoder
from h5s3.export.zarr.objects import Cell, Chunk, packed
from h5s3.export.zarr.overviews.pyramid import Levels
from h5s3.export.zarr.reading import Reading, file_of, opened
from h5s3.export.zarr.shards import assembled, cells_in
from h5s3.formats.base import Contents
from h5s3.formats.boxes import POINTED, Box
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.data.threads import processors, work_on
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.selection import whole
from h5s3.records import PlannedArray, PlannedOverview
from h5s3.sizes import MIB

TOGETHER = 1000  # small arrays that are read in shared rounds
LARGEST_SMALL = MIB  # bytes of the values of one
Values = np.ndarray[Any, Any]
T = TypeVar("T")


def decode(asked: ToDecode, contents: Contents) -> int:
    """The answer to `ToDecode`."""
    file = file_of(contents)
    overviews = {one.array: one for one in asked.overviews}
    todo = [n for n, array in enumerate(asked.arrays) if is_decoded(array) or n in overviews]
    small = [n for n in todo if n not in overviews and _is_small(asked.arrays[n])]
    for low in range(0, len(small), TOGETHER):
        _together(asked, file, [asked.arrays[n] for n in small[low : low + TOGETHER]])
    for number in sorted({*todo} - {*small}):
        array = opened(file, asked.arrays[number])
        _Work(asked, asked.arrays[number], array, overviews.get(number)).run()
    return len(todo)


def _together(asked: ToDecode, file: OpenFile, arrays: Sequence[PlannedArray]) -> None:
    """Small arrays, read in shared rounds."""

    def read(planned: PlannedArray) -> tuple[Hdf5Array, Values]:
        array = opened(file, planned)
        array.refuse()
        with array.decoding(LARGEST_SMALL, LARGEST_SMALL):
            return array, array.exact(whole(array.facts.shape or ()))

    calls: list[Callable[[], tuple[Hdf5Array, Values] | Exception]] = [partial(read, one) for one in arrays]
    found = gather(file.blocks, calls, lambda _, error: error)
    for planned, answer in zip(arrays, found, strict=True):
        if isinstance(answer, Exception):  # whoever reads it alone knows what is wrong
            _Work(asked, planned, opened(file, planned)).run()
        else:
            _Work(asked, planned, answer[0]).give(answer[1])


def _is_small(array: PlannedArray) -> bool:
    most = prod(array.shape) * max(POINTED if array.text else 1, len(array.fill))
    return array.decoded is None and most <= LARGEST_SMALL and array.stored <= LARGEST_SMALL


class _Work:
    """One array."""

    def __init__(
        self,
        asked: ToDecode,
        planned: PlannedArray,
        array: Hdf5Array,
        overview: PlannedOverview | None = None,
    ) -> None:
        self._asked, self._planned = asked, planned
        self._held = asked.held.get(planned.path, ())
        self._reading = Reading(planned, asked.version, asked.names, array)
        kind = self._reading.kind
        fill = "" if kind.text else np.frombuffer(planned.fill, dtype=kind.dtype).reshape(())
        self._encoder = Encoder(planned.chunks, planned.codecs, fill)
        self._named = self._reading.named()
        self._wanted = None if self._named is None else set(map(tuple, self._named))
        self._levels: Levels | None = None
        if overview is not None and asked.spool is not None:
            self._levels = Levels(overview, planned.shape, asked.spool(None))

    def run(self) -> None:
        """Read box by box, and encode what was read before."""
        levels, behind, within = self._levels, Behind(), self._asked.within

        def wanted(box: Box) -> bool:
            if within is not None and not within[1] <= box.bounds[within[0]][0] < within[2]:
                return False
            every = levels is not None or not self._held
            return every or any(cell not in self._held for cell, _ in self._reading.cells(box))

        cells = self._named if levels is None else None
        try:
            for box, values, strange in self._reading.boxes(
                self._asked.max_bytes, wanted, cells, written=levels is None
            ):
                behind.do(partial(self._give, box, values, strange))
            behind.wait()
        except BaseException:
            behind.end()
            raise
        if levels is not None:
            levels.finish()
            _in_threads(self._give_level, list(levels.chunks(self._planned.path)))

    def give(self, values: Values) -> None:
        """Encode all values, which were read."""
        box = Box(tuple((0, length) for length in self._reading.shape))
        self._give(box, *self._reading.made(values))

    def _give(self, box: Box, values: Values, strange: bool) -> None:
        if self._levels is not None:
            self._levels.take([low for low, _ in box.bounds], values)
            if self._asked.tell is not None:
                self._asked.tell((self._planned.path, values.size))
        wanted = [
            item
            for item in self._reading.cells(box)
            if item[0] not in self._held and (self._wanted is None or item[0] in self._wanted)
        ]
        if self._planned.shards:
            for cell, place in wanted:
                self._take(cell, self._sharded(values[(*place, ...)]), strange)  # type: ignore[arg-type]
            return

        def one(item: tuple[Cell, tuple[slice, ...]]) -> None:
            cell, place = item
            part: Values = values[(*place, ...)]  # type: ignore[arg-type]
            self._take(cell, self._encoded(part), strange)

        _in_threads(one, wanted)

    def _sharded(self, values: Values) -> bytes | None:
        """A shard of encoded chunks."""
        order = list(cells_in(self._planned.shards, self._planned.chunks))
        found: dict[int, bytes | None] = {}

        def one(number: int) -> None:
            at = zip(order[number], self._planned.chunks, strict=True)
            part = values[tuple(slice(cell * size, (cell + 1) * size) for cell, size in at)]
            if part.size:
                found[number] = self._encoded(part)

        _in_threads(one, range(len(order)))
        return assembled([found.get(number) for number in range(len(order))])

    def _encoded(self, values: Values) -> bytes | None:
        return self._encoder.encoded(values) if self._planned.dense else self._encoder.encode(values)

    def _take(self, cell: Cell, data: bytes | None, strange: bool) -> None:
        self._asked.take(packed(Chunk(self._planned.path, cell, data, strange)))

    def _give_level(self, chunk: Callable[[], Chunk]) -> None:
        self._asked.take(packed(chunk()))


def _in_threads(do: Callable[[T], None], items: Sequence[T]) -> None:
    if len(items) == 1:
        do(items[0])
    else:
        work_on(do, items, processors())
