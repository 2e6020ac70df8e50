"""Stored and logical bytes below a path."""

from __future__ import annotations

from dataclasses import replace
from operator import methodcaller

from h5s3.errors import UsageError
from h5s3.explore.session import Session
from h5s3.formats.requests import UsageRequest
from h5s3.records import UNSET, DiskUsage
from h5s3.storage.location import Location

KEPT = 10_000  # entries of an answer that is to be shown in part: another --limit finds them


def du(session: Session, location: Location, asked: UsageRequest | None = None) -> DiskUsage:
    """What groups and datasets take, in bytes; metadata alone is read.

    The sums count everything below, at any depth. Each object counts once, at its shortest path; no link is
    followed but hard ones. Raises `NotFoundError`, and what opening the file raises.
    """
    asked = asked or UsageRequest()
    kept = replace(asked, limit=KEPT if 0 < asked.limit <= KEPT else asked.limit)
    found = session.answer(DiskUsage, location, kept, methodcaller("usage", kept))
    if asked.partitions and found.partitions is UNSET:
        raise UsageError("--partitions is about tables, and this is none", location=location.display)
    if asked.limit and len(found.entries) > asked.limit:
        found.entries = found.entries[: asked.limit]
        found.entries_truncated = True
    if asked.limit and found.partitions is not UNSET:
        found.partitions = found.partitions[: asked.limit]
    return found
