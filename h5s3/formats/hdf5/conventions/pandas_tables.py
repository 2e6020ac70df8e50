"""Tables that pandas stores with PyTables (`HDFStore`, format "table"): a compound, and its meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
from h5py import h5a, h5d, h5g

from h5s3.formats.cf import text
from h5s3.formats.columns.frames import Column, FrameArray, chosen
from h5s3.formats.hdf5.conventions.anndata import read_whole
from h5s3.formats.hdf5.conventions.coordinates import length_of
from h5s3.formats.hdf5.conventions.pandas_values import Meaning, listed, named, plain, times, truths, without
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.objects.attributes import named_value, named_values
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, get_link, open_link
from h5s3.formats.names import join, text_of
from h5s3.records import Json, TypeInfo

Values = np.ndarray[Any, Any]
About = dict[bytes, Json]
TABLES = ("frame_table", "series_table")
GAP = "_nan_rep"  # what an attribute's name ends in that tells what stands for missing text
ABOUT = [b"levels", b"non_index_axes", b"nan_rep", b"data_col_nan_rep", b"mi_level_nan_rep"]


def pandas_table(file: OpenFile, found: Found) -> FrameArray | None:
    """The table that a group is, or None."""
    group = found.object
    if not isinstance(group, h5g.GroupID) or text(named_value(file, group, b"pandas_type")) not in TABLES:
        return None
    dataset = _child(file, found, b"table")
    if dataset is None or length_of(dataset.object) is None:
        return None
    array = Hdf5Array(file, dataset.object, dataset)
    if array.dtype is None or array.dtype.names is None:
        return None
    values = named_values(file, group, ABOUT)
    columns = [
        column
        for field in array.dtype.names
        for column in _Field(file, found, array, field, values).columns()
    ]
    if isinstance(values.get(b"levels"), str):  # the levels of the index are columns
        columns = [column for column in columns if column.name != "index"]
    order = listed(values.get(b"non_index_axes"))[1:]  # after the number of the axis
    places = {name: number for number, name in enumerate(order)}
    columns.sort(key=lambda column: places.get(column.name, -1))
    index = sum(column.name not in places for column in columns)
    return FrameArray(text_of(found.path), columns, index=index) if columns else None


class _Field:
    """A field of the compound: one column, or a block of columns of one kind."""

    def __init__(self, file: OpenFile, group: Found, array: Hdf5Array, name: str, about: About) -> None:
        self._file, self._group, self._array, self._name = file, group, array, name
        assert array.dtype is not None
        self._dtype: np.dtype[Any] = array.dtype[name]
        ends = ("_kind", "_dtype", "_meta", GAP)
        keys = [f"{name}{end}".encode("utf-8", "surrogateescape") for end in ends]
        found = named_values(file, array.dataset, keys)
        self._kind, self._stored, self._meta, own = (found.get(key) for key in keys)
        self._gap = _gap(array, name, named(own), about)

    def columns(self) -> list[Column]:
        """One for each element of the field."""
        base, shape = self._dtype.subdtype or (self._dtype, ())
        if len(shape) > 1 or base.names is not None:
            return []
        names = listed(self._kind)
        if not shape:
            return [self._column(names[0] if len(names) == 1 else self._name, base, None)]
        if len(names) != shape[0]:
            names = [f"{self._name}_{number}" for number in range(shape[0])]
        return [self._column(name, base, number) for number, name in enumerate(names)]

    def _column(self, name: str, base: np.dtype[Any], number: int | None) -> Column:
        dtype, convert = self._meaning(base)
        field = self._name

        def make(rows: Values) -> Values:
            values = rows[field] if number is None else rows[field][:, number]
            return convert(values)

        kind = TypeInfo(class_="string" if dtype.kind in "SO" else "integer", size=dtype.itemsize)
        kind.variable = dtype.kind == "O" or None
        return Column(name, dtype, kind, (self._array,), make)

    def _meaning(self, base: np.dtype[Any]) -> Meaning:
        """What the values of the field stand for, and how to come to that."""
        stored = text(self._kind if self._stored is None else self._stored)
        if (found := times(stored, base)) is not None:
            return found
        if stored == "bool" and base.kind in "iu":
            return np.dtype("?"), truths
        if text(self._meta) == "category" and base.kind in "iu":
            categories = self._categories()
            if categories is not None:
                return categories.dtype, chosen(categories)
        if base.kind == "S" and self._gap:
            return base, without(self._gap.encode("utf-8", "surrogateescape"))
        return base, plain

    def _categories(self) -> Values | None:
        """The values of a categorical column: a table of its own, beside this one."""
        path = b"meta/" + self._name.encode("utf-8", "surrogateescape") + b"/meta/table"
        found: Found | None = self._group
        for name in path.split(b"/"):
            found = None if found is None else _child(self._file, found, name)
        if found is None or length_of(found.object) is None:
            return None
        array = Hdf5Array(self._file, found.object, found)
        if array.dtype is None or "values" not in (array.dtype.names or ()):
            return None
        values: Values = read_whole(array)["values"]
        return values if values.ndim == 1 else None


def _gap(array: Hdf5Array, name: str, own: str, about: About) -> str:
    """What stands for missing text in a field; nothing where all text is text.

    Since pandas 3.1 each column may have its own, and says so; before, one of the table was for all.
    """
    if name == "index":
        return own if h5a.exists(array.dataset, f"{name}{GAP}".encode()) else "nan"
    level = name in listed(about.get(b"levels"))
    if about.get(b"mi_level_nan_rep" if level else b"data_col_nan_rep"):
        return own
    return named(about.get(b"nan_rep")) or "nan"


def _child(file: OpenFile, parent: Found, name: bytes) -> Found | None:
    """An object by its hard link in a group."""
    if not isinstance(parent.object, h5g.GroupID):
        return None
    link = get_link(parent.object, name)
    if link is None or link.address is None:
        return None
    file.prefetch_objects([link.address])
    child = open_link(parent.object, link)
    wanted = isinstance(child, h5d.DatasetID | h5g.GroupID)
    return Found(join(parent.path, name), parent.object, link, child) if wanted else None
