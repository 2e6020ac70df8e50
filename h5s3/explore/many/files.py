"""The files that locations mean: themselves, or what lies below a prefix or a folder, or matches a glob."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from h5s3.explore.globs import glob_of
from h5s3.explore.ls import arriving
from h5s3.explore.questions import Question
from h5s3.explore.session import Session
from h5s3.formats.names import looks_like_hdf5
from h5s3.records import Entry
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location, parse_location

STORE = ".zarr"  # how prefixes are called that hold one store
MARKS = (".zgroup", ".zarray", ".zmetadata", "zarr.json")  # documents at the top of a store


@dataclass(frozen=True)
class File:
    """A file, and what the listing says of it, if it came from one that says enough."""

    location: Location
    info: ObjectInfo | None = None


class Files:
    """The files that locations mean, as they are listed. An iterable, to be used once.

    Below a prefix (a key that ends in `/`), a bucket or a folder: objects with names that HDF5 files have,
    and Zarr stores. What matches a glob is taken whatever its name.
    """

    def __init__(self, session: Session, locations: Sequence[Location]) -> None:
        self.listed = 0  # files so far
        self.passed_over = 0  # objects with other names
        self._session = session
        self._locations = locations

    def __iter__(self) -> Iterator[File]:
        """Raises what a listing raises, and `NotFoundError` for a glob that nothing matches."""
        for location in self._locations:
            for file in [File(location)] if _one(location) else self._below(location):
                self.listed += 1
                yield file

    def _below(self, location: Location) -> Iterator[File]:
        glob = glob_of(location) is not None
        question = Question(recursive=not glob, uris=True)
        root = ""  # of the store that the last entries belong to
        for page in arriving(self._session, location, question).pages:
            for entry in page:
                if root and entry.key.startswith(root):
                    continue
                found = _root(entry.key)
                if found:
                    root = found
                    uri = str(entry.uri)
                    yield File(parse_location(uri[: len(uri) - len(entry.key) + len(root)], None))
                elif entry.type == "object" and (glob or looks_like_hdf5(entry.key)):
                    yield listed_file(self._session, entry)
                elif entry.type == "object":
                    self.passed_over += 1


def listed_file(session: Session, entry: Entry) -> File:
    """A file by what a listing says of it."""
    place = parse_location(str(entry.uri), None)
    if place.kind != "s3" or entry.etag is None or entry.size is None:
        return File(place)
    source = session.store(place).endpoint
    return File(place, ObjectInfo(place, source, entry.size, entry.etag, entry.last_modified))


def _one(location: Location) -> bool:
    """Whether a location is one file or store, not many."""
    if location.version_id is not None or _root(location.key.rstrip("/") + "/"):
        return True
    if location.kind == "local":
        marks = (os.path.join(location.key, mark) for mark in MARKS)
        return not os.path.isdir(location.key) or any(map(os.path.exists, marks))
    return not (location.key.endswith("/") or not location.key or glob_of(location) is not None)


def _root(key: str) -> str:
    """Up to the end of the first part that is called as stores are; empty where none is."""
    at = key.lower().find(STORE + "/")
    return key[: at + len(STORE) + 1] if at >= 0 else ""
