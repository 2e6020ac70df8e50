"""Listings: buckets, prefixes and objects, streamed as the storage gives them."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from shlex import quote

from h5s3.errors import NotFoundError, UsageError
from h5s3.explore.globs import glob_of
from h5s3.explore.marks import with_formats
from h5s3.explore.questions import Question
from h5s3.explore.session import Session
from h5s3.formats.names import looks_like_hdf5
from h5s3.records import Arriving, Entry, Listing, from_json, to_json
from h5s3.storage.base import Paged, Store
from h5s3.storage.location import Location

MOST_REMEMBERED = 5000  # entries of a listing that is kept for 30 s
PAGE = 1000  # entries that are handled together where a storage has no pages


def ls(session: Session, location: Location, question: Question | None = None) -> Listing:
    """The whole listing as one record.

    Raises `UsageError` for a URL, `NotFoundError` for a glob that matches nothing, and what storage raises.
    """
    found = arriving(session, location, question or Question())
    entries = list(chain.from_iterable(found.pages))
    return Listing(location=found.location, entries=entries, truncated=found.truncated, cached=found.cached)


def arriving(session: Session, location: Location, question: Question) -> Arriving:
    """The listing, remembered or as it arrives; one that is short is remembered when it is complete."""
    found = _plain(session, location, replace(question, formats=False))
    found.pages = _with_formats(session, location, question, found.pages)
    return found


def _plain(session: Session, location: Location, question: Question) -> Arriving:
    """The listing without formats."""
    remembered = _remembered(session, location, question)
    if remembered is not None:
        pages = [remembered.entries]
        return Arriving(remembered.location, pages, cached=True, truncated=remembered.truncated)
    found = Arriving(location.display, ())
    found.pages = _noted(session, location, question, found)
    return found


def together(session: Session, locations: Sequence[Location], question: Question) -> Arriving:
    """The listings of several locations as one, one after the other."""
    found = Arriving(" ".join(location.display for location in locations), ())

    def pages() -> Iterator[Sequence[Entry]]:
        for location in locations:
            one = arriving(session, location, question)
            yield from one.pages
            found.truncated = found.truncated or one.truncated
            found.cached = found.cached and one.cached

    found.cached, found.pages = True, pages()
    return found


def _noted(
    session: Session, location: Location, question: Question, found: Arriving
) -> Iterator[Sequence[Entry]]:
    """The pages, while it is noted whether there are more entries than the limit, and the first ones kept."""
    kept: list[Entry] | None = []
    left = question.limit
    for page in _stream(session, location, question, extra=1):
        if question.limit:
            found.truncated = len(page) > left
            page = page[:left]
            left -= len(page)
        if kept is not None:
            kept = [*kept, *page] if len(kept) + len(page) <= MOST_REMEMBERED else None
        yield page
    if kept is not None and location.kind != "local":
        listing = Listing(location=found.location, entries=kept, truncated=found.truncated)
        session.catalog.remember_listing(location, repr(question), to_json(listing))


def _remembered(session: Session, location: Location, question: Question) -> Listing | None:
    stored = session.catalog.listing(location, repr(question))
    if stored is None:
        return None
    try:
        listing = from_json(stored, Listing)
    except ValueError:
        return None
    listing.location = location.display
    return listing


def stream(session: Session, location: Location, question: Question) -> Iterable[Sequence[Entry]]:
    """Pages of entries, as they arrive (sorting waits for all)."""
    return _with_formats(session, location, question, _stream(session, location, question))


def _with_formats(
    session: Session, location: Location, question: Question, pages: Iterable[Sequence[Entry]]
) -> Iterable[Sequence[Entry]]:
    if not question.formats or question.recursive:
        return pages
    return with_formats(session, location, repr(question), pages)


def _stream(
    session: Session, location: Location, question: Question, extra: int = 0
) -> Iterator[Sequence[Entry]]:
    """The pages; `extra`: so many entries beyond the limit."""
    if question.limit < 0:
        raise UsageError("a limit is not negative")
    pages = _matching(session.store(location), location, question)
    if question.uris:
        pages = (_placed(page, location) for page in pages)
    kept: Iterator[Sequence[Entry]] = pages
    if question.h5 or question.glob:
        kept = ([entry for entry in page if _wanted(entry, location, question)] for page in pages)
    if question.sort is not None:
        kept = iter([sorted(chain.from_iterable(kept), key=_SORT[question.sort])])
    return _first(kept, question.limit + extra) if question.limit else kept


def _matching(store: Store, location: Location, question: Question) -> Iterator[Sequence[Entry]]:
    """All entries below a location; where its key holds wildcards and no key begins with it, what matches."""
    pages, glob = _pages(store, location, question), glob_of(location)
    if glob is None:
        return (yield from pages)
    verbatim = next(filter(None, pages), None)
    if verbatim is not None:
        yield verbatim
        return (yield from pages)
    matched = False
    asked = replace(question, recursive=question.recursive or glob.deep)
    for page in _pages(store, glob.place, asked):
        kept = [entry for entry in page if glob.matches(entry.key, below=question.recursive)]
        matched = matched or bool(kept)
        yield kept
    if not matched:
        hint = f"try: h5s3 ls {quote(replace(location, key=base_prefix(glob.place)).display)}"
        raise NotFoundError("nothing matches", location=location.display, hint=hint)


def _placed(page: Sequence[Entry], location: Location) -> Sequence[Entry]:
    """The entries with the URI of each, which is a LOCATION."""
    for entry in page:
        if location.kind == "s3":
            entry.uri = f"s3://{location.bucket}/{entry.key}" if location.bucket else f"s3://{entry.key}/"
        elif location.kind == "local":
            entry.uri = os.path.join(location.key, entry.key) if os.path.isdir(location.key) else location.key
        else:
            entry.uri = f"{location.scheme}://{entry.key}"
    return page


def _pages(store: Store, location: Location, question: Question) -> Iterator[Sequence[Entry]]:
    """All entries below a location, in pages."""
    place, recursive, versions = _literal_prefix(location, question), question.recursive, question.versions
    if isinstance(store, Paged):
        ahead = not question.limit or question.sort is not None
        yield from store.pages(place, recursive=recursive, versions=versions, ahead=ahead)
        return
    entries = store.list(place, recursive=recursive, versions=versions)
    while page := list(islice(entries, PAGE)):
        yield page


def _first(pages: Iterator[Sequence[Entry]], count: int) -> Iterator[Sequence[Entry]]:
    """As many entries, and no page more than it takes."""
    for page in pages:
        yield page[:count]
        count -= len(page)
        if count <= 0:
            return


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
