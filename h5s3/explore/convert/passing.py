"""Chunks that are copied as they pass: what is fetched to be decoded is written, too, and not read twice."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from h5s3.explore.session import Session
from h5s3.export.zarr.copied import Held, Put, padded, shard_of
from h5s3.export.zarr.objects import Cell, rows_of
from h5s3.records import PlannedArray
from h5s3.storage.base import ObjectInfo, OnArrival, Range, Store
from h5s3.storage.location import Location

Data = bytes | memoryview


class Passing:
    """Chunks of arrays that are looked for in what passes. Its methods may be called by several threads.

    `held` says which objects (chunks or shards) are there already; `give` is given those that are not.
    """

    def __init__(self, arrays: Sequence[PlannedArray], held: Held, give: Put) -> None:
        self._arrays, self._give = arrays, give
        tables = [rows_of(array) for array in arrays]
        count = sum(map(len, tables))
        self._owners = np.repeat(np.arange(len(arrays)), [len(table) for table in tables])
        self._cells = [table[:, :-2] for table in tables]
        self._firsts = np.cumsum([0, *map(len, tables)])  # row of each array's first chunk
        starts = np.concatenate([table[:, -2] for table in tables] or [np.zeros(0, "u8")])
        sizes = np.concatenate([table[:, -1] for table in tables] or [np.zeros(0, "u8")])
        self._order = np.argsort(starts, kind="stable")
        self._starts, self._stops = starts[self._order], (starts + sizes)[self._order]
        self._met = np.zeros(count, dtype=bool)
        self._lock = threading.Lock()
        self._shards: dict[tuple[int, Cell], dict[Cell, Data]] = {}
        self._wanted: dict[tuple[int, Cell], int] = {}  # chunks of each shard
        self._given: list[set[Cell]] = [set() for _ in arrays]
        self._objects = [self._count(number, held) for number in range(len(arrays))]

    def _count(self, number: int, held: Held) -> int:
        """Objects of an array that are not there; those that are count as given."""
        array = self._arrays[number]
        objects: set[Cell] = set()
        for cell in map(tuple, self._cells[number].tolist()):
            at = self._object(array, cell)
            objects.add(at)
            if array.shards:
                self._wanted[number, at] = self._wanted.get((number, at), 0) + 1
        self._given[number] = {at for at in objects if held(array, at)}
        return len(objects)

    @staticmethod
    def _object(array: PlannedArray, cell: Cell) -> Cell:
        each = zip(cell, array.chunks, array.shards or array.chunks, strict=True)
        return tuple(at * part // whole for at, part, whole in each)

    def look(self, start: int, data: bytes) -> None:
        """Find chunks in bytes of the object that begin there."""
        stop = start + len(data)
        for at in range(int(np.searchsorted(self._starts, start)), len(self._starts)):
            first, last = int(self._starts[at]), int(self._stops[at])
            if first >= stop:
                return
            if last <= stop and not self._met[at]:
                self._met[at] = True
                row = int(self._order[at])
                number = int(self._owners[row])
                cell = tuple(self._cells[number][row - self._firsts[number]].tolist())
                found = padded(self._arrays[number], memoryview(data)[first - start : last - start])
                self._found(number, cell, found)

    def _found(self, number: int, cell: Cell, data: Data) -> None:
        array = self._arrays[number]
        at = self._object(array, cell)
        with self._lock:
            if at in self._given[number]:
                return
            if array.shards:
                parts = self._shards.setdefault((number, at), {})
                parts[cell] = bytes(data)
                if len(parts) < self._wanted[number, at]:
                    return
                data = shard_of(array, at, self._shards.pop((number, at)))
            self._given[number].add(at)
        self._give(array, at, data)

    def left(self) -> Iterator[tuple[PlannedArray, set[Cell]]]:
        """Arrays of which not all came by, and what of them is there."""
        for number, array in enumerate(self._arrays):
            if len(self._given[number]) < self._objects[number]:
                yield array, self._given[number]


@contextmanager
def passing(session: Session, location: Location, tap: Passing) -> Iterator[None]:
    """Meanwhile what the session reads of a location is looked at."""
    store = session.store(location)
    session.stores[location.store] = cast(Store, _Tapped(store, tap, location))
    try:
        yield
    finally:
        session.stores[location.store] = store


class _Tapped:
    """A store whose ranges of the object at a location are looked at."""

    def __init__(self, store: Store, tap: Passing, location: Location) -> None:
        self._store, self._tap, self._location = store, tap, location

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """As `Store.get_ranges` says."""
        if obj.location != self._location:
            return self._store.get_ranges(obj, ranges, on_arrival)
        if on_arrival is None:
            found = self._store.get_ranges(obj, ranges)
            for (start, _), data in found.items():
                self._tap.look(start, data)
            return found

        def arrived(came: Range, data: bytes) -> Iterable[Range]:
            self._tap.look(came[0], data)
            return on_arrival(came, data)

        return self._store.get_ranges(obj, ranges, arrived)
