"""The persistent cache: what goes in comes out, and nothing else; what breaks it costs the cache alone."""

from __future__ import annotations

import os
import pickle
import sqlite3
import stat
import tracemalloc
from pathlib import Path

import diskcache
import pytest

from h5s3.cache import Cache
from h5s3.cache.checksum import seal
from h5s3.errors import UsageError
from h5s3.explore.tree import tree
from h5s3.settings import cache_limit
from tests.support.scattered import scattered
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session

MIB = 1 << 20


def database(cache: Cache) -> Path:
    return cache.directory / "v1" / "cache.db"


def run(cache: Cache, statement: str, *values: object) -> None:
    """One SQL statement behind the cache's back."""
    with sqlite3.connect(database(cache)) as connection:
        connection.execute(statement, values)
    connection.close()


def problem_of_a_tree(directory: Path) -> str | None:
    """A command works, whatever the directory of the cache is; the problem it notes."""
    with memory_session(MemoryStore(scattered()), no_cache=False) as session:
        session.cache.directory = directory
        assert tree(session, LOCATION).num_children == 60
        return session.cache.problem


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
    assert (cache.get("a"), cache.info()["entries"], cache.clear()) == (None, 0, 0)
    assert not cache.directory.exists()


def test_the_size_limit_evicts_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H5S3_CACHE_SIZE", "4M")
    cache = Cache()
    for batch in range(10):
        cache.set_many({f"{batch}/{n}": os.urandom(16384) for n in range(64)}, "block")  # 1 MiB
    found = cache.info()
    assert 3 * MIB < found["bytes"] <= 4 * MIB
    assert len(cache.get_many(f"9/{n}" for n in range(64))) == 64
    assert len(cache.get_many(f"8/{n}" for n in range(64))) == 64
    assert cache.get_many(f"0/{n}" for n in range(64)) == {}
    cache.set_many({f"large/{n}": os.urandom(16384) for n in range(1000)}, "block")
    assert 1.5 * MIB < cache.info()["bytes"] <= 4 * MIB  # one batch beyond the limit does not empty it
    cache.close()


def test_its_place_and_size_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
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
    run(cache, "UPDATE Cache SET mode = 4, value = ?, filename = NULL WHERE key = 'value'", evil)
    stored = cache.directory / "v1" / "ab" / "cd" / "ef.val"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(evil)
    run(cache, "UPDATE Cache SET mode = 4, value = NULL, filename = 'ab/cd/ef.val' WHERE key = 'file'")
    run(cache, "UPDATE Cache SET raw = 0, key = ? WHERE key = 'key'", evil)
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


@pytest.mark.parametrize("name", ["{}", "../../victim", "ab/cd/../../../../victim", "ab/cd/ef.val", ""])
@pytest.mark.parametrize("mode", range(5))
def test_files_are_neither_read_nor_removed(tmp_path: Path, mode: int, name: str) -> None:
    victim, ours = tmp_path / "victim", tmp_path / "cache" / "v1" / "ab" / "cd" / "ef.val"
    cache = Cache(tmp_path / "cache")
    cache.set_many({key: b"x" for key in "abc"}, "block")
    ours.parent.mkdir(parents=True)
    for path in (victim, ours):
        path.write_bytes(seal("a", b"x"))
    statement = "UPDATE Cache SET filename = ?, mode = ?, value = NULL"
    run(cache, statement, name.format(victim), mode)
    assert cache.get_many("abc") == {}
    cache.set_many({"a": b"new"}, "block")
    cache.delete("b")
    assert victim.exists() and ours.exists() and cache.get("a") == b"new"
    cache.clear()
    assert victim.exists() and cache.problem is None
    assert not ours.parent.parent.exists()  # what has a name of a value's file and no entry goes with a clear
    cache.close()


def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h5s3.cache.cache.LARGEST", 1000)
    cache = Cache()
    cache.set_many({"a": bytes(1000), "b": bytes(1001), "c": b"1"}, "answer")
    assert cache.get_many("abc") == {"a": bytes(1000), "c": b"1"} and cache.problem is None
    cache.close()


def test_a_row_of_another_size_is_never_loaded() -> None:
    cache = Cache()
    cache.set_many({"a": b"1", "b": b"2"}, "answer")
    run(cache, "UPDATE Cache SET value = zeroblob(200000000) WHERE key = 'a'")
    tracemalloc.start()
    try:
        assert cache.get("a") is None and cache.get("b") == b"2" and cache.problem is None
        assert tracemalloc.get_traced_memory()[1] < 10 * MIB
    finally:
        tracemalloc.stop()
    cache.set_many({"a": b"3"}, "answer")
    assert (cache.get("a"), cache.problem) == (b"3", None)
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
    run(cache, statement)
    assert cache.get("a") is None
    cache.set_many({"a": b"anew"}, "block")
    assert (cache.get("a"), cache.problem) == (b"anew", None)
    cache.close()


def test_text_that_is_none_is_absent() -> None:
    cache = Cache()
    cache.set_many({"a": b"value of a", "b": b"value of b"}, "block")
    run(cache, "UPDATE Cache SET value = CAST(X'ff00fe' AS TEXT) WHERE key = 'a'")
    assert cache.get("a") is None and cache.get("b") == b"value of b" and cache.problem is None
    cache.close()
    assert Cache().get("b") == b"value of b"
    assert Cache().clear() == 2
    Cache().set_many({"a": b"anew"}, "block")
    assert Cache().get("a") == b"anew"


# Whose directory


def test_the_directory_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        cache = Cache(tmp_path / "new" / "cache")
        cache.set_many({"a": b"1", "b": b"2" * 9 * MIB}, "block")
    finally:
        os.umask(before)
    for folder in (cache.directory, cache.directory / "v1"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    cache.close()


def test_a_directory_that_was_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    for folder in (tmp_path, tmp_path / "v1"):
        folder.chmod(0o755)
    cache = Cache(tmp_path)
    cache.set_many({"a": b"1"}, "block")
    assert (cache.get("a"), cache.problem) == (b"1", None)
    assert [stat.S_IMODE(f.stat().st_mode) for f in (tmp_path, tmp_path / "v1")] == [0o755, 0o700]
    cache.close()


@pytest.mark.parametrize("part", ["", "v1"])
@pytest.mark.parametrize("what", ["link", "dangling", "file", "others", "writable"])
def test_a_foreign_directory_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, part: str
) -> None:
    place = tmp_path / "cache" / part
    place.parent.mkdir(exist_ok=True)
    (tmp_path / "elsewhere").mkdir()
    if what == "link":
        place.symlink_to(tmp_path / "elsewhere")
    elif what == "dangling":
        place.symlink_to(tmp_path / "nowhere")
    elif what == "file":
        place.write_bytes(b"")
    elif what == "writable":
        place.mkdir()
        place.chmod(0o770)
    else:
        place.mkdir()
        if os.getuid() == 0:
            os.chown(place, 12345, -1)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: 12345)
    cache = Cache(tmp_path / "cache")
    cache.set_many({"a": b"1"}, "block")
    assert cache.get("a") is None and cache.problem
    assert cache.info()["entries"] == 0
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()
    assert problem_of_a_tree(tmp_path / "cache")


def test_a_name_that_diskcache_would_expand_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEWHERE", "elsewhere")
    assert "expand" in (problem_of_a_tree(tmp_path / "$SOMEWHERE") or "")
    assert list(tmp_path.iterdir()) == []
