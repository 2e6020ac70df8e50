"""The stored values of a chunked dataset, its chunks decoded by several threads into their places.

What is not decoded here (`decode.make_decoder`) libhdf5 reads, once it is known to unpack to its size. The
first chunk that comes from here is read by libhdf5 as well: where they differ, libhdf5 reads everything from
then on.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import DamagedError
from h5s3.formats.base import Facts
from h5s3.formats.hdf5.data.chunk_places import ChunkPlaces, touched
from h5s3.formats.hdf5.data.chunk_sizes import ChunkSizes
from h5s3.formats.hdf5.data.decode import Decoder, LeftError, WrongSizeError, make_decoder
from h5s3.formats.hdf5.data.threads import processors, work_on
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.selection import Axis, Selection
from h5s3.sizes import MIB

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
    """Reads parts of one dataset. `by_libhdf5`: the stored values of a part as libhdf5 reads them, unchecked.

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
        self._checked = False

    @cached_property
    def places(self) -> ChunkPlaces:
        """Where the chunks are stored. Raises what h5py raises."""
        return ChunkPlaces(self._file, self._dataset, self._facts)

    @cached_property
    def sizes(self) -> ChunkSizes:
        """To be asked before libhdf5 reads."""
        itemsize = self._sizes[1]
        return ChunkSizes(self._file, self._dataset, self._facts, itemsize, lambda: self.places)

    def read(self, parts: Sequence[Selection]) -> list[Values] | None:
        """The stored values of each part, as opaque bytes; None where libhdf5 has to read them.

        Raises `DamagedError`, and what libhdf5 raises of the chunks that are left to it.
        """
        if self.decoder is None or sum(map(self._count, parts)) > MOST_IN_BOX or not self.places.certain:
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
        if self.decoder is None or self._sizes[0] > LARGEST_HINT or self._count(part) > MOST_IN_BOX:
            return None
        if not self.places.certain:
            return None
        values = np.zeros(tuple(axis.count for axis in part), dtype=self._kind)
        pieces = self._pieces(part, values, hint=True)
        return None if pieces is None or self._decode(pieces, hint=True) else values

    # ------------------------------------------------------------------------------------------ chunks

    def _count(self, part: Selection) -> int:
        return prod(len(touched(axis, size)) for axis, size in zip(part, self._chunks, strict=True))

    def _pieces(self, part: Selection, values: Values, *, hint: bool = False) -> list[Piece] | None:
        """The chunks of a part that are stored; what is not has the fill value already. None: it has none."""
        along = [list(_along(axis, size)) for axis, size in zip(part, self._chunks, strict=True)]
        cells = list(itertools.product(*along))
        places = self.places.find([tuple(item.cell for item in cell) for cell in cells])
        if not hint and None in places:
            if self._fill is None:
                return None
            values[...] = np.frombuffer(self._fill, dtype=self._kind)[0]
        found = []
        for cell, place in zip(cells, places, strict=True):
            if place is not None:
                chunk, target = (tuple(getattr(item, name) for item in cell) for name in ("chunk", "target"))
                source = tuple(item.axis for item in cell)
                start, size, mask = place
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
            self.sizes.check(piece.part)
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


def _along(axis: Axis, size: int) -> Iterator[_Part]:
    for cell in touched(axis, size):
        part, first = axis.within(cell * size, (cell + 1) * size)
        inside = slice(part.start - cell * size, part.stop - cell * size, part.step)
        yield _Part(cell, part, inside, slice(first, first + part.count))
