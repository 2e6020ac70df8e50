"""Who waits for what is on the wire, and for how long: a question tells it all requests that it leads to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from h5s3.errors import NetworkError, StoppedError


class Wanted:
    """One question, for so many seconds at the most. `stop`: nobody waits for its answer any more."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self._ends = float("inf") if seconds is None else time.monotonic() + seconds
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._wakes: dict[object, Callable[[], object]] = {}  # what is done once it is stopped

    def stop(self) -> None:
        """Cut off what is on the wire, and wake who waits for it. From any thread."""
        with self._lock:
            self._stopped.set()
            wakes, self._wakes = list(self._wakes.values()), {}
            for wake in wakes:
                wake()

    def check(self) -> float:
        """Seconds that are left. Raises `StoppedError`, and `NetworkError` once the time is used up."""
        if self._stopped.is_set():
            raise StoppedError("no longer wanted")
        return self.left()

    def left(self) -> float:
        """The same, whether or not it was stopped."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise NetworkError(f"not done within {self.seconds:g} s", hint="raise --timeout")
        return left

    def pause(self, seconds: float) -> None:
        """Wait so long, or until it is stopped."""
        self._stopped.wait(seconds)
        self.check()

    def on_stop(self, name: object, wake: Callable[[], object]) -> None:
        """Have this done once it is stopped, in place of what was named so. Raises `StoppedError`."""
        with self._lock:
            if not self._stopped.is_set():
                self._wakes[name] = wake
                return
        raise StoppedError("no longer wanted")

    def forget(self, name: object) -> None:
        """Nothing is to be done under this name."""
        with self._lock:
            self._wakes.pop(name, None)


ASKED: ContextVar[Wanted | None] = ContextVar("h5s3_asked", default=None)


@contextmanager
def asking(wanted: Wanted | None) -> Iterator[None]:
    """Within this, what this thread waits for is part of a question."""
    token = ASKED.set(wanted)
    try:
        yield
    finally:
        ASKED.reset(token)


def pause(seconds: float) -> None:
    """Wait so long; raises `StoppedError` where nobody waits for the answer any more."""
    wanted = ASKED.get()
    if wanted is None:
        time.sleep(seconds)
    else:
        wanted.pause(seconds)


@contextmanager
def woken(wake: Callable[[], object]) -> Iterator[None]:
    """Within this, have something done once the question is stopped. Raises `StoppedError` where it is."""
    wanted, name = ASKED.get(), object()
    if wanted is None:
        yield
        return
    wanted.on_stop(name, wake)
    try:
        yield
    finally:
        wanted.forget(name)


def cut_off(sock: socket.socket) -> None:
    """Have the answer that this thread waits for end where the question is stopped. One answer at a time."""
    wanted = ASKED.get()
    if wanted is not None:
        wanted.on_stop(threading.get_ident(), lambda: _shut(sock))


def received() -> None:
    """That answer is here."""
    wanted = ASKED.get()
    if wanted is not None:
        wanted.forget(threading.get_ident())


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # not that of TLS, which would take the state from a thread that reads
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
