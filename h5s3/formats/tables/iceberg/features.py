"""What a reader of a table has to know, and whether it is known here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from h5s3.formats.tables.iceberg.deletes import Delete
from h5s3.formats.tables.iceberg.manifests import Entry
from h5s3.formats.tables.iceberg.metadata import KNOWN, Metadata
from h5s3.formats.tables.iceberg.types import by_id
from h5s3.formats.tables.place import Place, beside
from h5s3.formats.tables.table import Column, DataFile
from h5s3.records import UNSET, Feature

MAPPING = "schema.name-mapping.default"
READ = "parquet"  # the format of files that rows are read from


def features_of(
    metadata: Metadata, columns: Sequence[Column], files: Sequence[DataFile], deletes: Iterable[Delete]
) -> list[Feature]:
    """All of them, those of the format first."""
    inside = [chain[-1] for chain in by_id(columns).values()]
    found = {f"format version {metadata.format_version}": metadata.format_version in KNOWN}
    for one in deletes:
        found[_kind(one)] = True
    if any(column.default is not UNSET for column in inside):
        found["column defaults"] = True
    if MAPPING in (metadata.properties or {}):
        found["name mapping"] = True
    for column in inside:
        if column.arrow is None and not column.children:
            found[f"type {column.type}"] = False
    for name in {file.format for file in files}:
        if name != READ:
            found[f"data files of format {name}"] = False
    if metadata.encryption_keys or any(_is_encrypted(file.detail) for file in files):
        found["encryption"] = False
    return [Feature(name=name, known=known) for name, known in found.items()]


def _kind(one: Delete) -> str:
    if one.vector:
        return "deletion vectors"
    return "equality deletes" if one.equality else "position deletes"


def _is_encrypted(entry: Entry) -> bool:
    return entry.encrypted


def refusal(
    metadata: Metadata,
    columns: Sequence[Column],
    files: Sequence[DataFile],
    deletes: Sequence[Delete],
    place: Place,
) -> str | None:
    """Why rows cannot be read right; None where they can."""
    if metadata.format_version not in KNOWN:
        return f"format version {metadata.format_version} is not known here"
    if metadata.encryption_keys or any(_is_encrypted(file.detail) for file in files):
        return "encryption: its files need keys"
    for file in files:
        if reason := _why_not(file, place):
            return reason
    ids = by_id(columns).keys()
    return next((reason for one in deletes if (reason := _why_not_deleted(one, ids, place))), None)


def _why_not(file: DataFile, place: Place) -> str | None:
    if file.format != READ:
        return f"data files of format {file.format} are not read here"
    if file.elsewhere:
        return f"files elsewhere: {beside(file.path)} ({place.against(file.path)})"
    if sum(one.vector for one in file.deletes) > 1:
        return f"deletion vectors: {file.path} has two of them"
    return None


def _why_not_deleted(one: Delete, ids: Set[int], place: Place) -> str | None:
    if one.path is None:
        why = place.against(one.entry.path)
        return f"files elsewhere: {one.entry.path}, which hides rows, lies outside the table ({why})"
    if one.entry.encrypted:
        return "encryption: its files need keys"
    if one.entry.format not in (READ, "puffin"):
        return f"deletes of format {one.entry.format} are not read here"
    if one.equality and not one.entry.equality_ids:
        return "equality deletes that name no columns"
    if one.equality and not ids >= set(one.entry.equality_ids):
        return "equality deletes by a column that was dropped"
    return None
