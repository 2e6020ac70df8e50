"""Which chunks of a dataset can be copied as they are stored, and which must be decoded."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from h5s3.export.zarr.objects import grid_of
from h5s3.formats.base import Facts
from h5s3.formats.encoding.zarr_codecs import ZarrCodecs, zarr_codecs
from h5s3.formats.grid import run_shape
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex
from h5s3.formats.hdf5.references.places import odd_chunks, usual_filters
from h5s3.sizes import MIB

PIECE = 4 * MIB  # bytes of a chunk of values that are not chunked in the file
FEW = 4  # where so many times as many chunks could be stored as are, they are looked for one by one
Table = np.ndarray[Any, Any]  # of unsigned 64-bit numbers


@dataclass(frozen=True)
class Chunks:
    """The chunks of an array. `copied`: a row for each that is copied: its cell, its first byte in the
    object, its bytes. `decoded`: the cells of the others; None: they are not known. `complete`: whether none
    is missing.
    """

    shape: tuple[int, ...]
    codecs: ZarrCodecs | None  # None: all is decoded, and encoded as one likes
    copied: Table
    decoded: Table | None
    complete: bool
    stored: int  # bytes


def contiguous(dataset: Any, facts: Facts, size: int, direct: bool) -> Chunks:
    """Contiguous values in an object of `size` bytes, in pieces; `direct`: their bytes are those of Zarr."""
    shape = facts.shape or ()
    piece = run_shape(shape, facts.itemsize, PIECE)
    none = np.zeros((0, len(shape) + 2), dtype="<u8")
    offset = dataset.get_offset()
    if offset is None or not facts.size:
        return Chunks(piece, ZarrCodecs(), none, none[:, :-2], not facts.size, 0)
    if not direct or offset + facts.nbytes > size or int(dataset.get_storage_size()) < facts.nbytes:
        return Chunks(piece, None, none, None, True, facts.nbytes)
    grid = tuple(-(-n // c) for n, c in zip(shape, piece, strict=True))
    table = np.zeros((prod(grid), len(shape) + 2), dtype="<u8")
    length = np.full(len(table), facts.itemsize, dtype="<u8")
    if shape:
        table[:, :-2] = np.indices(grid, dtype="<u8").reshape(len(shape), -1).T
        cut = next((axis for axis, count in enumerate(piece) if count > 1), len(shape) - 1)
        strides = [prod(shape[axis + 1 :]) * facts.itemsize for axis in range(len(shape))]
        begun = table[:, :-2] * np.array(piece, dtype="<u8")
        table[:, -2] = begun @ np.array(strides, dtype="<u8")
        length = np.minimum(np.uint64(piece[cut]), np.uint64(shape[cut]) - begun[:, cut]) * np.uint64(
            strides[cut]
        )
    table[:, -2] += np.uint64(offset)
    table[:, -1] = length
    return Chunks(piece, ZarrCodecs(), table, none[:, :-2], True, facts.nbytes)


def chunked(facts: Facts, index: ChunkIndex, size: int, direct: bool) -> Chunks:
    """A chunked dataset in an object of `size` bytes; `direct`: the bytes of its values are those of Zarr."""
    chunks, bytes_of_chunk = facts.chunks or (), prod(facts.chunks or ()) * facts.itemsize
    none = np.zeros((0, len(chunks) + 2), dtype="<u8")
    grid = np.array([-(-n // c) for n, c in zip(facts.shape or (), chunks, strict=True)], dtype="<u8")
    table = index.table[(index.table[:, : len(chunks)] < grid).all(axis=1)]
    every = prod(grid.tolist())
    complete, stored = index.complete and len(table) == every, int(table[:, -2].sum())
    mask, applied = usual_filters(table, facts.filters)
    codecs = zarr_codecs(applied, bytes_of_chunk)
    known = index.complete and index.certain and _sound(table, len(chunks), size)
    if not (direct and codecs and known):
        return Chunks(chunks, None, none, table[:, : len(chunks)] if known else None, complete, stored)
    odd = odd_chunks(table, facts, mask, bytes_of_chunk, plain=not codecs.v2)
    return Chunks(
        chunks,
        codecs,
        np.delete(table[~odd], -1, axis=1),
        table[odd][:, : len(chunks)],
        complete,
        stored,
    )


def touched(chunks: Chunks, shape: tuple[int, ...], sizes: tuple[int, ...]) -> Table | None:
    """The cells of other chunks, of these sizes, that something is stored of; None where these are most of
    them, or it is not known."""
    if chunks.decoded is None or not shape:
        return None
    known = np.concatenate([chunks.copied[:, :-2], chunks.decoded]).astype("i8")
    every = prod(grid_of(shape, sizes))
    if len(known) * FEW >= every:
        return None
    own, other, length = (np.array(one, dtype="i8") for one in (chunks.shape, sizes, shape))
    low, high = known * own // other, (np.minimum((known + 1) * own, length) - 1) // other + 1
    if int((high - low).prod(axis=1).sum()) * FEW >= every:
        return None
    cells = [list(product(*map(range, a, b))) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    flat = np.array([cell for some in cells for cell in some], dtype="<u8").reshape(-1, len(shape))
    return np.unique(flat, axis=0)


def _sound(table: Table, columns: int, size: int) -> bool:
    """Whether all chunks lie inside of the object, and none is there twice."""
    starts, sizes = table[:, -3], table[:, -2]
    inside = (starts <= size).all() and (sizes <= size - starts).all()
    return bool(inside) and len(np.unique(table[:, :columns], axis=0)) == len(table)
