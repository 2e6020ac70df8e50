"""Nodes of files as rows of tables: what each column holds.

Sizes above int64 exist in files: such a number is null in a column of integers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from h5s3.records import (
    UNSET,
    Attribute,
    AttributedNode,
    DatasetNode,
    DatatypeNode,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    TreeNode,
    UnresolvedNode,
    json_text,
)

Columns = dict[str, list[Any]]
TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "files": {
            "file": "text", "key": "text", "size": "int", "etag": "text", "last_modified": "time",
            "version": "text", "status": "text", "error": "text", "exit_code": "int", "groups": "int",
            "datasets": "int", "attributes": "int", "links": "int", "conventions": "texts",
            "logical_bytes": "int", "stored_bytes": "int", "metadata_bytes": "int", "fingerprint": "text",
        },
        "objects": {
            "file": "text", "path": "text", "name": "text", "type": "text", "shape": "ints", "dtype": "text",
            "maxshape": "ints", "ndim": "int", "size": "int", "nbytes": "int", "stored_bytes": "int",
            "layout": "text", "chunks": "ints", "filters": "texts", "nx_class": "text", "num_children": "int",
            "number": "float", "value": "text", "alias_of": "text", "target": "text", "error": "text",
        },
        "attributes": {
            "file": "text", "path": "text", "name": "text", "dtype": "text", "shape": "ints", "text": "text",
            "number": "float", "json": "text", "error": "text",
        },
        "trees": {"file": "text", "tree": "bytes"},
    }
)  # fmt: skip
LEAST, MOST = -(2**63), 2**63


def columns(table: str) -> Columns:
    """Columns without rows."""
    return {name: [] for name in TABLES[table]}


def add(into: Columns, row: Mapping[str, Any]) -> None:
    """Add a row; what it does not name is null."""
    for name, values in into.items():
        values.append(row.get(name))


def fitting(value: Any) -> int | None:
    """An integer that a column can hold, or None."""
    return value if isinstance(value, int) and LEAST <= value < MOST else None


def add_nodes(objects: Columns, attributes: Columns, file: str, nodes: Iterable[TreeNode]) -> None:
    """Add objects of a file, and their attributes. Those of an object with several names stand once."""
    for node in nodes:
        row: dict[str, Any] = {
            "file": file,
            "path": node.path,
            "name": node.name,
            "type": node.__struct_config__.tag,
        }
        if isinstance(node, AttributedNode):
            _attributed(row, node)
            if node.attributes is not UNSET and node.alias_of is UNSET:
                for one in node.attributes:
                    add(attributes, _attribute(file, node.path, one))
        for kind, describe in KINDS:
            if isinstance(node, kind):
                describe(row, node)
        add(objects, row)


def _attributed(row: dict[str, Any], node: AttributedNode) -> None:
    row["alias_of"] = _set(node.alias_of)
    row["error"] = _set(node.attributes_error)


def _group(row: dict[str, Any], node: GroupNode) -> None:
    row["num_children"] = fitting(node.num_children)
    row["nx_class"] = _set(node.nx_class)
    row["error"] = _set(node.error) or row["error"]


def _dataset(row: dict[str, Any], node: DatasetNode) -> None:
    row.update(
        shape=_whole(node.shape),
        dtype=node.dtype,
        maxshape=_whole(node.maxshape),
        ndim=node.ndim,
        size=fitting(node.size),
        nbytes=fitting(node.nbytes),
        stored_bytes=fitting(node.storage_size),
        layout=_set(node.layout),
        chunks=_whole(node.chunks),
        filters=_set(node.filters),
    )
    if node.value is not UNSET and node.alias_of is UNSET:
        row["value"], row["number"] = json_text(node.value), _number(node.value)


def _datatype(row: dict[str, Any], node: DatatypeNode) -> None:
    row["dtype"] = node.dtype


def _link(row: dict[str, Any], node: SoftLinkNode | ExternalLinkNode) -> None:
    row["target"] = node.target


def _unresolved(row: dict[str, Any], node: UnresolvedNode) -> None:
    row["error"], row["target"] = node.reason, _set(node.target)


KINDS: Sequence[tuple[type, Callable[[dict[str, Any], Any], None]]] = (
    (DatasetNode, _dataset),
    (GroupNode, _group),
    (DatatypeNode, _datatype),
    (SoftLinkNode, _link),
    (ExternalLinkNode, _link),
    (UnresolvedNode, _unresolved),
)


def _attribute(file: str, path: str, one: Attribute) -> dict[str, Any]:
    value = one.value
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return {
        "file": file,
        "path": path,
        "name": one.name,
        "dtype": one.dtype,
        "shape": _whole(one.shape),
        "text": value if isinstance(value, str) else None,
        "number": _number(value),
        "json": json_text(one.value),
        "error": _set(one.error),
    }


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _set(value: Any) -> Any:
    return None if value is UNSET else value


def _whole(lengths: Any) -> Any:
    """Lengths that fit, all or none of them; None in place of one that has no limit."""
    if lengths is UNSET or lengths is None:
        return None
    fit = all(length is None or LEAST <= length < MOST for length in lengths)
    return lengths if fit else None
