"""What `bench` measures is what happened on the wire, and it never takes more than it said."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import jsonschema
import numpy as np
import pytest
from msgspec import UNSET
from rich.console import Console

from h5s3.errors import ChangedError, DamagedError, NetworkError, NotFoundError, RefusedError, UsageError
from h5s3.explore.bench import bench, planned_cost
from h5s3.explore.bench_plan import Wishes, make_plan
from h5s3.explore.bench_samples import Outcome, advice, percentile, summarize
from h5s3.explore.session import Session
from h5s3.explore.strategies import BLOCKS, COLD, S3FS, WARM, WHOLE
from h5s3.reader.plainwalk import plain_walk
from h5s3.records import Bench, Check, Samples, Strategy, from_json, json_schema, to_json
from h5s3.render.bench import bench_lines
from h5s3.settings import Settings
from h5s3.storage.counted import open_counted
from h5s3.storage.location import Location
from h5s3.storage.probe import Timing
from h5s3.storage.trace import Trace
from tests.support.proxy import Proxy
from tests.support.servers import S3Server, rclone_server
from tests.support.wire import Seen

KIB, MIB = 1024, 1 << 20
DATA = random.Random(1).randbytes(3 * MIB)
BUCKET, KEY = "bench", "folder/a b+c#d%e.bin"
THERE = Location("s3", KEY, BUCKET)
FEW = {"sizes": [4 * KIB, 256 * KIB], "count": 6, "concurrency": [1, 4]}


@pytest.fixture
def settings(server: S3Server, proxy: Proxy) -> Settings:
    """Those of a session that reaches the server through the proxy; the object is there."""
    server.put(BUCKET, KEY, DATA)
    return Settings(
        endpoint_url=proxy.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
    )


@pytest.fixture
def session(settings: Settings) -> Iterator[Session]:
    with Session(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def hdf5(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, int]:
    """A file of 6 MB with objects all over it, and their number."""
    path = tmp_path_factory.mktemp("bench") / "file.h5"
    noise = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for index in range(60):
            group = file.require_group(f"run{index % 6}/scan{index}")
            group["data"] = noise.random(12_000)
            group.attrs["index"] = index
        file["again"] = file["run0/scan0"]
        file["soft"] = h5py.SoftLink("/run1")
        file["external"] = h5py.ExternalLink("other.h5", "/")
        file["type"] = np.dtype("f4")
    return path.read_bytes(), 1 + 6 + 60 + 60 + 1


def by_name(document: Bench) -> dict[str, Check]:
    return {check.name: check for check in document.checks}


def reads(document: Bench) -> list[Samples]:
    return [samples for samples in document.samples if samples.operation.startswith("GET")]


def ranged(seen: Seen) -> bool:
    """A read of a sample, not of a check: a check asks for 64 KiB."""
    return seen.range is not None and seen.range[1] - seen.range[0] in FEW["sizes"]  # type: ignore[operator]


# What is counted


def test_every_request_and_byte_is_counted_and_planned(session: Session, proxy: Proxy) -> None:
    document = bench(session, THERE, **FEW)  # type: ignore[arg-type]
    trace = session.trace
    assert trace.total == proxy.count()
    assert trace.received == proxy.bytes()
    assert trace.retries == 0
    listed = sum("list-type" in seen.query for seen in proxy.requests)
    assert trace.requests == {"GET": proxy.count("GET") - listed, "HEAD": 7, "LIST": listed}
    pages = sum(seen.sent for seen in proxy.requests if "list-type" in seen.query)
    errors = sum(seen.sent for seen in proxy.requests if seen.status >= 300)
    requests, received = planned_cost(session, THERE, object_size=len(DATA), **FEW)  # type: ignore[arg-type]
    assert requests == trace.total
    unused = 64 * KIB if by_name(document)["If-Match"].ok else 0  # it was refused, as it should be
    assert received - unused == trace.received - pages - errors


def test_samples_are_complete_and_summed_up(session: Session) -> None:
    document = bench(session, THERE, **FEW)  # type: ignore[arg-type]
    assert [(s.operation, s.size, s.concurrency) for s in document.samples] == [
        ("connect", 0, 1),
        ("HEAD", 0, 1),
        ("LIST", 0, 1),
        ("GET, new connection", 4 * KIB, 1),
        ("GET", 4 * KIB, 1),
        ("GET", 4 * KIB, 4),
        ("GET", 256 * KIB, 1),
        ("GET", 256 * KIB, 4),
    ]
    for samples in document.samples:
        assert (len(samples.seconds), samples.errors) == (6, 0)
        assert samples.min == min(samples.seconds) and samples.max == max(samples.seconds) == samples.p99
        assert samples.min and samples.p50 and samples.p90 and samples.max
        assert samples.min <= samples.p50 <= samples.p90 <= samples.max
        assert samples.requests_per_second == pytest.approx(6 / samples.wall_seconds, rel=0.01)
        assert (samples.warm_up_seconds is UNSET) == (samples.concurrency > 1)
    for samples in reads(document):
        assert samples.bytes == 6 * samples.size
        assert samples.first_byte_seconds is not UNSET
        assert all(a <= b for a, b in zip(samples.first_byte_seconds, samples.seconds, strict=True))
    assert document.object_size == len(DATA)
    assert document.strategies is UNSET


def test_the_same_places_in_every_run(settings: Settings, proxy: Proxy) -> None:
    seen = []
    for _ in range(2):
        proxy.reset()
        with Session(settings) as session:
            bench(session, THERE, sizes=[4 * KIB], count=5, concurrency=[1])
        seen.append([request.range for request in proxy.requests if ranged(request)])
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 12  # two series of five and a warm-up


def test_connections_are_kept_or_new(session: Session, proxy: Proxy) -> None:
    bench(session, THERE, sizes=[KIB], count=5, concurrency=[1, 3])
    # Of RangeClient 1, probes of connecting 1 + 5, HEAD and LIST 1, checks 1, new ones 6, reads on 3 kept.
    # Reads one at a time go on the last of the new connections.
    assert proxy.connections in range(17, 19)


def test_one_at_a_time_and_many_at_once(session: Session, proxy: Proxy) -> None:
    proxy.delay, proxy.jitter = 0.02, 0.25
    begun = session.trace.rounds
    document = bench(session, THERE, sizes=[4 * KIB], count=8, concurrency=[1, 8])
    alone, together = (s for s in document.samples if s.operation == "GET")
    assert alone.wall_seconds > 8 * 0.02
    assert together.wall_seconds < 4 * 0.02
    connects = 9  # they are waits, though not requests
    assert session.trace.rounds - begun - connects == proxy.rounds()


def test_the_first_byte_takes_the_delay(settings: Settings, proxy: Proxy) -> None:
    firsts = []
    for delay in (0.0, 0.05):
        proxy.delay = delay
        with Session(settings) as session:
            document = bench(session, THERE, sizes=[256 * KIB], count=5, concurrency=[1])
        heads = [s.p50 or 0.0 for s in document.samples if s.operation in ("HEAD", "LIST")]
        firsts.append([s.first_byte_p50 for s in reads(document) if s.first_byte_p50 is not UNSET] + heads)
    for before, after in zip(*firsts, strict=True):
        assert 0.045 < after - before < 0.09


def test_whole_bodies_take_the_bandwidth(session: Session, proxy: Proxy) -> None:
    proxy.bandwidth = 4e6
    document = bench(session, THERE, sizes=[256 * KIB], count=4, concurrency=[1])
    samples = reads(document)[-1]
    assert samples.p50 and samples.first_byte_p50 is not UNSET
    assert samples.p50 > 0.05 > samples.first_byte_p50
    assert samples.bytes_per_second == pytest.approx(4e6, rel=0.25)


# What is found out about the server


def test_what_the_servers_do(session: Session, server: S3Server) -> None:
    checks = by_name(bench(session, THERE, **FEW))  # type: ignore[arg-type]
    assert list(checks) == [
        "range",
        "bytes",
        "suffix range",
        "range past the end",
        "If-Match",
        "ETag",
        "content-encoding",
        "keep-alive",
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
    document = bench(session, THERE, **FEW)  # type: ignore[arg-type]
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
    document = bench(session, THERE, **FEW)  # type: ignore[arg-type]
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

    def shifted(self: Proxy, sock: Any, seen: Seen, answer: Any) -> None:
        count[0] += 1
        if seen.range and answer.body:
            turn = count[0] % 100 + 1
            answer.body = answer.body[turn:] + answer.body[:turn]
        send(self, sock, seen, answer)

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
    fresh, samples = reads(document)
    assert (fresh.errors, samples.errors) == (2, 0)  # one of them is the warm-up
    assert (len(fresh.seconds), len(samples.seconds)) == (5, 6)
    assert any(
        "2 of 7 failed, GET, new connection of 4 KiB" in warning and "503" in warning
        for warning in document.warnings
    )
    assert session.trace.retries == 0


@pytest.mark.parametrize(
    "kind", ["wrong_content_range", "ignore_range", "short_body", "short_length", "reset"]
)
def test_wrong_answers_are_never_samples(session: Session, proxy: Proxy, kind: str) -> None:
    proxy.fault(kind, when=lambda seen: ranged(seen) and seen.range[1] - seen.range[0] == 256 * KIB)  # type: ignore[index]
    document = bench(session, THERE, **FEW)  # type: ignore[arg-type]
    for samples in reads(document):
        assert bool(samples.errors) == (samples.size == 256 * KIB)
        assert bool(samples.seconds) == (samples.size == 4 * KIB)
    assert any("given up" in warning for warning in document.warnings)
    given = [s for s in reads(document) if s.errors]
    assert [s.errors for s in given] == [3]  # and no more was tried


def test_a_refused_list_or_head_is_left_out(session: Session, proxy: Proxy) -> None:
    proxy.fault("status", when=lambda seen: "list-type" in seen.query, status=403)
    document = bench(session, THERE, sizes=[KIB], count=3, concurrency=[1])
    assert "LIST" not in {samples.operation for samples in document.samples}
    assert any(warning.startswith("LIST is not measured: access denied") for warning in document.warnings)


def test_an_object_that_changes(session: Session, server: S3Server, proxy: Proxy) -> None:
    other = random.Random(2).randbytes(len(DATA) - 1)
    proxy.fault("call", when=ranged, times=1, fn=lambda seen: server.put(BUCKET, KEY, other))
    with pytest.raises(ChangedError):
        bench(session, THERE, **FEW)  # type: ignore[arg-type]


def test_nobody_there_is_said_at_once(session: Session, proxy: Proxy) -> None:
    proxy.close()
    begun = time.perf_counter()
    with pytest.raises(NetworkError, match="cannot connect"):
        bench(session, THERE, **FEW)  # type: ignore[arg-type]
    assert time.perf_counter() - begun < 2


def test_missing_objects_and_buckets(session: Session) -> None:
    for bucket, words in ((BUCKET, "no such object"), ("bench-not-there", "no such bucket")):
        with pytest.raises(NotFoundError, match=words):
            bench(session, Location("s3", "nothing", bucket), **FEW)  # type: ignore[arg-type]


def test_a_hanging_server_meets_the_timeout(settings: Settings, proxy: Proxy) -> None:
    proxy.fault("hang", when=ranged, seconds=30)
    begun = time.perf_counter()
    with Session(replace(settings, timeout=1.0)) as session, pytest.raises(NetworkError, match="within 1 s"):
        bench(session, THERE, **FEW)  # type: ignore[arg-type]
    assert time.perf_counter() - begun < 5


def test_a_slow_start_is_told(session: Session, proxy: Proxy) -> None:
    proxy.fault("hang", when=ranged, seconds=0.4, times=1)
    document = bench(session, THERE, sizes=[4 * KIB], count=6, concurrency=[1])
    samples = reads(document)[0]
    assert samples.warm_up_seconds is not UNSET and samples.warm_up_seconds > 0.4
    assert max(samples.seconds) < 0.3
    assert any(
        warning.startswith("the first GET, new connection of 4 KiB took") for warning in document.warnings
    )


# What is asked for


@pytest.mark.parametrize("limit", [64 * KIB, MIB, 5 * MIB])
def test_bytes_are_bounded(settings: Settings, proxy: Proxy, limit: int) -> None:
    with Session(replace(settings, max_bytes=limit)) as session:
        document = bench(session, THERE, sizes=[KIB, 256 * KIB, MIB], count=10, concurrency=[1, 8])
    assert sum(seen.sent for seen in proxy.requests if seen.range and seen.status < 300) <= limit
    assert any("raise --max-bytes" in warning for warning in document.warnings)
    assert all(len(s.seconds) >= max(3, s.concurrency) for s in reads(document))


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_small_objects(session: Session, server: S3Server, size: int) -> None:
    server.put(BUCKET, "small", DATA[:size])
    document = bench(
        session, Location("s3", "small", BUCKET), sizes=[4 * KIB, MIB], count=3, concurrency=[1, 2]
    )
    assert {samples.size for samples in reads(document)} == {size}
    assert all(samples.errors == 0 for samples in document.samples)
    assert any("read whole" in warning for warning in document.warnings)
    assert bool(document.checks) == (size > 1)
    assert all(check.ok for check in document.checks if check.name != "If-Match")


def test_an_empty_object(session: Session, server: S3Server) -> None:
    server.put(BUCKET, "empty", b"")
    document = bench(session, Location("s3", "empty", BUCKET), sizes=[KIB], count=3, concurrency=[1])
    assert [samples.operation for samples in document.samples] == ["connect", "HEAD", "LIST"]


def test_sizes_beyond_the_object_are_left_out(session: Session) -> None:
    document = bench(session, THERE, sizes=[KIB, 4 * MIB], count=3, concurrency=[1])
    assert {samples.size for samples in reads(document)} == {KIB}
    assert "left out, as the object has only 3 MiB: 4 MiB" in document.warnings


@pytest.mark.parametrize("key", ["", "folder/"])
def test_a_bucket_or_prefix(session: Session, proxy: Proxy, key: str) -> None:
    place = Location("s3", key, BUCKET)
    document = bench(session, place, sizes=[KIB], count=3, concurrency=[1])
    assert [samples.operation for samples in document.samples] == ["connect", "LIST"]
    assert (proxy.count(), session.trace.requests) == (4, {"LIST": 4})
    assert document.warnings[0].startswith("no object is named")
    assert planned_cost(session, place, sizes=[KIB], count=3, concurrency=[1]) == (4, 0)


def test_what_cannot_be_measured(session: Session, proxy: Proxy, tmp_path: Path) -> None:
    for place, words in (
        (Location("local", str(tmp_path)), "over a network"),
        (Location("fsspec", "memory://a"), "over a network"),
        (Location("s3", ""), "a bucket or an object"),
    ):
        with pytest.raises(UsageError, match=words):
            bench(session, place, **FEW)  # type: ignore[arg-type]
    for wrong in ({"sizes": []}, {"sizes": [0]}, {"count": 2}, {"concurrency": [0]}, {"concurrency": [1000]}):
        with pytest.raises(UsageError):
            bench(session, THERE, **{**FEW, **wrong})  # type: ignore[arg-type]
    assert proxy.count() == 0 and proxy.connections == 0


def test_urls(session: Session, server: S3Server, proxy: Proxy) -> None:
    names = {"Bucket": BUCKET, "Key": KEY}
    url = server.at(proxy.url).client().generate_presigned_url("get_object", Params=names)
    place = Location("web", url)
    document = bench(session, place, **FEW)  # type: ignore[arg-type]
    assert {samples.operation for samples in document.samples} == {"connect", "GET", "GET, new connection"}
    assert by_name(document)["range"].ok
    assert session.trace.total == proxy.count()
    assert planned_cost(session, place, object_size=len(DATA), **FEW)[0] == proxy.count()  # type: ignore[arg-type]
    assert b"X-Amz" not in to_json(document)
    assert document.endpoint == proxy.url


def test_plain_urls(tmp_path: Path) -> None:
    (tmp_path / BUCKET).mkdir()
    (tmp_path / BUCKET / "ü b.bin").write_bytes(DATA)
    with (
        rclone_server(tmp_path, auth=False) as server,
        Proxy(server) as proxy,
        Session(Settings()) as session,
    ):
        place = Location("web", f"{proxy.url}/{BUCKET}/ü b.bin")
        document = bench(session, place, **FEW)  # type: ignore[arg-type]
        assert [samples.operation for samples in document.samples][:2] == ["connect", "HEAD"]
        assert all(len(samples.seconds) == 6 and not samples.errors for samples in document.samples)
        assert session.trace.total == proxy.count()


def test_redirects_are_followed_once(session: Session, server: S3Server, proxy: Proxy) -> None:
    names = {"Bucket": BUCKET, "Key": KEY}
    url = server.at(proxy.url).client().generate_presigned_url("get_object", Params=names)
    redirect = proxy.fault("redirect", when=lambda seen: seen.path == "/start", location=url)
    document = bench(session, Location("web", f"{proxy.url}/start"), **FEW)  # type: ignore[arg-type]
    assert all(len(samples.seconds) == 6 and not samples.errors for samples in reads(document))
    assert redirect.hits == 1


def test_progress_goes_from_nothing_to_all(session: Session) -> None:
    told: list[tuple[str, float]] = []
    bench(session, THERE, **FEW, progress=lambda doing, part: told.append((doing, part)))  # type: ignore[arg-type]
    parts = [part for _, part in told]
    assert parts == sorted(parts)
    assert 0 <= parts[0] < 0.1 and 0.9 < parts[-1] <= 1


def test_plans() -> None:
    sizes = [4 * KIB, 64 * KIB, MIB, 8 * MIB]
    for budget in (1, 1000, 100 * KIB, MIB, 50 * MIB, 256 * MIB, 10_000 * MIB):
        for there in (None, 0, 1, 5000, 3 * MIB, 1 << 40):
            for concurrency in ([1], [1, 8, 32], [256]):
                plan = make_plan(THERE, there, budget, Wishes(sizes, 20, concurrency))
                assert plan.bytes <= budget + 5
                for cell in plan.cells:
                    assert max(3, cell.concurrency) <= cell.count <= max(20, cell.concurrency)
                    assert there is None or cell.size <= there
    roomy = make_plan(THERE, None, 10_000 * MIB, Wishes(sizes, 20, [1, 8, 32]))
    assert len(roomy.cells) == 13 and roomy.warnings == []


# Ways of walking a file


def test_strategies_count_what_the_proxy_counts(
    session: Session, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    data, objects = hdf5
    server.put(BUCKET, "file.h5", data)
    document = bench(session, Location("s3", "file.h5", BUCKET), **FEW, compare=True)  # type: ignore[arg-type]
    assert document.strategies is not UNSET
    found = {strategy.name: strategy for strategy in document.strategies}
    assert list(found) == [COLD, WARM, S3FS, BLOCKS, WHOLE]
    assert {strategy.objects for strategy in found.values()} == {objects}
    assert all(strategy.complete and strategy.seconds > 0 for strategy in found.values())
    assert session.trace.total + sum(s.requests for s in found.values()) == proxy.count()
    assert session.trace.received + sum(s.bytes for s in found.values()) == proxy.bytes()
    theirs = [seen for seen in proxy.requests if "aiobotocore" in seen.headers.get("user-agent", "").lower()]
    assert len(theirs) == found[S3FS].requests + found[BLOCKS].requests
    assert sum(seen.sent for seen in theirs) == found[S3FS].bytes + found[BLOCKS].bytes
    assert (found[WARM].requests, found[WARM].bytes) == (1, 0)
    assert found[COLD].bytes < len(data) <= found[WHOLE].bytes
    assert found[COLD].rounds and found[BLOCKS].rounds and found[COLD].rounds < 20


def test_s3fs_is_counted_exactly(
    settings: Settings, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    data, objects = hdf5
    server.put(BUCKET, "file.h5", data)
    place = Location("s3", "file.h5", BUCKET)
    proxy.delay = 0.01
    for options in ({}, {"cache_type": "blockcache", "block_size": MIB // 4}, {"cache_type": "none"}):
        proxy.reset()
        trace = Trace()
        with open_counted(settings, place, trace, 1 << 40, **options) as file:
            assert plain_walk(file) == objects
        assert trace.requests == {"HEAD": proxy.count("HEAD"), "GET": proxy.count("GET")}
        assert (trace.received, trace.rounds) == (proxy.bytes(), proxy.rounds())


def test_s3fs_is_counted_when_it_tries_again(
    settings: Settings, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    proxy.fault("status", when=lambda seen: seen.range, times=2)
    trace = Trace()
    with open_counted(settings, Location("s3", "file.h5", BUCKET), trace, 1 << 40) as file:
        assert plain_walk(file) == hdf5[1]
    assert trace.requests == {"HEAD": 1, "GET": 3}
    assert (trace.total, trace.received) == (proxy.count(), proxy.bytes())


def test_a_way_that_fails_is_told(
    session: Session, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    proxy.fault("status", when=lambda seen: "aiobotocore" in seen.headers["user-agent"].lower(), status=403)
    place = Location("s3", "file.h5", BUCKET)
    document = bench(session, place, sizes=[KIB], count=3, concurrency=[1], compare=True)
    assert document.strategies is not UNSET
    assert [strategy.name for strategy in document.strategies] == [COLD, WARM, WHOLE]
    assert f"{S3FS} failed: access denied" in document.warnings


def test_only_hdf5_is_compared(session: Session, server: S3Server) -> None:
    with pytest.raises(DamagedError, match="not an HDF5 file"):
        bench(session, THERE, **FEW, compare=True)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="only an object"):
        bench(session, Location("s3", "", BUCKET), **FEW, compare=True)  # type: ignore[arg-type]


def test_a_walk_stops_at_the_limit(
    settings: Settings, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    place = Location("s3", "file.h5", BUCKET)
    with Session(replace(settings, max_bytes=4 * MIB)) as session:
        document = bench(session, place, sizes=[KIB], count=3, concurrency=[1], compare=True)
    assert document.strategies is not UNSET
    found = {strategy.name: strategy for strategy in document.strategies}
    assert WHOLE not in found
    assert found[COLD].complete and not found[S3FS].complete and found[S3FS].objects is None
    assert sum(s.bytes for s in found.values()) <= 2 * MIB + found[COLD].bytes
    assert sum("raise --max-bytes" in warning for warning in document.warnings) >= 2
    with open_counted(settings, place, Trace(), MIB, cache_type="readahead", block_size=MIB) as file:
        with pytest.raises(RefusedError):
            file.read()


def test_a_path_to_compare_below(session: Session, server: S3Server, hdf5: tuple[bytes, int]) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    place = Location("s3", "file.h5", BUCKET)
    for path, objects in (("/run1", 21), ("/run1/scan1/data", 1), ("/external", 0), ("soft", 21)):
        document = bench(session, place, sizes=[KIB], count=3, concurrency=[1], compare=True, path=path)
        assert document.strategies is not UNSET
        assert {strategy.objects for strategy in document.strategies} == {objects}, path
    with pytest.raises(NotFoundError, match="no /nothing"):
        bench(session, place, **FEW, compare=True, path="/nothing")  # type: ignore[arg-type]


def test_urls_are_compared_without_s3fs(
    session: Session, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    url = (
        server.at(proxy.url)
        .client()
        .generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "file.h5"})
    )
    place = Location("web", url)
    document = bench(session, place, sizes=[KIB], count=3, concurrency=[1], compare=True)
    assert document.strategies is not UNSET
    assert [strategy.name for strategy in document.strategies] == [COLD, WARM, WHOLE]
    assert {strategy.objects for strategy in document.strategies} == {hdf5[1]}
    assert session.trace.total + sum(s.requests for s in document.strategies) == proxy.count()


def test_the_users_cache_is_not_touched(session: Session, server: S3Server, hdf5: tuple[bytes, int]) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    bench(session, Location("s3", "file.h5", BUCKET), **FEW, compare=True)  # type: ignore[arg-type]
    assert session.cache.info()["entries"] == 0


# Figures


def test_percentiles_are_nearest_ranks() -> None:
    assert percentile([], 50) is None
    assert percentile([7.0], 99) == 7.0
    ten = [float(value) for value in range(10, 0, -1)]
    assert [percentile(ten, p) for p in (0, 10, 11, 50, 90, 91, 99, 100)] == [1, 1, 2, 5, 9, 10, 10, 10]
    hundred = [float(value) for value in range(1, 101)]
    assert [percentile(hundred, p) for p in (50, 90, 99)] == [50, 90, 99]


def test_advice() -> None:
    even = Outcome([Timing(0.1 + i / 10_000, 0.1, 10) for i in range(20)], wall=2.0)
    assert advice([summarize("GET", 10, 1, even)]) == []
    wild = Outcome([*even.timings, Timing(3.0, 3.0, 10)], wall=5.0)
    assert "outliers in 1 of 2 series (the worst: GET of 10 B at 8, 3e+03 ms" in " ".join(
        advice([summarize("GET", 10, 1, even), summarize("GET", 10, 8, wild)])
    )
    assert "fewer than 10" in advice([summarize("HEAD", 0, 1, Outcome(even.timings[:9], wall=1.0))])[0]
    busy = Outcome(even.timings, wall=1.0, cpu=0.9)
    assert "processor was the limit" in advice([summarize("GET", 10, 8, busy)])[0]
    assert advice([summarize("GET", 10, 1, Outcome(errors=[NetworkError("no")]))]) == []


# What is shown


def shown(document: Bench, width: int = 80, unicode: bool = True) -> str:
    console = Console(width=width, color_system=None, markup=True, emoji=True)
    with console.capture() as capture:
        console.print(bench_lines(document, width, unicode))
    return capture.get()


def extreme() -> Bench:
    slow = Outcome([Timing(12.345 + i, 1.5, 8 * MIB) for i in range(20)], wall=100.0, warm_up=Timing(99.0))
    fast = Outcome([Timing(0.00012, 0.0001, 4096)] * 20, wall=0.001)
    failed = Outcome(errors=[NetworkError("no")] * 1234)
    return Bench(
        location="s3://bucket/\x1b[31m[bold]evil\u202e.h5",
        endpoint="http://localhost:9000",
        object_size=10**13,
        samples=[
            summarize("GET, new connection", 4096, 1, fast),
            summarize("GET", 8 * MIB, 256, slow),
            summarize("GET", 1000, 256, failed),
        ],
        checks=[
            Check(name="range", ok=True, detail="fine " * 30),
            Check(name="ETag", ok=False, detail="[red]\x1b"),
        ],
        strategies=[
            Strategy(
                name=BLOCKS,
                seconds=1234.5,
                requests=12345,
                bytes=10**12,
                rounds=None,
                objects=None,
                complete=False,
            ),
            Strategy(name=WHOLE, seconds=0.5, requests=1, bytes=0, rounds=1, objects=1_000_000),
        ],
        warnings=["a \x07 bell", "word " * 40],
    )


def test_tables_fit_and_are_safe() -> None:
    for unicode in (True, False):
        text = shown(extreme(), 80, unicode)
        assert max(map(len, text.splitlines())) <= 80
        assert text.replace("\n", "").isprintable()
        assert "[bold]evil" in text and "\\x1b" in text and "[red]" in text and "stopped" in text
        assert "8 MiB" in text and "> 1.0 TB" in text and "1,234" in text
        assert unicode or text.isascii()
    assert "1st byte" in shown(extreme(), 120) and "1st byte" not in shown(extreme(), 80)


def test_a_real_run_is_shown_and_fits_its_schema(session: Session) -> None:
    document = bench(session, THERE, **FEW)  # type: ignore[arg-type]
    text = shown(document)
    for word in ("connect", "HEAD", "LIST", "GET, new", "256 KiB", "If-Match", "p99"):
        assert word in text
    data = to_json(document)
    assert from_json(data, Bench) == document
    jsonschema.validate(json.loads(data), json_schema("bench"))
