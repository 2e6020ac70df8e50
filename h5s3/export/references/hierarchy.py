"""The documents of Zarr version 2 that describe arrays in HDF5 files, and the keys of their chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.records import ArrayReferences, FileReferences, RefsSource

DIMENSIONS = "_ARRAY_DIMENSIONS"  # xarray's attribute
Documents = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Part:
    """What one file gives to a hierarchy, below a group (empty: the root). `location`: where it was read."""

    prefix: str
    location: str
    url: str
    found: FileReferences

    def key(self, path: str) -> str:
        """The path of an object in the hierarchy."""
        return f"{self.prefix}/{path}".strip("/")

    @property
    def source(self) -> RefsSource:
        """What the file was when it was read."""
        found = self.found
        return RefsSource(
            location=self.location,
            url=self.url,
            size=found.size,
            etag=found.etag,
            last_modified=found.last_modified,
        )


def documents(parts: Sequence[Part]) -> Documents:
    """All documents by their keys (`.zgroup`, `.zattrs`, `.zarray`), the members of a group side by side.

    zarr-python 3.1 loses groups from `.zmetadata` whose members do not stand together.
    """
    found: Documents = {".zgroup": {"zarr_format": 2}}
    for part in parts:
        above = part.prefix.split("/")
        for number in range(1, len(above) + bool(part.prefix)):
            found["/".join([*above[:number], ".zgroup"])] = {"zarr_format": 2}
        for group in part.found.groups:
            key = part.key(group.path)
            found[f"{key}/.zgroup".lstrip("/")] = {"zarr_format": 2}
            found[f"{key}/.zattrs".lstrip("/")] = json.loads(group.attributes)
        for array in part.found.arrays:
            key = part.key(array.path)
            found[f"{key}/.zarray"] = array_document(array)
            found[f"{key}/.zattrs"] = json.loads(array.attributes) | {DIMENSIONS: array.dimensions}
    return {key: found[key] for key in sorted(found, key=lambda key: (key.count("/"), key))}


def array_document(array: ArrayReferences) -> dict[str, Any]:
    """`.zarray`: all codecs are filters, as kerchunk writes them."""
    return {
        "zarr_format": 2,
        "shape": array.shape,
        "chunks": array.chunks,
        "dtype": array.dtype,
        "fill_value": array.fill_value,
        "order": "C",
        "filters": array.filters or None,
        "compressor": None,
        "dimension_separator": ".",
    }


def consolidated(found: Documents) -> dict[str, Any]:
    """`.zmetadata`: without it zarr-python finds no groups inside groups of references."""
    return {"zarr_consolidated_format": 1, "metadata": found}


def chunk_table(array: ArrayReferences) -> np.ndarray[Any, Any]:
    """The places of the chunks: a row for each, its cell, its first byte in the object, its bytes."""
    return np.frombuffer(array.places, dtype="<u8").reshape(-1, len(array.shape) + 2)


def chunks(array: ArrayReferences) -> Iterator[tuple[str, int, int]]:
    """The key of each chunk that is referred to, its first byte in the object, its bytes."""
    for *cell, start, size in chunk_table(array).tolist():
        yield ".".join(map(str, cell)) or "0", start, size
