"""Ways of walking a file are counted as the proxy counts them, and stop at the limit."""

from __future__ import annotations

import io
from dataclasses import replace

import h5py
import numpy as np
import pytest
from msgspec import UNSET

from h5s3.errors import DamagedError, NotFoundError, RefusedError, UsageError
from h5s3.explore.bench.bench import bench
from h5s3.explore.bench.compare import BLOCKS, COLD, S3FS, TASKS, WARM, WAYS, WHOLE, compare_strategies
from h5s3.explore.bench.compare_tasks import LEVEL, PREVIEW, TREE, listing
from h5s3.explore.session import Session
from h5s3.formats.hdf5.layout.h5py_baseline import plain_walk
from h5s3.records import Bench, Strategy
from h5s3.settings import Settings
from h5s3.storage.bench.counted_s3fs import open_counted
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace
from tests.support.bench import BUCKET, FEW, KIB, MIB, THERE
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server


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


# Ways of walking a file


def named(document: Bench, task: str = TREE) -> dict[str, Strategy]:
    """What one task cost, by the ways."""
    assert document.strategies is not UNSET
    return {strategy.name: strategy for strategy in document.strategies if strategy.task == task}


def paid(document: Bench) -> tuple[int, int]:
    """Requests and bytes of all that was done: the one download counts for each task, and was made once."""
    assert document.strategies is not UNSET
    once = [s for s in document.strategies if s.name != WHOLE or s.task == LEVEL]
    return sum(s.requests for s in once), sum(s.bytes for s in once)


