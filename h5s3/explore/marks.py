"""Which prefixes of a listing are stores of a format, told by the first names below each of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence

from h5s3.errors import NotCachedError
from h5s3.explore.session import Session
from h5s3.formats.detect import folders, format_of, marks, partition_of
from h5s3.formats.tables.format import is_hidden
from h5s3.records import Entry
from h5s3.storage.base import Store
from h5s3.storage.location import Location
from h5s3.storage.objects import first_names
from h5s3.storage.trace import Trace

MOST_ASKED = 1000  # prefixes of one listing
MOST_HELD = 5000  # entries that wait until the prefixes among them were asked for together
NAMES = 100  # that are listed of a prefix
NAMES_OF_STORE = 1000  # of one that is called as stores are: zarr.json stands after the names of its arrays
Page = Sequence[Entry]


def with_formats(
    session: Session, location: Location, question: str, pages: Iterable[Page]
) -> Iterator[Page]:
    """The pages of a listing, whose prefixes have their `format`. Offline: as far as it is remembered.

    The prefixes of `MOST_HELD` entries are asked for in one round, a small LIST for each.
    """
    known = _remembered(session, location, question)
    if known is None and session.settings.offline and location.kind != "local":
        known = {}
    if known is not None:
        for page in pages:
            _mark(page, known)
            yield page
        return
    found, left = dict[str, str](), MOST_ASKED
    for held in _held(pages):
        prefixes = [entry for page in held for entry in page if entry.type == "prefix"][:left]
        left -= len(prefixes)
        found |= _asked(session, location, prefixes)
        for page in held:
            _mark(page, found)
            yield page
    if left < MOST_ASKED and location.kind != "local":
        session.catalog.remember_listing(location, _key(question), json.dumps(found).encode())


def _held(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """The pages, those together that follow one with prefixes."""
    held: list[Page] = []
    for page in pages:
        held.append(page)
        prefixes = len(held) > 1 or any(entry.type == "prefix" for entry in page)
        if not prefixes or sum(map(len, held)) >= MOST_HELD:
            yield held
            held = []
    yield held


def _asked(session: Session, location: Location, prefixes: Sequence[Entry]) -> dict[str, str]:
    """The formats of those that have one, by key."""
    if not prefixes:
        return {}
    wanted = [(_place(location, entry), _most(entry)) for entry in prefixes]
    store = session.store(location)
    names = first_names(store, wanted, (*marks(), *folders()), session.trace)
    names = _with_inside(store, [place for place, _ in wanted], names, session.trace)
    formats = zip(prefixes, map(format_of, names), strict=True)
    return {entry.key: found for entry, found in formats if found is not None}


def _with_inside(
    store: Store, places: Sequence[Location], names: Sequence[list[str]], trace: Trace
) -> list[list[str]]:
    """Names below each place, with those in folders whose own names do not tell: one more LIST for each, all
    in one round. Of folders of partitions it is the first one, with what is anywhere below it."""
    unknown = [(number, found) for number, found in enumerate(names) if format_of(found) is None]
    inside = [(number, folder, False) for number, found in unknown for folder in folders() if folder in found]
    parts = [(number, partition_of(found)) for number, found in unknown]
    inside += [(number, folder, True) for number, folder in parts if folder is not None]
    asked = [
        (places[number].child(folder), NAMES if deep else NAMES_OF_STORE) for number, folder, deep in inside
    ]
    whole = {place for place, (_, _, deep) in enumerate(inside) if deep}
    found = first_names(store, asked, None, trace, whole) if asked else []
    all_names = list(map(list, names))
    for (number, folder, deep), more in zip(inside, found, strict=True):
        shown = (name for name in more if not deep or not any(map(is_hidden, name.split("/"))))
        all_names[number] += [folder + name for name in shown]
    return all_names


def _place(location: Location, entry: Entry) -> Location:
    """Where an entry is, verbatim: a key may have `//` in it."""
    if location.kind == "s3":
        return Location("s3", entry.key, location.bucket)
    if location.kind == "local":
        return Location("local", os.path.join(location.key, entry.key))
    return Location(location.kind, f"{location.scheme}://{entry.key}")


def _most(entry: Entry) -> int:
    return NAMES_OF_STORE if entry.key.lower().endswith(".zarr/") else NAMES


def _mark(page: Page, formats: dict[str, str]) -> None:
    for entry in page:
        if entry.type == "prefix" and entry.key in formats:
            entry.format = formats[entry.key]


def _key(question: str) -> str:
    return f"formats of {question}"


def _remembered(session: Session, location: Location, question: str) -> dict[str, str] | None:
    try:
        found = json.loads(session.catalog.listing(location, _key(question)) or b"null")
    except (NotCachedError, ValueError):
        return None
    return found if isinstance(found, dict) else None
