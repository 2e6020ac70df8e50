"""Every fault of the wire, met by whole commands: the right answer or one clear line, never a wrong value.

After each, with the fault gone and the cache as it was left, the same command says the truth.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import h5s3
from h5s3.cache import Cache
from h5s3.formats.hdf5.fetch.blocks import BLOCK
from h5s3.storage.http import client as http
from tests.support.cli import Result
from tests.support.reference.walks import BUCKET, Walks, assert_cache_is_right, scattered_walks, told
from tests.support.scattered import scattered
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry, reach
from tests.support.servers.wire import Seen

XML = b"<?xml version='1.0'?><Error><Code>%s</Code><Message>no</Message>%s</Error>"
EVIL = b"<Endpoint>127.0.0.1:9</Endpoint><Bucket>walks</Bucket>"
RIGHT, ACCESS, NETWORK, DAMAGED, CHANGED = 0, 4, 5, 6, 7


@dataclass
class Case:
    """A fault; how a walk ends that meets it at every range but the first, and at the first alone."""

    kind: str
    args: dict[str, Any] = field(default_factory=dict)
    later: int = NETWORK
    first: int | None = None  # as `later`
    passing: bool = False  # met once, it is made up for

    def __str__(self) -> str:
        return "-".join([self.kind, *(ascii(value)[:24] for value in self.args.values())])


def header(name: str, value: str | None, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, **more}


CASES = [
    Case("status", {"status": 500, "body": XML % (b"InternalError", b"")}, passing=True),
    Case("status", {"status": 502, "body": b"<html>bad gateway"}, passing=True),
    Case("status", {"status": 503, "body": XML % (b"SlowDown", b"")}, passing=True),
    Case("status", {"status": 504}, passing=True),
    Case("reset", passing=True),
    Case("reset_mid_body", passing=True),
    Case("short_body", passing=True),
    Case("garbage", passing=True),
    Case("flood", passing=True),
    Case("flood", {"raw": b"", "filler": b"z" * 1000}, passing=True),
    Case("flood", {"raw": b"", "filler": b"HTTP/1.1 100 Continue\r\n\r\n"}),
    Case("short_length"),
    Case("ignore_range", later=RIGHT),
    Case("status_200_for_206", later=RIGHT),
    Case("wrong_content_range"),
    Case("wrong_content_range", {"value": "bytes 0-262143/300000"}),
    Case("wrong_content_range", {"value": "bytes 0-262143/3000000"}, first=CHANGED),
    Case("wrong_content_range", {"value": "bytes 7-3/x"}),
    Case("wrong_etag", later=CHANGED),
    Case("no_etag", first=RIGHT),
    Case("weak_etag", first=RIGHT),
    Case("header", header("ETag", '"a\x1b[31m\x00\x85b"'), first=RIGHT),
    Case("header", header("ETag", '"' + "e" * 60_000 + '"'), first=RIGHT),
    Case("header", header("ETag", '"other"', again=True), first=RIGHT),
    Case("header", header("Last-Modified", "the day before \xff yesterday"), later=RIGHT),
    Case("header", header("Date", "-1"), later=RIGHT),
    Case("header", header("Content-Length", "abc")),
    Case("header", header("Content-Length", "-5")),
    Case("header", header("Content-Length", "9" * 40)),
    Case("header", header("Content-Length", "0")),
    Case("header", header("Content-Length", "5, 6")),
    Case("header", header("Content-Length", "7", again=True), passing=True),
    Case("header", header("Content-Range", "bytes 0-5/6", again=True)),
    Case("header", header("Content-Encoding", "gzip"), later=RIGHT),
    Case("header", header("Transfer-Encoding", "chunked"), passing=True),
    Case("header", header("X-Long", "v" * 70_000), passing=True),
    Case("header", header("X-Many", "\r\nX-Many: ".join("v" * 3000)), passing=True),
    Case("header", header("X-Odd", "a\rb\nc\x00\xff")),  # hides the Content-Length that comes after it
    Case("endless_body", passing=True),
    Case("endless_body", {"limit": 5}, passing=True),
    Case("endless_body", {"limit": 0}, later=RIGHT),
    Case("endless_body", {"chunked": True, "filler": b"z" * 1000}, passing=True),
    Case("endless_body", {"chunked": True, "filler": b"z" * 5, "limit": 10}, passing=True),
    Case("endless_body", {"length": 1 << 40}),
    Case("body", {"body": b"<html>log in</html>", "status": 200}),
    Case("status", {"status": 400, "body": XML % (b"ExpiredToken", b"")}, later=ACCESS),
    Case("status", {"status": 403, "body": XML % (b"ExpiredToken", b"")}, later=ACCESS),
    Case("status", {"status": 403, "body": XML % (b"AccessDenied", b"")}, later=ACCESS),
    Case("status", {"status": 401}, later=ACCESS),
    Case("status", {"status": 412}, later=CHANGED),
    Case("status", {"status": 301, "body": XML % (b"PermanentRedirect", EVIL)}),
    Case("status", {"status": 301, "headers": {"x-amz-bucket-region": "evil.example/"}}),
    *(Case("redirect", {"location": "http://127.0.0.1:9/x", "status": status}) for status in (302, 308)),
]
turns = itertools.cycle(["tree", "meta", "preview"])
TURNS = {str(case): (next(turns), next(turns)) for case in CASES}


@pytest.fixture
def walks(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Walks, Proxy]]:
    """Walks through a proxy; retries come at once, and ends are waited for for a short time."""
    hurry(monkeypatch)
    monkeypatch.setattr(http, "END_SECONDS", 0.5)
    with Proxy(rclone) as proxy:
        yield scattered_walks(rclone, proxy.url), proxy


def first(seen: Seen) -> bool:
    return seen.range is not None and seen.range[0] == 0


def later(seen: Seen) -> bool:
    return seen.range is not None and seen.range[0] > 0


def ends(result: Result, code: int, walks: Walks, command: str) -> None:
    """With the truth, or with one line that names the place."""
    assert result.code == code, result
    if code == RIGHT:
        assert result.err == "" and walks.right(command, result)
    else:
        line = result.failed(code)
        assert walks.key in line and "Traceback" not in line and "X-Amz" not in line


def each_case_in_one_place() -> Iterator[Any]:
    """One case of each kind and end behind S3 or a URL in turn; the others where time does not matter.

    A store meets all of them in tests/storage/test_faults.py.
    """
    met = set()
    for number, case in enumerate(CASES):
        alike = (case.kind, case.later, case.first, case.passing)
        for place in ("s3", "web"):
            slow = alike in met or number % 2 == (place == "s3")
            marks = [pytest.mark.slow] if slow else []
            yield pytest.param(case, place, slow, id=f"{case}-{place}", marks=marks)
        met.add(alike)


@pytest.mark.parametrize(("case", "place", "all_of_it"), list(each_case_in_one_place()))
def test_a_fault(
    walks: tuple[Walks, Proxy],
    case: Case,
    place: str,
    all_of_it: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walk, proxy = walks
    command = TURNS[str(case)][place == "web"]
    moved = place == "web" and case.kind == "redirect"  # a URL may lead elsewhere, where nobody listens
    meets = {later: case.later}
    if all_of_it or case.first is not None:
        meets[first] = case.later if case.first is None else case.first
    for when, code in meets.items():
        monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path / when.__name__))
        proxy.clear()
        fault = proxy.fault(case.kind, when=when, **case.args)
        ends(walk.ask(command, place), code if not moved else NETWORK, walk, command)
        assert fault.hits, "the walk did not meet the fault"
        assert_cache_is_right([walk.data])
        proxy.clear()
        if when is later:
            proxy.fault(case.kind, when=when, times=1, **case.args)
            once = walk.ask(command, place, "--refresh")
            ends(once, RIGHT if case.passing else once.code, walk, command)
            assert once.code in (RIGHT, code)
            assert_cache_is_right([walk.data])
            proxy.clear()
        ends(walk.ask(command, place), RIGHT, walk, command)
    assert_cache_is_right([walk.data])


@pytest.mark.parametrize(
    ("place", "blind"),
    [
        pytest.param("s3", False, id="s3-If-Match"),
        pytest.param("web", True, id="web-ETag alone"),
        pytest.param("s3", True, id="s3-ETag alone", marks=pytest.mark.slow),
        pytest.param("web", False, id="web-If-Match", marks=pytest.mark.slow),
    ],
)
def test_an_object_replaced_between_two_ranges(
    rclone: S3Server,
    walks: tuple[Walks, Proxy],
    place: str,
    blind: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walk, proxy = walks
    other = scattered("other")
    for command in ("tree", "meta", "preview"):
        rclone.put(BUCKET, walk.key, walk.data)
        monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path / command))
        assert walk.right(command, walk.ask(command, place, "--no-cache"))
        if blind:
            proxy.fault("drop_if_match")

        def replace(seen: Seen) -> None:
            rclone.put(BUCKET, walk.key, other)

        proxy.fault("call", fn=replace, when=later, times=1)
        result = walk.ask(command, place)
        assert result.code == CHANGED and "changed while it was being read" in result.failed(CHANGED)
        assert_cache_is_right([walk.data, other])
        proxy.clear()
        now = walk.ask("tree", place)
        assert told(now)["children"][0]["name"] == "other 0"
        assert assert_cache_is_right([walk.data, other]) > 0


def test_a_hang_ends_with_the_time_that_was_given(walks: tuple[Walks, Proxy]) -> None:
    walk, proxy = walks
    for command, place in (("tree", "s3"), ("meta", "web")):
        proxy.fault("hang", seconds=20, when=later)
        line = walk.ask(command, place, "--timeout", "0.8").failed(NETWORK)
        assert "--timeout" in line
        assert_cache_is_right([walk.data])
        proxy.clear()
        ends(walk.ask(command, place), RIGHT, walk, command)


ODD: list[tuple[str, dict[str, Any]]] = [
    ("header", header("Content-Length", "abc")),
    ("header", header("Content-Length", "-5")),
    ("header", header("Last-Modified", "yesterday \xff\x1b[31m")),
    ("header", header("ETag", '"a\x1b[31m\x00\x85b"')),
    ("header", header("ETag", None)),
    ("header", header("x-amz-request-id", "\x1b[31m\xff" * 1000)),
    ("header", header("x-amz-version-id", "\x1b[31m\xff" * 100)),
    ("status", {"status": 403}),
    ("status", {"status": 400, "headers": {"x-amz-bucket-region": "evil@example.com#"}}),
]
LYING: list[tuple[str, dict[str, Any], int]] = [
    ("short_length", {}, CHANGED),
    ("header", header("Content-Length", "0"), CHANGED),
    ("header", header("Content-Length", "3000"), CHANGED),
    ("header", header("Content-Length", "9" * 30), RIGHT),  # no size: the first bytes are asked for
    ("header", header("Content-Length", "5, 6"), NETWORK),
    ("header", header("X-Many", "\r\nX-Many: ".join("v" * 3000)), NETWORK),
    ("wrong_etag", {}, CHANGED),
    ("flood", {}, NETWORK),
    ("flood", {"raw": b"", "filler": b"HTTP/1.1 100 Continue\r\n\r\n"}, NETWORK),
    ("flood", {"raw": b"HTTP/1.1 503 Slow\r\n\r\n", "filler": b"z" * 1000}, NETWORK),
    ("redirect", {"location": "http://127.0.0.1:9/x", "status": 301}, NETWORK),
    ("status", {"status": 301, "headers": {"x-amz-bucket-region": "evil.example/"}}, NETWORK),
    ("status", {"status": 503}, NETWORK),
    ("reset", {}, NETWORK),
]


def is_head(seen: Seen) -> bool:
    return seen.method == "HEAD"


def thinned(cases: list[Any]) -> list[Any]:
    """The first case of each kind and end; the others where time does not matter."""
    met = [(case[0], *case[2:]) for case in cases]
    seldom = [alike in met[:number] for number, alike in enumerate(met)]
    return [
        pytest.param(*case, marks=[pytest.mark.slow] * slow) for case, slow in zip(cases, seldom, strict=True)
    ]


@pytest.mark.parametrize(("kind", "args"), thinned(ODD), ids=ascii)
def test_a_head_that_says_nothing_is_made_up_for(
    walks: tuple[Walks, Proxy], kind: str, args: dict[str, Any]
) -> None:
    walk, proxy = walks
    assert walk.ask("meta", "s3").code == 0
    fault = proxy.fault(kind, when=is_head, **args)
    ends(walk.ask("tree", "s3", "--refresh"), RIGHT, walk, "tree")
    assert fault.hits
    assert_cache_is_right([walk.data])


@pytest.mark.parametrize(("kind", "args", "code"), thinned(LYING), ids=ascii)
def test_a_head_that_lies_harms_nothing(
    walks: tuple[Walks, Proxy], kind: str, args: dict[str, Any], code: int
) -> None:
    walk, proxy = walks
    assert walk.ask("meta", "s3").code == 0
    fault = proxy.fault(kind, when=is_head, **args)
    ends(walk.ask("tree", "s3", "--refresh"), code, walk, "tree")
    assert fault.hits
    assert_cache_is_right([walk.data])
    proxy.clear()
    ends(walk.ask("tree", "s3"), RIGHT, walk, "tree")


def test_a_lie_that_was_remembered_is_found_out(walks: tuple[Walks, Proxy]) -> None:
    walk, proxy = walks
    assert walk.ask("meta", "s3").code == 0
    proxy.fault("header", when=is_head, times=1, **header("Content-Length", "0"))
    assert walk.ask("tree", "s3", "--refresh").code == CHANGED
    proxy.fault("wrong_content_range", when=first, times=1, value="bytes 0-262143/300000")
    assert walk.ask("tree", "s3", "--refresh").code in (RIGHT, CHANGED)
    ends(walk.ask("tree", "s3"), RIGHT, walk, "tree")


@pytest.mark.parametrize("command", ["tree", "meta", "preview"])
def test_a_cache_that_was_given_zeros_heals(
    walks: tuple[Walks, Proxy], command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that once sent zeros under the right headers, and is honest from then on."""
    walk, proxy = walks
    monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path / command))
    fault = proxy.fault("zeros", when=later)
    assert walk.ask(command, "s3").code == DAMAGED
    assert fault.hits
    with pytest.raises(AssertionError, match="no content has"):
        assert_cache_is_right([walk.data])
    proxy.clear()
    assert walk.ask(command, "s3", "--offline").code == DAMAGED
    ends(walk.ask(command, "s3"), RIGHT, walk, command)
    ends(walk.ask(command, "s3", "--offline"), RIGHT, walk, command)
    assert_cache_is_right([walk.data])


