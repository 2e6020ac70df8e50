"""Sequences of variable length in the byte order of the file.

h5py (3.16) hands out the elements of big-endian sequences of plain numbers as they are stored, under a type
of the byte order of the machine: 1 becomes 16777216. What it does here is found out, not assumed.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import h5py
import numpy as np

Array = np.ndarray[Any, Any]


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
