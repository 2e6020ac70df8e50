"""Answers that never end: bounded bytes, bounded memory, bounded time, whatever is asked for."""

from __future__ import annotations

import gzip
import json
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from h5s3.errors import NetworkError
from h5s3.settings import Settings
from h5s3.storage.http import response_limits as bounded
from h5s3.storage.location import Location, parse_location
from h5s3.storage.stores.s3 import S3Store
from h5s3.storage.stores.s3_client import LARGEST_PAGE
from h5s3.storage.stores.web import WebStore
from h5s3.storage.trace import Trace
from tests.support.cli import run
from tests.support.reference.walks import BUCKET, Walks, scattered_walks
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry, reach
from tests.support.servers.wire import Seen

MIB = 1 << 20
IN_TRANSIT = 12 * MIB  # what may lie between the proxy and the tool, in buffers of the system
HERE = Location("s3", "scattered.h5", BUCKET)


@pytest.fixture
def walks(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Walks, Proxy]]:
    """Walks through a proxy; retries come at once."""
    hurry(monkeypatch)
    with Proxy(rclone) as proxy:
        yield scattered_walks(rclone, proxy.url), proxy


def is_range(seen: Seen) -> bool:
    return seen.range is not None


def is_listing(seen: Seen) -> bool:
    return "list-type" in seen.query


