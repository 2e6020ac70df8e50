"""A server on loopback that says what a test wants it to, header for header, byte for byte."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote
from xml.sax.saxutils import escape

from tests.support.servers.s3 import S3Server


@dataclass
class Asked:
    """A request: the target as sent, and the headers with lower-case names."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass
class Says:
    """An answer. Headers are bytes: what no server should send goes out as it is."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    length: bool = True


class Liar:
    """Answers with what `answer` makes of each request; `asked` lists them."""

    def __init__(self) -> None:
        self.answer: Callable[[Asked], Says] = lambda asked: Says(404)
        self.asked: list[Asked] = []
        liar = self

        class Handler(_Handler):
            of = liar

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def server(self, access: str = "access-key-of-tests", secret: str = "secret-of-tests") -> S3Server:
        """The address with a pair of keys, for `run(on=...)`."""
        return S3Server(self.url, access, secret, "us-east-1", "liar")

    @contextmanager
    def running(self) -> Iterator[Liar]:
        """Serve for as long as the block lasts."""
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    of: Liar

    def do_GET(self) -> None:
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
        self.of.asked.append(asked)
        says = self.of.answer(asked)
        head = [b"HTTP/1.1 %d Said" % says.status, *(b"%s: %s" % pair for pair in says.headers)]
        head += [b"Content-Length: %d" % len(says.body)] * says.length
        body = b"" if self.command == "HEAD" else says.body
        self.wfile.write(b"\r\n".join(head) + b"\r\n\r\n" + body)

    do_HEAD = do_PUT = do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def xml(text: str) -> str:
    """Text as XML can hold it: no control characters but those that it allows."""
    return escape(re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text))


def listing(keys: list[str], prefixes: list[str], note: str) -> bytes:
    """A page of ListObjectsV2 whose names are percent-encoded; `note` is whatever else is text."""
    one = "<LastModified>2024-02-03T04:05:06.000Z</LastModified><Size>5</Size>"
    one += f"<ETag>&quot;{xml(note)}&quot;</ETag><StorageClass>{xml(note)}</StorageClass>"
    found = "".join(f"<Contents><Key>{quote(key)}</Key>{one}</Contents>" for key in keys)
    found += "".join(f"<CommonPrefixes><Prefix>{quote(p)}/</Prefix></CommonPrefixes>" for p in prefixes)
    return _page("ListBucketResult", f"<KeyCount>{len(keys)}</KeyCount>{found}")


def versions(keys: list[str], note: str) -> bytes:
    """A page of ListObjectVersions."""
    one = "<LastModified>2024-02-03T04:05:06.000Z</LastModified><Size>5</Size><IsLatest>true</IsLatest>"
    one += f"<ETag>&quot;{xml(note)}&quot;</ETag><VersionId>{xml(note)}</VersionId>"
    found = "".join(f"<Version><Key>{quote(key)}</Key>{one}</Version>" for key in keys)
    return _page("ListVersionsResult", found)


def buckets(names: list[str]) -> bytes:
    """The answer of ListBuckets."""
    date = "<CreationDate>2024-02-03T04:05:06.000Z</CreationDate>"
    found = "".join(f"<Bucket><Name>{xml(name)}</Name>{date}</Bucket>" for name in names)
    return f"<ListAllMyBucketsResult><Buckets>{found}</Buckets></ListAllMyBucketsResult>".encode()


def _page(root: str, inner: str) -> bytes:
    about = "<Name>b</Name><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>"
    return f"<{root}>{about}{inner}</{root}>".encode()


def failing(status: int, code: str, message: str, headers: list[tuple[bytes, bytes]] | None = None) -> Says:
    """An error as S3 answers it."""
    text = f"<Message>{xml(message)}</Message><Resource>{xml(message)}</Resource>"
    return Says(status, f"<Error><Code>{xml(code)}</Code>{text}</Error>".encode(), headers or [])


def serving(data: bytes, headers: list[tuple[bytes, bytes]]) -> Callable[[Asked], Says]:
    """Answers ranges of some bytes, and listings with a key, under headers of one's own."""

    def answer(asked: Asked) -> Says:
        if "list-type=2" in asked.target:
            return Says(200, listing(["k.h5"], [], "x"), headers)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        if wanted is None:
            return Says(200, data, headers)
        start, stop = int(wanted[1]), min(int(wanted[2] or len(data)) + 1, len(data))
        about = (b"Content-Range", b"bytes %d-%d/%d" % (start, stop - 1, len(data)))
        return Says(206, data[start:stop], [*headers, about])

    return answer
