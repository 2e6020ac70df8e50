"""An HDF5 file whose metadata lie scattered, so that it takes several rounds to read."""

from __future__ import annotations

import io
from functools import cache

import h5py
import numpy as np


@cache
def scattered(name: str = "group", groups: int = 60, kilobytes: int = 24) -> bytes:
    """Groups `name` 0, 1, …, each with a dataset `data` of so many kilobytes behind its header."""
    stream = io.BytesIO()
    chance = np.random.default_rng(0)
    with h5py.File(stream, "w") as file:
        for number in range(groups):
            group = file.create_group(f"{name} {number}")
            group.attrs["number"] = number
            group["data"] = chance.integers(0, 256, (kilobytes, 1024), dtype="u1")
    return stream.getvalue()
