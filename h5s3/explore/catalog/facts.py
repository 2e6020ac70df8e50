"""What a catalog says of a file as a whole, found out from its tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from h5s3.errors import H5s3Error
from h5s3.explore.catalog.structure import fingerprint, structure
from h5s3.explore.find.looking import Looked
from h5s3.export.catalog.rows import Columns, add, add_nodes, columns, fitting
from h5s3.records import (
    UNSET,
    AttributedNode,
    DatasetNode,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    Tree,
    TreeNode,
    nodes_of,
    to_json,
)
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location

MARKS = {  # attributes of the root group
    "_NCProperties": "NetCDF-4",
    "_nc3_strict": "NetCDF-4",
    "NeXus_version": "NeXus",
    "PYTABLES_FORMAT_VERSION": "PyTables",
    "keras_version": "Keras",
    "layer_names": "Keras",
    "model_config": "Keras",
    "nwb_version": "NWB",
    "LOOM_SPEC_VERSION": "Loom",
}
ANNDATA = ("anndata", "MuData")


@dataclass(frozen=True)
class Described:
    """A file as rows of all tables."""

    rows: dict[str, Columns]
    objects: int = 0


def described(info: ObjectInfo, tree: Tree) -> Described:
    """The rows of a file that was read."""
    file, nodes = info.location.display, list(nodes_of(tree))
    rows = {name: columns(name) for name in ("files", "objects", "attributes", "trees")}
    add_nodes(rows["objects"], rows["attributes"], file, nodes)
    add(rows["trees"], {"file": file, "tree": to_json(tree)})
    unknown = Looked.at(nodes, attributes=True, values=True).unknown()
    add(rows["files"], {**_of_object(info.location, info), **_of_nodes(info, nodes), **_failure(unknown)})
    return Described(rows, len(nodes))


def failed(location: Location, info: ObjectInfo | None, error: H5s3Error) -> Described:
    """The row of a file that could not be read."""
    rows = {"files": columns("files")}
    add(rows["files"], {**_of_object(location, info), **_failure(error), "status": "failed"})
    return Described(rows)


def conventions(nodes: Sequence[TreeNode]) -> list[str]:
    """Names of conventions that the root and what stands right below it show, as `meta` finds them."""
    found = set()
    root = nodes[0] if nodes else None
    names = {node.name for node in nodes[1:] if node.path.count("/") == 1}
    for name, value in _attributes(root).items():
        if name in MARKS:
            found.add(MARKS[name])
        elif name == "Conventions" and isinstance(value, str) and "CF-" in value:
            found.add("CF")
        elif name == "encoding-type" and value in ANNDATA:
            found.add("AnnData")
        elif name == "NX_class" and value == "NXroot":
            found.add("NeXus")
    for node in nodes[1:]:
        if node.path.count("/") == 1:
            found |= _of_child(node)
    if {"X", "obs", "var"} <= names:
        found.add("AnnData")
    if "layers" in names and names & {"vars", "optimizer"}:
        found.add("Keras")
    return sorted(found)


def _of_child(node: TreeNode) -> set[str]:
    if isinstance(node, GroupNode) and node.nx_class in ("NXentry", "NXroot"):
        return {"NeXus"}
    names = _attributes(node)
    return ({"NetCDF-4"} if "_Netcdf4Dimid" in names else set()) | (
        {"MATLAB 7.3"} if "MATLAB_class" in names else set()
    )


def _attributes(node: TreeNode | None) -> dict[str, Any]:
    if not isinstance(node, AttributedNode) or node.attributes is UNSET:
        return {}
    found = {}
    for one in node.attributes:
        value = one.value
        found[one.name] = value[0] if isinstance(value, list) and len(value) == 1 else value
    return found


def _of_object(location: Location, info: ObjectInfo | None) -> dict[str, Any]:
    row: dict[str, Any] = {"file": location.display, "key": location.shown_key, "status": "ok"}
    if info is not None:
        row.update(size=fitting(info.size), etag=info.etag, last_modified=_time(info.last_modified))
        row["version"] = info.version_id
    return row


def _of_nodes(info: ObjectInfo, nodes: Sequence[TreeNode]) -> dict[str, Any]:
    own = [node for node in nodes if not isinstance(node, AttributedNode) or node.alias_of is UNSET]
    datasets = [node for node in own if isinstance(node, DatasetNode)]
    sizes = [node.storage_size for node in datasets]
    stored = None if UNSET in sizes else sum(size for size in sizes if size is not UNSET)
    counted = [
        len(node.attributes)
        for node in own
        if isinstance(node, AttributedNode) and node.attributes is not UNSET
    ]
    return {
        "groups": sum(isinstance(node, GroupNode) for node in own),
        "datasets": len(datasets),
        "attributes": sum(counted),
        "links": sum(isinstance(node, SoftLinkNode | ExternalLinkNode) for node in own),
        "conventions": conventions(nodes),
        "logical_bytes": fitting(sum(node.nbytes for node in datasets)),
        "stored_bytes": fitting(stored),
        "metadata_bytes": None if stored is None or stored > info.size else info.size - stored,
        "fingerprint": fingerprint(structure(nodes)),
    }


def _failure(error: H5s3Error | None) -> dict[str, Any]:
    if error is None:
        return {}
    text = f"{error.cause}; {error.hint}" if error.hint else error.cause
    return {"status": "partial", "error": text, "exit_code": error.exit_code}


def _time(date: str | None) -> datetime | None:
    """A date of a listing or of a header, in UTC and without a zone."""
    try:
        found = datetime.fromisoformat(date) if date else None
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None, microsecond=0) if found and found.tzinfo else found
