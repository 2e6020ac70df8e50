"""A new HDF5 file with the dataset alone: at its path, of the very same type, with its plain attributes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import h5py
import numpy as np
from h5py import h5a, h5d, h5p, h5s, h5t, h5z

from h5s3.errors import H5s3Error
from h5s3.export.base import Array, Job, Writer, write_at
from h5s3.formats.base import has_pointers, has_references
from h5s3.formats.boxes import Box
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.objects.attributes import attribute_names
from h5s3.formats.hdf5.objects.datatypes import describe
from h5s3.formats.hdf5.objects.file import FAILURES, plain_reason
from h5s3.formats.hdf5.objects.filters import NOT_COMPRESSING
from h5s3.formats.hdf5.objects.values import memory_dtype
from h5s3.formats.names import text_of
from h5s3.sizes import MIB

LARGEST_ATTRIBUTE = 16 * MIB
SHUFFLE, FLETCHER = 2, 3


class H5Writer(Writer):
    """Blocks of whole chunks; values of fixed size are written as they were stored."""

    ordered = False
    sparse = True

    def __init__(self, job: Job, stream: BinaryIO, path: str | None) -> None:
        self.raw = not job.facts.type_has_pointers
        self._job = job
        self._source = job.array.dataset if isinstance(job.array, Hdf5Array) else None
        self.sparse = self._source is not None  # the fill value of other formats is not copied
        self._type = h5t.py_create(job.dtype) if self._source is None else anew(self._source.get_type())
        self._kept = [axis.keep for axis in job.selection]
        self._output = SafeFile(stream.fileno())
        with self._writing():
            self._file = h5py.File(self._output, "w")
            try:
                self._data = self._create()
                self._attributes()
            except BaseException:
                self.abandon()
                raise

    def _create(self) -> Any:
        job = self._job
        links = h5p.create(h5p.LINK_CREATE)
        links.set_create_intermediate_group(True)
        space = h5s.create_simple(job.kept) if job.selection and job.kept else h5s.create(h5s.SCALAR)
        path = os.fsencode(job.array.path) if job.array.path.strip("/") else b"/data"
        return h5d.create(self._file.id, path, self._type, space, self._properties(), links)

    def _properties(self) -> Any:
        """Chunks as in the source, in as far as they fit; filters that every HDF5 can undo."""
        job, found = self._job, h5p.create(h5p.DATASET_CREATE)
        if self._source is not None:
            _copy_fill(job, self._source, found)
        chunks = [
            max(1, min(axis.count, -(-size // axis.step)))
            for axis, size in zip(job.selection, job.facts.chunks or (), strict=False)
            if axis.keep
        ]
        if not chunks or 0 in job.kept:
            return found
        found.set_chunk(tuple(chunks))
        filters = {item.id: item for item in job.facts.filters}
        if job.facts.type_has_pointers:  # what is filtered is addresses
            filters = {}
        if SHUFFLE in filters:
            found.set_shuffle()
        if any(number not in NOT_COMPRESSING for number in filters):
            gzip = filters.get(h5z.FILTER_DEFLATE)
            found.set_deflate(gzip.options[0] if gzip and gzip.options else 4)
        if FLETCHER in filters:
            found.set_fletcher32()
        return found

    def write(self, box: Box, values: Array) -> None:
        """Where the box belongs."""
        target, memory = self._data.get_space(), h5s.create(h5s.SCALAR)
        places = [bounds for bounds, keep in zip(box.bounds, self._kept, strict=True) if keep]
        if places:
            counts = tuple(high - low for low, high in places)
            target.select_hyperslab(tuple(low for low, _ in places), counts)
            memory = h5s.create_simple(counts)
        kind = self._type if self.raw else h5t.py_create(self._job.dtype)
        with self._writing():
            self._data.write(memory, target, np.ascontiguousarray(values), mtype=kind)

    def _attributes(self) -> None:
        """Those that are plain values. What refers to objects of the source stays behind, and is named."""
        if self._source is None:
            return
        left = []
        try:
            names = attribute_names(self._source)
        except FAILURES:
            self._job.notes.append("the attributes cannot be read")
            return
        for name in names:
            try:
                copied = copy_attribute(self._source, self._data, name)
            except (*FAILURES, UnicodeError):
                copied = False
            if not copied:
                left.append(text_of(name))
        if left:
            self._job.notes.append("attributes left out: " + ", ".join(left))

    def finish(self) -> None:
        """Everything is on its way to the disk."""
        with self._writing():
            self._file.flush()
            self.abandon()

    def abandon(self) -> None:
        """Close the file with all that is open in it."""
        self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What the operating system or libhdf5 says of a file that cannot be written."""
        try:
            yield
        except FAILURES as error:
            raise H5s3Error(f"the output cannot be written: {plain_reason(error)}") from None
        if self._output.error:
            raise self._output.error


