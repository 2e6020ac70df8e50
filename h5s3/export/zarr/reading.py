"""The values of a dataset as those of an array in a store: box by box, in Zarr's types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from math import lcm, prod
from typing import Any

import numpy as np

from h5s3.errors import RefusedError, UsageError
from h5s3.export.zarr.encode import as_stored, text_maker
from h5s3.export.zarr.layout.chunks import FEW
from h5s3.export.zarr.layout.kinds import Kind, NoCounterpartError, kind_of
from h5s3.export.zarr.objects import grid_of, rows_of
from h5s3.formats.base import Contents
from h5s3.formats.boxes import POINTED, Box, BoxReader, Cut
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.format import Hdf5Contents
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.names import raw_path
from h5s3.formats.selection import whole
from h5s3.records import PlannedArray
from h5s3.sizes import MIB

LARGEST_CELL = 128 * MIB  # of values that are read together for the sake of chunks
BOX = 32 * MIB  # bytes of values that are read at once
Values = np.ndarray[Any, Any]
Cell = tuple[int, ...]


def file_of(contents: Contents) -> OpenFile:
    """The open HDF5 file. Raises `UsageError` for any other format."""
    if not isinstance(contents, Hdf5Contents):
        raise UsageError("only HDF5 files are converted", hint="h5s3 get writes values of other formats")
    return contents.file


def opened(file: OpenFile, array: PlannedArray) -> Hdf5Array:
    """The dataset that becomes an array."""
    found = file.find(raw_path(array.source))
    return Hdf5Array(file, found.object, found)


class Reading:
    """One dataset. `names`: paths of objects by their addresses."""

    def __init__(
        self, planned: PlannedArray, version: int, names: Mapping[int, str], array: Hdf5Array
    ) -> None:
        self.planned, self.array = planned, array
        self._names = names
        facts = array.facts
        try:
            self.kind: Kind = kind_of(facts, array.dtype, version)
        except NoCounterpartError as error:
            raise RefusedError(f"{array.path}: {error}") from None
        self.shape = facts.shape or ()
        self._sizes = tuple(planned.shards or planned.chunks)[: len(self.shape)]  # of one object

    def boxes(
        self,
        max_bytes: int | None,
        wanted: Callable[[Box], bool] = lambda box: True,
        cells: Sequence[Sequence[int]] | None = None,
        *,
        written: bool = True,
    ) -> Iterator[tuple[Box, Values, bool]]:
        """Boxes that are wanted, their values, and whether some are texts that are not UTF-8.

        `cells`: of the objects that they are to be; None: all. `written`: without what never was.
        """
        reader = BoxReader(self.array, whole(self.shape), max_bytes, BOX, again=False)
        boxes = (box for box in self._all(reader, cells) if wanted(box))
        dense = self.planned.dense or not written
        some = (box for box in boxes if dense or not reader.unwritten(box))
        for box, values in reader.read_all(some):
            yield box, *self.made(values)

    def made(self, values: Values) -> tuple[Values, bool]:
        """Values of Zarr's type, and whether some are texts that are not UTF-8. libhdf5 may be asked for what
        references lead to."""
        if not self.kind.text:
            return as_stored(values, self.kind.dtype), False
        strange: list[bool] = []
        make = text_maker(self._path_of if self.kind.references else None, partial(strange.append, True))
        found = np.empty(values.shape, dtype=object)
        flat = found.reshape(-1)
        for number, value in enumerate(values.reshape(-1)):
            flat[number] = make(value)
        return found, bool(strange)

    def cells(self, box: Box) -> Iterator[tuple[Cell, tuple[slice, ...]]]:
        """The objects of a box, each with its place in it."""
        along = [
            [
                (number, slice(max(low, number * size) - low, min(high, (number + 1) * size) - low))
                for number in range(low // size, -(-high // size))
            ]
            for (low, high), size in zip(box.bounds, self._sizes, strict=True)
        ]
        inner = (0,) * len(self.kind.inner)
        for parts in product(*along):
            yield tuple(number for number, _ in parts) + inner, tuple(place for _, place in parts)

    def named(self, *, copied: bool = False) -> list[list[int]] | None:
        """The cells of the objects that the plan names to be decoded; None where it names none.

        `copied`: those that are copied as well, unless that is most of them.
        """
        planned, ndim = self.planned, len(self.shape)
        if planned.decoded is None or not ndim:
            return None
        found = np.frombuffer(planned.decoded, dtype="<u8").reshape(-1, ndim)
        if copied:
            parts = np.array(planned.chunks[:ndim], dtype="u8")
            rows = rows_of(planned)[:, :ndim] * parts // np.array(self._sizes, dtype="u8")
            found = np.unique(np.concatenate([found, rows]), axis=0)
            if len(found) * FEW >= prod(grid_of(self.shape, self._sizes)):
                return None
        cells: list[list[int]] = found.tolist()
        return cells

    def _all(self, reader: BoxReader, cells: Sequence[Sequence[int]] | None) -> Iterator[Box]:
        if cells is not None:
            yield from (self._box(tuple(cell)) for cell in cells)
            return
        facts = self.array.facts
        size = max(facts.itemsize, self.array.dtype.itemsize if self.array.dtype else 0)
        size += POINTED if facts.type_has_pointers else 0
        cell = self._aligned(size)
        yield from Cut(reader.selection, cell, size, prod(cell) * size, reader.limit).boxes(ordered=False)

    def _aligned(self, size: int) -> tuple[int, ...]:
        """Whole objects that hold whole chunks of the file, so that none of these is decoded twice; or one
        object, where such are too large."""
        each = zip(self._sizes, self.array.facts.chunks or self._sizes, self.shape, strict=True)
        found = tuple(min(lcm(new, old), -(-length // new) * new) for new, old, length in each)
        return found if prod(found) * size <= LARGEST_CELL else self._sizes

    def _box(self, cell: Cell) -> Box:
        each = zip(cell, self._sizes, self.shape, strict=True)
        return Box(tuple((number * size, min((number + 1) * size, length)) for number, size, length in each))

    def _path_of(self, value: Any) -> str | None:
        converter = self.array.converter()
        converter.namer = lambda address: self._names.get(address, f"@{address}")
        found = converter.of_object(value, self.array.dtype or np.dtype("O"))
        return found if isinstance(found, str) else None
