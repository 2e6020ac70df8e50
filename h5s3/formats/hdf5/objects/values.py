"""Values read from a file as values that JSON holds, exactly or with a word on what was lost.

Integers stay exact, NaN and infinities become null (and are counted), complex numbers become `[re, im]`,
enums their names, references the path or address of their target, bytes that are not UTF-8 an escaped
text beside base64, opaque values base64.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from h5py import h5r, h5s, h5t

from h5s3.formats.dtypes import duration_text
from h5s3.formats.hdf5.objects.links import address_of
from h5s3.formats.names import field_text, text_of
from h5s3.records import Json

Namer = Callable[[int], str]  # address of an object: how to call it


def by_address(address: int) -> str:
    """The name of last resort for an object."""
    return f"@{address}"


@dataclass
class Converter:
    """Turns NumPy values of one HDF5 file into JSON values, counting what JSON cannot hold."""

    file: Any  # h5f.FileID, to follow references with
    namer: Namer = by_address
    nans: int = 0
    infs: int = 0
    raw: list[bytes] = field(default_factory=list)  # byte strings that are not UTF-8
    most: int = 0  # elements of one value that are shown, and 16 times as many characters (0: all)
    cut: int = 0  # values of which not all is shown
    sequences: int | None = None  # elements of all sequences together that are shown
    exact: bool = False  # byte strings that are not UTF-8 as `{"b64": …}`, not as escaped text

    def array(self, values: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> Json:
        """An array of any dimension as nested lists, `dtype` being h5py's with its metadata."""
        if self.most and values.size > self.most:
            self.cut += 1
            side = max(1, int(self.most ** (1 / values.ndim)))
            values = values[(slice(side),) * values.ndim]
        if values.ndim == 0:
            return self.value(values[()], dtype)
        if values.ndim == 1:
            return [self.value(item, dtype) for item in values]
        return [self.array(row, dtype) for row in values]

    def value(self, value: Any, dtype: np.dtype[Any]) -> Json:
        """One element."""
        kind = dtype.kind
        if dtype.subdtype is not None:
            return self.array(np.asarray(value), dtype.subdtype[0])
        if dtype.names is not None:
            return {
                field_text(name): self.value(value[name], dtype.fields[name][0])  # type: ignore[index]
                for name in dtype.names
            }
        if kind in "iu":
            return self._integer(value, dtype)
        if kind == "f":
            return self._float(value)
        if kind == "c":
            return [self._float(value.real), self._float(value.imag)]
        if kind == "b":
            return bool(value)
        if kind == "S":
            return self._bytes(bytes(value))
        if kind == "m":
            return duration_text(value)
        if kind == "V":
            return base64.b64encode(self._opaque(bytes(value))).decode()
        return self._object(value, dtype)

    def _integer(self, value: Any, dtype: np.dtype[Any]) -> Json:
        names = h5t.check_enum_dtype(dtype)
        if names:
            for name, number in names.items():
                if number == value:
                    return self._bytes(raw_name(name))
        return int(value)

    def _float(self, value: Any) -> float | None:
        number = float(value)
        if math.isnan(number):
            self.nans += 1
            return None
        if math.isinf(number):
            self.infs += 1
            return None
        return number

    def _bytes(self, value: bytes) -> Json:
        if self.most and len(value) > 16 * self.most:
            self.cut += 1
            value = value[: 16 * self.most].decode("utf-8", "ignore").encode() or value[: 16 * self.most]
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            if self.exact:
                return {"b64": base64.b64encode(value).decode()}
            self.raw.append(value)
            return text_of(value)

    def _opaque(self, value: bytes) -> bytes:
        if not self.most or len(value) <= 16 * self.most:
            return value
        self.cut += 1
        return value[: 16 * self.most]

    def _object(self, value: Any, dtype: np.dtype[Any]) -> Json:
        if isinstance(value, h5r.RegionReference):
            return self._region(value)
        if isinstance(value, h5r.Reference):
            return self._reference(value)
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, str):
            return self._bytes(value.encode("utf-8", "surrogateescape"))
        base = h5t.check_vlen_dtype(dtype)
        if isinstance(value, np.ndarray):
            value = self._begun(value)
            return self.array(value, np.dtype(base) if base is not None else value.dtype)
        return [] if value is None or value == 0 else str(value)

    def _begun(self, sequence: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """As much of a sequence as may still be shown: one alone can have millions of elements."""
        if self.sequences is None:
            return sequence
        self.cut += sequence.size > self.sequences
        sequence = sequence[: self.sequences]
        self.sequences -= sequence.size
        return sequence

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
