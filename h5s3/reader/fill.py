"""Values that stand for "no value", by the NetCDF and CF conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
from h5py import h5a

from h5s3.reader.attributes import read_attribute
from h5s3.reader.opening import OpenFile


def missing_values(file: OpenFile, dataset: Any, dtype: np.dtype[Any]) -> list[Any]:
    """The values of `_FillValue` and `missing_value` (CF 2.5.1), as the dataset stores them."""
    found: list[Any] = []
    for name in (b"_FillValue", b"missing_value"):
        if h5a.exists(dataset, name):
            value = read_attribute(file.h5.id, dataset, name).value
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, int | float) and dtype.kind in "iuf":
                    found.append(item)
    stored = np.array(found, dtype=object).astype(dtype)
    return list(dict.fromkeys(item.item() for item in stored if item == item))
