"""One object in full: attributes, datatype, layout, filters, links, and for the root the file's own facts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from shlex import quote
from typing import Any

import numpy as np

from h5s3.errors import H5s3Error, NotFoundError, NoValuesError, UsageError
from h5s3.formats.hdf5.conventions.detect import conventions
from h5s3.formats.hdf5.data.chunk_index import count_storage, read_index
from h5s3.formats.hdf5.data.small_values import add_value, is_small, read_small
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.file_space import file_space
from h5s3.formats.hdf5.follow.places import find, reading
from h5s3.formats.hdf5.objects.attributes import (
    attribute_names,
    count_attributes,
    has_attribute,
    named_values,
    read_attribute,
)
from h5s3.formats.hdf5.objects.datasets import fill_value, read_facts, virtual_sources
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.filters import compression
from h5s3.formats.hdf5.objects.links import (
    MOST_NAMES,
    Found,
    Link,
    count_links,
    kind_of,
    list_links,
    tracks_creation,
)
from h5s3.formats.hdf5.objects.reference_names import name_targets
from h5s3.formats.hdf5.objects.values import Namer, memory_dtype
from h5s3.formats.hdf5.shapes import facts_of
from h5s3.formats.names import names_of, nearest, raw_path, shown_by, text_of
from h5s3.formats.requests import MetaRequest
from h5s3.records import (
    UNSET,
    Attribute,
    Dimension,
    ExternalFile,
    FileFacts,
    LinkCounts,
    LinkInfo,
    Meta,
    StoredChunk,
    TypeInfo,
    VirtualSource,
)

ATTRIBUTES_SHOWN = 20
MOST_LINKS = 10_000  # of one group that are counted by class


def read_meta(file: OpenFile, asked: MetaRequest) -> Meta:
    """The object at a path, with its first attributes, all of them, or just one.

    Raises `NotFoundError` for a path or an attribute that is not there.
    """
    raw = raw_path(asked.path)
    place = find(file, raw)
    location = file.info.location
    document = Meta(
        location=location.display,
        key=location.shown_key,
        etag=file.info.etag,
        path=text_of(raw),
        **names_of(raw.rpartition(b"/")[2] or b"/"),
        kind="unresolved",
        attributes=[],
        num_attributes=0,
    )
    document.followed = place.followed
    if place.link is not None and place.link.link_class != "hard":
        _add_link(document, place.link, place.found.object is not None)
    if place.found.object is not None:
        with reading(place):
            _add_object(document, place.file, place.found, asked)
    return document


def _add_link(document: Meta, link: Link, resolved: bool) -> None:
    if link.link_class == "other":
        document.reason = "a user-defined link"
        return
    target = text_of(link.target)
    if link.link_class == "external":
        target = f"{text_of(link.target_file)}:{target}"
    document.kind = "external_link" if link.link_class == "external" else "soft_link"
    document.target = target
    document.link = LinkInfo(type=document.kind, target=target, resolved=resolved)


def _add_object(document: Meta, file: OpenFile, found: Found, asked: MetaRequest) -> None:
    namer = name_targets(file, found)
    document.kind = kind_of(found.object)
    if asked.chunks and document.kind != "dataset":
        raise UsageError(
            f"{document.path} is a {document.kind}: it has no chunks", hint=shown_by(document.path)
        )
    if document.kind == "group":
        add_group(document, found.object)
        if found.path == b"/":
            add_file(document, file)
    elif document.kind == "dataset":
        add_dataset(document, file, found.object, namer)
        if asked.chunks:
            _add_chunks(document, file, found.object, asked.chunks)
    else:
        add_datatype(document, found.object)
    _add_attributes(document, file, found.object, namer, asked)


def _add_attributes(document: Meta, file: OpenFile, found: Any, namer: Namer, asked: MetaRequest) -> None:
    """All attributes of one object are siblings: they are read as one wave."""

    def unlisted(_: int, error: Exception) -> list[bytes]:
        document.reason = f"the attributes cannot be listed: {plain_reason(error)}"
        return []

    limit, only = 0 if asked.all_attributes else ATTRIBUTES_SHOWN, asked.attribute
    document.num_attributes = count_attributes(found)
    (names,) = gather(file.blocks, [partial(attribute_names, found, limit)], unlisted)
    if only is not None:
        names = [os.fsencode(only)]
        if not has_attribute(found, names[0]):
            raise _no_attribute(found, document.path, only)
    document.attributes = gather(
        file.blocks,
        [partial(read_attribute, file.h5.id, found, name, namer) for name in names],
        lambda index, error: _unreadable(names[index], error),
    )
    document.attributes_truncated = only is None and len(names) < document.num_attributes


def _add_chunks(document: Meta, file: OpenFile, dataset: Any, most: int) -> None:
    """Where the chunks of a dataset are stored. Raises `NoValuesError` where it has none."""
    facts = read_facts(dataset)
    if not facts.chunks:
        raise NoValuesError(f"{document.path} is not stored in chunks: its layout is {facts.layout}")
    index = read_index(dataset, facts, file, most)
    table = index.table.copy()
    table[:, :-3] *= np.array(facts.chunks, dtype=table.dtype)
    document.chunk_index = [
        StoredChunk(coordinates=row[:-3], offset=row[-3], size=row[-2], filter_mask=row[-1])
        for row in table.tolist()
    ]
    document.chunk_index_truncated = not index.complete


def _unreadable(name: bytes, error: Exception) -> Attribute:
    reason = error.cause if isinstance(error, H5s3Error) else plain_reason(error)
    return Attribute(**names_of(name), value=None, dtype="unknown", shape=None, error=reason)


def add_group(document: Meta, group: Any) -> None:
    """Number of links, by class."""
    document.num_children = count_links(group)
    counts = LinkCounts()
    for link in list_links(group, MOST_LINKS):
        setattr(counts, link.link_class, getattr(counts, link.link_class) + 1)
    document.links = counts
    if document.num_children > MOST_LINKS:
        document.links_truncated = True
    tracked = tracks_creation(group)
    if tracked is not None:
        document.creation_order = tracked


def add_file(document: Meta, file: OpenFile) -> None:
    """Superblock, user block, file space, and the conventions the file follows."""
    space = file_space(file)
    document.file = FileFacts(
        size=file.info.size,
        superblock_version=space.superblock_version,
        userblock_size=space.userblock_size,
        file_space_strategy=space.strategy,
        page_size=space.page_size,
        conventions=conventions(file),
    )


def add_datatype(document: Meta, tid: Any) -> None:
    """A committed datatype."""
    document.type = describe(tid)
    document.dtype = short(document.type)
    document.raw_type = raw_type(document.type, tid)


def _no_attribute(found: Any, path: str, name: str) -> NotFoundError:
    """The error for an attribute that is not there, with the one that may have been meant."""
    meant = nearest(name, map(text_of, attribute_names(found, MOST_NAMES)))
    command = "try: h5s3 meta {location} " + f"{quote(path)} --all-attrs"
    return NotFoundError(
        f"{path} has no attribute {name}", hint=f"did you mean {meant}?" if meant else command
    )


def raw_type(info: TypeInfo, tid: Any) -> dict[str, Any]:
    """The type as HDF5's own codes, in the form h5grove gives it to viewers."""
    raw: dict[str, Any] = {"class": int(tid.get_class()), "size": int(tid.get_size())}
    found = memory_dtype(tid)
    raw["dtype"] = found and (found.str if found.names is None else "compound")
    if info.class_ in ("integer", "float", "bitfield"):
        raw["order"] = int(tid.get_order())
    if info.class_ == "integer":
        raw["sign"] = int(tid.get_sign())
    if info.class_ == "string":
        raw |= {"cset": int(tid.get_cset()), "strpad": int(tid.get_strpad())}
        raw["vlen"] = bool(tid.is_variable_str())
    return raw


