"""Datasets of which chunks were written, in an order that scatters the nodes of every kind of index."""

from __future__ import annotations

import ctypes
import io
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5f, h5p, h5s, h5t

from h5s3.cache import Cache
from h5s3.formats.base import Facts
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile, open_hdf5
from h5s3.storage.trace import Trace
from tests.support.servers.memory import MemoryStore

Cell = tuple[int, ...]
Opened = tuple[OpenFile, Any, Facts]
FEW, MANY = 700, 3000  # chunks


@dataclass(frozen=True)
class Chunked:
    """A dataset `data` of bytes: how many chunks it has along each dimension, and which are written."""

    libver: str
    grid: tuple[int, ...]
    unlimited: tuple[int, ...] = ()  # dimensions
    chunk: int = 512  # bytes: its length along the last dimension
    filtered: bool = False
    early: bool = False
    cells: tuple[Cell, ...] | None = None  # None: all, in a random order
    userblock: int = 0
    chunk_k: int = 0  # of the superblock (0: as ever)
    room: int = 0  # chunks by which the limited dimensions may grow

    @property
    def chunks(self) -> tuple[int, ...]:
        """Shape of a chunk."""
        return (*(1 for _ in self.grid[1:]), self.chunk)


def write(kind: Chunked, seed: int = 1) -> bytes:
    """A file with such a dataset. Filtered chunks differ in size, and some are stored without the filter."""
    target = io.BytesIO()
    plist = h5p.create(h5p.FILE_CREATE)
    plist.set_userblock(kind.userblock)
    if kind.chunk_k:
        _set_chunk_k(plist, kind.chunk_k)
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, target)
    access.set_libver_bounds(*_bounds(kind.libver))
    with h5py.File(h5f.create(b"memory", h5f.ACC_TRUNC, plist, access)) as h5:
        _fill(_create(h5, kind), kind, random.Random(seed))
    return target.getvalue()


@contextmanager
def opened(store: MemoryStore, cache: Cache | None = None, path: bytes = b"/data") -> Iterator[Opened]:
    """A dataset of a file, as a command opens it."""
    blocks = BlockFile(store, cache, store.info, Trace())
    with open_hdf5(blocks, store.info) as file:
        dataset = file.find(path).object
        yield file, dataset, read_facts(dataset)
        del dataset


def _bounds(libver: str) -> tuple[int, int]:
    if libver == "earliest":
        return h5f.LIBVER_EARLIEST, h5f.LIBVER_LATEST
    bound = getattr(h5f, f"LIBVER_{libver.upper()}")
    return bound, bound


