"""What a cell does for a comparison of values: it is told what to read, job after job, and reports.

A report is a JSON document behind its length (4 bytes), and bytes of which the document tells the lengths.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import H5s3Error, RefusedError
from h5s3.formats.base import Array, Comparable, Contents, StoredCells
from h5s3.formats.boxes import MOST_ELSEWHERE, Box
from h5s3.formats.encoding.json_values import JsonValues
from h5s3.formats.grid import run_shape
from h5s3.formats.selection import Selection, whole
from h5s3.sizes import MIB
from h5s3.storage.base import Range

DIGEST = 16  # bytes
LARGEST_CHUNK = 1024 * MIB  # decoded, unless --max-bytes allows more
FIXED = "biufcSVmM"  # kinds of NumPy's types that go over as bytes
Values = np.ndarray[Any, Any]
Job = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """The question. `next_job` takes the report of a job and gives the next one, None at the end.

    Jobs are pure questions: where the file is opened again, the last one is given again.
    """

    next_job: Callable[[bytes], Any]
    max_bytes: int | None = None

    def __call__(self, contents: Contents) -> bool:
        """Work until there is no more. Raises what reading raises that is not of one dataset alone."""
        assert isinstance(contents, Comparable)
        with _Worker(contents, self.max_bytes) as worker:
            report = b""
            while (job := self.next_job(report)) is not None:
                report = worker.do(job)
        return True


def report(head: Any, *blobs: Any) -> bytes:
    """A report."""
    text = json.dumps(head).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *blobs])


class _Worker(ExitStack):
    """Datasets that are open, by their numbers, and bytes that are held from one job to the next."""

    def __init__(self, contents: Comparable, max_bytes: int | None) -> None:
        super().__init__()
        self._contents, self._max_bytes = contents, max_bytes
        self._arrays: dict[int, Array] = {}
        self._cells: dict[int, StoredCells] = {}

    def do(self, job: Job) -> bytes:
        """The report of a job."""
        if not job.get("keep"):
            self.close()
        if job["kind"] == "open":
            return self._open(job["numbers"], job["paths"])
        if job["kind"] == "digests":
            return self._digests(job["rows"], job["ahead"])
        return self._values(job["boxes"])

    # ---------------------------------------------------------------------------------------------- open

    def _open(self, numbers: Sequence[int], paths: Sequence[str]) -> bytes:
        self._arrays, self._cells = {}, {}
        head, blobs = [], []
        for number, array in zip(numbers, self._contents.arrays(paths), strict=True):
            if isinstance(array, Exception):
                head.append(_failure(array))
                continue
            try:
                told, table = self._told(number, array)
            except (H5s3Error, OSError, RuntimeError, ValueError, KeyError) as error:
                head.append(_failure(error))
                continue
            head.append(told)
            blobs.append(table)
        return report(head, *blobs)

    def _told(self, number: int, array: Array) -> tuple[Any, bytes]:
        """What the other side has to know of a dataset."""
        cells = array.stored_cells()
        self._arrays[number] = array
        table = b""
        if cells is not None:
            self._cells[number] = cells
            table = np.ascontiguousarray(cells.table, dtype="<u8").tobytes()
        return {
            "piece": None if cells is None else list(cells.shape),
            "whole": cells is not None and cells.whole,
            "rows": 0 if cells is None else len(cells.table),
            "columns": None if array.dtype is None else [one.told() for one in columns_of(array.dtype)],
            "itemsize": max(array.facts.itemsize, array.dtype.itemsize if array.dtype is not None else 0),
            "chunks": list(
                array.facts.chunks or run_shape(array.facts.shape or (), array.facts.itemsize, MIB)
            ),
            "refused": self._refused(array),
        }, table

    def _refused(self, array: Array) -> str:
        """Why the values cannot be decoded."""
        try:
            array.refuse()
        except RefusedError as error:
            return error.cause
        if array.dtype is None:
            return f"values of type {array.facts.dtype} cannot be read here"
        size = prod(array.facts.chunks or ()) * array.facts.itemsize
        if size > max(LARGEST_CHUNK, self._max_bytes or 0):
            return f"one chunk is of {size // MIB} MiB: allow it with --max-bytes {size}"
        return ""

    # ------------------------------------------------------------------------------------------- digests

    def _digests(self, wanted: Sequence[Sequence[Any]], ahead: Sequence[Sequence[Any]]) -> bytes:
        """Of the stored bytes of pieces: `[number of the dataset, rows]`. `ahead`: what comes next."""
        found = [(self._arrays[number], self._places(number, rows)) for number, rows in wanted]
        self._hold([place for _, places in found for place in places])
        if ahead:
            coming = [place for number, rows in ahead for place in self._places(number, rows)]
            self._arrays[ahead[0][0]].fetch_ahead(coming)
        made = bytearray()
        for array, places in found:
            for start, stop in places:
                data = array.stored_bytes(start, stop) if stop > start else b""
                made += bytes(DIGEST) if data is None else hashlib.blake2b(data, digest_size=DIGEST).digest()
        return report(None, bytes(made))

    def _places(self, number: int, rows: Sequence[int]) -> list[Range]:
        places = self._cells[number].table[list(rows), -3:-1].tolist()
        return [(start, start + size) for start, size in places]

    def _hold(self, ranges: Sequence[Range]) -> None:
        """Fetch bytes, for as long as jobs say to keep them."""
        if self._arrays and ranges:
            self.enter_context(next(iter(self._arrays.values())).fetched(ranges))

    # -------------------------------------------------------------------------------------------- values

    def _values(self, boxes: Sequence[Sequence[Any]]) -> bytes:
        """The values of boxes: `[number of the dataset, bounds]`."""
        parts = []
        for number, bounds in boxes:
            array = self._arrays[number]
            shape = array.facts.shape or ()
            parts.append((array, Box(tuple((low, high) for low, high in bounds)).part(whole(shape))))
        self._hold([place for array, part in parts for place in _ranges(array, part)])
        head, blobs = [], []
        for array, part in parts:
            try:
                found = list(self._read(array, part))
            except H5s3Error as error:
                if error.exit_code not in (6, 8):
                    raise
                head.append(_failure(error))
                continue
            head.append([len(blob) for blob in found])
            blobs += found
        return report(head, *blobs)

    def _read(self, array: Array, part: Selection) -> Iterator[bytes]:
        """The values of a part, column by column."""
        assert array.dtype is not None
        piece = prod(array.facts.chunks or ()) * array.facts.itemsize
        with array.decoding(max(MOST_ELSEWHERE, self._max_bytes or 0), piece, again=True):
            values = array.exact(part)
        count = prod(axis.count for axis in part)
        for column in columns_of(array.dtype):
            found = column.of(values)
            if column.fixed:
                yield np.ascontiguousarray(found.astype(found.dtype.newbyteorder("<"), copy=False)).tobytes()
                continue
            converter = array.converter(exact=True)
            if isinstance(converter, JsonValues):
                converter.words = True
            flat = found.reshape(count, -1)
            made = [[converter.value(value, column.dtype) for value in row] for row in flat]
            yield json.dumps(made if column.inner else [row[0] for row in made]).encode()


def _ranges(array: Array, part: Selection) -> list[Range]:
    stored = array.stored(part) if array.facts.chunks else None
    if stored is not None:
        return stored.ranges(part)
    runs = array.runs(part)
    return [] if runs is None else runs.ranges()


def _failure(error: Exception) -> Any:
    if isinstance(error, H5s3Error):
        return {"error": error.cause, "code": error.exit_code}
    return {"error": f"cannot be read: {' '.join(str(error).split())[:200]}", "code": 6}


# ---------------------------------------------------------------------------------------------- columns


@dataclass(frozen=True)
class Column:
    """A field of a compound, or a field of such a one; else all of the value. `inner`: of array types."""

    path: tuple[str, ...]
    dtype: np.dtype[Any]
    inner: tuple[int, ...]

    @property
    def fixed(self) -> bool:
        """Whether values are as many bytes each."""
        return self.dtype.kind in FIXED

    def told(self) -> Any:
        """What is told of it. `type`: NumPy's, none for what comes as JSON."""
        metadata: Any = self.dtype.metadata or {}
        return {
            "name": ".".join(self.path),
            "type": self.dtype.newbyteorder("<").str if self.fixed else None,
            "inner": list(self.inner),
            "reference": "ref" in metadata,
        }

    def of(self, values: Values) -> Values:
        """The column of such values."""
        for name in self.path:
            values = values[name]
        return values


def columns_of(
    dtype: np.dtype[Any], path: tuple[str, ...] = (), inner: tuple[int, ...] = ()
) -> Iterator[Column]:
    """What a type consists of."""
    if dtype.subdtype is not None:
        base, dims = dtype.subdtype
        yield from columns_of(base, path, inner + dims)
    elif dtype.names is not None and dtype.fields is not None:
        for name in dtype.names:
            yield from columns_of(dtype.fields[name][0], (*path, name), inner)
    else:
        yield Column(path, dtype, inner)
