"""Stored bytes as NumPy's values."""

from __future__ import annotations

from functools import cache
from typing import Any

import h5py
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


@cache
def mislabelled() -> bool:
    """Whether this h5py gives such sequences the wrong type."""
    with h5py.File("probe", "w", driver="core", backing_store=False) as file:
        data = file.create_dataset("probe", (1,), dtype=h5py.vlen_dtype(np.dtype(">i4")))
        data[0] = np.array([1], dtype=">i4")
        return bool(data[0][0] != 1)


def in_order(values: Array, dtype: np.dtype[Any]) -> Array:
    """The same values, sequences under their right type. `dtype` is h5py's, with its metadata."""
    if not dtype.hasobject or not mislabelled():
        return values
    return _in_order(values, dtype)


def _in_order(values: Array, dtype: np.dtype[Any]) -> Array:
    while dtype.subdtype is not None:
        dtype = dtype.subdtype[0]
    if dtype.names is not None and dtype.fields is not None:
        for name in dtype.names:
            if dtype.fields[name][0].hasobject:
                values[name] = _in_order(values[name], dtype.fields[name][0])
        return values
    base = h5py.check_vlen_dtype(dtype)
    if base is None or not isinstance(base, np.dtype) or (base.isnative and not base.hasobject):
        return values
    flat = values.reshape(-1)
    for number, item in enumerate(flat):
        if isinstance(item, np.ndarray):
            flat[number] = _element(item, base)
    return flat.reshape(values.shape)


def _element(item: Array, base: np.dtype[Any]) -> Array:
    if base.hasobject:
        return _in_order(item, base)
    simple = base.kind in "iufcb" and item.dtype.isnative and item.dtype.itemsize == base.itemsize
    return item.view(np.dtype(base.str)) if simple else item
