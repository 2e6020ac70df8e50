"""Objects inside many files that meet conditions, file by file, while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from h5s3.errors import H5s3Error, UsageError
from h5s3.explore.find.conditions import Conditions
from h5s3.explore.find.looking import Answer, Found, JustNames, Nodes, Paths
from h5s3.explore.many.files import Files
from h5s3.explore.many.reading import JOBS, Outcome, each
from h5s3.explore.session import Session
from h5s3.formats.requests import Request
from h5s3.records import UNSET, FileFailure, Find, FoundFile, FoundName, Names, Presence, Searched, Tree
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location

REMEMBERED = 100  # answers that are written into the cache at a time


@dataclass(frozen=True, kw_only=True)
class FindRequest:
    """What to look for. `details`: of matches, all that a tree says. `files`: only which files have it.
    `missing`: files that lack this path, in place of conditions. `jobs`: files that are read at a time."""

    conditions: Conditions = field(default_factory=Conditions)
    details: bool = True
    files: bool = False
    missing: str | None = None
    jobs: int = JOBS

    @property
    def of_names(self) -> bool:
        """Whether names and kinds are all that is asked for."""
        return self.conditions.of_names and (self.files or not self.details)


@dataclass(frozen=True)
class Batch:
    """Matches of one file, some or the rest of them (`last`), or that it lacks the path."""

    file: FoundFile
    matches: Sequence[Found] = ()
    last: bool = False


class Search:
    """A search under way: an iterable of batches, file by file in their order. To be used once.

    `files` and `failures` are complete at its end. `progress` takes how many files are done, of how many
    that are known. Iterating raises what a listing raises; what fails in one file is in `failures`.
    """

    def __init__(
        self,
        session: Session,
        locations: Sequence[Location],
        asked: FindRequest,
        progress: Callable[[int, int], None] = lambda done, known: None,
        outcomes: Callable[[], Iterator[Outcome[Answer, Sequence[Found]]]] | None = None,
        looked: Callable[[int], object] = lambda more: None,
    ) -> None:
        """`outcomes`: what is found in each file, where the files themselves are not read. `looked` takes how
        many more objects of a long file were looked at; it is called by other threads."""
        if asked.missing is not None and asked.conditions.any:
            raise UsageError("--missing goes with no other condition")
        self.num_matches = self.num_files = 0
        self.files, self.failures = Searched(), list[FileFailure]()
        self.first_error: H5s3Error | None = None
        self._session, self._asked = session, asked
        self._locations, self._progress, self._looked = locations, progress, looked
        self._sources, self._outcomes = Files(session, locations), outcomes or self._read
        self._kept: list[tuple[ObjectInfo, Request, Tree | Names | Presence]] = []

    def __iter__(self) -> Iterator[Batch]:
        try:
            for outcome in self._outcomes():
                yield from self._batches(outcome)
                done = self.files.searched + self.files.failed
                self._progress(done, max(done, self._sources.listed))
        finally:
            self._remember(0)
            self.files.other = self._sources.passed_over

    def _read(self) -> Iterator[Outcome[Answer, Sequence[Found]]]:
        return each(self._session, self._sources, self._looking().work, self._asked.jobs)

    def _looking(self) -> Nodes | JustNames | Paths:
        asked = self._asked
        if asked.missing is not None:
            return Paths(self._session, asked.missing)
        if asked.of_names and not self._session.settings.follows:
            return JustNames(self._session, asked.conditions, self._looked)
        return Nodes(self._session, asked.conditions, self._looked)

    def document(self) -> Find:
        """All of it as one record, with details."""
        only_files = self._asked.files or self._asked.missing is not None
        found = Find(
            locations=[one.display for one in self._locations],
            matches=[],
            files=self.files,
            files_found=[] if only_files else UNSET,
            failures=self.failures,
        )
        for batch in self:
            found.matches += [one for one in batch.matches if not isinstance(one, FoundName)]
            if batch.last and found.files_found is not UNSET:
                found.files_found.append(batch.file)
        found.num_matches = self.num_matches
        return found

    def _batches(self, outcome: Outcome[Answer, Sequence[Found]]) -> Iterator[Batch]:
        count = 0
        for matches in outcome.parts():
            count += len(matches)
            if matches and not self._asked.files:
                yield Batch(_file(outcome.file.location, matches[0].etag, 0), matches)
        answer = outcome.answer
        if answer is None:
            return self._failed(outcome.file.location, outcome.error)
        self.files.searched += 1
        self.files.cached += outcome.held
        self._remember_of(answer)
        matches = answer.matches
        count += len(matches)
        self.num_matches += count
        if answer.unknown is not None:
            self._failed(outcome.file.location, answer.unknown)
        if count or answer.lacks:
            self.num_files += 1
            shown = () if self._asked.files else matches
            yield Batch(_file(outcome.file.location, answer.info.etag, count), shown, last=True)

    def _failed(self, location: Location, error: H5s3Error | None) -> None:
        assert error is not None
        self._session.settings.check_deadline()  # the others would fail for it, too
        self.first_error = self.first_error or error
        self.files.failed += 1
        text = f"{error.cause}; {error.hint}" if error.hint else error.cause
        self.failures.append(FileFailure(location=location.display, error=text, exit_code=error.exit_code))

    def _remember_of(self, answer: Answer) -> None:
        if answer.learned is not None:
            self._kept.append((answer.info, *answer.learned))
            self._remember(REMEMBERED)

    def _remember(self, most: int) -> None:
        if len(self._kept) > most:
            self._session.answers.keep(self._kept)
            self._kept = []


def _file(location: Location, etag: str | None, count: int) -> FoundFile:
    return FoundFile(location=location.display, key=location.shown_key, etag=etag, num_matches=count)
