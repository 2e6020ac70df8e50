"""Values that stand in the references themselves: what Zarr cannot refer to, and what is small.

Stored bytes of small arrays are taken as they are. What is not stored as Zarr would have it (texts of
variable length, types that must be converted, filters without a codec, chunks that skipped filters) is
decoded. The bytes of all arrays of a turn come in one round, and what they point to in two more.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.base import Facts
from h5s3.formats.encoding.zarr_codecs import ZarrCodecs
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex
from h5s3.formats.hdf5.data.heaps import POINTER, fetch_heaps
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.references.kinds import BYTES, TEXT, Kind, LeftOutError, packed_type
from h5s3.formats.hdf5.references.places import Places
from h5s3.formats.selection import Axis, whole
from h5s3.records import Json
from h5s3.sizes import MIB, size_text
from h5s3.storage.base import Range

LARGEST_DECODED = 1 * MIB  # bytes of the values of an array that is decoded
LARGEST_TEXT = 16 * MIB  # bytes of all texts of one
LARGEST_CHUNK = 64 * MIB  # decoded bytes of a chunk on the way
MOST = 64 * MIB  # bytes of everything that is inlined
Values = np.ndarray[Any, Any]


class Budget:
    """How many bytes may still be inlined. `limit`: by the user."""

    def __init__(self, limit: int | None) -> None:
        self._left = MOST if limit is None else min(MOST, limit)

    def take(self, size: int) -> None:
        """Raises `LeftOutError` where there is no room for so many bytes."""
        if size > self._left:
            raise LeftOutError("no more values are inlined: what must be is larger than the limit")
        self._left -= size


class Decoding:
    """An array that is decoded, whole (`places` is None) or the chunks of it that are odd."""

    def __init__(
        self, file: OpenFile, dataset: Any, facts: Facts, kind: Kind, places: Places | None, why: str
    ) -> None:
        self._file, self._facts, self._kind, self._places = file, facts, kind, places
        self._array = Hdf5Array(file, dataset)
        self._why = why

    def ranges(self, index: ChunkIndex | None, budget: Budget) -> list[Range]:
        """The bytes to fetch. Raises `LeftOutError` where the values are too large to be inlined."""
        facts, limit = self._facts, LARGEST_TEXT if self._kind.text else LARGEST_DECODED
        try:
            self._array.refuse()
        except RefusedError as error:
            raise LeftOutError(error.cause) from None
        decoded = self._decoded_bytes()
        if decoded > limit or prod(facts.chunks or ()) * facts.itemsize > LARGEST_CHUNK:
            raise LeftOutError(
                f"{self._why}, and its values are too large to be inlined ({size_text(decoded)})"
            )
        budget.take(decoded)
        found: list[Range] = []
        if index is not None:
            rows = index.table if self._places is None else self._odd_rows(index)
            found = [(start, start + size) for start, size in rows[:, -3:-1].tolist()]
        elif facts.layout == "contiguous" and facts.shape is not None:
            runs = self._array.runs(whole(facts.shape))
            found = runs.ranges() if runs is not None else []
        if sum(high - low for low, high in found) > 2 * LARGEST_TEXT:
            raise LeftOutError(f"{self._why}, and its stored values are too large to be inlined")
        return found

    def _decoded_bytes(self) -> int:
        if self._places is None:
            return self._facts.size * (POINTER if self._kind.text else self._facts.itemsize)
        return len(self._places.odd) * prod(self._places.chunks) * self._facts.itemsize

    def _odd_rows(self, index: ChunkIndex) -> Values:
        assert self._places is not None
        wanted = set(map(tuple, self._places.odd.tolist()))
        return index.table[[tuple(cell) in wanted for cell in index.table[:, :-3].tolist()]]

    def pointers(self) -> Values | None:
        """The stored elements of texts, whose bytes are here."""
        if not self._kind.text or not self._facts.size or self._array.pointers != (POINTER, [0]):
            return None
        elements = self._array.elements(whole(self._facts.shape or ()))
        return None if elements is None else elements.reshape(-1)

    def read(self, budget: Budget) -> tuple[dict[str, bytes], list[Json]]:
        """The chunks by their keys, and the filters with which they are stored.

        Raises `LeftOutError`, and what h5py raises as `DamagedError`.
        """
        with self._array.decoding(2 * LARGEST_TEXT, LARGEST_CHUNK, again=True):
            if self._places is not None:
                return {_key(cell): self._chunk(cell) for cell in self._places.odd.tolist()}, []
            values = self._array.exact(whole(self._facts.shape or ()))
        key = _key((0,) * values.ndim)
        if self._kind.text:
            data, codec = _texts(values, budget)
            return ({key: data} if values.size else {}), [codec]
        packed = np.ascontiguousarray(values.astype(packed_type(self._kind.dtype)))
        return ({key: packed.tobytes()} if packed.size else {}), []

    def _chunk(self, cell: Sequence[int]) -> bytes:
        """A chunk of the stored bytes, through the codecs of all."""
        assert self._places is not None
        shape, sizes = self._facts.shape or (), self._places.chunks
        part = tuple(
            Axis(number * size, 1, min(size, length - number * size))
            for number, size, length in zip(cell, sizes, shape, strict=True)
        )
        values = self._array.raw(part)
        chunk = np.zeros(sizes, dtype=values.dtype)
        chunk[tuple(slice(axis.count) for axis in part)] = values
        return encoded(chunk.tobytes(), self._places.codecs)


def encoded(data: bytes, codecs: ZarrCodecs) -> bytes:
    """A chunk as these codecs store it."""
    from numcodecs import get_codec

    for configuration in codecs.v2:
        data = bytes(get_codec(dict(configuration)).encode(data))
    return data


def _texts(values: Values, budget: Budget) -> tuple[bytes, Json]:
    """Texts as the codec of that name has them; as bytes where one of them is not UTF-8."""
    from numcodecs import VLenBytes, VLenUTF8

    flat = [_as_bytes(one) for one in values.reshape(-1)]
    size = sum(map(len, flat))
    if size > LARGEST_TEXT:
        raise LeftOutError(f"its texts are too large to be inlined ({size_text(size)})")
    budget.take(size)
    found = np.empty(len(flat), dtype=object)
    try:
        found[:] = [one.decode("utf-8") for one in flat]
    except UnicodeDecodeError:
        found[:] = flat
        return bytes(VLenBytes().encode(found)), BYTES
    return bytes(VLenUTF8().encode(found)), TEXT


def _as_bytes(value: Any) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value or b"")


def _key(cell: Sequence[int]) -> str:
    return ".".join(map(str, cell)) or "0"


def stored_bytes(file: OpenFile, arrays: Sequence[Places], most: int) -> list[dict[str, bytes]]:
    """The stored chunks of arrays that take `most` bytes at the most; nothing of the others."""
    small = [one for one in arrays if _is_small(one, most)]
    file.blocks.hint((start, start + size) for one in small for start, size in one.table[:, -2:].tolist())
    found: list[dict[str, bytes]] = []
    for one in arrays:
        chunks: dict[str, bytes] = {}
        for *cell, start, size in one.table.tolist() if _is_small(one, most) else []:
            data = file.blocks.stored(start, start + size)
            if data is None:
                chunks = {}
                break
            chunks[_key(cell)] = bytes(data)
        found.append(chunks)
    return found


def _is_small(one: Places, most: int) -> bool:
    return 0 < len(one.table) <= most and not len(one.odd) and int(one.table[:, -1].sum()) <= most


def fetch(file: OpenFile, wanted: Sequence[tuple[Decoding, Sequence[Range]]], stack: ExitStack) -> None:
    """Have the stored bytes of arrays here that are decoded, and what their elements point to."""
    stack.callback(file.blocks.drop_exact)
    file.blocks.fetch_exact(one for _, ranges in wanted for one in ranges)
    elements = []
    for decoding, _ in wanted:
        try:
            found = decoding.pointers()
        except (DamagedError, RefusedError, OSError, RuntimeError, ValueError, KeyError, EOFError):
            found = None
        if found is not None:
            elements.append(found)
    if elements:
        fetch_heaps(file, np.concatenate(elements), [0])
