"""Which format a location is of: built-in ones from a table, others from installed packages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from h5s3.errors import H5s3Error
from h5s3.formats.base import Format, Seen
from h5s3.storage.base import ObjectInfo, Store
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.storage.objects import Found, Objects

    # Names, of some objects the first bytes, and who those are that were listed.
    Below = tuple[tuple[str, ...], Mapping[str, Found], Mapping[str, ObjectInfo]]

BUILT_IN = {  # in this order; the first one says what is wrong with others
    "hdf5": "h5s3.formats.hdf5.format:Hdf5",
    "zarr": "h5s3.formats.zarr.format:Zarr",
    "delta": "h5s3.formats.tables.format:Delta",
    "hudi": "h5s3.formats.tables.format:Hudi",
    "iceberg": "h5s3.formats.tables.format:Iceberg",
    "parquet": "h5s3.formats.tables.format:Parquet",  # tables of the others are made of such files
}
DOCUMENT = re.compile(r"(?s)(?:(.*?)/)?((?:metadata/)?[^/]+\.metadata\.json(?:\.gz)?)")  # of Iceberg
FEW = 20  # objects that are looked at to know a table by
GROUP = "h5s3.formats"  # entry points: a name, and a class without arguments


def detect(seen: Seen) -> Format | None:
    """The format that knows a location. Raises `H5s3Error` where none does that could be loaded."""
    return next((format_ for format_ in _all() if format_.knows(seen)), None)


def marks() -> tuple[str, ...]:
    """Names of objects below a prefix by which built-in formats know it: they are looked for one by one,
    since a listing may be long, or not to be had."""
    return tuple(mark for name in BUILT_IN for mark in getattr(built_in(name), "marks", ()))


def folders() -> dict[str, tuple[str, ...]]:
    """Folders below a prefix (`name/`) by whose names built-in formats know it, and objects in them that are
    looked for one by one."""
    return {
        folder: marks for name in BUILT_IN for folder, marks in getattr(built_in(name), "folders", {}).items()
    }


def format_of(names: Sequence[str]) -> str | None:
    """The built-in format of a prefix with these names directly below it; those of prefixes end in `/`."""
    return next((name for name in BUILT_IN if built_in(name).knows(Seen("", names=tuple(names)))), None)


def names_below(store: Store, location: Location, trace: Trace, documents: bool, length: int) -> Below:
    """What stands directly below a location; in folders that some formats have, where no other one knows it.
    `documents`: objects are looked for by which formats know it."""
    from h5s3.storage.objects import Objects

    with closing(Objects(store, location, trace)) as objects:
        names, found = objects.marked(marks() if documents else (), length)
        if documents and format_of(names) is None:
            for folder, inside in folders().items():
                if folder in names:
                    more, there = objects.marked(inside, length, folder)
                    names, found = (*names, *more), found | there
            names = (*names, *_inside_partitions(objects, names))
    return names, found, objects.known


def partition_of(names: Sequence[str]) -> str | None:
    """The folder in which a Parquet file has to be found, where there are folders of partitions alone."""
    return cast("str | None", built_in("parquet").folder(names))  # type: ignore[attr-defined]


def _inside_partitions(objects: Objects, names: Sequence[str]) -> list[str]:
    """Of folders that may be partitions of Parquet files: the first objects in one of them."""
    folder = partition_of(names)
    if folder is None:
        return []
    inside = (folder + name for name, _ in objects.entries([folder.rstrip("/")], FEW)[0])
    return [name for name in inside if built_in("parquet").knows(Seen("", names=(name,)))]


def table_of(location: Location) -> tuple[Location, str] | None:
    """The table of which a location is a document of Iceberg's metadata, and the document's path below it."""
    known = DOCUMENT.fullmatch(location.key)
    if known is None or location.kind not in ("s3", "local") or location.version_id:
        return None
    above = known[1]
    if location.kind == "local":
        above = "." if above is None else above or "/"
    return replace(location, key=above or ""), known[2]


def found_in_table(store: Store, table: Location, document: str, trace: Trace, length: int) -> Found | None:
    """A document of a table, where it is there."""
    from h5s3.storage.objects import Objects

    with closing(Objects(store, table, trace)) as objects:
        return objects.look([document], length)[0]


def info_of(store: Store, location: Location) -> ObjectInfo:
    """A prefix as what is opened."""
    return ObjectInfo(location, store.endpoint, 0, cacheable=False)


def first() -> Format:
    """The format that says what is wrong with an object that none knows."""
    return built_in(next(iter(BUILT_IN)))


def by_name(name: str) -> Format | None:
    """A format that was detected before."""
    return next((format_ for format_ in _all() if format_.name == name), None)


@cache
def built_in(name: str) -> Format:
    """A format of the table, imported when it is first needed."""
    module, _, kind = BUILT_IN[name].partition(":")
    return cast(Format, getattr(import_module(module), kind)())


@cache
def _foreign() -> tuple[tuple[Format, ...], str]:
    """The formats of other packages, and what is wrong with those that cannot be loaded."""
    from importlib.metadata import entry_points

    found, wrong = [], []
    for point in entry_points(group=GROUP):
        try:
            found.append(point.load()())
        except Exception as error:  # noqa: BLE001 - whatever the code of another package raises
            wrong.append(
                f"the format {point.name} of {point.value} cannot be loaded ({type(error).__name__})"
            )
    return tuple(found), "; ".join(wrong)


def _all() -> Iterator[Format]:
    """Foreign formats are looked for where no built-in one knows a location: that takes time."""
    yield from map(built_in, BUILT_IN)
    found, wrong = _foreign()
    yield from found
    if wrong:
        raise H5s3Error(wrong)
