"""A storage over bytes in memory that knows how the requests of a walk depend on each other."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence

from h5s3.records import Entry
from h5s3.storage.base import ObjectInfo, OnArrival, Range
from h5s3.storage.location import Location

LOCATION = Location("s3", "file.h5", bucket="memory")


class CountingStore:
    """One object made of bytes; answers in the order in which a wire with room for all would.

    A request depends on the answer that named it (`on_arrival`), or on all answers before the call of
    `get_ranges` that it begins with. Its depth is the longest chain of requests that ends in it.

    - `at_depth`: how many requests there were of each depth, from 1.
    - `rounds`: waits for the wire as `Trace` counts them: calls, and arrivals that left the wire empty but
      for what they asked for.
    - `received`: bytes.
    """

    endpoint = "memory"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._info = ObjectInfo(LOCATION, self.endpoint, len(data), etag="one")
        self.at_depth: Counter[int] = Counter()
        self.rounds = 0
        self.received = 0

    @property
    def requests(self) -> int:
        """All requests."""
        return self.at_depth.total()

    @property
    def depth(self) -> int:
        """The longest chain of requests that depend on each other."""
        return max(self.at_depth, default=0)

    def head(self, location: Location) -> ObjectInfo:
        """The identity, by one request."""
        self._alone(0)
        return self._info

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """The identity and the first bytes, by one request."""
        data = self._data[:length]
        self._alone(len(data))
        return self._info, data

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes, counted. A range outside the object is a mistake of the caller."""
        begins = self.depth + 1
        pending = deque((item, begins) for item in ranges)
        self.rounds += bool(pending)
        done: dict[Range, bytes] = {}
        while pending:
            (start, stop), depth = pending.popleft()
            assert 0 <= start < stop <= len(self._data), f"no range of {len(self._data)} bytes: {start, stop}"
            self.at_depth[depth] += 1
            self.received += stop - start
            done[start, stop] = data = self._data[start:stop]
            more = list(on_arrival((start, stop), data)) if on_arrival else []
            self.rounds += bool(more) and not pending
            pending.extend((item, depth + 1) for item in more)
        return done

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """Nothing."""
        return iter(())

    def close(self) -> None:
        """Nothing to give back."""

    def _alone(self, size: int) -> None:
        self.at_depth[self.depth + 1] += 1
        self.rounds += 1
        self.received += size
