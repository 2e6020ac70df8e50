"""Chunks that cannot be copied: read from the file, encoded, and handed out. A question to the open file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import lcm, prod
from typing import Any, TypeVar

import numpy as np

from h5s3.errors import RefusedError, UsageError
from h5s3.export.behind import Behind
from h5s3.export.zarr.encode import Encoder, as_stored, text_maker
from h5s3.export.zarr.kinds import Kind, NoCounterpartError, kind_of
from h5s3.export.zarr.shards import assembled, cells_in
from h5s3.formats.base import Contents
from h5s3.formats.boxes import POINTED, Box, BoxReader, Cut
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.data.threads import processors, work_on
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.format import Hdf5Contents
from h5s3.formats.names import raw_path
from h5s3.formats.selection import whole
from h5s3.records import PlannedArray
from h5s3.sizes import MIB

TOGETHER = 1000  # small arrays that are read in shared rounds
LARGEST_SMALL = MIB  # bytes of the values of one
LARGEST_CELL = 128 * MIB  # of values that are read together for the sake of chunks
BOX = 32 * MIB  # bytes of values that are read at once
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
            _Work(self, number, _opened(contents, self.arrays[number])).run()
        return len(self.arrays)

    def _together(self, contents: Hdf5Contents, numbers: Sequence[int]) -> None:
        """Small arrays, read in shared rounds."""

        def read(number: int) -> tuple[Hdf5Array, Values]:
            array = _opened(contents, self.arrays[number])
            array.refuse()
            with array.decoding(LARGEST_SMALL, LARGEST_SMALL):
                return array, array.exact(whole(array.facts.shape or ()))

        calls: list[Callable[[], tuple[Hdf5Array, Values] | Exception]] = [partial(read, n) for n in numbers]
        found = gather(contents.file.blocks, calls, lambda _, error: error)
        for number, answer in zip(numbers, found, strict=True):
            if isinstance(answer, Exception):  # whoever reads it alone knows what is wrong
                _Work(self, number, _opened(contents, self.arrays[number])).run()
            else:
                _Work(self, number, answer[0]).give(answer[1])


def _opened(contents: Hdf5Contents, array: PlannedArray) -> Hdf5Array:
    found = contents.file.find(raw_path(array.source))
    return Hdf5Array(contents.file, found.object, found)


def _is_small(array: PlannedArray) -> bool:
    most = prod(array.shape) * max(POINTED if array.text else 1, len(array.fill))
    return array.decoded is None and most <= LARGEST_SMALL and array.stored <= LARGEST_SMALL


class _Work:
    """One array."""

    def __init__(self, asked: Decoding, number: int, array: Hdf5Array) -> None:
        self._asked, self._number, self._array = asked, number, array
        self._planned, self._held = asked.arrays[number], asked.held[number]
        facts = array.facts
        try:
            self._kind: Kind = kind_of(facts, array.dtype, asked.version)
        except NoCounterpartError as error:
            raise RefusedError(f"{array.path}: {error}") from None
        self._ndim = len(facts.shape or ())
        self._inner = tuple(self._planned.chunks)
        self._shard = tuple(self._planned.shards)
        self._chunks = (self._shard or self._inner)[: self._ndim]  # of one object
        fill = (
            "" if self._kind.text else np.frombuffer(self._planned.fill, dtype=self._kind.dtype).reshape(())
        )
        self._encoder = Encoder(self._planned.chunks, self._planned.codecs, fill)

    def run(self) -> None:
        """Read box by box, and encode what was read before."""
        selection = whole(self._array.facts.shape or ())
        reader = BoxReader(self._array, selection, self._asked.max_bytes, BOX, again=False)
        behind = Behind()
        try:
            for box, values in reader.read_all(self._boxes(reader)):
                behind.do(partial(self._give, box, *self._made(values)))
            behind.wait()
        except BaseException:
            behind.end()
            raise

    def give(self, values: Values) -> None:
        """Encode all values, which were read."""
        box = Box(tuple((0, length) for length in self._array.facts.shape or ()))
        self._give(box, *self._made(values))

    def _boxes(self, reader: BoxReader) -> Iterator[Box]:
        size = max(self._array.facts.itemsize, self._array.dtype.itemsize if self._array.dtype else 0)
        size += POINTED if self._array.facts.type_has_pointers else 0
        if self._planned.decoded is not None:
            cells = np.frombuffer(self._planned.decoded, dtype="<u8").reshape(-1, self._ndim).tolist()
            boxes: Iterator[Box] = (self._box(tuple(cell)) for cell in cells)
        else:
            cell = self._aligned(size)
            cut = Cut(reader.selection, cell, size, prod(cell) * size, reader.limit)
            boxes = cut.boxes(ordered=False)
        for box in boxes:
            if self._held and all(cell in self._held for cell, _ in self._cells(box)):
                continue
            if self._planned.dense or not reader.unwritten(box):
                yield box

    def _aligned(self, size: int) -> tuple[int, ...]:
        """Whole objects that hold whole chunks of the file, so that none of these is decoded twice; or one
        object, where such are too large."""
        facts = self._array.facts
        own = facts.chunks or self._chunks
        each = zip(self._chunks, own, facts.shape or (), strict=True)
        found = tuple(min(lcm(new, old), -(-length // new) * new) for new, old, length in each)
        return found if prod(found) * size <= LARGEST_CELL else self._chunks

    def _box(self, cell: Cell) -> Box:
        shape = self._array.facts.shape or ()
        each = zip(cell, self._chunks, shape, strict=True)
        return Box(tuple((number * size, min((number + 1) * size, length)) for number, size, length in each))

    def _cells(self, box: Box) -> Iterator[tuple[Cell, tuple[slice, ...]]]:
        """The chunks of a box, each with its place in it."""
        along = [
            [
                (number, slice(max(low, number * size) - low, min(high, (number + 1) * size) - low))
                for number in range(low // size, -(-high // size))
            ]
            for (low, high), size in zip(box.bounds, self._chunks, strict=True)
        ]
        inner = (0,) * len(self._kind.inner)
        for parts in product(*along):
            yield tuple(number for number, _ in parts) + inner, tuple(place for _, place in parts)

    def _made(self, values: Values) -> tuple[Values, bool]:
        """Values of Zarr's type, and whether some are texts that are not UTF-8. Texts are made here, where
        libhdf5 may be asked for what references lead to."""
        if not self._kind.text:
            return as_stored(values, self._kind.dtype), False
        strange: list[bool] = []
        make = text_maker(self._path_of if self._kind.references else None, partial(strange.append, True))
        found = np.empty(values.shape, dtype=object)
        flat = found.reshape(-1)
        for number, value in enumerate(values.reshape(-1)):
            flat[number] = make(value)
        return found, bool(strange)

    def _path_of(self, value: Any) -> str | None:
        converter = self._array.converter()
        converter.namer = lambda address: self._asked.names.get(address, f"@{address}")
        found = converter.of_object(value, self._array.dtype or np.dtype("O"))
        return found if isinstance(found, str) else None

    def _give(self, box: Box, values: Values, strange: bool) -> None:
        wanted = [item for item in self._cells(box) if item[0] not in self._held]
        if self._shard:
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
        order = list(cells_in(self._shard, self._inner))
        found: dict[int, bytes | None] = {}

        def one(number: int) -> None:
            at = zip(order[number], self._inner, strict=True)
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
