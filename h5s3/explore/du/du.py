"""Stored and logical bytes below a path, for those who ask."""

from __future__ import annotations

from h5s3.errors import UsageError
from h5s3.explore.du.sums import SORTS, document_of
from h5s3.explore.du.walk import Walk
from h5s3.explore.session import Session
from h5s3.records import DiskUsage
from h5s3.storage.location import Location

KEPT = 10_000  # entries of an answer that is to be shown in part: another --limit finds them


def du(
    session: Session,
    location: Location,
    path: str = "/",
    *,
    depth: int = 1,
    limit: int = 20,
    sort: str = "stored",
) -> DiskUsage:
    """What the groups and datasets up to `depth` levels below `path` (0: all levels) take, in bytes.

    The sums count everything below, at any depth; `limit` entries are told of (0: all), in the order of
    `sort`. Each object counts once, at its shortest path; no link is followed but hard ones. Metadata alone
    is read. Raises `NotFoundError` for a path that is not there, and what opening the file raises.
    """
    if depth < 0 or limit < 0:
        raise UsageError("depth and limit are not negative")
    if sort not in SORTS:
        raise UsageError(f"--sort is one of {', '.join(SORTS)}")
    most = KEPT if 0 < limit <= KEPT else limit
    options = {"path": path, "depth": depth, "limit": most, "sort": sort}
    found = session.answer(
        DiskUsage, location, options, lambda file: document_of(file, Walk(file, depth).run(path), sort, most)
    )
    if limit and len(found.entries) > limit:
        found.entries = found.entries[:limit]
        found.entries_truncated = True
    return found
