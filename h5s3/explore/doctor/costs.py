"""What a cold walk over a file costs: the ordinary `tree -r`, run over bytes that are here, and counted."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from h5s3.errors import H5s3Error
from h5s3.explore.round_trips import seconds_at
from h5s3.explore.session import FIRST_BYTES, Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest
from h5s3.records import Entry
from h5s3.records.doctor import Costs
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, OnArrival, Range
from h5s3.storage.http.parallel import IN_FLIGHT
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

PER_REQUEST = 24 * 1024  # bytes that a request brings where metadata lie together, as walks showed
FEW = 2  # answers: of more than that, one that leads on is hardly ever the last to arrive
How = Literal["counted", "simulated", "estimated"]


class Source(Protocol):
    """Bytes of an object that may be real or made up."""

    def prepare(self, ranges: Iterable[Range]) -> None:
        """Have these bytes here."""

    def bytes_of(self, start: int, stop: int) -> bytes:
        """Exactly these bytes."""


class StoppedError(H5s3Error):
    """The walk took more than it was granted."""


class Allowance:
    """What a counted walk may take, in bytes asked for and in seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self._left, self._until = most, time.monotonic() + seconds

    def spend(self, count: int) -> None:
        """Raises `StoppedError` beyond."""
        self._left -= count
        if self._left < 0 or time.monotonic() > self._until:
            raise StoppedError("the walk takes too long to be counted")


@dataclass
class RehearsalStore:
    """One object of which every read is counted as if it went over a wire, where all answers take as long.

    Answers so arrive in the order in which they were asked for, those that answers led to after the others.
    """

    _source: Source
    _info: ObjectInfo
    _trace: Trace
    _allowance: Allowance
    waits: int = 0  # one after another: of what is asked for at once, so many are in flight at a time
    endpoint: str = "rehearsal"

    def head(self, location: Location) -> ObjectInfo:
        self.waits += 1
        with self._trace.round():
            self._trace.request("HEAD")
        return self._info

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        self.waits += 1
        with self._trace.round():
            return self._info, self._read((0, min(length, self._info.size)))

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes. A wait of its own is counted as the trace of a real storage counts it."""
        done: dict[Range, bytes] = {}
        waiting = deque(ranges)
        if not waiting:
            return done
        with self._trace.round():
            while waiting:
                together = [waiting.popleft() for _ in range(min(IN_FLIGHT, len(waiting)))]
                self._source.prepare(together)
                self.waits += 1
                for number, item in enumerate(together, 1):
                    done[item] = self._read(item)
                    more = list(on_arrival(item, done[item])) if on_arrival else []
                    alone = number == len(together) <= FEW and not waiting
                    self._trace.rounds += bool(more) and alone
                    waiting.extend(more)
        return done

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        return iter(())

    def close(self) -> None:
        """Nothing to give back."""

    def _read(self, wanted: Range) -> bytes:
        self._allowance.spend(wanted[1] - wanted[0])
        data = self._source.bytes_of(*wanted)
        self._trace.request("GET", len(data))
        return data


def walk_costs(name: str, how: How, source: Source, size: int, allowance: Allowance) -> Costs:
    """Walk a file as `h5s3 tree -r` does when nothing is cached.

    Raises `StoppedError` where it takes more than allowed, and what the walk raises.
    """
    there = Location("s3", "file.h5", bucket="rehearsal")
    info = ObjectInfo(there, "rehearsal", size, etag="rehearsal")
    with Session(Settings(no_cache=True)) as session:
        trace = session.trace
        store = session.stores[there.store] = RehearsalStore(source, info, trace, allowance)
        tree(session, there, TreeRequest(depth=0, limit=0))
    return make_costs(name, how, trace.total, trace.rounds, trace.received, store.waits)


def make_costs(name: str, how: How, requests: int, rounds: int, received: int, waits: int = 0) -> Costs:
    """The record of a walk, with the time it takes: its waits (its rounds, and within a round those for what
    an answer led to), and its bytes over a line that is assumed.
    """
    seconds = seconds_at(waits or max(rounds, requests // IN_FLIGHT), received)
    return Costs(name=name, how=how, requests=requests, rounds=rounds, bytes=received, seconds=seconds)


def estimated_scattered(name: str, pieces: int, metadata: int, size: int, depth: int) -> Costs:
    """For a file too large to be walked twice: requests for each piece, some rounds for each level."""
    first = min(FIRST_BYTES, size)
    requests = 1 + max(pieces, metadata // PER_REQUEST)
    return make_costs(name, "estimated", requests, min(requests, 2 + 3 * depth), first + metadata)


def estimated_paged(name: str, metadata: int, size: int) -> Costs:
    """For a file too large to be repacked here: its metadata would be together and come in few rounds."""
    first = min(FIRST_BYTES, size)
    requests = 1 + max(0, metadata - first) // PER_REQUEST
    return make_costs(name, "estimated", requests, min(requests, 4), max(first, metadata))