ENDLESS: list[tuple[str, dict[str, Any]]] = [
    ("endless_body", {}),
    ("endless_body", {"chunked": True, "filler": b"<a/>" * 1000}),
    ("endless_body", {"length": 1 << 40}),
    ("flood", {}),
    ("flood", {"raw": b""}),
    ("flood", {"raw": b"", "filler": b"HTTP/1.1 100 Continue\r\n\r\n"}),
    ("flood", {"raw": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "filler": b"0" * 999}),
    ("flood", {"raw": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"}),
    ("flood", {"raw": b"HTTP/1.1 403 No\r\n\r\n<Error><Code>AccessDenied</Code>", "filler": b"z" * 999}),
    ("flood", {"raw": b"HTTP/1.1 503 No\r\n\r\n", "filler": b"z" * 999}),
]


EACH = [pytest.param(*case, marks=[pytest.mark.slow] if at % 2 else []) for at, case in enumerate(ENDLESS)]


@pytest.mark.parametrize(("kind", "args"), EACH, ids=ascii)
def test_a_range_is_read_and_no_more(walks: tuple[Walks, Proxy], kind: str, args: dict[str, Any]) -> None:
    walk, proxy = walks
    proxy.fault(kind, when=is_range, **args)
    for place in ("s3", "web"):
        proxy.reset()
        result = walk.ask("meta", place, "--stats", "--timeout", "20")
        assert result.code in (0, 4, 5)
        if result.code == 0:
            assert walk.expected["meta"]["path"] == json.loads(result.out)["path"]
        assert proxy.bytes() <= len(walk.data) + proxy.connections * IN_TRANSIT


@pytest.mark.parametrize(("kind", "args"), EACH, ids=ascii)
def test_a_listing_is_no_longer_than_a_page(
    walks: tuple[Walks, Proxy], kind: str, args: dict[str, Any]
) -> None:
    walk, proxy = walks
    fault = proxy.fault(kind, when=is_listing, **args)
    tracemalloc.start()
    try:
        result = run("ls", f"s3://{BUCKET}/", "-r", on=walk.server)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "Traceback" not in result.failed(5)
    assert f"s3://{BUCKET}/" in result.err
    assert fault.hits <= 4
    assert proxy.bytes() <= fault.hits * (LARGEST_PAGE + IN_TRANSIT)
    assert peak < 12 * LARGEST_PAGE
    if "does not end" in result.err:
        assert fault.hits == 1  # what does not end once, would not end if asked again


def entities(tag: str, encoding: str = "") -> bytes:
    """XML of some 100 kB that stands for a gigabyte."""
    declared = f"<!ENTITY a '{'a' * 100_000}'><!ENTITY b '{'&a;' * 100}'>"
    text = f"<?xml version='1.0'{encoding and f' encoding={encoding!r}'}?><!DOCTYPE x [{declared}]><{tag}>"
    text += f"<Name>x</Name><Code>x</Code><Contents><Key>{'&b;' * 100}</Key></Contents></{tag}>"
    return text.encode(encoding or "ascii")


def listing(content: bytes) -> bytes:
    return b"<ListBucketResult><Name>x</Name>" + content + b"</ListBucketResult>"


GZIP_BOMB = gzip.compress(bytes(50_000_000), 1, mtime=0)
BOMBS: list[tuple[dict[str, Any], int]] = [
    ({"body": entities("ListBucketResult")}, 5),
    ({"body": entities("ListBucketResult", "utf-16")}, 5),
    ({"body": entities("Error"), "status": 403}, 4),
    ({"body": entities("Error"), "status": 500}, 5),
    ({"body": GZIP_BOMB, "encoding": "gzip"}, 5),
    ({"body": GZIP_BOMB, "encoding": "gzip", "status": 403}, 4),
    ({"body": listing(b"<a>" * 50_000 + b"</a>" * 50_000)}, 5),
    ({"body": listing(b"<KeyCount>" + b"9" * 5000 + b"</KeyCount>")}, 5),
    ({"body": listing(b"<Contents><Size>5</Size></Contents>")}, 5),
    ({"body": listing(b"<Contents><Key>k</Key><Size>5e9</Size></Contents>")}, 5),
    ({"body": b"<Error><Code>SlowDown</Code></Error>", "status": 200}, 5),
    ({"body": b"<Error><Code>ExpiredToken</Code></Error>", "status": 400}, 4),
]  # fmt: skip


SEVERAL = [pytest.param(*case, marks=[pytest.mark.slow] if at % 2 else []) for at, case in enumerate(BOMBS)]


@pytest.mark.parametrize(("args", "code"), SEVERAL, ids=lambda value: ascii(value)[:60])
def test_a_page_of_a_listing_is_not_blown_up(
    walks: tuple[Walks, Proxy], args: dict[str, Any], code: int
) -> None:
    walk, proxy = walks
    proxy.fault("body", when=is_listing, **args)
    tracemalloc.start()
    try:
        result = run("ls", f"s3://{BUCKET}/", on=walk.server)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if result.code == 0:
        assert "/" not in result.out  # nothing that is not there
    else:
        assert f"s3://{BUCKET}/" in result.failed(code)
    assert peak < 200 * MIB
    proxy.clear()
    assert "scattered.h5" in run("ls", f"s3://{BUCKET}/", "--refresh", on=walk.server).out


def test_pages_that_name_the_same_next_one_end(walks: tuple[Walks, Proxy]) -> None:
    walk, proxy = walks
    page = b"<ListBucketResult><Name>x</Name><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated>"
    page += b"<NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
    proxy.fault("body", when=is_listing, body=page, status=200)
    assert run("ls", f"s3://{BUCKET}/", on=walk.server).failed(5)
    assert proxy.count() < 10


SLOW: list[tuple[str, dict[str, Any]]] = [
    ("endless_body", {"filler": b"z" * 5, "pause": 0.02}),
    ("endless_body", {"chunked": True, "filler": b"z" * 5, "pause": 0.02}),
    ("flood", {"raw": b"", "filler": b"HTTP/1.1 100 Continue\r\n\r\n", "pause": 0.05}),
    ("flood", {"raw": b"HTTP/1.1 20", "filler": b"0", "pause": 0.02}),
    ("flood", {"raw": b"HTTP/1.1 200 OK\r\nX: ", "filler": b"z", "pause": 0.02}),
    ("flood", {"raw": b"HTTP/1.1 403 No\r\n\r\n", "filler": b"z", "pause": 0.02}),
]


DROPS = [pytest.param(*case, marks=[pytest.mark.slow] if at % 2 else []) for at, case in enumerate(SLOW)]


@pytest.mark.parametrize(("kind", "args"), DROPS, ids=ascii)
def test_drop_by_drop_is_given_up(
    walks: tuple[Walks, Proxy], monkeypatch: pytest.MonkeyPatch, kind: str, args: dict[str, Any]
) -> None:
    """Each drop comes in time, so that no time limit of a socket would ever strike."""
    walk, proxy = walks
    reach(walk.server, monkeypatch)
    monkeypatch.setattr(bounded, "PATIENCE", 0.4)
    monkeypatch.setattr(bounded, "SLOWEST", 10_000)
    url = parse_location(walk.locations["web"])
    s3, web = S3Store(Settings(), Trace()), WebStore(Settings(), Trace())
    info = s3.head(HERE)
    proxy.fault(kind, when=lambda seen: seen.method == "GET", **args)
    asks = {
        "one range": lambda: s3.get_ranges(info, [(300_000, 400_000)]),
        "many": lambda: s3.get_ranges(info, [(at, at + 30_000) for at in range(0, 900_000, 30_000)]),
        "first": lambda: web.first(url, 300_000),
        "list": lambda: list(s3.list(Location("s3", "", BUCKET))),
    }
    ended: dict[str, str] = {}

    def end(name: str) -> None:
        try:
            asks[name]()
            ended[name] = "done"
        except NetworkError as error:
            ended[name] = error.cause
        except Exception as error:  # noqa: BLE001 - told of below
            ended[name] = f"{type(error).__name__}: {error}"

    threads = [threading.Thread(target=end, args=(name,), daemon=True) for name in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert set(ended) == set(asks)
    if kind == "endless_body":  # all of a range is there before the drops begin, and more than that
        assert "too slowly" in ended.pop("list")
        assert all("more bytes than it announces" in said for said in ended.values()), ended
    else:
        assert all("too slowly" in said for said in ended.values()) or b"403" in args["raw"], ended
    s3.close()
    web.close()


def test_a_slow_line_is_no_drip(walks: tuple[Walks, Proxy], monkeypatch: pytest.MonkeyPatch) -> None:
    walk, proxy = walks
    monkeypatch.setattr(bounded, "PATIENCE", 0.2)
    proxy.bandwidth = 1_000_000
    assert walk.right("meta", walk.ask("meta", "s3"))
    assert bounded.SLOWEST <= 1000 and LARGEST_PAGE >= 8 * MIB
