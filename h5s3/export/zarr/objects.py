"""The objects that chunks (or shards) become: what they are called, and how they come to who writes.

Nothing here needs libhdf5: chunks are encoded in the process that reads, and written in another.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(frozen=True)
class Names:
    """What the objects of chunks are called, in a store of a version. `nested`: of version 2 in folders.

    `grids`: how many chunks arrays have, by their paths.
    """

    version: int
    nested: bool
    grids: Mapping[str, Cell]

    def of(self, path: str, cell: Cell) -> str:
        """The object of a chunk, relative to the store."""
        start = f"{path}/" if path else ""
        if self.version == 2:
            return start + (("/" if self.nested else ".").join(map(str, cell)) or "0")
        return start + "/".join(["c", *map(str, cell)])

    def place(self, name: str) -> tuple[str, Cell] | None:
        """The path of an array and the cell, from the name of a chunk; None for what is none."""
        parts = name.split("/")
        if self.version == 2 and not self.nested:
            parts[-1:] = parts[-1].split(".")
        for path, key in _splits(parts, self.version):
            grid = self.grids.get(path)
            key = [] if grid == () and key == ["0"] and self.version == 2 else key
            if grid is not None and len(key) == len(grid) and all(map(str.isdecimal, key)):
                return path, tuple(map(int, key))
        return None


def _splits(parts: Sequence[str], version: int) -> Iterator[tuple[str, list[str]]]:
    """Ways to cut a name into the path of an array and the numbers of a chunk."""
    for at in range(len(parts), -1, -1):
        if version == 2:
            yield "/".join(parts[:at]), list(parts[at:])
        elif at < len(parts) and parts[at] == "c":
            yield "/".join(parts[:at]), list(parts[at + 1 :])


def rows_of(array: PlannedArray) -> np.ndarray[Any, Any]:
    """The rows of `PlannedArray.copied`."""
    return np.frombuffer(array.copied, dtype="<u8").reshape(-1, len(array.chunks) + 2)


def grid_of(shape: Cell, chunks: Cell) -> Cell:
    """How many chunks there are along each dimension."""
    return tuple(-(-length // size) for length, size in zip(shape, chunks, strict=True))
