"""A cell is started with the command, where the cache cannot have the answer, and not otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from h5s3.cache import Cache
from h5s3.cell import process
from h5s3.cli.process import cells
from h5s3.settings import from_environment
from h5s3.storage.base import ObjectInfo
from h5s3.storage.head_cache import HeadCache
from h5s3.storage.location import parse_location
from h5s3.storage.trace import Trace

PLACE = "s3://bucket/file.h5"
Begin = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Begin:
    """Begin with a command line; what processes were started with."""
    monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cells, "_caches", [])

    def run(*words: str) -> list[tuple[object, ...]]:
        started: list[tuple[object, ...]] = []
        for name in ("_used", "_made", "_begun"):
            monkeypatch.setattr(cells, name, [])
        monkeypatch.setattr(sys, "argv", ["h5s3", *words])
        monkeypatch.setattr(process, "Process", lambda *given: started.append(given))
        cells.reads()
        cells.begin()
        return started

    return run


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["tree", PLACE], (0, False, False)),
        (["meta", "--json", "--region=eu", PLACE, "/a"], (0, False, False)),
        (["get", "--plugins", PLACE, "/a", "--max-bytes", "2K"], (2048, False, True)),
        (["preview", "--debug", "--profile", "s3://none", PLACE], (0, True, False)),
        (["convert", PLACE, "-o", "out.zarr"], (0, False, False)),
        (["convert", __file__, "-o", "out.zarr"], (0, False, True)),
    ],
)
def test_it_begins_with_the_command(words: list[str], given: tuple[object, ...], begin: Begin) -> None:
    assert begin(*words) == [given]


@pytest.mark.parametrize(
    "words",
    [
        ["ls", PLACE],
        ["bench", PLACE],
        ["tree", "file.h5"],
        ["tree", "--offline", PLACE],
        ["tree", "--endpoint-url", "http://localhost:1", "file.h5"],
        ["tree", "s3://bucket"],
        ["tree", "s3://"],
        ["tree", "--max-bytes", "many", PLACE],
        ["tree"],
        [],
    ],
)
def test_it_is_not_begun_in_vain(words: list[str], begin: Begin) -> None:
    assert begin(*words) == []


def test_it_can_be_left_out(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H5S3_CELL", "0")
    assert begin("tree", PLACE) == []


def test_an_object_that_was_seen_may_need_none(begin: Begin) -> None:
    settings = from_environment()
    cache = Cache()
    known = HeadCache(cache, settings, Trace())
    known._remember(ObjectInfo(parse_location(PLACE, None), "there", 8, "etag"))
    cache.close()
    assert begin("tree", PLACE) == []
    assert begin("tree", PLACE, "--refresh") == []  # it may be the same still
    assert len(begin("tree", PLACE, "--no-cache")) == 1
