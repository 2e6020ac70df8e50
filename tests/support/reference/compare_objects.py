"""What `tree` and `meta` say of one object compared with what h5py says of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import h5py
import msgspec
import pytest
from h5py import h5a, h5d, h5f, h5o, h5p

from h5s3.records import Attribute, Meta, Tree, to_json
from tests.support.reference import h5py_walk
from tests.support.reference.compare_attributes import (
    Case,
    attribute_names,
    check_attributes,
    check_dtype,
    same,
)
from tests.support.reference.h5py_values import Expected, os_bytes, shown, type_record, without_notes

MOST_ATTRIBUTES = 20  # shown in a tree
INTERNAL = {"CLASS", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Coordinates", "_Netcdf4Dimid"}  # not shown
KINDS = {h5py.Group: "group", h5py.Dataset: "dataset", h5py.Datatype: "datatype"}
COMPRESSORS = (1, 4, 32000)  # gzip, szip, lzf
LINKS = ("soft_link", "external_link")
STRATEGIES = {
    h5f.FSPACE_STRATEGY_FSM_AGGR: "aggregate",
    h5f.FSPACE_STRATEGY_PAGE: "page",
    h5f.FSPACE_STRATEGY_AGGR: "aggregate without free-space managers",
    h5f.FSPACE_STRATEGY_NONE: "none",
}


def nodes_below(document: Tree) -> dict[str, dict[str, Any]]:
    """All nodes by path as `h5py_walk.walk` writes it; the root is a group."""
    root = json.loads(to_json(document))
    found, waiting = {"/": root | {"type": "group"}}, [("/", root)]
    while waiting:
        parent, node = waiting.pop(0)
        for child in node.get("children", ()):
            raw = base64.b64decode(child["name_b64"]) if "name_b64" in child else child["name"].encode()
            path = f"{parent.rstrip('/')}/{h5py_walk.text(raw)}"
            assert path not in found
            found[path] = child
            waiting.append((path, child))
    return found


def groups_of_aliases(canonical: dict[str, str]) -> set[frozenset[str]]:
    """The paths that are one object, whichever of them is called an alias of the others."""
    found: dict[str, set[str]] = {}
    for path, first in canonical.items():
        found.setdefault(first, {first}).add(path)
    return {frozenset(paths) for paths in found.values()}


def check_node(case: Case, path: str, node: dict[str, Any]) -> None:
    entry = case.entries[path]
    assert node["type"] == entry["kind"], path
    assert node["path"] == shown(os_bytes(path))
    if entry["kind"] in LINKS:
        assert node["target"] == link_target(entry), path
    if entry["kind"] == "unresolved":
        assert node["reason"], path
    entry = case.entries[entry.get("canonical", path)]
    if entry.get("attribute_count") is None:
        return
    if "attributes_error" in node:
        with pytest.raises(h5py_walk.FAILURES):
            for name in attribute_names(case.object(path))[:MOST_ATTRIBUTES]:
                h5a.open(case.object(path), name)
        return
    assert node["num_attributes"] == entry["attribute_count"], path
    owner = case.object(path)
    names = [name for name in attribute_names(owner) if name.decode("utf-8", "replace") not in INTERNAL]
    assert node["attributes_truncated"] == (len(names) > MOST_ATTRIBUTES), path
    found = [msgspec.convert(item, Attribute) for item in node["attributes"]]
    check_attributes(case, owner, found, names[:MOST_ATTRIBUTES])
    if entry["kind"] == "group":
        assert node["num_children"] == entry["link_count"], path
    elif entry["kind"] == "dataset":
        check_dataset_node(path, node, entry, owner)


def link_target(entry: dict[str, Any]) -> str:
    target = os_bytes(entry["target"])
    return shown(os_bytes(entry["file"]) + b":" + target if "file" in entry else target)


def check_dataset_node(path: str, node: dict[str, Any], entry: dict[str, Any], dataset: Any) -> None:
    shape, maxshape, chunks = entry["shape"], entry["maxshape"], entry["chunks"]
    assert node["shape"] == (None if shape is None else list(shape)), path
    assert node.get("maxshape") == (list(maxshape) if maxshape and maxshape != shape else None), path
    assert node.get("chunks") == (list(chunks) if chunks else None), path
    assert node["layout"] == ("external" if entry["external_files"] else entry["layout"]), path
    assert len(node.get("external_files", ())) == entry["external_files"], path
    assert len(node.get("filters", ())) == len(entry["filters"]), path
    assert (node["nbytes"], node["ndim"]) == (entry["nbytes"], len(shape or ())), path
    check_dtype(path, node["dtype"], dataset.get_type())


def check_link(case: Case, path: str, entry: dict[str, Any], document: Meta) -> None:
    """A soft link that stays inside the file shows what h5py finds behind it; others lead nowhere."""
    assert document.target == link_target(entry) and document.link, path
    assert document.link.type == entry["kind"]
    try:
        reached = case.h5[os_bytes(path)]
    except h5py_walk.FAILURES:
        return
    inside = reached.file.filename == case.h5.filename and entry["kind"] == "soft_link"
    assert document.link.resolved == inside, path
    assert document.kind == (KINDS[type(reached)] if inside else entry["kind"]), path
    assert document.num_attributes == (len(reached.attrs) if inside else 0), path
    if inside and isinstance(reached, h5py.Dataset):
        assert document.shape == list(reached.shape), path


def check_group(case: Case, path: str, document: Meta, group: Any) -> None:
    canonical = case.entries[path].get("canonical", path)
    below = f"{canonical.rstrip('/')}/"
    kinds = [e["kind"] for p, e in case.entries.items() if p.startswith(below) and "/" not in p[len(below) :]]
    if canonical == "/":
        kinds = [e["kind"] for p, e in case.entries.items() if p != "/" and p.count("/") == 1]
    counts = {name: getattr(document.links, name) for name in ("hard", "soft", "external", "other")}
    wanted = {"soft": kinds.count("soft_link"), "external": kinds.count("external_link")}
    wanted["other"] = kinds.count("unresolved")
    assert counts == wanted | {"hard": len(kinds) - sum(wanted.values())}
    assert document.num_children == len(kinds)
    try:
        tracked = group.get_create_plist().get_link_creation_order() & h5p.CRT_ORDER_TRACKED
    except RuntimeError:
        assert document.creation_order is msgspec.UNSET
    else:
        assert document.creation_order == bool(tracked)
    assert bool(document.file) == (path == "/")
    if document.file:
        check_file(case, document.file)


def check_file(case: Case, facts: Any) -> None:
    plist = case.h5.id.get_create_plist()
    strategy = plist.get_file_space_strategy()[0]
    assert facts.size == Path(case.h5.filename).stat().st_size
    assert facts.superblock_version == plist.get_version()[0]
    assert facts.userblock_size == case.h5.userblock_size
    assert facts.file_space_strategy == STRATEGIES[strategy]
    paged = strategy == h5f.FSPACE_STRATEGY_PAGE
    assert facts.page_size == (plist.get_file_space_page_size() if paged else None)


def check_type(document: Meta, tid: Any) -> None:
    assert document.type
    assert without_notes(msgspec.to_builtins(document.type)) == type_record(tid)
    check_dtype(document.path, document.dtype or "", tid)
    assert document.raw_type["class"] == tid.get_class() and document.raw_type["size"] == tid.get_size()


def check_dataset(case: Case, entry: dict[str, Any], document: Meta, dataset: Any) -> None:
    path = document.path
    for name in ("shape", "maxshape"):
        assert getattr(document, name) == (None if entry[name] is None else list(entry[name])), path
    assert (document.chunks or None) == (list(entry["chunks"]) if entry["chunks"] else None), path
    assert document.storage_size % (1 << 64) == entry["storage_size"], path  # libhdf5's sums wrap
    assert document.nbytes == entry["nbytes"], path
    assert document.layout == ("external" if entry["external_files"] else entry["layout"]), path
    filters = [(item.id, tuple(item.options)) for item in document.filters or ()]
    assert filters == [(code, options) for code, _, options in entry["filters"]], path
    high = h5py.Dataset(dataset)
    if entry["chunks"] and entry["shape"] is not None:
        assert document.num_chunks == dataset.get_num_chunks(), path
    several = sum(code in COMPRESSORS for code, _ in filters) > 1  # h5py names one in an order of its own
    if high.compression not in (None, "unknown") and not several:
        assert document.compression == high.compression, path
    if high.compression == "gzip" and not several:
        assert document.compression_opts == high.compression_opts, path
    for listed, wanted in (
        (document.external_files, high.external),
        (document.virtual_sources, sources(high)),
    ):
        found = [msgspec.structs.astuple(item)[:2] for item in listed or ()]
        assert found == [tuple(map(as_shown, item[:2])) for item in wanted or ()]
    check_fill(case, document, high)
    check_dimensions(case, document, high)


def as_shown(value: Any) -> Any:
    return shown(os_bytes(value)) if isinstance(value, str) else value


def sources(dataset: h5py.Dataset) -> list[tuple[str, str]]:
    found = dataset.virtual_sources() if dataset.is_virtual else []
    return [(item.file_name, item.dset_name) for item in found]


def check_fill(case: Case, document: Meta, dataset: h5py.Dataset) -> None:
    """The fill value, of types that h5py reads and that have no pointers."""
    try:
        value, dtype = dataset.fillvalue, dataset.dtype
    except h5py_walk.FAILURES:
        return
    undefined = dataset.id.get_create_plist().fill_value_defined() == h5d.FILL_VALUE_UNDEFINED
    if dtype.hasobject or undefined or dtype.subdtype:
        return
    assert same(case, document.fill_value, Expected(case.h5).array(value, dtype, 0)), document.path


def check_dimensions(case: Case, document: Meta, dataset: h5py.Dataset) -> None:
    """Labels and scales of each dimension; where h5py gives up on broken ones, they are not compared."""
    assert [item.size for item in document.dimensions or ()] == list(dataset.shape or ()), document.path
    for found, dimension in zip(document.dimensions or (), dataset.dims, strict=bool(dataset.shape)):
        assert (found.label or "") == dimension.label, document.path
        if any(item.name == "DIMENSION_LIST" and item.error for item in document.attributes):
            continue  # of references of HDF5 1.12, which we do not read and say so
        try:
            scales = [h5o.get_info(scale.id).addr for scale in dimension.values()]
        except h5py_walk.FAILURES:
            continue
        assert [case.address(path) for path in found.scales] == scales, document.path
