"""One object in full: attributes, datatype, layout, filters, links, and for the root the file's own facts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from h5s3.errors import H5s3Error, NotFoundError
from h5s3.explore.session import Session, shown_key
from h5s3.records import Attribute, LinkInfo, Meta
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.formats.hdf5.objects.file import OpenFile
    from h5s3.formats.hdf5.objects.links import Found

ATTRIBUTES_SHOWN = 20


def meta(
    session: Session,
    location: Location,
    path: str = "/",
    *,
    attribute: str | None = None,
    all_attributes: bool = False,
) -> Meta:
    """Everything about the object at `path`, with its first 20 attributes, all of them, or just one.

    Raises `NotFoundError` for a path or an attribute that is not there, and what opening the file raises.
    """
    options = {"path": path, "attribute": attribute, "all": all_attributes}
    limit = 0 if all_attributes else ATTRIBUTES_SHOWN
    return session.answer(Meta, location, options, lambda file: _describe(file, path, attribute, limit))


def _describe(file: OpenFile, path: str, attribute: str | None, limit: int) -> Meta:
    from h5s3.formats.hdf5.objects.names import names_of, raw_path, text_of

    raw = raw_path(path)
    found = file.find(raw)
    location = file.info.location
    document = Meta(
        location=location.display,
        key=shown_key(location),
        etag=file.info.etag,
        path=text_of(raw),
        **names_of(raw.rpartition(b"/")[2] or b"/"),
        kind="unresolved",
        attributes=[],
        num_attributes=0,
    )
    if found.link is not None and found.link.link_class != "hard":
        _add_link(document, found)
    if found.object is not None:
        _add_object(document, file, found, attribute, limit)
    return document


def _add_link(document: Meta, found: Found) -> None:
    from h5s3.formats.hdf5.objects.names import text_of

    link = found.link
    if link is None or link.link_class == "other":
        document.reason = "a user-defined link"
        return
    target = text_of(link.target)
    if link.link_class == "external":
        target = f"{text_of(link.target_file)}:{target}"
    document.kind = "external_link" if link.link_class == "external" else "soft_link"
    document.target = target
    document.link = LinkInfo(type=document.kind, target=target, resolved=found.object is not None)


def _add_object(document: Meta, file: OpenFile, found: Found, attribute: str | None, limit: int) -> None:
    from h5s3.formats.hdf5.objects.links import kind_of
    from h5s3.formats.hdf5.objects.meta_details import add_dataset, add_datatype, add_file, add_group
    from h5s3.formats.hdf5.objects.reference_names import name_targets

    namer = name_targets(file, found)
    document.kind = kind_of(found.object)
    if document.kind == "group":
        add_group(document, found.object)
        if document.path == "/":
            add_file(document, file)
    elif document.kind == "dataset":
        add_dataset(document, file, found.object, namer)
    else:
        add_datatype(document, found.object)
    _add_attributes(document, file, found.object, namer, attribute, limit)


def _add_attributes(
    document: Meta, file: OpenFile, found: Any, namer: Any, only: str | None, limit: int
) -> None:
    """All attributes of one object are siblings: they are read as one wave."""
    import os

    from h5s3.formats.hdf5.fetch.waves import gather
    from h5s3.formats.hdf5.objects.attributes import (
        attribute_names,
        count_attributes,
        has_attribute,
        read_attribute,
    )
    from h5s3.formats.hdf5.objects.file import plain_reason

    def unlisted(_: int, error: Exception) -> list[bytes]:
        document.reason = f"the attributes cannot be listed: {plain_reason(error)}"
        return []

    document.num_attributes = count_attributes(found)
    (names,) = gather(file.blocks, [partial(attribute_names, found, limit)], unlisted)
    if only is not None:
        names = [os.fsencode(only)]
        if not has_attribute(found, names[0]):
            raise NotFoundError(f"{document.path} has no attribute {only}", hint="try: h5s3 meta --all-attrs")
    document.attributes = gather(
        file.blocks,
        [partial(read_attribute, file.h5.id, found, name, namer) for name in names],
        lambda index, error: _unreadable(names[index], error),
    )
    document.attributes_truncated = only is None and len(names) < document.num_attributes


def _unreadable(name: bytes, error: Exception) -> Attribute:
    from h5s3.formats.hdf5.objects.file import plain_reason
    from h5s3.formats.hdf5.objects.names import names_of

    reason = error.cause if isinstance(error, H5s3Error) else plain_reason(error)
    return Attribute(**names_of(name), value=None, dtype="unknown", shape=None, error=reason)
