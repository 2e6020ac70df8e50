"""What `bench` measures is what happened on the wire, and it never takes more than it said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import UNSET

from h5s3.errors import UsageError
from h5s3.explore.bench.bench import bench
from h5s3.explore.bench.plan import Wishes, make_plan
from h5s3.explore.session import Session
from h5s3.records import to_json
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support.bench import (
    BUCKET,
    DATA,
    FEW,
    KEY,
    KIB,
    MIB,
    THERE,
    by_name,
    one,
    ranged,
    reads,
)
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server

# What is counted


def test_every_request_and_byte_is_counted_and_planned(session: Session, proxy: Proxy) -> None:
    planned: list[tuple[int, int]] = []
    document = bench(session, THERE, **FEW, announce=lambda *cost: planned.append(cost))
    trace, ((requests, received),) = session.trace, planned
    assert trace.total == proxy.count()
    assert trace.received == proxy.bytes()
    assert trace.retries == 0
    listed = sum("list-type" in seen.query for seen in proxy.requests)
    assert trace.requests == {"GET": proxy.count("GET") - listed, "HEAD": 7, "LIST": listed}
    pages = sum(seen.sent for seen in proxy.requests if "list-type" in seen.query)
    errors = sum(seen.sent for seen in proxy.requests if seen.status >= 300)
    assert requests == trace.total
    unused = 64 * KIB if by_name(document)["If-Match"].ok else 0  # it was refused, as it should be
    assert received - unused == trace.received - pages - errors


def test_samples_are_complete_and_summed_up(session: Session) -> None:
    document = bench(session, THERE, **FEW)
    assert [(s.operation, s.size, s.concurrency, s.connection, s.pattern) for s in document.samples] == [
        ("connect", 0, 1, "new", UNSET),
        ("HEAD", 0, 1, "reused", UNSET),
        ("LIST", 0, 1, "reused", UNSET),
        ("GET", 4 * KIB, 1, "new", "random"),
        ("GET", 4 * KIB, 1, "reused", "random"),
        ("GET", 4 * KIB, 4, "reused", "random"),
        ("GET", 256 * KIB, 1, "reused", "random"),
        ("GET", 256 * KIB, 4, "reused", "random"),
        ("GET", 4 * KIB, 1, "reused", "sequential"),
        ("GET", 256 * KIB, 1, "reused", "sequential"),
        ("GET", 4 * KIB, 1, "reused", "first"),
        ("GET", 4 * KIB, 1, "reused", "second"),
    ]
    for samples in document.samples:
        assert (len(samples.seconds), samples.errors, samples.retries, samples.failures) == (6, 0, 0, [])
        assert samples.min == min(samples.seconds) and samples.max == max(samples.seconds) == samples.p99
        assert samples.min and samples.p50 and samples.p90 and samples.max
        assert samples.min <= samples.p50 <= samples.p90 <= samples.max
        assert samples.requests_per_second == pytest.approx(6 / samples.wall_seconds, rel=0.01)
        assert (samples.warm_up_seconds is UNSET) == (samples.concurrency > 1 or samples.pattern == "second")
        assert samples.cpu_seconds_per_request is not None and samples.cpu_seconds_per_request > 0
    for samples in document.samples[1:]:
        assert samples.bytes == 6 * samples.size or samples.operation == "LIST"
        assert samples.first_byte_seconds is not UNSET and samples.first_byte_p50 is not UNSET
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
    assert len(set(seen[0])) == 23  # two series of five and a warm-up, six in order, five that come twice
    assert len(seen[0]) == 29


def test_places_are_random_or_in_order_or_come_twice(session: Session, proxy: Proxy) -> None:
    bench(session, THERE, sizes=[4 * KIB], count=6, concurrency=[1])
    starts = [seen.range[0] for seen in proxy.requests if seen.range and ranged(seen)]
    pairs, others, inorder = starts[1:13], starts[13:-7], starts[-7:]
    assert pairs[::2] == pairs[1::2] and len(set(pairs)) == 6
    assert inorder == [index * 4 * KIB for index in range(7)]
    assert len(others) == 14 and others != sorted(others)


def test_connections_are_kept_or_new(session: Session, proxy: Proxy) -> None:
    bench(session, THERE, sizes=[KIB], count=20, concurrency=[1])
    # Opening connections 21, reads on new ones 21, and some that are kept for all other requests.
    assert 42 < proxy.connections < 60 < proxy.count() - 40


@pytest.mark.slow
def test_one_at_a_time_and_many_at_once(session: Session, proxy: Proxy) -> None:
    proxy.delay, proxy.jitter = 0.02, 0.25
    begun = session.trace.rounds
    document = bench(session, THERE, sizes=[4 * KIB], count=8, concurrency=[1, 8])
    assert one(document, 4 * KIB).wall_seconds > 8 * 0.02 * 0.75
    connects = 9  # they are waits, though not requests
    assert session.trace.rounds - begun - connects == proxy.rounds()


@pytest.mark.slow
def test_the_first_byte_takes_the_delay(session: Session, proxy: Proxy) -> None:
    proxy.delay = 0.04
    document = bench(session, THERE, sizes=[4 * KIB, 64 * KIB], count=3, concurrency=[1])
    delayed = [samples for samples in document.samples if samples.operation != "connect"]
    assert len(delayed) == 9  # HEAD, LIST and every kind of read
    for samples in delayed:
        assert samples.first_byte_seconds is not UNSET and min(samples.first_byte_seconds) >= 0.04


@pytest.mark.slow
def test_whole_bodies_take_the_bandwidth(session: Session, proxy: Proxy) -> None:
    proxy.bandwidth = 4e6
    document = bench(session, THERE, sizes=[256 * KIB], count=4, concurrency=[1])
    samples = one(document, 256 * KIB)
    assert samples.p50 and samples.first_byte_p50 is not UNSET
    assert samples.p50 > 0.05 and samples.p50 > samples.first_byte_p50
    assert samples.bytes_per_second is not None and samples.bytes_per_second < 5e6


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


def test_what_cannot_be_measured(session: Session, proxy: Proxy, tmp_path: Path) -> None:
    for place, words in (
        (Location("local", str(tmp_path)), "over a network"),
        (Location("fsspec", "memory://a"), "over a network"),
        (Location("s3", ""), "a bucket or an object"),
    ):
        with pytest.raises(UsageError, match=words):
            bench(session, place, **FEW)
    for wrong in ({"sizes": []}, {"sizes": [0]}, {"count": 2}, {"concurrency": [0]}, {"concurrency": [1000]}):
        with pytest.raises(UsageError):
            bench(session, THERE, **{**FEW, **wrong})
    assert proxy.count() == 0 and proxy.connections == 0


def test_urls(session: Session, server: S3Server, proxy: Proxy) -> None:
    names = {"Bucket": BUCKET, "Key": KEY}
    url = server.at(proxy.url).client().generate_presigned_url("get_object", Params=names)
    place = Location("web", url)
    document = bench(session, place, **FEW)
    assert {samples.operation for samples in document.samples} == {"connect", "GET"}
    assert by_name(document)["range"].ok
    assert session.trace.total == proxy.count()
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
        document = bench(session, place, **FEW)
        assert [samples.operation for samples in document.samples][:2] == ["connect", "HEAD"]
        assert all(len(samples.seconds) == 6 and not samples.errors for samples in document.samples)
        assert session.trace.total == proxy.count()


def test_redirects_are_followed_once(session: Session, server: S3Server, proxy: Proxy) -> None:
    names = {"Bucket": BUCKET, "Key": KEY}
    url = server.at(proxy.url).client().generate_presigned_url("get_object", Params=names)
    redirect = proxy.fault("redirect", when=lambda seen: seen.path == "/start", location=url)
    document = bench(session, Location("web", f"{proxy.url}/start"), **FEW)
    assert all(len(samples.seconds) == 6 and not samples.errors for samples in reads(document))
    assert redirect.hits == 1


def test_progress_goes_from_nothing_to_all(session: Session, proxy: Proxy) -> None:
    proxy.delay = 0.01
    told: list[tuple[str, float]] = []
    bench(session, THERE, **FEW, progress=lambda doing, part: told.append((doing, part)))
    parts = [part for _, part in told]
    assert parts == sorted(parts)
    assert 0 <= parts[0] < 0.1 and told[-1] == ("done", 1.0)
    assert len(parts) > 2


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
    assert len(roomy.cells) == 13 + 4 + 1 and roomy.warnings == []


def test_through_the_proxy_of_the_environment(
    settings: Settings, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with Session(replace(settings, endpoint_url="http://127.0.0.2:9")) as session:
        document = bench(session, THERE, **FEW)
    assert all(len(samples.seconds) == 6 and not samples.errors for samples in document.samples)
    assert session.trace.total == proxy.count()
    assert {seen.headers["host"] for seen in proxy.requests} == {"127.0.0.2:9"}
