"""Where a catalog is: parts below a folder or a prefix, and the manifest that says which of them count.

A part is written aside, and counts when a manifest that names it has replaced the one before. Whoever reads
sees either. Parts that do not count any more stay for a while, for those who read an older manifest.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count

from h5s3.errors import DamagedError, H5s3Error, NotFoundError, UsageError
from h5s3.explore.session import Session
from h5s3.export.atomic_file import atomic_write, write_errors
from h5s3.records import (
    UNSET,
    CatalogManifest,
    CatalogPart,
    CatalogTable,
    from_json,
    replaced,
    to_json,
)
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location
from h5s3.storage.output import Output, open_output
from h5s3.storage.stores.local import LocalStore

MANIFEST = "manifest.json"
LARGEST_MANIFEST = 256 * MIB
LINGERS = timedelta(hours=1)  # a part that does not count any more
ORPHANED = timedelta(days=1)  # a part that no manifest named, of a build that may be under way
STAMP = "%Y%m%dT%H%M%S"
TABLE = "{part}.{table}.parquet"


def location_of(session: Session, place: str | os.PathLike[str] | Location) -> Location:
    """Where a catalog is: a folder, or a prefix in S3. Raises `UsageError` for anything else."""
    found = session.location(place)
    if found.kind not in ("local", "s3"):
        raise UsageError("a catalog is a folder or s3://bucket/prefix", location=found.display)
    return found


def is_catalog(session: Session, location: Location) -> bool:
    """Whether there is a manifest: one small request."""
    if location.kind not in ("local", "s3") or not location.key:
        return False
    try:
        session.store(location).head(location.below.child(MANIFEST))
    except NotFoundError:
        return False
    return True


def read_manifest(session: Session, location: Location) -> CatalogManifest:
    """What a catalog consists of now. Raises `NotFoundError`, and `DamagedError` for what is no manifest."""
    place = location.below.child(MANIFEST)
    try:
        # a store of local files would hold the one that was met first
        store = LocalStore() if location.kind == "local" else session.store(location)
        info, data = store.first(place, LARGEST_MANIFEST)
    except NotFoundError:
        hint = f"make one: h5s3 catalog build LOCATION -o {location.display}"
        raise NotFoundError("no catalog here", location=location.display, hint=hint) from None
    finally:
        if location.kind == "local":
            store.close()
    if info.size != len(data):
        raise DamagedError("its manifest is too large", location=location.display)
    try:
        return from_json(data, CatalogManifest)
    except ValueError:
        raise DamagedError("its manifest is damaged", location=location.display) from None


def table_info(session: Session, location: Location, part: CatalogPart, table: str) -> ObjectInfo:
    """A table of a part, to be read. Raises `DamagedError` where it is not what was written."""
    known = part.tables.get(table)
    if known is None or "/" in part.name:
        raise DamagedError(f"its part {part.name} is damaged", location=location.display)
    place = location.below.child(f"parts/{TABLE.format(part=part.name, table=table)}")
    store = session.store(location)
    if known.etag is not UNSET:
        return ObjectInfo(place, store.endpoint, known.size, known.etag)
    info = store.head(place)
    if info.size != known.size:
        raise DamagedError("not what was written", location=place.display)
    return info


class Writing:
    """A catalog that is written by one build. To be closed.

    Raises `H5s3Error` where somebody else has written the manifest since.
    """

    def __init__(self, session: Session, location: Location) -> None:
        self.location, self._session = location, session
        self._output: Output | None = None
        if location.kind == "s3":
            self._output = open_output(location, session.settings, session.trace)
        else:
            open_output(location, session.settings, session.trace).close()  # not where a file is
            with write_errors(location.display):
                os.makedirs(os.path.join(location.key, "parts"), exist_ok=True)
        self.build = secrets.token_hex(4)
        self._numbers = count(1)
        try:
            self.manifest = read_manifest(session, location)
            self.is_new = False
        except NotFoundError:
            self.manifest = CatalogManifest(locations=[], parts=[])
            self.is_new = True

    def close(self) -> None:
        """Let go of connections."""
        if self._output is not None:
            self._output.close()

    def write(self, tables: Iterator[tuple[str, bytes, int]]) -> CatalogPart:
        """Write a part aside."""
        name = f"{datetime.now(UTC).strftime(STAMP)}-{self.build}-{next(self._numbers):04d}"
        written = {}
        for table, data, rows in tables:
            mark = self._put(f"parts/{TABLE.format(part=name, table=table)}", data)
            written[table] = CatalogTable(size=len(data), rows=rows, etag=mark or UNSET)
        return CatalogPart(name=name, tables=written)

    def commit(self, parts: list[CatalogPart], retired: Mapping[str, str] | None = None) -> None:
        """Have these parts count, and no others."""
        self._undisturbed()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        gone = {part.name for part in self.manifest.parts} - {part.name for part in parts}
        known = self.manifest.retired if retired is None else retired
        self.manifest = replaced(
            self.manifest,
            parts=parts,
            retired={**known, **dict.fromkeys(sorted(gone), now)},
            serial=self.manifest.serial + 1,
            build=self.build,
            updated=now,
        )
        self._put(MANIFEST, to_json(self.manifest))
        self.is_new = False

    def clean(self) -> None:
        """Remove parts that nobody reads any more, and those of builds that were ended."""
        live = {part.name for part in self.manifest.parts}
        kept = {
            name: since
            for name, since in self.manifest.retired.items()
            if name not in live and _age(since, None) < LINGERS
        }
        names = [name for name in self._written() if self._is_over(name, live, kept)]
        if names or kept != self.manifest.retired:
            self._remove(names)
            self.commit(self.manifest.parts, kept)

    def _is_over(self, name: str, live: set[str], kept: Mapping[str, str]) -> bool:
        part = name.partition(".")[0]
        if part in live or part in kept:
            return False
        return part in self.manifest.retired or _age(part.partition("-")[0], STAMP) > ORPHANED

    def _undisturbed(self) -> None:
        try:
            found = read_manifest(self._session, self.location)
        except NotFoundError:
            if self.is_new:
                return
            raise
        if self.is_new or (found.serial, found.build) != (self.manifest.serial, self.manifest.build):
            cause, hint = "another build writes this catalog", "run it again when that is done"
            raise H5s3Error(cause, location=self.location.display, hint=hint)

    def _put(self, name: str, data: bytes) -> str:
        """Write an object whole; its ETag in S3."""
        if self._output is not None:
            return self._output.put(name, data).partition("-")[2]
        path = os.path.join(self.location.key, name)
        with write_errors(path), atomic_write(path, overwrite=True) as (stream, _):
            stream.write(data)
        return ""

    def _written(self) -> list[str]:
        """Names of tables that are there, whether they count or not."""
        if self._output is not None:
            return [name.rpartition("/")[2] for name in self._output.below("parts")]
        with suppress(OSError):
            return os.listdir(os.path.join(self.location.key, "parts"))
        return []

    def _remove(self, names: list[str]) -> None:
        if self._output is not None:
            self._output.remove([f"parts/{name}" for name in names])
            return
        for name in names:
            with suppress(OSError):
                os.unlink(os.path.join(self.location.key, "parts", name))


def _age(date: str, form: str | None) -> timedelta:
    """How long ago that was; no time at all for what is no date."""
    try:
        then = datetime.fromisoformat(date) if form is None else datetime.strptime(date, form)
    except ValueError:
        return timedelta()
    return datetime.now(UTC) - (then if then.tzinfo else then.replace(tzinfo=UTC))
