"""Building a catalog: only files that are new or have changed are read, batch by batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from h5s3.errors import H5s3Error, NotFoundError, UsageError
from h5s3.explore.catalog.compact import compacted, without
from h5s3.explore.catalog.facts import Described
from h5s3.explore.catalog.place import Writing
from h5s3.explore.catalog.reading import Listed, Outcome, Reading
from h5s3.explore.catalog.tables import rows
from h5s3.explore.many.files import File, Files
from h5s3.explore.many.reading import JOBS
from h5s3.explore.session import Session
from h5s3.export.catalog.tables import PartWriter
from h5s3.records import CatalogBuild, FileFailure
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.explore.dask_cluster import Cluster

PAGE = 1000  # files that are listed at a time, once so many are known ahead
LISTED_AHEAD = 20_000  # files that are known before they are read: so far ahead the time left can be told
MOST_FILES = 2000  # of a part
MOST_BYTES = 32 * MIB  # of a part
MOST_SECONDS = 60.0  # between parts
LASTING = (6, 8)  # exit codes of failures that come again as long as the file is the same
NAMED = 1000  # failures in the answer; the catalog has all


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """How to build. `jobs`: files that are read at a time. `stored`: the bytes that datasets take, which are
    known of small files anyway, are found out of all files, from the indexes of their chunks. `again`: read
    all files, also those that have not changed. `cluster`: whose workers read them; with `credentials` they
    are sent those of this process."""

    jobs: int = JOBS
    stored: bool = False
    again: bool = False
    cluster: Cluster | None = None
    credentials: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a build is. `known`: files that are to be read, so far; `complete`: no more will come."""

    done: int
    known: int
    complete: bool


class _Known(NamedTuple):
    """What the catalog has of a file."""

    part: str
    etag: str | None
    size: int | None
    exit_code: int | None


