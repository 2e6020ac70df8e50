"""Which datasets are pictures in colour: by the HDF5 Image specification 1.2, or by their shape alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h5py import h5a, h5d, h5r

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.hdf5.data.sample import Sampler
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.named_attributes import named_values, one, text
from h5s3.formats.selection import whole
from h5s3.sizes import MIB

NAMES = (b"CLASS", b"IMAGE_SUBCLASS", b"INTERLACE_MODE")
CHANNELS = {"INTERLACE_PIXEL": 2, "INTERLACE_LINE": 1, "INTERLACE_PLANE": 0}
MOST_COLORS = 1 << 16
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Picture:
    """Where the colours of a picture are: a dimension of channels, or a palette that values point into."""

    channels: int | None = None  # dimension
    palette: Array | None = None  # (colours, 3), 0 to 255

    def plane(self, ndim: int) -> tuple[int, int]:
        """The two dimensions that are drawn, rows first."""
        rest = [number for number in range(ndim) if number != self.channels]
        return rest[-2], rest[-1]

    def colors(self, values: Array) -> Array:
        """Values of (rows, columns, channels), or of (rows, columns) with a palette, as 0 to 255 of RGB."""
        if self.palette is not None:
            chosen: Array = self.palette[np.clip(values, 0, len(self.palette) - 1)]
            return chosen
        if values.dtype.itemsize > 1:  # of 16 bits and more: the upper eight of them
            values = values >> (8 * (values.dtype.itemsize - 1))
        return values[..., :3]


def as_picture(file: OpenFile, dataset: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Picture | None:
    """How a dataset is drawn in colour, or None."""
    if dtype.kind != "u" or len(shape) < 2:
        return None
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
        return (found, read_facts(found)) if isinstance(found, h5d.DatasetID) else None

    (found,) = gather(file.blocks, [find], lambda *_: None)
    if found is None:
        return None
    opened, facts = found
    if facts.ndim != 2 or facts.shape[1] != 3 or not 0 < facts.shape[0] <= MOST_COLORS:
        return None
    try:
        values = Sampler(file, opened, facts, MIB).read(whole(facts.shape)).values
    except (RefusedError, DamagedError):
        return None
    return values.astype(np.uint8) if values.dtype.kind in "iu" else None
