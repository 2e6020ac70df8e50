"""One link of a group as a node of the tree. Pure questions: each may be asked again after a miss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
from h5py import h5a

from h5s3.errors import H5s3Error
from h5s3.formats.base import Facts
from h5s3.formats.hdf5.fetch.block_file import Miss
from h5s3.formats.hdf5.objects.attributes import attribute_names, count_attributes, read_attribute
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import plain_reason
from h5s3.formats.hdf5.objects.filters import compression
from h5s3.formats.hdf5.objects.links import Link, count_links, misleading, open_link
from h5s3.formats.names import join, names_of, text_of
from h5s3.records import (
    UNSET,
    AttributedNode,
    DatasetNode,
    DatatypeNode,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    Tree,
    TreeNode,
    UnresolvedNode,
    to_json,
)


@dataclass
class Wanted:
    """How many attributes of each object are wanted, and how many bytes all of them together may take."""

    each: int
    left: int


@dataclass(frozen=True)
class Child:
    """A node, and the address of its object (None for links that are not hard)."""

    node: TreeNode
    path: bytes
    address: int | None = None


def describe_link(
    file: Any, group: Any, parent: bytes, link: Link, attributes: Wanted | None, counts: dict[int, int]
) -> Child:
    """What a link leads to. `attributes`: those to read with their values (None: do not look).

    `counts` keeps how many links groups have, by address: to count those of an old group reads all of it.
    """
    path = join(parent, link.name)
    named = {**names_of(link.name), "path": text_of(path)}
    if link.link_class == "soft":
        return Child(SoftLinkNode(**named, target=text_of(link.target)), path)
    if link.link_class == "external":
        name, inside = text_of(link.target_file), text_of(link.target)
        shown = ExternalLinkNode(**named, target=f"{name}:{inside}", target_file=name, target_path=inside)
        return Child(shown, path)
    if link.link_class == "other":
        reason = "its name is a path" if misleading(link.name) else "a user-defined link"
        return Child(UnresolvedNode(**named, reason=reason), path)
    found = open_link(group, link)
    node = _object_node(found, named, link.address, counts)
    if attributes is not None:
        add_attributes(node, file, found, attributes)
    return Child(node, path, link.address)


def _object_node(
    found: Any, named: dict[str, Any], address: int | None, counts: dict[int, int]
) -> GroupNode | DatasetNode | DatatypeNode:
    if isinstance(found, h5py.h5g.GroupID):
        many = counts.get(address or 0)
        if many is None:
            many = counts[address or 0] = count_links(found)
        return GroupNode(**named, num_children=many, nx_class=nx_class(found) or UNSET)
    if isinstance(found, h5py.h5d.DatasetID):
        return dataset_node(read_facts(found), named)
    return DatatypeNode(**named, dtype=short(describe(found)))


def dataset_node(facts: Facts, named: dict[str, Any]) -> DatasetNode:
    """The node of a dataset. The chunk index is not looked at: its requests are for `meta` to make."""
    packed, _ = compression(facts.filters)
    resizable = facts.maxshape != facts.shape and facts.maxshape is not None
    return DatasetNode(
        **named,
        shape=None if facts.shape is None else list(facts.shape),
        dtype=facts.dtype,
        size=facts.size,
        ndim=facts.ndim,
        nbytes=facts.nbytes,
        maxshape=list(facts.maxshape or ()) if resizable else UNSET,
        layout=facts.layout,
        chunks=list(facts.chunks) if facts.chunks else UNSET,
        compression=packed or UNSET,
        filters=[item.name for item in facts.filters] or UNSET,
        external_files=[item.name for item in facts.external] or UNSET,
    )


def add_attributes(node: AttributedNode | Tree, file: Any, found: Any, wanted: Wanted) -> None:
    """Give a node its first attributes; none once all together take what they may."""
    node.num_attributes = count_attributes(found)
    names = attribute_names(found, wanted.each) if wanted.left > 0 else []
    node.attributes = [read_attribute(file, found, name) for name in names]
    wanted.left -= len(to_json(list(node.attributes)))
    node.attributes_truncated = len(node.attributes) < node.num_attributes


def nx_class(group: Any) -> str | None:
    """The NeXus class of a group (https://www.nexusformat.org), a text attribute, where it has one."""
    if not h5a.exists(group, b"NX_class"):
        return None
    try:
        value = read_attribute(group, group, b"NX_class").value
    except (Miss, H5s3Error):
        raise
    except (OSError, RuntimeError, ValueError, KeyError):
        return None
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) and len(value) <= 64 else None


def unresolved(parent: bytes, link: Link, error: Exception) -> Child:
    """The node of what could not be opened."""
    path = join(parent, link.name)
    return Child(
        UnresolvedNode(**names_of(link.name), path=text_of(path), reason=plain_reason(error)), path, None
    )
