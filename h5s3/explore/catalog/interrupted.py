"""Calls of DuckDB that Ctrl-C and the end of a time limit end, however long they take.

DuckDB looks for signals now and then, may not hear one, and tells of it as an error of its own. So another
thread calls it, and this one waits for that, as Python waits: for what comes first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

SOON = 10.0  # seconds in which a question ends that was told to, unless it waits for a server
T = TypeVar("T")


class Calls:
    """Calls of a connection, which this closes at the end."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._ended = threading.Event()
        self._ended.set()

    def __call__(self, call: Callable[[], T]) -> T:
        """What a call gives. Raises what it raises, or what interrupts the wait, which ends the question."""
        given: list[T] = []
        failed: list[BaseException] = []
        ended = self._ended = threading.Event()  # a thread seems to have ended where its join is interrupted

        def work() -> None:
            try:
                given.append(call())
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
                failed.append(error)
            finally:
                ended.set()

        try:
            threading.Thread(target=work, daemon=True, name="h5s3-query").start()
            ended.wait()
        except BaseException:
            self._connection.interrupt()
            ended.wait(SOON)  # the interpreter cannot leave while the engine is in the middle of a step
            raise
        if failed:
            raise failed.pop()  # no circle of the error and this frame, which would keep the connection
        return given[0]

    def close(self) -> None:
        """Close the connection; one that is still busy is left to its thread, for which nobody waits."""
        if self._ended.is_set():
            self._connection.close()
