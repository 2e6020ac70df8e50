"""What comes through fsspec's own protocols: read, told of in one line, and never written to disk."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from h5s3.cache import Cache
from h5s3.storage.stores.fsspec import LOGGERS
from tests.support.cli import file, run

PLACE = "memory://through/nexus.h5"
OPTIONS = [
    ("--anon",),
    ("--endpoint-url", "http://127.0.0.1:9"),
    ("--profile", "mine"),
    ("--region", "eu-west-1"),
    ("--request-payer",),
    ("--insecure",),
]


@pytest.fixture(autouse=True)
def memory() -> Iterator[Any]:
    """A file system with one file in it."""
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe_file("/through/nexus.h5", file("nexus").read_bytes())
    yield filesystem
    filesystem.rm("/through", recursive=True)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option[0])
def test_options_that_would_be_lost_are_refused(option: tuple[str, ...]) -> None:
    for command in ("tree", "ls", "meta"):
        line = run(command, PLACE, *option).failed(2)
        assert line.startswith(f"{PLACE}: {option[0]} cannot be passed on to fsspec")
        assert line.endswith(f"; run without {option[0]}")


def test_the_environment_is_no_option() -> None:
    names = {"AWS_PROFILE": "mine", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-west-1"}
    assert run("tree", PLACE, "--json", **names).json["num_children"] == 1


def test_nothing_of_it_is_kept_on_disk() -> None:
    for command in (("tree", "-r"), ("meta",), ("preview", "/entry/data/counts"), ("ls",)):
        for _ in range(2):
            found = run(
                command[0], PLACE if command[0] != "ls" else "memory://through", *command[1:], "--json"
            )
            assert found.json["cached"] is False
    cache = Cache()
    assert list(cache._opened() or ()) == []
    cache.close()
    assert "not in the cache" in run("tree", PLACE, "--offline").failed(5)


def test_bytes_that_change_under_the_same_names_are_seen(memory: Any) -> None:
    assert run("tree", PLACE, "--json").json["num_children"] == 1
    memory.pipe_file("/through/nexus.h5", file("contiguous").read_bytes())
    assert run("tree", PLACE, "--json").json["num_children"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["info", "cat_ranges"])
def test_the_end_of_the_time_names_the_location(
    memory: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), name, lambda *args, **kwargs: time.sleep(10))
        line = run("tree", PLACE, "--timeout", "2").failed(5)  # within which this is asked for
    assert line == f"{PLACE}: not done within 2 s; raise --timeout"


@pytest.mark.parametrize(("level", "shown"), [("NOTSET", False), ("DEBUG", True)])
def test_what_these_libraries_log_stays_off_standard_error(tmp_path: Path, level: str, shown: bool) -> None:
    script = f"""
import logging
from h5s3.settings import Settings
from h5s3.storage.location import parse_location
from h5s3.storage.open import open_store
from h5s3.storage.trace import Trace
logging.getLogger("h5s3").setLevel(logging.{level})
open_store(parse_location({PLACE!r}), Settings(), Trace())
for name in {LOGGERS!r}:
    logging.getLogger(name + ".below").error("Fatal read error on socket transport")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr.count("Fatal") == (len(LOGGERS) if shown else 0)
