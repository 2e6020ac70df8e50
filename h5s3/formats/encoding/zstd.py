"""Frames of zstd (RFC 8878): to how many bytes they unpack, told without unpacking them."""

from __future__ import annotations

MAGIC = b"\x28\xb5\x2f\xfd"
LARGEST_BLOCK = 128 * 1024  # bytes of the content of one block


def zstd_content(stored: memoryview) -> int | None:
    """The length of the content from a frame's header (RFC 8878, 3.1.1.1); None where it does not tell."""
    head = bytes(stored[:18])
    if head[:4] != MAGIC or len(head) < 6:
        return None
    told, single, dictionary = head[4] >> 6, head[4] >> 5 & 1, head[4] & 3
    at = 5 + (not single) + (0, 1, 2, 4)[dictionary]
    width = (single, 2, 4, 8)[told]
    field = head[at : at + width]
    return int.from_bytes(field, "little") + 256 * (width == 2) if width and len(field) == width else None


def zstd_most(stored: memoryview) -> int | None:
    """At most so many bytes, by the blocks of a frame (3.1.1.2), where its header does not tell.

    None for what is no frame.
    """
    head = bytes(stored[:18])
    if head[:4] != MAGIC or len(head) < 6:
        return None
    told, single, checksum, dictionary = head[4] >> 6, head[4] >> 5 & 1, head[4] >> 2 & 1, head[4] & 3
    at = 5 + (not single) + (0, 1, 2, 4)[dictionary] + (single, 2, 4, 8)[told]
    found, last = 0, False
    while not last:
        block = int.from_bytes(stored[at : at + 3], "little")
        if at + 3 > len(stored):
            return None
        last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
        found += LARGEST_BLOCK if kind == 2 else size
        at += 3 + (1 if kind == 1 else size)
    return found if at + 4 * checksum <= len(stored) else None
