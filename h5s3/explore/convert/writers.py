"""Threads that write objects while others are read."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType

from h5s3.sizes import MIB

MOST = 64 * MIB  # bytes that may wait to be written
Work = Callable[[], None]


class Writers:
    """Threads that do what they are given, in any order. A context manager: leaving it waits for them.

    The threads are daemons: where something fails, or is interrupted, what waits is dropped, and nobody waits
    for a server that takes its time.
    """

    def __init__(self, threads: int) -> None:
        self._todo: deque[tuple[int, Work]] = deque()
        self._changed = threading.Condition()
        self._waiting = self._busy = 0  # bytes, threads
        self._most, self._threads = threads, 0
        self._error: BaseException | None = None
        self._closed = False

    def give(self, size: int, work: Work) -> None:
        """Have something done that holds so many bytes; waits where much is waiting. Raises what failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or not self._todo or self._waiting + size <= MOST)
            self._raise()
            self._todo.append((size, work))
            self._waiting += size
            more = self._threads < self._most and len(self._todo) > self._threads - self._busy
            self._threads += more
            self._changed.notify()
        if more:
            self._start()

    def __enter__(self) -> Writers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            if error is None:
                self._changed.wait_for(lambda: self._error or not (self._todo or self._busy))
            self._closed = True
            self._todo.clear()
            self._changed.notify_all()
            if error is None:
                self._raise()

    def _start(self) -> None:
        try:
            threading.Thread(target=self._run, daemon=True, name="h5s3-write").start()
        except RuntimeError:  # the system gives no thread
            with self._changed:
                self._threads -= 1
                if self._threads or not self._todo:
                    return
                size, work = self._todo.popleft()
                self._waiting -= size
            work()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._todo or self._closed or self._error)
                if not self._todo or self._error:
                    return
                size, work = self._todo.popleft()
                self._busy += 1
                self._changed.release()
                error: BaseException | None = None
                try:
                    work()
                except BaseException as found:  # noqa: BLE001 - raised to who gives, or leaves
                    error = found
                finally:
                    self._changed.acquire()
                self._busy -= 1
                self._waiting -= size
                self._error = self._error or error
                self._changed.notify_all()
