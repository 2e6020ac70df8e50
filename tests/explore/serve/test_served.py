"""`serve` over loopback: bytes, conditions, names, origins, and clients that read Zarr and HDF5 by URLs."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h5s3.errors import NotFoundError, UsageError
from h5s3.explore.serve import served as rules
from h5s3.explore.serve.served import Served
from h5s3.explore.serve.server import Server, running
from h5s3.explore.session import Session
from h5s3.settings import Settings
from h5s3.storage.location import parse_location
from tests.support.cli import run
from tests.support.h5files import make as h5files
from tests.support.servers.s3 import S3Server

DATA = bytes(np.random.default_rng(7).integers(0, 256, 50_000, np.uint8))
PAGE = "https://viewer.example.org"
Ask = Callable[..., "Answer"]


class Answer:
    """Status, headers and body of one request."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def __getitem__(self, name: str) -> str | None:
        return self.headers.get(name)


@contextmanager
def serving(place: str, origins: tuple[str, ...] = (), **known: Any) -> Iterator[Server]:
    with Session(Settings(no_cache=True, **known)) as session:
        server = Server(Served(session, parse_location(place)), "127.0.0.1", 0, origins)
        with running(server):
            yield server


def asking(server: Server, stack: ExitStack) -> Ask:
    """Requests on one connection that is kept, as long as the server keeps it."""
    line = stack.enter_context(closing(http.client.HTTPConnection(*server.server_address[:2], timeout=20)))

    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        line.request(method, path, headers={name.replace("_", "-"): v for name, v in headers.items()})
        return Answer(line.getresponse())

    return ask


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is served, and beside it what is not."""
    top = tmp_path_factory.mktemp("serve")
    (top / "secret.txt").write_bytes(b"not for you")
    (top / "data-more").mkdir()
    (top / "data-more" / "x").write_bytes(b"not for you")
    root = top / "data"
    for name in ("sub", ".hidden", "v2.zarr"):
        (root / name).mkdir(parents=True)
    (root / "data.bin").write_bytes(DATA)
    (root / "empty").write_bytes(b"")
    for name in (".env", ".hidden/x", "sub/.git"):
        (root / name).write_bytes(b"not for you")
    (root / "sub" / "ä b%2F?#+.bin").write_bytes(b"named")
    (root / "sub" / os.fsdecode(b"\xff.bin")).write_bytes(b"bytes")
    (root / "v2.zarr" / ".zgroup").write_bytes(b"{}")
    (root / "inside").symlink_to("data.bin")
    (root / "out").symlink_to("../secret.txt")
    (root / "outdir").symlink_to(top)
    (root / "dots").symlink_to(".env")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    return root


@pytest.fixture(scope="module")
def ask(folder: Path) -> Iterator[Ask]:
    with ExitStack() as stack:
        yield asking(stack.enter_context(serving(str(folder))), stack)


def test_an_object_with_its_headers_over_one_connection(ask: Ask) -> None:
    whole, head = ask("/data.bin"), ask("/data.bin", "HEAD")
    assert (whole.status, whole.body) == (200, DATA) and (head.status, head.body) == (200, b"")
    for answer in (whole, head):
        assert answer["Content-Length"] == str(len(DATA)) and answer["Accept-Ranges"] == "bytes"
        assert answer["X-Content-Type-Options"] == "nosniff" and answer["Connection"] is None
        assert answer["Access-Control-Allow-Origin"] is None
    assert whole["ETag"] == head["ETag"] is not None
    empty = ask("/empty")
    assert (empty.status, empty.body, empty["Content-Length"]) == (200, b"", "0")
    assert ask("/empty", Range="bytes=0-").status == 416


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, 60_000), last=st.none() | st.integers(0, 60_000), suffix=st.booleans())
def test_ranges_are_the_bytes(ask: Ask, first: int, last: int | None, suffix: bool) -> None:
    text = f"bytes=-{first}" if suffix else f"bytes={first}-{'' if last is None else last}"
    if suffix:
        start, stop = max(0, len(DATA) - first), len(DATA)
    else:
        start, stop = first, len(DATA) if last is None else min(len(DATA), last + 1)
    answer = ask("/data.bin", Range=text)
    if not suffix and last is not None and last < first:  # no range at all
        assert (answer.status, answer.body) == (200, DATA)
    elif start < stop:
        assert (answer.status, answer.body) == (206, DATA[start:stop])
        assert answer["Content-Range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
    else:
        assert (answer.status, answer["Content-Range"]) == (416, f"bytes */{len(DATA)}")


@pytest.mark.parametrize("text", ["bytes=0-1,4-5", "lines=0-1", "bytes=", "bytes=a-b", "bytes=-", "0-1"])
def test_what_is_no_single_range_is_the_whole(ask: Ask, text: str) -> None:
    assert ask("/data.bin", Range=text).body == DATA


def test_conditions(ask: Ask) -> None:
    tag = ask("/data.bin", "HEAD")["ETag"] or ""
    for given_, status in [
        ({"If_Match": tag}, 200),
        ({"If_Match": f'"other", {tag}'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": '"other"'}, 412),
        ({"If_Match": f"W/{tag}"}, 412),
        ({"If_None_Match": tag}, 304),
        ({"If_None_Match": f"W/{tag}"}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"other"'}, 200),
        ({"If_Match": tag, "Range": "bytes=0-9"}, 206),
        ({"If_Match": '"other"', "Range": "bytes=0-9"}, 412),
        ({"If_Range": tag, "Range": "bytes=0-9"}, 206),
        ({"If_Range": '"other"', "Range": "bytes=0-9"}, 200),
    ]:
        answer = ask("/data.bin", **given_)
        assert answer.status == status, given_
        assert answer["ETag"] == tag
        assert answer.body == {200: DATA, 206: DATA[:10]}.get(status, b"")


@pytest.mark.parametrize(
    "path",
    ["/", "/sub", "/sub/", "/nothing", "/../secret.txt", "/%2e%2e/secret.txt", "/sub/..%2f..%2fsecret.txt"]
    + ["/sub/%2e%2e/data.bin", "/..%2fdata-more/x", "/./data.bin", "/%2e/data.bin", "/sub//x", "//data.bin/"]
    + ["/.env", "/%2eenv", "/.hidden/x", "/sub/.git", "/out", "/outdir/secret.txt", "/outdir/data-more/x"]
    + ["/dots", "/loop", "/pipe", "/data.bin%00", "/data.bin/", "/data.bin/x", "/" + "a" * 300, "/.."]
    + ["/" + "a/" * 3000 + "x", "/%2fetc/passwd", "http://127.0.0.1/../secret.txt", "/.zgroup/x", "*"],
)
def test_what_is_not_there_to_see(ask: Ask, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = ask(path, method)
        assert answer.status == 404 and b"not for you" not in answer.body
        assert answer["Connection"] is None  # a chunk that was never written is no reason to hang up


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/inside", DATA),
        ("/data.bin?a=../b#c", DATA),
        ("http://localhost/data.bin", DATA),
        ("/sub/%C3%A4%20b%252F%3F%23+.bin", b"named"),
        ("/sub/%ff.bin", b"bytes"),
        ("/v2.zarr/.zgroup", b"{}"),
    ],
)
def test_names_are_decoded_once(ask: Ask, path: str, body: bytes) -> None:
    answer = ask(path)
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND"])
def test_it_is_read_only(ask: Ask, method: str) -> None:
    answer = ask("/data.bin", method)
    assert (answer.status, answer["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_page_may_not_call_itself_this_machine(ask: Ask) -> None:
    """A name of somebody's that leads to the loopback address is not answered."""
    for host in ("evil.example.org", "127.0.0.1.example.org", "localhost.example.org:80", "10.0.0.1", ""):
        assert ask("/data.bin", Host=host).status == 421, host
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]:80", "a.localhost"):
        assert ask("/data.bin", Host=host).status == 200, host


