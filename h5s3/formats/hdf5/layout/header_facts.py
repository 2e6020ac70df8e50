"""How an object is stored, which h5py does not say: read from the messages of its header.

Sections are of the HDF5 File Format Specification, version 3.0.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from math import prod
from struct import unpack_from

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.metadata.node import COUNT, HEADER, OBJECT, Node, Sizes, header
from h5s3.formats.hdf5.metadata.pointers import pointers
from h5s3.formats.hdf5.objects.file import OpenFile

TIMES = (0x0E, 0x12)  # messages
MOST_STEPS = 16  # continuations of one header


class IndexKind(StrEnum):
    """The kinds of chunk indexes, as the specification calls them."""

    BTREE_V1 = "version 1 B-tree"
    BTREE_V2 = "version 2 B-tree"
    FIXED_ARRAY = "fixed array"
    EXTENSIBLE_ARRAY = "extensible array"
    SINGLE_CHUNK = "single chunk"
    IMPLICIT = "implicit"
    NONE = ""  # no chunk was ever written


POINTED = {  # by the kind of node that the header points to
    "chunks": IndexKind.BTREE_V1,
    "fixed": IndexKind.FIXED_ARRAY,
    "extensible": IndexKind.EXTENSIBLE_ARRAY,
}


def is_old_group(file: OpenFile, address: int) -> bool:
    """Whether a group keeps its links in a symbol table (IV.A.2.r), as libraries before 1.8 do."""
    return any(node.kind in ("tree", "heap") for node in _pointed(file, header(address, COUNT)))


def index_kind(file: OpenFile, address: int, facts: Facts) -> IndexKind:
    """The kind of a dataset's chunk index (IV.A.2.i)."""
    kinds = [node.kind for node in _pointed(file, header(address, OBJECT))]
    for kind, found in POINTED.items():
        if kind in kinds:
            return found
    unlimited = sum(limit is None for limit in facts.maxshape or ())
    if unlimited > 1:
        return IndexKind.BTREE_V2
    if unlimited or not facts.shape or not facts.chunks:
        return IndexKind.NONE
    cells = prod(-(-n // c) for n, c in zip(facts.shape, facts.chunks, strict=True))
    return IndexKind.SINGLE_CHUNK if cells == 1 else IndexKind.IMPLICIT


def _pointed(file: OpenFile, node: Node) -> list[Node]:
    """What the messages of a header point to. Its bytes are here once libhdf5 has opened the object."""
    found: list[Node] = []
    todo = deque([node])
    for _ in range(MOST_STEPS):
        if not todo:
            break
        item = todo.popleft()
        file.blocks.seek(file.superblock_offset + item.address)
        for below in pointers(item, file.blocks.read(item.length), Sizes()):
            (todo if below.kind in ("header", "more_v1", "more_v2") else found).append(below)
    return found


def keeps_time(file: OpenFile, address: int) -> bool:
    """Whether the header of a dataset says when it was modified: a flag or a message (IV.A.1, IV.A.2.s)."""
    file.blocks.seek(file.superblock_offset + address)
    data = file.blocks.read(HEADER)
    if data[:4] == b"OHDR":
        return bool(data[5] & 0x20)
    at = 16
    while at + 8 <= len(data):
        kind, size = unpack_from("<HH", data, at)
        if kind in TIMES:
            return True
        at += 8 + size
    return False
