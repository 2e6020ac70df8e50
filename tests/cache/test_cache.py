"""The persistent cache: what goes in comes out, and nothing else; what breaks it costs the cache alone."""

from __future__ import annotations

import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import diskcache
import pytest

from h5s3.cache import Cache
from h5s3.cache.disk import with_checksum
from h5s3.errors import NotCachedError, UsageError
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.settings import cache_limit
from h5s3.storage.base import ObjectInfo
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace
from tests.support import ROOT
from tests.support.servers.memory import MemoryStore

MIB = 1 << 20


def sql(cache: Cache, statement: str, *values: object) -> None:
    """One SQL statement behind the cache's back."""
    base = sqlite3.connect(cache.directory / "v1" / "cache.db")
    base.execute(statement, values)
    base.commit()
    base.close()


# What goes in comes out


def test_round_trip() -> None:
    values = {"empty": b"", "a/ü\n'": b"\0\xff", "large": os.urandom(9 * MIB), "k" * 1000: b"x" * 100}
    for _ in range(2):  # the second time, they are replaced
        cache = Cache()
        assert cache.get("no") is None
        cache.set_many(values, "block")
        assert cache.get_many([*values, "no"]) == values
        cache.close()
        again = Cache()
        assert again.get_many(values) == values
        assert again.problem is None
        again.close()


def test_info_delete_and_clear() -> None:
    cache = Cache()
    assert cache.info() == {"entries": 0, "bytes": 0, "blocks": 0, "answers": 0}
    assert not cache.directory.exists()  # to ask is not to make one
    cache.set_many({"a": b"1", "b": b"2"}, "block")
    cache.set_many({"c": b"3", "d": b"4" * 9 * MIB}, "answer")
    found = cache.info()
    assert (found["entries"], found["blocks"], found["answers"]) == (4, 2, 2) and found["bytes"] > 9 * MIB
    cache.delete("a")
    assert cache.get_many("abc") == {"b": b"2", "c": b"3"}
    assert cache.clear() == 3
    assert cache.get_many("abcd") == {} and cache.info()["bytes"] < MIB
    assert cache.clear() == 0
    cache.close()


def test_switched_off_it_does_nothing() -> None:
    cache = Cache(enabled=False)
    cache.set_many({"a": b"1"}, "block")
    assert (cache.get("a"), cache.info()["entries"], cache.clear(), cache.problem) == (None, 0, 0, None)
    assert not cache.directory.exists()


def test_the_size_limit_evicts_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H5S3_CACHE_SIZE", "4M")
    cache = Cache()
    for batch in range(8):
        cache.set_many({f"{batch}/{n}": os.urandom(16384) for n in range(64)}, "block")  # 1 MiB
    found = cache.info()
    assert 3 * MIB < found["bytes"] <= 4 * MIB
    assert len(cache.get_many(f"7/{n}" for n in range(64))) == 64
    assert len(cache.get_many(f"6/{n}" for n in range(64))) == 64
    assert cache.get_many(f"0/{n}" for n in range(64)) == {}
    cache.set_many({f"large/{n}": os.urandom(16384) for n in range(400)}, "block")
    assert 1.5 * MIB < cache.info()["bytes"] <= 4 * MIB  # one batch beyond the limit does not empty it
    cache.close()


def test_directory_and_size_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_limit() == 2 << 30
    monkeypatch.setenv("H5S3_CACHE_SIZE", "1.5G")
    assert cache_limit() == 3 << 29
    monkeypatch.setenv("H5S3_CACHE_DIR", "~/cache of mine")
    assert Cache().directory == Path(os.environ["HOME"]) / "cache of mine"
    monkeypatch.delenv("H5S3_CACHE_DIR")
    assert Cache().directory == Path(os.environ["XDG_CACHE_HOME"]) / "h5s3"
    monkeypatch.setenv("H5S3_CACHE_SIZE", "plenty")
    with pytest.raises(UsageError, match="plenty"):
        Cache().get("a")


def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h5s3.cache.cache.LARGEST", 1000)
    cache = Cache()
    cache.set_many({"a": bytes(1000), "b": bytes(1001), "c": b"1"}, "answer")
    assert cache.get_many("abc") == {"a": bytes(1000), "c": b"1"} and cache.problem is None
    cache.close()


# What did not go in does not come out


class Evil:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    cache, mark = Cache(), tmp_path / "mark"
    cache.set_many({"value": b"1", "file": b"2" * 9 * MIB, "key": b"3"}, "answer")
    cache.close()
    evil = pickle.dumps(Evil(mark))
    sql(cache, "UPDATE Cache SET mode = 4, value = ?, filename = NULL WHERE key = 'value'", evil)
    stored = cache.directory / "v1" / "ab" / "cd" / "ef.val"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(evil)
    sql(cache, "UPDATE Cache SET mode = 4, value = NULL, filename = 'ab/cd/ef.val' WHERE key = 'file'")
    sql(cache, "UPDATE Cache SET raw = 0, key = ? WHERE key = 'key'", evil)
    for read in (lambda c: c.get("value"), lambda c: c.get("file"), list):
        with diskcache.Cache(str(cache.directory / "v1")) as careless:
            read(careless)  # what diskcache itself makes of these rows
        assert mark.exists()
        mark.rmdir()
    again = Cache()
    assert again.get_many(["value", "file", "key"]) == {}
    assert again.info()["entries"] == 3 and again.problem is None
    again.set_many({"value": b"new", "file": b"new"}, "answer")
    assert again.get_many(["value", "file"]) == {"value": b"new", "file": b"new"}
    assert again.clear() == 3
    assert not mark.exists() and again.problem is None
    again.close()