def _copy_fill(job: Job, dataset: Any, target: Any) -> None:
    source, dtype = dataset.get_create_plist(), job.dtype
    kept = not job.facts.type_has_pointers and job.facts.type.class_ not in ("opaque", "bitfield")
    if dtype is None or dtype.subdtype or not kept:
        return
    value = np.zeros((), dtype=dtype)
    try:
        if source.fill_value_defined() != h5d.FILL_VALUE_USER_DEFINED:
            return
        source.get_fill_value(value)
        set_fill(target, value)
    except FAILURES:
        job.notes.append("the fill value is left out")


def set_fill(properties: Any, value: Array) -> None:
    """Set a fill value; strings as such of variable length: h5py takes the bytes of others for an address."""
    if value.dtype.kind == "S":
        value = np.array(value.item(), dtype=h5py.string_dtype())
    properties.set_fill_value(value)


def copy_attribute(source: Any, target: Any, name: bytes) -> bool:
    """Whether an attribute could be copied."""
    attribute = h5a.open(source, name)
    kind, space = attribute.get_type(), attribute.get_space()
    info, count = describe(kind), space.get_simple_extent_npoints()
    if has_references(info) or count * kind.get_size() > LARGEST_ATTRIBUTE:
        return False
    dtype = memory_dtype(kind) if has_pointers(info) else np.dtype((np.void, kind.get_size()))
    if dtype is None:
        return False
    memory = h5t.py_create(dtype) if has_pointers(info) else kind
    values = np.zeros(attribute.shape if count else (), dtype=dtype)
    if count:
        attribute.read(values, mtype=memory)
    copy = h5a.create(target, name, anew(kind), anew(space))
    if count:
        copy.write(values, mtype=memory)
    return True


def anew(part: Any) -> Any:
    """A type or a space as if it were new: one from a file may know where that file has it."""
    return (h5s if isinstance(part, h5s.SpaceID) else h5t).decode(part.encode())


class SafeFile(io.RawIOBase):
    """An open file that libhdf5 writes to, and that never fails it. `error` is the first failure.

    libhdf5 crashes the process at exit over a file that it could not write to the end: so an error, such as
    a full disk, is kept, and raised after libhdf5 has closed the file. After it nothing is written any more.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._at = 0
        self._size = 0
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; beyond the end, and after a failure, with zeros."""
        view = memoryview(buffer).cast("B")
        data = b"" if self.error else os.pread(self._descriptor, len(view), self._at)
        view[:] = data + bytes(len(view) - len(data))
        self._at += len(view)
        return len(view)

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        """Write all of it, or nothing after a failure."""
        view = memoryview(data).cast("B")
        try:
            if not self.error:
                write_at(self._descriptor, view, self._at)
        except OSError as error:
            self.error = error
        self._at += len(view)
        self._size = max(self._size, self._at)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        self._size = self._at if size is None else size
        try:
            if not self.error:
                os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            self.error = error
        return self._size
