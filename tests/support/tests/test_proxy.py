"""The proxy of the tests counts, slows and breaks requests as its docstrings say."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

DATA = bytes(range(256)) * 1024
KEY = "folder/a b+c#d?e%f/ü.h5"

Get = Callable[..., urllib3.BaseHTTPResponse]


@pytest.fixture
def get(server: S3Server, proxy: Proxy) -> Get:
    """GETs a range of the object through the proxy, by a presigned URL; no retries."""
    server.put("support", KEY, DATA)
    params = {"Bucket": "support", "Key": KEY}
    url = server.at(proxy.url).client().generate_presigned_url("get_object", Params=params)
    pool = urllib3.PoolManager(retries=False, maxsize=64, timeout=60)

    def send(start: int = 0, stop: int = 100, **kwargs: Any) -> urllib3.BaseHTTPResponse:
        headers = {"Range": f"bytes={start}-{stop - 1}", **kwargs.pop("headers", {})}
        return pool.request("GET", url, headers=headers, redirect=False, **kwargs)

    return send


# Forwarding and counting


def test_signed_requests_pass(server: S3Server, proxy: Proxy) -> None:
    through = server.at(proxy.url)
    through.put("support", KEY, DATA)
    client = through.client()
    assert client.head_object(Bucket="support", Key=KEY)["ContentLength"] == len(DATA)
    assert client.get_object(Bucket="support", Key=KEY, Range="bytes=5-")["Body"].read() == DATA[5:]
    assert client.list_objects_v2(Bucket="support", Prefix=KEY)["KeyCount"] == 1
    with pytest.raises(ClientError, match="NoSuchKey"):
        client.get_object(Bucket="support", Key="no")
    put, head, ranged, listed, missing = proxy.requests[-5:]
    assert (put.method, put.path, put.status) == ("PUT", f"/support/{KEY}", 200)
    assert (head.method, head.sent) == ("HEAD", 0)
    assert (ranged.range, ranged.sent) == ((5, len(DATA)), len(DATA) - 5)
    assert "list-type=2" in listed.query and "host" in listed.headers
    assert missing.status == 404
    assert proxy.connections == 1


def test_counts_are_exact(get: Get, proxy: Proxy) -> None:
    def one(index: int) -> bool:
        start = index * 100
        return get(start, start + 1000).data == DATA[start : start + 1000]

    proxy.reset()
    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(one, range(640)))
    assert (proxy.count(), proxy.count("GET"), proxy.count("HEAD")) == (640, 640, 0)
    assert proxy.bytes() == 640 * 1000
    assert {seen.range for seen in proxy.requests} == {(i * 100, i * 100 + 1000) for i in range(640)}
    assert proxy.connections <= 64
    proxy.reset()
    assert (proxy.count(), proxy.bytes(), proxy.rounds(), proxy.connections) == (0, 0, 0, 0)


def test_rounds_are_batches(get: Get, proxy: Proxy) -> None:
    proxy.delay, proxy.jitter = 0.02, 0.25
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(get, [0] * 8))
        assert proxy.rounds() == 1
        list(pool.map(get, [0] * 30))  # more than there are connections: still one batch
        assert proxy.rounds() == 2
        list(pool.map(get, [0] * 3))
        assert proxy.rounds("GET") == 3
    proxy.reset()
    for _ in range(5):
        get()
    assert (proxy.rounds(), proxy.rounds("HEAD")) == (5, 0)


def test_delay_and_bandwidth(get: Get, proxy: Proxy) -> None:
    """How long it waits, by a clock that stands still: no test waits for it."""
    waited: list[float] = []
    proxy.clock, proxy.wait = (lambda: 100.0), waited.append
    proxy.delay = 0.05
    get()
    assert waited == [0.05]
    proxy.delay, proxy.bandwidth = 0.0, 2_000_000
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: get(0, 100_000), range(4)))
    assert max(waited) == pytest.approx(400_000 / 2_000_000, abs=0.01)


def test_closed_means_refused(get: Get, proxy: Proxy) -> None:
    get()
    proxy.close()
    for _ in range(2):
        with pytest.raises(urllib3.exceptions.NewConnectionError):
            get()


def test_a_port_is_kept_for_the_next_one(server: S3Server) -> None:
    """No other process can be given it meanwhile."""
    with Proxy(server) as proxy:
        proxy.close()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", proxy.port))
        with Proxy(server, proxy.port) as again:
            assert again.url == proxy.url and urllib3.request("GET", again.url, retries=False).status
            assert again.count() == 1
    with socket.create_server(("127.0.0.1", proxy.port)):
        pass


def test_a_dead_server_is_a_bad_gateway() -> None:
    with Proxy("http://127.0.0.1:1") as proxy:
        assert urllib3.request("GET", proxy.url, retries=False).status == 502


def test_an_exception_in_a_callable_is_raised(server: S3Server) -> None:
    with pytest.raises(ZeroDivisionError):
        with Proxy(server) as proxy:
            proxy.fault("call", fn=lambda seen: 1 / 0)
            with pytest.raises(urllib3.exceptions.ProtocolError):
                urllib3.request("GET", proxy.url, retries=False)


# Faults


def test_faults_are_chosen_and_counted(get: Get, proxy: Proxy) -> None:
    fault = proxy.fault("status", when=lambda seen: seen.range == (0, 100), times=7, body=b"slow down")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: get(i % 2, 100), range(100)))
    broken = [answer for answer in answers if answer.status == 503]
    assert (len(broken), fault.hits, broken[0].data) == (7, 7, b"slow down")
    proxy.fault("status", status=404, headers={"x-amz-test": "1"})
    assert (get().status, get().headers["x-amz-test"]) == (404, "1")
    proxy.clear()
    assert get().data == DATA[:100]
    wrong: list[tuple[str, dict[str, Any]]] = [("no such", {}), ("hang", {"second": 1}), ("redirect", {})]
    for kind, args in wrong:
        with pytest.raises((ValueError, TypeError)):
            proxy.fault(kind, **args)


@pytest.mark.parametrize(
    ("kind", "error", "received"),
    [
        ("reset", "ConnectionResetError", 0),
        ("reset_mid_body", "ConnectionResetError", 50_000),
        ("short_body", "IncompleteRead", 50_000),
        ("garbage", "BadStatusLine", 0),
    ],
)
def test_broken_connections(get: Get, proxy: Proxy, kind: str, error: str, received: int) -> None:
    proxy.fault(kind, times=1)
    data = b""
    with pytest.raises(urllib3.exceptions.HTTPError, match=error):
        answer = get(0, 100_000, preload_content=False)
        assert answer.headers["Content-Length"] == "100000"
        while piece := answer.read(10_000):
            data += piece
    assert data == DATA[: len(data)] and len(data) <= received
    assert proxy.requests[-1].sent == received
    assert get(0, 100_000).data == DATA[:100_000]


def test_short_length(get: Get, proxy: Proxy) -> None:
    proxy.fault("short_length")
    answer = get()
    assert (answer.data, answer.headers["Content-Length"]) == (DATA[:50], "50")
    assert answer.headers["Content-Range"] == f"bytes 0-99/{len(DATA)}"
    proxy.clear()
    proxy.fault("short_length", keep=99)
    assert get().data == DATA[:99]


def test_hang(get: Get, proxy: Proxy) -> None:
    proxy.fault("hang", seconds=60, times=1)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        get(timeout=0.1)
    assert get().data == DATA[:100]


def test_ignored_range(get: Get, server: S3Server, proxy: Proxy) -> None:
    proxy.fault("ignore_range")
    answer = get()
    assert (answer.status, answer.data, "Content-Range" in answer.headers) == (200, DATA, False)
    signed = server.at(proxy.url).client()  # here the range is part of the signature
    assert signed.get_object(Bucket="support", Key=KEY, Range="bytes=0-9")["Body"].read() == DATA


def test_status_200_for_206(get: Get, proxy: Proxy) -> None:
    proxy.fault("status_200_for_206")
    answer = get(10, 20)
    assert (answer.status, answer.data) == (200, DATA[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(DATA)}"


def test_wrong_headers(get: Get, proxy: Proxy) -> None:
    right = get().headers["ETag"]
    cases: list[tuple[str, dict[str, Any], str, str | None]] = [
        ("wrong_content_range", {}, "Content-Range", f"bytes 1-100/{len(DATA)}"),
        ("wrong_content_range", {"value": "bytes */7"}, "Content-Range", "bytes */7"),
        ("wrong_etag", {"etag": '"other"'}, "ETag", '"other"'),
        ("no_etag", {}, "ETag", None),
        ("weak_etag", {}, "ETag", f"W/{right}"),
    ]
    for kind, args, name, value in cases:
        fault = proxy.fault(kind, times=1, **args)
        answer = get()
        assert (answer.headers.get(name), answer.data, fault.hits) == (value, DATA[:100], 1)


def test_endless_body(get: Get, proxy: Proxy) -> None:
    proxy.fault("endless_body", times=1)
    answer = get(preload_content=False)
    assert "Content-Length" not in answer.headers
    assert answer.read(1_000_000).startswith(DATA[:100])
    answer.close()
    proxy.fault("endless_body", limit=1000, times=1)
    assert get().data == DATA[:100] + bytes(1000)


def test_redirect_and_close(get: Get, proxy: Proxy) -> None:
    proxy.fault("redirect", location="http://127.0.0.1:1/", status=301, headers={"x-amz-bucket-region": "b"})
    assert (get().status, get().headers["Location"]) == (301, "http://127.0.0.1:1/")
    proxy.clear()
    before = proxy.connections
    proxy.fault("close")
    assert [get().headers["Connection"] for _ in range(3)] == ["close"] * 3
    assert proxy.connections == before + 2


def test_drop_if_match(get: Get, server: S3Server, proxy: Proxy) -> None:
    proxy.fault("drop_if_match")
    assert get(headers={"If-Match": '"other"'}).data == DATA[:100]
    signed = server.at(proxy.url).client()
    answer = signed.get_object(Bucket="support", Key=KEY, IfMatch='"other"')
    assert answer["Body"].read() == DATA


def test_object_replaced_between_two_ranges(get: Get, server: S3Server, proxy: Proxy) -> None:
    assert get(0, 10).data == DATA[:10]
    proxy.fault("call", fn=lambda seen: server.put("support", KEY, DATA[::-1] + b"!"), times=1)
    answer = get(0, 10)
    assert answer.data == DATA[::-1][:10]
    assert answer.headers["Content-Range"] == f"bytes 0-9/{len(DATA) + 1}"