@pytest.mark.parametrize("name", ["{}", "../../victim", "ab/cd/ef.val", ""])
def test_files_are_neither_read_nor_removed(tmp_path: Path, name: str) -> None:
    victim, ours = tmp_path / "victim", tmp_path / "cache" / "v1" / "ab" / "cd" / "ef.val"
    for mode in range(5):
        cache = Cache(tmp_path / "cache")
        cache.set_many({key: b"x" for key in "abc"}, "block")
        ours.parent.mkdir(parents=True, exist_ok=True)
        for path in (victim, ours):
            path.write_bytes(with_checksum("a", b"x"))
        sql(cache, "UPDATE Cache SET filename = ?, mode = ?, value = NULL", name.format(victim), mode)
        assert cache.get_many("abc") == {}
        cache.set_many({"a": b"new"}, "block")
        cache.delete("b")
        assert cache.get("a") == b"new"
        cache.clear()
        assert victim.exists() and ours.exists() and cache.problem is None
        cache.close()


ALL_BUT_ONE = "substr(value, 1, length(value) - 1)"
DAMAGE = {
    "flipped": "UPDATE Cache SET value = CAST(X'00' || substr(value, 2) AS BLOB)",
    "flipped at the end": f"UPDATE Cache SET value = CAST({ALL_BUT_ONE} || X'00' AS BLOB)",
    "cut": f"UPDATE Cache SET value = {ALL_BUT_ONE}",
    "cut to nothing": "UPDATE Cache SET value = X''",
    "longer": "UPDATE Cache SET value = CAST(value || X'00' AS BLOB)",
    "text": "UPDATE Cache SET value = 'text'",
    "a number": "UPDATE Cache SET value = 5",
    "nothing": "UPDATE Cache SET value = NULL",
    "another kind": "UPDATE Cache SET mode = mode + 1",
    "swapped": "UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = 'other') WHERE key = 'a'",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_damaged_values_are_absent(statement: str) -> None:
    cache = Cache()
    cache.set_many({"a": b"value of a", "other": b"value of other"}, "block")
    assert cache.get("a") == b"value of a"
    sql(cache, statement)
    assert cache.get("a") is None
    cache.set_many({"a": b"again"}, "block")
    assert (cache.get("a"), cache.problem) == (b"again", None)
    cache.close()


def test_text_that_cannot_be_decoded_costs_the_cache_until_it_is_verified() -> None:
    cache = Cache()
    cache.set_many({"a": b"value of a", "b": b"value of b"}, "block")
    sql(cache, "UPDATE Cache SET value = CAST(X'ff00fe' AS TEXT) WHERE key = 'a'")
    assert cache.get("a") is None and "cache verify" in (cache.problem or "")
    assert Cache().get("b") == b"value of b"
    assert Cache().clear() == 2
    Cache().set_many({"a": b"again"}, "block")
    assert Cache().get("a") == b"again"


# Several processes

WRITER = """
import sys
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
    writers = [writer(name, 20) for name in ("one", "two", "three")]
    for process in writers:
        out, _ = process.communicate(timeout=60)
        assert (out.split(), process.returncode) == (["ready", "done"], 0)
    cache = Cache()
    assert all(all(whole_batches(cache, name, 20)) for name in ("one", "two", "three"))
    assert cache.info()["entries"] == 1200 and cache.problem is None
    cache.close()


def test_a_kill_at_any_moment_leaves_it_usable() -> None:
    chance = random.Random(1)
    for number in range(3):
        process = writer(f"killed {number}", 1_000_000)
        assert process.stdout and process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        process.stdout.close()
        cache = Cache()
        there = whole_batches(cache, f"killed {number}", 100)
        assert there == sorted(there, reverse=True)  # no batch is missing before the last one
        cache.set_many({"after": b"all"}, "block")
        assert (cache.get("after"), cache.problem) == (b"all", None)
        cache.close()


# Whose blocks

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


def test_blocks_that_are_missing_offline_say_why() -> None:
    cache = Cache()
    file = BlockFile(None, cache, INFO, Trace())
    with pytest.raises(NotCachedError, match="not in the cache"):
        file.read()
    cache.problem = "is locked by another process"
    with pytest.raises(NotCachedError) as caught:
        file.read()
    assert caught.value.cause == "the cache could not be used: it is locked by another process"
