"""Chunks that cannot be copied: read from the file, encoded, and handed out. A question to the open file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, TypeVar

import numpy as np

from h5s3.errors import UsageError
from h5s3.export.behind import Behind
from h5s3.export.zarr.encode import Encoder
from h5s3.export.zarr.reading import Reading, opened
from h5s3.export.zarr.shards import assembled, cells_in
from h5s3.formats.base import Contents
from h5s3.formats.boxes import POINTED, Box
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.data.threads import processors, work_on
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.format import Hdf5Contents
from h5s3.formats.selection import whole
from h5s3.records import PlannedArray
from h5s3.sizes import MIB

TOGETHER = 1000  # small arrays that are read in shared rounds
LARGEST_SMALL = MIB  # bytes of the values of one
Values = np.ndarray[Any, Any]
Cell = tuple[int, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Chunk:
    """A chunk by its cell. `data` is None for one that is the fill value throughout."""

    array: int  # its number
    cell: Cell
    data: bytes | None
    strange: bool = False  # it holds texts that are not UTF-8


@dataclass(frozen=True)
class Decoding:
    """The question: all chunks of these arrays that are not copied, to `take`, in any order, by any thread.

    `held`: cells of each array that need not be given. `names`: paths of objects by their addresses.
    """

    arrays: Sequence[PlannedArray]
    version: int
    take: Callable[[Chunk], None]
    held: Sequence[Collection[Cell]]
    names: dict[int, str]
    max_bytes: int | None = None

    def __call__(self, contents: Contents) -> int:
        """How many arrays there were. Raises what reading values raises."""
        if not isinstance(contents, Hdf5Contents):
            raise UsageError("only HDF5 files are converted")
        small = [number for number, array in enumerate(self.arrays) if _is_small(array)]
        for low in range(0, len(small), TOGETHER):
            self._together(contents, small[low : low + TOGETHER])
        for number in sorted({*range(len(self.arrays))} - {*small}):
            _Work(self, number, opened(contents, self.arrays[number])).run()
        return len(self.arrays)

    def _together(self, contents: Hdf5Contents, numbers: Sequence[int]) -> None:
        """Small arrays, read in shared rounds."""

        def read(number: int) -> tuple[Hdf5Array, Values]:
            array = opened(contents, self.arrays[number])
            array.refuse()
            with array.decoding(LARGEST_SMALL, LARGEST_SMALL):
                return array, array.exact(whole(array.facts.shape or ()))

        calls: list[Callable[[], tuple[Hdf5Array, Values] | Exception]] = [partial(read, n) for n in numbers]
        found = gather(contents.file.blocks, calls, lambda _, error: error)
        for number, answer in zip(numbers, found, strict=True):
            if isinstance(answer, Exception):  # whoever reads it alone knows what is wrong
                _Work(self, number, opened(contents, self.arrays[number])).run()
            else:
                _Work(self, number, answer[0]).give(answer[1])


def _is_small(array: PlannedArray) -> bool:
    most = prod(array.shape) * max(POINTED if array.text else 1, len(array.fill))
    return array.decoded is None and most <= LARGEST_SMALL and array.stored <= LARGEST_SMALL


class _Work:
    """One array."""

    def __init__(self, asked: Decoding, number: int, array: Hdf5Array) -> None:
        self._asked, self._number = asked, number
        self._planned, self._held = asked.arrays[number], asked.held[number]
        self._reading = Reading(self._planned, asked.version, asked.names, array)
        kind = self._reading.kind
        fill = "" if kind.text else np.frombuffer(self._planned.fill, dtype=kind.dtype).reshape(())
        self._encoder = Encoder(self._planned.chunks, self._planned.codecs, fill)

    def run(self) -> None:
        """Read box by box, and encode what was read before."""

        def wanted(box: Box) -> bool:
            return not self._held or any(cell not in self._held for cell, _ in self._reading.cells(box))

        cells = self._reading.named()
        behind = Behind()
        try:
            for box, values, strange in self._reading.boxes(self._asked.max_bytes, wanted, cells):
                behind.do(partial(self._give, box, values, strange))
            behind.wait()
        except BaseException:
            behind.end()
            raise

    def give(self, values: Values) -> None:
        """Encode all values, which were read."""
        box = Box(tuple((0, length) for length in self._reading.shape))
        self._give(box, *self._reading.made(values))

    def _give(self, box: Box, values: Values, strange: bool) -> None:
        wanted = [item for item in self._reading.cells(box) if item[0] not in self._held]
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
        self._asked.take(Chunk(self._number, cell, data, strange))


def _in_threads(do: Callable[[T], None], items: Sequence[T]) -> None:
    if len(items) == 1:
        do(items[0])
    else:
        work_on(do, items, processors())
