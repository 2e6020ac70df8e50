"""Listings of buckets, objects and versions as records, one page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from h5s3.errors import NetworkError
from h5s3.records import Entry
from h5s3.storage.base import strong_etag
from h5s3.storage.http.client import RedirectError
from h5s3.storage.location import Location
from h5s3.storage.stores.s3_pages import (
    BY_KEY,
    Advance,
    Ask,
    Fetch,
    Page,
    UnreadableError,
    page_of,
    read_page,
)
from h5s3.storage.trace import Trace


def list_buckets(client: Any) -> list[Entry]:
    """All buckets the identity may see."""
    answer = _listing(client.list_buckets(), "Buckets", "Owner")
    return [
        Entry(key=bucket["Name"], type="bucket", last_modified=_date(bucket.get("CreationDate")))
        for bucket in answer.get("Buckets", [])
    ]


def objects_page(client: Any, names: dict[str, Any]) -> Page:
    """A page of objects by way of boto3. Raises what boto3 raises, and `NetworkError` for what is no page."""
    answer = _listing(client.list_objects_v2(**names), "Name", "IsTruncated", "KeyCount", "Contents")
    entries = _prefixes(answer) + [_object(item) for item in answer.get("Contents", [])]
    return page_of(entries, answer.get("NextContinuationToken"), answer.get("IsTruncated", False))


class ObjectPages:
    """The pages of objects and common prefixes below a prefix, each by one pooled GET (`get`).

    Where that is sent elsewhere, or its answer cannot be read, boto3 asks once more (`ask_boto`): it finds
    out where the bucket is, and has the words for what it cannot do.
    """

    def __init__(
        self, get: Callable[[dict[str, Any]], bytes], ask_boto: Callable[[dict[str, Any]], Page], trace: Trace
    ) -> None:
        self._get, self._ask_boto, self._trace = get, ask_boto, trace

    def fetch(self, names: dict[str, Any], ask: Ask) -> Page:
        """One page. Raises the errors of h5s3, and those of boto3."""
        names = dict(names)
        if ask.token is not None:
            names["ContinuationToken"] = ask.token
        elif ask.after is not None:
            names["StartAfter"] = ask.after
        try:
            return read_page(self._get({**names, "EncodingType": "url"}))
        except (RedirectError, UnreadableError):
            pass
        self._trace.retry()
        self._trace.rounds += 1
        return self._ask_boto(names)


def one_by_one(fetch: Fetch, trace: Trace) -> Iterator[list[Entry]]:
    """All pages, each asked for when it is wanted."""
    advance, page = Advance(), Page([], truncated=True)
    while page.truncated:
        with trace.round():
            page = fetch(Ask(page.token))
        yield page.entries
        advance.note(page)


def list_versions(
    client: Any, trace: Trace, location: Location, recursive: bool, extra: dict[str, str]
) -> Iterator[list[Entry]]:
    """Prefixes and objects under a prefix, with every version and delete marker, newest first."""
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
        yield _newest_first(entries)


def _newest_first(entries: list[Entry]) -> list[Entry]:
    """Versions by key, the latest first; of one second, a delete marker before what it hides."""
    entries.sort(
        key=lambda entry: (entry.is_latest is True, entry.last_modified or "", entry.delete_marker is True),
        reverse=True,
    )
    return sorted(entries, key=BY_KEY)


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
