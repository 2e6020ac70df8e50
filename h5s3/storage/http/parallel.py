"""Many ranges in flight at once, and more of them as answers arrive."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from h5s3.storage.base import OnArrival, Range
from h5s3.storage.trace import Trace

IN_FLIGHT = 64

Fetch = Callable[[Range], bytes]
Job = tuple[Fetch, Range, "SimpleQueue[Outcome]"]
Outcome = tuple[Range, bytes | BaseException]


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
        self, fetch: Fetch, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """Fetch all ranges as one round. Raises the first failure; what is in flight is let go."""
        if not ranges:
            return {}
        with self._trace.round():
            if len(ranges) == 1 and on_arrival is None:
                return {ranges[0]: fetch(ranges[0])}
            return self._run(fetch, ranges, on_arrival)

    def _run(self, fetch: Fetch, ranges: Sequence[Range], on_arrival: OnArrival | None) -> dict[Range, bytes]:
        outcomes: SimpleQueue[Outcome] = SimpleQueue()
        stopped = threading.Event()

        def guarded(item: Range) -> bytes:
            return b"" if stopped.is_set() else fetch(item)

        pending = len(ranges)
        trips = _Trips(self._in_flight)
        trips.add(ranges, 0)
        self._submit(guarded, ranges, outcomes, pending)
        done: dict[Range, bytes] = {}
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
        self, fetch: Fetch, ranges: Sequence[Range], outcomes: SimpleQueue[Outcome], pending: int
    ) -> None:
        for item in ranges:
            self._jobs.put((fetch, item, outcomes))
        with self._lock:
            while self._threads < min(self._in_flight, pending):
                self._threads += 1
                threading.Thread(target=_work, args=(self._jobs,), daemon=True, name="h5s3-fetch").start()

    def close(self) -> None:
        """Tell the threads to end once what they have on the wire is done."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._threads = 0


class _Trips:
    """When each request of a batch ends, in round trips, where each takes one and so many fly at a time."""

    def __init__(self, in_flight: int) -> None:
        self.ends: dict[Range, int] = {}
        self._free = [0] * in_flight

    def add(self, ranges: Sequence[Range], known: int) -> None:
        """Requests that were known of at a time: each takes the connection that is free first."""
        for item in ranges:
            end = max(known, self._free[0]) + 1
            heapq.heapreplace(self._free, end)
            self.ends[item] = end


def _work(jobs: SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        fetch, item, outcomes = job
        try:
            outcomes.put((item, fetch(item)))
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
            outcomes.put((item, error))
