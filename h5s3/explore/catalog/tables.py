"""The tables of a catalog, read through a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from h5s3.errors import H5s3Error
from h5s3.explore.catalog.place import table_info
from h5s3.explore.session import Session
from h5s3.export.catalog.reading import TableFile
from h5s3.records import CatalogManifest, CatalogPart
from h5s3.storage.location import Location

AT_ONCE = 1000  # rows


def opened(
    session: Session,
    location: Location,
    part: CatalogPart,
    table: str,
    failed: Callable[[H5s3Error], object] = lambda error: None,
) -> TableFile:
    """A table of a part. Raises what reading it raises, and `DamagedError` for what is no such table.

    `failed`: is told what goes wrong while it is read, for readers that have errors of their own.
    """
    info = table_info(session, location, part, table)
    store = session.store(location)

    def fetch(start: int, stop: int) -> bytes:
        try:
            return store.get_ranges(info, [(start, stop)])[start, stop]
        except H5s3Error as error:
            failed(error)
            raise

    return TableFile(table, info.size, fetch, info.location.display)


def rows(
    session: Session, location: Location, manifest: CatalogManifest, table: str, columns: list[str]
) -> Iterator[tuple[CatalogPart, tuple[object, ...]]]:
    """Rows that count, part by part in the order in which they were written. `columns` begins with `file`."""
    for part in manifest.parts:
        masked = set(part.masked)
        for batch in opened(session, location, part, table).batches(columns, AT_ONCE):
            found = [batch.column(name).to_pylist() for name in columns]
            for row in zip(*found, strict=True):
                if row[0] not in masked:
                    yield part, row
