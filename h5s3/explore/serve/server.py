"""The HTTP server: connections, headers, and which pages in a browser may read the answers (CORS)."""

from __future__ import annotations

import errno
import re
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

from h5s3.errors import AccessError, ChangedError, H5s3Error, NotFoundError, RefusedError, UsageError
from h5s3.explore.serve.served import Reply, Served

MOST_CONNECTIONS = 128  # at a time; each may hold the pieces of one answer
IDLE_SECONDS = 30.0  # that a connection may keep silent, or take nothing
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: 1\r\n\r\n"
METHODS = "GET, HEAD, OPTIONS"
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::[0-9]*)?")
EXPOSED = "Content-Range, ETag, Content-Length, Accept-Ranges"
ASKED_FOR = "Range, If-Match, If-None-Match, If-Range, Cache-Control"  # headers that pages may send
REMEMBERED = "600"  # seconds that a browser may keep the answer to a preflight
STATUSES: tuple[tuple[type[H5s3Error], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (AccessError, HTTPStatus.FORBIDDEN),
    (RefusedError, HTTPStatus.FORBIDDEN),
    (ChangedError, HTTPStatus.SERVICE_UNAVAILABLE),
)


class Server(ThreadingHTTPServer):
    """Listens as soon as it is made. Raises `UsageError` for an address that it cannot have."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_port = False
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, served: Served, host: str, port: int, origins: Sequence[str] = ()) -> None:
        self.served = served
        self.origins = frozenset(_origin(text) for text in origins)
        self.host = host
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError, UnicodeError) as error:
            raise _unheard(error, host, port) from None
        self.local = ip_address(str(self.server_address[0])).is_loopback

    def server_bind(self) -> None:
        """Bind, without asking for the name of this machine as `http.server` does."""
        socketserver.TCPServer.server_bind(self)

    @property
    def url(self) -> str:
        """Where it listens."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.server_address[1]}/"

    def means_us(self, host: str | None) -> bool:
        """Whether a request was made for this server: where it listens to this machine alone, a page of a
        browser could have its own name lead here, and read what it may not."""
        if host is None or not self.local:
            return True
        found = HOST.fullmatch(host.strip().lower())
        name = found[1] if found else ""
        if name in ("localhost", self.host.lower()) or name.endswith(".localhost"):
            return True
        try:
            return ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread of its own; where there are too many, with 503."""
        if not self._free.acquire(blocking=False):
            with suppress(OSError):
                request.sendall(BUSY)
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no news."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True  # a body does not wait until its head has arrived
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(message)s\n"

    def do_GET(self) -> None:
        """Send an object, or a range of it."""
        self._answer()

    def do_HEAD(self) -> None:
        """Describe an object."""
        self._answer()

    def do_OPTIONS(self) -> None:
        """Tell a browser what a page may ask for."""
        if not self._is_for_us():
            return
        self.send_response(HTTPStatus.NO_CONTENT)
        self.send_header("Allow", METHODS)
        if self._cors():
            self.send_header("Access-Control-Allow-Methods", METHODS)
            self.send_header("Access-Control-Allow-Headers", ASKED_FOR)
            self.send_header("Access-Control-Max-Age", REMEMBERED)
            if self.headers.get("Access-Control-Request-Private-Network") == "true":
                self.send_header("Access-Control-Allow-Private-Network", "true")
        self._end()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._not_allowed
        raise AttributeError(name)

    def version_string(self) -> str:
        """What the header Server says."""
        return "h5s3"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _not_allowed(self) -> None:
        self.close_connection = True  # there may be a body
        self._say(HTTPStatus.METHOD_NOT_ALLOWED, "read-only: GET and HEAD", Allow=METHODS)

    def _is_for_us(self) -> bool:
        """Whether it is to be answered; a body, which has no meaning here, ends the connection."""
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        if self.server.means_us(self.headers.get("Host")):
            return True
        self._say(HTTPStatus.MISDIRECTED_REQUEST, "this server is called localhost or by its address")
        return False

    def _answer(self) -> None:
        if not self._is_for_us():
            return
        headers = {name: self.headers[name] for name in ("Range", "If-Range", "If-Match", "If-None-Match")}
        given = {name: value for name, value in headers.items() if value is not None}
        begun = False
        try:
            with self.server.served.answer(self.command, self.path, given) as reply:
                begun = True
                self._send(reply)
        except Exception as error:  # noqa: BLE001 - the next request is answered whatever happened here
            if begun:
                self.close_connection = True  # the client sees that bytes are missing
            else:
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, H5s3Error):
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, f"internal error ({type(error).__name__})")
            return
        found = (status for kind, status in STATUSES if isinstance(error, kind))
        self._say(next(found, HTTPStatus.BAD_GATEWAY), error.cause)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        info = reply.info
        if info.etag is not None:
            self.send_header("ETag", f'"{info.etag}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Cache-Control", "no-cache")  # to be kept, but not used without asking
        if reply.status in (200, 206):
            self.send_header("Content-Type", "application/octet-stream")
        if reply.status == 206:
            self.send_header("Content-Range", f"bytes {reply.start}-{reply.stop - 1}/{info.size}")
        if reply.status == 416:
            self.send_header("Content-Range", f"bytes */{info.size}")
        if reply.status != 304:
            self.send_header("Content-Length", str(reply.stop - reply.start))
        self._cors()
        self._end()
        for piece in reply.body:
            self.wfile.write(piece)

    def _say(self, status: HTTPStatus, text: str, **headers: str) -> None:
        """A failure, and the connection goes on."""
        body = f"{text}\n".encode(errors="backslashreplace")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", self.error_content_type)
        self.send_header("Content-Length", str(len(body)))
        self._cors()
        self._end()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _cors(self) -> bool:
        """Let the page read the answer if its origin was given; whether it was."""
        if not self.server.origins:
            return False
        origin = self.headers.get("Origin")
        every = "*" in self.server.origins
        if not every:
            self.send_header("Vary", "Origin")
        if origin is None or not (every or origin in self.server.origins):
            return False
        self.send_header("Access-Control-Allow-Origin", "*" if every else origin)
        self.send_header("Access-Control-Expose-Headers", EXPOSED)
        return True

    def _end(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


@contextmanager
def running(server: Server) -> Iterator[None]:
    """The server answers until the block ends; answers that are on their way are cut off then."""
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True, name="h5s3-serve")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _origin(text: str) -> str:
    """An origin as browsers send it. Raises `UsageError`."""
    found = text.strip().rstrip("/").lower()
    if text == "*" or ORIGIN.fullmatch(found):
        return found if text != "*" else text
    raise UsageError(f"{text!r} is no origin", hint="give one as https://viewer.example.org, without a path")


def _unheard(error: Exception, host: str, port: int) -> UsageError:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return UsageError(f"port {port} of {host} is in use", hint="--port 0 takes a free one")
    if number == errno.EACCES:
        return UsageError(f"port {port} is not for everyone", hint="give one above 1023")
    if isinstance(error, socket.gaierror | UnicodeError) or number == errno.EADDRNOTAVAIL:
        return UsageError(f"{host!r} is no address of this machine", hint="give one with --host")
    return UsageError(f"cannot listen on port {port} of {host} ({getattr(error, 'strerror', error)})")
