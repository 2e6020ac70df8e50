"""Many files at a time: their first bytes are fetched ahead, several cells read them, and the answers come in
the order of the files.

A small file is fetched whole before a cell is asked: cells wait for no request then, and as many as there are
processors are enough. Where all of them wait for requests, more are started, so that their waiting overlaps.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from h5s3.cell.host import Cell
from h5s3.errors import ChangedError, DamagedError, H5s3Error, KilledError, NotFoundError
from h5s3.explore.many.files import File
from h5s3.explore.session import FIRST_BYTES, Question, Resolved, Session
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo

JOBS = 8  # files that are read at a time
WHOLE = MIB  # bytes of a file that is fetched whole
FETCHES = 32  # files whose first bytes are on the wire at a time
GRACE = 0.2  # seconds that a thread has to end by itself
AHEAD = 64  # files that are begun before the first of them is done
QUESTIONS = 2000  # of one process of a cell, after which another takes its place
KILLED = 8  # cells that read one file
KILLED_EARLY = 16  # cells that had not begun to
MOST_HELD = 100_000  # items of files whose turn has not come

T = TypeVar("T")
Part = TypeVar("Part")


@dataclass
class Outcome(Generic[T, Part]):
    """What comes of one file: parts while it is read, then its answer or why there is none.

    `held`: the answer was known without reading.
    """

    file: File
    held: bool = False
    coming: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    answer: T | None = None
    error: H5s3Error | None = None

    def parts(self) -> Iterator[Part]:
        """What is told while the file is read. Afterwards `answer` or `error` is there."""
        while True:
            kind, value = self.coming.get()
            if kind == "part":
                yield value
                continue
            if kind == "answer":
                self.answer = value
            elif isinstance(value, H5s3Error):
                self.error = value
            elif isinstance(value, Exception):  # of ours: the other files are read all the same
                self.error = H5s3Error(f"internal error ({type(value).__name__})", hint="--debug tells more")
                logging.getLogger("h5s3").debug("internal error", exc_info=value)
            else:
                raise value
            return


@dataclass(frozen=True)
class Asking:
    """One file, as it is now, and the cell that reads it.

    Of files that came from a listing no bytes are kept: they would push what was learned out of the cache.
    """

    session: Session
    seen: Resolved
    cell: Cell | None
    keep: bool

    def read(self, question: Question[T], kind: Any, repeatable: Callable[[], bool] = lambda: True) -> T:
        """As `Session.read`. Where the cell is killed, which may be for what others do, it is asked again."""
        place = self.seen.info.location
        killed = {True: 0, False: 0}
        while True:
            try:
                return self.session.read(
                    place,
                    question,
                    kind,
                    repeatable=repeatable,
                    seen=self.seen,
                    cell=self.cell,
                    keep=self.keep,
                )
            except KilledError as error:
                killed[error.begun] += 1
                if killed[True] == KILLED or killed[False] == KILLED_EARLY or not repeatable():
                    raise


Tell = Callable[[Part, int], None]  # takes a part and how many items it has; may wait


@dataclass(frozen=True)
class Work(Generic[T, Part]):
    """What is to be done with each file. `held`: its answer, where that is known without reading. `ask` is
    called by several threads: it may tell parts while it reads."""

    held: Callable[[ObjectInfo], T | None]
    ask: Callable[[Asking, Tell[Part]], T]


def each(
    session: Session, files: Iterable[File], work: Work[T, Part], jobs: int = JOBS
) -> Iterator[Outcome[T, Part]]:
    """What comes of each file, in their order. Of each outcome `parts` has to be used up before the next.

    Errors of one file are its outcome. Raises what the listing of the files raises, once those before it
    are done.
    """
    readers = _Readers(session, work, jobs)
    window: deque[Outcome[T, Part]] = deque()
    coming = iter(files)
    failure: BaseException | None = None
    more = True
    try:
        while more or window:
            while more and len(window) < AHEAD:
                try:
                    file = next(coming, None)
                except H5s3Error as error:
                    failure, file = error, None
                more = file is not None
                if file is not None:
                    window.append(readers.begin(file))
            if window:
                outcome = window.popleft()
                readers.turn(outcome)
                yield outcome
    finally:
        readers.close()
    if failure is not None:
        raise failure


class _Readers(Generic[T, Part]):
    """Threads that fetch first bytes, and threads with a cell each that ask."""

    def __init__(self, session: Session, work: Work[T, Part], jobs: int) -> None:
        self._session, self._work = session, work
        self._jobs = max(1, jobs) if session.cell else 1
        self._busy = min(self._jobs, os.cpu_count() or 1)  # cells that can compute at a time
        self._waiting = 0  # cells that wait for requests
        self._wanted: SimpleQueue[Outcome[T, Part] | None] = SimpleQueue()  # whose first bytes are
        self._ready: SimpleQueue[tuple[Outcome[T, Part], Resolved | None] | None] = SimpleQueue()
        self._plugins = session.settings.plugins
        self._fetching = 0  # threads
        self._reading: list[threading.Thread] = []
        self._cells: list[Cell] = []
        self._gate = _Gate()
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, file: File) -> Outcome[T, Part]:
        """Have a file read, unless the answer is known."""
        outcome: Outcome[T, Part] = Outcome(file)
        held = self._work.held(file.info) if file.info else None
        if held is not None:
            outcome.held = True
            outcome.coming.put(("answer", held))
            return outcome
        self._plugins = self._plugins or file.location.kind == "local"
        info = file.info
        self._one_more(self._busy)  # it starts while first bytes are fetched
        if info is None or self._session.settings.offline:
            self._ready.put((outcome, None))
            return outcome
        self._session.store(info.location)  # is opened by this thread
        self._wanted.put(outcome)
        if self._fetching < FETCHES:
            self._fetching += 1
            _thread(self._fetch)
        return outcome

    def _one_more(self, most: int) -> None:
        """Have one more cell, if there are fewer."""
        with self._lock:
            if not self._closed and len(self._reading) < most:
                self._reading.append(_thread(self._read))

    def _waits(self, change: int) -> None:
        """A cell waits for a request, or no longer."""
        with self._lock:
            self._waiting += change
            idle = self._waiting >= len(self._reading)
        if idle and self._ready.qsize():
            self._one_more(self._jobs)

    def turn(self, outcome: Outcome[T, Part]) -> None:
        """This outcome is used up next: what it tells need not wait."""
        self._gate.turn(outcome)

    def close(self) -> None:
        """End what is under way, and the cells."""
        with self._lock:
            self._closed = True
        self._gate.close()
        for _ in range(self._fetching):
            self._wanted.put(None)
        with self._lock:
            reading = list(self._reading)
        for _ in reading:
            self._ready.put(None)
        for thread in reading:
            thread.join(GRACE)
            while thread.is_alive():
                self._end_cells()
                thread.join(GRACE)
        for cell in self._cells:
            if cell is not self._session.cell:
                cell.close()

    def _end_cells(self) -> None:
        with self._lock:
            cells = list(self._cells)
        for cell in cells:
            with suppress(OSError):
                cell.end()

    def _fetch(self) -> None:
        """Fetch first bytes until there is nothing left to do."""
        while (outcome := self._wanted.get()) is not None and not self._closed:
            try:
                self._ready.put((outcome, self._first(outcome.file)))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                outcome.coming.put(("error", error))

    def _first(self, file: File) -> Resolved | None:
        """The first bytes of a file; None where it is not what the listing said."""
        info = file.info
        assert info is not None
        stop = info.size if info.size <= WHOLE else FIRST_BYTES
        if not stop:
            return Resolved(info)
        try:
            with self._session.trace.behind():
                found = self._session.store(info.location).get_ranges(info, [(0, stop)])
        except (ChangedError, NotFoundError):
            return None
        return Resolved(info, found[0, stop])

    def _read(self) -> None:
        """Ask until there is nothing left to do."""
        cell = self._cell()
        while (job := self._ready.get()) is not None and not self._closed:
            outcome, seen = job
            if cell is not None and cell.asked >= QUESTIONS:
                cell.end()  # libhdf5 keeps memory

            def tell(part: Part, items: int, outcome: Outcome[T, Part] = outcome) -> None:
                self._gate.wait(outcome, items)
                outcome.coming.put(("part", part))

            file = outcome.file
            try:
                with self._session.trace.behind(self._waits):
                    seen = seen or self._session.resolve(file.location)
                    found = self._work.ask(Asking(self._session, seen, cell, file.info is None), tell)
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                outcome.coming.put(("error", error))
            else:
                outcome.coming.put(("answer", found))

    def _cell(self) -> Cell | None:
        """A cell for a thread, started: the session's own for the first."""
        own = self._session.cell
        if own is None:
            return None
        with self._lock:
            cell = own.another() if self._cells else own
            self._cells.append(cell)
        with suppress(H5s3Error):  # whoever asks says it
            cell.start(self._plugins)
        return cell


def _thread(target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True, name="h5s3-many")
    thread.start()
    return thread


class _Gate:
    """Lets what files tell pass: as much as is asked for of the file whose turn it is, a bounded amount of
    the others."""

    def __init__(self) -> None:
        self._turn: object = None
        self._held: dict[int, int] = {}  # items of files whose turn has not come
        self._closed = False
        self._changed = threading.Condition()

    def wait(self, of: object, items: int) -> None:
        """Wait until so many items of a file may be held."""
        with self._changed:
            while not (self._closed or of is self._turn or sum(self._held.values()) + items <= MOST_HELD):
                self._changed.wait()
            if self._closed:
                raise DamagedError("nobody waits for it")
            if of is not self._turn:
                self._held[id(of)] = self._held.get(id(of), 0) + items

    def turn(self, of: object) -> None:
        """Let this file tell what it has."""
        with self._changed:
            self._turn = of
            self._held.pop(id(of), None)
            self._changed.notify_all()

    def close(self) -> None:
        """Let all threads end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