@pytest.mark.slow
def test_every_way_of_every_task_counts_what_the_proxy_counts(
    session: Session, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    place = Location("s3", "file.h5", BUCKET)
    begun: list[tuple[str, int]] = []
    info = session.store(place).head(place)
    proxy.reset()
    found, told = compare_strategies(
        session, info, "/", 1 << 30, lambda doing: begun.append((doing, len(proxy.requests)))
    )
    assert session.trace.total == 1
    assert not told
    ends = [start for _, start in begun[1:]] + [len(proxy.requests)]
    seen, counted = proxy.requests, {f"{one.task}: {one.name}": one for one in found}
    counted[WHOLE] = next(one for one in found if one.name == WHOLE)
    assert [one.task for one in found] == [task for task in TASKS for _ in WAYS]
    assert [one.name for one in found] == [name for _ in TASKS for name in WAYS]
    assert len({(one.requests, one.rounds, one.bytes) for one in found if one.name == WHOLE}) == 1
    assert len(begun) == 3 * 4 + 1
    for (doing, start), stop in zip(begun, ends, strict=True):
        proxy.requests, one = seen[start:stop], counted[doing]
        assert (one.requests, one.bytes) == (proxy.count(), proxy.bytes()), doing
        assert one.rounds is not None and one.trips is not UNSET and one.trips >= one.rounds, doing
        assert one.name in (COLD, WARM, WHOLE) or one.trips == one.rounds == one.requests


def test_strategies_count_what_the_proxy_counts(
    session: Session, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    data, objects = hdf5
    server.put(BUCKET, "file.h5", data)
    document = bench(session, Location("s3", "file.h5", BUCKET), **FEW, compare=True)
    found = named(document)
    assert list(found) == [COLD, WARM, S3FS, BLOCKS, WHOLE]
    assert {strategy.objects for strategy in found.values()} == {objects}
    assert {strategy.objects for strategy in named(document, LEVEL).values()} == {9}
    previews = named(document, PREVIEW)
    assert {(one.path, one.values) for one in previews.values()} == {("/again/data", 12_000)}
    assert previews[COLD].selections == ["0:12000"]
    assert document.strategies is not UNSET
    assert all(strategy.complete and strategy.seconds > 0 for strategy in document.strategies)
    requests, received = paid(document)
    assert session.trace.total + requests == proxy.count()
    assert session.trace.received + received == proxy.bytes()
    theirs = [seen for seen in proxy.requests if "aiobotocore" in seen.headers.get("user-agent", "").lower()]
    over_s3fs = [one for one in document.strategies if one.name in (S3FS, BLOCKS)]
    assert len(theirs) == sum(one.requests for one in over_s3fs)
    assert sum(seen.sent for seen in theirs) == sum(one.bytes for one in over_s3fs)
    for task in TASKS:
        again = named(document, task)[WARM]
        assert (again.requests, again.bytes, again.trips) == (1, 0, 1)
    assert found[COLD].bytes < len(data) <= found[WHOLE].bytes
    assert found[COLD].rounds and found[BLOCKS].rounds and found[COLD].rounds < 20


@pytest.mark.slow
def test_s3fs_is_counted_exactly(
    settings: Settings, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    place = Location("s3", "file.h5", BUCKET)
    proxy.delay = 0.01
    for options in ({}, {"cache_type": "blockcache", "block_size": MIB // 4}, {"cache_type": "none"}):
        proxy.reset()
        trace = Trace()
        with open_counted(settings, place, trace, 1 << 40, **options) as file:
            assert plain_walk(file, "/run1") == 21
        assert trace.requests == {"HEAD": proxy.count("HEAD"), "GET": proxy.count("GET")}
        assert (trace.received, trace.rounds) == (proxy.bytes(), proxy.rounds())


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_way_that_fails_is_told(
    session: Session, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    proxy.fault("status", when=lambda seen: "aiobotocore" in seen.headers["user-agent"].lower(), status=403)
    place = Location("s3", "file.h5", BUCKET)
    document = bench(session, place, sizes=[KIB], count=3, concurrency=[1], compare=True)
    assert list(named(document)) == list(named(document, PREVIEW)) == [COLD, WARM, WHOLE]
    assert f"{S3FS} failed: access denied" in document.warnings


def test_only_hdf5_is_compared(session: Session, server: S3Server) -> None:
    with pytest.raises(DamagedError, match="not an HDF5 file"):
        bench(session, THERE, **FEW, compare=True)
    with pytest.raises(UsageError, match="only an object"):
        bench(session, Location("s3", "", BUCKET), **FEW, compare=True)


def test_a_walk_stops_at_the_limit(
    settings: Settings, server: S3Server, proxy: Proxy, hdf5: tuple[bytes, int]
) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    place = Location("s3", "file.h5", BUCKET)
    with Session(replace(settings, max_bytes=4 * MIB)) as session:
        document = bench(session, place, sizes=[KIB], count=3, concurrency=[1], compare=True)
    found = named(document)
    assert WHOLE not in found
    assert found[COLD].complete and not found[S3FS].complete and found[S3FS].objects is None
    assert paid(document)[1] <= 2 * MIB + found[COLD].bytes + named(document, LEVEL)[COLD].bytes
    assert any("stopped by the limit on bytes" in text and S3FS in text for text in document.warnings)
    assert sum("raise --max-bytes" in warning for warning in document.warnings) >= 2
    with open_counted(settings, place, Trace(), MIB, cache_type="readahead", block_size=MIB) as file:
        with pytest.raises(RefusedError):
            file.read()


@pytest.mark.parametrize(
    ("path", "objects"),
    [("/run1", 21), ("/run1/scan1/data", 1), ("/external", 0), ("soft", 21), ("/type", 1)],
)
def test_a_path_to_compare_below(path: str, objects: int, hdf5: tuple[bytes, int]) -> None:
    task = listing(TREE, path)
    ours = task.met(task.ours(memory_session(MemoryStore(hdf5[0])), LOCATION))
    assert ours.objects == task.plain(io.BytesIO(hdf5[0])).objects == objects


def test_a_path_that_is_not_there(session: Session, server: S3Server, hdf5: tuple[bytes, int]) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    with pytest.raises(NotFoundError, match="no /nothing"):
        bench(session, Location("s3", "file.h5", BUCKET), **FEW, compare=True, path="/nothing")


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
    assert list(named(document)) == list(named(document, PREVIEW)) == [COLD, WARM, WHOLE]
    assert {strategy.objects for strategy in named(document).values()} == {hdf5[1]}
    assert session.trace.total + paid(document)[0] == proxy.count()


@pytest.mark.slow
def test_the_users_cache_is_not_touched(session: Session, server: S3Server, hdf5: tuple[bytes, int]) -> None:
    server.put(BUCKET, "file.h5", hdf5[0])
    bench(session, Location("s3", "file.h5", BUCKET), **FEW, compare=True)
    assert session.cache.info()["entries"] == 0
