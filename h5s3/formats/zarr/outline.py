"""Everything below a path but chunks, for `diff`: from the documents, level by level."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from h5s3.errors import H5s3Error
from h5s3.formats.base import Array
from h5s3.formats.encoding.digests import digest_of_bytes
from h5s3.formats.requests import OutlineRequest
from h5s3.formats.zarr.attributes import attribute_of
from h5s3.formats.zarr.hierarchy import DEEPEST, Hierarchy
from h5s3.formats.zarr.nodes import DIMENSIONS, ArrayNode, Group, Node
from h5s3.formats.zarr.tree import refuse_unlisted
from h5s3.records import (
    UNSET,
    Outline,
    OutlinedDataset,
    OutlinedObject,
    OutlinedType,
    OutlinedValue,
    TypeInfo,
    to_json,
)
from h5s3.storage.base import ObjectInfo

MOST_STORED = 200_000  # objects of an array that are listed


def read_outline(store: Hierarchy, info: ObjectInfo, asked: OutlineRequest) -> Outline:
    """What is below a path. Raises `NotFoundError` for a path that is not there."""
    base = asked.path.strip("/")
    walk = _Walk(base)
    top = store.node(base)
    walk.take(base, top)
    groups = [base] if isinstance(top, Group) else []
    if groups:
        refuse_unlisted(store)
    for _ in range(DEEPEST):
        store.list_groups(groups)
        store.fetch(_join(path, name) for path in groups for name in store.names(path))
        children = [(_join(path, name), node) for path in groups for name, node in store.children(path)]
        for path, node in children:
            walk.take(path, node)
        groups = [path for path, node in children if isinstance(node, Group)]
        if not groups:
            break
    return Outline(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        format="zarr",
        objects=walk.objects,
        types=walk.types,
    )


def open_arrays(store: Hierarchy, paths: Sequence[str]) -> list[Array | Exception]:
    """The arrays at these paths, or why they cannot be read. Which of their chunks are stored is listed, of
    all arrays at once."""
    from h5s3.formats.zarr.data.array import ZarrArray, open_array

    store.fetch(path.strip("/") for path in paths)
    found: list[Array | Exception] = []
    for path in paths:
        try:
            found.append(open_array(store, path))
        except H5s3Error as error:
            found.append(error)
    many = [
        (path.strip("/"), one)
        for path, one in zip(paths, found, strict=True)
        if isinstance(one, ZarrArray) and one.num_objects > 1
    ]
    if many and store.objects.listed:
        listed = store.objects.entries([path for path, _ in many], MOST_STORED)
        for (_, one), entries in zip(many, listed, strict=True):
            if len(entries) <= MOST_STORED:
                one.take_stored(entries)
    return found


class _Walk:
    """What was met, and the types that it is of."""

    def __init__(self, base: str) -> None:
        self.objects: list[OutlinedObject] = []
        self.types: list[OutlinedType] = []
        self._numbers: dict[bytes, int] = {}
        self._base = base

    def take(self, path: str, node: Node) -> None:
        """A group or an array."""
        inside = "/" + path.removeprefix(self._base).strip("/")
        if isinstance(node, Group):
            made = OutlinedObject(path=inside, kind="group")
        elif isinstance(node, ArrayNode):
            made = OutlinedObject(path=inside, kind="dataset", dataset=self._dataset(node))
        else:
            self.objects.append(OutlinedObject(path=inside, kind="unresolved", reason=node.reason))
            return
        made.attributes = [
            self._attribute(name, value) for name, value in node.attributes.items() if name != DIMENSIONS
        ]
        self.objects.append(made)

    def _number(self, made: OutlinedType) -> int:
        key = to_json(made)
        if key not in self._numbers:
            self._numbers[key] = len(self.types)
            self.types.append(made)
        return self._numbers[key]

    def _dataset(self, node: ArrayNode) -> OutlinedDataset:
        facts = node.facts
        fill = node.document.get("fill_value")
        return OutlinedDataset(
            shape=list(node.shape),
            maxshape=list(node.shape),
            type=self._number(OutlinedType(words=facts.dtype, info=facts.type)),
            dtype=facts.dtype,
            layout=facts.layout,
            chunks=list(node.chunks) if node.chunks else UNSET,
            shards=list(node.sharding.shape) if node.sharding else UNSET,
            codecs=list(node.codecs),
            fill_value=UNSET if fill is None else self._attribute("fill_value", fill),
            dimension_names=list(node.dimensions) if any(node.dimensions) else UNSET,
            nbytes=facts.nbytes,
        )

    def _attribute(self, name: str, value: Any) -> OutlinedValue:
        found = attribute_of(name, value)
        words = OutlinedType(words=found.dtype, info=TypeInfo(class_=found.dtype))
        made = OutlinedValue(
            name=name, value=found.value, dtype=found.dtype, shape=found.shape, type=self._number(words)
        )
        made.truncated, made.nan_count, made.inf_count = found.truncated, found.nan_count, found.inf_count
        made.digest = digest_of_bytes(json.dumps(value, sort_keys=True).encode())
        return made


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
