"""One hierarchy of Zarr version 2 over one HDF5 file or several: its documents, the keys of its chunks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from h5s3.records import ArrayReferences, FileReferences, RefsSource

DIMENSIONS = "_ARRAY_DIMENSIONS"  # xarray's attribute
Documents = dict[str, dict[str, Any]]
Table = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Part:
    """What one file gives. `location`: where it was read; `url`: by which readers know it."""

    location: str
    url: str
    found: FileReferences

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


@dataclass(frozen=True)
class VirtualArray:
    """An array, its chunks in one file or several.

    `places`: URLs, each with a table of chunks: cell, first byte in the object, bytes. `inlined`: by keys.
    """

    path: str
    array: ArrayReferences
    places: Sequence[tuple[str, Table]]
    inlined: dict[str, bytes]

    @property
    def num_chunks(self) -> int:
        """Those that are referred to."""
        return sum(len(table) for _, table in self.places)

    def chunks(self) -> Iterator[tuple[str, str, int, int]]:
        """The key of each chunk that is referred to, its URL, its first byte in the object, its bytes."""
        for url, table in self.places:
            for *cell, start, size in table.tolist():
                yield ".".join(map(str, cell)) or "0", url, start, size


@dataclass(frozen=True)
class Hierarchy:
    """Groups by their paths (the root's is empty), with their attributes as JSON text; and all arrays."""

    sources: list[RefsSource]
    groups: dict[str, str]
    arrays: list[VirtualArray] = field(default_factory=list)

    def documents(self) -> Documents:
        """All documents by their keys (`.zgroup`, `.zattrs`, `.zarray`), the members of a group side by side.

        zarr-python 3.1 loses groups from `.zmetadata` whose members do not stand together.
        """
        found: Documents = {}
        for path, attributes in self.groups.items():
            found[f"{path}/.zgroup".lstrip("/")] = {"zarr_format": 2}
            found[f"{path}/.zattrs".lstrip("/")] = json.loads(attributes)
        for one in self.arrays:
            found[f"{one.path}/.zarray"] = array_document(one.array)
            attributes = json.loads(one.array.attributes) | {DIMENSIONS: one.array.dimensions}
            found[f"{one.path}/.zattrs"] = attributes
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


def chunk_table(array: ArrayReferences) -> Table:
    """The places of the chunks: a row for each, its cell, its first byte in the object, its bytes."""
    return np.frombuffer(array.places, dtype="<u8").reshape(-1, len(array.shape) + 2)


def side_by_side(parts: Sequence[Part], names: Sequence[str]) -> Hierarchy:
    """A group for each file, of these names; of one file its objects themselves (the name is empty)."""
    made = Hierarchy([part.source for part in parts], {"": "{}"})
    for part, name in zip(parts, names, strict=True):
        for group in part.found.groups:
            made.groups[f"{name}/{group.path}".strip("/")] = group.attributes
        for array in part.found.arrays:
            path = f"{name}/{array.path}".strip("/")
            made.arrays.append(VirtualArray(path, array, [(part.url, chunk_table(array))], array.inlined))
    return made


def group_names(keys: Sequence[str]) -> list[str]:
    """A name for each file, that is a key in Zarr: its own without a suffix, where these differ."""
    stems = [_as_key(key.rstrip("/").rpartition("/")[2].rpartition(".")[0] or key) for key in keys]
    if len(set(stems)) == len(stems):
        return stems
    names = [_as_key(key.rstrip("/").rpartition("/")[2]) for key in keys]
    if len(set(names)) == len(names):
        return names
    return [f"{number}_{name}" for number, name in enumerate(names)]


def _as_key(name: str) -> str:
    kept = re.sub(r"[/\\]|^\.+", "_", "".join(char if char.isprintable() else "_" for char in name)).strip()
    return kept or "_"
