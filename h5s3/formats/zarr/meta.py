"""One group or array in full."""

from __future__ import annotations

from shlex import quote

from h5s3.errors import NotFoundError, NoValuesError
from h5s3.formats.encoding.documents import Fields
from h5s3.formats.names import nearest, shown_by
from h5s3.formats.requests import MetaRequest
from h5s3.formats.zarr.attributes import attributes_of
from h5s3.formats.zarr.hierarchy import Hierarchy
from h5s3.formats.zarr.nodes import ArrayNode, Group, compression_of
from h5s3.formats.zarr.stored import stored_sizes
from h5s3.records import UNSET, Dimension, Meta, StoreFacts
from h5s3.storage.base import ObjectInfo

ATTRIBUTES_SHOWN = 20


def read_meta(store: Hierarchy, info: ObjectInfo, asked: MetaRequest) -> Meta:
    """What is at a path. Raises `NotFoundError` for a path or an attribute that is not there."""
    path = asked.path.strip("/")
    node = store.node(path)
    assert isinstance(node, Group | ArrayNode)
    document = Meta(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        path=asked.path,
        name=path.rpartition("/")[2] or "/",
        kind="dataset" if isinstance(node, ArrayNode) else "group",
        attributes=[],
        num_attributes=len(node.attributes),
        zarr_format=node.version,
    )
    if asked.chunks:
        hint = "h5s3 ls -r lists them" if isinstance(node, ArrayNode) else shown_by(asked.path)
        raise NoValuesError("the chunks of a Zarr array are objects of their own", hint=hint)
    if isinstance(node, ArrayNode):
        _add_array(document, store, path, node)
    elif store.consolidated or store.objects.listed:
        store.list_groups([path])
        document.num_children = len(store.names(path))
    if not path:
        conventions = _conventions(node.attributes)
        document.store = StoreFacts(
            zarr_format=node.version, consolidated=store.consolidated, conventions=conventions
        )
    _add_attributes(document, node.attributes, asked)
    return document


def _add_attributes(document: Meta, values: Fields, asked: MetaRequest) -> None:
    only = asked.attribute
    if only is None:
        most = 0 if asked.all_attributes else ATTRIBUTES_SHOWN
        document.attributes = attributes_of(values, most=most)
        document.attributes_truncated = len(document.attributes) < len(values)
        return
    if only not in values:
        meant = nearest(only, values)
        command = "try: h5s3 meta {location} " + f"{quote(document.path)} --all-attrs"
        hint = f"did you mean {meant}?" if meant else command
        raise NotFoundError(f"{document.path} has no attribute {only}", hint=hint)
    document.attributes = attributes_of(values, [only])


def _add_array(document: Meta, store: Hierarchy, path: str, node: ArrayNode) -> None:
    facts = node.facts
    document.shape, document.maxshape = list(node.shape), list(node.shape)
    document.dtype, document.type = facts.dtype, facts.type
    document.raw_type = node.document.get("dtype" if node.version == 2 else "data_type")
    document.size, document.ndim, document.nbytes = facts.size, facts.ndim, facts.nbytes
    document.layout, document.codecs = facts.layout, list(node.codecs)
    document.fill_value = node.document.get("fill_value")
    if node.chunks:
        document.chunks = list(node.chunks)
    (stored,) = stored_sizes(store, [(path, node)])
    document.storage_size = stored.stored if stored else None
    count = stored.objects if stored else None
    if node.sharding:
        document.shards, document.num_shards = list(node.sharding.shape), count
    else:
        document.num_chunks = count
    packed = compression_of(node.inner)
    if packed:
        document.compression = packed
        options = next(codec.configuration for codec in reversed(node.inner) if codec.name == packed)
        document.compression_opts = None if options is UNSET else options
    if stored and stored.stored and facts.nbytes and not node.kind.variable:
        document.compression_ratio = round(facts.nbytes / stored.stored, 4)
    document.dimensions = [
        Dimension(size=size, label=name or UNSET)
        for size, name in zip(node.shape, node.dimensions, strict=True)
    ]
    if node.is_small:  # NumPy is loaded for these alone
        from h5s3.formats.zarr.data.small_values import add_value

        add_value(store, path, node, document)


def _conventions(attributes: Fields) -> list[str]:
    """What the attributes of the root say of the conventions that a store follows."""
    found = []
    named = attributes.get("Conventions")
    if isinstance(named, str):
        found.append(named[:100])
    if "multiscales" in attributes or isinstance(attributes.get("ome"), dict):
        found.append("OME-Zarr" if "ome" in attributes or "omero" in attributes else "multiscales")
    if "encoding-type" in attributes:
        found.append("AnnData")
    return found
