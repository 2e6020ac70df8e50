"""What `bench` finds out about a server, and what it makes of one that fails."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import UNSET

from h5s3.errors import ChangedError, NetworkError, NotFoundError
from h5s3.explore.bench.bench import bench
from h5s3.explore.session import Session
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support.bench import BUCKET, DATA, FEW, KEY, KIB, THERE, by_name, one, ranged, reads
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.wire import Seen

# What is found out about the server


def test_what_the_servers_do(session: Session, server: S3Server) -> None:
    checks = by_name(bench(session, THERE, **FEW))
    assert list(checks) == [
        "range",
        "bytes",
        "suffix range",
        "range past the end",
        "If-Match",
        "ETag",
        "content-encoding",
        "keep-alive",
        "drops",
    ]
    bad = {name for name, check in checks.items() if not check.ok}
    if server.name == "rclone":
        assert "answers 200 with a right Content-Range" in checks["range"].detail
        assert bad == {"If-Match"}
    elif server.name == "moto":
        assert "answers 206" in checks["range"].detail
        assert bad == set()
    assert all("h5s3" in check.detail and "\n" not in check.detail for check in checks.values())


def test_a_server_that_ignores_range_is_found_out(session: Session, proxy: Proxy) -> None:
    proxy.fault("ignore_range", when=lambda seen: seen.method == "GET")
    document = bench(session, THERE, **FEW)
    checks = by_name(document)
    assert not checks["range"].ok and "ignores Range" in checks["range"].detail
    assert not checks["suffix range"].ok and not checks["range past the end"].ok
    assert "bytes" not in checks and "keep-alive" not in checks  # nothing can be said
    assert reads(document) == []
    assert any("does not honour Range" in warning for warning in document.warnings)
    assert session.trace.received < 64 * KIB  # whole objects are announced, and not taken


FAULTS: dict[str, tuple[str, str]] = {
    "wrong_content_range": ("range", "another range"),
    "short_length": ("range", "contradicts"),
    "weak_etag": ("ETag", "weak"),
    "no_etag": ("ETag", "none"),
    "close": ("keep-alive", "closes the connection"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_is_told(session: Session, proxy: Proxy, kind: str) -> None:
    proxy.fault(kind, when=lambda seen: seen.method == "GET")
    document = bench(session, THERE, **FEW)
    name, words = FAULTS[kind]
    found = by_name(document)[name]
    assert not found.ok
    assert words in found.detail
    assert bool(reads(document)) == (name != "range")


def test_bytes_that_differ_are_told(session: Session, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends the right headers and the bytes of another place."""
    shifted = _rotating(proxy)
    monkeypatch.setattr(type(proxy), "_send", shifted)
    checks = by_name(bench(session, THERE, sizes=[KIB], count=3, concurrency=[1]))
    assert checks["range"].ok
    assert not checks["bytes"].ok and "trust nothing" in checks["bytes"].detail


def _rotating(proxy: Proxy) -> Callable[..., None]:
    send, count = type(proxy)._send, [0]

    def shifted(self: Proxy, sock: Any, seen: Seen, answer: Any, *more: Any) -> None:
        count[0] += 1
        if seen.range and answer.body:
            turn = count[0] % 100 + 1
            answer.body = answer.body[turn:] + answer.body[:turn]
        send(self, sock, seen, answer, *more)

    return shifted


def test_a_multipart_etag(session: Session, proxy: Proxy) -> None:
    proxy.fault("drop_if_match")
    proxy.fault("wrong_etag", etag='"0123456789abcdef0123456789abcdef-17"')
    check = by_name(bench(session, THERE, sizes=[KIB], count=3, concurrency=[1]))["ETag"]
    assert check.ok and "17 parts" in check.detail


# What goes wrong on the way


