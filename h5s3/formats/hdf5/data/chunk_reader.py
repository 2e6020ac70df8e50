"""The stored values of a chunked dataset, its chunks decoded by several threads into their places.

What is not decoded here (`decode.make_decoder`), and what is too little to gain by it, libhdf5 reads. The
first chunk that comes from here is read by libhdf5 as well: where they differ, libhdf5 reads everything from
then on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import DamagedError
from h5s3.formats.base import Facts
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex, read_index
from h5s3.formats.hdf5.data.decode import Decoder, LeftError, WrongSizeError, make_decoder
from h5s3.formats.hdf5.data.threads import processors, work_on
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.selection import Axis, Selection
from h5s3.sizes import MIB

LEAST_CHUNK = 16 * 1024  # decoded bytes of a chunk below which libhdf5 is as fast
LEAST = MIB  # decoded bytes of one read
FEW = 4  # chunks of one read: one of them is read twice
MOST_IN_BOX = 65_536  # chunks of one read
LARGEST_HINT = 64 * MIB  # decoded bytes of a chunk that is decoded for a hint
MOST_AT_ONCE = 128 * MIB  # decoded bytes of the chunks that are in the hands of threads
Values = np.ndarray[Any, Any]
Slices = tuple[slice, ...]


@dataclass(frozen=True)
class Piece:
    """A part of one chunk: where it is stored, where in the chunk, and where it belongs."""

    stored: memoryview | None  # None: not here
    decoder: Decoder | None  # None: libhdf5 decodes it
    chunk: Slices
    values: Values
    target: Slices
    part: Selection  # of the dataset

    @property
    def place(self) -> Values:
        """The part of the values, to be written to."""
        return self.values[self.target]


class ChunkReader:
    """Reads parts of one dataset. `by_libhdf5`: the stored values of a part as libhdf5 reads them.

    `itemsize`: bytes of an element as it is stored. `fill`: the stored bytes of elements that were never
    written; None: only libhdf5 knows.
    """

    def __init__(
        self,
        file: OpenFile,
        dataset: Any,
        facts: Facts,
        itemsize: int,
        fill: bytes | None,
        by_libhdf5: Callable[[Selection], Values],
    ) -> None:
        self._blocks, self._dataset, self._facts, self._file = file.blocks, dataset, facts, file
        self._chunks = facts.chunks or ()
        self._sizes = prod(self._chunks) * itemsize, itemsize
        self.decoder: Decoder | None = make_decoder(facts.filters, *self._sizes)
        self._masked: dict[int, Decoder | None] = {}
        self._fill, self._by_libhdf5 = fill, by_libhdf5
        self._kind = np.dtype((np.void, itemsize))
        self._places: _Places | None = None
        self._checked = self._many = False

    @property
    def capable(self) -> bool:
        """Whether many chunks would be decoded here."""
        return self.decoder is not None and self.decoder.size >= LEAST_CHUNK

    def begin(self) -> None:
        """Many reads are to come: even one that is small gains something."""
        self._many = True

    def worthwhile(self, parts: Sequence[Selection]) -> bool:
        """Whether reading these parts here gains anything."""
        if self.decoder is None or not self.capable:
            return False
        if self._many:
            return True
        count = sum(self._count(part) for part in parts)
        return FEW <= count <= MOST_IN_BOX and count * self.decoder.size >= LEAST

    def read(self, parts: Sequence[Selection]) -> list[Values] | None:
        """The stored values of each part, as opaque bytes; None where libhdf5 has to read them.

        Raises `DamagedError`, and what libhdf5 raises of the chunks that are left to it.
        """
        if self.decoder is None or not self._known():
            return None
        found = [np.empty(tuple(axis.count for axis in part), dtype=self._kind) for part in parts]
        pieces: list[Piece] = []
        for part, values in zip(parts, found, strict=True):
            cut = self._pieces(part, values)
            if cut is None:
                return None
            pieces += cut
        left = self._decode(pieces)
        return found if self._agreed(pieces, left) else None

    def stored_values(self, part: Selection) -> Values | None:
        """The same for a hint: nothing is checked, and None where any of it cannot be decoded here.

        Of chunks that skipped filters, too: of variable length, all do that were to be shuffled.
        """
        if self.decoder is None or not self._known() or self._count(part) > MOST_IN_BOX:
            return None
        if self._sizes[0] > LARGEST_HINT:
            return None
        values = np.zeros(tuple(axis.count for axis in part), dtype=self._kind)
        pieces = self._pieces(part, values, hint=True)
        return None if pieces is None or self._decode(pieces, hint=True) else values

    # ------------------------------------------------------------------------------------------ chunks

    def _count(self, part: Selection) -> int:
        return prod(len(_cells(axis, size)) for axis, size in zip(part, self._chunks, strict=True))

    def _known(self) -> bool:
        """Whether it is known for certain where the chunks are."""
        if self._places is None:
            index = read_index(self._dataset, self._facts, self._file)
            self._places = _Places(index, self._facts)
        return self._places.certain

    def _pieces(self, part: Selection, values: Values, *, hint: bool = False) -> list[Piece] | None:
        """The chunks of a part that are stored; what is not has the fill value already. None: it has none."""
        assert self._places is not None
        along = [list(_along(axis, size)) for axis, size in zip(part, self._chunks, strict=True)]
        cells = list(itertools.product(*along))
        rows = self._places.find([tuple(item.cell for item in cell) for cell in cells])
        if not hint and (rows < 0).any():
            if self._fill is None:
                return None
            values[...] = np.frombuffer(self._fill, dtype=self._kind)[0]
        found = []
        for cell, row in zip(cells, rows.tolist(), strict=True):
            if row >= 0:
                chunk, target = (tuple(getattr(item, name) for item in cell) for name in ("chunk", "target"))
                source = tuple(item.axis for item in cell)
                start, size, mask = self._places.row(row)
                if not hint:
                    self._refuse_unfiltered(size, mask)
                decoder = self._decoder(cell, mask, hint)
                stored = None if decoder is None else self._blocks.stored(start, start + size)
                found.append(Piece(stored, decoder, chunk, values, target, source))
        return found

    def _decoder(self, cell: tuple[_Part, ...], mask: int, hint: bool) -> Decoder | None:
        """Who decodes a chunk: libhdf5 one that skipped filters, as chunks at the edges may do unnoticed."""
        if mask:
            return self._partly(mask) if hint else None
        edge = any(
            (item.cell + 1) * size > whole
            for item, size, whole in zip(cell, self._chunks, self._facts.shape or (), strict=True)
        )
        return self.decoder if not edge or self.decoder is None or self.decoder.certain else None

    def _refuse_unfiltered(self, size: int, mask: int) -> None:
        """Raise `DamagedError` for a chunk that skipped all filters and is not as long as a chunk is."""
        every = (1 << len(self._facts.filters)) - 1
        if mask and mask & every == every and size != self._sizes[0]:
            raise DamagedError(f"a chunk is stored in {size} bytes instead of its {self._sizes[0]}")

    def _partly(self, mask: int) -> Decoder | None:
        """For chunks that skipped the filters of a mask."""
        mask &= (1 << len(self._facts.filters)) - 1
        if mask not in self._masked:
            applied = [item for number, item in enumerate(self._facts.filters) if not mask >> number & 1]
            self._masked[mask] = make_decoder(applied, *self._sizes)
        return self._masked[mask]

    # ------------------------------------------------------------------------------------------ decoding

    def _decode(self, pieces: list[Piece], *, hint: bool = False) -> list[Piece]:
        """Decode in threads; the pieces that are left to libhdf5.

        A chunk of another size is damaged, unless it may be one at the edge that skipped the filters.
        """
        left = [piece for piece in pieces if piece.stored is None]

        def one(piece: Piece) -> None:
            assert piece.stored is not None and piece.decoder is not None
            try:
                self._put(piece.decoder, piece.decoder.decode(piece.stored), piece)
            except WrongSizeError as error:
                if not hint and piece.stored.nbytes != self._sizes[0]:
                    raise DamagedError(str(error)) from None
                left.append(piece)
            except LeftError:
                left.append(piece)

        workers = min(processors(), max(1, MOST_AT_ONCE // (2 * self._sizes[0])))
        work_on(one, [piece for piece in pieces if piece.stored is not None], workers)
        return left

    def _put(self, decoder: Decoder, data: Values, piece: Piece) -> None:
        if decoder.planes == 1:
            piece.place[...] = data.view(self._kind).reshape(self._chunks)[piece.chunk]
            return
        target = piece.place[..., None].view("u1")  # a last dimension of the bytes of an element
        for number, plane in enumerate(data.reshape(decoder.planes, *self._chunks)):
            target[..., number] = plane[piece.chunk]

    def _agreed(self, pieces: list[Piece], left: list[Piece]) -> bool:
        """Have libhdf5 read what is left, and the first chunk that was decoded here: is it the same?"""
        for piece in left:
            piece.values[piece.target] = self._by_libhdf5(piece.part)
        missed = set(map(id, left))
        first = next((piece for piece in pieces if id(piece) not in missed), None)
        if self._checked or first is None:
            return True
        self._checked = True
        if self._by_libhdf5(first.part).tobytes() == first.place.tobytes():
            return True
        self.decoder = None
        return False


@dataclass(frozen=True)
class _Part:
    """What is selected of one chunk along one dimension."""

    cell: int
    axis: Axis  # of the dataset
    chunk: slice  # in the chunk
    target: slice  # among what is selected


def _cells(axis: Axis, size: int) -> Sequence[int]:
    """The chunks along one dimension that something is selected of."""
    if not axis.count:
        return range(0)
    if axis.step <= size:
        return range(axis.start // size, (axis.stop - 1) // size + 1)
    return [(axis.start + number * axis.step) // size for number in range(axis.count)]


def _along(axis: Axis, size: int) -> Iterator[_Part]:
    for cell in _cells(axis, size):
        part, first = axis.within(cell * size, (cell + 1) * size)
        inside = slice(part.start - cell * size, part.stop - cell * size, part.step)
        yield _Part(cell, part, inside, slice(first, first + part.count))


class _Places:
    """Rows of an index by the cell of the chunk."""

    def __init__(self, index: ChunkIndex, facts: Facts) -> None:
        sizes = zip(facts.shape or (), facts.chunks or (), strict=True)
        self._grid = tuple(-(-size // chunk) for size, chunk in sizes)
        self.certain = index.complete and index.certain and 0 < prod(self._grid) < 1 << 62
        self._table = index.table
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

    def find(self, cells: list[tuple[int, ...]]) -> Values:
        """The row of each cell; -1 for those that were never written."""
        if not self._sorted.size or not cells:
            return np.full(len(cells), -1)
        keys = self._keys(np.array(cells, dtype="i8").reshape(len(cells), len(self._grid)))
        at = np.minimum(np.searchsorted(self._sorted, keys), self._sorted.size - 1)
        return np.where(self._sorted[at] == keys, self._rows[at], -1)

    def row(self, number: int) -> tuple[int, int, int]:
        """First byte in the object, stored bytes, mask of filters that were not applied."""
        start, size, mask = self._table[number, -3:].tolist()
        return start, size, mask
