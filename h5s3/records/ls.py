"""What `ls` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Record


class Entry(Record, kw_only=True):
    """A bucket, a prefix (common prefix up to the next `/`), or an object."""

    key: str
    type: Literal["object", "prefix", "bucket"]
    size: int | None = None
    last_modified: str | None = None
    etag: str | None = None
    storage_class: str | UnsetType = UNSET
    version_id: str | UnsetType = UNSET
    is_latest: bool | UnsetType = UNSET
    delete_marker: bool | UnsetType = UNSET


class Listing(Document, kw_only=True):
    """What a bucket or prefix holds."""

    schema: Literal["h5s3/ls/1"] = "h5s3/ls/1"
    location: str
    entries: list[Entry]
    truncated: bool = False
    cached: bool = False
