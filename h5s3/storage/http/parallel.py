"""Many ranges in flight at once, and more of them as answers arrive."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from h5s3.errors import StoppedError
from h5s3.storage.trace import Trace
from h5s3.wanted import woken

IN_FLIGHT = 64

Item = TypeVar("Item", bound=Hashable)  # a range, or whatever names one request
Answer = TypeVar("Answer")
Outcomes = SimpleQueue[tuple[Item, Answer | BaseException]]
Job = tuple[Callable[[Any], Any], Any, "SimpleQueue[Any]"]


class Batch:
    """Runs fetches of ranges on threads of its own, which see bytes and nothing else.

    The threads are daemons, unlike those of `concurrent.futures`: that module waits at exit for what is
    on the wire, and Ctrl-C would hang as long as the server does.
    """

    def __init__(self, trace: Trace, in_flight: int = IN_FLIGHT) -> None:
        self._trace = trace
        self._in_flight = in_flight
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads = 0
        self._lock = threading.Lock()  # several may run at a time

    def run(
        self,
        fetch: Callable[[Item], Answer],
        ranges: Sequence[Item],
        on_arrival: Callable[[Item, Answer], Iterable[Item]] | None = None,
    ) -> dict[Item, Answer]:
        """Fetch all ranges as one round. Raises the first failure; what is in flight is let go.

        Raises `StoppedError` once nobody waits for them any more, whatever is in flight.
        """
        if not ranges:
            return {}
        with self._trace.round():
            if len(ranges) == 1 and on_arrival is None:
                return {ranges[0]: fetch(ranges[0])}
            outcomes: Outcomes[Item, Answer] = SimpleQueue()
            with woken(lambda: outcomes.put((ranges[0], StoppedError("no longer wanted")))):
                return self._run(fetch, ranges, outcomes, on_arrival)

    def _run(
        self,
        fetch: Callable[[Item], Answer],
        ranges: Sequence[Item],
        outcomes: Outcomes[Item, Answer],
        on_arrival: Callable[[Item, Answer], Iterable[Item]] | None,
    ) -> dict[Item, Answer]:
        stopped = threading.Event()

        def guarded(item: Item) -> Answer:
            if stopped.is_set():
                raise InterruptedError  # nobody waits for it any more
            return fetch(item)

        pending = len(ranges)
        trips = _Trips[Item](self._in_flight)
        trips.add(ranges, 0)
        self._submit(guarded, ranges, outcomes, pending)
        done: dict[Item, Answer] = {}
        try:
            while pending:
                item, answer = outcomes.get()
                pending -= 1
                if isinstance(answer, BaseException):
                    raise answer
                done[item] = answer
                more = list(on_arrival(item, answer)) if on_arrival else []
                if more and not pending:
                    self._trace.add(rounds=1)  # nothing else is on the wire: a wait of its own
                pending += len(more)
                trips.add(more, trips.ends[item])
                self._submit(guarded, more, outcomes, pending)
        finally:
            stopped.set()
            self._trace.add(trips=max(trips.ends.values()) - 1)  # the round itself counts as one
        return done

    def _submit(
        self,
        fetch: Callable[[Item], Answer],
        ranges: Sequence[Item],
        outcomes: Outcomes[Item, Answer],
        pending: int,
    ) -> None:
        for item in ranges:
            self._jobs.put((_in_context(fetch), item, outcomes))
        with self._lock:
            while self._threads < min(self._in_flight, pending):
                self._threads += 1
                threading.Thread(target=_work, args=(self._jobs,), daemon=True, name="h5s3-fetch").start()

    def close(self) -> None:
        """Tell the threads to end once what they have on the wire is done."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0


class _Trips(Generic[Item]):
    """When each request of a batch ends, in round trips, where each takes one and so many fly at a time."""

    def __init__(self, in_flight: int) -> None:
        self.ends: dict[Item, int] = {}
        self._free = [0] * in_flight

    def add(self, ranges: Sequence[Item], known: int) -> None:
        """Requests that were known of at a time: each takes the connection that is free first."""
        for item in ranges:
            end = max(known, self._free[0]) + 1
            heapq.heapreplace(self._free, end)
            self.ends[item] = end


def _in_context(fetch: Callable[[Item], Answer]) -> Callable[[Item], Answer]:
    """The same for another thread, on behalf of whoever asks in this one."""
    context = copy_context()
    return lambda item: context.run(fetch, item)


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        fetch, item, outcomes = job
        try:
            outcomes.put((item, fetch(item)))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
            outcomes.put((item, error))
