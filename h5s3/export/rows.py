"""From the values of a box to what a writer is given: decoded, and as rows with their coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from h5s3.export.base import Array, Job
from h5s3.formats.boxes import Box
from h5s3.sizes import MIB

TEXT, TEXT_IN_MEMORY = 20, 100  # bytes that a date or a name is taken to have
AT_ONCE = 8 * MIB  # bytes of rows that are made at once


def meant(job: Job, box: Box, stored: Array) -> Iterator[Array]:
    """The values of a box as they are to be written; of rows, some at a time."""
    values = stored if job.decode is None else job.decode(stored)
    if not job.rows:
        yield values
        return
    dtype = job.element
    flat = values.reshape(-1)
    columns = [axis.values(*box.bounds[axis.dimension]) for axis in job.axes]
    strides = [prod(box.counts[axis.dimension + 1 :]) for axis in job.axes]
    step = max(1, AT_ONCE // dtype.itemsize)
    for low in range(0, flat.size, step):
        part = flat[low : low + step]
        numbers = np.arange(low, low + part.size)
        rows: Any = np.ma.zeros(part.size, dtype=dtype)
        for axis, column, stride in zip(job.axes, columns, strides, strict=True):
            rows[axis.name] = column[numbers // stride % column.size]
        for name in part.dtype.names or (job.label,):
            rows[name] = part[name] if part.dtype.names else part
        yield rows


def growth(job: Job) -> float:
    """How many times as much memory the values take when they are as they are to be written."""
    stored, made = job.stored.dtype, job.dtype
    if stored is None or made is None or stored is made:
        return 1
    return max(1.0, _size(made, TEXT_IN_MEMORY) / max(1, stored.itemsize))


def written_size(job: Job) -> int:
    """About how many bytes one value takes, of which the file's type says how long it is."""
    if job.dtype is None or not (job.rows or job.decode):
        return job.facts.itemsize
    return _size(job.dtype, TEXT)


def _size(dtype: np.dtype[Any], text: int) -> int:
    if dtype.names is not None:
        fields: Any = dtype.fields
        return sum(_size(fields[name][0], text) for name in dtype.names)
    return text if dtype.kind == "O" else dtype.itemsize
