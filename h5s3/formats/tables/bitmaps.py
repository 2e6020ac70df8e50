"""Deletion vectors: positions of rows, as 64-bit roaring bitmaps in their portable form.

The formats: https://github.com/RoaringBitmap/RoaringFormatSpec (64-bit extension), and what Delta puts
around it (PROTOCOL.md, "Deletion Vector Format"), as Iceberg's Puffin files do ("deletion-vector-v1").
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.sizes import MIB

if TYPE_CHECKING:
    import numpy as np

    Positions = np.ndarray[Any, Any]  # unsigned 64-bit numbers, rising

MAGIC = b"\xd1\xd39d"
NATIVE = {b"\xd0\xd39d": "<", b"d9\xd3\xd0": ">"}  # an older form of Delta's, in either order of bytes
EMPTY = 8  # bytes of a bitmap that holds nothing
AROUND = 8  # bytes of a framed vector beside those that its size counts: the size, the checksum
LARGEST = 256 * MIB  # bytes of one vector
MOST = 1 << 28  # rows that one vector may hide


def framed_positions(data: bytes, most: int | None = None) -> Positions:
    """The rows that a vector hides, as files hold it: its size, the vector, its checksum.

    `most`: rows of the file that it hides some of. Raises `DamagedError`, and `RefusedError` for too many.
    """
    size = int.from_bytes(data[:4], "big")
    body, rest = data[4 : 4 + size], data[4 + size :]
    if len(body) < size or len(rest) != 4:
        raise DamagedError(
            f"a deletion vector says that it is of {size} bytes, it is of {len(data) - AROUND}"
        )
    if zlib.crc32(body) != int.from_bytes(rest, "big"):
        raise DamagedError("a deletion vector is not what its checksum says")
    return positions(body, most)


def positions(data: bytes, most: int | None = None) -> Positions:
    """The same of a vector alone, as Delta's commits hold it: the magic number, and the bitmap."""
    if len(data) > LARGEST:
        raise RefusedError(f"a deletion vector is of {len(data)} bytes, more than {LARGEST}")
    if data[:4] in NATIVE:
        return _decoded(_portable(data[4:], NATIVE[data[:4]]), most)
    if data[:4] != MAGIC:
        raise DamagedError("a deletion vector does not begin as one")
    return _decoded(data[4:], most)


def _portable(data: bytes, order: str) -> bytes:
    """The older form, bitmaps of 32 bits one after another, in the portable one, where they have numbers."""
    found, at = [], 4
    try:
        (count,) = struct.unpack_from(f"{order}I", data)
        for number in range(count):
            (size,) = struct.unpack_from(f"{order}I", data, at)
            body = data[at + 4 : at + 4 + size]
            if len(body) < size:
                raise DamagedError("a deletion vector is cut short")
            if size > EMPTY:
                found.append(struct.pack("<I", number) + body)
            at += 4 + size
    except struct.error:
        raise DamagedError("a deletion vector is cut short") from None
    return struct.pack("<Q", len(found)) + b"".join(found)


def _decoded(data: bytes, most: int | None) -> Positions:
    """Its size bounds the bitmap, not the numbers in it: a few bytes stand for 65,536 of them."""
    import numpy as np

    try:
        from pyroaring import BitMap64
    except ImportError:
        raise H5s3Error("deletion vectors need pyroaring", hint="pip install 'h5s3[tables]'") from None
    try:
        bitmap = BitMap64.deserialize(
            data
        )  # it checks that numbers rise, and that they are as many as it says
    except ValueError as error:
        raise DamagedError(f"a deletion vector is damaged: {error}") from None
    count = len(bitmap)
    if count and most is not None and bitmap.max() >= most:
        raise DamagedError(f"a deletion vector hides row {bitmap.max()} of a file of {most} rows")
    if count > MOST:
        raise RefusedError(f"a deletion vector hides {count} rows, more than {MOST}")
    return np.frombuffer(bitmap.to_array(), np.uint64)
