"""Pooled ranged GETs: the cheap request that everything is read with."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from urllib3.exceptions import HTTPError, ReadTimeoutError

from h5s3 import __version__
from h5s3.errors import H5s3Error, NetworkError, TransientError
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.http.connection_pool import Pools
from h5s3.storage.http.wire_errors import wire_error
from h5s3.storage.responses import SKIPPABLE, Head, check_pin, failure, named_region, read_head
from h5s3.storage.trace import Trace
from h5s3.wanted import pause, received

PIECE = 1 << 20  # bytes taken from the wire at once, at the most
ERROR_BODY = 4096
END_SECONDS = 5.0  # for an answer whose length was not told to end, once all of it is here
ATTEMPTS = 5
PAGE_ATTEMPTS = 4  # as many as boto3 makes
LARGEST_PAGE = 8 << 20  # bytes of a listing; 1,000 keys of 1 KiB take less
BACKOFF = 0.2  # seconds before the second attempt; doubled for each further one
LONGEST_WAIT = 10.0  # seconds that a server may ask for between two attempts
MOVED = frozenset({301, 302, 303, 307, 308})
USER_AGENT = f"h5s3/{__version__}"
Operation = Literal["GET", "HEAD", "LIST"]
T = TypeVar("T")
Keep = Callable[[ObjectInfo, int, bytes], object]
KEEP: ContextVar[Keep] = ContextVar("h5s3_keep", default=lambda info, start, data: None)  # a part of a range


@dataclass(frozen=True)
class Target:
    """Where a GET goes: an absolute URL (which may be signed) and headers to send with it."""

    url: str
    headers: Mapping[str, str]
    who: str  # how the request identifies itself, for error messages


class RedirectError(Exception):
    """The server says the object is elsewhere; `error` says so to a caller that cannot follow."""

    def __init__(self, url: str | None, region: str | None, error: H5s3Error) -> None:
        super().__init__("redirected")
        self.url = url
        self.region = region
        self.error = error


class EmptyObjectError(Exception):
    """The object has no bytes, so no range of it can be had (416)."""


class RangeClient:
    """GETs of byte ranges, checked, retried with backoff and jitter, counted."""

    def __init__(self, settings: Settings, trace: Trace, ca_bundle: str | None = None) -> None:
        self._settings = settings
        self._trace = trace
        self._pools = Pools(ca_bundle, settings.insecure)

    def get(self, target: Target, wanted: Range, pinned: ObjectInfo | None) -> tuple[Head, bytes]:
        """The bytes `wanted` of the object. Without `pinned`, what there is of them from the start.

        Raises `ChangedError`, `AccessError`, `NotFoundError`, `NetworkError`, or `RedirectError`.
        """
        headers = {"Range": f"bytes={wanted[0]}-{wanted[1] - 1}"}
        if pinned is not None and pinned.etag:
            headers["If-Match"] = f'"{pinned.etag}"'
        return self._retried(
            lambda: self._attempt(
                "GET", target, headers, lambda response: self._answer(response, target, wanted, pinned)
            )
        )

    def head(self, target: Target) -> Head | None:
        """What the object is now; None where the answer does not say: one that refuses has no body.

        Raises what `get` raises.
        """
        return self._retried(
            lambda: self._attempt("HEAD", target, {}, lambda answer: self._facts(answer, target))
        )

    def _facts(self, response: Any, target: Target) -> Head | None:
        if response.status == 200:
            with suppress(NetworkError):
                return read_head(200, response.headers)
            return None
        error = self._unsuccessful(response, target, False)
        if response.status in (400, 401, 403) and not isinstance(error, RedirectError):
            return None
        raise error

    def page(self, target: Target, most: int) -> bytes:
        """A page of a listing, which is no longer than so many bytes. Raises like `get`."""

        def read(response: Any) -> bytes:
            body = self._whole(response, most)
            if response.status != 200:
                raise self._meaning(response, body[:ERROR_BODY], target, pinned=False)
            return body

        return self._retried(lambda: self._attempt("LIST", target, {}, read), PAGE_ATTEMPTS)

    def _retried(self, attempted: Callable[[], T], attempts: int = ATTEMPTS) -> T:
        attempt = 1
        while True:
            try:
                return attempted()
            except TransientError as failed:
                wait = max(failed.wait, BACKOFF * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
                if attempt == attempts or self._settings.request_seconds <= wait:
                    raise
            pause(wait)
            attempt += 1
            self._trace.retry()

    def _attempt(
        self, method: Operation, target: Target, headers: dict[str, str], read: Callable[[Any], T]
    ) -> T:
        """Send one request, and have its answer read."""
        headers = {**target.headers, **headers, "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
        response = None
        try:
            seconds = self._settings.request_seconds
            self._trace.request(method)
            response = self._pools.request(
                "GET" if method == "LIST" else method, target.url, headers, seconds
            )
            return read(response)
        except HTTPError as error:
            raise wire_error(error, target.url) from None
        finally:
            received()
            if response is not None:
                response.close()  # a body read to its end has given its connection back already
                response.release_conn()

    def _answer(
        self, response: Any, target: Target, wanted: Range, pinned: ObjectInfo | None
    ) -> tuple[Head, bytes]:
        status = response.status
        if status == 416 and pinned is None and wanted[0] == 0:
            if response.headers.get("Content-Range", "bytes */0").endswith("/0"):
                raise EmptyObjectError
        if status not in (200, 206):
            listed = pinned is not None and pinned.listed
            raise self._unsuccessful(response, target, pinned is not None and (not listed or status == 416))
        head = read_head(status, response.headers)
        start, stop = wanted
        if pinned is None:
            start, stop = 0, min(stop, head.size)
            if head.start != 0 or head.stop < stop:
                raise NetworkError("the server answers with another range than was asked for")
        else:
            check_pin(head, wanted, pinned)
        told = response.length_remaining == head.stop - head.start  # nothing beyond is read as its body
        self._skip(response, start - head.start)
        keep = None if pinned is None else partial(KEEP.get(), pinned, start)
        body = self._read(response, stop - start, keep)
        if not told:
            self._end(response, head.stop - stop)
        return head, body

    def _unsuccessful(self, response: Any, target: Target, pinned: bool) -> Exception:
        """What an answer other than 200 and 206 means, as an exception to raise."""
        body = response.read(ERROR_BODY, decode_content=False)
        self._trace.request("", len(body))
        return self._meaning(response, body, target, pinned)

    def _meaning(self, response: Any, body: bytes, target: Target, pinned: bool) -> Exception:
        status: int = response.status
        error = failure(status, body, target.who, pinned)
        region = named_region(response.headers, body)
        if status in MOVED or (status == 400 and region):
            return RedirectError(response.headers.get("Location"), region, error)
        if isinstance(error, TransientError):
            error.wait = _retry_after(response.headers)
        return error

    def _skip(self, response: Any, count: int) -> None:
        while count > 0:
            count -= len(self._read(response, min(count, PIECE)))

    def _end(self, response: Any, left: int) -> None:
        """See a body end where its Content-Range says, `left` bytes from here: its length was not told.

        A body that goes on is not what was announced, and neither, perhaps, are the bytes before.
        """
        unknown = NetworkError("the server's answer does not tell where it ends")
        if left > SKIPPABLE:
            raise unknown
        self._skip(response, left)
        response._fp.hasten(min(END_SECONDS, self._settings.request_seconds))
        try:
            more = response.read1(1, decode_content=False)
        except ReadTimeoutError:
            raise unknown from None
        if more:
            raise TransientError("the server sends more bytes than it announces", hint="try again later")

    def _whole(self, response: Any, most: int) -> bytes:
        """A body to its end, which may not be further than so many bytes away."""
        pieces, count = [], 0
        response._fp.bound(2 * most)  # trailers, too, which come where the body has ended
        while True:
            self._settings.check_deadline()
            piece = response.read1(PIECE, decode_content=False)
            self._trace.request("", len(piece))
            if not piece:
                break
            pieces.append(piece)
            count += len(piece)
            if count > most:
                raise NetworkError("the server's answer does not end", hint="check --endpoint-url")
        if response.length_remaining:
            raise TransientError("the server's answers end early", hint="try again later")
        return b"".join(pieces)

    def _read(self, response: Any, count: int, keep: Callable[[bytes], object] | None = None) -> bytes:
        """So many bytes; those that came before a failure are given to `keep`."""
        pieces: list[bytes] = []
        try:
            while count > 0:
                self._settings.check_deadline()
                piece = response.read1(min(count, PIECE), decode_content=False)
                self._trace.request("", len(piece))
                if not piece:
                    raise TransientError("the server's answers end early", hint="try again later")
                pieces.append(piece)
                count -= len(piece)
        finally:
            if count > 0 and pieces and keep is not None:
                keep(b"".join(pieces))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Give back all connections."""
        self._pools.close()


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that a Retry-After header asks for, within reason; 0 where it names a date or nothing."""
    value = headers.get("Retry-After", "").strip()
    return min(float(value), LONGEST_WAIT) if re.fullmatch(r"[0-9]{1,9}", value) else 0.0
