"""Version-2 B-trees and fractal heaps that declare absurdities."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.h5files.registry import new_file
from tests.support.hostile.absurd.registry import HUGE, UNDEFINED, Bytes, absurd


def _dense(path: Path, links: int = 40) -> Bytes:
    """A group of links, and one of attributes, in fractal heaps."""
    with new_file(path, "latest") as file:
        file["data"] = np.arange(4)
        for number in range(links):
            file.id.links.create_soft(b"link %d" % number, b"/data")
            file["data"].attrs[f"attribute {number}"] = number
    return Bytes(path)


@absurd
def btree2_of_65535_levels(path: Path) -> None:
    """B-trees that are 65,535 levels deep by their own account."""
    with _dense(path) as file:
        for at in file.all(b"BTHD"):
            file.put(at + 12, "H", 65535)


@absurd
def btree2_with_nodes_of_4_gib(path: Path) -> None:
    """B-trees whose nodes have 4 GiB."""
    with _dense(path) as file:
        for at in file.all(b"BTHD"):
            file.put(at + 6, "I", 0xFFFFFFFF)


@absurd
def btree2_with_records_of_64_kib(path: Path) -> None:
    """B-trees whose records are larger than their nodes, or have nothing."""
    with _dense(path) as file:
        for number, at in enumerate(file.all(b"BTHD")):
            file.put(at + 10, "H", 0 if number % 2 else 65535)


@absurd
def btree2_with_records_beyond_number(path: Path) -> None:
    """B-trees of 2^64 - 1 records, 65,535 of them in the root."""
    with _dense(path) as file:
        for at in file.all(b"BTHD"):
            file.put(at + 24, "HQ", 65535, UNDEFINED)


@absurd
def btree2_of_itself(path: Path) -> None:
    """A deep B-tree whose every child is its root."""
    with _dense(path, 150) as file:
        for at in file.all(b"BTHD"):
            if file.get(at + 12, "H"):
                root = file.get(at + 16, "Q")
                file.put(at + 12, "H", 4)
                leaves = {leaf.to_bytes(8, "little") for leaf in file.all(b"BTLF") + file.all(b"BTIN")}
                for place in range(root + 6, root + 500):
                    if bytes(file.now[place : place + 8]) in leaves:
                        file.put(place, "Q", root)


def _heaps(path: Path, offset: int, kinds: str, *values: int) -> None:
    """Fractal heaps with other numbers in their headers."""
    with _dense(path, 150) as file:
        for at in file.all(b"FRHP"):
            file.put(at + offset, kinds, *values)


@absurd
def heap_tables_65535_wide(path: Path) -> None:
    """Heaps whose rows have 65,535 blocks."""
    _heaps(path, 110, "H", 65535)


@absurd
def heap_tables_32768_wide(path: Path) -> None:
    """The same with a power of two."""
    _heaps(path, 110, "H", 32768)


@absurd
def heap_blocks_of_exabytes(path: Path) -> None:
    """Heaps whose blocks have 2^62 bytes, from the first."""
    _heaps(path, 112, "QQ", 1 << 62, 1 << 63)


@absurd
def heap_blocks_of_2_gib(path: Path) -> None:
    """Heaps whose blocks have 2 GiB, from the first."""
    _heaps(path, 112, "QQ", 1 << 31, 1 << 31)


@absurd
def heaps_of_65535_bits(path: Path) -> None:
    """Heaps that may grow to 2^65535 bytes."""
    _heaps(path, 128, "H", 65535)


@absurd
def heaps_of_65535_rows(path: Path) -> None:
    """Heaps whose root has 65,535 rows, and is the heap's own header."""
    with _dense(path, 150) as file:
        for at in file.all(b"FRHP"):
            file.put(at + 132, "QH", at, 65535)


@absurd
def heaps_with_filters_beyond_number(path: Path) -> None:
    """Heaps whose filters take 64 kB of a header that has none; the names in them are long, too."""
    _heaps(path, 5, "HHBI", 65535, 65535, 3, 0xFFFFFFFF)


@absurd
def heap_that_is_its_own_list_of_space(path: Path) -> None:
    """Heaps whose manager of free space is the heap."""
    with _dense(path, 150) as file:
        for at in file.all(b"FRHP"):
            file.put(at + 30, "QQQQ", HUGE, at, HUGE, HUGE)


@absurd
def huge_objects_of_exabytes(path: Path) -> None:
    """Attributes too large for their heap, which by its index have 2^62 bytes each."""
    with new_file(path, "latest") as new:
        for number in range(20):
            new.attrs[f"attribute {number}"] = np.zeros(9000)
        new["data"] = 1
    with Bytes(path) as file:
        (leaf,) = (at for at in file.all(b"BTLF") if file.sound[at + 5] in (1, 3))
        size = 24 if file.sound[leaf + 5] == 1 else 16
        for number in range(20):
            file.put(leaf + 6 + number * size + 8, "Q", HUGE)


@absurd
def huge_objects_of_4_gib(path: Path) -> None:
    """The same, of 4 GiB each."""
    huge_objects_of_exabytes(path)
    with Bytes(path) as file:
        (leaf,) = (at for at in file.all(b"BTLF") if file.sound[at + 5] in (1, 3))
        size = 24 if file.sound[leaf + 5] == 1 else 16
        for number in range(20):
            file.put(leaf + 6 + number * size + 8, "Q", 1 << 32)
