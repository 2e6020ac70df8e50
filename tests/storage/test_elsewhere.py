"""Redirects, regions, credentials and clocks: where requests may go, with what, and for how long."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from h5s3.errors import AccessError, ChangedError, NetworkError, NotFoundError
from h5s3.settings import Settings
from h5s3.storage.base import Range
from h5s3.storage.http import client as http
from h5s3.storage.location import Location, parse_location
from h5s3.storage.stores import s3
from h5s3.storage.stores.s3 import S3Store
from h5s3.storage.stores.web import WebStore
from h5s3.storage.trace import Trace
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import Opening, hurry, reach, stores
from tests.support.servers.web import WebServer

DATA = random.Random(5).randbytes(200_000)
HERE = Location("s3", "here/file.h5", "elsewhere")
RANGES: list[Range] = [(start, start + 100) for start in range(0, 200_000, 5000)]
WRONG_REGION = b"<Error><Code>AuthorizationQueryParametersError</Code><Region>eu-west-3</Region></Error>"


@pytest.fixture
def open_store(server: S3Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    """Opens stores; the object is there."""
    server.put(HERE.bucket, HERE.key, DATA)
    with stores(server, proxy.url, monkeypatch) as opening:
        yield opening


@pytest.fixture
def web() -> Iterator[WebServer]:
    """Another host."""
    with WebServer().running() as running:
        yield running


def presigned(server: S3Server, url: str = "", **arguments: Any) -> Location:
    client = (server.at(url) if url else server).client()
    names = {"Bucket": HERE.bucket, "Key": HERE.key}
    return parse_location(client.generate_presigned_url("get_object", Params=names, **arguments))


def right(answers: dict[Range, bytes]) -> bool:
    return answers == {(start, stop): DATA[start:stop] for start, stop in RANGES}


# Another host


def test_signed_requests_do_not_leave(open_store: Opening, proxy: Proxy, web: WebServer) -> None:
    store = open_store()
    info = store.head(HERE)
    web.pages["/file.h5"] = DATA
    for status in (301, 302, 303, 307, 308):
        proxy.clear()
        proxy.fault("redirect", location=f"{web.url}/file.h5", status=status)
        asks: list[Callable[[], object]] = [
            lambda: store.get_ranges(info, RANGES[:2]),
            lambda: store.first(HERE, 100),
            lambda: store.head(HERE),
            lambda: list(store.list(Location("s3", "", HERE.bucket))),
        ]
        for ask in asks:
            with pytest.raises(NetworkError) as caught:
                ask()
            assert web.url not in str(caught.value)
    assert web.seen == []


def test_a_redirect_carries_no_credentials(server: S3Server, proxy: Proxy, web: WebServer) -> None:
    server.put(HERE.bucket, HERE.key, DATA)
    web.pages["/moved/file.h5"] = DATA
    proxy.fault("redirect", location=f"{web.url}/moved/file.h5", status=302)
    location = presigned(server, proxy.url)
    store = WebStore(Settings(), Trace())
    info, body = store.first(location, 100)
    assert (info.size, body) == (len(DATA), DATA[:100])
    assert right(store.get_ranges(info, RANGES))
    store.close()
    assert proxy.count() == 1  # where the redirect led is asked directly from then on
    assert {path for path, _ in web.seen} == {"/moved/file.h5"}
    sent = {name for _, headers in web.seen for name in headers}
    assert sent == {"host", "range", "user-agent", "accept-encoding", "if-match"}


def test_a_password_in_a_url_is_neither_sent_nor_shown(web: WebServer) -> None:
    web.pages["/file.h5"] = DATA
    web.redirects["/old.h5"] = "/missing.h5"
    with_password = web.url.replace("//", "//user:secret@")
    store = WebStore(Settings(), Trace())
    assert store.first(parse_location(f"{with_password}/file.h5"), 10)[1] == DATA[:10]
    with pytest.raises(NotFoundError) as caught:
        store.head(parse_location(f"{with_password}/old.h5?sig=hidden"))
    assert "secret" not in f"{caught.value}{web.seen}" and "hidden" not in str(caught.value)
    store.close()


def test_redirects_are_followed_anew_by_another_store(web: WebServer) -> None:
    web.pages["/b.h5"] = DATA
    web.redirects["/a.h5"] = "b.h5"
    location = parse_location(f"{web.url}/a.h5")
    info = WebStore(Settings(), Trace()).head(location)
    assert right(WebStore(Settings(), Trace()).get_ranges(info, RANGES))


def test_where_a_redirect_led_may_expire(server: S3Server, proxy: Proxy, web: WebServer) -> None:
    server.put(HERE.bucket, HERE.key, DATA)
    web.redirects["/a.h5"] = presigned(server, proxy.url).key
    store = WebStore(Settings(), Trace())
    info = store.head(parse_location(f"{web.url}/a.h5"))
    proxy.fault("status", status=403, times=1)
    assert store.get_ranges(info, RANGES[:1]) == {RANGES[0]: DATA[:100]}
    proxy.clear()
    proxy.fault("status", status=403)
    with pytest.raises(AccessError):
        store.get_ranges(info, RANGES[:1])
    store.close()


@pytest.mark.parametrize("onward", ["file:///etc/passwd", "ftp://host/x", "//", "http://[", "a.h5", ""])
def test_bad_redirects(web: WebServer, onward: str) -> None:
    web.redirects["/a.h5"] = onward
    store = WebStore(Settings(), Trace())
    with pytest.raises(NetworkError) as caught:
        store.head(location := parse_location(f"{web.url}/a.h5"))
    assert caught.value.location == location.display
    assert len(web.seen) <= 6
    store.close()


def test_a_redirect_to_another_object_is_noticed(web: WebServer) -> None:
    web.pages.update({"/a.h5": DATA, "/b.h5": DATA[::-1]})
    store = WebStore(Settings(), Trace())
    info = store.head(parse_location(f"{web.url}/a.h5"))
    web.redirects["/a.h5"] = "/b.h5"
    with pytest.raises(ChangedError):
        store.get_ranges(info, RANGES)
    store.close()


# Another region


@pytest.mark.parametrize("chain", [{}, {"AWS_STS_REGIONAL_ENDPOINTS": "regional"}], ids=["static", "boto3"])
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 301, "headers": {"x-amz-bucket-region": "eu-west-3"}},
        {"status": 400, "headers": {"x-amz-bucket-region": "eu-west-3"}},
        {"status": 400, "body": WRONG_REGION},
    ],
    ids=["301", "400", "400 in XML"],
)
def test_the_right_region_is_asked_once(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], chain: dict[str, str]
) -> None:
    moto.put(HERE.bucket, HERE.key, DATA)
    for name, value in chain.items():
        monkeypatch.setenv(name, value)
    with Proxy(moto) as proxy, stores(moto, proxy.url, monkeypatch) as opening:
        info = opening().head(HERE)
        proxy.fault("status", when=lambda seen: "us-east-1" in seen.query, **answer)
        trace = Trace()
        store = opening(trace)
        proxy.reset()
        made: list[str] = []
        go = store._go_to
        monkeypatch.setattr(store, "_go_to", lambda region: made.append(region) or go(region))
        assert right(store.get_ranges(info, RANGES))  # many threads are told at once
        assert made == ["eu-west-3"]
        lost = [seen for seen in proxy.requests if "us-east-1" in seen.query]
        assert proxy.count() == len(RANGES) + len(lost) == trace.total
        assert trace.retries == len(lost) > 0
        proxy.reset()
        assert store.first(HERE, 10)[1] == DATA[:10]
        assert proxy.count() == 1 and "eu-west-3" in proxy.requests[0].query


def test_head_and_list_find_their_region(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    moto.put(HERE.bucket, HERE.key, DATA)
    with Proxy(moto) as proxy, stores(moto, proxy.url, monkeypatch) as opening:
        moved = {"x-amz-bucket-region": "eu-west-3"}
        wrong = lambda seen: "us-east-1" in seen.query + seen.headers.get("authorization", "")  # noqa: E731
        proxy.fault("status", status=301, headers=moved, when=wrong)
        trace = Trace()
        store = opening(trace)
        assert right(store.get_ranges(store.head(HERE), RANGES))
        assert trace.retries == 1
        assert [entry.key for entry in opening().list(HERE)] == [HERE.key]
        assert trace.total + 2 == proxy.count()


def test_regions_do_not_go_in_circles(open_store: Opening, proxy: Proxy) -> None:
    trace = Trace()
    store = open_store(trace)
    info = store.head(HERE)
    for region, count in {"eu-west-3": 2, "us-east-1": 1, "no/../region": 1, "": 1}.items():
        proxy.reset()
        proxy.clear()
        proxy.fault("status", status=301, headers={"x-amz-bucket-region": region} if region else {})
        with pytest.raises(NetworkError, match="redirects"):
            open_store().get_ranges(info, RANGES[:1])
        assert proxy.count() == count, region


# Credentials


def test_a_url_that_has_aged_is_signed_again(
    open_store: Opening, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    info = store.head(HERE)
    expired = {"status": 400, "body": b"<Error><Code>ExpiredToken</Code></Error>"}
    proxy.fault("status", times=1, **expired)
    with pytest.raises(AccessError, match="ExpiredToken") as caught:
        store.get_ranges(info, RANGES[:1])
    assert "aws sso login" in caught.value.hint
    monkeypatch.setattr(s3._Signed, "age", 100.0)
    proxy.clear()
    proxy.fault("status", times=1, **expired)
    assert store.get_ranges(info, RANGES[:1]) == {RANGES[0]: DATA[:100]}


def test_access_denied_names_the_reason(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    rclone.put(HERE.bucket, HERE.key, DATA)
    reach(rclone, monkeypatch)
    hurry(monkeypatch)
    wrong_key = Settings(access_key="unknown", secret_key="secret-of-mine")
    wrong_secret = Settings(access_key=rclone.access_key, secret_key="secret-of-mine")
    for settings, reason in {
        Settings(anon=True): "UnsupportedAlgorithm.*anonymously",
        wrong_key: "InvalidAccessKeyId.*env file",
        wrong_secret: "SignatureDoesNotMatch.*env file",
    }.items():
        store = S3Store(settings, Trace())
        asks: list[Callable[[], object]] = [
            lambda store=store: store.head(HERE),
            lambda store=store: store.first(HERE, 10),
            lambda store=store: list(store.list(HERE)),
        ]
        for ask in asks:
            with pytest.raises(AccessError, match=reason) as caught:
                ask()
            assert caught.value.location.startswith("s3://elsewhere/") and caught.value.hint
            assert not re.search("secret-of-mine|X-Amz", str(caught.value))
        store.close()


def test_no_credentials_at_all(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", rclone.url)
    store = S3Store(Settings(), Trace())
    for ask in (lambda: store.head(HERE), lambda: store.first(HERE, 1), lambda: list(store.list(HERE))):
        with pytest.raises(AccessError, match="no credentials"):
            ask()


def test_an_expired_presigned_url(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    rclone.put(HERE.bucket, HERE.key, DATA)
    then = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    with monkeypatch.context() as patch:
        patch.setattr("botocore.auth.get_current_datetime", lambda: then)
        location = presigned(rclone, ExpiresIn=60)
    store = WebStore(Settings(), Trace())
    with pytest.raises(AccessError, match=r"the URL expired at 20\d\d-.* UTC; ask for a new URL") as caught:
        store.head(location)
    assert "X-Amz" not in str(caught.value)
    wrong = replace(presigned(rclone), key=presigned(rclone).key[:-4] + "beef")
    with pytest.raises(AccessError, match="signature is wrong or has expired"):
        store.head(wrong)


# Patience


def test_a_server_may_ask_for_a_pause_but_not_for_an_hour(
    open_store: Opening, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        if threading.current_thread() is threading.main_thread():  # not one that another test left behind
            slept.append(seconds)

    monkeypatch.setattr(http, "pause", sleep)
    proxy.fault("status", status=503, headers={"Retry-After": "2"}, times=1)
    proxy.fault("status", status=503, headers={"Retry-After": "86400"}, times=1)
    assert open_store().first(HERE, 5)[1] == DATA[:5]
    assert slept == [2.0, http.LONGEST_WAIT]
