"""Locks, full and read-only disks, damage and foreign settings cost the cache, never the command."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from h5s3.cache import Cache
from h5s3.cache import directory as folders
from h5s3.explore.cache import cache_info, clear_cache, verify_cache
from tests.support.cli import Result, command, environment, run
from tests.support.stress import problem_of_a_tree


@pytest.fixture
def folder() -> Path:
    """The folder of a cache that holds some values."""
    return filled(Cache())


def filled(cache: Cache) -> Path:
    cache.set_many({f"key {number}": b"value" * 1000 for number in range(100)}, "block")
    assert cache.problem is None
    cache.close()
    return cache.directory / "v1"


def sql(folder: Path, statement: str, *values: object) -> None:
    """One SQL statement behind the cache's back."""
    with closing(sqlite3.connect(folder / "cache.db")) as base:
        base.execute(statement, values)
        base.commit()


# Locks


@contextmanager
def locked(folder: Path, statement: str, mode: str = "NORMAL") -> Iterator[None]:
    """The database, held by another."""
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as base:
        base.execute(f"PRAGMA locking_mode = {mode}")
        base.execute(statement)
        yield


@pytest.mark.parametrize(
    ("statement", "mode"), [("BEGIN IMMEDIATE", "NORMAL"), ("BEGIN EXCLUSIVE", "EXCLUSIVE")]
)
def test_a_lock_costs_the_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch, statement: str, mode: str
) -> None:
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.2)
    with locked(folder, statement, mode):
        assert problem_of_a_tree() == "is locked by another process"  # after a minute, had diskcache waited
        assert "locked by another process" in run("cache", "clear").failed(1)
    assert problem_of_a_tree() is None


def test_a_lock_when_storing_costs_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.2)
    cache = Cache()
    assert cache.get("key 1") is not None
    with locked(folder, "BEGIN IMMEDIATE"):
        cache.set_many({"a": b"1"}, "block")
        assert cache.get("key 1") is None and cache.problem == "is locked by another process"
    assert Cache().get("key 1") is not None


def test_a_lock_while_the_database_is_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.2)
    (folder / "cache.db").unlink()
    sql(folder, "CREATE TABLE other (a)")
    with locked(folder, "BEGIN EXCLUSIVE"):
        assert problem_of_a_tree() == "is locked by another process"


def test_many_may_open_it_at_once() -> None:
    problems: list[str | None] = []

    def work(number: int) -> None:
        cache = Cache()
        cache.set_many({f"{number}": b"1"}, "block")
        problems.append(cache.problem)
        cache.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == [None] * 8 and cache_info().entries == 8


# Disks


