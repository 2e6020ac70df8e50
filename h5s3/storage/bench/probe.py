"""What `bench` asks a server, each request timed by itself."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Protocol, runtime_checkable

from h5s3.errors import NetworkError, TransientError
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.http.client import MOVED, Operation, Target
from h5s3.storage.http.timed_connection import Reply, TimedConnection, Timing
from h5s3.storage.http.tls import context
from h5s3.storage.location import Location
from h5s3.storage.responses import check_pin, failure, named_region, read_head
from h5s3.storage.trace import Trace

LARGEST_LISTING = 8 << 20  # bytes of one page; 1,000 keys of 1 KiB take less


@runtime_checkable
class Targets(Protocol):
    """A store that lets others send its requests."""

    endpoint: str
    trusted: str | None  # a file of certificates; the system's own where there is none

    def target(self, location: Location, operation: Operation = "GET") -> Target:
        """Where one request goes, signed."""

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """What lies under a prefix, page by page."""


@dataclass
class Probe:
    """The requests of one location, each timed by itself. Nothing in it is shared between threads but TLS
    settings and signed URLs: every thread has a `TimedConnection` of its own."""

    _store: Targets
    _location: Location
    _settings: Settings
    _trace: Trace
    _moved: bool = False

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Whom to trust: the certificates that the store trusts, or the system's."""
        try:
            return context(self._store.trusted, self._settings.insecure)
        except OSError:
            raise NetworkError(
                "the file of trusted certificates cannot be read", hint="check AWS_CA_BUNDLE"
            ) from None

    @property
    def url(self) -> str:
        """Where the requests go. It may be signed: not to be shown."""
        return self._store.target(self._location, "GET" if self._location.key else "LIST").url

    def line(self) -> TimedConnection:
        """A connection to be, for one thread at a time."""
        secure = self.url.startswith("https:")
        return TimedConnection(self._settings, self._trace, self._tls if secure else None)

    def connect(self) -> Timing:
        """A new connection, closed again. Raises `NetworkError`."""
        line, url = self.line(), self.url
        try:
            begun = perf_counter()
            with self._trace.round():
                opening = line.connect(url)
        finally:
            line.close()
        return Timing(opening.seconds, opening.seconds, 0, begun, opening)

    def head(self, line: TimedConnection) -> Timing:
        """A HEAD of the object. Raises what `failure` says of the answer, and `NetworkError`."""
        target = self._store.target(self._location, "HEAD")
        with self._trace.round():
            reply = line.ask(target, "HEAD", {}, 0)
        return self._good(reply, target).timing

    def list(self, line: TimedConnection) -> Timing:
        """One page of the folder around the object, as `ls` asks for it. Raises like `head`."""
        target = self._store.target(self._location, "LIST")
        with self._trace.round():
            reply = line.ask(target, "LIST", {}, LARGEST_LISTING)
        if self._elsewhere(reply):
            return self.list(line)
        return self._good(reply, target).timing

    def _elsewhere(self, reply: Reply) -> bool:
        """Whether the bucket is in another region, where the store then goes: it follows once.

        An object was read by the store before, and that followed. A bucket is met here for the first time.
        """
        named = named_region(reply.headers, reply.body)
        if self._moved or not (named and (reply.status in MOVED or reply.status == 400)):
            return False
        self._moved = True
        self._trace.retry()
        next(iter(self._store.list(self._location)), None)
        self._store.target(replace(self._location, key=self._location.key or "-"))  # signed again: there
        return True

    def read(self, line: TimedConnection, wanted: Range, pinned: ObjectInfo) -> Timing:
        """A ranged GET, held against the pinned object like every read of h5s3. The caller counts the round.

        Raises `NetworkError` where the answer is not exactly the range, `ChangedError`, `AccessError`.
        """
        start, stop = wanted
        target = self._store.target(self._location)
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        if pinned.etag:
            headers["If-Match"] = f'"{pinned.etag}"'
        reply = self._good(line.ask(target, "GET", headers, stop - start), target, pinned=True)
        head = read_head(reply.status, reply.headers)
        check_pin(head, wanted, pinned)
        if (head.start, head.stop) != wanted:
            raise NetworkError("the server ignores Range requests")
        if reply.timing.received != stop - start:
            raise TransientError("the server's answers end early")
        return reply.timing

    def look(self, line: TimedConnection, value: str, headers: Mapping[str, str], most: int) -> Reply:
        """Whatever is answered to a GET with this Range header, with its body. Raises `NetworkError`."""
        target = self._store.target(self._location)
        with self._trace.round():
            return line.ask(target, "GET", {**headers, "Range": value}, most, keep=True)

    def _good(self, reply: Reply, target: Target, pinned: bool = False) -> Reply:
        if reply.status in (200, 206):
            return reply
        raise failure(reply.status, reply.body, target.who, pinned).at(self._location.display)
