"""Tables that pandas stores with PyTables (`HDFStore`, format "table"): a compound dataset, and its meaning.

Names of columns are stored as pickled lists. They are read as text, and nothing is unpickled: what is more
than lists of strings and numbers counts as absent.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np
from h5py import h5d, h5g

from h5s3.formats.cf import text
from h5s3.formats.columns.frames import Column, FrameArray, chosen
from h5s3.formats.hdf5.conventions.anndata import read_whole
from h5s3.formats.hdf5.conventions.coordinates import length_of
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.objects.attributes import named_value, named_values
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, get_link, open_link
from h5s3.formats.names import join, text_of
from h5s3.records import TypeInfo

Values = np.ndarray[Any, Any]
TABLES = ("frame_table", "series_table")
STRINGS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "SHORT_BINSTRING"}
NUMBERS = {"INT", "BININT", "BININT1", "BININT2"}
SHAPE = {
    "MARK", "LIST", "EMPTY_LIST", "APPEND", "APPENDS", "TUPLE", "TUPLE2", "PUT", "BINPUT", "MEMOIZE", "PROTO",
    "FRAME", "STOP",
}  # fmt: skip
LONGEST_LIST = 1 << 20  # characters of a pickled list
NOT_A_TIME = np.iinfo("i8").min
TIMES = np.dtype("M8[ns]")


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
    values = named_values(file, group, [b"levels", b"non_index_axes", b"nan_rep"])
    columns = [
        column
        for field in array.dtype.names
        for column in _Field(file, found, array, field, text(values.get(b"nan_rep"))).columns()
    ]
    if isinstance(values.get(b"levels"), str):  # the levels of the index are columns
        columns = [column for column in columns if column.name != "index"]
    order = listed(values.get(b"non_index_axes"))[1:]  # after the number of the axis
    places = {name: number for number, name in enumerate(order)}
    columns.sort(key=lambda column: places.get(column.name, -1))
    return FrameArray(text_of(found.path), columns) if columns else None


class _Field:
    """A field of the compound: one column, or a block of columns of one kind."""

    def __init__(self, file: OpenFile, group: Found, array: Hdf5Array, name: str, gap: str) -> None:
        self._file, self._group, self._array, self._name, self._gap = file, group, array, name, gap
        assert array.dtype is not None
        self._dtype: np.dtype[Any] = array.dtype[name]
        ends = ("_kind", "_dtype", "_meta")
        keys = [f"{name}{end}".encode("utf-8", "surrogateescape") for end in ends]
        found = named_values(file, array.dataset, keys)
        self._kind, self._stored, self._meta = (found.get(key) for key in keys)

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

    def _meaning(self, base: np.dtype[Any]) -> tuple[np.dtype[Any], Callable[[Values], Values]]:
        """What the values of the field stand for, and how to come to that."""
        stored = text(self._kind if self._stored is None else self._stored)
        if stored.startswith("datetime64") and base.kind == "i" and base.itemsize == 8:
            return TIMES, _times
        if stored == "bool" and base.kind in "iu":
            return np.dtype("?"), lambda values: values.astype("?")
        if text(self._meta) == "category" and base.kind in "iu":
            categories = self._categories()
            if categories is not None:
                return categories.dtype, chosen(categories)
        if base.kind == "S" and self._gap:
            gap = self._gap.encode("utf-8", "surrogateescape")
            return base, lambda values: np.ma.MaskedArray(values, values == gap)
        return base, lambda values: values

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


def _times(values: Values) -> Values:
    return np.ma.MaskedArray(values.astype("<i8").view(TIMES), values == NOT_A_TIME)


def listed(value: Any) -> list[str]:
    """The strings and numbers of a pickled list, as text; nothing where there is anything else in it."""
    if not isinstance(value, str) or len(value) > LONGEST_LIST or not value.startswith(("(", "\x80", "]")):
        return []
    found = []
    try:
        for code, argument, _ in pickletools.genops(value.encode("latin-1")):
            if code.name in STRINGS or code.name in NUMBERS:
                found.append(str(argument))
            elif code.name not in SHAPE:
                return []
    except (ValueError, UnicodeError, IndexError, KeyError):
        return []
    return found


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
