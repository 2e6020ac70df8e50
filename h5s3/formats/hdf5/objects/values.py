"""Values read from a file as values that JSON holds: as those of all formats are, enums by their names, and
references by the path or address of their target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from h5py import h5r, h5s, h5t

from h5s3.formats.encoding.json_values import JsonValues
from h5s3.formats.hdf5.objects.links import address_of
from h5s3.records import Json

Namer = Callable[[int], str]  # address of an object: how to call it


def by_address(address: int) -> str:
    """The name of last resort for an object."""
    return f"@{address}"


@dataclass
class Converter(JsonValues):
    """Turns values of one HDF5 file into JSON values: enums by their names, references by their targets."""

    file: Any  # h5f.FileID, to follow references with
    namer: Namer = by_address

    def _integer(self, value: Any, dtype: np.dtype[Any]) -> Json:
        names = h5t.check_enum_dtype(dtype)
        if names:
            for name, number in names.items():
                if number == value:
                    return self._bytes(raw_name(name))
        return int(value)

    def of_object(self, value: Any, dtype: np.dtype[Any]) -> Json:
        if isinstance(value, h5r.RegionReference):
            return self._region(value)
        if isinstance(value, h5r.Reference):
            return self._reference(value)
        return super().of_object(value, dtype)

    def _reference(self, reference: Any) -> str | None:
        if not reference:
            return None
        try:
            return self.namer(address_of(h5r.dereference(reference, self.file)))
        except (ValueError, RuntimeError, KeyError, OSError, TypeError):
            return "dangling"

    def _region(self, reference: Any) -> str | None:
        if not reference:
            return None
        try:
            space = h5r.get_region(reference, self.file)
            return self.namer(address_of(h5r.dereference(reference, self.file))) + _selection(space)
        except (ValueError, RuntimeError, KeyError, OSError, TypeError):
            return "dangling"


def _selection(space: h5s.SpaceID) -> str:
    if space.get_select_npoints() == 0:
        return "[]"
    low, high = space.get_select_bounds()
    return "[" + ",".join(f"{int(a)}:{int(b) + 1}" for a, b in zip(low, high, strict=True)) + "]"


def raw_name(name: str | bytes) -> bytes:
    """The bytes of a name that h5py gave: of an enum's as they are where they are not UTF-8."""
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")


def memory_dtype(tid: Any) -> np.dtype[Any] | None:
    """The NumPy type h5py reads an HDF5 type into; None where there is none, or where that would crash."""
    if crashes(tid):
        return None
    try:
        found: np.dtype[Any] = np.dtype(tid.dtype)
    except (TypeError, ValueError, NotImplementedError, RuntimeError, KeyError):  # by kind of type, in h5py
        return None
    return found


def crashes(tid: Any) -> bool:
    """Whether h5py crashes the process when it reads values of a type: sequences of region references."""
    kind = tid.get_class()
    if kind == h5t.COMPOUND:
        return any(crashes(tid.get_member_type(index)) for index in range(tid.get_nmembers()))
    if kind == h5t.VLEN:
        inner = tid.get_super()
        return bool(inner.get_class() == h5t.REFERENCE and inner.equal(h5t.STD_REF_DSETREG)) or crashes(inner)
    return kind == h5t.ARRAY and crashes(tid.get_super())


def readable_dtype(tid: Any) -> np.dtype[Any] | None:
    """The same; of a compound with members that NumPy has no type for, the members that it has one for."""
    found = memory_dtype(tid)
    if found is not None or tid.get_class() != h5t.COMPOUND:
        return found
    fields = []
    for index in range(tid.get_nmembers()):
        member = memory_dtype(tid.get_member_type(index))
        if member is not None:
            fields.append((tid.get_member_name(index).decode("utf-8", "surrogateescape"), member))
    return np.dtype(fields) if fields else None


def compound_type(dtype: np.dtype[Any]) -> Any:
    """The HDF5 type to read into: h5py makes none of a compound with names that are not UTF-8."""
    if dtype.names is None or dtype.fields is None:
        return h5t.py_create(dtype)
    made = h5t.create(h5t.COMPOUND, dtype.itemsize)
    for name in dtype.names:
        member, offset = dtype.fields[name][:2]
        made.insert(raw_name(name), offset, compound_type(member))
    return made
