"""What look-ahead expects at an address, and what for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from struct import unpack_from
from typing import NamedTuple

UNDEFINED = (1 << 64) - 1
HEADER = 512  # bytes of an object header that are looked at first


class Goal(NamedTuple):
    """What the object at an address is wanted for.

    - A walk (`finding` is False): so many levels of groups below it are walked; at 0 its links are counted.
    - A search: one of its links is looked up, and so many levels below it is the object looked for. At 0 it
      is that object, and its attributes and chunks are wanted.
    """

    finding: bool
    levels: int

    @property
    def below(self) -> Goal:
        """What the objects one level further down are wanted for."""
        return Goal(self.finding, self.levels - 1)


COUNT = Goal(finding=False, levels=0)
OBJECT = Goal(finding=True, levels=0)


def walk(levels: int) -> Goal:
    """A walk through so many levels of groups."""
    return Goal(finding=False, levels=levels)


def search(levels: int) -> Goal:
    """A search for an object so many levels below."""
    return Goal(finding=True, levels=levels)


class Index(IntEnum):
    """Whether the index of a dataset's chunks is fetched with its header."""

    UNLESS_KNOWN = 0  # not where it was read before
    NEVER = 1
    ALWAYS = 2


class Node(NamedTuple):
    """Something expected at an address (relative to the superblock): its kind, its length in bytes.

    `extra` holds the sizes that its parser needs.
    """

    kind: str
    address: int
    length: int
    goal: Goal
    extra: tuple[int, ...] = ()
    limit: int = 0  # children of each group that are wanted (0: all)
    chunk_index: Index = Index.UNLESS_KNOWN


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
        return Node("chunks", address, 24 + 2 * self.chunk_k * (key + 8) + key, COUNT, (key,))

    def tree(self, address: int, goal: Goal) -> Node:
        """A node of a version 1 B-tree."""
        return Node("tree", address, 24 + (2 * self.internal_k + 1) * 8 + 2 * self.internal_k * 8, goal)

    def leaf(self, address: int, goal: Goal) -> Node:
        """A symbol table node."""
        return Node("leaf", address, 8 + 2 * self.leaf_k * 40, goal)


def header(address: int, goal: Goal, limit: int = 0, chunk_index: Index = Index.UNLESS_KNOWN) -> Node:
    """An object header of either version; `limit`: children wanted of each group (0: all)."""
    return Node("header", address, HEADER, goal, (), limit, chunk_index)
