"""Version-1 B-trees, local and global heaps that declare absurdities."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from tests.support.h5files.registry import new_file
from tests.support.hostile.absurd.registry import HUGE, Bytes, absurd


def _old(path: Path) -> Bytes:
    """Groups and chunks in the oldest format."""
    with new_file(path) as file:
        for number in range(40):
            file.create_group(f"group {number}")
        file.create_dataset("data", data=np.arange(400), chunks=(4,))
    return Bytes(path)


@absurd
def btree1_with_65535_children(path: Path) -> None:
    """B-trees of groups and of chunks that count 65,535 children, and symbol tables as many entries."""
    with _old(path) as file:
        for at in file.all(b"TREE") + file.all(b"SNOD"):
            file.put(at + 6, "H", 65535)


@absurd
def btree1_of_255_levels(path: Path) -> None:
    """B-trees of groups and of chunks 255 levels deep, each node its own child and neighbour."""
    with _old(path) as file:
        for at in file.all(b"TREE"):
            chunks, entries = file.get(at + 4, "B"), file.get(at + 6, "H")
            file.put(at + 5, "B", 255)
            file.put(at + 8, "QQ", at, at)
            step = 32 if chunks else 16
            for number in range(entries):
                file.put(at + 24 + (24 if chunks else 8) + number * step, "Q", at)


@absurd
def chunks_of_4_gib_stored(path: Path) -> None:
    """A B-tree of chunks that have 4 GiB each, at addresses far beyond the file."""
    with _old(path) as file:
        for at in file.all(b"TREE"):
            if file.get(at + 4, "B"):
                for number in range(file.get(at + 6, "H")):
                    file.put(at + 24 + number * 32, "I", 0xFFFFFFFF)
                    file.put(at + 24 + number * 32 + 24, "Q", HUGE)


@absurd
def local_heap_of_exabytes(path: Path) -> None:
    """Local heaps that have 2^62 bytes, whose first free block is the next one after itself."""
    with _old(path) as file:
        for at in file.all(b"HEAP"):
            file.put(at + 8, "QQ", HUGE, 8)


@absurd
def local_heap_whose_space_goes_in_circles(path: Path) -> None:
    """Local heaps whose list of free blocks has no end."""
    with _old(path) as file:
        for at in file.all(b"HEAP"):
            free, data = file.get(at + 16, "Q"), file.get(at + 24, "Q")
            if free != 1:
                file.put(data + free, "QQ", free, 16)


@absurd
def local_heap_of_3_gib(path: Path) -> None:
    """Local heaps of 3 GiB."""
    with _old(path) as file:
        for at in file.all(b"HEAP"):
            file.put(at + 8, "Q", 3 << 30)


def _texts(path: Path) -> Bytes:
    with new_file(path) as file:
        texts = [f"text {number}" for number in range(50)]
        file.create_dataset("data", data=texts, dtype=h5py.string_dtype())
        file.attrs.create("texts", texts, dtype=h5py.string_dtype())
    return Bytes(path)


@absurd
def global_heap_of_exabytes(path: Path) -> None:
    """Collections of the global heap of 2^62 bytes."""
    with _texts(path) as file:
        for at in file.all(b"GCOL"):
            file.put(at + 8, "Q", HUGE)


@absurd
def global_heap_of_2_gib(path: Path) -> None:
    """Collections of the global heap of 2 GiB."""
    with _texts(path) as file:
        for at in file.all(b"GCOL"):
            file.put(at + 8, "Q", 2 << 30)


@absurd
def global_heap_of_endless_objects(path: Path) -> None:
    """Objects of the global heap of 2^62 bytes, or of none and one number: a list that does not advance."""
    with _texts(path) as file:
        for number, at in enumerate(file.all(b"GCOL")):
            file.put(at + 24, "Q", 0 if number else HUGE)
            file.put(at + 16, "H", 1)


@absurd
def texts_of_4_gib_each(path: Path) -> None:
    """Strings that have 4 GiB each by the dataset that refers to them."""
    with new_file(path) as new:
        new.create_dataset("data", data=[f"text {n}" for n in range(50)], dtype=h5py.string_dtype())
        at = new["data"].id.get_offset()
    with Bytes(path) as file:
        for number in range(50):
            file.put(at + 16 * number, "I", 0xFFFFFFFF)
