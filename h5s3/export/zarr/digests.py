"""Digests of values, box by box: equal where a file and a store hold the same. Questions to either."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.export.zarr.reading import Reading, opened
from h5s3.formats.base import Contents
from h5s3.formats.boxes import Box
from h5s3.formats.hdf5.format import Hdf5Contents
from h5s3.formats.selection import whole
from h5s3.records import PlannedArray

Values = np.ndarray[Any, Any]
Bounds = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Digest:
    """Of the values of a box of an array."""

    array: int  # its number
    bounds: Bounds
    digest: str


@dataclass(frozen=True)
class OfFile:
    """The question to the file. `take` is given each digest."""

    arrays: Sequence[PlannedArray]
    version: int
    take: Callable[[Digest], None]
    names: dict[int, str]
    max_bytes: int | None = None

    def __call__(self, contents: Contents) -> int:
        """How many boxes there were. Raises what reading values raises."""
        assert isinstance(contents, Hdf5Contents)
        count = 0
        for number, array in enumerate(self.arrays):
            reading = Reading(array, self.version, self.names, opened(contents, array))
            for box, values, _ in reading.boxes(self.max_bytes, cells=reading.named(copied=True)):
                bounds = box.bounds + tuple((0, length) for length in array.shape[len(box.bounds) :])
                self.take(Digest(number, bounds, digest_of(values)))
                count += 1
        return count


@dataclass(frozen=True)
class OfStore:
    """The question to the store: which of these digests are those of others values."""

    arrays: Sequence[PlannedArray]
    digests: Sequence[Digest]
    tell: Callable[[Digest], None]

    def __call__(self, contents: Contents) -> list[Digest]:
        """Those that differ. Raises what reading values raises."""
        found, number, array = [], -1, None
        for wanted in self.digests:
            if wanted.array != number or array is None:
                number = wanted.array
                array = contents.values("/" + self.arrays[number].path)
            part = Box(wanted.bounds).part(whole(tuple(self.arrays[number].shape)))
            if digest_of(array.read(part)) != wanted.digest:
                found.append(wanted)
            self.tell(wanted)
        return found


def digest_of(values: Values) -> str:
    """Of values in their order, whatever order their bytes are in; of texts in UTF-8."""
    made = hashlib.blake2b(digest_size=16)
    if values.dtype.kind == "O":
        for value in values.reshape(-1):
            text = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
            made.update(len(text).to_bytes(8, "little") + text)
        return made.hexdigest()
    if values.dtype.kind in "mM":
        values = values.view(values.dtype.str[0] + "i8")
    little = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    made.update(little.reshape(-1).view("u1").data if little.size else b"")
    return made.hexdigest()
