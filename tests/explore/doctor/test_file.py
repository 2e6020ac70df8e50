"""What `doctor` says a walk costs, now and after a repack, held against walks that are counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest

from h5s3.explore.doctor.file import FileReport, examine_file
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest
from h5s3.records.doctor import Costs
from h5s3.settings import Settings
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace
from tests.support import shapes
from tests.support.repack import WAYS
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server

BUCKET = "doctor"
NEAR = 0.2


def noted(path: Path) -> Path:
    """Groups and datasets with attributes, links of all classes, filters, and more than one name."""
    noise = np.random.default_rng(3).integers(0, 200, (64, 512), dtype="u2")
    with h5py.File(path, "w", track_order=True) as file:
        for number in range(150):
            group = file.create_group(f"run {number:03d}")
            group.attrs["NX_class"] = "NXentry"
            group.attrs["note"] = "x" * (number % 90)
            data = group.create_dataset("data", data=noise, chunks=(16, 512), compression="gzip")
            data.attrs["units"], data.attrs["range"] = "counts", np.arange(5.0)
            group["names"] = ["a", "bc"] * 20
            group["same"] = data
            group["first"] = h5py.SoftLink("/run 000/data")
            group["other"] = h5py.ExternalLink("other.h5", "/data")
            group.create_dataset("later", (0, 4), "f8", maxshape=(None, 4))
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "large": shapes.scattered,
    "scattered v1": partial(shapes.scattered, scans=70),
    "scattered latest": partial(shapes.scattered, libver="latest", scans=70),
    "paged": partial(shapes.scattered, libver="latest", page=shapes.MIB, scans=50),
    "deep": shapes.deep,
    "noted": noted,
    "wide": partial(shapes.wide, count=1500),
}


def file_name(kind: str) -> str:
    return kind.replace(" ", "-") + ".h5"


def stored(server: S3Server, kind: str) -> str:
    """The name of a file of this kind on the server, made when it is first asked for."""
    path = Path(str(server.root), BUCKET, file_name(kind))
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        MAKERS[kind](path)
    return path.name


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with rclone_server(tmp_path_factory.mktemp("doctor")) as running:
        yield running


@pytest.fixture
def counting(server: S3Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        proxy.delay = 0.01
        yield proxy


def session_for(server: S3Server, proxy: Proxy) -> Session:
    settings = Settings(
        endpoint_url=proxy.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
        no_cache=True,
    )
    return Session(settings)


def counted(server: S3Server, proxy: Proxy, name: str) -> Trace:
    """What a cold walk costs, counted by the command and by the proxy."""
    proxy.reset()
    with session_for(server, proxy) as session:
        tree(session, Location("s3", name, bucket=BUCKET), TreeRequest(depth=0, limit=0))
    assert session.trace.total == proxy.count()
    assert session.trace.received == proxy.bytes()
    return session.trace


KINDS = [kind for kind in MAKERS if kind != "large"]
REPORTS: dict[tuple[str, str], FileReport] = {}


def report_on(server: S3Server, proxy: Proxy, kind: str) -> FileReport:
    """What is found in a file of this kind, found out once for a server: a worker may have several."""
    name = stored(server, kind)
    if (server.url, kind) not in REPORTS:
        with session_for(server, proxy) as session:
            REPORTS[server.url, kind] = examine_file(session, Location("s3", name, bucket=BUCKET))
    return REPORTS[server.url, kind]


def near(predicted: float, found: float) -> bool:
    """Within a fifth. One request or round more or less of a handful is as near as whole numbers get."""
    return abs(predicted - found) <= max(NEAR * found, 1 if found <= 5 else 0)


def agree(predicted: Costs, found: Trace) -> bool:
    print(
        f"{predicted.name}: predicted {predicted.requests}/{predicted.rounds}/{predicted.bytes}, "
        f"counted {found.total}/{found.rounds}/{found.received}"
    )
    return (
        near(predicted.requests, found.total)
        and near(predicted.rounds, found.rounds)
        and near(predicted.bytes, found.received)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.slow
def test_what_a_walk_costs_now_is_counted_exactly_or_nearly(
    kind: str, server: S3Server, counting: Proxy
) -> None:
    report = report_on(server, counting, kind)
    now = report.costs[0]
    assert report.layout is not None and report.layout.complete
    assert (now.name, now.how) == ("as laid out", "counted")
    assert agree(now, counted(server, counting, stored(server, kind)))


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_copy_costs_is_foretold(
    kind: str, way: str, server: S3Server, counting: Proxy, tmp_path: Path
) -> None:
    copies = report_on(server, counting, kind).costs[1:]
    assert [copy.how for copy in copies] == ["simulated", "simulated"]
    source = Path(str(server.root), BUCKET, file_name(kind))
    for copy in copies:
        number, unit = re.findall(r"paged, (\d+) (KiB|MiB) pages", copy.name)[0]
        page, low = int(number) << (10 if unit == "KiB" else 20), 2 if "--low=2" in copy.name else 0
        made = WAYS[way](source, tmp_path / "copy.h5", page, low)
        name = f"{way}-{low}-{file_name(kind)}"
        server.put_file(BUCKET, name, made)
        assert agree(copy, counted(server, counting, name))


@pytest.mark.slow
def test_a_warm_cache_does_not_change_what_is_counted(server: S3Server, counting: Proxy) -> None:
    place = Location("s3", stored(server, "large"), bucket=BUCKET)
    settings = Settings(
        endpoint_url=counting.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
    )
    with Session(settings) as session:
        tree(session, place, TreeRequest(depth=0, limit=0))
    with Session(settings) as session:
        first = examine_file(session, place)
    counting.reset()
    with Session(settings) as session:
        again = examine_file(session, place)
    assert counting.count() == 0
    cold = report_on(server, counting, "large")
    assert first.costs == again.costs == cold.costs


@pytest.mark.slow
def test_a_doctor_costs_little_more_than_a_walk(server: S3Server, counting: Proxy) -> None:
    walk = counted(server, counting, stored(server, "scattered v1"))
    with session_for(server, counting) as session:
        examine_file(session, Location("s3", stored(server, "scattered v1"), bucket=BUCKET))
    print(session.trace.total, walk.total, session.trace.received, walk.received, session.trace.rounds)
    assert session.trace.received <= 1.5 * walk.received
    assert session.trace.rounds <= 3 * walk.rounds


def test_seconds_grow_with_the_round_trip(server: S3Server, counting: Proxy) -> None:
    counting.delay = 0
    costs = report_on(server, counting, "deep").costs
    for one in costs:
        assert list(one.seconds) == ["5 ms", "50 ms", "150 ms"]
        assert one.seconds["150 ms"] >= one.rounds * 0.15
    assert costs[0].seconds["50 ms"] > 10 * costs[1].seconds["50 ms"]


@pytest.mark.slow
def test_a_scattered_file_is_told_how_to_mend_itself(server: S3Server, counting: Proxy) -> None:
    report = report_on(server, counting, "large")
    layout, by_name = report.layout, {finding.name: finding for finding in report.findings}
    assert layout is not None
    assert by_name["file space"].status == by_name["metadata"].status == "warning"
    assert by_name["file space"].remedy == ("h5repack --low=2 -S PAGE -G 2097152 large.h5 large.repacked.h5")
    assert layout.num_groups == 801 and layout.num_datasets == 1400 and layout.num_chunks == 800
    assert layout.metadata_extents > 100
    assert layout.data_bytes == 74_139_200


def test_a_paged_file_is_well(server: S3Server, counting: Proxy) -> None:
    counting.delay = 0
    report = report_on(server, counting, "paged")
    layout = report.layout
    assert layout is not None
    assert (layout.file_space_strategy, layout.page_size) == ("page", shapes.MIB)
    assert layout.metadata_extents == 1
    assert {finding.status for finding in report.findings} == {"ok"}
