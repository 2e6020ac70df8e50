"""The forms in which values of a dataset are read, and its fill value in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h5py import h5d, h5t

from h5s3.formats.dtypes import flat_type

Values = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Form:
    """How values are wanted: of this type in memory, as NumPy and as HDF5 describe it."""

    how: str  # the method of an array that gives values of its own type in this form
    dtype: np.dtype[Any]
    memory: Any  # h5t.TypeID


def fill_in(form: Form, dataset: Any, stored: np.dtype[Any] | None) -> Values:
    """The value of elements of a dataset that nothing is mapped to; `stored`: its type in NumPy."""
    base, inner = flat_type(form.dtype)
    value = np.zeros(inner, dtype=base)
    dcpl = dataset.get_create_plist()
    if base.hasobject or stored is None or dcpl.fill_value_defined() != h5d.FILL_VALUE_USER_DEFINED:
        if base.kind == "O":
            value.fill(b"")
        return value
    plain, _ = flat_type(stored)
    if stored.subdtype is not None:
        return value
    found = np.zeros((), dtype=plain)
    dcpl.get_fill_value(found)
    mine = h5t.py_create(plain)
    buffer = np.zeros(max(plain.itemsize, form.dtype.itemsize), dtype="u1")
    buffer[: plain.itemsize] = np.frombuffer(found.tobytes(), dtype="u1")
    if not mine.equal(form.memory):
        h5t.convert(mine, form.memory, 1, buffer, np.zeros_like(buffer))
    made: Values = np.ndarray((), dtype=form.dtype, buffer=buffer)
    return made
