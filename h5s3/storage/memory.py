"""Bytes of objects that were received, kept in memory as long as a program looks around in them."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo, OnArrival, Range, Store
from h5s3.storage.http.client import KEEP
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.records import Entry

MOST = 256 * MIB
MOST_GAPS = 4  # of one range; of more, all between the first and the last is fetched
Run = tuple[int, bytes]  # where it starts in the object


class Memory:
    """The runs that were read last, so many bytes in all. Only of objects that an ETag vouches for."""

    def __init__(self, trace: Trace, most: int = MOST) -> None:
        self._trace, self._most = trace, most
        self._held = 0
        self._runs: OrderedDict[tuple[str, int], bytes] = OrderedDict()  # by the object and where they start
        self._starts: dict[str, list[int]] = {}  # of each object, in order; no run overlaps another
        self._lock = threading.Lock()

    def over(self, store: Store) -> Store:
        """The same store, which is not asked for what is here."""
        return Remembering(store, self)

    def keep(self, info: ObjectInfo, start: int, data: bytes) -> None:
        """Keep bytes of an object; those that are here already are left as they are."""
        identity = info.identity
        if identity is None or len(data) > self._most:
            return
        with self._lock:
            for low, high in self._parts(identity, start, start + len(data))[1]:
                self._runs[identity, low] = data[low - start : high - start]
                insort(self._starts.setdefault(identity, []), low)
                self._held += high - low
            while self._held > self._most:
                (gone, at), run = self._runs.popitem(last=False)
                self._starts[gone].remove(at)
                self._held -= len(run)

    def forget(self, info: ObjectInfo) -> None:
        """Keep nothing more of an object: what came may have been wrong."""
        with self._lock:
            for start in self._starts.pop(info.identity or "", []):
                self._held -= len(self._runs.pop((str(info.identity), start)))

    def parts(self, info: ObjectInfo, wanted: Range) -> tuple[list[Run], list[Range]]:
        """What is here of a range, and what is not."""
        identity = info.identity
        if identity is None:
            return [], [wanted]
        with self._lock:
            here, gaps = self._parts(identity, *wanted)
        self._trace.hits += bool(here)
        if len(gaps) > MOST_GAPS:
            low, high = gaps[0][0], gaps[-1][1]
            return [run for run in here if not low <= run[0] < high], [(low, high)]
        return here, gaps

    def _parts(self, identity: str, start: int, stop: int) -> tuple[list[Run], list[Range]]:
        starts = self._starts.get(identity, [])
        here: list[Run] = []
        gaps: list[Range] = []
        at = start
        for first in starts[max(0, bisect_right(starts, start) - 1) : bisect_left(starts, stop)]:
            run = self._runs[identity, first]
            low, high = max(first, at), min(first + len(run), stop)
            if high <= low:
                continue
            self._runs.move_to_end((identity, first))
            gaps += [(at, low)] if at < low else []
            here.append((low, run[low - first : high - first]))
            at = high
        return here, gaps + ([(at, stop)] if at < stop else [])


class Remembering:
    """A store over a memory."""

    def __init__(self, store: Store, memory: Memory) -> None:
        self._store, self._memory, self.endpoint = store, memory, store.endpoint

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """What is here at once, and of the rest what is missing. What came before a failure is kept, too."""
        asked = _Asked(self._memory, obj, on_arrival)
        missing = asked.missing(ranges)
        if missing:
            token = KEEP.set(self._memory.keep)
            try:
                self._store.get_ranges(obj, missing, asked.arrived)
            finally:
                KEEP.reset(token)
        return asked.done

    def head(self, location: Location) -> ObjectInfo:
        """As the store does."""
        return self._store.head(location)

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """Likewise."""
        return self._store.first(location, length)

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """Likewise."""
        return self._store.list(location, recursive=recursive, versions=versions)

    def close(self) -> None:
        """Likewise."""
        self._store.close()


class _Asked:
    """Ranges that were asked for together: each is there once all that was missing of it has come."""

    def __init__(self, memory: Memory, obj: ObjectInfo, on_arrival: OnArrival | None) -> None:
        self._memory, self._obj, self._on_arrival = memory, obj, on_arrival
        self._runs: dict[Range, list[Run]] = {}  # by the range that is asked for
        self._left: dict[Range, int] = {}  # gaps that are to come
        self._for: dict[Range, list[Range]] = {}  # by the gap
        self.done: dict[Range, bytes] = {}

    def missing(self, ranges: Iterable[Range]) -> list[Range]:
        """Hand over what is here, and what that leads to; what is to be fetched."""
        todo, found = list(ranges)[::-1], list[Range]()
        while todo:
            wanted = todo.pop()
            if wanted in self._left:
                continue
            here, gaps = self._memory.parts(self._obj, wanted)
            self._runs[wanted], self._left[wanted] = here, len(gaps)
            for gap in gaps:
                if gap not in self._for:
                    found.append(gap)
                self._for.setdefault(gap, []).append(wanted)
            if not gaps:
                todo += self._hand_over(wanted)
        return found

    def arrived(self, gap: Range, data: bytes) -> list[Range]:
        """Keep what came, and hand over what is complete by it."""
        self._memory.keep(self._obj, gap[0], data)
        more: list[Range] = []
        for wanted in self._for.pop(gap, ()):
            self._runs[wanted].append((gap[0], data))
            self._left[wanted] -= 1
            if not self._left[wanted]:
                more += self.missing(self._hand_over(wanted))
        return more

    def _hand_over(self, wanted: Range) -> list[Range]:
        runs = sorted(self._runs.pop(wanted))
        data = runs[0][1] if len(runs) == 1 else b"".join(run for _, run in runs)
        self.done[wanted] = data
        return list(self._on_arrival(wanted, data)) if self._on_arrival else []
