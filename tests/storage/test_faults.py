"""Servers and networks that misbehave: the right bytes or the right error, and never wrong bytes."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from h5s3.cache import Cache
from h5s3.errors import AccessError, ChangedError, H5s3Error, NetworkError, NotCachedError
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.fetch.blocks import BLOCK
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.http import client as http
from h5s3.storage.location import Location
from h5s3.storage.responses import UnservedError
from h5s3.storage.stores.s3 import S3Store
from h5s3.storage.trace import Trace
from tests.conftest import SERVERS
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import Opening, stores
from tests.support.servers.wire import Seen

SIZE = 320 * 1024
DATA, OTHER = random.Random(3).randbytes(SIZE), random.Random(4).randbytes(SIZE)
HERE = Location("s3", "faults/file.h5", "faults")
RANGES: list[Range] = [(start, start + 1000) for start in range(0, SIZE, SIZE // 10)]
XML = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>no</Message></Error>"


def is_get(seen: Seen) -> bool:
    return seen.method == "GET"


@pytest.fixture(params=[SERVERS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in SERVERS[1:])])
def server(request: pytest.FixtureRequest) -> S3Server:
    """One server, for it is the proxy that makes the faults; the other one where time does not matter."""
    found: S3Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def open_store(server: S3Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    """Opens stores; the object is there."""
    server.put(HERE.bucket, HERE.key, DATA)
    with stores(server, proxy.url, monkeypatch) as opening:
        yield opening


def assert_right(answers: dict[Range, bytes]) -> None:
    assert set(answers) == set(RANGES)
    assert [item for item in RANGES if answers[item] != DATA[item[0] : item[1]]] == []


def read_all(store: S3Store | None, cache: Cache, info: ObjectInfo) -> dict[int, bytes]:
    """The blocks that can be had, by number."""
    file, found = BlockFile(store, cache, info, Trace()), {}
    for index in range(SIZE // BLOCK):
        try:
            file.seek(index * BLOCK)
            found[index] = file.read(BLOCK) or b""
        except H5s3Error:
            continue
    file.save()
    return found


def assert_cache_is_clean(store: S3Store, proxy: Proxy, info: ObjectInfo) -> None:
    """Read under the faults, then from the cache alone: what is there is right. Without faults, all is."""
    cache = Cache()
    assert all(block == DATA[i * BLOCK :][:BLOCK] for i, block in read_all(store, cache, info).items())
    kept = read_all(None, cache, info)
    assert kept
    assert all(block == DATA[i * BLOCK :][:BLOCK] for i, block in kept.items())
    proxy.clear()
    assert b"".join(read_all(store, cache, info).values()) == DATA
    assert b"".join(read_all(None, cache, info).values()) == DATA
    cache.close()


TRANSIENT: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 429}),
    ("status", {"status": 500, "body": XML % b"InternalError"}),
    ("status", {"status": 502, "body": b"<html>bad gateway" + b"." * 100_000}),
    ("status", {"status": 503, "headers": {"Retry-After": "0"}, "body": XML % b"SlowDown"}),
    ("status", {"status": 503, "headers": {"Retry-After": "soon\x7f"}}),
    ("status", {"status": 504}),
    ("reset", {}),
    ("reset_mid_body", {}),
    ("reset_mid_body", {"keep": 0}),
    ("short_body", {}),
    ("short_body", {"keep": 999}),
    ("garbage", {}),
    ("garbage", {"raw": b""}),
    ("endless_body", {}),
    ("endless_body", {"limit": 1}),
]
HARMLESS: list[tuple[str, dict[str, Any]]] = [
    ("status_200_for_206", {}),
    ("ignore_range", {}),
    ("drop_if_match", {}),
    ("endless_body", {"limit": 0}),
    ("close", {}),
]
FATAL: list[tuple[str, dict[str, Any], type[H5s3Error]]] = [
    ("short_length", {}, NetworkError),
    ("wrong_content_range", {}, NetworkError),
    ("wrong_content_range", {"value": "bytes 0-999/*"}, NetworkError),
    ("wrong_content_range", {"value": "bytes 5-4/10"}, NetworkError),
    ("wrong_content_range", {"value": "octets"}, NetworkError),
    ("wrong_content_range", {"value": f"bytes 0-999/{len(DATA) + 1}"}, ChangedError),
    ("wrong_etag", {}, ChangedError),
    ("no_etag", {}, NetworkError),
    ("weak_etag", {}, NetworkError),
    ("redirect", {"location": "http://127.0.0.1:9/elsewhere"}, NetworkError),
    ("redirect", {"location": "http://[", "status": 301}, NetworkError),
    ("status", {"status": 204}, NetworkError),
    ("status", {"status": 304}, NetworkError),
    ("status", {"status": 400, "body": XML % b"InvalidArgument"}, UnservedError),
    ("status", {"status": 400, "body": XML % b"ExpiredToken"}, AccessError),
    ("status", {"status": 400, "body": XML % b"UnsupportedAlgorithm"}, AccessError),
    (
        "status",
        {"status": 400, "body": XML % b"ExpiredToken", "headers": {"x-amz-bucket-region": "us-east-1"}},
        AccessError,
    ),
    ("status", {"status": 401}, AccessError),
    ("status", {"status": 403, "body": XML % b"AccessDenied"}, AccessError),
    ("status", {"status": 403, "body": XML % b"ExpiredToken"}, AccessError),
    ("status", {"status": 404, "body": XML % b"NoSuchKey"}, ChangedError),
    ("status", {"status": 412}, ChangedError),
    ("status", {"status": 416}, ChangedError),
    ("status", {"status": 501}, NetworkError),
]


def named(case: tuple[Any, ...]) -> str:
    values = [str(value)[:30] for value in case[1].values() if not isinstance(value, dict)]
    return "-".join([case[0], *values])


def thinned(cases: list[Any]) -> list[Any]:
    """The first case of each kind, error and status; the others where time does not matter."""
    alike = [(case[0], case[1].get("status", 0) // 100, *case[2:]) for case in cases]
    slow = [[pytest.mark.slow] * (one in alike[:number]) for number, one in enumerate(alike)]
    return [pytest.param(case, marks=marks) for case, marks in zip(cases, slow, strict=True)]


@pytest.mark.parametrize("case", thinned(TRANSIENT), ids=named)
def test_what_passes_is_retried(open_store: Opening, proxy: Proxy, case: tuple[str, dict[str, Any]]) -> None:
    trace = Trace()
    store = open_store(trace)
    info = store.head(HERE)
    fault = proxy.fault(case[0], when=is_get, times=3, **case[1])
    assert_right(store.get_ranges(info, RANGES))
    assert trace.retries == fault.hits == 3 == proxy.count("GET") - len(RANGES)
    assert trace.requests == {"HEAD": proxy.count("HEAD"), "GET": proxy.count("GET")}
    proxy.clear()
    proxy.fault(case[0], when=lambda seen: is_get(seen) and seen.range == RANGES[3], **case[1])
    before = trace.retries
    with pytest.raises(NetworkError) as caught:
        store.get_ranges(info, RANGES[3:4])
    assert trace.retries - before == http.ATTEMPTS - 1
    assert caught.value.location == HERE.display
    proxy.clear()
    assert_right(store.get_ranges(info, RANGES))


@pytest.mark.parametrize("server", SERVERS, indirect=True)
@pytest.mark.parametrize("case", HARMLESS, ids=named)
def test_what_does_no_harm(open_store: Opening, proxy: Proxy, case: tuple[str, dict[str, Any]]) -> None:
    trace = Trace()
    store = open_store(trace)
    fault = proxy.fault(case[0], when=is_get, **case[1])
    info, body = store.first(HERE, 100)
    assert (body, info) == (DATA[:100], store.head(HERE))
    assert_right(store.get_ranges(info, RANGES))
    assert (fault.hits, trace.retries) == (1 + len(RANGES), 0)
    assert_cache_is_clean(store, proxy, info)


@pytest.mark.parametrize("case", thinned(FATAL), ids=named)
def test_what_cannot_be_trusted_is_refused(
    open_store: Opening, proxy: Proxy, case: tuple[str, dict[str, Any], type[H5s3Error]]
) -> None:
    kind, arguments, error = case
    trace = Trace()
    store = open_store(trace)
    info = store.head(HERE)
    fault = proxy.fault(kind, when=lambda seen: is_get(seen) and seen.range == RANGES[5], **arguments)
    with pytest.raises(error) as caught:
        store.get_ranges(info, RANGES)
    assert type(caught.value) is error and caught.value.location == HERE.display
    assert (fault.hits, trace.retries) == (1, 0)
    proxy.clear()
    turns = itertools.count()
    proxy.fault(kind, when=lambda seen: is_get(seen) and next(turns) % 2, **arguments)
    assert_cache_is_clean(store, proxy, info)


def test_a_range_far_into_an_object_that_comes_whole(
    open_store: Opening, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("h5s3.storage.responses.SKIPPABLE", 5 * BLOCK)
    store = open_store()
    info = store.head(HERE)
    proxy.fault("ignore_range", when=is_get)
    assert store.get_ranges(info, [(5 * BLOCK, 6 * BLOCK)]) == {
        (5 * BLOCK, 6 * BLOCK): DATA[5 * BLOCK : 6 * BLOCK]
    }
    with pytest.raises(NetworkError, match="ignores Range"):
        store.get_ranges(info, [(5 * BLOCK + 1, 6 * BLOCK)])


@pytest.mark.parametrize("server", SERVERS, indirect=True)
@pytest.mark.parametrize("pinned", ["If-Match", "ETag alone"])
def test_an_object_replaced_while_it_is_read(
    open_store: Opening, server: S3Server, proxy: Proxy, pinned: str
) -> None:
    store = open_store()
    info = store.head(HERE)
    if pinned == "ETag alone":
        proxy.fault("drop_if_match", when=is_get)

    def replace(seen: Seen) -> None:
        time.sleep(0.02)
        server.put(HERE.bucket, HERE.key, OTHER)

    assert_right(store.get_ranges(info, RANGES))
    proxy.fault("call", fn=replace, when=is_get, times=1)
    with pytest.raises(ChangedError):
        store.get_ranges(info, RANGES)
    cache = Cache()
    assert read_all(store, cache, info) == {} == read_all(None, cache, info)
    again = store.head(HERE)
    assert again.identity != info.identity
    assert store.get_ranges(again, [(0, 100)]) == {(0, 100): OTHER[:100]}
    with pytest.raises(NotCachedError):
        BlockFile(None, cache, again, Trace()).read(10)
    cache.close()


@pytest.mark.parametrize("kind", ["no_etag", "weak_etag"])
def test_without_a_strong_etag_nothing_is_kept(
    open_store: Opening, server: S3Server, proxy: Proxy, kind: str
) -> None:
    store = open_store()
    proxy.fault(kind)
    info, body = store.first(HERE, 100)
    assert (body, info.etag, info.identity) == (DATA[:100], None, None)
    assert store.head(HERE) == info
    assert_right(store.get_ranges(info, RANGES))
    cache = Cache()
    assert len(read_all(store, cache, info)) == SIZE // BLOCK
    assert cache.info()["entries"] == 0 and read_all(None, cache, info) == {}
    cache.close()
    server.put(HERE.bucket, HERE.key, DATA + b"more")
    with pytest.raises(ChangedError):
        store.get_ranges(info, RANGES)


def hang(proxy: Proxy) -> None:
    proxy.fault("hang", seconds=30)


def drip(proxy: Proxy) -> None:
    proxy.bandwidth = 120_000  # 64 KiB at a time: never silent for long, and never done in time


def ask_to_wait(proxy: Proxy) -> None:
    proxy.fault("status", status=503, headers={"Retry-After": "3600"})


@pytest.mark.slow
@pytest.mark.parametrize("slow", [hang, drip, ask_to_wait])
def test_the_time_limit_holds(
    rclone: S3Server, monkeypatch: pytest.MonkeyPatch, slow: Callable[[Proxy], None]
) -> None:
    rclone.put(HERE.bucket, HERE.key, DATA)
    many = [(start, start + 9000) for start in range(0, 300_000, 9000)]
    with Proxy(rclone) as proxy, stores(rclone, proxy.url, monkeypatch) as opening:
        info = opening().head(HERE)
        slow(proxy)
        asks: list[Callable[[S3Store], object]] = [
            lambda store: store.get_ranges(info, [(0, SIZE)]),
            lambda store: store.first(HERE, SIZE),
        ]
        if slow is not drip:
            asks += [lambda store: store.get_ranges(info, many)]
        if slow is hang:
            asks += [lambda store: store.head(HERE), lambda store: list(store.list(HERE))]

        def located(ask: Callable[[S3Store], object]) -> str:
            with pytest.raises(NetworkError) as caught:  # long before the hang or the wait is over
                ask(opening(timeout=2.0))
            return caught.value.location

        with ThreadPoolExecutor(len(asks)) as pool:
            assert set(pool.map(located, asks)) == {HERE.display}