def add_dataset(document: Meta, file: OpenFile, dataset: Any, namer: Namer) -> None:
    """Shape, type, layout, filters, storage, dimension scales."""
    facts = facts_of(file, dataset)
    document.shape = None if facts.shape is None else list(facts.shape)
    document.maxshape = None if facts.maxshape is None else list(facts.maxshape)
    document.type, document.dtype = facts.type, facts.dtype
    document.raw_type = raw_type(facts.type, dataset.get_type())
    document.size, document.ndim, document.nbytes = facts.size, facts.ndim, facts.nbytes
    document.layout = facts.layout
    document.filters = facts.filters
    document.fill_value = fill_value(dataset, file.h5.id)
    counting = partial(count_storage, dataset, facts, file)
    ((document.storage_size, chunks),) = gather(file.blocks, [counting], lambda *_: (None, None))
    if facts.layout == "contiguous" and document.storage_size:  # of what was not written it tells nonsense
        document.offset = dataset.get_offset()
    if facts.chunks:
        document.chunks, document.num_chunks = list(facts.chunks), chunks
    packed, options = compression(facts.filters)
    if is_small(facts):
        (small,) = gather(file.blocks, [partial(read_small, file, dataset, namer)], lambda *_: None)
        add_value(document, small)
    if packed:
        document.compression, document.compression_opts = packed, options
    if document.storage_size and facts.nbytes:
        document.compression_ratio = round(facts.nbytes / document.storage_size, 4)
    if facts.external:
        document.external_files = facts.external
        dcpl = dataset.get_create_plist()
        names = [dcpl.get_external(index)[0] for index in range(len(facts.external))]
        _add_problems(file, facts.external, names)
    if facts.layout == "virtual":
        document.virtual_sources, document.virtual_sources_truncated = virtual_sources(dataset)
        named = [item for item in document.virtual_sources if not item.same_file and "%" not in item.file]
        _add_problems(file, named, [os.fsencode(item.file) for item in named])
    document.dimensions = dimensions(file, dataset, facts.shape or (), namer)
    document.is_scale = named_values(file, dataset, [b"CLASS"]).get(b"CLASS") == "DIMENSION_SCALE"


def _add_problems(
    file: OpenFile, items: Sequence[VirtualSource | ExternalFile], names: Sequence[bytes]
) -> None:
    """Where other files are followed, say of those of these names why they are not to be had."""
    if file.files is None:
        return
    file.files.look(file, names)
    for item, name in zip(items, names, strict=True):
        item.error = file.files.why_not(file, name) or UNSET


def dimensions(file: OpenFile, dataset: Any, shape: tuple[int, ...], namer: Namer) -> list[Dimension]:
    """Labels and scales of each dimension (HDF5 Dimension Scale Specification: two attributes)."""
    names = (b"DIMENSION_LABELS", b"DIMENSION_LIST")
    values = named_values(file, dataset, names, namer)
    labels, scales = (v if isinstance(v, list) else [] for v in map(values.get, names))
    found = []
    for index, size in enumerate(shape):
        dimension = Dimension(size=size)
        if index < len(labels) and isinstance(labels[index], str) and labels[index]:
            dimension.label = labels[index]
        if index < len(scales) and isinstance(scales[index], list):
            dimension.scales = [name for name in scales[index] if isinstance(name, str)]
        found.append(dimension)
    return found
