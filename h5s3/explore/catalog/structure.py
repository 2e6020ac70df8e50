"""The structure of a file: what all files of a kind have in common, as a fingerprint and as differences.

Lengths along dimensions without a limit, lengths of texts of fixed length, values, the files that external
links lead to and where something is stored are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from h5s3.records import (
    UNSET,
    AttributedNode,
    DatasetNode,
    DatatypeNode,
    Difference,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    TreeNode,
)

Structure = dict[str, dict[str, Any]]  # of each path what is said of it; `attributes`: of each name
TEXT = re.compile(r"\bstr\[[0-9]+\]")  # of a fixed length
ANY = "*"  # a length that may grow


def structure(nodes: Iterable[TreeNode]) -> Structure:
    """What is said of each object of a file."""
    return {node.path: _described(node) for node in nodes}


def fingerprint(found: Structure) -> str:
    """Names a structure: equal where that is."""
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def differences(found: Structure, expected: Structure) -> Iterator[Difference]:
    """What a structure has otherwise. Of a group that is missing, what is below it is not named."""
    yield from _alone(expected, found, "lacks")
    yield from _alone(found, expected, "adds")
    for path, said in expected.items():
        if path in found and found[path] != said:
            yield from _changed(path, found[path], said)


def _alone(here: Structure, there: Structure, change: Any) -> Iterator[Difference]:
    for path in here:
        above = path.rpartition("/")[0] or "/"
        if path not in there and (above in there or above not in here):
            yield Difference(path=path, change=change)


def _changed(path: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[Difference]:
    for field in dict.fromkeys([*expected, *found]):
        old, new = expected.get(field), found.get(field)
        if field == "attributes":
            yield from _attributes(path, new or {}, old or {})
        elif old != new:
            yield Difference(path=path, change="has", field=field, value=new, expected=old)


def _attributes(path: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[Difference]:
    for name in expected.keys() - found.keys():
        yield Difference(path=path, change="lacks", attribute=name)
    for name in found.keys() - expected.keys():
        yield Difference(path=path, change="adds", attribute=name)
    for name in sorted(expected.keys() & found.keys()):
        for number, field in enumerate(("dtype", "shape")):
            old, new = expected[name][number], found[name][number]
            if old != new:
                yield Difference(
                    path=path, change="has", attribute=name, field=field, value=new, expected=old
                )


def _described(node: TreeNode) -> dict[str, Any]:
    said: dict[str, Any] = {"type": node.__struct_config__.tag}
    if isinstance(node, AttributedNode):
        if node.alias_of is not UNSET:
            return {**said, "alias_of": node.alias_of}
        if node.attributes is not UNSET and node.attributes:
            said["attributes"] = {one.name: [_type(one.dtype), one.shape] for one in node.attributes}
    if isinstance(node, GroupNode) and node.nx_class is not UNSET:
        said["nx_class"] = node.nx_class
    elif isinstance(node, DatatypeNode):
        said["dtype"] = _type(node.dtype)
    elif isinstance(node, DatasetNode):
        said.update(dtype=_type(node.dtype), shape=_shape(node), layout=_set(node.layout))
        said.update(chunks=_set(node.chunks), shards=_set(node.shards), filters=_set(node.filters))
    elif isinstance(node, SoftLinkNode):
        said["target"] = node.target
    elif isinstance(node, ExternalLinkNode):
        said["target"] = node.target_path
    return said


def _shape(node: DatasetNode) -> list[int | str] | None:
    if node.shape is None or node.maxshape is UNSET:
        return None if node.shape is None else list(node.shape)
    pairs = zip(node.shape, node.maxshape, strict=False)
    return [ANY if most is None else length for length, most in pairs]


def _type(dtype: str) -> str:
    return TEXT.sub("str[n]", dtype)


def _set(value: Any) -> Any:
    return None if value is UNSET else value
