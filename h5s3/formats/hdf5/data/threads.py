"""Work that needs no Python objects but its own, shared among threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

from h5s3.formats.hdf5.fetch.collector import held_back

MOST_THREADS = 4
T = TypeVar("T")


def processors() -> int:
    """How many threads are worth their while: as many as this process may use processors, few in all."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        count = os.cpu_count() or 1
    return max(1, min(count, MOST_THREADS))


def work_on(do: Callable[[T], None], items: Sequence[T], threads: int) -> None:
    """Do something with each item, in so many threads, which touch nothing of h5py.

    Raises the first failure, or what interrupts the wait (Ctrl-C, the end of a time limit): then nothing new
    is begun. The threads are daemons: none keeps the interpreter from leaving.
    """
    todo: SimpleQueue[T] = SimpleQueue()
    for item in items:
        todo.put(item)
    ended: SimpleQueue[BaseException | None] = SimpleQueue()
    stopped = threading.Event()

    def work() -> None:
        try:
            while not stopped.is_set():
                do(todo.get_nowait())
        except Empty:
            ended.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
            ended.put(error)

    try:
        with held_back():
            for _ in range(_start(work, min(threads, len(items)))):
                error = ended.get()
                if error is not None:
                    raise error
    finally:
        stopped.set()


def _start(work: Callable[[], None], count: int) -> int:
    """How many threads were started; where the system gives none, the work is done in this one."""
    for number in range(count):
        try:
            threading.Thread(target=work, daemon=True, name="h5s3-decode").start()
        except RuntimeError:
            if number:
                return number
            work()
            return 1
    return count
