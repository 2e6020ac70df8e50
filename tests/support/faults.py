"""The messages that pass through the proxy, and the ways in which it can spoil them."""

import inspect
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Headers = list[tuple[str, str]]
_LINE = 64 * 1024


@dataclass(eq=False)
class Seen:
    """One request as the proxy saw it, listed from its arrival on; times are of `time.perf_counter`.

    `path` is percent-decoded, `target` is not; `headers` have lower-case names; `range` is half-open, None where
    none was asked for (an open or suffix range is filled in from the answer); `status` is 0 where none was sent;
    `sent` counts body bytes. `ended` is taken just before the last bytes leave, so that whatever the client sends
    because of an answer has started after that answer's end.
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
    ("close") or reset ("reset"). `raw` replaces head and body; `endless` bytes follow, or any number for -1.
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


# Before forwarding: an answer returned is sent and the server is not asked.


def _status(
    request: Request, *, status: int = 503, body: bytes = b"", headers: dict[str, str] | None = None
) -> Answer:
    sent = b"" if request.seen.method == "HEAD" else body
    return Answer(status, "Fault", list((headers or {}).items()), sent, len(body))


def _redirect(
    request: Request, *, location: str, status: int = 307, headers: dict[str, str] | None = None
) -> Answer:
    return _status(request, status=status, headers={"Location": location, **(headers or {})})


def _reset(request: Request) -> Answer:
    return Answer(0, raw=b"", end="reset")


def _garbage(request: Request, *, raw: bytes = b"\x00\xffno HTTP at all\r\n\x1b[31m\r\n\r\n") -> Answer:
    return Answer(0, raw=raw, end="close")


def _hang(request: Request, *, seconds: float) -> None:
    request.wait(seconds)


def _call(request: Request, *, fn: Callable[[Seen], object]) -> None:
    fn(request.seen)


def _ignore_range(request: Request) -> None:
    request.strip(["range"])


def _drop_if_match(request: Request, *, headers: Iterable[str] = ()) -> None:
    request.strip(["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", *headers])


# After the server answered: the answer is changed in place.


def _half(answer: Answer, keep: int | None) -> int:
    return len(answer.body) // 2 if keep is None else keep


def _reset_mid_body(answer: Answer, *, keep: int | None = None) -> None:
    answer.keep, answer.end = _half(answer, keep), "reset"


def _short_body(answer: Answer, *, keep: int | None = None) -> None:
    answer.keep, answer.end = _half(answer, keep), "close"


def _short_length(answer: Answer, *, keep: int | None = None) -> None:
    answer.body = answer.body[: _half(answer, keep)]
    answer.length = len(answer.body)


def _status_200_for_206(answer: Answer) -> None:
    if answer.status == 206:
        answer.status, answer.reason = 200, "OK"


def _wrong_content_range(answer: Answer, *, value: str | None = None) -> None:
    right = answer.get("content-range")
    if value is None and right:
        first, last = (int(part) + 1 for part in right.split("/")[0].removeprefix("bytes ").split("-"))
        value = f"bytes {first}-{last}/{right.split('/')[1]}"
    answer.set("Content-Range", value)


def _wrong_etag(answer: Answer, *, etag: str = '"00000000000000000000000000000000"') -> None:
    answer.set("ETag", etag)


def _no_etag(answer: Answer) -> None:
    answer.set("ETag", None)


def _weak_etag(answer: Answer) -> None:
    right = answer.get("etag")
    answer.set("ETag", f"W/{right}" if right else None)


def _endless_body(answer: Answer, *, limit: int = -1) -> None:
    answer.length, answer.end, answer.endless = None, "close", limit


def _close(answer: Answer) -> None:
    answer.end = "close"


BEFORE: dict[str, Callable[..., Answer | None]] = {
    "status": _status,
    "redirect": _redirect,
    "reset": _reset,
    "garbage": _garbage,
    "hang": _hang,
    "call": _call,
    "ignore_range": _ignore_range,
    "drop_if_match": _drop_if_match,
}
AFTER: dict[str, Callable[..., None]] = {
    "reset_mid_body": _reset_mid_body,
    "short_body": _short_body,
    "short_length": _short_length,
    "status_200_for_206": _status_200_for_206,
    "wrong_content_range": _wrong_content_range,
    "wrong_etag": _wrong_etag,
    "no_etag": _no_etag,
    "weak_etag": _weak_etag,
    "endless_body": _endless_body,
    "close": _close,
}


class Fault:
    """A way to misbehave, for the requests that `when` accepts, `times` of them or all; `hits` counts them."""

    def __init__(
        self, kind: str, when: Callable[[Seen], object] | None, times: int | None, args: dict[str, Any]
    ) -> None:
        if kind not in BEFORE and kind not in AFTER:
            raise ValueError(
                f"no fault is called {kind!r}; there are {', '.join(sorted({**BEFORE, **AFTER}))}"
            )
        inspect.signature(BEFORE.get(kind) or AFTER[kind]).bind(None, **args)
        self.kind, self.when, self.times, self.args = kind, when, times, args
        self.hits = 0
        self._lock = threading.Lock()

    def takes(self, seen: Seen) -> bool:
        """Whether this fault hits the request; if so, that is one hit."""
        if self.when is not None and not self.when(seen):
            return False
        with self._lock:
            if self.times is not None and self.hits >= self.times:
                return False
            self.hits += 1
            return True

    def before(self, request: Request) -> Answer | None:
        """Do what this fault does before forwarding."""
        return BEFORE[self.kind](request, **self.args) if self.kind in BEFORE else None

    def after(self, answer: Answer) -> None:
        """Do what this fault does to the server's answer."""
        if self.kind in AFTER:
            AFTER[self.kind](answer, **self.args)
