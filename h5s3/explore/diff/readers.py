"""The command's side of a comparison of values: both cells are told what to read, and report."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from h5s3.cell.calls import Callback
from h5s3.errors import DamagedError, H5s3Error
from h5s3.explore.diff.reading import Job, Reading
from h5s3.explore.diff.sides import Cells
from h5s3.explore.session import Session
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.cell.host import Cell

NONSENSE = "the process that read it sent what makes no sense: the file is damaged, or made to do that"


class Report:
    """What came of a job. Whoever sent it may be what a stranger made of it: lengths are checked."""

    def __init__(self, data: bytes, place: Location) -> None:
        size = int.from_bytes(data[:4], "little")
        self._rest, self.place = memoryview(data)[4 + size :], place
        if 4 + size > len(data):
            raise self.nonsense()
        try:
            self.head: Any = json.loads(data[4 : 4 + size])
        except (ValueError, RecursionError):
            raise self.nonsense() from None

    def take(self, size: int) -> memoryview:
        """The next bytes."""
        if not 0 <= size <= len(self._rest):
            raise self.nonsense()
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def nonsense(self) -> DamagedError:
        """The error for what no cell sends that was not made to."""
        return DamagedError(NONSENSE, location=self.place.display)


class _Stopped(Exception):
    """Nobody waits for the answer any more."""


class Reader:
    """One side: a thread that asks its cell one long question."""

    def __init__(self, session: Session, place: Location, cell: Cell | None, named: Any) -> None:
        self._session, self.place, self._cell, self._named = session, place, cell, named
        self._jobs: SimpleQueue[Job | type[_Stopped] | None] = SimpleQueue()
        self._ended: SimpleQueue[bytes | BaseException] = SimpleQueue()
        self._waiting: Job | None = None  # whose report has not come
        self._opened: Job | None = None  # the last one that opened datasets
        self._again = False  # that one is done again, for the one that waits
        self._reported = False
        self.trace: Trace | None = None

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._work, daemon=True, name="h5s3-side").start()

    def give(self, job: Job | None) -> None:
        """The next job; None: there is no more."""
        self._jobs.put(job)

    def stop(self) -> None:
        """Nothing more is wanted."""
        self._jobs.put(_Stopped)

    def report(self) -> bytes:
        """The report of a job. Raises what reading raised."""
        found = self._ended.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def _work(self) -> None:
        try:
            with self._session.trace.apart() as self.trace:
                self._named(self._read, self.place)(self._cell)
            self._ended.put(b"")
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
            self._ended.put(error)

    def _read(self, cell: Cell | None) -> bool:
        question = Reading(Callback(self._next, bytes), self._session.settings.max_bytes)
        return self._session.read(
            self.place, question, bool, repeatable=lambda: not self._reported, cell=cell
        )

    def _next(self, report: bytes) -> Job | None:
        """Take a report, and give the next job; where the question is asked again, the last one again."""
        if not report and self._waiting is not None:
            self._again = self._opened is not None and self._opened is not self._waiting
            return self._opened if self._again else self._waiting
        if self._again:
            self._again = False
            return self._waiting
        if report:
            self._reported, self._waiting = True, None
            self._ended.put(report)
        job = self._jobs.get()
        if isinstance(job, type):
            raise _Stopped
        self._waiting = job
        if job is not None and job["kind"] == "open":
            self._opened = job
        return job


class Readers:
    """Both sides."""

    def __init__(self, sides: Sequence[Reader], together: bool) -> None:
        self.sides, self._together = sides, together

    def ask(self, jobs: Sequence[Job]) -> list[Report]:
        """The reports of two jobs, which are done at the same time where there are two cells."""
        found = []
        for side, job in zip(self.sides, jobs, strict=True):
            side.give(job)
            if not self._together:
                found.append(side.report())
        if self._together:
            found = [side.report() for side in self.sides]
        return [Report(data, side.place) for data, side in zip(found, self.sides, strict=True)]


@contextmanager
def two_readers(
    session: Session,
    cells: Cells,
    places: Sequence[Location],
    named: Callable[[Callable[[Any], Any], Location], Callable[[Any], Any]],
) -> Iterator[Readers]:
    """Both sides, which read until the end of the block. `named`: has errors tell which side they are of."""
    sides = [Reader(session, *each, named) for each in zip(places, cells.cells, strict=True)]
    for side in sides:
        side.start()
    try:
        yield Readers(sides, None not in cells.cells)
        for side in sides:
            side.give(None)
        for side in sides:
            side.report()
    except BaseException as error:
        for side in sides:
            side.stop()
        if not isinstance(error, H5s3Error) or None not in cells.cells:
            cells.end()
        raise
    finally:
        cells.count([side.trace for side in sides if side.trace is not None])
