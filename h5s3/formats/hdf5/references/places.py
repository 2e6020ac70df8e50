"""Where the chunks of an array are, as Zarr has chunks: all of one shape, all through the same filters.

Contiguous values are cut into chunks of their own, so that a part can be read without the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from h5s3.formats.base import Facts
from h5s3.formats.encoding.zarr_codecs import ZarrCodecs, unmapped, zarr_codecs
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex
from h5s3.formats.hdf5.references.kinds import LeftOutError
from h5s3.records import Filter
from h5s3.sizes import MIB

LARGEST_PIECE = 16 * MIB  # bytes of a chunk of contiguous values
MOST_PIECES = 10_000  # that contiguous values are cut into
Table = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Places:
    """The chunks of an array. `table`: a row for each, its cell, its first byte in the object, its bytes.

    `odd`: cells of chunks that are not stored in the way that the codecs undo. `written`: whether no chunk is
    missing.
    """

    chunks: tuple[int, ...]
    codecs: ZarrCodecs
    table: Table
    odd: Table
    written: bool


def contiguous_places(dataset: Any, facts: Facts, size: int) -> Places:
    """Of contiguous values in an object of `size` bytes. Raises `LeftOutError`."""
    shape = facts.shape or ()
    chunks = _piece(shape, facts.itemsize)
    columns = len(shape)
    offset, none = dataset.get_offset(), np.zeros((0, columns), dtype="<u8")
    if offset is None:
        return Places(chunks, ZarrCodecs(), np.zeros((0, columns + 2), dtype="<u8"), none, facts.size == 0)
    if offset + facts.nbytes > size or int(dataset.get_storage_size()) < facts.nbytes:
        raise LeftOutError("its values reach beyond the end of the object")
    grid = tuple(-(-n // c) for n, c in zip(shape, chunks, strict=True))
    count, length = prod(grid), prod(chunks) * facts.itemsize
    table = np.zeros((count, columns + 2), dtype="<u8")
    if count > 1:
        table[:, :columns] = np.indices(grid).reshape(columns, -1).T
    table[:, -2] = offset + np.arange(count, dtype="<u8") * np.uint64(length)
    table[:, -1] = length
    return Places(chunks, ZarrCodecs(), table, none, True)


def _piece(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The largest chunk that divides contiguous values evenly, and whose bytes stand together."""
    if prod(shape) * itemsize <= LARGEST_PIECE:
        return tuple(max(1, n) for n in shape)
    pieces = 1
    for axis, length in enumerate(shape):
        row = prod(shape[axis + 1 :]) * itemsize
        most = LARGEST_PIECE // row
        if most >= 1:
            parts = next((n for n in _divisors(length) if length // n <= most), length)
            if pieces * parts > MOST_PIECES:
                return (*(1,) * axis, *shape[axis:])
            return (*(1,) * axis, length // parts, *shape[axis + 1 :])
        pieces *= length
        if pieces > MOST_PIECES:
            return (*(1,) * axis, *shape[axis:])
    return shape


def _divisors(number: int) -> list[int]:
    """The divisors of a number that are small enough to be a number of chunks, in order."""
    return [n for n in range(1, min(number, MOST_PIECES) + 1) if number % n == 0]


def chunked_places(facts: Facts, index: ChunkIndex, size: int, itemsize: int) -> Places:
    """Of a chunked dataset. `itemsize`: bytes of an element as it is stored. Raises `LeftOutError`."""
    chunks = facts.chunks or ()
    grid = np.array([-(-n // c) for n, c in zip(facts.shape or (), chunks, strict=True)], dtype="<u8")
    if not index.complete:
        raise LeftOutError(f"it has more than {len(index):,} chunks")
    if not index.certain:
        raise LeftOutError("where its chunks belong cannot be told")
    table = index.table[(index.table[:, : len(chunks)] < grid).all(axis=1)]
    starts, sizes = table[:, -3], table[:, -2]
    if (starts > size).any() or (sizes > size - starts).any():
        raise LeftOutError("one of its chunks lies outside of the object")
    if len(np.unique(table[:, : len(chunks)], axis=0)) != len(table):
        raise LeftOutError("its index has a chunk twice")
    bytes_of_chunk = prod(chunks) * itemsize
    mask, applied = usual_filters(table, facts.filters)
    codecs = zarr_codecs(applied, bytes_of_chunk)
    if codecs is None:
        names = ", ".join(dict.fromkeys(item.name for item in unmapped(applied, bytes_of_chunk)))
        raise LeftOutError(f"no codec of Zarr undoes its filters ({names})")
    odd = odd_chunks(table, facts, mask, bytes_of_chunk, plain=not codecs.v2)
    if not codecs.v2 and (odd & (table[:, -1] == np.uint64(mask))).any():
        raise LeftOutError("its chunks have other sizes than they should")
    kept = table[~odd]
    return Places(
        chunks,
        codecs,
        np.delete(kept, -1, axis=1),
        table[odd][:, : len(chunks)],
        len(table) == prod(grid.tolist()),
    )


def usual_filters(table: Table, filters: list[Filter]) -> tuple[int, list[Filter]]:
    """The mask of most chunks, and the filters that they went through."""
    masks, counts = np.unique(table[:, -1], return_counts=True)
    mask = int(masks[counts.argmax()]) if len(masks) else 0
    return mask, [item for number, item in enumerate(filters) if not mask >> number & 1]


def odd_chunks(table: Table, facts: Facts, mask: int, size: int, plain: bool) -> Table:
    """Which chunks are not like most: they skipped other filters, as those at edges may do unnoticed, or,
    where they are `plain`, have another size."""
    odd: Table = table[:, -1] != np.uint64(mask)
    whole: Table = table[:, -2] == np.uint64(size)
    if plain:
        return odd | ~whole
    ends = [n // c for n, c in zip(facts.shape or (), facts.chunks or (), strict=True)]
    edge = (table[:, : len(ends)] >= np.array(ends, dtype="<u8")).any(axis=1)
    odd |= edge & whole
    return odd
