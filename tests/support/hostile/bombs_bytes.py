"""Bytes that bombs are made of."""

from __future__ import annotations

import zlib

PIECE = 1 << 24


def patched(content: bytearray, at: int, new: bytes) -> bytearray:
    """The content with other bytes at a place."""
    assert 0 <= at and at + len(new) <= len(content)
    content[at : at + len(new)] = new
    return content


def repeated(item: bytes | bytearray, count: int) -> bytes:
    """The same bytes many times."""
    return bytes(item) * count


def inflating(size: int) -> bytes:
    """A zlib stream that decompresses to so many zeros, made from the stream of a few."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(PIECE)) + packer.flush(zlib.Z_FULL_FLUSH)
    whole, rest = divmod(size, PIECE)
    tail = packer.compress(bytes(rest)) + packer.flush()
    return head + piece * whole + tail[:-4] + (1 + (size % 65521 << 16)).to_bytes(4, "big")
