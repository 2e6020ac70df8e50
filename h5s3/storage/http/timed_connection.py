"""Requests that are timed step by step, on connections of one's own: what `bench` and `doctor` send.

The clock (`time.perf_counter`) starts right before a request is sent and stops when its last byte is here.
Nothing is repeated and nothing is pooled: one request is one sample.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import ip_address
from time import perf_counter
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies

from urllib3 import HTTPHeaderDict, make_headers
from urllib3.util import wait_for_read

from h5s3 import __version__
from h5s3.errors import NetworkError
from h5s3.settings import Settings
from h5s3.storage.http.client import ERROR_BODY, Operation, Target
from h5s3.storage.http.connection_pool import CONNECT_SECONDS, proxy_for, request_target
from h5s3.storage.http.response_limits import BoundedResponse
from h5s3.storage.http.wire_errors import wire_error
from h5s3.storage.trace import Trace

PIECE = 64 * 1024  # bytes taken from the wire at once, at the most
LookUp = Callable[[str, int], list[Any]]


class UnsupportedProxyError(NetworkError):
    """The environment names a web proxy of a kind that no connection is timed through."""


@dataclass
class Opening:
    """Seconds that it took to open a connection. None: there was no such step, or it was not reached.

    Through a proxy, name and TCP are those of the proxy, and the way to the server is the tunnel.
    """

    seconds: float = 0.0
    address: str = ""  # the first that the name stands for
    dns: float | None = None
    tcp: float | None = None
    tunnel: float | None = None
    tls: float | None = None


@dataclass(frozen=True)
class Timing:
    """One request: seconds until the head of its answer, its first and its last byte; the bytes of its body.

    `begun` is when it was sent, on the clock of `perf_counter`. `opening` is there where a connection was
    opened for it, whose time is in `seconds`.
    """

    seconds: float
    first_byte: float = 0.0
    received: int = 0
    begun: float = 0.0
    opening: Opening | None = None
    head: float = 0.0


@dataclass(frozen=True)
class Reply:
    """An answer as it came, successful or not."""

    status: int
    headers: Mapping[str, str]
    body: bytes  # where it was to be kept
    timing: Timing
    whole: bool  # all of the body was taken
    kept: bool  # the connection goes on


class SteppedConnection(HTTPConnection):
    """A connection of `http.client` that notes how long each step of its opening takes.

    `tls` is spoken over it, once the way there is open; None speaks plainly. `look_up` gives the addresses of
    a host, as `socket.getaddrinfo` does.
    """

    response_class = BoundedResponse

    def __init__(
        self, host: str, port: int, seconds: float, tls: ssl.SSLContext | None, look_up: LookUp | None = None
    ) -> None:
        super().__init__(host, port, timeout=seconds)
        self._tls = tls
        self._look_up = look_up or addresses
        self._reached = 0.0
        if tls is not None:
            self.default_port = 443  # which a Host header does not mention
        self._create_connection = self._dial  # where `http.client` lets others open its sockets
        self.opening = Opening()

    def connect(self) -> None:
        """Open the connection. Raises `OSError` and `HTTPException`, as `http.client` does."""
        begun, self.opening = perf_counter(), Opening()
        super().connect()
        ready = perf_counter()
        behind = getattr(self, "_tunnel_host", None)  # the server that a proxy leads to
        if behind:
            self.opening.tunnel = ready - self._reached
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=behind or self.host)
            self.opening.tls = perf_counter() - ready
        self.opening.seconds = perf_counter() - begun

    def _dial(self, address: tuple[str, int], timeout: float, source: Any = None) -> socket.socket:
        """A socket that is connected to the first of the host's addresses that answers."""
        begun = perf_counter()
        found = self._look_up(*address)
        looked_up = perf_counter()
        self.opening.address = found[0][4][0]
        self.opening.dns = None if _is_address(address[0]) else looked_up - begun
        sock = _first_to_answer(found, timeout)
        self._reached = perf_counter()
        self.opening.tcp = self._reached - looked_up
        return sock


