"""Which datasets are pictures in colour: by the HDF5 Image specification 1.2, or by their shape alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from h5py import h5a, h5d, h5r

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.cf import one, text
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.attributes import named_values
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.images import Picture
from h5s3.formats.sampling import Sampler
from h5s3.formats.selection import whole
from h5s3.sizes import MIB

NAMES = (b"CLASS", b"IMAGE_SUBCLASS", b"INTERLACE_MODE")
CHANNELS = {"INTERLACE_PIXEL": 2, "INTERLACE_LINE": 1, "INTERLACE_PLANE": 0}
MOST_COLORS = 1 << 16
Array = np.ndarray[Any, Any]


def as_picture(array: Hdf5Array) -> Picture | None:
    """How a dataset is drawn in colour, or None."""
    shape, dtype = array.facts.shape or (), array.readable
    if dtype is None or dtype.kind != "u" or len(shape) < 2:
        return None
    file, dataset = array.file, array.dataset
    values = named_values(file, dataset, NAMES)
    if text(values.get(b"CLASS")) == "IMAGE":
        if text(values.get(b"IMAGE_SUBCLASS")) == "IMAGE_INDEXED" and len(shape) == 2:
            palette = _palette(file, dataset)
            return None if palette is None else Picture(palette=palette)
        channels = CHANNELS.get(text(one(values.get(b"INTERLACE_MODE"))), 2)
        return Picture(channels) if len(shape) == 3 and shape[channels] == 3 else None
    by_shape = dtype.itemsize == 1 and len(shape) > 2 and shape[-1] in (3, 4) and min(shape[-3:-1]) > 4
    return Picture(len(shape) - 1) if by_shape else None


def _palette(file: OpenFile, dataset: Any) -> Array | None:
    """The first palette of an image: a dataset of (colours, 3) bytes that it refers to."""

    def find() -> Any:
        if not h5a.exists(dataset, b"PALETTE"):
            return None
        attribute = h5a.open(dataset, b"PALETTE")
        references = np.empty(attribute.shape, dtype=attribute.get_type().dtype)
        attribute.read(references)
        found = h5r.dereference(references.reshape(-1)[0], file.h5.id)
        if not isinstance(found, h5d.DatasetID):
            return None
        array = Hdf5Array(file, found)
        return array, array.facts

    (found,) = gather(file.blocks, [find], lambda *_: None)
    if found is None:
        return None
    palette, facts = found
    if facts.ndim != 2 or facts.shape[1] != 3 or not 0 < facts.shape[0] <= MOST_COLORS:
        return None
    try:
        values = Sampler(palette, MIB).read(whole(facts.shape)).values
    except (RefusedError, DamagedError):
        return None
    return values.astype(np.uint8) if values.dtype.kind in "iu" else None
