"""What look-ahead expects at an address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from struct import unpack_from
from typing import NamedTuple

UNDEFINED = (1 << 64) - 1
HEADER = 512  # bytes of an object header that are looked at first
KNOWN = -1  # in `extra` of a header: the places of the dataset's chunks are known, their index is not wanted
WANTED = -2  # likewise: it is wanted even so


class Node(NamedTuple):
    """Something expected at an address (relative to the superblock): its kind, its length in bytes.

    `level` says what for. From 1: so many levels of groups below it are walked. 0: its links are counted.
    Below 0: one of its links is looked up, and that many steps further is what is looked for; at -1 it is
    the object looked for, and its attributes and chunks are wanted.
    """

    kind: str
    address: int
    length: int
    level: int
    extra: tuple[int, ...] = ()
    limit: int = 0  # children of each group that are wanted (0: all)


@dataclass(frozen=True)
class Sizes:
    """Node sizes by the superblock (II.A, II.B): K of group leaves, of B-trees of groups, and of chunks."""

    leaf_k: int = 4
    internal_k: int = 16
    chunk_k: int = 32

    def with_chunks(self, superblock: bytes) -> Sizes:
        """With the K that version 1 of the superblock has for B-trees of chunks (II.A)."""
        if len(superblock) < 26 or superblock[8] != 1:
            return self
        return replace(self, chunk_k=unpack_from("<H", superblock, 24)[0] or self.chunk_k)

    def chunks(self, address: int, dimensionality: int) -> Node:
        """A node of a version 1 B-tree of chunks (III.A.1); the size of an element counts as a dimension."""
        key = 8 + 8 * dimensionality
        return Node("chunks", address, 24 + 2 * self.chunk_k * (key + 8) + key, 0, (key,))

    def tree(self, address: int, level: int) -> Node:
        """A node of a version 1 B-tree."""
        return Node("tree", address, 24 + (2 * self.internal_k + 1) * 8 + 2 * self.internal_k * 8, level)

    def leaf(self, address: int, level: int) -> Node:
        """A symbol table node."""
        return Node("leaf", address, 8 + 2 * self.leaf_k * 40, level)


def header(address: int, level: int, limit: int = 0) -> Node:
    """An object header of either version; `limit`: children wanted of each group (0: all)."""
    return Node("header", address, HEADER, level, (), limit)


def below(node: Node, address: int) -> Node:
    """The header of an object one level below a node of a group."""
    return header(address, node.level - 1 if node.level > 0 else node.level + 1)


def read_link(data: bytes, at: int) -> tuple[int | None, int]:
    """Link message, IV.A.2.g: the address of a hard link (None for others), and where it ends."""
    version, flags = data[at], data[at + 1]
    if version != 1:
        raise IndexError
    at += 2
    kind = 0
    if flags & 8:
        kind, at = data[at], at + 1
    at += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
    width = 1 << (flags & 3)
    length = int.from_bytes(data[at : at + width], "little")
    at += width + length
    if kind == 0:
        return unpack_from("<Q", data, at)[0], at + 8
    return None, at + 2 + unpack_from("<H", data, at)[0]
