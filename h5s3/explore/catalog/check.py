"""Files grouped by their structure, and how those differ that are not like most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import methodcaller

from h5s3.errors import H5s3Error, NotFoundError
from h5s3.explore.catalog.place import is_catalog, read_manifest
from h5s3.explore.catalog.search import kept
from h5s3.explore.catalog.structure import Structure, differences, fingerprint, structure
from h5s3.explore.catalog.tables import rows
from h5s3.explore.many.files import Files
from h5s3.explore.many.reading import JOBS, Asking, Tell, Work, each
from h5s3.explore.session import Session
from h5s3.formats.requests import Request, TreeRequest
from h5s3.records import CatalogCheck, CatalogGroup, FileFailure, Tree, nodes_of
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location

MOST_GROUPS = 200  # structures that are compared
MOST_FILES = 100  # of each that are named
MOST_DIFFERENCES = 100  # of each that are told
MOST_FAILURES = 1000  # that are told
REMEMBERED = 100  # answers that are written into the cache at a time


@dataclass(frozen=True)
class _Seen:
    """The structure of a file, or why it is not known. `structure`: None of a catalog, which has it
    elsewhere."""

    file: str
    fingerprint: str | None
    structure: Structure | None = None
    failure: FileFailure | None = None


@dataclass
class _Group:
    fingerprint: str
    files: list[str] = field(default_factory=list)
    count: int = 0
    structure: Structure | None = None


class Check:
    """A check, to be run once. `like`: the file that others are held against; None: those like most.

    `progress` is told of each file. `first_error` is of the first file that could not be read.
    """

    def __init__(
        self,
        session: Session,
        locations: Sequence[Location],
        like: Location | None = None,
        jobs: int = JOBS,
        progress: Callable[[int, int], None] = lambda done, known: None,
    ) -> None:
        self._session, self._locations = session, locations
        self._like, self._jobs, self._progress = like, jobs, progress
        self.first_error: int | None = None
        self._groups: dict[str, _Group] = {}
        self._failures: list[FileFailure] = []
        self._failed = 0

    def run(self) -> CatalogCheck:
        """Check. Raises `NotFoundError` where there are no files, and what the listing raises."""
        one = self._locations[0]
        of_catalog = len(self._locations) == 1 and is_catalog(self._session, one)
        for seen in self._of_catalog(one) if of_catalog else self._of_files():
            self._take(seen)
        if not self._groups and not self._failed:
            raise NotFoundError("no files", location=" ".join(place.display for place in self._locations))
        ordered = sorted(self._groups.values(), key=lambda group: -group.count)
        expected, name = self._expected(ordered)
        if of_catalog:
            self._find_structures(one, ordered[:MOST_GROUPS])
        others = [group for group in ordered if group.fingerprint != expected.fingerprint]
        alike = self._groups[expected.fingerprint].count if expected.fingerprint in self._groups else 0
        return CatalogCheck(
            locations=[place.display for place in self._locations],
            like=name,
            files=sum(group.count for group in ordered) + self._failed,
            alike=alike,
            groups=[_told(group, expected.structure or {}) for group in others[:MOST_GROUPS]],
            num_groups=len(others),
            failed=self._failed,
            failures=self._failures,
        )

    def _take(self, seen: _Seen) -> None:
        if seen.failure is not None or seen.fingerprint is None:
            self._failed += 1
            failure = seen.failure or FileFailure(location=seen.file, error="it was not read", exit_code=6)
            self.first_error = self.first_error or failure.exit_code
            if len(self._failures) < MOST_FAILURES:
                self._failures.append(failure)
            return
        group = self._groups.setdefault(seen.fingerprint, _Group(seen.fingerprint))
        group.count += 1
        if len(group.files) < MOST_FILES:
            group.files.append(seen.file)
        if group.structure is None and len(self._groups) <= MOST_GROUPS:
            group.structure = seen.structure

    def _expected(self, ordered: Sequence[_Group]) -> tuple[_Group, str]:
        """What the files are held against, and the file that has it."""
        if self._like is None:
            found = ordered[0] if ordered else _Group("")
            return found, found.files[0] if found.files else ""
        tree = self._session.read(self._like, methodcaller("tree", _request()), Tree)
        made = structure(nodes_of(tree))
        return _Group(fingerprint(made), structure=made), self._like.display

    # ------------------------------------------------------------------------------------ of a catalog

    def _of_catalog(self, location: Location) -> Iterator[_Seen]:
        columns = ["file", "fingerprint", "status", "error", "exit_code"]
        manifest = read_manifest(self._session, location)
        for _, row in rows(self._session, location, manifest, "files", columns):
            file, mark, status, error, code = row
            failure = None
            if status == "failed":
                failure = FileFailure(
                    location=str(file), error=str(error), exit_code=code if isinstance(code, int) else 6
                )
            yield _Seen(str(file), mark if isinstance(mark, str) else None, failure=failure)

    def _find_structures(self, location: Location, groups: Sequence[_Group]) -> None:
        """Of each group from its first file."""
        wanted = {group.files[0]: group for group in groups}
        for one in kept(self._session, location, set(wanted)):
            group = wanted.pop(one.location.display, None)
            if group is not None and one.tree is not None:
                group.structure = structure(nodes_of(one.tree))
            if not wanted:
                return

    # --------------------------------------------------------------------------------------- of files

    def _of_files(self) -> Iterator[_Seen]:
        files = Files(self._session, self._locations)
        learned: list[tuple[ObjectInfo, Request, Tree]] = []
        work: Work[tuple[_Seen, Tree | None, ObjectInfo], None] = Work(self._held, _ask)
        done = 0
        for outcome in each(self._session, files, work, self._jobs):
            for _ in outcome.parts():
                pass
            place = outcome.file.location.display
            if outcome.answer is None:
                yield _failed(place, outcome.error)
            else:
                seen, tree, info = outcome.answer
                yield seen
                if tree is not None:
                    learned.append((info, _request(), tree))
            done += 1
            self._progress(done, files.listed)
            if len(learned) >= REMEMBERED:
                self._session.answers.keep(learned)
                learned.clear()
        self._session.answers.keep(learned)

    def _held(self, info: ObjectInfo) -> tuple[_Seen, Tree | None, ObjectInfo] | None:
        if info.identity is None:
            return None
        for values in (False, True):
            tree = self._session.answers.get(Tree, info, _request(values))
            if tree is not None:
                return _seen(info, tree), None, info
        return None


def _ask(asking: Asking, tell: Tell[None]) -> tuple[_Seen, Tree | None, ObjectInfo]:
    tree = asking.read(methodcaller("tree", _request()), Tree)
    return _seen(asking.seen.info, tree), tree, asking.seen.info


def _request(values: bool = False) -> TreeRequest:
    return TreeRequest(depth=0, limit=0, attributes=True, all_attributes=True, values=values)


def _seen(info: ObjectInfo, tree: Tree) -> _Seen:
    made = structure(nodes_of(tree))
    return _Seen(info.location.display, fingerprint(made), made)


def _failed(place: str, error: H5s3Error | None) -> _Seen:
    assert error is not None
    text = f"{error.cause}; {error.hint}" if error.hint else error.cause
    return _Seen(place, None, failure=FileFailure(location=place, error=text, exit_code=error.exit_code))


def _told(group: _Group, expected: Structure) -> CatalogGroup:
    found = iter(()) if group.structure is None else differences(group.structure, expected)
    told = list(islice(found, MOST_DIFFERENCES))
    return CatalogGroup(
        fingerprint=group.fingerprint,
        num_files=group.count,
        files=group.files,
        differences=told,
        num_differences=len(told) + sum(1 for _ in found),
    )
