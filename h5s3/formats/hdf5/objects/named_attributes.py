"""Well-known attributes of an object, by name, read as one wave."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from h5py import h5a

from h5s3.formats.cf import NAMES, Coding, coding_of, one
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.attributes import read_attribute
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.values import Namer, by_address
from h5s3.records import Json


def named_values(
    file: OpenFile, obj: Any, names: Sequence[bytes], namer: Namer = by_address
) -> dict[bytes, Json]:
    """Values of those of the attributes that are there and can be read."""

    calls = [partial(named_value, file, obj, name, namer) for name in names]
    values = gather(file.blocks, calls, lambda *_: None)
    return {name: found for name, found in zip(names, values, strict=True) if found is not None}


def named_value(file: OpenFile, obj: Any, name: bytes, namer: Namer = by_address) -> Json:
    """The value of one attribute; None where it is not there. A pure question, for `gather`."""
    return read_attribute(file.h5.id, obj, name, namer).value if h5a.exists(obj, name) else None


def read_coding(file: OpenFile, dataset: Any, dtype: np.dtype[Any], *, raw: bool = False) -> Coding:
    """How the values of a dataset are to be read, from its attributes."""
    values = named_values(file, dataset, [name.encode() for name in NAMES])
    return coding_of({name.decode(): value for name, value in values.items()}, dtype, raw=raw)


def texts(value: Json) -> list[str]:
    """A list of texts: as an array of strings, or one text with the separators of NeXus (`,` and `:`)."""
    found = one(value)
    if isinstance(found, str):
        parts = found.strip().strip("[]").replace(",", ":").split(":")
        return [part.strip() for part in parts if part.strip()]
    if isinstance(found, list):
        return [item.strip() if isinstance(item, str) else "" for item in found]
    return []
