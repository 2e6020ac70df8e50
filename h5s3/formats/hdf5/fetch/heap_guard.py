"""Global heaps that would keep libhdf5 busy for ever.

It steps from object to object of a collection (HDF5 File Format Specification, III.E) without a look at
whether a step leads anywhere: one of length 0, such as a stretch of zeros makes, is a loop without end.
"""

from __future__ import annotations

from h5s3.errors import DamagedError

SIGNATURE = b"GCOL"
HEADER = 16  # bytes of a collection's, and of an object's
MODULUS = 1 << 64  # lengths wrap


def check_heap(data: memoryview) -> None:
    """Raise `DamagedError` where what was read is a heap with a step of length 0; else do nothing.

    For files whose lengths have 8 bytes. Other damage is libhdf5's to find.
    """
    if data[:4] != SIGNATURE or len(data) < 2 * HEADER:
        return
    stop = min(int.from_bytes(data[8:16], "little"), len(data))
    at = HEADER
    while at + HEADER <= stop:
        index = int.from_bytes(data[at : at + 2], "little")
        length = int.from_bytes(data[at + 8 : at + 16], "little")
        step = (HEADER + length + -length % 8) % MODULUS if index else length
        if step == 0:
            raise DamagedError("the file is damaged: a global heap that does not end")
        at += step
