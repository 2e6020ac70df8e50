"""The tasks that are compared are the same whoever does them; what is projected follows from the counts."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from rich.console import Console

from h5s3.cell.host import Cell
from h5s3.errors import NotFoundError, RefusedError
from h5s3.explore.bench.compare import BLOCKS, COLD, WARM, WHOLE, compare_strategies, project
from h5s3.explore.bench.compare_tasks import LEVEL, PREVIEW, TREE, candidates, listing, previewing
from h5s3.explore.round_trips import BANDWIDTH
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.hdf5.layout.h5py_baseline import plain_level, plain_read, plain_walk
from h5s3.formats.requests import TreeRequest
from h5s3.records import UNSET, Bench, Preview, Samples, Strategy
from h5s3.render.bench.bench import strategy_lines
from h5s3.settings import Settings
from h5s3.storage.base import Range
from h5s3.storage.http.parallel import Batch
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace
from tests.support.bench import BUCKET, MIB
from tests.support.h5files import make as h5files
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session
from tests.support.servers.s3 import S3Server

# ------------------------------------------------------------------------------------------------ the tasks

READABLE = ["netcdf4", "nexus", "hard_link_alias", "cyclic_hard_link", "links_dense", "variable_strings"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tasks")
    return {name: h5files.make(name, folder) or folder / f"{name}.h5" for name in READABLE}


@pytest.mark.parametrize("name", READABLE)
@pytest.mark.parametrize("task", [LEVEL, TREE])
def test_plain_h5py_meets_the_same_objects(name: str, task: Any, files: dict[str, Path]) -> None:
    data = files[name].read_bytes()
    asked = listing(task, "/")
    found = asked.ours(memory_session(MemoryStore(data)), LOCATION)
    assert asked.met(found) == asked.plain(io.BytesIO(data))
    assert asked.met(found).objects


@pytest.mark.parametrize("name", READABLE)
def test_plain_h5py_reads_the_same_values(name: str, files: dict[str, Path]) -> None:
    data = files[name].read_bytes()
    walked = tree(memory_session(MemoryStore(data)), LOCATION, TreeRequest(depth=0, limit=0))
    for path in candidates(walked):
        task = previewing(path)
        found = task.ours(memory_session(MemoryStore(data)), LOCATION)
        met = task.met(found)
        assert met.values and met == task.plain(io.BytesIO(data))
        assert isinstance(found, Preview)
        if found.stats is not None and not found.coding:
            assert met.values == found.stats.sample_size + found.stats.nan_count + found.stats.inf_count


def test_a_sample_in_parts_is_read_part_by_part(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "file.h5", "w") as file:
        noise = np.random.default_rng(0).random((64, 64, 64))
        file.create_dataset("data", data=noise, chunks=(64, 1, 64), compression="gzip")
    data, task = (tmp_path / "file.h5").read_bytes(), previewing("/data")
    found = task.ours(memory_session(MemoryStore(data), max_bytes=100_000), LOCATION)
    met = task.met(found)
    assert task.selections is not None and met == task.plain(io.BytesIO(data))
    assert met.values == found.stats.sample_size  # type: ignore[union-attr]


def test_the_largest_dataset_is_previewed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["small"] = np.arange(10.0)
        file["b/large"] = np.arange(1000.0)
        file["a/large"] = np.arange(1000.0)
        file["also"] = file["b/large"]
        layout = h5py.VirtualLayout((10**6,), "f8")
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("external", (10**6,), "f8", external=[("raw.bin", 0, h5py.h5f.UNLIMITED)])
        file["empty"] = h5py.Empty("f8")
        file["soft"] = h5py.SoftLink("/small")
    data = (tmp_path / "file.h5").read_bytes()

    def paths(path: str) -> list[str]:
        return candidates(tree(memory_session(MemoryStore(data)), LOCATION, TreeRequest(path, 0, 0)))

    assert paths("/") == ["/a/large", "/also", "/small"]
    assert paths("/b") == ["/b/large"]
    assert (paths("/small"), paths("/soft"), paths("/empty")) == (["/small"], ["/soft"], ["/empty"])


def test_plain_reading(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["g/data"] = np.arange(100).reshape(10, 10)
        file["g/again"] = file["g/data"]
        file["scalar"] = 1.0
    with open(tmp_path / "file.h5", "rb") as stream:
        assert plain_read(stream, "/g/data", ["0:10:3,2", "5,0:10"]) == 4 + 10
        assert plain_read(stream, "/scalar", ["()"]) == 1
        assert (plain_level(stream, "/"), plain_walk(stream, "/")) == (3, 4)
        assert (plain_level(stream, "/g"), plain_level(stream, "/scalar")) == (2, 1)


# ------------------------------------------------------------------------------------------ a comparison


def compare(session: Session, server: S3Server, data: bytes, path: str = "/") -> tuple[Any, list[str]]:
    server.put(BUCKET, "compared.h5", data)
    place = Location("s3", "compared.h5", BUCKET)
    return compare_strategies(session, session.store(place).head(place), path, 1 << 30)


@pytest.mark.slow
def test_what_cannot_be_previewed_is_said(session: Session, server: S3Server, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file.create_group("group")
        file["empty"] = h5py.Empty("f8")
    data = (tmp_path / "file.h5").read_bytes()
    found, told = compare(session, server, data)
    assert {one.task for one in found} == {LEVEL, TREE}
    assert told == ["no preview is compared: nothing was found that can be previewed"]
    _, told = compare(session, server, data, "/empty")
    assert told[0] == "no preview of /empty: there are no values that can be read"


@pytest.mark.slow
def test_another_dataset_where_the_largest_cannot_be_read(
    session: Session, server: S3Server, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "file.h5", "w") as file:
        large = file.create_dataset("large", (1 << 28,), "<i2", chunks=(1 << 28,), compression="gzip")
        large.id.write_direct_chunk((0,), b"x")
        file["small"] = np.arange(10)
    found, told = compare(session, server, (tmp_path / "file.h5").read_bytes())
    assert {one.path for one in found if one.task == PREVIEW} == {"/small"}
    assert told[0].startswith("no preview of /large: one chunk decodes to 512 MiB")


# ------------------------------------------------------------------------------------------------ projections


def strategy(name: str = COLD, **more: Any) -> Strategy:
    usual = {"seconds": 1.0, "requests": 10, "bytes": 5_000_000, "rounds": 3, "trips": 4, "objects": 1}
    return Strategy(name=name, **(usual | more))


def samples(size: int, rate: float | None) -> Samples:
    nothing: dict[str, Any] = dict.fromkeys(Samples.__struct_fields__, UNSET)
    return Samples(**(nothing | {"operation": "GET", "size": size, "bytes_per_second": rate}))


def test_projected_seconds_follow_from_the_counts() -> None:
    one = strategy()
    project([one], [])
    assert (one.bandwidth, one.bandwidth_measured) == (BANDWIDTH, False)
    assert one.projected == {"5 ms": 0.22, "50 ms": 0.4, "150 ms": 0.8}
    project([one], [samples(MIB, 50e6), samples(8 * MIB, 100e6), samples(1024, 1e12), samples(MIB, None)])
    assert (one.bandwidth, one.bandwidth_measured) == (100e6, True)
    assert one.projected == {"5 ms": 0.07, "50 ms": 0.25, "150 ms": 0.65}
    download = strategy(WHOLE, bytes=100 * MIB, rounds=2, trips=2, seconds=0.5)
    project([one, download], [samples(MIB, 50e6)])
    assert one.bandwidth == download.bandwidth == 200 * MIB


def test_trips_are_round_trips_one_after_another() -> None:
    def trips(count: int, chain: int, in_flight: int = 64) -> tuple[int, int]:
        trace = Trace()
        batch = Batch(trace, in_flight)

        def more(item: Range, _: bytes) -> list[Range]:
            follows = item[0] == 0 and item[1] < chain
            return [(0, item[1] + 1)] if follows else []

        ranges = [(0, 1), *((index, index + 1) for index in range(1, count))]
        batch.run(lambda item: b"", ranges, more)
        batch.close()
        return trace.rounds, trace.trips

    assert trips(1, 1) == (1, 1)
    assert trips(64, 1)[1] == 1 and trips(65, 1)[1] == 2 and trips(130, 1)[1] == 3
    assert trips(10, 5)[1] == 5
    assert trips(1, 5) == (5, 5)
    assert trips(10, 1, 2)[1] == 5


# ------------------------------------------------------------------------------------------------ on a screen


def shown(document: Bench, unicode: bool = True) -> str:
    console = Console(file=io.StringIO(), width=80)
    for line in strategy_lines(document, "–" if unicode else "-", 80):
        console.print(line)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def document(*strategies: Strategy) -> Bench:
    project(strategies, [samples(MIB, 12_345_678)])
    return Bench(
        location="s3://b/k", endpoint="e", object_size=1, samples=[], checks=[], strategies=list(strategies)
    )


def test_a_table_for_each_task() -> None:
    sizes = {"requests": 12_345, "bytes": 134_200_000, "rounds": 12_345, "trips": 12_345, "seconds": 1234.5}
    text = shown(
        document(
            strategy(task=LEVEL, path="/\x1b[31m", objects=2),
            strategy(BLOCKS, task=LEVEL, **sizes, complete=False),
            strategy(WARM, objects=1_000_000),
            strategy(task=PREVIEW, path="/data", selections=["0:10,3", "1,2"], objects=None, values=11),
            strategy(WHOLE, task=PREVIEW, path="/data", selections=["0:10,3", "1,2"], values=11),
        )
    )
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "one level: /\\x1b[31m and what it holds, 2 objects" in lines
    assert "whole tree: / and all below it, 1,000,000 objects" in lines
    assert "one preview: 11 values of /data, [0:10,3] and 1 piece like it" in lines
    assert text.count("requests rounds") == 3 and "> 134.2 MB" in text and " 12,345 " in text
    assert "at 12.3 MB/s" in " ".join(text.split()) and "stopped at the limit" in text
    assert "downloaded once" in text and "…" not in text
    assert shown(document(strategy()), unicode=False).isascii()


def test_nothing_compared_is_nothing_shown() -> None:
    empty = Bench(location="s3://b/k", endpoint="e", object_size=1, samples=[], checks=[])
    assert shown(empty) == ""


@pytest.mark.slow
def test_settings_for_both_of_ours_are_the_same(
    session: Session, server: S3Server, files: dict[str, Path]
) -> None:
    session.settings = replace(session.settings, max_bytes=4 * MIB)
    found, _ = compare(session, server, files["netcdf4"].read_bytes())
    warm = [one for one in found if one.name == WARM]
    assert len(warm) == 3 and all((one.requests, one.bytes) == (1, 0) for one in warm)


def test_plain_h5py_in_a_cell_meets_the_same(files: dict[str, Path]) -> None:
    data = files["nexus"].read_bytes()
    cell = Cell()
    try:
        for task in (listing(LEVEL, "/"), listing(TREE, "/entry")):
            found = task.plain_in(cell, io.BytesIO(data), Settings())
            assert found._replace(overhead=0.0) == task.plain(io.BytesIO(data))
            assert 0 < found.overhead < 10
        with pytest.raises(NotFoundError):
            listing(TREE, "/none").plain_in(cell, io.BytesIO(data), Settings())
        with pytest.raises(RefusedError):  # of the file that the command reads
            listing(TREE, "/").plain_in(cell, Refusing(data), Settings())
        assert listing(LEVEL, "/").plain_in(cell, io.BytesIO(data), Settings()).objects
    finally:
        cell.close()


class Refusing(io.BytesIO):
    """A file that is larger than the limit."""

    def read(self, size: int | None = -1) -> bytes:
        raise RefusedError("more than the limit")
