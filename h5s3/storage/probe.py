"""Timed requests on connections of one's own: what `bench` measures a server by.

The clock (`time.perf_counter`) starts right before a request is sent and stops when its last byte is here.
Nothing is repeated and nothing is pooled: one request is one sample.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import gaierror
from time import perf_counter
from typing import Protocol, runtime_checkable
from urllib.parse import quote, urlsplit

from urllib3 import HTTPHeaderDict
from urllib3.util import wait_for_read

from h5s3 import __version__
from h5s3.errors import NetworkError
from h5s3.settings import Settings
from h5s3.storage.answers import check_pin, failure, read_head
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.http import CONNECT_SECONDS, ERROR_BODY, Operation, Target
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

PIECE = 64 * 1024  # bytes taken from the wire at once, at the most
LARGEST_LISTING = 8 << 20  # bytes of one page; 1,000 keys of 1 KiB take less


@runtime_checkable
class Targets(Protocol):
    """A store that lets others send its requests."""

    endpoint: str

    def target(self, location: Location, operation: Operation = "GET") -> Target:
        """Where one request goes, signed."""


@dataclass(frozen=True)
class Timing:
    """One request: seconds until its first and its last byte, and the bytes of its body."""

    seconds: float
    first_byte: float = 0.0
    received: int = 0


@dataclass(frozen=True)
class Reply:
    """An answer as it came, successful or not."""

    status: int
    headers: Mapping[str, str]
    body: bytes  # where it was to be kept
    timing: Timing
    whole: bool  # all of the body was taken
    kept: bool  # the connection goes on


class Line:
    """One connection, opened when first needed and kept for as long as the server lets it."""

    def __init__(self, settings: Settings, trace: Trace, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._trace = trace
        self._tls = tls
        self._connection: HTTPConnection | None = None
        self._place = ("", "")  # scheme and host of the connection
        self.opened = 0  # connections so far
        self._answered = False

    def connect(self, url: str) -> float:
        """Open a new connection (DNS, TCP, TLS); seconds. Raises `NetworkError`."""
        self.close()
        parts = urlsplit(url)
        connection = self._connection = self._new(url)
        begun = perf_counter()
        try:
            connection.connect()
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise wire_error(error, url, connecting=True) from None
        seconds = perf_counter() - begun
        self._place = (parts.scheme, parts.netloc)
        self.opened += 1
        return seconds

    def ask(
        self, target: Target, operation: Operation, headers: Mapping[str, str], most: int, keep: bool = False
    ) -> Reply:
        """Send one request and take at most `most` bytes of its body, none where more are announced.

        Connects first where need be, and that time counts. Raises `NetworkError` for what happens to the
        wire; an error that the server answers with is an answer.
        """
        sent = {**target.headers, **headers, "Accept-Encoding": "identity"}
        sent["User-Agent"] = f"h5s3/{__version__}"
        method = "HEAD" if operation == "HEAD" else "GET"
        self._drop_if_dead(target.url)
        self._trace.request(operation)
        begun = perf_counter()
        if self._connection is None:
            self.connect(target.url)
        assert self._connection is not None and self._connection.sock is not None
        try:
            self._connection.sock.settimeout(self._settings.request_seconds)
            self._connection.request(method, _path(target.url), headers=sent)
            return self._take(self._connection.getresponse(), begun, most, keep)
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise wire_error(error, target.url) from None
        except BaseException:
            self.close()
            raise

    def _take(self, response: HTTPResponse, begun: float, most: int, keep: bool) -> Reply:
        first, received, whole = perf_counter() - begun, 0, False
        pieces: list[bytes] = []
        if response.status >= 300:
            most, keep = ERROR_BODY, True
        if response.length is None or response.length <= most:
            announced = response.length
            while announced is None or received < announced:
                piece = response.read1(PIECE if announced is None else min(PIECE, announced - received))
                if not received:
                    first = perf_counter() - begun
                if not piece or received > most:
                    break
                received += len(piece)
                if keep:
                    pieces.append(piece)
                _ = self._settings.request_seconds
            whole = received == announced if announced is not None else received <= most
        seconds = perf_counter() - begun
        self._trace.request("", received)
        kept = whole and not response.will_close
        headers = HTTPHeaderDict(response.getheaders())
        response.close()
        self._answered = True
        if not kept:
            self.close()
        timing = Timing(seconds, first, received)
        return Reply(response.status, headers, b"".join(pieces), timing, whole, kept)

    def close(self) -> None:
        """Give back the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._answered = None, False

    def _new(self, url: str) -> HTTPConnection:
        parts = urlsplit(url)
        seconds = min(CONNECT_SECONDS, self._settings.request_seconds)
        if parts.scheme == "https":
            return HTTPSConnection(parts.hostname or "", parts.port, timeout=seconds, context=self._tls)
        return HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)

    def _drop_if_dead(self, url: str) -> None:
        """Let a connection go that the server has closed meanwhile, or that leads elsewhere.

        Before its first answer, TLS may have something to say that is no farewell.
        """
        connection = self._connection
        if connection is None:
            return
        parts = urlsplit(url)
        ended = self._answered and (connection.sock is None or wait_for_read(connection.sock, timeout=0.0))
        if ended or self._place != (parts.scheme, parts.netloc):
            self.close()


