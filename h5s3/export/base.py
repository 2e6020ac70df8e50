"""What the writers of all types of files share: the job, their base class, strings that must be UTF-8."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, BinaryIO

import numpy as np

from h5s3.errors import RefusedError
from h5s3.formats.base import Array as Source
from h5s3.formats.base import Facts
from h5s3.formats.boxes import Box
from h5s3.formats.cf import Coding
from h5s3.formats.columns.axes import AxisColumn
from h5s3.formats.decoded import Decoder
from h5s3.formats.dtypes import flat_type
from h5s3.formats.selection import Selection
from h5s3.records import Get

Array = np.ndarray[Any, Any]
BATCH = 16 * 1024  # values that are turned into text at once


@dataclass(frozen=True)
class Job:
    """A selection of a dataset that is to be written."""

    array: Source
    selection: Selection
    name: str  # of the array, safe as a name of a file
    head: Get  # what is known before the values
    notes: list[str] = field(default_factory=list)
    coding: Coding | None = None  # what the stored numbers mean, if not themselves
    decode: Decoder | None = None  # values are written as they are meant
    axes: tuple[AxisColumn, ...] = ()  # the coordinates that are written with them
    gaps: bool = False  # some values may be missing: they come masked
    rows: bool = False  # a row for each value, coordinates first

    @property
    def facts(self) -> Facts:
        """The header of the array."""
        return self.array.facts

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """NumPy's type of what is written, with h5py's metadata; None: it has none."""
        found = self.array.dtype if self.decode is None else self.decode.dtype
        if found is None or not self.rows:
            return found
        own = [(self.label, found)]
        if found.names is not None:
            own = [(name, found.fields[name][0]) for name in found.names]  # type: ignore[index]
        return np.dtype([(axis.name, axis.dtype) for axis in self.axes] + own)

    @property
    def label(self) -> str:
        """The name of the dataset, as its column is called."""
        return self.array.path.rpartition("/")[2] or self.name

    @property
    def stored(self) -> Job:
        """The same job for the values as they are stored."""
        return replace(self, decode=None, axes=(), rows=False)

    @property
    def masked(self) -> bool:
        """Whether values come masked."""
        return self.gaps or self.rows or self.decode is not None

    @property
    def kept(self) -> tuple[int, ...]:
        """The dimensions of the values, without those in which one index was chosen."""
        return tuple(axis.count for axis in self.selection if axis.keep)

    @property
    def element(self) -> np.dtype[Any]:
        """The type of the innermost elements."""
        assert self.dtype is not None
        return flat_type(self.dtype)[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The dimensions of the values and of the array type, if they are of one; or the number of rows."""
        if self.rows:
            return (self.count,)
        return self.kept + (flat_type(self.dtype)[1] if self.dtype is not None else ())

    @property
    def count(self) -> int:
        """Values of the dataset's type."""
        return prod(self.kept)


class Writer(ABC):
    """Takes the values box by box: begun with a stream or (h5, npy) the path of the file behind it."""

    ordered = True  # takes boxes in C order alone
    raw = False  # takes values as the file stores them
    sparse = False  # need not be given what was never written: it has the fill value

    def begin(self) -> None:
        """Before the first box, when its values are here: what was written cannot be taken back."""
        return

    @abstractmethod
    def write(self, box: Box, values: Array) -> None:
        """The values of one box, with all dimensions of the dataset; of rows, some of them in order."""

    def finish(self) -> None:
        """After the last box."""
        return

    def abandon(self) -> None:
        """Close what is open, when something failed."""
        return


Maker = Callable[[Job, BinaryIO, str | None], Writer]


def utf8_text(value: Any) -> str:
    """A string, or a name that h5py gave, as text. Raises `RefusedError` where it is not UTF-8."""
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        why = "a string is not UTF-8, which this format cannot hold"
        raise RefusedError(why, hint="use --format npy, json or h5") from None


def write_at(descriptor: int, data: memoryview, offset: int) -> None:
    """Write all of the data at a place of a file."""
    while data:
        done = os.pwrite(descriptor, data, offset)
        data, offset = data[done:], offset + done
