"""Files read for a catalog: their trees, and what a catalog says of them. The same here and in a worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import methodcaller

from h5s3.errors import DamagedError, H5s3Error
from h5s3.explore.catalog.facts import Described, described, failed
from h5s3.explore.many.files import File
from h5s3.explore.many.reading import JOBS, WHOLE, Asking, Tell, Work, each
from h5s3.explore.session import Session
from h5s3.formats.requests import Request, TreeRequest
from h5s3.records import FileFailure, Tree
from h5s3.storage.base import ObjectInfo

REMEMBERED = 100  # answers that are written into the cache at a time


@dataclass(frozen=True)
class Listed(File):
    """A file with what it is now, where that is known."""

    now: ObjectInfo | None = None


@dataclass(frozen=True)
class Outcome:
    """What a catalog says of a file. `held`: it was known without reading it."""

    name: str
    described: Described
    held: bool = False
    failure: FileFailure | None = None


@dataclass(frozen=True)
class _Read:
    info: ObjectInfo
    described: Described
    learned: tuple[Request, Tree] | None = None


class Reading:
    """Reads files, many at a time. `stored`: as `BuildRequest` has it."""

    def __init__(self, session: Session, stored: bool, jobs: int = JOBS) -> None:
        self._session, self._stored, self._jobs = session, stored, jobs
        self._kept: list[tuple[ObjectInfo, Request, Tree]] = []

    def read(self, files: Iterable[File]) -> Iterator[Outcome]:
        """What comes of each, in their order. Raises what listing them raises."""
        work: Work[_Read, _Read] = Work(self._held, self._ask)
        try:
            for outcome in each(self._session, files, work, self._jobs):
                told = list(outcome.parts())
                read = told[0] if told else outcome.answer
                if outcome.error is not None or read is None:
                    yield _failed(outcome.file, outcome.error)
                    continue
                if read.learned is not None:
                    self._kept.append((read.info, *read.learned))
                    self._remember(REMEMBERED)
                yield Outcome(outcome.file.location.display, read.described, outcome.held)
        finally:
            self._remember(0)

    def _request(self, info: ObjectInfo) -> TreeRequest:
        stored = self._stored or info.size <= WHOLE
        return TreeRequest(depth=0, limit=0, attributes=True, all_attributes=True, values=True, stored=stored)

    def _held(self, info: ObjectInfo) -> _Read | None:
        if info.identity is None:
            return None
        tree = self._session.answers.get(Tree, info, self._request(info))
        return None if tree is None else _Read(info, described(info, tree))

    def _ask(self, asking: Asking, tell: Tell[_Read]) -> _Read:
        info = asking.seen.info
        request = self._request(info)
        try:
            tree = asking.read(methodcaller("tree", request), Tree)
        except DamagedError:  # perhaps in what names alone do not take
            request = TreeRequest(depth=0, limit=0)
            tree = asking.read(methodcaller("tree", request), Tree)
        found = described(info, tree)
        tell(_Read(info, found, (request, tree)), found.objects)  # waits where too much is held
        return _Read(info, Described({}))

    def _remember(self, most: int) -> None:
        if len(self._kept) > most:
            self._session.answers.keep(self._kept)
            self._kept = []


def _failed(file: File, error: H5s3Error | None) -> Outcome:
    assert error is not None
    now = file.now if isinstance(file, Listed) else file.info
    text = f"{error.cause}; {error.hint}" if error.hint else error.cause
    name = file.location.display
    failure = FileFailure(location=name, error=text, exit_code=error.exit_code)
    return Outcome(name, failed(file.location, now, error), failure=failure)
