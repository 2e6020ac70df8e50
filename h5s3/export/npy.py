"""NumPy's own format: any type of fixed size, its byte order kept, each box written where it belongs.

And what it has no place for, in memory alone: strings of variable length.
"""

from __future__ import annotations

import mmap
import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from io import BytesIO
from math import prod
from typing import Any, BinaryIO

import h5py
import numpy as np

from h5s3.errors import RefusedError
from h5s3.export.base import Array, Job, Writer, write_at
from h5s3.export.behind import Behind
from h5s3.formats.boxes import Box


def plain_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A type as the format knows it: without h5py's metadata; packed where its fields are out of order."""
    plain = _without_metadata(dtype)
    try:
        if np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(plain)) == plain:
            return plain
    except (ValueError, TypeError):
        pass
    from numpy.lib import recfunctions  # brings masked arrays along: slow to load, and rarely needed

    packed: np.dtype[Any] = recfunctions.repack_fields(plain, recurse=True)
    return packed


def _without_metadata(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.subdtype is not None:
        return np.dtype((_without_metadata(dtype.subdtype[0]), dtype.subdtype[1]))
    if dtype.names is None or dtype.fields is None:
        return np.dtype(dtype.str)
    names, fields = list(dtype.names), [dtype.fields[name] for name in dtype.names]
    formats, offsets = [_without_metadata(item[0]) for item in fields], [item[1] for item in fields]
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize})


def header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The header before the values: version 1.0, or 3.0 where names are long or not Latin-1."""
    fields = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    text = repr(fields)
    if len(text) < 60_000 and text.isascii():
        magic, width, encoded = np.lib.format.magic(1, 0), 2, text.encode("latin-1")
    else:
        magic, width, encoded = np.lib.format.magic(3, 0), 4, text.encode("utf-8")
    padding = -(len(magic) + width + len(encoded) + 1) % 64
    encoded += b" " * padding + b"\n"
    return magic + len(encoded).to_bytes(width, "little") + encoded


def array_of(stream: BytesIO) -> Array:
    """The array that was written into a stream; as a rule in the memory of the stream, without a copy."""
    stream.seek(0)
    if np.lib.format.read_magic(stream) == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        if prod(shape) * dtype.itemsize:
            return np.frombuffer(stream.getbuffer(), dtype, prod(shape), stream.tell()).reshape(shape)
    stream.seek(0)
    read: Array = np.lib.format.read_array(stream, allow_pickle=False)
    return read


class NpyWriter(Writer):
    """Into a file at any place, or into a stream in C order."""

    def __init__(self, job: Job, stream: BinaryIO, path: str | None) -> None:
        self.ordered = path is None
        self._type = plain_type(job.element)
        self._behind = Behind()
        self._inner = job.shape[len(job.kept) :]
        self._counts = tuple(axis.count for axis in job.selection)
        self._stream = stream
        self._shape, self._header = job.shape, header(self._type, job.shape)
        self._offset = len(self._header)

    def begin(self) -> None:
        """The header; a file has its full length from now on."""
        self._stream.write(self._header)
        if not self.ordered:
            self._stream.flush()
            size = self._offset + prod(self._shape) * self._type.itemsize
            os.ftruncate(self._stream.fileno(), size)

    @property
    def layout(self) -> tuple[np.dtype[Any], int]:
        """The type of the elements and where the first of them is."""
        return self._type, self._offset

    def write(self, box: Box, values: Array) -> None:
        """Where the box belongs; runs of it that are not adjacent are written one by one."""
        data = np.ascontiguousarray(_as(values, self._type))
        if self.ordered:
            self._stream.write(data.reshape(-1).view("u1").data)
            return
        self._behind.do(partial(self._put, box, data))

    def _put(self, box: Box, data: Array) -> None:
        size = prod(self._inner) * self._type.itemsize
        for position, run in _runs(box, self._counts, data.reshape(-1).view("u1"), size):
            write_at(self._stream.fileno(), run.data, self._offset + position)

    def finish(self) -> None:
        self._behind.wait()
        self._stream.flush()

    def abandon(self) -> None:
        """Let go of the file."""
        self._behind.end()


class NpzWriter(NpyWriter):
    """One array in a compressed archive, under the name of the dataset."""

    def __init__(self, job: Job, stream: BinaryIO, path: str | None) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        entry = zipfile.ZipInfo(job.name + ".npy", (1980, 1, 1, 0, 0, 0))
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        self._entry = self._zip.open(entry, "w", force_zip64=True)
        super().__init__(job, self._entry, None)  # type: ignore[arg-type]

    def finish(self) -> None:
        self._entry.close()
        self._zip.close()

    def abandon(self) -> None:
        """Close both without a write: the stream behind them goes away."""
        self._zip.fp = None  # what ZipFile itself takes for closed
        with suppress(OSError, ValueError, AttributeError):
            self._entry.close()


def _as(values: Array, dtype: np.dtype[Any]) -> Array:
    """The same values under a type: a view where the bytes are the same."""
    if values.dtype.itemsize == dtype.itemsize and _without_metadata(values.dtype) == dtype:
        return np.ascontiguousarray(values).view(dtype)
    found: Array = values.astype(dtype)
    return found


def _runs(box: Box, whole: tuple[int, ...], data: Array, size: int) -> Iterator[tuple[int, Array]]:
    """Bytes that belong together, each with its position in the array of all values."""
    dimension = len(whole)
    while dimension and box.counts[dimension - 1] == whole[dimension - 1]:
        dimension -= 1
    dimension = max(0, dimension - 1)  # this axis is cut: its part is still one run
    length = prod(box.counts[dimension:]) * size
    starts = np.zeros((), dtype="i8")
    for axis, (low, high) in enumerate(box.bounds):
        stride = prod(whole[axis + 1 :]) * size
        starts = (
            starts[..., None] + np.arange(low, high) * stride if axis < dimension else starts + low * stride
        )
    for number, start in enumerate(starts.reshape(-1).tolist()):
        yield start, data[number * length : (number + 1) * length]


def array_in(descriptor: int) -> Array:
    """The array in a file in memory, which is the array's own from now on."""
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        if np.lib.format.read_magic(stream) != (1, 0):
            stream.seek(0)
            read: Array = np.lib.format.read_array(stream, allow_pickle=False)
            return read
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        values = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        return np.frombuffer(values, dtype, prod(shape), stream.tell()).reshape(shape)


