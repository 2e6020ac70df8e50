"""An S3 server that reads alone, of the files below a folder, over a line of a chosen delay and bandwidth.

`python -m tests.support.servers.files FOLDER --delay 50 --bandwidth 200` serves until it is ended. Folders in
FOLDER are buckets. A request takes it a tenth of a millisecond, where servers that can do more take several:
next to it on the same machine one sees what a client takes. It looks at no signature.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import mmap
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

from tests.support import ROOT

PAGE = 1000  # keys
PIECE = 64 * 1024  # bytes that are sent at a time over a line of limited bandwidth
DATE = "Sun, 01 Mar 2026 12:34:56 GMT"
RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)", re.IGNORECASE)


@dataclass(frozen=True)
class Held:
    """A file that is there: its bytes and ETag."""

    data: memoryview
    etag: str


def held_below(folder: Path) -> dict[str, Held]:
    """All files, by bucket and key. Those of several names are mapped once."""
    maps: dict[int, memoryview] = {}
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        number = os.stat(path).st_ino
        if number not in maps:
            with path.open("rb") as file:
                maps[number] = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        name = str(path.relative_to(folder))
        found[name] = Held(maps[number], hashlib.md5(name.encode()).hexdigest())
    return found


def listing(held: dict[str, Held], bucket: str, query: dict[str, str]) -> bytes:
    """The answer to ListObjectsV2: a page; folders, where there is a delimiter, folded in one page."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("continuation-token") or query.get("start-after", "")
    most = int(query.get("max-keys", PAGE))
    items, folded, last = [], dict[str, None](), ""
    for name, one in held.items():
        key = name.removeprefix(f"{bucket}/")
        if key == name or not key.startswith(prefix) or key <= after:
            continue
        if len(items) == most:
            last = key
            break
        before = key
        inside, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        if cut:
            folded[prefix + inside + cut] = None
            continue
        items.append(
            f"<Contents><Key>{escape(quote(key))}</Key><LastModified>2026-03-01T12:34:56.000Z</LastModified>"
            f"<ETag>&quot;{one.etag}&quot;</ETag><Size>{len(one.data)}</Size></Contents>"
        )
    cut = "<IsTruncated>false</IsTruncated>"
    if last:
        cut = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{quote(before)}</NextContinuationToken>"
    items += [f"<CommonPrefixes><Prefix>{quote(one)}</Prefix></CommonPrefixes>" for one in folded]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket}</Name><Prefix>{quote(prefix)}</Prefix><KeyCount>{len(items)}</KeyCount>"
        f"<MaxKeys>{most}</MaxKeys><EncodingType>url</EncodingType>{cut}"
        f"{''.join(items)}</ListBucketResult>"
    ).encode()


class Wire:
    """What all connections share: seconds before an answer, and bytes per second (None: any number)."""

    def __init__(self, delay: float, bandwidth: float | None) -> None:
        self.delay, self.bandwidth = delay, bandwidth
        self._free = 0.0  # when what was sent so far has passed

    def passed(self, count: int) -> float:
        """When so many more bytes will have passed, on the clock of the loop."""
        now = asyncio.get_running_loop().time()
        self._free = max(now, self._free) + (count / self.bandwidth if self.bandwidth else 0.0)
        return self._free


class _Connection(asyncio.Protocol):
    """One connection: requests without a body, answered in turn."""

    def __init__(self, held: dict[str, Held], wire: Wire) -> None:
        self._held, self._wire = held, wire
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while b"\r\n\r\n" in self._unread:
            head, _, self._unread = self._unread.partition(b"\r\n\r\n")
            asyncio.get_running_loop().call_later(self._wire.delay, self._answer, head)

    def _answer(self, head: bytes) -> None:
        method, target, _ = head.split(b" ", 2)
        path, _, text = target.decode().partition("?")
        name = unquote(path).strip("/")
        one = self._held.get(name)
        if one is not None:
            self._send(*_of_object(one, head), method == b"GET")
        elif "list-type=2" in text:
            query = {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
            self._send(
                "200 OK", "Content-Type: application/xml\r\n", memoryview(listing(self._held, name, query))
            )
        else:
            there = any(key.startswith(f"{name}/") for key in self._held) and "/" not in name
            self._send("200 OK" if there else "404 Not Found", "", memoryview(b""))

    def _send(self, status: str, more: str, body: memoryview, with_body: bool = True) -> None:
        head = f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode()
        self._transport.write(head)
        if not with_body:
            return
        if not self._wire.bandwidth:
            return self._transport.write(body)
        loop = asyncio.get_running_loop()
        for at in range(0, len(body), PIECE):
            piece = body[at : at + PIECE]
            loop.call_at(self._wire.passed(len(piece)), self._transport.write, piece)


def _of_object(one: Held, head: bytes) -> tuple[str, str, memoryview]:
    """Status, headers and body of an answer about an object."""
    facts = f'ETag: "{one.etag}"\r\nLast-Modified: {DATE}\r\nAccept-Ranges: bytes\r\n'
    asked, size = RANGE.search(head), len(one.data)
    if asked is None:
        return "200 OK", facts, one.data
    start = int(asked.group(1))
    stop = min(int(asked.group(2) or size - 1) + 1, size)
    if start >= stop:
        return "416 Range Not Satisfiable", f"Content-Range: bytes */{size}\r\n", memoryview(b"")
    return (
        "206 Partial Content",
        f"{facts}Content-Range: bytes {start}-{stop - 1}/{size}\r\n",
        one.data[start:stop],
    )


@contextmanager
def serving(folder: Path, delay: float = 0.0, bandwidth: float | None = None) -> Iterator[dict[str, str]]:
    """A server in a process of its own, as the environment that leads a client to it. `delay`: seconds;
    `bandwidth`: megabits per second."""
    options = ["--delay", str(delay * 1000), *(["--bandwidth", str(bandwidth)] if bandwidth else [])]
    command = [sys.executable, "-m", "tests.support.servers.files", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield {
                "AWS_ACCESS_KEY_ID": "files",
                "AWS_SECRET_ACCESS_KEY": "files",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": process.stdout.readline().strip(),
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            }
        finally:
            process.kill()


async def _serve(held: dict[str, Held], wire: Wire, port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(held, wire), "127.0.0.1", port)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before each answer")
    parser.add_argument("--bandwidth", type=float, help="megabits per second")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    bandwidth = given.bandwidth * 1e6 / 8 if given.bandwidth else None
    asyncio.run(_serve(held_below(given.folder), Wire(given.delay / 1000, bandwidth), given.port))


if __name__ == "__main__":
    main()
