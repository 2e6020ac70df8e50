"""Pooled ranged GETs: the cheap request that everything is read with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError, SSLError
from urllib3.util import Retry, Timeout, parse_url

from h5s3 import __version__
from h5s3.errors import H5s3Error, NetworkError
from h5s3.settings import Settings
from h5s3.storage.answers import TRANSIENT, Head, check_pin, failure, read_head, unproven
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.batch import IN_FLIGHT
from h5s3.storage.trace import Trace

PIECE = 1 << 20  # bytes read between two looks at the clock
ERROR_BODY = 4096
CONNECT_SECONDS = 10.0
Operation = Literal["GET", "HEAD", "LIST"]


@dataclass(frozen=True)
class Target:
    """Where a GET goes: an absolute URL (which may be signed) and headers to send with it."""

    url: str
    headers: Mapping[str, str]
    who: str  # how the request identifies itself, for error messages


class RedirectError(Exception):
    """The server says the object is elsewhere."""

    def __init__(self, url: str | None, region: str | None) -> None:
        super().__init__("redirected")
        self.url = url
        self.region = region


class EmptyObjectError(Exception):
    """The object has no bytes, so no range of it can be had (416)."""


class _TransientError(Exception):
    """An attempt that may be repeated; `error` is raised when there are no more attempts."""

    def __init__(self, error: H5s3Error, response: Any = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.response = response


class RangeClient:
    """GETs of byte ranges, checked, retried with backoff and jitter, counted."""

    def __init__(self, settings: Settings, trace: Trace) -> None:
        self._settings = settings
        self._trace = trace
        self._pools = urllib3.PoolManager(num_pools=8, maxsize=IN_FLIGHT, retries=False)

    def get(self, target: Target, wanted: Range, pinned: ObjectInfo | None) -> tuple[Head, bytes]:
        """The bytes `wanted` of the object. Without `pinned`, what there is of them from the start.

        Raises `ChangedError`, `AccessError`, `NotFoundError`, `NetworkError`, or `RedirectError`.
        """
        retry = Retry(total=4, backoff_factor=0.2, backoff_jitter=0.2, backoff_max=5.0)
        while True:
            try:
                return self._attempt(target, wanted, pinned)
            except _TransientError as attempt:
                self._trace.retry()
                try:
                    retry = retry.increment(method="GET", url="", error=HTTPError(str(attempt)))
                except (MaxRetryError, HTTPError):
                    raise attempt.error from None
                if self._settings.request_seconds <= retry.get_backoff_time():
                    raise attempt.error from None
                retry.sleep(attempt.response)

    def _attempt(self, target: Target, wanted: Range, pinned: ObjectInfo | None) -> tuple[Head, bytes]:
        headers = {**target.headers, "Range": f"bytes={wanted[0]}-{wanted[1] - 1}"}
        headers |= {"Accept-Encoding": "identity", "User-Agent": f"h5s3/{__version__}"}
        if pinned is not None and pinned.etag:
            headers["If-Match"] = f'"{pinned.etag}"'
        try:
            response = self._send(target, headers)
        except HTTPError as error:
            raise _wire_error(error, target.url) from None
        try:
            return self._answer(response, target, wanted, pinned)
        except HTTPError as error:
            response.close()
            raise _wire_error(error, target.url) from None
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()

    def _send(self, target: Target, headers: dict[str, str]) -> Any:
        """Send by the pool itself: `PoolManager.urlopen` would normalise `..` and `//` in keys away."""
        try:
            parts = parse_url(target.url)
            pool = self._pools.connection_from_host(parts.host, parts.port, parts.scheme)
        except (LocationParseError, HTTPError):
            raise NetworkError("the URL cannot be understood") from None
        path = target.url.partition("://")[2]
        path = path[path.index("/") :] if "/" in path else "/"
        seconds = self._settings.request_seconds
        self._trace.request("GET")
        return pool.urlopen(
            "GET",
            path.partition("#")[0],
            headers=headers,
            preload_content=False,
            decode_content=False,
            redirect=False,
            retries=False,
            timeout=Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
        )

    def _answer(
        self, response: Any, target: Target, wanted: Range, pinned: ObjectInfo | None
    ) -> tuple[Head, bytes]:
        status = response.status
        region = response.headers.get("x-amz-bucket-region")
        if status in (301, 302, 303, 307, 308) or (status == 400 and region):
            raise RedirectError(response.headers.get("Location"), region)
        if status == 416 and pinned is None and wanted[0] == 0:
            raise EmptyObjectError
        if status not in (200, 206):
            body = response.read(ERROR_BODY, decode_content=False)
            self._trace.request("", len(body))
            error = failure(status, body, target.who, pinned is not None)
            raise _TransientError(error, response) if status in TRANSIENT else error
        head = read_head(status, response.headers)
        start, stop = wanted
        if pinned is None:
            start, stop = 0, min(stop, head.size)
            if head.start != 0 or head.stop < stop:
                raise unproven()
        else:
            check_pin(head, wanted, pinned)
        self._skip(response, start - head.start)
        return head, self._read(response, stop - start)

    def _skip(self, response: Any, count: int) -> None:
        while count > 0:
            count -= len(self._read(response, min(count, PIECE)))

    def _read(self, response: Any, count: int) -> bytes:
        pieces = []
        while count > 0:
            _ = self._settings.request_seconds
            piece = response.read(min(count, PIECE), decode_content=False)
            self._trace.request("", len(piece))
            if not piece:
                raise _TransientError(NetworkError("the server's answers end early", hint="try again later"))
            pieces.append(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Give back all connections."""
        self._pools.clear()


def _wire_error(error: HTTPError, url: str) -> Exception:
    host = parse_url(url).netloc or "the server"
    host = host.rpartition("@")[2]
    if isinstance(error, SSLError):
        return NetworkError(
            f"no trusted TLS connection to {host}", hint="check the certificate, or AWS_CA_BUNDLE"
        )
    name = type(error).__name__
    if name in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError"):
        cause = "cannot find" if name == "NameResolutionError" else "cannot connect to"
        return _TransientError(NetworkError(f"{cause} {host}", hint="check --endpoint-url and the network"))
    if name == "ReadTimeoutError":
        return _TransientError(
            NetworkError(f"{host} does not answer in time", hint="try again, or raise --timeout")
        )
    return _TransientError(NetworkError(f"the connection to {host} breaks off", hint="try again later"))
