"""What breaks the cache costs the cache, never the command; and nobody sees what was another's."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from h5s3.cache import Cache
from h5s3.cache import directory as place
from h5s3.errors import NotCachedError
from h5s3.explore.cache import cache_info, clear_cache
from h5s3.explore.tree import tree
from h5s3.formats.hdf5.fetch.blocks import BlockFile
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo
from h5s3.storage.head_cache import Catalog
from h5s3.storage.location import Location, parse_location
from h5s3.storage.trace import Trace
from tests.support import ROOT
from tests.support.scattered import scattered
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session


def problem_of_a_tree(**settings: Any) -> str | None:
    """A command works, whatever became of the cache; the problem it notes."""
    store = MemoryStore(scattered())
    with memory_session(store, no_cache=False, **settings) as session:
        assert tree(session, LOCATION).num_children == 60
        assert store.rounds  # read from the storage
        return session.cache.problem


def fill(cache: Cache) -> None:
    cache.set_many({f"key {number}": b"value" * number for number in range(100)}, "block")
    assert cache.problem is None
    cache.close()


# What fails


def test_a_place_that_cannot_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("/proc/h5s3/cache", str(tmp_path / "file" / "cache"), "/dev/null"):
        monkeypatch.setenv("H5S3_CACHE_DIR", name)
        assert problem_of_a_tree()


def test_a_read_only_database(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(Cache())
    connect = sqlite3.connect
    read_only = lambda path, **kwargs: connect(f"file:{path}?mode=ro", uri=True, **kwargs)  # noqa: E731
    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert problem_of_a_tree() == "cannot be written to"


@pytest.mark.parametrize("opened", [False, True], ids=["when opening", "when storing"])
def test_a_locked_database_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, opened: bool) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.2)
    fill(Cache())
    cache = Cache()
    if opened:
        cache.get("key 1")
    other = sqlite3.connect(cache.directory / "v1" / "cache.db")
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    cache.set_many({"a": b"1"}, "block")
    assert cache.get("key 1") is None and cache.problem
    assert problem_of_a_tree()
    assert time.monotonic() - begun < 4.0
    other.rollback()
    other.close()
    assert Cache().get("key 1") == b"value"


@contextmanager
def no_room(size: int) -> Iterator[None]:
    """No file of this process may become larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kilobytes", [0, 16, 40, 100])
def test_a_full_disk(kilobytes: int) -> None:
    with no_room(kilobytes << 10):
        assert problem_of_a_tree()
    with memory_session(MemoryStore(scattered()), no_cache=False) as session:
        assert tree(session, LOCATION).num_children == 60
        assert session.cache.problem is None
        assert tree(session, LOCATION).cached


@pytest.mark.parametrize(
    "content", [b"no database at all " * 1000, b"SQLite format 3\0" + b"\xff" * 9000, b""]
)
def test_a_damaged_database_is_made_anew_by_clear(content: bytes) -> None:
    fill(Cache())
    path = Cache().directory / "v1" / "cache.db"
    for extra in path.parent.glob("cache.db-*"):
        extra.unlink()
    path.write_bytes(content)
    noted = problem_of_a_tree()
    assert cache_info().problem == noted
    assert (noted is None) == (content == b"")
    clear_cache()
    assert problem_of_a_tree() is None
    assert cache_info().entries > 0


def test_tables_of_another_shape() -> None:
    for statement in ("DROP TABLE Cache", "UPDATE Settings SET value = 'x'", "DELETE FROM Settings"):
        fill(cache := Cache())
        with sqlite3.connect(cache.directory / "v1" / "cache.db") as connection:
            connection.execute(statement)
        connection.close()
        problem_of_a_tree()  # it may be used or not
        cache_info()
        for path in (cache.directory / "v1").glob("cache.db*"):
            path.unlink()


# Several processes

WRITER = """
import sys, time
from h5s3.cache import Cache
name, batches = sys.argv[1], int(sys.argv[2])
cache = Cache()
print("ready", flush=True)
for batch in range(batches):
    cache.set_many({f"{name}/{batch}/{n}": f"{name}/{batch}/{n} ".encode() * 500 for n in range(20)}, "block")
    assert batch or len(cache.get_many(f"{name}/0/{n}" for n in range(20))) == 20
assert cache.problem is None, cache.problem
print("done", flush=True)
"""