def test_origins(folder: Path) -> None:
    with ExitStack() as stack:
        ask = asking(stack.enter_context(serving(str(folder), (PAGE + "/", "http://localhost:3000"))), stack)
        for path, method, more in [
            ("/data.bin", "GET", {"Range": "bytes=0-3"}),
            ("/data.bin", "HEAD", {}),
            ("/nothing", "GET", {}),
            ("/data.bin", "GET", {"Range": "bytes=99999-"}),
            ("/data.bin", "OPTIONS", {"Access-Control-Request-Method": "GET"}),
        ]:
            allowed = ask(path, method, Origin=PAGE, **more)
            assert allowed["Access-Control-Allow-Origin"] == PAGE and allowed["Vary"] == "Origin"
            exposed = allowed["Access-Control-Expose-Headers"]
            assert exposed == "Content-Range, ETag, Content-Length, Accept-Ranges"
            for origin in (PAGE + ".evil.org", "http://viewer.example.org", "null", PAGE + ":8443"):
                refused = ask(path, method, Origin=origin, **more)
                assert not [name for name in refused.headers if name.startswith("Access-Control")]
                assert refused["Vary"] == "Origin"
        asked = {"Origin": PAGE, "Access-Control-Request-Private-Network": "true"}
        preflight = ask("/data.bin", "OPTIONS", **asked)
        assert (preflight.status, preflight.body) == (204, b"")
        assert preflight["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        assert "Range" in (preflight["Access-Control-Allow-Headers"] or "").split(", ")
        assert preflight["Access-Control-Allow-Private-Network"] == "true"
        every = asking(stack.enter_context(serving(str(folder), ("*",))), stack)
        assert every("/data.bin", Origin="https://a.example")["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("origin", ["viewer.example.org", "https://a.b/path", "null", "", "https://", "a b"])
def test_what_is_no_origin(folder: Path, origin: str) -> None:
    with pytest.raises(UsageError, match="is no origin"), serving(str(folder), (origin,)):
        pass


def test_odd_requests_do_not_end_it(folder: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(serving(str(folder)))
        for sent, said in [
            (b"GET\r\n\r\n", b"Bad request "),
            (b"GET / HTTP/9.9\r\n\r\n", b"Invalid HTTP version "),
            (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414 "),
            (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431 "),
            (b"GET /empty HTTP/1.0\r\n\r\n", b"200 "),
            (b"GET /empty HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET ", b"200 "),
            (b"\xff\xfe\r\n\r\n", b"Bad request "),
        ]:
            with socket.create_connection(server.server_address[:2], timeout=20) as line:
                line.sendall(sent)
                got = b"".join(iter(lambda line=line: line.recv(65536), b""))  # the server hangs up
            assert said in got.partition(b"\r\n")[0] + b" " and b"<" not in got, sent[:40]
        assert asking(server, stack)("/data.bin").body == DATA


def test_large_objects_come_in_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "PIECE", 1000)
    with ExitStack() as stack:
        ask = asking(stack.enter_context(serving(str(folder))), stack)
        assert ask("/data.bin").body == DATA
        assert ask("/data.bin", Range="bytes=1-48999").body == DATA[1:49_000]


def test_too_many_connections_are_told_so(folder: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(serving(str(folder)))
        while server._free.acquire(blocking=False):
            pass
        assert asking(server, stack)("/data.bin").status == 503
        server._free.release()
        assert asking(server, stack)("/data.bin").status == 200


def test_objects_of_a_prefix(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rules, "PIECE", 8000)
    for key in ("up/data.bin", "up/v2.zarr/.zgroup", "up/ä b%2F+?.bin"):
        server.put("serving", key, DATA)
    server.put("serving", "secret", b"not for you")
    server.put("serving", "up/.env", b"not for you")
    with ExitStack() as stack:
        serves = stack.enter_context(serving("s3://serving/up"))
        serves.served.require()
        ask = asking(serves, stack)
        for path in ("/data.bin", "/v2.zarr/.zgroup", "/%C3%A4%20b%252F%2B%3F.bin"):
            assert ask(path).body == ask(path).body == DATA
        head = ask("/data.bin", "HEAD")
        assert (head["Content-Length"], head["ETag"]) == (str(len(DATA)), ask("/data.bin")["ETag"])
        for path in (
            "/../secret",
            "/%2e%2e/secret",
            "/.env",
            "/",
            "/v2.zarr",
            "/v2.zarr/",
            "/nothing",
            "/%ff",
        ):
            assert ask(path).status == 404, path
        before = serves.served._session.trace.total
        assert ask("/chunk").status == ask("/chunk", Range="bytes=-9").status == 404
        assert serves.served._session.trace.total == before + 2  # a request each
        assert ask("/data.bin", Range="bytes=17-40000").body == DATA[17:40_001]
        assert ask("/data.bin", Range="bytes=-5").body == DATA[-5:]
        server.put("serving", "up/data.bin", b"another one")  # which ranges must not mix with the first
        answer = ask("/data.bin", Range="bytes=2-4")
        assert (answer.status, answer.body) == (206, b"oth")
        assert answer["Content-Range"] == "bytes 2-4/11"
        assert ask("/data.bin", If_None_Match=answer["ETag"] or "").status == 304


def test_what_cannot_be_served(folder: Path, server: S3Server, monkeypatch: Any) -> None:
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    server.put("serving", "here", b"")
    with Session(Settings(no_cache=True)) as session:
        for place, cause in [
            (str(folder / "data.bin"), "not a folder"),
            (str(folder / "nothing"), "no such folder"),
            ("s3://serving/nothing", "nothing is below this prefix"),
            ("s3://no-such-bucket-at-all/", "bucket"),
        ]:
            with pytest.raises(NotFoundError, match=cause):
                Served(session, parse_location(place)).require()
        for place in ("s3://", "https://example.org/data/"):
            with pytest.raises(UsageError, match="can be served"):
                Served(session, parse_location(place))
        one = Server(Served(session, parse_location(str(folder))), "127.0.0.1", 0)
        with closing(socket.socket()), pytest.raises(UsageError, match=r"port \d+ of 127\.0\.0\.1 is in use"):
            Server(one.served, "127.0.0.1", one.server_address[1])
        one.server_close()
        with pytest.raises(UsageError, match="is no address of this machine"):
            Server(one.served, "192.0.2.7", 0)


def test_hdf5_is_read_through_it(tmp_path: Path) -> None:
    h5files.make("nexus", tmp_path)
    (name,) = (path.name for path in tmp_path.iterdir())
    with serving(str(tmp_path)) as server:
        found, there = (
            run("tree", where, "-r", "--json").json for where in (server.url + name, tmp_path / name)
        )
        assert found["children"] == there["children"] and found["num_children"] > 0
        values = run("get", server.url + name, "/entry/data/counts", "-o", "-", "--format", "csv")
        assert values == run("get", str(tmp_path / name), "/entry/data/counts", "-o", "-", "--format", "csv")


def test_zarr_is_read_through_it(tmp_path: Path) -> None:
    """By zarr-python, over fsspec's HTTP file system: chunks that are there and chunks that are not."""
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("aiohttp")
    values = np.arange(3000, dtype="<i4").reshape(30, 100)
    for version in (2, 3):
        group = zarr.create_group(tmp_path / f"v{version}.zarr", zarr_format=version)
        array = group.create_array("a", shape=(60, 100), chunks=(10, 50), dtype="<i4", fill_value=7)
        array[:30] = values
        sharded = {} if version == 2 else {"shards": (30, 100)}
        group.create_array("b", data=values, chunks=(10, 50), **sharded)
    with serving(str(tmp_path)) as server:
        for version in (2, 3):
            store = zarr.open_group(f"{server.url}v{version}.zarr", mode="r", zarr_format=version)
            assert (store["a"][:30] == values).all() and (store["a"][30:] == 7).all()
            assert (store["b"][12:13, 30:60] == values[12:13, 30:60]).all()
