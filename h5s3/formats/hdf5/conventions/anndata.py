"""Data frames of AnnData: `obs`, `var` and others, with their categories.

AnnData's on-disk format, "Dataframes", versions 0.1.0 and 0.2.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from h5py import h5a, h5d, h5g, h5r

from h5s3.errors import RefusedError
from h5s3.formats.boxes import BoxReader
from h5s3.formats.cf import text
from h5s3.formats.columns.frames import Column, FrameArray, chosen, gaps
from h5s3.formats.hdf5.conventions.coordinates import length_of
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.metadata.node import OBJECT
from h5s3.formats.hdf5.objects.attributes import named_value, read_attribute
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, address_of, get_link
from h5s3.formats.names import text_of
from h5s3.formats.selection import whole
from h5s3.sizes import MIB

KIND, ORDER, INDEX, CATEGORIES = b"encoding-type", b"column-order", b"_index", b"categories"
NULLABLE = ("nullable-integer", "nullable-boolean", "nullable-string-array")
LARGEST_CATEGORIES = 64 * MIB
UNNAMED = "_index"  # what AnnData calls the index of a frame that has no name


def anndata_frame(file: OpenFile, found: Found) -> FrameArray | None:
    """The table that a group is, or None. Columns that are no plain values are left out, by name."""
    group = found.object
    if not isinstance(group, h5g.GroupID) or text(named_value(file, group, KIND)) != "dataframe":
        return None
    index, path = text(named_value(file, group, INDEX)), text_of(found.path)
    names = ([index] if index else []) + [name for name in _order(file, group, path) if name != index]
    _prefetch(file, group, names)
    columns, left_out = [], []
    for name in names:
        column = _column(file, found, name)
        if column is None:
            left_out.append(name)
        else:
            columns.append(column)
    return FrameArray(path, columns, left_out, bool(index)) if columns else None


def _order(file: OpenFile, group: Any, path: str) -> list[str]:
    if not h5a.exists(group, ORDER):
        return []
    found = read_attribute(file.h5.id, group, ORDER)
    if found.truncated or found.error:
        raise RefusedError(f"{path} has too many columns to be read as a table", hint="name one of them")
    return [name for name in found.value or [] if isinstance(name, str)]


def _prefetch(file: OpenFile, group: Any, names: Sequence[str]) -> None:
    """Have the columns here in one round, and then what is in those that are groups."""
    links = [get_link(group, name.encode("utf-8", "surrogateescape")) for name in names if "/" not in name]
    addresses = [link.address for link in links if link is not None and link.address is not None]
    file.prefetch_objects(addresses, OBJECT)


def _column(file: OpenFile, frame: Found, name: str) -> Column | None:
    found = file.child(frame, name)
    if found is None:
        return None
    label = "index" if name == UNNAMED else name
    if isinstance(found.object, h5d.DatasetID):
        return _dataset(file, found, label)
    kind = text(named_value(file, found.object, KIND))
    if kind == "categorical":
        codes, categories = _array(file, found, "codes"), _array(file, found, "categories")
        return None if codes is None or categories is None else _categorical(label, codes, categories)
    values, mask = _array(file, found, "values"), _array(file, found, "mask")
    if kind not in NULLABLE or values is None or mask is None or values.dtype is None:
        return None
    return Column(label, values.dtype, values.facts.type, (values, mask), gaps)


def _dataset(file: OpenFile, found: Found, label: str) -> Column | None:
    array = Hdf5Array(file, found.object, found)
    if length_of(found.object) is None or array.dtype is None or array.dtype.subdtype:
        return None
    if h5a.exists(found.object, CATEGORIES):  # before the version 0.2.0
        categories = _referred(file, found.object)
        return None if categories is None else _categorical(label, array, categories)
    return None if array.dtype.names else Column(label, array.dtype, array.facts.type, (array,))


def _categorical(label: str, codes: Hdf5Array, categories: Hdf5Array) -> Column | None:
    plain = codes.dtype is not None and codes.dtype.kind in "iu"
    if not plain or categories.dtype is None or categories.dtype.names or categories.dtype.subdtype:
        return None
    values = read_whole(categories)
    return Column(label, categories.dtype, categories.facts.type, (codes,), chosen(values))


def read_whole(array: Hdf5Array) -> Any:
    """All values of a small array. Raises `RefusedError` for a large one."""
    if array.facts.nbytes > LARGEST_CATEGORIES:
        raise RefusedError(f"the categories are larger than {LARGEST_CATEGORIES // MIB} MiB")
    shape = array.facts.shape or ()
    reader = BoxReader(array, whole(shape), again=False)
    parts = [reader.values(box) for box in reader.boxes(ordered=True)]
    return np.concatenate(parts) if parts else np.zeros(shape, dtype=array.dtype)


def _array(file: OpenFile, group: Found, name: str) -> Hdf5Array | None:
    found = file.child(group, name)
    if found is None or length_of(found.object) is None:
        return None
    return Hdf5Array(file, found.object, found)


def _referred(file: OpenFile, dataset: Any) -> Hdf5Array | None:
    attribute = h5a.open(dataset, CATEGORIES)
    if attribute.shape != () or attribute.get_type().dtype.kind != "O":
        return None
    value = np.empty((), dtype=attribute.get_type().dtype)
    attribute.read(value)
    found = h5r.dereference(value[()], file.h5.id) if isinstance(value[()], h5r.Reference) else None
    if not isinstance(found, h5d.DatasetID) or length_of(found) is None:
        return None
    file.prefetch_objects([address_of(found)], OBJECT)
    return Hdf5Array(file, found)
