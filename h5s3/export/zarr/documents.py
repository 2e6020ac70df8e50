"""The documents of a Zarr store: of groups, of arrays, and of all of them together.

Sources: https://zarr-specs.readthedocs.io (v2; v3 core). `_ARRAY_DIMENSIONS` and the form of `_FillValue` in
v3 are xarray's; consolidated metadata as zarr-python writes it.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from h5s3.export.zarr.shards import sharding
from h5s3.formats.cf import one
from h5s3.records import Json

Documents = dict[str, bytes]  # by name, in the order in which they are written
FILL = "_FillValue"
LONGEST_NAME = 255  # bytes, as file systems have it
TAKEN = {".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json", ".h5s3-convert"}


@dataclass(frozen=True)
class Layout:
    """How the values of an array are stored. `codecs`: all that are applied, in order. `nested`: chunks of
    version 2 stand in folders, as they do in version 3."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    type: Json
    fill: Json
    codecs: Sequence[Json]
    shards: tuple[int, ...] | None = None
    nested: bool = False


def array_document(
    layout: Layout, attributes: Mapping[str, Json], dimensions: Sequence[str], version: int
) -> dict[str, Json]:
    """`.zarray` (with the attributes under `.zattrs`) or `zarr.json`, by name."""
    told = {name: value if name == FILL else _simple(value) for name, value in attributes.items()}
    if version == 2:
        document = {
            "zarr_format": 2,
            "shape": list(layout.shape),
            "chunks": list(layout.chunks),
            "dtype": layout.type,
            "fill_value": layout.fill,
            "order": "C",
            "filters": list(layout.codecs) or None,
            "compressor": None,
            "dimension_separator": "/" if layout.nested else ".",
        }
        return {".zarray": document, ".zattrs": {**told, "_ARRAY_DIMENSIONS": list(dimensions)}}
    return {
        "zarr.json": {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(layout.shape),
            "data_type": layout.type,
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": list(layout.shards or layout.chunks)},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": layout.fill,
            "codecs": [sharding(layout.chunks, layout.codecs)] if layout.shards else list(layout.codecs),
            "attributes": told,
            "dimension_names": list(dimensions),
        }
    }


def group_document(attributes: Mapping[str, Json], version: int) -> dict[str, Json]:
    """`.zgroup` and `.zattrs`, or `zarr.json`, by name."""
    told = {name: _simple(value) for name, value in attributes.items()}
    if version == 2:
        return {".zattrs": told, ".zgroup": {"zarr_format": 2}}
    return {"zarr.json": {"zarr_format": 3, "node_type": "group", "attributes": told}}


def all_documents(nodes: Mapping[str, dict[str, Json]], version: int) -> Documents:
    """The documents of all nodes, by their paths below the store; that of the whole store comes last.

    Those of what lies deeper come first, so that nothing can be opened before all below it is there.
    """
    found: Documents = {}
    order = sorted(nodes, key=lambda path: (-path.count("/") - bool(path), path))
    for path in order:
        for name, document in nodes[path].items():
            if path or version == 2:
                found[f"{path}/{name}".lstrip("/")] = _bytes(document)
    if version == 2:
        if ".zgroup" in nodes.get("", {}):
            metadata = {
                f"{path}/{name}".lstrip("/"): document
                for path in sorted(nodes)
                for name, document in nodes[path].items()
            }
            found[".zmetadata"] = _bytes({"zarr_consolidated_format": 1, "metadata": metadata})
        return found
    root = dict(nodes[""]["zarr.json"])
    if root["node_type"] == "group":
        below = {path: nodes[path]["zarr.json"] for path in sorted(nodes) if path}
        root["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": below}
    found["zarr.json"] = _bytes(root)
    return found


def is_possible(name: str) -> bool:
    """Whether a group or an array can be called so, in a store and in a folder."""
    wrong = not name.strip(".") or name in TAKEN or name.startswith("__")
    wrong = wrong or re.search(r"[/\x00-\x1f\x7f\\]", name) is not None
    return not wrong and len(name.encode("utf-8", "surrogatepass")) <= LONGEST_NAME


def fill_attribute(value: Json, kind: str) -> Json:
    """`_FillValue` of an array of v3, as xarray reads it: JSON has no NaN."""
    value = one(value)
    if kind == "f" and isinstance(value, int | float | str):
        return base64.b64encode(struct.pack("<d", float(value))).decode()
    return value


def _simple(value: Json) -> Json:
    """An attribute of one element as that, as netCDF's libraries give it."""
    return one(value)


def _bytes(document: Any) -> bytes:
    return json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
