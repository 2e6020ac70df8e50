"""Parts that are put together: small ones, and those of which much does not count any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from h5s3.explore.catalog.place import Writing
from h5s3.explore.catalog.tables import opened
from h5s3.explore.session import Session
from h5s3.export.catalog.rows import TABLES
from h5s3.export.catalog.tables import TableWriter
from h5s3.records import CatalogPart, replaced
from h5s3.sizes import MIB

SMALL = 8 * MIB  # bytes of a part that is put together with others
FULL = 32 * MIB
MANY = 8  # small parts
WASTE = 4  # a part of which one in so many files does not count is written anew


def without(parts: Sequence[CatalogPart], masked: Mapping[str, AbstractSet[str]]) -> list[CatalogPart]:
    """The parts with files masked, by the names of parts. Those of which nothing is left are left out."""
    found = []
    for part in parts:
        if part.name in masked:
            part = replaced(part, masked=sorted({*part.masked, *masked[part.name]}))
        if len(part.masked) < part.tables["files"].rows:
            found.append(part)
    return found


def compacted(session: Session, writing: Writing) -> list[CatalogPart] | None:
    """The parts of a catalog, some of them written anew; None where that is not worth its while."""
    parts = writing.manifest.parts
    small = [part for part in parts if _size(part) < SMALL]
    chosen = [part for part in parts if len(part.masked) * WASTE > part.tables["files"].rows]
    if len(small) >= MANY:
        chosen = [part for part in parts if part in small or part in chosen]
    if not chosen:
        return None
    names = {part.name for part in chosen}
    found = [part for part in parts if part.name not in names]
    for some in _together(chosen):
        found.append(writing.write(_merged(session, writing, some)))
    return found


def _together(parts: Sequence[CatalogPart]) -> Iterator[list[CatalogPart]]:
    """Parts that make a full one."""
    some: list[CatalogPart] = []
    for part in parts:
        if some and sum(map(_size, some)) + _size(part) > FULL:
            yield some
            some = []
        some.append(part)
    yield some


def _merged(
    session: Session, writing: Writing, parts: Sequence[CatalogPart]
) -> Iterator[tuple[str, bytes, int]]:
    for table in TABLES:
        writer = TableWriter(table)
        for part in parts:
            for group in opened(session, writing.location, part, table).groups(part.masked):
                writer.add_arrow(group)
        yield table, writer.finish(), writer.rows


def _size(part: CatalogPart) -> int:
    return sum(table.size for table in part.tables.values())
