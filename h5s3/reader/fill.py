"""Values that stand for "no value", by the NetCDF and CF conventions."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from h5py import h5a

from h5s3.reader.attributes import read_attribute
from h5s3.reader.opening import OpenFile
from h5s3.reader.waves import gather


def missing_values(file: OpenFile, dataset: Any, dtype: np.dtype[Any]) -> list[Any]:
    """The values of `_FillValue` and `missing_value` (CF 2.5.1), as the dataset stores them."""
    if dtype.kind not in "iuf":
        return []
    reads = [partial(_numbers, file, dataset, name) for name in (b"_FillValue", b"missing_value")]
    found = [item for items in gather(file.blocks, reads, lambda *_: []) for item in items]
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        found = [int(item) for item in found if item == int(item) and limits.min <= item <= limits.max]
    with np.errstate(over="ignore"):
        stored = np.array(found, dtype=object).astype(dtype)
    return list(dict.fromkeys(item.item() for item in stored))


def _numbers(file: OpenFile, dataset: Any, name: bytes) -> list[int | float]:
    """The finite numbers of an attribute, if it is there."""
    if not h5a.exists(dataset, name):
        return []
    value = read_attribute(file.h5.id, dataset, name).value
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, int | float)]
