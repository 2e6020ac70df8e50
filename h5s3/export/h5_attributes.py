"""Attributes from one HDF5 file to another; references point to the same objects there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from h5py import h5a, h5r, h5s, h5t

from h5s3.errors import H5s3Error
from h5s3.export.h5 import anew, copy_attribute
from h5s3.formats.base import has_references, inner
from h5s3.formats.hdf5.fetch.safeguards import decoding
from h5s3.formats.hdf5.objects.datatypes import describe
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import address_of
from h5s3.formats.hdf5.objects.values import memory_dtype
from h5s3.formats.names import text_of
from h5s3.records import TypeInfo
from h5s3.sizes import MIB

LARGEST_ATTRIBUTE = 16 * MIB
Values = np.ndarray[Any, Any]


class AttributeCopier:
    """Copies attributes between two open files. `made`: paths in the copy by the addresses of objects."""

    def __init__(self, file: OpenFile, target: Any, made: Mapping[int, bytes], left: list[str]) -> None:
        self._file, self._target, self._made, self._left = file, target, made, left
        self._lost = 0  # references to what is not in the copy
        self.count = 0

    def copy(self, source: Any, target: Any, name: bytes, path: str) -> None:
        """One attribute of an object; what cannot be copied is noted."""
        try:
            attribute = h5a.open(source, name)
            info = describe(attribute.get_type())
            self._lost = 0
            copied = self._referring(attribute, target, name, info) if has_references(info) else None
            if copied is None:
                copied = copy_attribute(source, target, name)
            reason = "too large, or of a type that cannot be written"
        except (*FAILURES, UnicodeError, H5s3Error) as error:
            copied, reason = False, plain_reason(error)
        if not copied:
            self._left.append(f"{path}: attribute {text_of(name)}: {reason}")
            return
        self.count += 1
        if self._lost:
            self._left.append(f"{path}: attribute {text_of(name)}: {self._lost} references lead nowhere")

    def _referring(self, attribute: Any, target: Any, name: bytes, info: TypeInfo) -> bool:
        kind, space = attribute.get_type(), attribute.get_space()
        dtype, count = memory_dtype(kind), space.get_simple_extent_npoints()
        small = count * kind.get_size() <= LARGEST_ATTRIBUTE
        if dtype is None or not small or _crashes(info):
            return False
        empty = space.get_simple_extent_type() == h5s.NULL or not count
        memory = h5t.py_create(dtype)
        values = np.zeros(() if empty else attribute.shape, dtype=dtype)
        if not empty:
            with decoding():
                attribute.read(values, mtype=memory)
            self._translate(values, dtype.subdtype[0] if dtype.subdtype else dtype)
        made = h5a.create(target, name, anew(kind), anew(space))
        if not empty:
            made.write(values, mtype=memory)
        return True

    def _translate(self, values: Values, dtype: np.dtype[Any]) -> None:
        """Put references of the copy in the place of those of the source."""
        if dtype.names is not None:
            for field in dtype.names:
                part: np.dtype[Any] = dtype.fields[field][0]  # type: ignore[index]
                self._translate(values[field], part.subdtype[0] if part.subdtype else part)
        elif dtype.kind == "O":
            for index in np.ndindex(values.shape):
                values[index] = self._there(values[index])

    def _there(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "O" or value.dtype.names is not None:
                value = value.copy()
                self._translate(value, value.dtype)
            return value
        if isinstance(value, h5r.RegionReference):
            return self._region(value)
        if isinstance(value, h5r.Reference):
            return self._object(value)
        return value

    def _object(self, reference: Any) -> Any:
        path = self._path(reference)
        return h5r.Reference() if path is None else h5r.create(self._target.id, path, h5r.OBJECT)

    def _region(self, reference: Any) -> Any:
        path = self._path(reference)
        if path is None:
            return h5r.RegionReference()
        space = h5r.get_region(reference, self._file.h5.id)
        return h5r.create(self._target.id, path, h5r.DATASET_REGION, space)

    def _path(self, reference: Any) -> bytes | None:
        """Where in the copy the object is that a reference of the source points to."""
        if not reference:
            return None
        try:
            path = self._made.get(address_of(h5r.dereference(reference, self._file.h5.id)))
        except (ValueError, RuntimeError, KeyError, OSError, TypeError):
            path = None
        self._lost += path is None
        return path


def _crashes(info: TypeInfo) -> bool:
    """Whether h5py cannot read a type safely: sequences of region references."""
    regions = any(base.reference == "region" for base in inner(info))
    return (info.class_ == "vlen" and regions) or any(map(_crashes, inner(info)))
