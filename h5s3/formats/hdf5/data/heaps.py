"""Values that are stored apart from the elements, fetched together before libhdf5 asks for them one by one.

An element of variable length is stored as its length (4 bytes), the address of a collection of the global
heap (8 bytes) and a number in it (4 bytes): HDF5 File Format Specification 3.0, IV.A.2.d (class 9) and III.E
(global heap). What is found here is a hint: libhdf5 reads the values.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from h5py import h5t

from h5s3.formats.hdf5.fetch.blocks import MEMORY
from h5s3.formats.hdf5.fetch.safeguards import HEAP, HEAP_HEADER
from h5s3.formats.hdf5.objects.file import OpenFile

POINTER = 16  # bytes of an element of variable length
COLLECTION = 4096  # bytes of a collection at the least
MOST = MEMORY // 2  # bytes of collections that are fetched together, so that none is let go before it is read
MOST_POINTERS = 64  # in one element
NOWHERE = (1 << 64) - 1
Values = np.ndarray[Any, Any]


def stored_pointers(tid: Any) -> tuple[int, list[int]] | None:
    """Bytes of an element as it is stored, and where in it pointers to the heap are; None: not known.

    libhdf5 tells the sizes and offsets that a type has in memory, where a string is an address of 8 bytes.
    """
    kind = tid.get_class()
    if kind == h5t.VLEN or (kind == h5t.STRING and tid.is_variable_str()):
        return POINTER, [0]
    if kind == h5t.COMPOUND:
        return _of_members(tid)
    if kind == h5t.ARRAY:
        count, base = prod(tid.get_array_dims()), stored_pointers(tid.get_super())
        if base is None or len(base[1]) * count > MOST_POINTERS:
            return None
        return base[0] * count, [number * base[0] + at for number in range(count) for at in base[1]]
    return None if kind == h5t.REFERENCE else (tid.get_size(), [])


def _of_members(tid: Any) -> tuple[int, list[int]] | None:
    """Each member of another size moves those behind it."""
    moved, found = 0, []
    numbers = sorted(range(tid.get_nmembers()), key=tid.get_member_offset)
    for number in numbers:
        member = tid.get_member_type(number)
        stored = stored_pointers(member)
        if stored is None:
            return None
        found += [tid.get_member_offset(number) + moved + at for at in stored[1]]
        moved += stored[0] - member.get_size()
    return (tid.get_size() + moved, found) if len(found) <= MOST_POINTERS else None


def fetch_heaps(file: OpenFile, elements: Values, pointers: list[int]) -> None:
    """Have the collections here that elements point to, in two rounds at the most: what all collections have,
    then the rest of those that are longer. `elements`: opaque, as stored."""
    addresses = _addresses(elements, pointers) + np.uint64(file.superblock_offset)
    inside = addresses[addresses < np.uint64(max(0, file.info.size - HEAP_HEADER))]
    starts = inside[: MOST // COLLECTION].tolist()
    file.blocks.hint([(start, start + COLLECTION) for start in starts])
    longer, left = [], MOST - len(starts) * COLLECTION
    for start in starts:
        head = file.blocks.stored(start, start + HEAP_HEADER)
        if head is None or head[:4] != HEAP:
            continue
        size = int.from_bytes(head[8:16], "little")
        if COLLECTION < size <= left + COLLECTION:
            left -= size - COLLECTION
            longer.append((start + COLLECTION, start + size))
    file.blocks.hint(longer)


def _addresses(elements: Values, pointers: list[int]) -> Values:
    """Addresses of collections, in order, each once."""
    table = np.ascontiguousarray(elements).reshape(-1).view("u1").reshape(-1, elements.dtype.itemsize)
    found = [np.zeros(0, dtype="u8")]
    for at in pointers:
        address = np.ascontiguousarray(table[:, at + 4 : at + 12]).view("<u8")[:, 0]
        length = np.ascontiguousarray(table[:, at : at + 4]).view("<u4")[:, 0]
        found.append(address[(length > 0) & (address > 0) & (address < NOWHERE // 2)])
    return np.unique(np.concatenate(found)).astype("u8")