@contextmanager
def no_room(size: int) -> Iterator[None]:
    """No file of this process may become larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kilobytes", [0, 4, 16, 40, 100])
def test_files_that_cannot_grow(kilobytes: int) -> None:
    with no_room(kilobytes << 10):
        assert "no room" in (problem_of_a_tree() or "")
    assert problem_of_a_tree() is None


def on_a_disk(kilobytes: int, script: str, words: list[str], where: Path) -> Result:
    """What a script makes of a command, in a directory that is a file system of so many kilobytes."""
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("only root can mount a disk")
    where.mkdir()
    script = f'mount -t tmpfs -o size={kilobytes}k none "$0" && cd "$0" && {{ {script}; }}'
    words = ["unshare", "-m", "sh", "-c", script, str(where), *words]
    variables = environment(H5S3_CACHE_DIR=str(where / "cache"))
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=60)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip("nothing can be mounted here")
    return Result(done.returncode, done.stdout, done.stderr)


def killed(folder: Path) -> None:
    """A database whose last writer was killed: all is still in the log."""
    cache = Cache()
    cache.set_many({"last": b"value" * 1000}, "block")
    shutil.copytree(folder, folder.with_name("copy"))
    cache.close()
    shutil.rmtree(folder)
    folder.with_name("copy").rename(folder)


@pytest.mark.parametrize("in_log", [False, True])
def test_clear_frees_a_full_disk(folder: Path, tmp_path: Path, in_log: bool) -> None:
    if in_log:
        killed(folder)
    script = f'cp -a "{folder.parent}" cache; cat /dev/zero > fill 2>/dev/null; "$@"'
    after = " && ls cache/v1 && head -c 300000 /dev/zero > more && echo room"
    done = on_a_disk(2000, script + after, command("cache", "clear"), tmp_path / "disk")
    assert (done.code, done.err, done.out) == (0, "", f"forgot {100 + in_log} entries\nroom\n")


def test_verify_on_a_full_disk_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    script = f'cp -a "{folder.parent}" cache; cat /dev/zero > fill 2>/dev/null; "$@"'
    done = on_a_disk(2000, script, command("cache", "verify"), tmp_path / "disk")
    said = done.failed(1)
    assert "no room" in said and said.endswith("; h5s3 cache clear removes it, and needs no room for that")


@pytest.mark.parametrize("name", ["verify", "clear"])
def test_a_read_only_disk(folder: Path, tmp_path: Path, name: str) -> None:
    script = f'cp -a "{folder.parent}" cache; mount -o remount,ro "$0" && "$@"'
    done = on_a_disk(2000, script, command("cache", name), tmp_path / "disk")
    assert done.failed(1).endswith(": the cache cannot be written to")


def as_nobody(work: Callable[[], str | None]) -> str:
    """What work says when it is done by a user whom permissions bind."""
    if os.geteuid():
        return str(work())
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgid(65534)
            os.setuid(65534)
            os.write(writer, str(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(pid, 0)
    return said


@pytest.mark.parametrize("what", ["directory", "folder", "files", "all"])
def test_a_read_only_directory(what: str) -> None:
    with TemporaryDirectory(prefix="h5s3-nobody-") as base:
        top = Path(base) / "cache"
        filled(Cache(top))
        if what == "directory":
            shutil.rmtree(top / "v1")
        if os.geteuid() == 0:
            for path in (Path(base), top, *top.rglob("*")):
                os.chown(path, 65534, 65534)
        if what in ("folder", "all"):
            (top / "v1").chmod(0o500)
        if what in ("files", "all"):
            for path in (top / "v1").iterdir():
                path.chmod(0o400)
        if what in ("directory", "all"):
            top.chmod(0o500)
        try:
            assert as_nobody(lambda: problem_of_a_tree(top)) == "cannot be written to"
        finally:
            for path in (top, top / "v1"):
                if path.exists():
                    path.chmod(0o700)


# Damage, and other releases


@pytest.mark.parametrize(
    "content", [b"no database at all " * 1000, b"SQLite format 3\0" + b"\xff" * 9000, b""]
)
def test_clear_removes_a_damaged_database(folder: Path, content: bytes) -> None:
    (folder / "cache.db").write_bytes(content)
    noted = problem_of_a_tree()
    assert cache_info().problem == noted
    assert noted == ("is damaged (h5s3 cache verify creates it again)" if content else None)
    clear_cache()
    assert problem_of_a_tree() is None and cache_info().entries > 0


SETTINGS = [
    ("disk_compress_level", 5),
    ("disk_min_file_size", 0),
    ("sqlite_journal_mode", "delete"),
    ("sqlite_synchronous; DROP TABLE Cache", 5),
    ("sqlite_query_only", 1),
    ("eviction_policy", "none"),
    ("statistics", 1),
    ("tag_index", 1),
    ("get", "x"),
    ("_sql", None),
    (b"key", 1),
    ("size", "x"),
    ("size", 5_000_000_000),  # all would be evicted
    ("count", "x"),
    ("size_limit", "x"),
]


@pytest.mark.parametrize(("key", "value"), SETTINGS)
def test_foreign_settings_are_ignored(folder: Path, key: object, value: object) -> None:
    sql(folder, "INSERT OR REPLACE INTO Settings VALUES (?, ?)", key, value)
    for _ in range(2):
        cache = Cache()
        cache.set_many({"a": b"1"}, "block")
        assert (cache.get("a"), cache.problem, cache.info()["entries"]) == (b"1", None, 101)
        assert cache.get("key 1") == b"value" * 1000
        cache.close()
    assert verify_cache().status == "sound"


TABLES = [
    "ALTER TABLE Cache DROP COLUMN filename",
    "ALTER TABLE Cache DROP COLUMN access_count",
    "ALTER TABLE Cache RENAME COLUMN value TO other",
    "ALTER TABLE Cache ADD COLUMN more INTEGER NOT NULL DEFAULT 5",
    "CREATE TRIGGER t AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
    "DROP INDEX Cache_key_raw",
    "DROP TABLE Cache",
    "DROP TABLE Settings",
    "DELETE FROM Settings",
    "ALTER TABLE Settings RENAME TO Other",
    "CREATE TABLE other (a)",
]


@pytest.mark.parametrize("statement", TABLES)
def test_tables_of_another_shape(folder: Path, statement: str) -> None:
    sql(folder, statement)
    assert problem_of_a_tree() in (None, "is damaged (h5s3 cache verify creates it again)")
    assert verify_cache().status in ("sound", "mended")
    for _ in range(2):
        assert problem_of_a_tree() is None
    assert cache_info().entries > 0 and verify_cache().status == "sound"
