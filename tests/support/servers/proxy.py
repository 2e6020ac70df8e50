"""A reverse proxy on loopback, between the tool and an S3 server: it counts, slows and breaks requests."""

import itertools
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO
from urllib.parse import unquote

from tests.support.servers.faults import Fault
from tests.support.servers.s3 import S3Server
from tests.support.servers.wire import (
    HOP,
    Answer,
    Request,
    Seen,
    Signer,
    Upstream,
    abort,
    parse_range,
    read_body,
    read_headers,
)

_PIECE = 64 * 1024


class Proxy:
    """Forwards what arrives at `url` to a server, with the client's Host header, so signatures still match.

    Given the server rather than its URL, it can also sign again where a fault removes a signed header.

    - `requests` lists what arrived, `connections` counts the client's connections, `reset()` forgets both.
    - `delay` seconds pass before each answer; `jitter` adds that fraction of it to every second one, so that
      a batch of more requests than the client has connections overlaps all through, and is one round.
    - `held` seconds pass between head and body of the answers on a connection after its first: as where a
      server that writes them apart waits for an acknowledgement that the client puts off.
    - `handshake` seconds pass before a connection is served: the round trips of TCP and TLS.
    - `bandwidth` bytes per second are shared by all connections; `clock` and `wait` are what it goes by.
    - `partial` says 206 of answers that hold a Content-Range: rclone says 200, which some clients refuse.
    - `fault(kind, when=..., times=..., ...)` breaks requests, see `faults`; several may hit one request, in
      the order they were added in, up to one that answers by itself; `clear()` removes them.
    - `close()` refuses connections from then on, and drops those that are open; the port stays its own, and
      is free for `Proxy(server, port)` alone, until the `with` block ends.

    An exception in a callable of a test is raised when the `with` block ends.
    """

    def __init__(self, server: S3Server | str, port: int = 0) -> None:
        self.server = server
        self.upstream = server if isinstance(server, str) else server.url
        self.clock: Callable[[], float] = time.perf_counter
        self.wait: Callable[[float], object] = lambda seconds: self._closed.wait(seconds)
        self.delay = 0.0
        self.jitter = 0.0
        self.handshake = 0.0
        self.held = 0.0
        self.bandwidth: float | None = None
        self.partial = False
        self.connections = 0
        self.requests: list[Seen] = []
        self._errors: list[BaseException] = []
        self._faults: list[Fault] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._gate, self._passing, self._held = threading.Condition(), 0, False
        self._closed = threading.Event()
        self._turn = itertools.count()
        self._line_free = 0.0
        self._tls: ssl.SSLContext | None = None
        self._signer = None
        if not isinstance(server, str):
            self._signer = Signer(server.access_key, server.secret_key, server.region, server.session_token)
        self._listener = _Listener(("127.0.0.1", port), self._talk)
        self.port = int(self._listener.server_address[1])
        self._place = socket.socket()  # it holds the port, and never listens
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._place.bind(self._listener.server_address)
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()
        self._place.close()
        if kind is None and self._errors:
            raise self._errors[0]

    def secure(self, certificate: Path) -> None:
        """Speak TLS from now on, with the key and the certificate in this file."""
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)
        self.url = self.url.replace("http:", "https:")

    def close(self) -> None:
        """Stop listening, so that connecting is refused, and drop the open connections."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._listener.shutdown()
        self._listener.server_close()
        with self._lock:
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Forget the requests so far; faults stay."""
        with self._lock:
            self.requests, self.connections = [], 0

    def count(self, method: str | None = None) -> int:
        """How many requests arrived."""
        return sum(method in (None, seen.method) for seen in self.requests)

    def bytes(self) -> int:
        """How many body bytes were sent to the client."""
        return sum(seen.sent for seen in self.requests)

    def rounds(self, method: str | None = None) -> int:
        """How often a client waited: the number of groups of requests that overlap in time.

        Set a `delay` of 10 ms or more: without one, the answers of a batch may come before its last request.
        """
        now = time.perf_counter()
        spans = sorted((s.started, s.ended or now) for s in list(self.requests) if method in (None, s.method))
        rounds, end = 0, float("-inf")
        for started, ended in spans:
            rounds += started > end
            end = max(end, ended)
        return rounds

    def fault(
        self,
        kind: str,
        *,
        when: Callable[[Seen], object] | None = None,
        times: int | None = None,
        **args: Any,
    ) -> Fault:
        """Break the requests that `when` accepts, `times` of them or all; the fault counts its `hits`."""
        fault = Fault(kind, when, times, args)
        self._faults = [*self._faults, fault]
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self._faults = []

    def _talk(self, sock: socket.socket) -> None:
        """Serve one connection of a client until either side ends it."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self.connections += 1
            self._open.add(sock)
        upstream = Upstream(self.upstream)
        try:
            if self.handshake:
                self.wait(self.handshake)
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.add(sock)
            with sock.makefile("rb") as stream:
                held = 0.0
                while not self._closed.is_set() and (request := self._receive(stream, sock)):
                    if not self._serve(request, sock, upstream, held):
                        break
                    held = self.held
        except OSError:
            pass  # The client has gone.
        except BaseException as error:
            self._errors.append(error)
            raise
        finally:
            upstream.close()
            with self._lock:
                self._open.discard(sock)

    def _receive(self, stream: BinaryIO, sock: socket.socket) -> Request | None:
        """The next request, already listed; None when the client has closed."""
        line = stream.readline(_PIECE)
        if not line.strip():
            return None
        method, target, version = line.decode("latin-1").split()
        headers = read_headers(stream)
        named = {name.lower(): value for name, value in headers}
        path, _, query = target.partition("?")
        seen = Seen(method, target, unquote(path), query, named, parse_range(named.get("range", "")))
        seen.started = time.perf_counter()
        with self._lock:
            self.requests.append(seen)
        if "expect" in named:
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = read_body(stream, named)
        kept = [(name, value) for name, value in headers if name.lower() not in HOP]
        if body or "content-length" in named:
            kept.append(("Content-Length", str(len(body))))
        close = named.get("connection", "").lower() == "close" or version == "HTTP/1.0"
        return Request(seen, kept, body, close, self._closed.wait, self._signer)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within this, no request is at the server: while an object is replaced, some servers answer with the
        ETag of one and bytes of the other.
        """
        with self._gate:
            self._gate.wait_for(lambda: not self._passing and not self._held)
            self._held = True
        try:
            yield
        finally:
            with self._gate:
                self._held = False
                self._gate.notify_all()

    @contextmanager
    def _pass(self) -> Iterator[None]:
        with self._gate:
            self._gate.wait_for(lambda: not self._held)
            self._passing += 1
        try:
            yield
        finally:
            with self._gate:
                self._passing -= 1
                self._gate.notify_all()

    def _serve(self, request: Request, sock: socket.socket, upstream: "Upstream", held: float) -> bool:
        """Answer one request; whether the connection may go on."""
        seen = request.seen
        faults = (fault for fault in self._faults if fault.takes(seen))
        hits = []
        for fault in faults:
            hits.append(fault)
            if answer := fault.before(request):
                break
        else:
            with self._pass():
                answer = upstream.exchange(request)
            for fault in hits:
                fault.after(answer)
        if self.partial and answer.status == 200 and answer.get("content-range"):
            answer.status, answer.reason = 206, "Partial Content"
        seen.status = answer.status
        if "range" in seen.headers and seen.range is None:
            seen.range = parse_range(answer.get("content-range") or "")
        if self.delay:
            self.wait(self.delay * (1 + self.jitter * (next(self._turn) % 2)))
        if request.close and answer.end == "keep":
            answer.end = "close"
        try:
            self._send(sock, seen, answer, held)
        finally:
            seen.ended = seen.ended or time.perf_counter()
        if answer.end == "reset":
            abort(sock)
        return answer.end == "keep"

    def _send(self, sock: socket.socket, seen: Seen, answer: Answer, held: float) -> None:
        whole = b"%x\r\n%b\r\n" % (len(answer.body), answer.body) if answer.chunked else answer.body
        head, body = answer.head(), memoryview(whole)[: answer.keep]
        if held and body:
            sock.sendall(head)
            self.wait(held)
            head = b""
        for start in range(0, max(len(body), 1), _PIECE):
            piece = body[start : start + _PIECE]
            self._pace(len(piece))
            seen.sent += len(piece)
            if start + _PIECE >= len(body) and not answer.endless:
                seen.ended = time.perf_counter()
            sock.sendall(b"".join((head, piece)) if head else piece)
            head = b""
        left = answer.endless
        many = answer.filler if answer.pause else answer.filler * (_PIECE // len(answer.filler))
        while left and not self._closed.is_set():
            piece = memoryview(many)[: left if left > 0 else None]
            self._pace(len(piece))
            self._closed.wait(answer.pause)
            sock.sendall(piece)
            seen.sent += len(piece)
            left -= len(piece) if left > 0 else 0

    def _pace(self, size: int) -> None:
        """Wait for a turn on the line that all connections share."""
        if not self.bandwidth:
            return
        now = self.clock()
        with self._lock:
            # A sleep that took longer than asked for is made up for by the next ones.
            self._line_free = max(self._line_free, now - 0.005) + size / self.bandwidth
            wait = self._line_free - now
        if wait > 0:
            self.wait(wait)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True  # a port that was left a moment ago
    allow_reuse_port = True  # with `_place`; a port that the system chooses is nobody else's all the same
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], talk: Callable[[socket.socket], None]) -> None:
        self._talk = talk
        super().__init__(address, socketserver.BaseRequestHandler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self._talk(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the proxy has kept the exception."""
