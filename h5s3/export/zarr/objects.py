"""The objects that chunks (or shards) become: what they are called, and how they come to who writes.

Nothing here needs libhdf5: chunks are encoded in the process that reads, and written in another.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.errors import DamagedError
from h5s3.records import PlannedArray

HEAD = struct.Struct("<HBB")  # bytes of the path, flags, dimensions of the cell
STRANGE, EMPTY = 1, 2  # flags
Cell = tuple[int, ...]


@dataclass(frozen=True)
class Chunk:
    """The object of a chunk, or a shard. `data` is None for one that is the fill value throughout."""

    path: str  # of its array, below the store
    cell: Cell
    data: bytes | memoryview | None
    strange: bool = False  # it holds texts that are not UTF-8


def packed(chunk: Chunk) -> bytes:
    """A chunk as bytes."""
    path = chunk.path.encode("utf-8", "surrogatepass")
    flags = STRANGE * chunk.strange | EMPTY * (chunk.data is None)
    head = HEAD.pack(len(path), flags, len(chunk.cell))
    return b"".join((head, path, struct.pack(f"<{len(chunk.cell)}Q", *chunk.cell), chunk.data or b""))


def unpacked(data: memoryview) -> Chunk:
    """A chunk that was packed, perhaps by what a stranger's file runs. Raises `DamagedError`."""
    try:
        length, flags, ndim = HEAD.unpack_from(data)
        path = bytes(data[HEAD.size : HEAD.size + length]).decode("utf-8", "surrogatepass")
        cell = struct.unpack_from(f"<{ndim}Q", data, HEAD.size + length)
    except (struct.error, UnicodeDecodeError):
        raise DamagedError("a chunk came that makes no sense") from None
    rest = None if flags & EMPTY else data[HEAD.size + length + 8 * ndim :]
    return Chunk(path, cell, rest, bool(flags & STRANGE))


def name_of(path: str, cell: Cell, version: int) -> str:
    """The object of a chunk, relative to the store."""
    start = f"{path}/" if path else ""
    return start + ((".".join(map(str, cell)) or "0") if version == 2 else "/".join(["c", *map(str, cell)]))


def place_of(name: str, version: int) -> tuple[str, Cell]:
    """The path of an array and the cell, from the name of a chunk."""
    if version == 2:
        path, _, key = name.rpartition("/")
        return path, () if key == "0" else tuple(map(int, key.split(".")))
    path, _, key = ("/" + name + "/").rpartition("/c/")
    return path.strip("/"), tuple(map(int, key.split("/")[:-1])) if key else ()


def rows_of(array: PlannedArray) -> np.ndarray[Any, Any]:
    """The rows of `PlannedArray.copied`."""
    return np.frombuffer(array.copied, dtype="<u8").reshape(-1, len(array.chunks) + 2)


def grid_of(shape: Cell, chunks: Cell) -> Cell:
    """How many chunks there are along each dimension."""
    return tuple(-(-length // size) for length, size in zip(shape, chunks, strict=True))