def _set_chunk_k(plist: Any, k: int) -> None:
    """`H5Pset_istore_k`, which h5py does not offer, of the library that h5py has loaded."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        name = line.split()[-1]
        if "/libhdf5" in name and "_hl" not in name:
            call = ctypes.CDLL(name).H5Pset_istore_k
            call.argtypes = [ctypes.c_int64, ctypes.c_uint]
            assert call(plist.id, k) >= 0
            return
    raise OSError("no libhdf5 in memory")


def _create(h5: h5py.File, kind: Chunked) -> Any:
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk(kind.chunks)
    plist.set_alloc_time(h5d.ALLOC_TIME_EARLY if kind.early else h5d.ALLOC_TIME_INCR)
    if kind.filtered:
        plist.set_shuffle()
        plist.set_fletcher32()
    shape = tuple(n * c for n, c in zip(kind.grid, kind.chunks, strict=True))
    limits = tuple(n + kind.room * c for n, c in zip(shape, kind.chunks, strict=True))
    limits = tuple(h5s.UNLIMITED if d in kind.unlimited else n for d, n in enumerate(limits))
    return h5d.create(h5.id, b"data", h5t.STD_U8LE, h5s.create_simple(shape, limits), plist)


def content(kind: Chunked, cell: Cell) -> tuple[bytes, int]:
    """What is stored for a chunk, which names its cell, and the mask of filters that were not applied."""
    data = f"<{','.join(map(str, cell))}>".encode().ljust(kind.chunk, b".")
    number = sum(cell) if kind.filtered else 0
    return data + b"." * (number % 64), (0, 1, 3)[number % 3]


def places(kind: Chunked, data: bytes) -> dict[Cell, tuple[int, int]]:
    """Where the chunks lie in a file, from their contents."""
    found = {}
    for match in re.finditer(rb"<([0-9,]+)>\.", data):
        cell = tuple(int(number) for number in match[1].split(b","))
        stored = content(kind, cell)[0]
        assert data[match.start() : match.start() + len(stored)] == stored
        found[cell] = (match.start(), match.start() + len(stored))
    return found


def _fill(dataset: Any, kind: Chunked, chance: random.Random) -> None:
    cells = list(np.ndindex(*kind.grid)) if kind.cells is None else list(kind.cells)
    chance.shuffle(cells)
    for cell in cells:
        offset = tuple(int(n) * c for n, c in zip(cell, kind.chunks, strict=True))
        stored, mask = content(kind, cell)
        dataset.write_direct_chunk(offset, stored, mask)


def some(grid: tuple[int, ...], share: float, seed: int = 2) -> tuple[Cell, ...]:
    """A random part of the cells of a grid."""
    chance = random.Random(seed)
    return tuple(cell for cell in np.ndindex(*grid) if chance.random() < share)


FAR = tuple((n,) for n in (0, 3, 5, 700, 5000, 131_100, 131_200, 135_000, 140_000, 199_999))
KINDS = {
    "one chunk": Chunked("latest", (1,)),
    "one chunk, filtered": Chunked("latest", (1,), filtered=True),
    "implicit": Chunked("latest", (MANY,), early=True),
    "fixed array": Chunked("latest", (FEW,)),
    "fixed array, filtered": Chunked("latest", (FEW,), filtered=True),
    "fixed array in pages": Chunked("latest", (2, MANY), filtered=True),
    "fixed array, large": Chunked("latest", (200_000,), chunk=16, cells=FAR),
    "extensible array": Chunked("latest", (MANY,), unlimited=(0,)),
    "extensible array, filtered": Chunked("latest", (MANY,), unlimited=(0,), filtered=True),
    "extensible array in pages": Chunked("latest", (200_000,), unlimited=(0,), chunk=16, cells=FAR),
    "version 2 B-tree": Chunked("latest", (60, 50), unlimited=(0, 1)),
    "version 2 B-tree, filtered": Chunked("latest", (60, 50), unlimited=(0, 1), filtered=True),
    "version 1 B-tree": Chunked("earliest", (MANY,)),
    "version 1 B-tree, filtered": Chunked("earliest", (3, 20, 50), filtered=True),
    "version 1 B-tree, wide": Chunked("earliest", (MANY,), chunk_k=128),
    "version 2 B-tree, older": Chunked("v110", (60, 50), unlimited=(0, 1), filtered=True),
    "extensible array, older": Chunked("v110", (MANY,), unlimited=(0,), filtered=True),
    "fixed array, older": Chunked("v110", (FEW,), filtered=True),
}
PARTLY = {
    "implicit, user block": Chunked("latest", (90,), early=True, userblock=1024),
    "fixed array, partly": Chunked("latest", (7, 300), cells=some((7, 300), 0.3), userblock=512),
    "extensible array, partly": Chunked(
        "latest", (3, 900), (1,), filtered=True, cells=some((3, 900), 0.2), userblock=2048
    ),
    "version 2 B-tree, partly": Chunked(
        "latest", (30, 40), (0, 1), filtered=True, cells=some((30, 40), 0.5), userblock=1024
    ),
    "version 1 B-tree, partly": Chunked("earliest", (9, 9, 9), cells=some((9, 9, 9), 0.4), userblock=512),
    "fixed array with room": Chunked("latest", (7, 6, 5), cells=some((7, 6, 5), 0.6), room=3),
    "one chunk with room": Chunked("latest", (1, 1), room=1),
    "extensible array, first": Chunked("latest", (9, 4, 5), (0,), cells=some((9, 4, 5), 0.6), room=2),
    "extensible array, middle": Chunked("latest", (4, 9, 5), (1,), cells=some((4, 9, 5), 0.6), room=2),
    "extensible array, last": Chunked("latest", (4, 5, 9), (2,), cells=some((4, 5, 9), 0.6), room=2),
    "extensible array, its beginning": Chunked("latest", (4, 90), (1,), cells=((0, 2), (1, 5), (2, 9))),
    "version 1 B-tree, its first row": Chunked("earliest", (4, 90), (1,), cells=((0, 1), (0, 2), (0, 7))),
    "version 1 B-tree with room": Chunked("earliest", (4, 9, 5), (1,), cells=some((4, 9, 5), 0.6), room=2),
    "nothing written": Chunked("latest", (50,), cells=()),
}