class TimedConnection:
    """One connection to a server, opened when first needed and kept for as long as the server lets it."""

    def __init__(self, settings: Settings, trace: Trace, tls: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._trace = trace
        self._tls = tls
        self._connection: SteppedConnection | None = None
        self._place = ("", "")  # scheme and host of the connection
        self.opened = 0  # connections so far
        self.broken = 0  # of them that broke while a request was under way
        self.received = 0  # bytes of the last answer's body, whether or not it was any good
        self._opening: Opening | None = None  # for the request under way
        self._answered = False
        self._via: dict[str, str] | None = None  # headers for the proxy, where there is one

    def connect(self, url: str) -> Opening:
        """Open a new connection: name, TCP, TLS. Raises `NetworkError`."""
        self.close()
        parts = urlsplit(url)
        connection = self._connection = self._new(url)
        try:
            connection.connect()
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            raise wire_error(error, url, connecting=True) from None
        self._place = (parts.scheme, parts.netloc)
        self.opened += 1
        return connection.opening

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
        self.received = 0
        self._opening, begun = None, perf_counter()
        if self._connection is None:
            self._opening = self.connect(target.url)
        assert self._connection is not None and self._connection.sock is not None
        try:
            self._connection.sock.settimeout(self._settings.request_seconds)
            path, sent = self._addressed(target.url, sent)
            self._connection.request(method, path, headers=sent)
            return self._take(self._connection.getresponse(), begun, most, keep)
        except (OSError, HTTPException, ValueError) as error:
            self.close()
            self.broken += 1
            raise wire_error(error, target.url) from None
        except BaseException:
            self.close()
            raise

    def _take(self, response: HTTPResponse, begun: float, most: int, keep: bool) -> Reply:
        first = head = perf_counter() - begun
        received, whole = 0, False
        pieces: list[bytes] = []
        if response.status >= 300:
            most, keep = max(most, ERROR_BODY), True
        announced = response.length
        if announced is None or announced <= most:
            while announced is None or received < announced:
                piece = response.read1(PIECE if announced is None else min(PIECE, announced - received))
                if not received:
                    first = perf_counter() - begun
                if not piece or received > most:
                    break
                received += len(piece)
                self.received = received
                self._trace.request("", len(piece))
                if keep:
                    pieces.append(piece)
                self._settings.check_deadline()
            whole = received == announced if announced is not None else received <= most
        seconds = perf_counter() - begun
        kept = whole and not response.will_close
        headers = HTTPHeaderDict(response.getheaders())
        response.close()
        self._answered = True
        if not kept:
            self.close()
        timing = Timing(seconds, first, received, begun, self._opening, head)
        return Reply(response.status, headers, b"".join(pieces), timing, whole, kept)

    def close(self) -> None:
        """Give back the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._answered = None, False

    def _new(self, url: str) -> SteppedConnection:
        """A connection to be, through the proxy that the environment names, as all of h5s3's go."""
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        proxy = urlsplit(proxy_for(getproxies(), parts.scheme, host))
        if proxy.scheme not in ("", "http"):
            cause = f"nothing can be measured through a proxy of the kind {proxy.scheme}://"
            raise UnsupportedProxyError(cause)
        user, login, _ = proxy.netloc.rpartition("@")
        known = make_headers(proxy_basic_auth=unquote(user) if login else None)
        self._via = known if proxy.hostname else None
        seconds = min(CONNECT_SECONDS, self._settings.request_seconds)
        at, there = (proxy.hostname, proxy.port or 80) if proxy.hostname else (host, port)
        connection = SteppedConnection(at, there, seconds, self._tls if secure else None)
        if secure and self._via is not None:
            connection.set_tunnel(host, port, headers=self._via)
        return connection

    def _addressed(self, url: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Request target and headers: a proxy is told the whole URL, except where TLS tunnels through it."""
        path = "".join(char if "!" <= char <= "~" else quote(char) for char in request_target(url))
        parts = urlsplit(url)
        if self._via is None or parts.scheme == "https":
            return path, headers
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}", {**headers, **self._via}

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


def addresses(host: str, port: int) -> list[Any]:
    """What a host's name stands for, as `socket.getaddrinfo` gives it."""
    return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)


def _first_to_answer(found: list[Any], timeout: float) -> socket.socket:
    failed: OSError = OSError("no address")
    for family, kind, protocol, _, place in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout)
            sock.connect(place)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
