"""Stored bytes as NumPy's values."""

from __future__ import annotations

from typing import Any

import numpy as np
from h5py import h5t

from h5s3.errors import H5s3Error
from h5s3.formats.dtypes import flat_type

Array = np.ndarray[Any, Any]


def as_numpy(raw: Array, tid: Any, dtype: np.dtype[Any], itemsize: int) -> Array:
    """Opaque elements of `itemsize` bytes, stored as an HDF5 type without pointers, as values of `dtype`.

    Dimensions of array types come last.
    """
    base, inner = flat_type(dtype)
    shape = raw.shape + inner
    if same_bits(tid, dtype):
        return np.ndarray(shape, dtype=base, buffer=np.ascontiguousarray(raw).reshape(-1).view("u1"))
    size = max(itemsize, dtype.itemsize)
    buffer = np.zeros(raw.size * size, dtype="u1")
    buffer[: raw.size * raw.itemsize] = np.ascontiguousarray(raw).reshape(-1).view("u1")
    h5t.convert(tid, h5t.py_create(dtype), raw.size, buffer, np.zeros_like(buffer))
    return np.ndarray(shape, dtype=base, buffer=buffer)


def same_bits(tid: Any, dtype: np.dtype[Any]) -> bool:
    """Whether stored values are NumPy's as they stand."""
    kind = tid.get_class()
    if tid.get_size() != dtype.itemsize:
        return False
    if kind in (h5t.OPAQUE, h5t.BITFIELD):
        return True
    if kind == h5t.ENUM and dtype.kind in "iu":
        return same_bits(tid.get_super(), np.dtype(dtype.str))
    if dtype.subdtype is not None:
        return kind == h5t.ARRAY and same_bits(tid.get_super(), dtype.subdtype[0])
    if kind == h5t.COMPOUND and dtype.names is not None:
        fields = [dtype.fields[name] for name in dtype.names]  # type: ignore[index]
        return len(fields) == tid.get_nmembers() and all(
            tid.get_member_offset(number) == field[1] and same_bits(tid.get_member_type(number), field[0])
            for number, field in enumerate(fields)
        )
    try:
        return bool(h5t.py_create(dtype).equal(tid))
    except (TypeError, ValueError, H5s3Error):
        return False
