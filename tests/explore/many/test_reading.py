"""Many files at a time: in order, each costing itself alone, with as many requests as there are files."""

from __future__ import annotations

import io
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

import h5s3
from h5s3.cell import host, pool, process
from h5s3.errors import NetworkError
from h5s3.explore.many import reading
from h5s3.records import Find
from tests.support import shapes
from tests.support.hostile import misbehaving
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach

pytestmark = pytest.mark.slow

BUCKET = "many"
COUNT = 30


def scan(number: int) -> bytes:
    """A small file; every third has a temperature."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as new:
        new.attrs["number"] = number
        for each in range(5):
            new[f"entry/value {each}"] = np.arange(100.0)
        if number % 3 == 0:
            new["entry/temperature"] = 20.0 + number
            new["entry/temperature"].attrs["units"] = "K"
    return buffer.getvalue()


@pytest.fixture(scope="module")
def scans(rclone: S3Server) -> Iterator[S3Server]:
    for number in range(COUNT):
        rclone.put(BUCKET, f"scans/{number:03d}.h5", scan(number))
    rclone.put(BUCKET, "scans/readme.txt", b"text")
    rclone.put(BUCKET, "damaged/a.h5", scan(0))
    rclone.put(BUCKET, "damaged/b.h5", scan(3)[:-1000])
    rclone.put(BUCKET, "damaged/c.h5", b"no such format" * 100)
    rclone.put(BUCKET, "damaged/d bad.h5", scan(6))
    rclone.put(BUCKET, "damaged/e.h5", scan(9))
    yield rclone


@pytest.fixture(autouse=True)
def own_pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[pool.Pool]:
    """Cells of this test alone."""
    made = pool.Pool()
    monkeypatch.setattr(pool, "_pools", [made])
    yield made
    made.end()


@pytest.fixture
def counting(scans: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy(scans) as proxy:
        reach(scans, monkeypatch, proxy.url)
        yield proxy


def paths(found: Find) -> list[tuple[str, str]]:
    return [(one.key, one.path) for one in found.matches]


def test_each_file_takes_one_request_and_the_second_question_none(counting: Proxy) -> None:
    expected = [(f"scans/{number:03d}.h5", "/entry/temperature") for number in range(0, COUNT, 3)]
    found = h5s3.find(f"s3://{BUCKET}/scans/", name="temperature")
    assert paths(found) == expected and not found.failures
    assert (found.files.searched, found.files.cached, found.files.other) == (COUNT, 0, 1)
    assert "scans/027.h5" in (found._repr_html_() or "")
    assert counting.count() == counting.count("GET") == COUNT + 1  # the listing is a GET
    counting.reset()
    again = h5s3.find(f"s3://{BUCKET}/scans/", dtype="float64", shape="", refresh=True)
    assert paths(again) == expected and again.files.cached == COUNT
    assert counting.count() == 1


def test_what_took_more_to_learn_answers_what_takes_less(counting: Proxy) -> None:
    found = h5s3.find(f"s3://{BUCKET}/scans/", attrs="units=K")
    assert len(found.matches) == COUNT / 3
    counting.reset()
    assert len(h5s3.find(f"s3://{BUCKET}/scans/", name="entry", refresh=True).matches) == COUNT
    assert counting.count() == 1
    assert len(h5s3.find(f"s3://{BUCKET}/scans/", attrs="units=K", value=">30").matches) == 6
    assert counting.count() == 1 + COUNT


def test_what_fails_costs_itself_alone(counting: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "START", misbehaving.start("segfault", only="bad"))
    found = h5s3.find(f"s3://{BUCKET}/damaged/", name="temperature")
    assert [one.key for one in found.matches] == ["damaged/a.h5", "damaged/e.h5"]
    assert [(one.location.rpartition("/")[2], one.exit_code) for one in found.failures] == [
        ("b.h5", 6),
        ("c.h5", 6),
        ("d bad.h5", 6),
    ]
    assert found.files.failed == 3 and found.files.searched == 2


def test_a_cell_that_is_killed_from_outside_costs_a_retry(
    counting: Proxy, monkeypatch: pytest.MonkeyPatch, own_pool: pool.Pool
) -> None:
    killing, harmless = misbehaving.start("killed", only="bad"), process.START
    left = [2]

    def started(*given: object) -> process.Process:
        left[0] -= 1
        monkeypatch.setattr(process, "START", killing if left[0] >= 0 else harmless)
        return process.Process(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(host, "Process", started)
    place = f"s3://{BUCKET}/damaged/d bad.h5"
    found = h5s3.find(place, name="temperature", no_cache=True)
    assert (len(found.matches), found.failures, left) == (1, [], [-1])
    own_pool.end()
    monkeypatch.setattr(reading, "KILLED", 2)
    left[0] = 100
    (failure,) = h5s3.find(place, name="temperature", no_cache=True).failures
    assert "was killed" in failure.error and failure.exit_code == 6
    assert left == [98]


def test_a_changed_file_is_read_as_it_is_now(scans: S3Server, counting: Proxy) -> None:
    scans.put(BUCKET, "changing/a.h5", scan(1))
    assert not h5s3.find(f"s3://{BUCKET}/changing/", name="temperature").matches
    scans.put(BUCKET, "changing/a.h5", scan(3))  # the listing of before is remembered
    found = h5s3.find(f"s3://{BUCKET}/changing/", name="temp*", attrs="units", refresh=False)
    assert paths(found) == [("changing/a.h5", "/entry/temperature")]


@pytest.mark.slow
def test_a_long_file_is_told_in_parts_and_keeps_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("h5s3.explore.find.looking.SMALL", 0)
    monkeypatch.setattr(reading, "MOST_HELD", 2500)
    for name in ("a", "b", "c", "d"):
        shapes.wide(tmp_path / f"{name}.h5", count=3000)
    found = h5s3.find(tmp_path, type="dataset")
    files = h5s3.find(tmp_path, type="dataset", files=True).files_found
    assert [one.num_matches for one in files] == [3000] * 4
    keys = [one.location.rpartition("/")[2] for one in found.matches]
    assert keys == [f"{name}.h5" for name in "abcd" for _ in range(3000)]


def cells() -> set[bytes]:
    """Processes of cells that this one has started, by number."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True
    )
    return {line.split()[0] for line in listed.stdout.splitlines() if b"h5s3.cell" in line}


