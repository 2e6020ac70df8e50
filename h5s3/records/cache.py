"""What `cache` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Record

What = Literal["directory", "file", "database", "entries"]


class CacheInfo(Document, kw_only=True):
    """State of the persistent cache."""

    schema: Literal["h5s3/cache/1"] = "h5s3/cache/1"
    path: str
    exists: bool
    entries: int
    bytes: int
    limit: int
    blocks: int
    answers: int
    problem: str | None = None


class CacheFinding(Record, kw_only=True):
    """One kind of damage: how much of it there was, and whether it is mended now."""

    what: What
    detail: str
    count: int = 1
    mended: bool
    remedy: str | UnsetType = UNSET  # what is left to do


class CacheVerify(Document, kw_only=True):
    """What was checked, found and mended."""

    schema: Literal["h5s3/cache-verify/1"] = "h5s3/cache-verify/1"
    path: str
    exists: bool
    dry_run: bool
    status: Literal["sound", "mended", "damaged"] = "sound"
    entries: int = 0  # that were read, the bad ones among them
    bytes: int = 0  # of their values
    other_files: int = 0  # in the cache's own directory that are none of its own: left alone
    findings: list[CacheFinding] = []


class CacheClear(Document, kw_only=True):
    """How much was forgotten."""

    schema: Literal["h5s3/cache-clear/1"] = "h5s3/cache-clear/1"
    path: str
    entries: int


class CachePath(Document, kw_only=True):
    """Where the cache is, or would be."""

    schema: Literal["h5s3/cache-path/1"] = "h5s3/cache-path/1"
    path: str
