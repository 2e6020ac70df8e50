"""A preview of a cube of 1 GB: how much of it is fetched, in how many rounds, and what it shows."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import Session
from h5s3.records import Preview
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support import shapes
from tests.support.reference.previews import as_numbers, check_limits, check_stats, index_of, look
from tests.support.servers.memory import MemoryStore
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server

MIB = 1 << 20
OPENING = 2  # rounds: the first bytes, and what else libhdf5 needs to open the file


@pytest.fixture(scope="module", params=["earliest", pytest.param("latest", marks=pytest.mark.slow)])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cube") / "shapes"
    folder.mkdir()
    made = shapes.cube(folder / "cube.h5", libver=request.param)
    yield made
    made.unlink()


@pytest.fixture
def store(path: Path) -> Iterator[MemoryStore]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield MemoryStore(data)  # type: ignore[arg-type]


@pytest.fixture
def server(path: Path) -> Iterator[S3Server]:
    with rclone_server(path.parent.parent) as running:
        yield running


def check(found: Preview, h5: h5py.File, plane: int) -> None:
    """The plane is drawn as documented: every n-th value, with the smallest n that leaves 256."""
    data = h5["cube"]
    assert found.plot and found.sample and found.stats
    assert found.plot.data == as_numbers(data[plane][::8, ::8])
    assert found.plot.selection == f"{plane},0:2041:8,0:2041:8"
    check_limits(found)
    check_stats(found, sampled(data, found), data.size)


def sampled(data: h5py.Dataset, found: Preview) -> np.ndarray:
    """The values that a preview was made of, by its own account."""
    assert found.sample
    if not found.sample.parts:
        return data[index_of(found.selection)]
    return np.concatenate([data[index_of(part)].reshape(-1) for part in found.sample.parts])


@pytest.mark.slow
def test_cold_over_s3(path: Path, server: S3Server) -> None:
    with Proxy(server) as proxy:
        settings = Settings(
            endpoint_url=proxy.url,
            access_key=server.access_key,
            secret_key=server.secret_key,
            region="us-east-1",
        )
        with Session(settings) as session:
            found = preview(session, Location("s3", "cube.h5", bucket="shapes"), PreviewRequest("/cube"))
            trace = session.trace
        assert (trace.total, trace.received) == (proxy.count(), proxy.bytes())
    print(
        f"preview of the cube: {trace.rounds} rounds, {trace.total} requests, {trace.received / MIB:.1f} MiB"
    )
    assert trace.rounds <= 8 + OPENING
    assert trace.received <= 20 * MIB
    with h5py.File(path) as h5:
        check(found, h5, 30)
    assert found.stats and found.sample
    chunks = found.sample.read
    assert 64 < chunks < 200 and found.sample.total == 3840 and found.sample.parts
    assert len({index_of(part)[0].start for part in found.sample.parts}) > 10  # planes of all the cube
    assert found.stats.sample_size == chunks * 256 * 256


@pytest.mark.slow
def test_one_plane_reads_its_own_chunks_alone(path: Path, store: MemoryStore) -> None:
    found = look(store, "/cube", selection="10,:,:")
    with h5py.File(path) as h5:
        check(found, h5, 10)
        data = h5["cube"].id
        infos = [data.get_chunk_info(i) for i in range(data.get_num_chunks())]
        places = {(i.byte_offset, i.byte_offset + i.size): i.chunk_offset[0] for i in infos}
    starts = np.array(sorted(start for start, _ in places))
    foreign = 0
    for start, stop in store.ranges:
        inside = starts[(starts >= start) & (starts < stop)]
        foreign += sum(
            1
            for at in inside
            for (low, high), plane in places.items()
            if low == at and plane != 10 and high <= stop
        )
    touched = [place for place, plane in places.items() if plane == 10]
    assert all(any(a <= low and high <= b for a, b in store.ranges) for low, high in touched)
    assert foreign <= 2  # whole chunks of other planes, that lay within the blocks around an index node
    assert found.sample and found.sample.read == 64
    assert found.selection == "10,0:2048,0:2048" and found.stats and found.stats.coverage == 1 / 60


@pytest.mark.slow
def test_a_small_budget_leaves_gaps(path: Path, store: MemoryStore) -> None:
    found = look(store, "/cube", max_bytes=2 * MIB)
    assert store.fetched <= 3 * MIB
    assert found.plot and found.sample and found.sample.parts and found.stats
    with h5py.File(path) as h5:
        plane = h5["cube"][30][::8, ::8]
        read = sampled(h5["cube"], found)
    drawn = np.array(found.plot.data, dtype=float)
    known = ~np.isnan(drawn)
    assert 0 < known.sum() < known.size and (drawn[known] == plane[known]).all()
    planes = {index_of(part)[0].start for part in found.sample.parts}
    assert len(planes) > 2 and 30 in planes  # over the whole dataspace, not the plane alone
    check_stats(found, read, 60 * 2048 * 2048)
