"""What a server should do with ranges, looked at one by one, and what h5s3 does where it does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from h5s3.errors import H5s3Error, NetworkError
from h5s3.records import Check
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.bench.probe import Probe
from h5s3.storage.http.timed_connection import Reply, TimedConnection
from h5s3.storage.responses import read_head

SAMPLE = 64 * 1024  # bytes of each range asked for
REQUESTS = 5
RANGES = 4  # answers to those that may bring bytes
NO_SUCH_ETAG = '"no-such-etag"'
MULTIPART = re.compile(r'"?[0-9a-fA-F]{32}-(\d{1,5})"?')

Answered = tuple[bool, str]  # whether the server did it, and what it did
Ask = Callable[[], Reply]


def sample_length(size: int, budget: int) -> int:
    """Bytes of each range that the checks ask for: `RANGES` of them may arrive. 0: too small an object."""
    return min(SAMPLE, size // 2, max(1, budget // 16))


def check_ranges(
    probe: Probe, line: TimedConnection, info: ObjectInfo, length: int, send: Callable[[Ask], Reply]
) -> list[Check]:
    """Does the server do what a reader of ranges relies on? Five requests, one after another.

    `send` sends what it is given, and again where that may help; a request that fails for good is a check
    that failed. Raises what the time limit raises.
    """
    checks = _Checks(probe, line, info, length, send)
    start = (info.size - length + 1) // 2
    low = max(0, start - length // 2)
    here, before = (start, start + length), (low, low + length)
    first, second = checks.range(here), checks.range(before)
    one_line = line.opened == 1 + line.broken
    found = [_check("range", lambda: checks.partial(_reply(first), here))]
    if found[0].ok:
        found.append(_check("bytes", lambda: _same(_reply(first), here, _reply(second), before)))
    found += [
        _check("suffix range", checks.suffix),
        _check("range past the end", checks.beyond),
        _check("If-Match", checks.if_match),
        _check("ETag", lambda: _etag(_reply(first).headers.get("ETag"))),
        _check("content-encoding", lambda: _encoding(_reply(first).headers.get("Content-Encoding"))),
    ]
    if isinstance(first, Reply) and first.whole:
        found.append(_check("keep-alive", lambda: _keep_alive(first, one_line)))
    return found


def drops_check(dropped: int, requests: int) -> Check:
    """How many of all requests the wire or the server failed."""
    detail = f"answered all of {requests:,} requests, and h5s3 asked once for each"
    if dropped:
        detail = (
            f"{dropped:,} of {requests:,} requests broke off or met a failing server; "
            "h5s3 sends such a request again, up to four times, with waits that double"
        )
    return Check(name="drops", ok=not dropped, detail=detail)


@dataclass
class _Checks:
    probe: Probe
    line: TimedConnection
    info: ObjectInfo
    length: int
    send: Callable[[Ask], Reply]

    def range(self, wanted: Range) -> Reply | NetworkError:
        try:
            return self._look(f"bytes={wanted[0]}-{wanted[1] - 1}")
        except NetworkError as error:
            return error

    def _look(self, value: str, etag: str = "") -> Reply:
        headers = {"If-Match": etag} if etag else {}
        return self.send(lambda: self.probe.look(self.line, value, headers, self.length))

    def partial(self, reply: Reply, wanted: Range) -> Answered:
        if reply.status not in (200, 206):
            return False, f"answers {reply.status}; h5s3 cannot read from this server"
        head = read_head(reply.status, reply.headers)
        if (head.start, head.stop) == (0, head.size):
            return False, (
                "ignores Range and sends the whole object; h5s3 reads past what it did not ask for in the "
                "first 16 MiB and refuses beyond"
            )
        if (head.start, head.stop) != wanted:
            return False, "answers with another range than was asked for; h5s3 refuses such bytes"
        if reply.timing.received != self.length:
            return False, "sends fewer bytes than it announces; h5s3 asks again, then gives up"
        if reply.status == 200:
            return True, "answers 200 with a right Content-Range, not 206; h5s3 goes by the Content-Range"
        return True, "answers 206 with exactly the range asked for, and h5s3 reads by such ranges"

    def suffix(self) -> Answered:
        reply = self._look(f"bytes=-{self.length}")
        if reply.status in (200, 206):
            head = read_head(reply.status, reply.headers)
            if (head.start, head.stop) == (self.info.size - self.length, self.info.size):
                return True, "answers with the last bytes; h5s3 knows the size and does not ask this way"
        return False, "does not answer with the last bytes; h5s3 knows the size and does not ask this way"

    def beyond(self) -> Answered:
        reply = self._look(f"bytes={self.info.size}-{self.info.size + self.length - 1}")
        if reply.status == 416:
            return True, "answers 416, and h5s3 takes that for an empty object or a changed one"
        return False, f"answers {reply.status}, not 416; h5s3 knows the size and does not read past it"

    def if_match(self) -> Answered:
        start = self.info.size - self.length
        reply = self._look(f"bytes={start}-{self.info.size - 1}", NO_SUCH_ETAG)
        if reply.status == 412:
            return True, "refuses another ETag with 412, so h5s3 never mixes two versions of an object"
        if reply.status in (200, 206):
            return False, "ignores If-Match; h5s3 compares the ETag of every answer itself"
        return False, f"answers {reply.status} to another ETag, not 412; h5s3 gives up on such an answer"


def _reply(found: Reply | NetworkError) -> Reply:
    if isinstance(found, NetworkError):
        raise found
    return found


def _check(name: str, ask: Callable[[], Answered]) -> Check:
    try:
        ok, detail = ask()
    except H5s3Error as error:
        ok, detail = False, f"no usable answer: {error.cause}; h5s3 refuses it"
    return Check(name=name, ok=ok, detail=detail)


def _same(one: Reply, at: Range, other: Reply, where: Range) -> Answered:
    start, stop = max(at[0], where[0]), min(at[1], where[1])
    if one.body[start - at[0] : stop - at[0]] == other.body[start - where[0] : stop - where[0]] != b"":
        return True, "gives the same bytes in two ranges that overlap, as h5s3 relies on"
    return False, "gives different bytes for the same place; h5s3 cannot notice this, so trust nothing read"


def _etag(value: str | None) -> Answered:
    if not value:
        return False, "sends none; h5s3 goes by date and size, and keeps such an object in memory only"
    if value.startswith("W/"):
        return False, "sends a weak one; h5s3 goes by date and size, and keeps such an object in memory only"
    parts = MULTIPART.fullmatch(value.strip())
    form = f"a strong one, of an upload in {parts[1]} parts" if parts else "a strong one"
    return True, f"sends {form}; h5s3 pins every read to it and caches under it"


def _keep_alive(reply: Reply, one_line: bool) -> Answered:
    if reply.kept and one_line:
        return True, "keeps the connection open, and h5s3 sends all reads on a few connections"
    return False, "closes the connection after an answer, so every read of h5s3 pays for a new one"


def _encoding(value: str | None) -> Answered:
    if value is None or value.strip().lower() in ("", "identity"):
        return True, "sends the bytes as they are stored, which is what h5s3 asks for"
    return False, f"labels the bytes as {value}; h5s3 does not decode them and reads them as they are stored"