def test_threads_and_processes_end(counting: Proxy) -> None:
    running = cells()  # of other tests
    before = {thread for thread in threading.enumerate() if thread.name == "h5s3-many"}
    h5s3.find(f"s3://{BUCKET}/scans/", name="temperature", no_cache=True)
    pool._pools[0].end()
    deadline = time.monotonic() + 10
    while {one for one in threading.enumerate() if one.name == "h5s3-many"} - before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not cells() - running


def test_files_below_a_folder_a_glob_and_a_store(tmp_path: Path, counting: Proxy) -> None:
    zarr = pytest.importorskip("zarr")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/scan.h5").write_bytes(scan(3))
    (tmp_path / "other.dat").write_bytes(scan(0))
    store = zarr.open_group(tmp_path / "store.zarr", mode="w", zarr_format=2)
    store.create_array("inner/temperature", shape=(3,), dtype="f4")
    found = h5s3.find(tmp_path, name="temperature")
    assert [one.location[len(str(tmp_path)) + 1 :].rstrip("/") for one in found.matches] == [
        "deep/scan.h5",
        "store.zarr",
    ]
    assert paths(h5s3.find(f"s3://{BUCKET}/scans/00*.h5", name="temperature")) == [
        (f"scans/00{number}.h5", "/entry/temperature") for number in (0, 3, 6, 9)
    ]
    one = h5s3.find(f"s3://{BUCKET}/scans/000.h5", name="temperature")
    assert paths(one) == [("scans/000.h5", "/entry/temperature")] and one.matches[0].etag


def test_a_cell_is_renewed_now_and_then(counting: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    class Noted(process.Process):
        def __init__(self, *given: object) -> None:
            started.append(given)
            super().__init__(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "QUESTIONS", 10)
    monkeypatch.setattr(host, "Process", Noted)
    found = h5s3.find(f"s3://{BUCKET}/scans/", name="temperature", jobs=1, no_cache=True)
    assert len(found.matches) == COUNT / 3 and len(started) == 3


def test_the_time_limit_ends_the_search(counting: Proxy) -> None:
    counting.delay = 0.3
    with pytest.raises(NetworkError, match="not done within"):
        h5s3.find(f"s3://{BUCKET}/scans/", name="temperature", no_cache=True, timeout=0.4)
