"""What the wire cost: every request of a command is counted here and nowhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from h5s3.wanted import ASKED


@dataclass
class Trace:
    """Counts of one command. `rounds` are waits for the wire: a batch in flight together counts once.

    Within a batch, requests may follow from the answers of others, or wait for a free connection: `trips` are
    the round trips that had to come one after another, if each took equally long.
    """

    requests: dict[str, int] = field(default_factory=dict)  # by method: HEAD, GET, LIST
    received: int = 0  # body bytes
    rounds: int = 0
    trips: int = 0
    retries: int = 0
    hits: int = 0  # blocks, listings and answers that came from the cache
    waited: float = 0.0  # seconds
    started: float = field(default_factory=time.perf_counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _behind: threading.local = field(default_factory=threading.local, repr=False)

    def request(self, method: str, received: int = 0) -> None:
        """Count one request, or bytes of one (`method` empty)."""
        with self._lock:
            if method:
                self.requests[method] = self.requests.get(method, 0) + 1
            self.received += received

    def retry(self) -> None:
        """Count one repetition of a request."""
        with self._lock:
            self.retries += 1

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.requests.values())

    @contextmanager
    def round(self) -> Iterator[None]:
        """One wait for the wire. Raises `StoppedError` where it is no longer wanted."""
        asked = ASKED.get()
        if asked is not None:
            asked.check()
        inside: list[int] | None = getattr(self._behind, "inside", None)
        if inside is not None:
            inside[0] += 1
            yield
            return
        self.add(rounds=1, trips=1)
        told: Callable[[int], None] | None = getattr(self._behind, "told", None)
        if told is not None:
            told(1)
            try:
                yield
            finally:
                told(-1)
            return
        with self.waiting():
            yield

    def add(self, rounds: int = 0, trips: int = 0, waited: float = 0.0) -> None:
        """Count waits for the wire, round trips, and seconds of them."""
        counted: Trace = getattr(self._behind, "apart", None) or self
        with self._lock:
            counted.rounds += rounds
            counted.trips += trips
            counted.waited += waited

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Seconds in which the command does nothing but wait for bytes."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.add(waited=time.perf_counter() - begun)

    @contextmanager
    def apart(self) -> Iterator[Trace]:
        """Within this, waits of this thread count in the trace that this gives: others wait meanwhile."""
        self._behind.apart = own = Trace()
        try:
            yield own
        finally:
            self._behind.apart = None

    @contextmanager
    def behind(self, told: Callable[[int], None] = lambda waits: None) -> Iterator[None]:
        """Within this, rounds of this thread keep nobody waiting: the command goes on meanwhile.

        `told` takes 1 where a round begins, and -1 where it ends.
        """
        self._behind.told = told
        try:
            yield
        finally:
            self._behind.told = None

    @contextmanager
    def inside(self) -> Iterator[list[int]]:
        """Within this, rounds of this thread are part of one that is counted elsewhere: only their number is
        kept, in the list that this gives."""
        self._behind.inside = count = [0]
        try:
            yield count
        finally:
            self._behind.inside = None

    def receipt(self) -> dict[str, float | int | dict[str, int]]:
        """The figures that `--stats` shows: requests, bytes, rounds, hits and seconds."""
        seconds = time.perf_counter() - self.started
        return {
            "requests": self.total,
            "by_method": dict(self.requests),
            "bytes": self.received,
            "rounds": self.rounds,
            "retries": self.retries,
            "cache_hits": self.hits,
            "seconds_waiting": round(self.waited, 4),
            "seconds_computing": round(max(0.0, seconds - self.waited), 4),
        }
