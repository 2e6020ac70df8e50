"""Requests of a benchmark that fail: sent once more where a reader would, and counted either way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter

from h5s3.errors import H5s3Error, NetworkError, TransientError
from h5s3.explore.bench.samples import Failed, Outcome
from h5s3.settings import Settings
from h5s3.storage.bench.timed_connection import Line, Reply, Timing
from h5s3.storage.trace import Trace


class Tries:
    """Sends each request, and once more where it fails in a way that may pass.

    `spare` bytes may be wasted on answers that broke off: beyond, nothing is sent again, so that a benchmark
    takes no more bytes than it may. There are no waits before the second try: they would be no one's latency.
    """

    def __init__(self, settings: Settings, trace: Trace, spare: int) -> None:
        self._settings = settings
        self._trace = trace
        self._spare = spare
        self._lock = threading.Lock()
        self.dropped = 0  # requests that failed in such a way

    def attempt(self, outcome: Outcome, ask: Callable[[], Timing], line: Line | None = None) -> None:
        """One sample, or one error, of the wire. Raises what makes going on pointless."""
        if outcome.hopeless:
            return
        retried = False
        while True:
            self._settings.check_deadline()
            begun = perf_counter()
            try:
                outcome.timings.append(ask())
                return
            except NetworkError as error:
                seconds = perf_counter() - begun
                self._settings.check_deadline()
                retried = self._again(error, line, tried=retried)
                outcome.failed.append(Failed(begun, seconds, error, retried))
            if not retried:
                return

    def look(self, line: Line, ask: Callable[[], Reply]) -> Reply:
        """One answer, whatever it is but an error of the server. Raises `NetworkError` where there is none,
        the second time too."""
        try:
            return _answered(ask())
        except NetworkError as error:
            if not self._again(error, line):
                raise
        try:
            return _answered(ask())
        except NetworkError as error:
            self._again(error, line, tried=True)
            raise

    def _again(self, error: H5s3Error, line: Line | None, tried: bool = False) -> bool:
        """Whether what failed may be sent once more; it may not where it was `tried` again already."""
        if not isinstance(error, TransientError):
            return False
        wasted = line.received if line else 0
        with self._lock:
            self.dropped += 1
            again = not tried and wasted <= self._spare
            self._spare -= wasted * again
        if again:
            self._trace.retry()
        return again


def _answered(reply: Reply) -> Reply:
    """The answer, unless it is one that says nothing about what was asked."""
    if reply.status in (500, 502, 503, 504):
        raise TransientError(f"answers {reply.status}; could not be checked")
    return reply
