"""The files that locations mean: themselves, or what lies below a prefix or a folder, or matches a glob.

Tables below a prefix are known by the names that a listing gives anyway."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from h5s3.explore.globs import glob_of
from h5s3.explore.ls import arriving
from h5s3.explore.many.datasets import Datasets, Found
from h5s3.explore.questions import Question
from h5s3.explore.session import Session
from h5s3.formats.names import looks_like_hdf5
from h5s3.records import Entry
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location, parse_location

STORE = ".zarr"  # how prefixes are called that hold one store
LOGS = ("_delta_log/", ".hoodie/")  # folders of tables: Delta's, Hudi's
ICEBERG, DOCUMENTS = "metadata", (".metadata.json", ".metadata.json.gz")
MARKS = (".zgroup", ".zarray", ".zmetadata", "zarr.json")  # documents at the top of a store


@dataclass(frozen=True)
class File:
    """A file, and what the listing says of it, if it came from one that says enough."""

    location: Location
    info: ObjectInfo | None = None


class Files:
    """The files that locations mean, as they are listed. An iterable, to be used once.

    Below a prefix (a key that ends in `/`), a bucket or a folder: objects with names that HDF5 files have,
    Zarr stores, tables of Delta, Iceberg and Hudi, and folders with nothing but Parquet files, each one table
    (the location itself may be one). What matches a glob is taken whatever its name.
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
        if glob_of(location) is not None:
            return (yield from self._matching(location))
        root, base = "", ""  # root: of the store, or the folder of the table, last seen
        tables, datasets = set[str](), Datasets()
        for entry in self._entries(location, recursive=True):
            if root and entry.key.startswith(root):
                continue
            base = base or _base(location, entry.key)
            path, found, table = entry.key.removeprefix(base), _root(entry.key), _table(entry.key)
            yield from self._tables(datasets.ready(path), location, base)
            if found:
                root = found
                datasets.other(root.removeprefix(base))
                yield File(_above(entry, root, location))
            elif table is not None and table[0].startswith(base):
                root = table[1]
                datasets.known(table[0].removeprefix(base))
                if table[0] not in tables:
                    tables.add(table[0])
                    yield File(_above(entry, table[0], location))
            elif entry.type == "object" and looks_like_hdf5(entry.key):
                datasets.other(path)
                yield listed_file(self._session, entry)
            else:
                self.passed_over += entry.type == "object"
                datasets.take(path, entry)
        yield from self._tables(datasets.rest(), location, base)

    def _tables(self, found: Iterable[Found], asked: Location, base: str) -> Iterator[File]:
        """Folders of Parquet files as files; the location itself as it was named."""
        for path, entry, files in found:
            self.passed_over -= files
            yield File(_above(entry, base + path, asked) if path else asked)

    def _matching(self, location: Location) -> Iterator[File]:
        root = ""  # of the store that the last entries belong to
        for entry in self._entries(location, recursive=False):
            if root and entry.key.startswith(root):
                continue
            if found := _root(entry.key):
                root = found
                yield File(_above(entry, root, location))
            elif entry.type == "object":
                yield listed_file(self._session, entry)

    def _entries(self, location: Location, recursive: bool) -> Iterator[Entry]:
        for page in arriving(self._session, location, Question(recursive=recursive, uris=True)).pages:
            yield from page


def _above(entry: Entry, root: str, asked: Location) -> Location:
    """The place that the first part of an entry's key names."""
    uri = str(entry.uri)
    place = parse_location(uri[: len(uri) - len(entry.key) + len(root)] or ".", None)
    return replace(place, table_version=asked.table_version)


def _base(location: Location, key: str) -> str:
    """What all keys of a listing begin with, of which this is one, that are below its location.

    Empty where keys do not tell: some file systems of fsspec leave a host out.
    """
    if not location.scheme:
        return location.key if location.kind == "s3" else ""
    base = location.below.key.partition("://")[2]
    base = "/" + base.lstrip("/") if key.startswith("/") else base
    return base if key.startswith(base) else ""


def _table(key: str) -> tuple[str, str] | None:
    """Of an object of a table's metadata the key of the table, and that of the folder of its metadata."""
    for log in LOGS:
        at = key.find(log)
        if at == 0 or (at > 0 and key[at - 1] == "/"):
            return key[:at], key[: at + len(log)]
    folder = key.rpartition("/")[0] if key.endswith(DOCUMENTS) else ""
    if folder.rpartition("/")[2] != ICEBERG:
        return None
    return folder.removesuffix(ICEBERG), folder + "/"


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