class Build:
    """A build, to be run once. `progress` and `failed` are told of each file that is done, or has failed."""

    def __init__(
        self,
        session: Session,
        locations: Sequence[Location],
        output: Location,
        asked: BuildRequest,
        progress: Callable[[Progress], None] = lambda done: None,
        failed: Callable[[FileFailure], None] = lambda failure: None,
    ) -> None:
        if asked.cluster is not None:
            from h5s3.explore.dask_cluster import absolute

            locations = [absolute(one) for one in locations]
        self._session, self._asked = session, asked
        self._locations, self._output = locations, output
        self._progress, self._tell_failed = progress, failed
        self.first_failure: int | None = None  # exit code
        self.result = CatalogBuild(
            output=output.display, locations=[one.display for one in locations], failures=[]
        )
        self._started = time.monotonic()

    def run(self) -> CatalogBuild:
        """Build. Raises `NotFoundError` where there are no files, what the listing raises once what came
        before it is in the catalog, and what writing raises."""
        with closing(Writing(self._session, self._output)) as writing:
            self._writing = writing
            self._check_locations()
            self._known = self._read_known()
            self._files = _Ahead(self._session, self._locations)
            self._seen: set[str] = set()
            self._begin_part()
            self._read_all()
            self._finish()
        return self.result

    # ------------------------------------------------------------------------------- what is to be done

    def _check_locations(self) -> None:
        before = self._writing.manifest.locations
        missing = [one for one in before if one not in self.result.locations]
        if missing:
            cause = f"this catalog is also of {missing[0]}"
            hint = "give all its locations, or another -o"
            raise UsageError(cause, location=self._output.display, hint=hint)
        self._writing.manifest.locations = self.result.locations

    def _read_known(self) -> dict[str, _Known]:
        columns = ["file", "etag", "size", "exit_code"]
        manifest = self._writing.manifest
        found: dict[str, _Known] = {}
        for part, (file, *rest) in rows(self._session, self._output, manifest, "files", columns):
            found[str(file)] = _Known(part.name, *rest)  # type: ignore[arg-type]
        return found

    def _todo(self) -> Iterator[File]:
        """Files that are new or have changed. Those that are listed twice count once."""
        for file in self._files:
            name = file.location.display
            if name in self._seen:
                continue
            self._seen.add(name)
            now = self._now(file)
            if self._is_known(name, now):
                self.result.unchanged += 1
            else:
                self._files.wanted += 1
                yield Listed(file.location, file.info, now)

    def _is_known(self, name: str, now: ObjectInfo | None) -> bool:
        known = self._known.get(name)
        if known is None or now is None or now.etag is None or self._asked.again:
            return False
        lasting = known.exit_code is None or known.exit_code in LASTING
        return lasting and (known.etag, known.size) == (now.etag, now.size)

    def _now(self, file: File) -> ObjectInfo | None:
        """What a file is now; None where that takes more than a request, or it cannot be told."""
        if file.info is not None or file.location.kind not in ("local", "s3"):
            return file.info
        if not self._known and file.location.kind == "s3":
            return None
        try:
            return self._session.store(file.location).head(file.location)
        except H5s3Error:  # whoever reads it says why
            return None

    # ------------------------------------------------------------------------------------------ reading

    def _read_all(self) -> None:
        done = 0
        try:
            for outcome in self._outcomes():
                self._take(outcome)
                done += 1
                self._progress(Progress(done, self._files.expected, self._files.complete))
        except H5s3Error:  # of the listing, or of a cluster: what was read until then is kept
            self._commit()
            raise

    def _outcomes(self) -> Iterator[Outcome]:
        asked = self._asked
        if asked.cluster is None:
            return Reading(self._session, asked.stored, asked.jobs).read(self._todo())
        from h5s3.explore.catalog.tasks import outcomes
        from h5s3.explore.dask_cluster import settings_for

        told = settings_for(self._session, self._locations, asked.credentials)
        return outcomes(asked.cluster, self._todo(), told, asked.stored, asked.jobs)

    def _take(self, outcome: Outcome) -> None:
        self._add(outcome.name, outcome.described)
        self.result.cached += outcome.held
        failure = outcome.failure
        if failure is not None:
            self.first_failure = self.first_failure or failure.exit_code
            self.result.failed += 1
            self._tell_failed(failure)
            if len(self.result.failures) < NAMED:
                self.result.failures.append(failure)

    # ------------------------------------------------------------------------------------------ writing

    def _begin_part(self) -> None:
        self._part = PartWriter()
        self._names: list[str] = []  # of files in it
        self._since = time.monotonic()

    def _add(self, name: str, found: Described) -> None:
        self.result.objects += found.objects
        self.result.attributes += len(found.rows["attributes"]["file"]) if "attributes" in found.rows else 0
        if name in self._known:
            self.result.changed += 1
        else:
            self.result.added += 1
        self._part.add(found.rows)
        self._names.append(name)
        late = time.monotonic() - self._since > MOST_SECONDS
        if late or self._part.files >= MOST_FILES or self._part.size >= MOST_BYTES:
            self._commit()

    def _commit(self, gone: Iterable[str] = ()) -> None:
        """Have what was read count, in place of what the catalog had of these files and of those that are
        gone."""
        masked: dict[str, set[str]] = {}
        for name in (*self._names, *gone):
            known = self._known.pop(name, None)
            if known is not None:
                masked.setdefault(known.part, set()).add(name)
        if not self._names and not masked:
            return
        parts = without(self._writing.manifest.parts, masked)
        if self._names:
            parts.append(self._writing.write(self._part.finish()))
            self._begin_part()
        self._writing.commit(parts)

    def _finish(self) -> None:
        """Take out what has vanished, put small parts together, and add up what there is."""
        result, writing = self.result, self._writing
        if not self._seen:
            places = " ".join(result.locations)
            raise NotFoundError("no files", location=places, hint="see what is there: h5s3 ls")
        vanished = [name for name in self._known if name not in self._seen]
        result.vanished = len(vanished)
        self._commit(vanished)
        if result.added or result.changed or vanished:
            parts = compacted(self._session, writing)
            if parts is not None:
                writing.commit(parts)
            writing.clean()
        parts = writing.manifest.parts
        result.files = sum(part.tables["files"].rows - len(part.masked) for part in parts)
        result.parts = len(parts)
        result.size = sum(table.size for part in parts for table in part.tables.values())
        result.other = self._files.files.passed_over
        result.seconds = round(time.monotonic() - self._started, 3)


class _Ahead:
    """The files of a listing that is so far ahead of those who read them that one can tell how many come.

    `wanted`: those that are to be read, of the ones that were looked at.
    """

    def __init__(self, session: Session, locations: Sequence[Location]) -> None:
        self.files = Files(session, locations)
        self.complete = False
        self.wanted = 0
        self._looked_at = 0
        self._coming = iter(self.files)
        self._listed: deque[File] = deque()
        self._failure: H5s3Error | None = None

    @property
    def expected(self) -> int:
        """How many files are to be read in all, as far as that is known: those that were not looked at yet
        are taken to be like the others."""
        share = self.wanted / self._looked_at if self._looked_at else 1.0
        return self.wanted + round(share * len(self._listed))

    def __iter__(self) -> Iterator[File]:
        while True:
            if not self.complete and len(self._listed) <= LISTED_AHEAD - PAGE:
                self._list()
            if not self._listed:
                break
            self._looked_at += 1
            yield self._listed.popleft()
        if self._failure is not None:
            raise self._failure

    def _list(self) -> None:
        """What fails is raised after the files that came before."""
        missing = LISTED_AHEAD - len(self._listed)
        before = len(self._listed)
        try:
            self._listed.extend(islice(self._coming, missing))
        except H5s3Error as error:
            self._failure = error
        self.complete = len(self._listed) < before + missing
