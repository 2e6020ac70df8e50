"""What a dataset is, from its header: shape, storage layout, filters, fill value. No raw data is read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from h5py import h5d, h5s

from h5s3.formats.hdf5.data.chunk_index import read_index
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.filters import list_filters
from h5s3.formats.hdf5.objects.names import text_of, virtual_source
from h5s3.formats.hdf5.objects.values import Converter, memory_dtype
from h5s3.records import ExternalFile, Filter, Json, TypeInfo, VirtualSource

if TYPE_CHECKING:
    from h5s3.formats.hdf5.objects.file import OpenFile

LAYOUTS = {
    h5d.COMPACT: "compact",
    h5d.CONTIGUOUS: "contiguous",
    h5d.CHUNKED: "chunked",
    h5d.VIRTUAL: "virtual",
}
LARGEST_FILL = 64 * 1024  # bytes
MOST_SOURCES = 100  # of one virtual dataset that are listed


@dataclass(frozen=True)
class Facts:
    """The header of a dataset. `shape` is None for a null dataspace; sizes are bytes."""

    shape: tuple[int, ...] | None
    maxshape: tuple[int | None, ...] | None
    type: TypeInfo
    dtype: str
    size: int
    itemsize: int
    layout: str
    chunks: tuple[int, ...] | None
    filters: list[Filter]
    external: list[ExternalFile]

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape or ())

    @property
    def type_has_pointers(self) -> bool:
        """Whether values lie outside the elements (variable length, references)."""
        return has_pointers(self.type)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements, as the file's type has them. Of variable-length types: of their pointers."""
        return self.size * self.itemsize


def has_pointers(info: TypeInfo) -> bool:
    """Whether a type, or one inside it, is of variable length or a reference."""
    inner = [member.type for member in info.members or []] + ([info.base] if info.base else [])
    return info.class_ in ("vlen", "reference") or bool(info.variable) or any(map(has_pointers, inner))


def read_facts(dataset: h5d.DatasetID) -> Facts:
    """The header of a dataset."""
    space, tid, dcpl = dataset.get_space(), dataset.get_type(), dataset.get_create_plist()
    null = space.get_simple_extent_type() == h5s.NULL
    shape = None if null else tuple(int(n) for n in space.get_simple_extent_dims())
    info = describe(tid)
    external = _external(dcpl)
    layout = dcpl.get_layout()
    return Facts(
        shape=shape,
        maxshape=None if null else _maxshape(space),
        type=info,
        dtype=short(info),
        size=0 if null else int(space.get_simple_extent_npoints()),
        itemsize=int(tid.get_size()),
        layout="external" if external else LAYOUTS.get(layout, f"layout {layout}"),
        chunks=tuple(int(n) for n in dcpl.get_chunk()) if layout == h5d.CHUNKED else None,
        filters=list_filters(dcpl),
        external=external,
    )


def _maxshape(space: h5s.SpaceID) -> tuple[int | None, ...]:
    limits = space.get_simple_extent_dims(maxdims=True)
    return tuple(None if n == h5s.UNLIMITED else int(n) for n in limits)


def _external(dcpl: Any) -> list[ExternalFile]:
    """Files outside that hold the raw data. libhdf5 would read them from the local disk: never let it."""
    found = []
    for index in range(dcpl.get_external_count()):
        name, offset, size = dcpl.get_external(index)
        unlimited = size in (h5py.h5f.UNLIMITED, h5s.UNLIMITED)
        found.append(
            ExternalFile(name=text_of(name), offset=int(offset), size=None if unlimited else int(size))
        )
    return found


def count_storage(
    dataset: h5d.DatasetID, facts: Facts, file: OpenFile | None = None
) -> tuple[int | None, int | None]:
    """Stored bytes and number of allocated chunks; None where not known or beyond counting.

    With a `file`, the index of the chunks is kept for whoever wants it next.
    """
    if facts.shape is None:
        return 0, None
    if facts.layout != "chunked":
        return int(dataset.get_storage_size()), None
    index = read_index(dataset, facts, file)
    return (index.stored, len(index)) if index.complete else (None, None)


def fill_value(dataset: h5d.DatasetID, file: Any) -> Json:
    """The fill value as JSON, or None where none is defined, or it is huge or cannot be read."""
    dcpl, dtype = dataset.get_create_plist(), memory_dtype(dataset.get_type())
    if dcpl.fill_value_defined() == h5d.FILL_VALUE_UNDEFINED or dtype is None or dtype.hasobject:
        return None
    if dtype.itemsize > LARGEST_FILL:
        return None
    value = np.zeros((), dtype=dtype)
    if dtype.subdtype is None:
        dcpl.get_fill_value(value)
    return Converter(file).array(value, dtype.subdtype[0] if dtype.subdtype else dtype)


def virtual_sources(dataset: h5d.DatasetID) -> tuple[list[VirtualSource], bool]:
    """Where a virtual dataset maps its values from, and whether the list was cut."""
    dcpl = dataset.get_create_plist()
    count = int(dcpl.get_virtual_count())
    sources = []
    for index in range(min(count, MOST_SOURCES)):
        file, path = (text_of(os.fsencode(name)) for name in virtual_source(dcpl, index))
        sources.append(VirtualSource(file=file, path=path, same_file=file == "."))
    return sources, count > MOST_SOURCES
