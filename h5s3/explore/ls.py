"""Listings: buckets, prefixes and objects, streamed as the storage gives them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from h5s3.errors import UsageError
from h5s3.explore.session import Session
from h5s3.records import Entry, Listing, from_json, to_json
from h5s3.storage.location import Location

HDF5_NAMES = (
    ".h5", ".hdf5", ".hdf", ".he5", ".h5ad", ".nc", ".nc4", ".cdf", ".nxs", ".nx", ".nwb", ".mat", ".loom",
    ".keras", ".hdf5s", ".h5s", ".gef", ".mnc", ".cxi", ".emd", ".fast5", ".rspec", ".soap",
)  # fmt: skip
SortKey = Literal["name", "size", "time"]
MOST_REMEMBERED = 5000  # entries of a listing that is kept for 30 s


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to list. `limit` 0 means everything."""

    recursive: bool = False
    glob: str | None = None
    h5: bool = False
    sort: SortKey | None = None
    limit: int = 0
    versions: bool = False


def ls(session: Session, location: Location, question: Question | None = None) -> Listing:
    """The whole listing as one record. Raises `UsageError` for a URL, and what the storage raises."""
    question = question or Question()
    listing = _remembered(session, location, question)
    if listing is not None:
        return listing
    entries = list(stream(session, location, question, extra=1))
    cut = bool(question.limit) and len(entries) > question.limit
    listing = Listing(location=location.display, entries=entries[: question.limit or None], truncated=cut)
    if len(entries) <= MOST_REMEMBERED and location.kind != "local":
        session.catalog.remember_listing(location, repr(question), to_json(listing))
    return listing


def _remembered(session: Session, location: Location, question: Question) -> Listing | None:
    stored = session.catalog.listing(location, repr(question))
    if stored is None:
        return None
    try:
        listing = from_json(stored, Listing)
    except ValueError:
        return None
    listing.location, listing.cached = location.display, True
    return listing


def stream(session: Session, location: Location, question: Question, extra: int = 0) -> Iterator[Entry]:
    """The entries one by one, as they arrive (sorting waits for all). `extra`: so many beyond the limit."""
    if question.limit < 0:
        raise UsageError("a limit is not negative")
    entries = session.store(location).list(
        _literal_prefix(location, question), recursive=question.recursive, versions=question.versions
    )
    kept: Iterator[Entry] = (entry for entry in entries if _wanted(entry, location, question))
    if question.sort is not None:
        kept = iter(sorted(kept, key=_SORT[question.sort]))
    return islice(kept, question.limit + extra) if question.limit else kept


def looks_like_hdf5(key: str) -> bool:
    """Whether a name ends as names of HDF5 files do."""
    return key.lower().endswith(HDF5_NAMES)


def base_prefix(location: Location) -> str:
    """The part of the keys up to the last `/` of the location: what names are shown relative to."""
    return location.key[: location.key.rfind("/") + 1] if location.kind == "s3" else ""


def _literal_prefix(location: Location, question: Question) -> Location:
    """List no more than a glob can match: its text up to the first wildcard narrows the prefix."""
    if location.kind != "s3" or not location.bucket or not question.glob:
        return location
    base = base_prefix(location)
    literal = question.glob
    for wildcard in "*?[":
        literal = literal.partition(wildcard)[0]
    narrowed = base + literal
    return Location("s3", narrowed if narrowed.startswith(location.key) else location.key, location.bucket)


def _wanted(entry: Entry, location: Location, question: Question) -> bool:
    if entry.type == "object" and question.h5 and not looks_like_hdf5(entry.key):
        return False
    if question.glob:
        name = entry.key.removeprefix(base_prefix(location))
        return fnmatch.fnmatchcase(name.rstrip("/") if entry.type == "prefix" else name, question.glob)
    return True


_SORT = {
    "name": lambda entry: (entry.key,),
    "size": lambda entry: (-(entry.size or 0), entry.key),
    "time": lambda entry: (_newest_first(entry.last_modified), entry.key),
}


def _newest_first(date: str | None) -> tuple[int, ...]:
    """A sort key that turns ISO dates around: newest first, undated last."""
    return tuple(-ord(character) for character in date) if date else (1,)
