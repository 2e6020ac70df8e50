"""Listings of buckets, objects and versions as records, one page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from h5s3.errors import NetworkError
from h5s3.records import Entry
from h5s3.storage.base import strong_etag
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace


def list_buckets(client: Any) -> list[Entry]:
    """All buckets the identity may see."""
    answer = _listing(client.list_buckets(), "Buckets", "Owner")
    return [
        Entry(key=bucket["Name"], type="bucket", last_modified=_date(bucket.get("CreationDate")))
        for bucket in answer.get("Buckets", [])
    ]


def list_objects(
    client: Any, trace: Trace, location: Location, recursive: bool, extra: dict[str, str]
) -> Iterator[Entry]:
    """Prefixes and objects under a prefix, in key order."""
    for page in _pages(client, "list_objects_v2", trace, location, recursive, extra):
        objects = [_object(item) for item in page.get("Contents", [])]
        yield from sorted(_prefixes(page) + objects, key=lambda entry: entry.key)


def list_versions(
    client: Any, trace: Trace, location: Location, recursive: bool, extra: dict[str, str]
) -> Iterator[Entry]:
    """Like `list_objects`, with every version and delete marker, newest first."""
    for page in _pages(client, "list_object_versions", trace, location, recursive, extra):
        entries = _prefixes(page)
        for item in page.get("Versions", []):
            entry = _object(item)
            entry.version_id, entry.is_latest = item.get("VersionId"), bool(item.get("IsLatest"))
            entries.append(entry)
        for item in page.get("DeleteMarkers", []):
            marker = Entry(key=item["Key"], type="object", last_modified=_date(item.get("LastModified")))
            marker.version_id, marker.is_latest = item.get("VersionId"), bool(item.get("IsLatest"))
            marker.delete_marker = True
            entries.append(marker)
        entries.sort(key=lambda entry: entry.last_modified or "", reverse=True)
        yield from sorted(entries, key=lambda entry: entry.key)


def _pages(
    client: Any, operation: str, trace: Trace, location: Location, recursive: bool, extra: dict[str, str]
) -> Iterator[dict[str, Any]]:
    arguments = {"Bucket": location.bucket, "Prefix": location.key, **extra}
    if not recursive:
        arguments["Delimiter"] = "/"
    pages = iter(client.get_paginator(operation).paginate(**arguments))
    more = True
    while more:
        with trace.round():
            page: dict[str, Any] = next(pages, {})
        yield _listing(page, "Name", "IsTruncated", "KeyCount", "Contents") if page else page
        more = page.get("IsTruncated", False)


def _listing(answer: dict[str, Any], *signs: str) -> dict[str, Any]:
    """The answer, which has one of these parts. Any page of XHTML would do for an empty listing otherwise."""
    if not any(sign in answer for sign in signs):
        raise NetworkError("the server does not answer like S3", hint="check --endpoint-url")
    return answer


def _prefixes(page: dict[str, Any]) -> list[Entry]:
    return [Entry(key=item["Prefix"], type="prefix") for item in page.get("CommonPrefixes", [])]


def _object(item: dict[str, Any]) -> Entry:
    entry = Entry(
        key=item["Key"],
        type="object",
        size=item.get("Size"),
        last_modified=_date(item.get("LastModified")),
        etag=strong_etag(item.get("ETag")),
    )
    if item.get("StorageClass"):
        entry.storage_class = item["StorageClass"]
    return entry


def _date(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat(timespec="seconds") if value else None
