"""Questions that are asked elsewhere: a few threads, each with a cell of its own, so that no key waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from h5s3.errors import AccessError, H5s3Error
from h5s3.explore.session import Session
from h5s3.sizes import MIB
from h5s3.wanted import Wanted, asking

if TYPE_CHECKING:
    from h5s3.cell.host import Cell

THREADS = 3
AHEAD = 32 * MIB  # that may be read in idle time
GRACE = 1.0  # seconds that a question has to end by itself once nobody waits for it
Deliver = Callable[[Callable[[], object]], object]


@dataclass(eq=False)
class Question:
    """What is asked in a thread. `done` takes the answer, `failed` why there is none: both are delivered.

    `group`: a later question of the same group drops this one. `what`: shown while it is under way. `idle`:
    to be asked while nothing else is.
    """

    group: str
    what: str
    work: Callable[[Session], Any]
    done: Callable[[Any], object]
    failed: Callable[[H5s3Error], object] = lambda error: None
    idle: bool = False
    verb: str = "reading"
    wanted: Wanted | None = None  # of all that it asks for, once it is under way
    dropped: bool = False
    answered: bool = False  # its answer was taken; its thread may not be done with it
    ends: float = 0.0  # when a dropped one is ended
    begun: float = field(default_factory=time.monotonic)


class Lanes:
    """The threads. `deliver` has a function called where the screen is drawn."""

    def __init__(self, session: Session, deliver: Deliver, threads: int = THREADS) -> None:
        self.ahead_budget = AHEAD  # bytes; what was begun is read to its end
        self.ahead_bytes = 0  # that were received in idle time
        self.seconds: float | None = None  # that a question may take
        self.denied = False  # an answer was, for who asks: other credentials may be there meanwhile
        self._session, self._deliver = session, deliver
        self._waiting: list[Question] = []
        self._running: dict[int, Question] = {}
        self._cells: list[Cell | None] = [
            session.cell if session.cell is None or not number else session.cell.another()
            for number in range(threads)
        ]
        self._change = threading.Condition()
        self._closing = False
        threading.Thread(target=self._watch, daemon=True, name="h5s3-browse").start()
        for number in range(threads):
            threading.Thread(target=self._serve, args=(number,), daemon=True, name="h5s3-browse").start()

    def ask(self, question: Question) -> None:
        """Have a question answered soon. The earlier ones of its group are dropped, and those for idle time
        that are under way: what came of them is kept. One for idle time is not asked where the bytes for that
        are used up."""
        with self._change:
            if question.idle and self.ahead_bytes >= self.ahead_budget:
                return
            self._drop(question.group)
            if not question.idle:
                for other in [one for one in self._running.values() if one.idle]:
                    self._drop(other.group)
            self._waiting.append(question)
            self._change.notify_all()

    def drop(self, group: str) -> None:
        """Nobody waits any more for what this group asked."""
        with self._change:
            self._drop(group)

    def renew(self) -> None:
        """Ask with the credentials that there are now, where those before were not good enough."""
        if self.denied:
            self.denied = False
            self._session.stores.renew()

    def under_way(self) -> list[Question]:
        """The questions that somebody waits for, the oldest first; of idle ones those that run."""
        with self._change:
            running = [one for one in self._running.values() if not one.dropped]
            waiting = [one for one in self._waiting if not one.idle]
        return sorted(running + waiting, key=lambda one: (one.idle, one.begun))

    def close(self) -> None:
        """End the threads and their cells. What is under way is not waited for."""
        with self._change:
            self._closing = True
            self._waiting.clear()
            for question in self._running.values():
                question.dropped = True
                if question.wanted is not None:
                    question.wanted.stop()
            self._change.notify_all()
        for cell in self._cells:
            if cell is not None:
                cell.interrupt()

    def _drop(self, group: str) -> None:
        self._waiting = [one for one in self._waiting if one.group != group]
        for one in self._running.values():
            if one.group == group and not one.dropped:
                one.dropped, one.ends = True, time.monotonic() + GRACE
                self._change.notify_all()
                if one.wanted is not None:
                    one.wanted.stop()

    def _watch(self) -> None:
        """End the cells of questions that nobody waits for: they may compute for long."""
        with self._change:
            while not self._closing:
                left = {number: one.ends for number, one in self._running.items() if one.dropped}
                for number, ends in left.items():
                    cell = self._cells[number]
                    if ends <= time.monotonic() and cell is not None:
                        cell.interrupt()
                        self._running[number].ends = float("inf")
                soonest = min((ends for ends in left.values() if ends > time.monotonic()), default=None)
                known = soonest is not None and soonest < float("inf")
                self._change.wait(max(0.01, soonest - time.monotonic()) if known and soonest else None)

    def _next(self) -> Question | None:
        """The next question: one of those that somebody waits for, else one for idle time."""
        for one in self._waiting:
            if not one.idle or not self._running:
                wanted = [other for other in self._waiting if not other.idle]
                found = wanted[0] if wanted else one
                self._waiting.remove(found)
                return found
        return None

    def _serve(self, number: int) -> None:
        while True:
            with self._change:
                while (question := self._next()) is None and not self._closing:
                    self._change.wait()
                if question is None or self._closing:
                    return
                self._running[number], question.wanted = question, Wanted(self.seconds)
            self._answer(question, self._cells[number])
            with self._change:
                del self._running[number]
                self._change.notify_all()

    def _answer(self, question: Question, cell: Cell | None) -> None:
        session = self._session.beside(cell)
        before = session.trace.received
        try:
            with asking(question.wanted):
                found = question.work(session)
        except H5s3Error as error:
            self.denied |= isinstance(error, AccessError)
            self._give(question, question.failed, error)
        except (Exception, MemoryError) as error:  # one pane fails, the rest goes on
            logging.getLogger("h5s3").debug("internal error", exc_info=error)
            self._give(question, question.failed, H5s3Error(f"internal error ({type(error).__name__})"))
        else:
            self._give(question, question.done, found)
        finally:
            if question.idle:
                self.ahead_bytes += session.trace.received - before

    def _give(self, question: Question, take: Callable[[Any], object], outcome: Any) -> None:
        def given() -> None:
            question.answered = True
            if not question.dropped:
                take(outcome)

        if not question.dropped:
            self._deliver(given)