def array_of_texts(shape: list[int], found: list[str]) -> Array:
    """An array of objects, which are `str`."""
    made = np.empty(len(found), dtype=object)
    made[:] = found
    return made.reshape(shape)


class Texts:
    """The strings of one dataset. `most`: bytes that they may take together, if that is bounded."""

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.found: tuple[list[int], list[str]] = ([], [])  # shape and values, once all of them are here

    @staticmethod
    def fit(job: Job) -> bool:
        """Whether the values are strings of variable length, and nothing else."""
        return job.dtype is not None and job.dtype.hasobject and bool(h5py.check_string_dtype(job.element))

    def writer(self, job: Job, stream: BinaryIO, path: str | None) -> Writer:
        """What takes them."""
        return _TextWriter(self, job)


class _TextWriter(Writer):
    def __init__(self, texts: Texts, job: Job) -> None:
        self._texts, self._shape = texts, job.shape
        self._found: list[str] = []
        self._bytes = 0

    def write(self, box: Box, values: Array) -> None:
        """The next values. Raises `RefusedError` for bytes that are no text, and for too many of them."""
        for value in values.reshape(-1):
            self._bytes += len(value)
            try:
                self._found.append(value.decode("utf-8"))
            except UnicodeDecodeError:
                hint = "h5s3.open reads its bytes; so does get into a file .json or .h5"
                raise RefusedError("a string is not UTF-8, so it is no str", hint=hint) from None
        if self._texts.most is not None and self._bytes > self._texts.most:
            raise RefusedError(
                f"its strings take more than the {self._texts.most} bytes of max_bytes",
                hint="raise it, or take a part with selection",
            )

    def finish(self) -> None:
        """All of them are here."""
        self._texts.found = (list(self._shape), self._found)
