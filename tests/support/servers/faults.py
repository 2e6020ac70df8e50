"""The ways in which the proxy can spoil a request or its answer."""

import inspect
import threading
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any

from tests.support.servers.wire import Answer, Request, Seen

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


def _flood(
    request: Request, *, raw: bytes = b"HTTP/1.1 200 OK\r\n", filler: bytes = b"X: y\r\n", pause: float = 0.0
) -> Answer:
    return Answer(0, raw=raw, end="close", endless=-1, filler=filler, pause=pause)


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


def _wrong_date(answer: Answer, *, seconds: float) -> None:
    answer.set("Date", formatdate(time.time() + seconds, usegmt=True))


def _endless_body(
    answer: Answer,
    *,
    limit: int = -1,
    length: int | None = None,
    chunked: bool = False,
    filler: bytes = bytes(1),
    pause: float = 0.0,
) -> None:
    answer.length, answer.end, answer.endless = length, "close", limit
    answer.chunked, answer.pause = chunked, pause
    answer.filler = b"%x\r\n%b\r\n" % (len(filler), filler) if chunked else filler


def _header(answer: Answer, *, name: str, value: str | None, again: bool = False) -> None:
    """Another value of a header, or (`again`) one more."""
    if name.lower() == "content-length":
        answer.headers += [("Content-Length", str(answer.length))] if again else []
        answer.length = None
    if not again:
        answer.set(name, None)
    answer.headers += [(name, value)] if value is not None else []


def _body(answer: Answer, *, body: bytes, status: int | None = None, encoding: str | None = None) -> None:
    """Another body altogether."""
    answer.body, answer.length, answer.status = body, len(body), status or answer.status
    answer.set("Content-Encoding", encoding)


def _zeros(answer: Answer) -> None:
    """Nothing but zeros, under the right headers."""
    answer.body = bytes(len(answer.body))


def _close(answer: Answer) -> None:
    answer.end = "close"


BEFORE: dict[str, Callable[..., Answer | None]] = {
    "status": _status,
    "redirect": _redirect,
    "reset": _reset,
    "garbage": _garbage,
    "flood": _flood,
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
    "wrong_date": _wrong_date,
    "endless_body": _endless_body,
    "header": _header,
    "body": _body,
    "zeros": _zeros,
    "close": _close,
}


class Fault:
    """A way to misbehave, for the requests `when` accepts, `times` of them or all; `hits` counts them."""

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
