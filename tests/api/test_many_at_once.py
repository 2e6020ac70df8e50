"""Programs that ask many things at once: threads, asyncio, and processes that files are sent to."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import h5s3
from h5s3.errors import ChangedError, NotFoundError
from tests.support.cli import file
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach

NAMES = ["nexus", "netcdf4", "compounds", "variable_strings"]
BUCKET = "at-once"


@pytest.fixture
def places(rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> list[h5s3.Location]:
    """Files in a bucket."""
    for name in NAMES:
        rclone.put_file(BUCKET, f"{name}.h5", file(name))
    reach(rclone, monkeypatch)
    return [h5s3.Location("s3", f"{name}.h5", BUCKET) for name in NAMES]


def questions(places: list[h5s3.Location]) -> list[Callable[[], Any]]:
    """Some of each kind, which take different times, and one that fails."""
    asked: list[Callable[[], Any]] = []
    for place in places:
        asked.append(lambda place=place: h5s3.tree(place, depth=0, attributes=True, no_cache=True).children)
        asked.append(lambda place=place: h5s3.meta(place).attributes)
        asked.append(lambda place=place: [entry.path for entry in h5s3.du(place).entries])
    asked.append(lambda: h5s3.get(places[0], "/entry/data/counts", no_cache=True).tolist())
    asked.append(lambda: h5s3.get(places[3], "utf8").tolist())
    asked.append(lambda: h5s3.preview(places[0], "/entry/data/counts").stats)
    asked.append(lambda: _message(lambda: h5s3.tree(places[0], "/nothing")))
    asked.append(lambda: _read(places[1]))
    return asked


def _message(ask: Callable[[], Any]) -> str:
    with pytest.raises(NotFoundError) as failed:
        ask()
    return str(failed.value)


def _read(place: h5s3.Location) -> list[float]:
    with h5s3.open(place) as opened:
        return [float(np.nansum(opened[name][()])) for name in ("lat", "lon")]


@pytest.mark.slow
def test_threads_get_the_answers_that_one_gets(places: list[h5s3.Location]) -> None:
    alone = [ask() for ask in questions(places)]
    with ThreadPoolExecutor(8) as pool:
        many = list(pool.map(lambda ask: ask(), questions(places) * 2))
    assert many == alone * 2


def test_asyncio_gets_them_in_threads(places: list[h5s3.Location]) -> None:
    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(asyncio.to_thread(ask) for ask in questions(places)))

    assert asyncio.run(all_of_them()) == [ask() for ask in questions(places)]


def test_one_file_is_read_by_many_threads(places: list[h5s3.Location]) -> None:
    with h5s3.open(places[0], no_cache=True) as opened:
        counts = opened["/entry/data/counts"]
        with ThreadPoolExecutor(8) as pool:
            parts = list(pool.map(lambda at: counts[at], range(counts.shape[0])))
        assert np.array_equal(np.stack(parts), h5s3.get(places[0], "/entry/data/counts"))


def test_locations_and_records_can_be_sent(places: list[h5s3.Location]) -> None:
    sent = _received(pickle.dumps(places[0]))
    assert sent == places[0] and h5s3.tree(sent).children == h5s3.tree(places[0]).children
    found = h5s3.meta(places[0])
    assert _received(pickle.dumps(found)) == found


def test_a_file_that_is_sent_is_opened_anew(places: list[h5s3.Location], rclone: S3Server) -> None:
    """With the settings it was opened with; for the content that it had then."""
    with h5s3.open(places[0], no_cache=True) as opened:
        sent = pickle.dumps(opened)
        with _received(sent) as other:
            assert other is not opened and other.filename == opened.filename
            assert _received(pickle.dumps(other))["/entry/title"][()] == opened["/entry/title"][()]
        with pytest.raises(TypeError, match="h5py objects cannot be pickled"):
            pickle.dumps(opened["/entry"])
    with pytest.raises(ValueError, match="the file is closed"):
        pickle.dumps(opened)
    rclone.put_file(BUCKET, "nexus.h5", file("netcdf4"))
    with pytest.raises(ChangedError, match="changed since the file was opened; open it again"):
        _received(sent)


def test_a_local_file_is_found_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file("nexus").parent)
    with h5s3.open("nexus.h5") as opened:
        sent = pickle.dumps(opened)
    monkeypatch.chdir(tmp_path)
    with _received(sent) as other:
        assert "entry" in other


def _received(sent: bytes) -> Any:
    return pickle.loads(sent)  # noqa: S301


def title(opened: Any) -> bytes:
    """What a worker does with a file."""
    with opened:
        return bytes(opened["/entry/title"][()])


@pytest.mark.slow
@pytest.mark.parametrize("way", ["spawn", "fork", "forkserver"])
def test_workers_are_sent_files(way: str, places: list[h5s3.Location]) -> None:
    with (
        ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(way)) as pool,
        h5s3.open(places[0]) as opened,
    ):
        wanted = bytes(opened["/entry/title"][()])
        assert list(pool.map(title, [opened] * 4)) == [wanted] * 4