def test_python_reads_a_file_whose_cache_was_given_zeros(
    walks: tuple[Walks, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, _ = walks
    reach(walk.server, monkeypatch)
    where = walk.locations["s3"]
    assert walk.ask("meta", "s3").code == 0
    cache = Cache()
    poisoned = {key: bytes(BLOCK) for key in cache._opened() or () if key.startswith("block:")}
    cache.set_many(poisoned, "block")
    cache.close()
    with h5s3.open(where) as file:
        assert len(file) == 60
    with h5s3.open(where, offline=True):
        pass


def test_what_is_damaged_is_fetched_anew_once(rclone: S3Server, walks: tuple[Walks, Proxy]) -> None:
    walk, proxy = walks
    rclone.put(BUCKET, walk.key, walk.data[:300_000])
    counts = []
    for _ in range(3):
        proxy.reset()
        assert "truncated" in walk.ask("tree", "s3").failed(6)
        counts.append(proxy.count("GET"))
    assert counts[1] == counts[2] <= counts[0] + 2


def test_an_answer_that_goes_on_is_told_as_such(walks: tuple[Walks, Proxy]) -> None:
    walk, proxy = walks
    for args, place in (({"limit": 5}, "s3"), ({"chunked": True, "filler": b"z" * 5, "limit": 10}, "web")):
        for when in (first, later):
            proxy.clear()
            fault = proxy.fault("endless_body", when=when, **args)
            line = walk.ask("meta", place, "--refresh", "--no-cache").failed(NETWORK)
            assert "more bytes than it announces" in line and fault.hits >= http.ATTEMPTS
    proxy.clear()
    proxy.fault("ignore_range", when=later)
    proxy.fault("endless_body", when=later, limit=5)
    line = walk.ask("meta", "s3", "--no-cache").failed(NETWORK)
    assert "does not say which bytes" in line


def test_not_modified_is_no_redirect(walks: tuple[Walks, Proxy]) -> None:
    walk, proxy = walks
    for place in ("s3", "web"):
        proxy.clear()
        proxy.fault("status", when=later, status=304)
        assert "answered with status 304" in walk.ask("meta", place, "--no-cache").failed(NETWORK)


def test_what_is_damaged_is_still_called_so(rclone: S3Server, walks: tuple[Walks, Proxy]) -> None:
    walk, _ = walks
    rclone.put(BUCKET, walk.key, walk.data[:300_000])
    for place in ("s3", "web"):
        assert "truncated" in walk.ask("tree", place).failed(6)
