"""What the dimensions of a dataset are: names, and the datasets that hold their coordinates.

By dimension scales (HDF5 Dimension Scale Specification), which NetCDF-4 uses as well, or by the NeXus group
that the dataset is the signal of. Scales are found by their references, and opened, never searched for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from h5py import h5a, h5d, h5r, h5s, h5t

from h5s3.formats.base import Coordinate
from h5s3.formats.cf import text
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.metadata.node import OBJECT
from h5s3.formats.hdf5.objects.attributes import named_value
from h5s3.formats.hdf5.objects.datasets import space_of
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import address_of

NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable."
LONGEST_STRING = 4096  # bytes
MOST_DIMENSIONS = 32  # that HDF5 allows


def read_coordinates(file: OpenFile, dataset: Any, shape: tuple[int, ...]) -> list[Coordinate]:
    """Labels and scales of every dimension. What is damaged or does not fit counts as absent."""
    labels, scales = gather(
        file.blocks, [partial(read_labels, file, dataset), partial(read_scales, file, dataset)], lambda *_: []
    )
    found = [s[0] if s else None for s in scales] + [None] * len(shape)
    opened = [item for item in found[: len(shape)] if item is not None]
    file.prefetch_objects((address_of(item) for item in opened), OBJECT)
    names = gather(
        file.blocks, [partial(name_of_scale, file, item) for item in opened], lambda *_: ("", False)
    )
    by_address = {address_of(item): name for item, name in zip(opened, names, strict=True)}
    coordinates = []
    for index, size in enumerate(shape):
        scale = found[index]
        name, valued = by_address[address_of(scale)] if scale is not None else ("", False)
        label = labels[index] if index < len(labels) and labels[index] else name
        fits = scale is not None and valued and length_of(scale) == size
        coordinates.append(Coordinate(label, Hdf5Array(file, scale) if fits else None, name=name))
    return coordinates


def length_of(dataset: Any) -> int | None:
    """Number of elements of a one-dimensional dataset; None for others."""
    if not isinstance(dataset, h5d.DatasetID):
        return None
    shape = space_of(dataset).shape
    return int(shape[0]) if shape is not None and len(shape) == 1 else None


def is_one_string(dataset: Any) -> bool:
    """Whether a dataset holds one string, within the file."""
    space, dcpl = space_of(dataset), dataset.get_create_plist()
    one = space.get_simple_extent_type() != h5s.NULL and space.get_simple_extent_npoints() == 1
    here = dcpl.get_layout() in (h5d.COMPACT, h5d.CONTIGUOUS) and not dcpl.get_external_count()
    tid = dataset.get_type()
    return bool(one and here and tid.get_class() == h5t.STRING and tid.get_size() <= LONGEST_STRING)


def read_labels(file: OpenFile, dataset: Any) -> list[str]:
    value = named_value(file, dataset, b"DIMENSION_LABELS")
    return [item if isinstance(item, str) else "" for item in value] if isinstance(value, list) else []


def read_scales(file: OpenFile, dataset: Any) -> list[list[Any]]:
    """The scales of every dimension, opened: `DIMENSION_LIST` holds references to them."""
    if not h5a.exists(dataset, b"DIMENSION_LIST"):
        return []
    attribute = h5a.open(dataset, b"DIMENSION_LIST")
    tid = attribute.get_type()
    if tid.get_class() != h5t.VLEN or len(attribute.shape) != 1 or attribute.shape[0] > MOST_DIMENSIONS:
        return []
    values = np.empty(attribute.shape, dtype=tid.dtype)
    attribute.read(values)
    return [[found for item in list(refs)[:1] if (found := _opened(file, item))] for refs in values]


def _opened(file: OpenFile, reference: Any) -> Any | None:
    """The dataset a reference points to."""
    if not isinstance(reference, h5r.Reference) or not reference:
        return None
    found = h5r.dereference(reference, file.h5.id)
    return found if isinstance(found, h5d.DatasetID) else None


def name_of_scale(file: OpenFile, scale: Any) -> tuple[str, bool]:
    """What a scale is called, and whether it has values: NetCDF-4 keeps bare dimensions as scales too."""
    name = text(named_value(file, scale, b"NAME"))
    return ("", False) if name.startswith(NO_VARIABLE) else (name.rpartition("/")[2], True)
