"""What a dataset is, from its header: shape, storage layout, filters, fill value. No raw data is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from h5py import h5d, h5s

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.filters import list_filters
from h5s3.formats.hdf5.objects.values import Converter, memory_dtype
from h5s3.formats.names import text_of
from h5s3.records import ExternalFile, Json, VirtualSource

if TYPE_CHECKING:
    pass

LAYOUTS = {
    h5d.COMPACT: "compact",
    h5d.CONTIGUOUS: "contiguous",
    h5d.CHUNKED: "chunked",
    h5d.VIRTUAL: "virtual",
}
LARGEST_FILL = 64 * 1024  # bytes
MOST_LOOKED_AT = 100_000  # mappings of one virtual dataset
MOST_SOURCES = 100  # of one virtual dataset that are listed


def read_facts(dataset: h5d.DatasetID) -> Facts:
    """The header of a dataset."""
    tid, dcpl = dataset.get_type(), dataset.get_create_plist()
    space = space_of(dataset, dcpl)
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


def space_of(dataset: h5d.DatasetID, dcpl: Any = None) -> h5s.SpaceID:
    """The dataspace of a dataset; of a virtual one as it is while none of its other files is there.

    libhdf5 would look for those, find this very object under each name, and perhaps never come to an end.
    """
    dcpl = dataset.get_create_plist() if dcpl is None else dcpl
    if dcpl.get_layout() != h5d.VIRTUAL or _is_alone(dcpl):
        return dataset.get_space()
    stored = dcpl.get_virtual_vspace(0)
    dims, limits = stored.get_simple_extent_dims(), stored.get_simple_extent_dims(maxdims=True)
    if dims != limits and dcpl.get_virtual_count() <= MOST_LOOKED_AT:
        dims = _without_sources(dcpl, dims)
    return h5s.create_simple(dims, limits)


def _is_alone(dcpl: Any) -> bool:
    """Whether a virtual dataset is made of its own file alone."""
    count = dcpl.get_virtual_count()
    return count <= MOST_LOOKED_AT and all(virtual_source(dcpl, index)[0] == "." for index in range(count))


def _without_sources(dcpl: Any, stored: tuple[int, ...]) -> tuple[int, ...]:
    """The dimensions that mappings with an end make; along others the stored ones."""
    least, endless = [0] * len(stored), set[int]()
    for index in range(dcpl.get_virtual_count()):
        space = dcpl.get_virtual_vspace(index)
        if space.get_select_type() != h5s.SEL_HYPERSLABS:
            continue
        ends: list[int | None]
        if space.is_regular_hyperslab():
            ends = [
                None if h5s.UNLIMITED in (count, block) else start + (count - 1) * stride + block
                for start, stride, count, block in zip(*space.get_regular_hyperslab(), strict=True)
            ]
        else:
            ends = [high + 1 for high in space.get_select_bounds()[1]]
        endless |= {dimension for dimension, end in enumerate(ends) if end is None}
        least = [max(low, end or 0) for low, end in zip(least, ends, strict=True)]
    return tuple(
        int(least[dimension]) if dimension in endless else size for dimension, size in enumerate(stored)
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


def virtual_source(dcpl: Any, index: int) -> tuple[str, str]:
    """File and path that a virtual dataset maps values from; bytes that are not UTF-8 as surrogates."""
    return _as_text(dcpl.get_virtual_filename, index), _as_text(dcpl.get_virtual_dsetname, index)


def _as_text(ask: Any, index: int) -> str:
    try:
        found = ask(index)
    except UnicodeDecodeError as error:  # h5py takes all names for UTF-8
        found = error.object
    return os.fsdecode(found)
