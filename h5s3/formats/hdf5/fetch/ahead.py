"""Exact ranges that are fetched while others are decoded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from functools import partial

from h5s3.storage.base import Range
from h5s3.storage.trace import Trace

Fetch = Callable[[Sequence[Range]], dict[Range, bytes]]


class Ahead:
    """Ranges on their way, each batch of them fetched by a thread of its own, which sees bytes alone.

    The threads are daemons: none keeps the interpreter from leaving. How much is on its way is the caller's
    to bound.
    """

    def __init__(self, fetch: Fetch, trace: Trace) -> None:
        self._fetch, self._trace = fetch, trace
        self._coming: dict[Range, _Batch] = {}

    def start(self, ranges: Iterable[Range]) -> None:
        """Begin to fetch what is not on its way."""
        wanted = [item for item in dict.fromkeys(ranges) if item not in self._coming]
        if wanted:
            batch = _Batch(wanted)
            run = partial(copy_context().run, batch.run, self._fetch, self._trace)  # for whoever asks now
            threading.Thread(target=run, daemon=True, name="h5s3-ahead").start()
            self._coming.update(dict.fromkeys(wanted, batch))

    def take(self, ranges: Iterable[Range]) -> dict[Range, bytes]:
        """Those of the ranges that were on their way, once they are here. Raises what fetching raised."""
        found: dict[Range, bytes] = {}
        for item in ranges:
            batch = self._coming.pop(item, None)
            if batch is not None:
                found[item] = batch.wait(self._trace).pop(item)
        return found

    def settle(self) -> None:
        """Wait until nothing is on its way. What failed is raised to who takes it."""
        for batch in list(self._coming.values()):
            if not batch.done.is_set():
                with self._trace.waiting():
                    batch.done.wait()

    def drop(self) -> None:
        """Forget all, whether it has come or not."""
        self._coming = {}


class _Batch:
    """Ranges that are fetched together."""

    def __init__(self, ranges: list[Range]) -> None:
        self._ranges = ranges
        self._answers: dict[Range, bytes] = {}
        self._error: BaseException | None = None
        self.done = threading.Event()

    def run(self, fetch: Fetch, trace: Trace) -> None:
        """Fetch them, in a thread."""
        try:
            with trace.behind():
                self._answers = fetch(self._ranges)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which raises it
            self._error = error
        finally:
            self.done.set()

    def wait(self, trace: Trace) -> dict[Range, bytes]:
        """The answers. Raises what fetching raised."""
        if not self.done.is_set():
            with trace.waiting():
                self.done.wait()
        if self._error is not None:
            raise self._error
        return self._answers