def writer(name: str, batches: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, name, str(batches)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def whole_batches(cache: Cache, name: str, batches: int) -> list[bool]:
    """Whether each batch is there: all of it with the right values, or none of it."""
    found = []
    for batch in range(batches):
        keys = [f"{name}/{batch}/{n}" for n in range(20)]
        values = cache.get_many(keys)
        assert values in ({}, {key: f"{key} ".encode() * 500 for key in keys})
        found.append(bool(values))
    return found


def test_processes_share_it() -> None:
    writers = [writer(name, 40) for name in ("one", "two", "three")]
    for process in writers:
        out, _ = process.communicate(timeout=60)
        assert (out.split(), process.returncode) == (["ready", "done"], 0)
    cache = Cache()
    assert all(all(whole_batches(cache, name, 40)) for name in ("one", "two", "three"))
    assert cache.info()["entries"] == 2400 and cache.problem is None
    cache.close()


def test_a_kill_at_any_moment_leaves_it_usable() -> None:
    chance = random.Random(1)
    for number in range(5):
        process = writer(f"killed {number}", 1_000_000)
        assert process.stdout and process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        cache = Cache()
        there = whole_batches(cache, f"killed {number}", 300)
        assert there == sorted(there, reverse=True)  # no batch is missing before the last one
        cache.set_many({"after": b"all"}, "block")
        assert (cache.get("after"), cache.problem) == (b"all", None)
        cache.close()


# Whose entries

INFO = ObjectInfo(Location("s3", "key", "bucket"), "https://one.example", 5, "etag", "date", "version")
OTHERS = [
    replace(INFO, source="https://two.example"),
    replace(INFO, size=6),
    replace(INFO, etag="other"),
    replace(INFO, version_id=None),
    *(replace(INFO, location=replace(INFO.location, **change)) for change in (
        {"key": "other"}, {"bucket": "other"}, {"key": "bucket", "bucket": "key"}, {"kind": "web"},
    )),
]  # fmt: skip


def test_another_identity_sees_nothing() -> None:
    cache = Cache()
    file = BlockFile(MemoryStore(b"12345"), cache, INFO, Trace())
    assert file.read() == b"12345"
    file.save()
    assert BlockFile(None, cache, replace(INFO, last_modified="other"), Trace()).read() == b"12345"
    assert len({info.identity for info in [INFO, *OTHERS]}) == 1 + len(OTHERS)
    for other in OTHERS:
        with pytest.raises(NotCachedError):
            BlockFile(None, cache, other, Trace()).read()
    for unknown in (replace(INFO, etag=None), replace(INFO, cacheable=False)):
        assert unknown.identity is None
    cache.close()


SCOPES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"profile": "a"}, {}),
    ({"access_key": "a"}, {}),
    ({"secret_key": "a"}, {}),
    ({"endpoint_url": "a"}, {}),
    ({"region": "a"}, {}),
    ({"anon": True}, {}),
    ({}, {"AWS_PROFILE": "a"}),
    ({}, {"AWS_ACCESS_KEY_ID": "a"}),
    ({}, {"AWS_SESSION_TOKEN": "a"}),
    ({}, {"AWS_ENDPOINT_URL": "a"}),
    ({}, {"AWS_CONFIG_FILE": "a"}),
]


def test_another_scope_sees_neither_head_nor_list(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, store = Cache(), MemoryStore(b"12345")
    for number, (settings, variables) in enumerate(SCOPES):
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            offline = Catalog(cache, Settings(offline=True, **settings), Trace())
            with pytest.raises(NotCachedError):
                offline.resolve(LOCATION, lambda: store, 5)
            with pytest.raises(NotCachedError):
                offline.listing(LOCATION, "")
            online = Catalog(cache, Settings(**settings), Trace())
            online.resolve(LOCATION, lambda: store, 5)
            online.remember_listing(LOCATION, "", b"listing")
            assert offline.resolve(LOCATION, lambda: store, 5) == (store.info, b"")
            assert offline.listing(LOCATION, "") == b"listing"
        assert cache.info()["entries"] == 2 * (number + 1)
    cache.close()


SIGNED = "https://host/file.h5?versionId=3&X-Amz-Signature={0}&X-Amz-Date={0}&X-Amz-Credential={0}"
SAME = [
    (SIGNED.format("a"), SIGNED.format("b")),
    ("https://h/x?sig=a&se=1&sv=2", "https://h/x?sig=b&se=2&sv=2"),
    ("https://h/x?Signature=a&Expires=1&Key-Pair-Id=k", "https://h/x?Signature=b&Expires=2&Key-Pair-Id=k"),
    ("https://user:password@h/x", "https://h/x#fragment"),
]
DIFFERENT = [
    (SIGNED.format("a"), SIGNED.format("a").replace("versionId=3", "versionId=4")),
    ("https://h/x?token=a", "https://h/x?token=b"),
    ("https://h/x?sig=a", "https://h/x?sig=b"),
    ("https://h/x?expires=a", "https://h/x?expires=b"),
    ("https://h/x?file=%FE", "https://h/x?file=%FF"),
    ("https://h/x?a=1&b=2", "https://h/x?b=2&a=1"),
    ("https://h/x", "http://h/x"),
]


@pytest.mark.parametrize(
    ("one", "other", "same"), [(*p, True) for p in SAME] + [(*p, False) for p in DIFFERENT]
)
def test_a_signature_is_no_part_of_an_address(one: str, other: str, same: bool) -> None:
    infos = [ObjectInfo(parse_location(url), "web", 5, "etag") for url in (one, other)]
    assert (infos[0].identity == infos[1].identity) is same
    cache = Cache()
    store = MemoryStore(b"12345")
    store.info = infos[0]
    Catalog(cache, Settings(), Trace()).resolve(infos[0].location, lambda: store, 5)
    known, _ = Catalog(cache, Settings(), Trace())._known(infos[1].location)
    assert (known is not None) is same
    cache.close()
