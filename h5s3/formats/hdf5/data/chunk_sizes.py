"""Chunks that unpack to less than their size, found before libhdf5 reads them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from h5s3.errors import DamagedError
from h5s3.formats.base import Facts
from h5s3.formats.hdf5.data.chunk_index import Cell
from h5s3.formats.hdf5.data.chunk_places import ChunkPlaces, touched
from h5s3.formats.hdf5.data.unpacked_size import sizes_are_known, unpacked_size
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.selection import Selection

TURN = 4096  # chunks that are looked up at once


class ChunkSizes:
    """The chunks of one dataset. `itemsize`: bytes of an element as it is stored."""

    def __init__(
        self,
        file: OpenFile,
        dataset: Any,
        facts: Facts,
        itemsize: int,
        places: Callable[[], ChunkPlaces] | None = None,
    ) -> None:
        self._blocks, self._facts = file.blocks, facts
        self._places = places or (lambda: ChunkPlaces(file, dataset, facts))
        self._size = prod(facts.chunks or ()) * itemsize
        self._known = bool(facts.filters) and sizes_are_known(facts.filters)

    def check(self, part: Selection) -> None:
        """Raise `DamagedError` where a chunk of a part unpacks to less than its size, and h5py's errors.

        What is not here is fetched, chunk by chunk. Nothing is said of filters that are not known.
        """
        if not self._known or not all(axis.count for axis in part):
            return
        sizes = self._facts.chunks or ()
        cells = itertools.product(*(touched(a, size) for a, size in zip(part, sizes, strict=True)))
        for some in _in_turns(cells):
            for cell, place in self._places().ask(some):
                self._check(cell, *place)

    def _check(self, cell: Cell | None, start: int, stored: int, mask: int) -> None:
        if stored == self._size and not mask and self._at_edge(cell):
            return  # it may have skipped the filters unnoticed
        applied = [item for number, item in enumerate(self._facts.filters) if not mask >> number & 1]
        found = unpacked_size(applied, self._bytes(start, start + stored), self._size)
        if found is not None and found < self._size:
            raise DamagedError(f"a chunk unpacks to {found} bytes instead of its {self._size}")

    def _at_edge(self, cell: Cell | None) -> bool:
        sizes = zip(cell or (), self._facts.chunks or (), self._facts.shape or (), strict=False)
        return cell is None or any((number + 1) * size > whole for number, size, whole in sizes)

    def _bytes(self, start: int, stop: int) -> memoryview:
        here = self._blocks.stored(start, stop)
        if here is not None:
            return here
        data = bytearray(max(0, min(stop, self._blocks.size) - start))
        self._blocks.seek(start)
        self._blocks.readinto(memoryview(data))
        return memoryview(data)


def _in_turns(cells: Iterator[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    while some := list(itertools.islice(cells, TURN)):
        yield some
