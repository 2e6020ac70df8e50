"""Answers that end, however a server drags them out.

`http.client` bounds the length of a line and the number of headers, and each wait for bytes has its time
limit. That leaves a server that says "100 Continue" without end, one that sends a byte now and then, trailers
and pages of XML that never stop. All bytes of an answer pass here, whatever reads them. One that nobody
waits for is cut off.
"""

from __future__ import annotations

import io
import re
from http.client import HTTPMessage, HTTPResponse
from time import monotonic
from typing import Any

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from h5s3.errors import NetworkError
from h5s3.wanted import cut_off

HEAD_BYTES = 1 << 20  # of all that comes before a body
PATIENCE = 30.0  # seconds after the first byte, from which on an answer has to come at some speed
SLOWEST = 256  # bytes per second
PLAIN = re.compile(rb"HTTP/1\.1 20[06] [ -~]*")
FIELD = re.compile(rb"([!#-'*+.0-9A-Z^-z|~-]+):[ \t]*([!-~\x80-\xff](?:[ -~\t\x80-\xff]*[!-~\x80-\xff])?|)")
LENGTH = re.compile("[0-9]{1,19}")
MOST_FIELDS = 100  # of which http.client takes no more
UNUSUAL = {"transfer-encoding", "connection", "content-encoding"}


class BoundedResponse(HTTPResponse):
    """An answer whose head takes so many bytes, and whose body `most`; None: the reader counts them."""

    most: int | None = None

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        self._socket = sock
        self._bodied = kwargs.get("method") == "GET"  # a HEAD's answer announces a body that does not come
        self._metered = _Metered(sock.makefile("rb", buffering=0))
        super().__init__(_Source(self._metered), *args, **kwargs)  # type: ignore[arg-type]

    def begin(self) -> None:
        """Read status and headers. Raises `NetworkError`, and what `http.client` raises."""
        cut_off(self._socket)
        if self.headers is not None or not self._begin_plainly():
            super().begin()
        self._metered.allow(self.most)

    def _begin_plainly(self) -> bool:
        """Take the head of a usual answer to a ranged GET; False, with nothing taken, for any other.

        `http.client` reads heads as it reads mail, which takes more time than the rest of a small answer.
        """
        head, end, _ = self.fp.peek(1).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        found = [FIELD.fullmatch(line) for line in lines] if end and PLAIN.fullmatch(first) else []
        fields = [(match[1].decode(), match[2].decode("latin-1")) for match in found if match]
        named = {name.lower(): value for name, value in fields}
        length = named.get("content-length", "")
        usual = found and len(named) == len(found) <= MOST_FIELDS and not UNUSUAL & named.keys()
        if not usual or not LENGTH.fullmatch(length) or not self._bodied:
            return False
        self.fp.read(len(head) + len(end))
        self.code = self.status = int(first[9:12])
        self.reason, self.version = first[13:].decode("latin-1").strip(), 11
        self.headers = self.msg = _Fields(fields)
        self.chunked, self.chunk_left, self.length = False, None, int(length)
        self.will_close = False
        return True

    def bound(self, most: int) -> None:
        """No more than so many bytes of this answer are taken, whatever it wraps its body in."""
        self._metered.allow(most)

    def hasten(self, seconds: float) -> None:
        """What is still to come of this answer has so long to come."""
        self._socket.settimeout(seconds)


class _Fields(HTTPMessage):
    """Headers as they came."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__()
        self._fields = fields
        for name, value in fields:
            self.set_raw(name, value)

    def items(self) -> list[tuple[str, str]]:
        return list(self._fields)


class _Source:
    """A socket, as far as a response needs one."""

    def __init__(self, metered: _Metered) -> None:
        self._metered = metered

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._metered)


class _Metered(io.RawIOBase):
    """The bytes of one answer as they arrive. Raises `NetworkError` for too many, and for too few."""

    def __init__(self, raw: Any) -> None:
        super().__init__()
        self._raw = raw
        self._count = 0
        self._limit: int | None = HEAD_BYTES
        self._first: float | None = None

    def allow(self, more: int | None) -> None:
        """The head is here: so many bytes may follow."""
        self._limit = None if more is None else self._count + more

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def readinto(self, buffer: Any) -> int | None:
        count: int | None = self._raw.readinto(buffer)
        now = monotonic()
        if self._first is None:
            self._first = now
        self._count += count or 0
        if self._limit is not None and self._count > self._limit:
            raise NetworkError("the server's answer does not end", hint="check --endpoint-url")
        if count and now - self._first > PATIENCE and self._count < SLOWEST * (now - self._first):
            raise NetworkError("the server answers too slowly, a few bytes at a time", hint="try again later")
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def bounded(connection: type[Any], most: int | None = None) -> type[Any]:
    """A class of connections like this one, whose answers are bounded."""
    response = type("BoundedResponse", (BoundedResponse,), {"most": most})
    return type(connection.__name__, (connection,), {"response_class": response})


def bounded_pools(
    plain: type[Any] = HTTPConnectionPool, secure: type[Any] = HTTPSConnectionPool, most: int | None = None
) -> dict[str, type[Any]]:
    """Classes of connection pools by scheme, as urllib3's managers and botocore take them."""
    return {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": bounded(pool.ConnectionCls, most)})
        for scheme, pool in (("http", plain), ("https", secure))
    }


POOLS = bounded_pools()
