"""An S3 server that can do nothing but list, and does that at once, or after a delay that is chosen.

`python -m tests.support.servers.listing --keys 1000000 --shape dated --delay 50` serves until it is ended.
All answers are slices of one piece of XML that is made before the first request.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import parse_qs, quote
from urllib.request import urlopen
from xml.sax.saxutils import escape

from tests.support import ROOT

BUCKET = "many"
PAGE = 1000
SHAPES: dict[str, Callable[[int, int], str]] = {
    "dated": lambda n, _: f"runs/2026-{n // 36_000 + 1:02d}-{n // 1200 % 30 + 1:02d}/scan{n % 1200:06d}.h5",
    "numbered": lambda n, _: f"data/{n:09d}.h5",
    "hashed": lambda n, _: f"blobs/{hashlib.md5(str(n).encode()).hexdigest()}.h5",
    "uneven": lambda n, count: f"set{(n * n) // (count * count // 7 + 1)}/sample-{n}/image_{n % 97}.h5",
    "few": lambda n, count: f"experiment{n * 5 // count}/frame_{n - n * 5 // count * (count // 5):07d}.h5",
}  # fmt: skip


@dataclass
class Counts:
    """What the server was asked since it was last asked for the counts."""

    requests: int = 0
    most_at_once: int = 0


class Listed:
    """Keys in order, and the XML of each."""

    def __init__(self, keys: list[str], page: int = PAGE) -> None:
        self.keys = sorted(keys)
        self.page = page
        self._items = b"".join(map(_item, self.keys))
        sizes = (len(_item(key)) for key in self.keys)
        self._starts = [0, *accumulate(sizes)]

    def answer(self, query: dict[str, str]) -> bytes:
        """The answer to one ListObjectsV2."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        token, after = query.get("continuation-token", ""), query.get("start-after", "")
        start = max(bisect_left(self.keys, prefix), int(token) if token else bisect_right(self.keys, after))
        stop = bisect_left(self.keys, prefix + chr(0x10FFFF))
        most = min(self.page, int(query.get("max-keys", PAGE)))
        if delimiter:
            body, count, end = self._folded(start, stop, prefix, delimiter, most)
        else:
            end = max(start, min(start + most, stop))
            body, count = self._items[self._starts[start] : self._starts[end]], end - start
        next_one = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < stop else ""
        head = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{quote(prefix)}</Prefix>{next_one}<KeyCount>{count}</KeyCount>"
            f"<MaxKeys>{most}</MaxKeys><EncodingType>url</EncodingType>"
            f"<IsTruncated>{'true' if end < stop else 'false'}</IsTruncated>"
        )
        return head.encode() + body + b"</ListBucketResult>"

    def _folded(
        self, start: int, stop: int, prefix: str, delimiter: str, most: int
    ) -> tuple[bytes, int, int]:
        """Keys and, for those that go on after a delimiter, what is common to them."""
        objects, prefixes, count = [], [], 0
        while start < stop and count < most:
            key = self.keys[start]
            at = key.find(delimiter, len(prefix))
            if at < 0:
                objects.append(self._items[self._starts[start] : self._starts[start + 1]])
                start += 1
            else:
                common = key[: at + len(delimiter)]
                prefixes.append(f"<CommonPrefixes><Prefix>{quote(common)}</Prefix></CommonPrefixes>".encode())
                start = bisect_left(self.keys, common + chr(0x10FFFF))
            count += 1
        return b"".join(objects + prefixes), count, start


def _item(key: str) -> bytes:
    etag = hashlib.md5(key.encode()).hexdigest()
    return (
        f"<Contents><Key>{escape(quote(key))}</Key><LastModified>2026-03-01T12:34:56.000Z</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag><Size>{len(key) * 1009}</Size><StorageClass>STANDARD</StorageClass>"
        "</Contents>"
    ).encode()


class _Line(asyncio.Protocol):
    """One connection: requests without a body, answered in turn."""

    def __init__(self, listed: Listed, delay: float, counts: Counts, open_now: list[int]) -> None:
        self._listed, self._delay, self._counts, self._open = listed, delay, counts, open_now
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while b"\r\n\r\n" in self._unread:
            head, _, self._unread = self._unread.partition(b"\r\n\r\n")
            self._asked(head.split(b" ", 2)[1].decode())

    def _asked(self, target: str) -> None:
        path, _, text = target.partition("?")
        if path == "/-/counts":
            told = json.dumps(vars(self._counts)).encode()
            self._counts.requests = self._counts.most_at_once = 0
            return self._send(told)
        self._counts.requests += 1
        self._open[0] += 1
        self._counts.most_at_once = max(self._counts.most_at_once, self._open[0])
        query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
        asyncio.get_running_loop().call_later(self._delay, self._answer, query)

    def _answer(self, query: dict[str, str]) -> None:
        self._open[0] -= 1
        self._send(self._listed.answer(query))

    def _send(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.writelines([head.encode(), body])


@dataclass
class ListServer:
    """A server in a process of its own."""

    url: str

    def counts(self) -> Counts:
        """What was asked since this was last called."""
        with urlopen(f"{self.url}/-/counts") as answer:
            return Counts(**json.load(answer))

    def environment(self) -> dict[str, str]:
        """What leads a client to it."""
        return {
            "AWS_ACCESS_KEY_ID": "listed",
            "AWS_SECRET_ACCESS_KEY": "listed",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "S3_ENDPOINT_URL": self.url,  # s5cmd's word for it
        }


@contextmanager
def serving(
    count: int, shape: str = "dated", delay_ms: float = 0.0, page: int = PAGE
) -> Iterator[ListServer]:
    """A server of so many keys, for as long as the block lasts."""
    options = ["--keys", str(count), "--shape", shape, "--delay", str(delay_ms), "--page", str(page)]
    command = [sys.executable, "-m", "tests.support.servers.listing", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield ListServer(process.stdout.readline().strip())
        finally:
            process.kill()


async def _serve(listed: Listed, delay: float, port: int) -> None:
    counts, open_now = Counts(), [0]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Line(listed, delay, counts, open_now), "127.0.0.1", port)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--shape", choices=SHAPES, default="dated")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before each answer")
    parser.add_argument("--page", type=int, default=PAGE, help="keys of a page, at the most")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    make = SHAPES[given.shape]
    listed = Listed([make(number, given.keys) for number in range(given.keys)], given.page)
    asyncio.run(_serve(listed, given.delay / 1000, given.port))


if __name__ == "__main__":
    main()
