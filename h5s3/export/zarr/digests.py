"""Digests of values, box by box: equal where a file and a store hold the same."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from h5s3.export.zarr.asked import Digest, ToCompare, ToDigest
from h5s3.export.zarr.reading import Reading, file_of, opened
from h5s3.formats.base import Contents
from h5s3.formats.boxes import Box
from h5s3.formats.selection import whole

Values = np.ndarray[Any, Any]


def of_file(asked: ToDigest, contents: Contents) -> int:
    """The answer to `ToDigest`."""
    file, count = file_of(contents), 0
    for number, array in enumerate(asked.arrays):
        reading = Reading(array, asked.version, asked.names, opened(file, array))
        for box, values, _ in reading.boxes(asked.max_bytes, cells=reading.named(copied=True)):
            bounds = box.bounds + tuple((0, length) for length in array.shape[len(box.bounds) :])
            asked.take(Digest(number, bounds, digest_of(values)))
            count += 1
    return count


def others_in_store(asked: ToCompare, contents: Contents) -> list[int]:
    """The answer to `ToCompare`."""
    found, number, array = [], -1, None
    for at, wanted in enumerate(asked.digests):
        if wanted.array != number or array is None:
            number = wanted.array
            array = contents.values("/" + asked.arrays[number].path)
        part = Box(wanted.bounds).part(whole(tuple(asked.arrays[number].shape)))
        if digest_of(array.read(part)) != wanted.digest:
            found.append(at)
        asked.tell(at)
    return found


def digest_of(values: Values) -> str:
    """Of values in their order, whatever order their bytes are in; of texts in UTF-8."""
    made = hashlib.blake2b(digest_size=16)
    if values.dtype.kind == "O":
        for value in values.reshape(-1):
            text = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
            made.update(len(text).to_bytes(8, "little") + text)
        return made.hexdigest()
    if values.dtype.kind in "mM":
        values = values.view(values.dtype.str[0] + "i8")
    little = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    made.update(little.reshape(-1).view("u1").data if little.size else b"")
    return made.hexdigest()
