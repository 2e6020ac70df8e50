"""HTTP as the proxy speaks it: the requests it reads, the answers it sends, its connection to the server."""

import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import BinaryIO
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Headers = list[tuple[str, str]]
_LINE = 64 * 1024
# What concerns one connection, not the message.
HOP = {
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
}


@dataclass(eq=False)
class Seen:
    """One request as the proxy saw it, listed from its arrival on; times are of `time.perf_counter`.

    `path` is percent-decoded, `target` is not; `headers` have lower-case names; `range` is half-open, None
    where none was asked for (an open or suffix range is filled in from the answer); `status` is 0 where none
    was sent; `sent` counts body bytes. `ended` is taken just before the last bytes leave, so that whatever
    the client sends because of an answer has started after that answer's end.
    """

    method: str
    target: str
    path: str
    query: str
    headers: dict[str, str]
    range: tuple[int, int] | None = None
    status: int = 0
    sent: int = 0
    started: float = 0.0
    ended: float = 0.0


@dataclass
class Request:
    """A request to forward. `wait` sleeps for a time, or until the proxy closes."""

    seen: Seen
    headers: Headers
    body: bytes
    close: bool
    wait: Callable[[float], object]
    signer: "Signer | None" = None

    def encode(self) -> bytes:
        """The bytes for the server: the client's own, but for the headers of its connection."""
        lines = [f"{self.seen.method} {self.seen.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body

    def strip(self, names: Iterable[str]) -> None:
        """Forward without these headers; where the signature covers one, sign again."""
        gone = {name.lower() for name in names} & {name.lower() for name, _ in self.headers}
        self.headers = [(name, value) for name, value in self.headers if name.lower() not in gone]
        signed = self.seen.headers.get("authorization", "").partition("SignedHeaders=")[2].partition(",")[0]
        if self.signer and gone & set(signed.split(";")):
            self.headers = self.signer.sign(self)


@dataclass
class Signer:
    """Signs again a request whose signed headers the proxy changed."""

    access_key: str
    secret_key: str
    region: str
    token: str | None = None

    def sign(self, request: Request) -> Headers:
        """The headers of the request with a new SigV4 signature."""
        old = {"authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}
        kept = [(name, value) for name, value in request.headers if name.lower() not in old]
        url = f"http://{request.seen.headers['host']}{request.seen.target}"
        copy = AWSRequest(request.seen.method, url, data=request.body, headers=dict(kept))
        keys = Credentials(self.access_key, self.secret_key, self.token)
        S3SigV4Auth(keys, "s3", self.region).add_auth(copy)
        return [(name, str(value)) for name, value in copy.headers.items()]


@dataclass
class Answer:
    """An answer to send. `length` is the Content-Length to declare; the rest says how to misbehave.

    `keep` bytes of the body are sent, all where it is None; then the connection goes on ("keep"), is closed
    ("close") or reset ("reset"). `raw` replaces head and body; `endless` bytes follow, or any number for -1:
    `filler` again and again, `pause` seconds apart. `chunked` sends the body in chunks and then no end.
    """

    status: int
    reason: str = ""
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    length: int | None = None
    keep: int | None = None
    end: str = "keep"
    raw: bytes | None = None
    endless: int = 0
    filler: bytes = bytes(1)
    pause: float = 0.0
    chunked: bool = False

    def get(self, name: str) -> str | None:
        """The first value of a header."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def set(self, name: str, value: str | None) -> None:
        """Replace a header, or drop it for None."""
        self.headers = [(key, old) for key, old in self.headers if key.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def head(self) -> bytes:
        """Status line and headers as sent."""
        if self.raw is not None:
            return self.raw
        lines = [f"HTTP/1.1 {self.status} {self.reason}".rstrip()]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Content-Length: {self.length}"] if self.length is not None else []
        lines += ["Transfer-Encoding: chunked"] if self.chunked else []
        lines += ["Connection: close"] if self.end == "close" else []
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def read_headers(stream: BinaryIO) -> Headers:
    """The header lines up to the empty one."""
    headers: Headers = []
    while (line := stream.readline(_LINE)).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers.append((name, value.strip()))
    return headers


def read_body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    """The body of a request, also a chunked one."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return stream.read(int(headers.get("content-length", 0)))
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    read_headers(stream)
    return body


def parse_range(text: str) -> tuple[int, int] | None:
    """The half-open range of a Range or Content-Range header that names both ends."""
    first, _, last = text.replace("bytes=", "").replace("bytes ", "").partition("/")[0].partition("-")
    return (int(first), int(last) + 1) if first.isdigit() and last.isdigit() else None


class Upstream:
    """One connection to the server, kept for the life of one client connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        self._address = (parts.hostname or "", parts.port or (443 if self._tls else 80))
        self._sock: socket.socket | None = None

    def exchange(self, request: Request) -> Answer:
        """The server's answer, or 502; a kept connection that turns out dead is opened anew, once."""
        while True:
            kept = self._sock is not None
            try:
                return self._exchange(request)
            except (OSError, HTTPException) as error:
                self.close()
                if not kept:
                    return Answer(502, "Bad Gateway", [("X-Proxy-Error", repr(error))], length=0)

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._sock = None

    def _exchange(self, request: Request) -> Answer:
        self._sock = sock = self._sock or self._connect()
        sock.sendall(request.encode())
        response = HTTPResponse(sock, method=request.seen.method)
        response.begin()
        body = response.read()
        declared = response.getheader("content-length")
        bodiless = request.seen.method == "HEAD" or response.status in (204, 304)
        length = (int(declared) if declared else None) if bodiless else len(body)
        headers: Headers = [(k, v) for k, v in response.getheaders() if k.lower() not in HOP]
        if response.will_close:
            self.close()
        return Answer(response.status, response.reason, headers, body, length)

    def _connect(self) -> socket.socket:
        sock = socket.create_connection(self._address, timeout=60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return (
            ssl.create_default_context().wrap_socket(sock, server_hostname=self._address[0])
            if self._tls
            else sock
        )


def abort(sock: socket.socket) -> None:
    """Close with a reset. Detached, since an open stream would keep the socket alive."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())
