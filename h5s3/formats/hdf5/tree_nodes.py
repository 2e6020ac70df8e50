"""The nodes of a tree, each from one object or link."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from h5py import h5a

from h5s3.formats.base import Facts
from h5s3.formats.cf import one
from h5s3.formats.hdf5.objects.attributes import attribute_names, count_attributes, read_attribute
from h5s3.formats.hdf5.objects.file import plain_reason
from h5s3.formats.hdf5.objects.filters import compression
from h5s3.formats.hdf5.objects.links import Link, misleading
from h5s3.formats.hdf5.objects.reference_names import References
from h5s3.formats.hdf5.walk import Step
from h5s3.formats.names import names_of, text_of
from h5s3.records import (
    UNSET,
    AttributedNode,
    DatasetNode,
    ExternalLinkNode,
    GroupNode,
    SoftLinkNode,
    Tree,
    TreeNode,
    UnresolvedNode,
    to_json,
)

ATTRIBUTES_SHOWN = 20
INTERNAL = {  # attributes by which HDF5's dimension scales and netCDF-4 find their own, not for people
    b"CLASS", b"DIMENSION_LIST", b"REFERENCE_LIST", b"_Netcdf4Coordinates", b"_Netcdf4Dimid",
}  # fmt: skip


@dataclass
class Wanted:
    """How many attributes of each object are wanted (0: all of them, also those that conventions use inside),
    and how many bytes all of them together may take."""

    each: int
    left: int


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


def add_attributes(
    node: AttributedNode | Tree, file: Any, found: Any, wanted: Wanted, references: References
) -> None:
    """Give a node its first attributes; none once all together take what they may."""
    number = count_attributes(found)
    most = wanted.each and wanted.each + len(INTERNAL)
    names = attribute_names(found, most) if wanted.left > 0 else []
    shown = [name for name in names if name not in INTERNAL][: wanted.each] if wanted.each else names
    attributes = [references.noted(partial(read_attribute, file, found, name)) for name in shown]
    wanted.left -= len(to_json(list(attributes)))
    node.num_attributes, node.attributes = number, attributes
    hidden = sum(name in INTERNAL for name in names) if wanted.each else 0
    node.attributes_truncated = len(attributes) + hidden < number


def nx_class(group: Any) -> str | None:
    """The NeXus class of a group (https://www.nexusformat.org), a text attribute, where it has one."""
    if not h5a.exists(group, b"NX_class"):
        return None
    try:
        value = one(read_attribute(group, group, b"NX_class").value)
    except (OSError, RuntimeError, ValueError, KeyError):
        return None
    return value if isinstance(value, str) and len(value) <= 64 else None


def link_node(link: Link, named: dict[str, Any]) -> TreeNode:
    """The node of a link that is not hard."""
    if link.link_class == "soft":
        return SoftLinkNode(**named, target=text_of(link.target))
    if link.link_class == "external":
        name, inside = text_of(link.target_file), text_of(link.target)
        return ExternalLinkNode(**named, target=f"{name}:{inside}", target_file=name, target_path=inside)
    return UnresolvedNode(
        **named, reason="its name is a path" if misleading(link.name) else "a user-defined link"
    )


def unresolved(step: Step[GroupNode], error: Exception) -> UnresolvedNode:
    """The node of what could not be opened."""
    return UnresolvedNode(**names_of(step.link.name), path=text_of(step.path), reason=plain_reason(error))
