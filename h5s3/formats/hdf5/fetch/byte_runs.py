"""Exact byte ranges that are here: the raw data of a sample."""

from __future__ import annotations

from bisect import bisect_right


class Extents:
    """Runs of bytes by where they start. A read may span several that lie side by side."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, bytes]] = []  # sorted by start

    def add(self, runs: dict[int, bytes]) -> None:
        """Take runs, by where they start."""
        self._runs = sorted(self._runs + list(runs.items()))

    def clear(self) -> None:
        """Forget all."""
        self._runs = []

    def covers(self, start: int, stop: int) -> bool:
        """Whether all these bytes are here."""
        while start < stop:
            run = self._at(start)
            if run is None:
                return False
            start = run[0] + len(run[1])
        return True

    def fill(self, view: memoryview, start: int, stop: int) -> bool:
        """Write these bytes into the view, if all are here."""
        if not self._runs or not self.covers(start, stop):
            return False
        at = start
        while at < stop:
            first, data = self._at(at) or (at, b"")
            part = memoryview(data)[at - first : stop - first]
            view[at - start : at - start + len(part)] = part
            at += len(part)
        return True

    def _at(self, position: int) -> tuple[int, bytes] | None:
        index = bisect_right(self._runs, position, key=lambda run: run[0]) - 1
        if index >= 0:
            first, data = self._runs[index]
            if first <= position < first + len(data):
                return first, data
        return None