class Probe:
    """The requests of one location, each timed by itself. Nothing in it is shared between threads but TLS
    settings and signed URLs: every thread has a `Line` of its own."""

    def __init__(self, store: Targets, location: Location, settings: Settings, trace: Trace) -> None:
        self._store = store
        self._location = location
        self._settings = settings
        self._trace = trace

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    @property
    def url(self) -> str:
        """Where the requests go. It may be signed: not to be shown."""
        return self._store.target(self._location, "GET" if self._location.key else "LIST").url

    def line(self) -> Line:
        """A connection to be, for one thread at a time."""
        secure = self.url.startswith("https:")
        return Line(self._settings, self._trace, self._tls if secure else None)

    def connect(self) -> Timing:
        """A new connection, closed again. Raises `NetworkError`."""
        line, url = self.line(), self.url
        try:
            with self._trace.round():
                seconds = line.connect(url)
        finally:
            line.close()
        return Timing(seconds, seconds)

    def head(self, line: Line) -> Timing:
        """A HEAD of the object. Raises what `failure` says of the answer, and `NetworkError`."""
        target = self._store.target(self._location, "HEAD")
        with self._trace.round():
            reply = line.ask(target, "HEAD", {}, 0)
        return self._good(reply, target).timing

    def list(self, line: Line) -> Timing:
        """One page of the folder around the object, as `ls` asks for it. Raises like `head`."""
        target = self._store.target(self._location, "LIST")
        with self._trace.round():
            reply = line.ask(target, "LIST", {}, LARGEST_LISTING)
        return self._good(reply, target).timing

    def read(self, line: Line, wanted: Range, pinned: ObjectInfo) -> Timing:
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
            raise NetworkError("the server's answers end early")
        return reply.timing

    def look(self, line: Line, value: str, headers: Mapping[str, str], most: int) -> Reply:
        """Whatever is answered to a GET with this Range header, with its body. Raises `NetworkError`."""
        target = self._store.target(self._location)
        with self._trace.round():
            return line.ask(target, "GET", {**headers, "Range": value}, most, keep=True)

    def _good(self, reply: Reply, target: Target, pinned: bool = False) -> Reply:
        if reply.status not in (200, 206):
            raise failure(reply.status, reply.body, target.who, pinned).at(self._location.display)
        return reply


def wire_error(error: Exception, url: str, connecting: bool = False) -> NetworkError:
    """What happened to a connection, in plain words."""
    host = urlsplit(url).netloc.rpartition("@")[2] or "the server"
    if isinstance(error, gaierror):
        return NetworkError(f"cannot find {host}", hint="check --endpoint-url and the network")
    if isinstance(error, ssl.SSLError):
        return NetworkError(f"no trusted TLS connection to {host}", hint="check the certificate")
    if connecting:
        return NetworkError(f"cannot connect to {host}", hint="check --endpoint-url and the network")
    if isinstance(error, TimeoutError):
        return NetworkError(f"{host} does not answer in time", hint="try again, or raise --timeout")
    return NetworkError(f"the connection to {host} breaks off", hint="try again later")


def _path(url: str) -> str:
    """The request target as the URL has it: what no URL may hold is escaped, `..` and `//` in keys stay."""
    rest = url.partition("://")[2].partition("#")[0]
    path = rest[rest.index("/") :] if "/" in rest else "/"
    return "".join(char if "!" <= char <= "~" else quote(char) for char in path)
