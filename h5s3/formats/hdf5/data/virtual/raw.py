"""A dataset whose values are in other files, one after another, as plain bytes (external storage)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
from h5py import h5t

from h5s3.errors import H5s3Error, RefusedError
from h5s3.formats.base import Facts, Source
from h5s3.formats.hdf5.data.byte_ranges import Runs
from h5s3.formats.hdf5.data.virtual.forms import Form
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.selection import Axis, Selection
from h5s3.sizes import GIB
from h5s3.storage.base import Range

Values = np.ndarray[Any, Any]
MOST_AT_ONCE = 2 * GIB


class Raw:
    """The files of one dataset, each a stretch of its bytes. A file that ends early is followed by zeros."""

    def __init__(self, file: OpenFile, dataset: Any, facts: Facts) -> None:
        self._file, self._type = file, dataset.get_type()
        self.shape = facts.shape or ()
        self._itemsize = facts.itemsize
        self._names, self._starts, self._offsets = list[bytes](), list[int](), list[int]()
        dcpl, start = dataset.get_create_plist(), 0
        for index, item in enumerate(facts.external):
            self._names.append(dcpl.get_external(index)[0])
            self._starts.append(start)
            self._offsets.append(item.offset)
            start += prod(self.shape) * self._itemsize if item.size is None else item.size
        self._end = start

    def refuse(self) -> None:
        """Raise what keeps a file from being read: `NotFoundError`, `RefusedError`."""
        self._file.files.look(self._file, self._names)
        for name in self._names:
            self._source(name)

    def problems(self) -> Iterator[str]:
        """None: files that are missing are an error."""
        return iter(())

    def piece(self) -> tuple[int, ...] | None:
        """Bytes lie in order."""
        return None

    def read(
        self, selection: Selection, form: Form, fill: Values, left: list[int], kind: Any = None
    ) -> Values:
        """As `Virtual.read` says; nothing has the fill value."""
        counts = tuple(axis.count for axis in selection)
        if not prod(counts):
            return np.empty(counts + fill.shape, dtype=fill.dtype)
        runs = Runs(self.shape or (1,), self._itemsize, 0, selection or (Axis(0, 1, 1),))
        raw = runs.read(_Bytes(self._fetched(runs.ranges(), left))).reshape(-1)
        return _converted(raw, prod(counts), self._type, form).reshape(counts + fill.shape)

    def _fetched(self, ranges: Sequence[Range], left: list[int]) -> dict[int, bytes]:
        """The bytes of the dataset in these ranges, by where they begin."""
        size = sum(stop - start for start, stop in ranges)
        left[0] -= size
        if left[0] < 0:
            raise RefusedError("the values are larger than the limit", hint="raise --max-bytes")
        if size > MOST_AT_ONCE:
            raise RefusedError(f"{size} bytes of external files at once")
        pieces = [(start, *piece) for start, stop in ranges for piece in self._pieces(start, stop)]
        read: dict[bytes, dict[Range, bytes]] = {}
        for name in dict.fromkeys(piece[1] for piece in pieces):
            source = self._source(name)
            wanted = [_inside(piece[2], source) for piece in pieces if piece[1] == name]
            asked = [one for one in dict.fromkeys(wanted) if one[1] > one[0]]
            read[name] = source.read(asked) if asked else {}
        found: dict[int, bytearray] = {}
        for start, name, place in pieces:
            data = read[name].get(_inside(place, self._source(name)), b"")
            found.setdefault(start, bytearray()).extend(data.ljust(place[1] - place[0], b"\0"))
        return {start: bytes(data) for start, data in found.items()}

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[bytes, Range]]:
        """Where bytes of the dataset are: files and ranges of them."""
        while start < stop:
            number = bisect_right(self._starts, start) - 1
            end = self._starts[number + 1] if number + 1 < len(self._starts) else self._end
            if start >= end:
                raise RefusedError("its external files are smaller than it is")
            low, high = start - self._starts[number], min(stop, end) - self._starts[number]
            yield self._names[number], (self._offsets[number] + low, self._offsets[number] + high)
            start = min(stop, end)

    def _source(self, name: bytes) -> Source:
        try:
            found: Source = self._file.files.source(self._file, name)
        except H5s3Error as error:
            says = f"the values are stored in {name.decode('utf-8', 'backslashreplace')}"
            raise type(error)(f"{says}: {error.cause}", hint=error.hint) from None
        return found


def _inside(place: Range, source: Source) -> Range:
    """What of a range a file has."""
    return min(place[0], source.info.size), min(place[1], source.info.size)


def _converted(raw: Values, count: int, stored: Any, form: Form) -> Values:
    """Stored bytes in the form that is wanted."""
    size = max(stored.get_size(), form.dtype.itemsize)
    buffer = np.zeros(count * size, dtype="u1")
    buffer[: raw.size] = raw
    if not stored.equal(form.memory):
        h5t.convert(stored, form.memory, count, buffer, np.zeros_like(buffer))
    made: Values = np.ndarray((count,), dtype=form.dtype, buffer=buffer)
    return made


class _Bytes:
    """Pieces of a file that is read by position."""

    def __init__(self, pieces: dict[int, bytes]) -> None:
        self._pieces, self._starts, self._at = pieces, sorted(pieces), 0

    def seek(self, position: int) -> int:
        """Read from there next."""
        self._at = position
        return position

    def readinto(self, view: memoryview) -> int:
        """All of it, from as many pieces as it takes; less where they end."""
        done = 0
        while done < len(view):
            at = self._at + done
            start = self._starts[bisect_right(self._starts, at) - 1]
            data = self._pieces[start][at - start :][: len(view) - done]
            if not data:
                break
            view[done : done + len(data)] = data
            done += len(data)
        self._at += done
        return done