def test_failing_reads_are_counted_and_not_timed(session: Session, proxy: Proxy) -> None:
    proxy.fault("status", when=ranged, times=2)
    document = bench(session, THERE, sizes=[4 * KIB], count=6, concurrency=[4])
    first = one(document, 4 * KIB, pattern="first")
    assert (first.errors, first.retries) == (1, 1)  # the warm-up, and that again
    assert sum(samples.errors for samples in reads(document)) == 1
    assert all(len(samples.seconds) == 6 for samples in reads(document))
    assert [(failure.retried, failure.started < 0) for failure in first.failures] == [
        (True, True),
        (False, True),
    ]
    assert any(
        warning.startswith("1 of 7 failed, 1 sent again, first GET of 4 KiB") and "503" in warning
        for warning in document.warnings
    )
    assert session.trace.retries == 1
    drops = by_name(document)["drops"]
    assert not drops.ok and drops.detail.startswith(f"2 of {proxy.count()} requests")


@pytest.mark.parametrize(
    "kind", ["wrong_content_range", "ignore_range", "short_body", "short_length", "reset"]
)
def test_wrong_answers_are_never_samples(session: Session, proxy: Proxy, kind: str) -> None:
    proxy.fault(kind, when=lambda seen: ranged(seen) and seen.range[1] - seen.range[0] == 256 * KIB)
    document = bench(session, THERE, **FEW)
    for samples in reads(document):
        assert bool(samples.errors) == (samples.size == 256 * KIB)
        assert bool(samples.seconds) == (samples.size == 4 * KIB)
    assert any("given up" in warning for warning in document.warnings)
    given = [s for s in reads(document) if s.errors]
    assert [s.errors for s in given] == [3]  # and no more was tried
    again = kind in ("short_body", "reset")  # others would be no better the second time
    assert [s.retries for s in given] == [3 * again]


def test_a_refused_list_or_head_is_left_out(session: Session, proxy: Proxy) -> None:
    proxy.fault("status", when=lambda seen: "list-type" in seen.query, status=403)
    document = bench(session, THERE, sizes=[KIB], count=3, concurrency=[1])
    assert "LIST" not in {samples.operation for samples in document.samples}
    assert any(warning.startswith("LIST is not measured: access denied") for warning in document.warnings)


def test_an_object_that_changes(session: Session, server: S3Server, proxy: Proxy) -> None:
    other = random.Random(2).randbytes(len(DATA) - 1)
    proxy.fault("call", when=ranged, times=1, fn=lambda seen: server.put(BUCKET, KEY, other))
    with pytest.raises(ChangedError):
        bench(session, THERE, **FEW)


def test_nobody_there_is_said_at_once(session: Session, proxy: Proxy) -> None:
    proxy.close()
    with pytest.raises(NetworkError, match="cannot connect"):
        bench(session, THERE, **FEW)
    assert session.trace.retries == session.trace.total == 0  # a second try would wait


def test_missing_objects_and_buckets(session: Session) -> None:
    for bucket, words in ((BUCKET, "no such object"), ("bench-not-there", "no such bucket")):
        with pytest.raises(NotFoundError, match=words):
            bench(session, Location("s3", "nothing", bucket), **FEW)


@pytest.mark.slow
def test_a_hanging_server_meets_the_timeout(settings: Settings, proxy: Proxy) -> None:
    proxy.fault("hang", when=ranged, seconds=30)
    with Session(replace(settings, timeout=1.0)) as session, pytest.raises(NetworkError, match="within 1 s"):
        bench(session, THERE, **FEW)


def test_a_slow_start_is_told(session: Session, proxy: Proxy) -> None:
    proxy.fault("hang", when=ranged, seconds=0.4, times=1)
    document = bench(session, THERE, sizes=[4 * KIB], count=6, concurrency=[1])
    samples = one(document, 4 * KIB, pattern="first")
    assert samples.warm_up_seconds is not UNSET and samples.warm_up_seconds > 0.4
    assert any(warning.startswith("first GET of 4 KiB: ") for warning in document.warnings)
