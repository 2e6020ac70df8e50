"""`h5s3 cache verify`: what is damaged is found, said and mended; what is sound stays; nobody is harmed."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import stat
import subprocess
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from h5s3.cache import Cache
from h5s3.cache import directory as folders
from h5s3.cache import verify as verifying
from h5s3.cache.directory import Lock
from h5s3.cache.verify import verify
from h5s3.errors import H5s3Error
from h5s3.explore.cache import verify_cache
from h5s3.records import CacheVerify
from tests.support.cli import command as tool
from tests.support.cli import environment, on_terminal, run

VALUES = {f"key {number}": bytes([number]) * number * 50 for number in range(100)}


@pytest.fixture
def folder() -> Path:
    """The folder of a cache that holds `VALUES`."""
    cache = Cache()
    cache.set_many(dict(list(VALUES.items())[:60]), "block")
    cache.set_many(dict(list(VALUES.items())[60:]), "answer")
    assert cache.problem is None
    cache.close()
    return cache.directory / "v1"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a lock."""
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.1)


def sql(folder: Path, statement: str, *values: object) -> None:
    """One SQL statement behind the cache's back."""
    with closing(sqlite3.connect(folder / "cache.db")) as base:
        base.execute(statement, values)
        base.commit()


def held() -> dict[str, bytes]:
    """What of `VALUES` the cache has; all that it has is right, and it can be used."""
    cache = Cache()
    found = cache.get_many(VALUES)
    assert cache.problem is None
    assert all(VALUES[key] == value for key, value in found.items())
    cache.set_many({"new": b"new"}, "block")
    assert cache.get("new") == b"new"
    cache.delete("new")
    cache.close()
    return found


def kinds(found: CacheVerify) -> list[tuple[str, int]]:
    """Kinds and counts of what was found."""
    return [(finding.what, finding.count) for finding in found.findings]


def everything(folder: Path) -> dict[str, Any]:
    """Names, modes and contents of all files, but for those that SQLite makes to read."""
    return {
        str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.parent.rglob("*"))
        if not path.name.endswith(("-shm", "-wal"))
    }


def mended(folder: Path, what: str, count: int = 1) -> CacheVerify:
    """A dry run finds the damage and changes nothing; a run mends it; another finds nothing."""
    before = everything(folder)
    dry = verify_cache(mend=False)
    assert (dry.status, kinds(dry), dry.dry_run) == ("damaged", [(what, count)], True)
    assert not any(finding.mended for finding in dry.findings)
    assert everything(folder) == before
    found = verify_cache()
    assert (found.status, kinds(found)) == ("mended", [(what, count)])
    assert all(finding.mended for finding in found.findings)
    again = verify_cache()
    assert (again.status, again.findings) == ("sound", [])
    return found


# Sound


def test_nothing_is_sound_and_stays_nothing() -> None:
    for mend in (True, False):
        found = verify_cache(mend=mend)
        assert (found.status, found.exists, found.entries, found.findings) == ("sound", False, 0, [])
    assert not Cache().directory.exists()
    Cache().directory.mkdir(mode=0o700, parents=True)
    assert verify_cache().status == "sound"
    assert list(Cache().directory.iterdir()) == []


def test_what_is_sound_stays_as_it_is(folder: Path) -> None:
    (folder / "notes").touch()
    before = everything(folder)
    for mend in (False, True):
        found = verify_cache(mend=mend)
        assert (found.status, found.findings, found.other_files) == ("sound", [], 1)
        assert (found.entries, found.bytes) == (100, sum(map(len, VALUES.values())) + 16 * 100)
        assert mend or everything(folder) == before
    assert held() == VALUES and (folder / "notes").exists()


def test_a_half_made_database_is_sound(folder: Path) -> None:
    """A kill while the database is made leaves tables missing, which the next command makes."""
    for path in folder.iterdir():
        path.unlink()
    assert verify_cache().status == "sound"
    (folder / "cache.db").touch()
    assert verify_cache(mend=False).status == "sound" and verify_cache().status == "sound"
    (folder / "cache.db").unlink()
    sql(folder, "CREATE TABLE Settings ( key TEXT NOT NULL UNIQUE, value)")
    assert verify_cache(mend=False).status == "sound" and verify_cache().status == "sound"
    assert held() == {}


# Entries

ONE = "WHERE key = 'key 5'"
BAD_ENTRIES = {
    "flipped": f"UPDATE Cache SET value = CAST(X'00' || substr(value, 2) AS BLOB) {ONE}",
    "cut": f"UPDATE Cache SET value = substr(value, 1, length(value) - 1) {ONE}",
    "empty": f"UPDATE Cache SET value = X'' {ONE}",
    "a checksum alone, of another": f"UPDATE Cache SET value = zeroblob(16) {ONE}",
    "swapped": f"UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = 'key 6') {ONE}",
    "text": f"UPDATE Cache SET value = 'text that is longer than a checksum' {ONE}",
    "text that is none": f"UPDATE Cache SET value = CAST(X'ff00fe' AS TEXT) {ONE}",
    "nothing": f"UPDATE Cache SET value = NULL {ONE}",
    "a key that is a blob": f"UPDATE Cache SET key = X'80' {ONE}",
    "a key that is no text": f"UPDATE Cache SET key = CAST(X'ff00fe' AS TEXT) {ONE}",
    "an empty key": f"UPDATE Cache SET key = '' {ONE}",
    "a pickled key": f"UPDATE Cache SET raw = 0 {ONE}",
    "a pickled value": f"UPDATE Cache SET mode = 4 {ONE}",
    "a value in a file": f"UPDATE Cache SET mode = 2, filename = 'ab/cd/ef.val', value = NULL {ONE}",
    "a file name": f"UPDATE Cache SET filename = '/etc/passwd' {ONE}",
    "one that expires": f"UPDATE Cache SET expire_time = 5 {ONE}",
    "far away": f"UPDATE Cache SET rowid = -9223372036854775807, value = X'00' {ONE}",
}


@pytest.mark.parametrize("statement", BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_bad_entries_are_removed(folder: Path, statement: str) -> None:
    sql(folder, statement)
    found = mended(folder, "entries")
    assert found.entries == 100
    assert held() == {key: value for key, value in VALUES.items() if key != "key 5"}


def test_many_bad_entries_among_more() -> None:
    cache = Cache()
    cache.set_many({f"{number}": b"value" * number for number in range(600)}, "block")
    cache.close()
    sql(cache.directory / "v1", "UPDATE Cache SET value = zeroblob(16) WHERE rowid % 3 = 0")
    sql(cache.directory / "v1", "UPDATE Cache SET mode = 5 WHERE rowid % 3 = 1")
    assert kinds(verify_cache()) == [("entries", 200), ("entries", 200)]
    assert verify_cache().status == "sound" and Cache().info()["entries"] == 200


class Evil:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_pickles_are_removed_and_not_loaded(folder: Path, tmp_path: Path) -> None:
    evil = pickle.dumps(Evil(tmp_path / "mark"))
    sql(folder, "UPDATE Cache SET mode = 4, value = ? WHERE key = 'key 1'", evil)
    sql(folder, "UPDATE Cache SET raw = 0, key = ? WHERE key = 'key 2'", evil)
    (folder / "ab" / "cd").mkdir(parents=True)
    (folder / "ab" / "cd" / "ef.val").write_bytes(evil)
    sql(folder, "UPDATE Cache SET mode = 4, value = NULL, filename = 'ab/cd/ef.val' WHERE key = 'key 3'")
    assert kinds(verify_cache()) == [("entries", 3)]
    assert len(held()) == 97 and not (tmp_path / "mark").exists()
    pickle.loads(evil)  # noqa: S301 - it would have been seen
    assert (tmp_path / "mark").exists()


# The database


@pytest.mark.parametrize("where", [100, 4096 + 3, 3 * 4096 + 10, 5 * 4096 + 1])
def test_flipped_pages_are_found(folder: Path, where: int) -> None:
    data = bytearray((folder / "cache.db").read_bytes())
    for offset in range(where, where + 8):
        data[offset] ^= 0xFF
    (folder / "cache.db").write_bytes(data)
    assert verify_cache().status == "mended"
    assert set(held()) < set(VALUES) and verify_cache().status == "sound"


@pytest.mark.parametrize(
    "content", [b"no database at all " * 1000, b"SQLite format 3\0" + b"\xff" * 9000, b"x" * 600, bytes(5000)]
)
def test_what_is_no_database_is_removed(folder: Path, content: bytes) -> None:
    (folder / "cache.db").write_bytes(content)
    assert Cache().get("key 1") is None
    mended(folder, "database")
    assert held() == {}


def test_a_schema_that_is_no_text(folder: Path) -> None:
    """SQLite quotes it in its complaint, and that cannot be decoded."""
    with closing(sqlite3.connect(folder / "cache.db")) as base:
        base.execute("PRAGMA writable_schema = 1")
        base.execute("UPDATE sqlite_master SET name = CAST(X'fffe80' AS TEXT), sql = 'CREATE'")
        base.commit()
    mended(folder, "database")
    assert run("cache", "verify", "--json").json["status"] == "sound"


def test_a_database_that_keeps_nothing_is_removed(folder: Path) -> None:
    sql(folder, "CREATE TRIGGER t AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END")
    assert kinds(verify_cache()) == [("database", 1)]
    assert held() == {}


# Files and folders


@pytest.mark.parametrize("name", ["cache.db", "cache.db-wal", "cache.db-shm"])
@pytest.mark.parametrize("what", ["link", "dangling", "fifo"])
def test_files_of_another_kind_are_removed(folder: Path, tmp_path: Path, what: str, name: str) -> None:
    path, target = folder / name, tmp_path / "target"
    path.unlink(missing_ok=True)
    target.write_bytes(b"precious" * 1000)
    if what == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(target if what == "link" else tmp_path / "nowhere")
    cache = Cache()
    cache.set_many({"a": b"1"}, "block")
    assert cache.get("a") is None and f"holds a {name}" in (cache.problem or "")
    assert cache.clear() == 0 and path.lstat()
    mended(folder, "file")
    assert target.read_bytes() == b"precious" * 1000 and not (tmp_path / "nowhere").exists()
    held()


def test_a_folder_in_the_way_stays(folder: Path) -> None:
    (folder / "cache.db").unlink()
    (folder / "cache.db").mkdir()
    (folder / "cache.db" / "precious").touch()
    found = verify_cache()
    assert (found.status, kinds(found)) == ("damaged", [("file", 1)])
    assert found.findings[0].remedy == f"remove {folder / 'cache.db'}"
    assert (folder / "cache.db" / "precious").exists()


def test_what_others_could_look_into_is_closed(folder: Path) -> None:
    folder.chmod(0o755)
    mended(folder, "directory")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert held() == VALUES


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_what_others_could_write_to_is_removed(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    mended(folder, "directory")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert held() == {}  # whoever could write could make checksums that fit


def test_an_open_folder_in_use_stays_open(folder: Path, impatient: None) -> None:
    """Closed to others, but with what they may have put there, it would be used."""
    user = Lock(folder)
    assert user.acquire()
    folder.chmod(0o777)
    found = verify_cache()
    assert (found.status, kinds(found)) == ("damaged", [("directory", 1)])
    assert "no other h5s3" in str(found.findings[0].remedy)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777
    user.release()
    assert verify_cache().status == "mended" and held() == {}


@pytest.mark.parametrize("part", ["", "v1"])
@pytest.mark.parametrize("what", ["link", "file", "open"])
def test_what_is_not_ours_is_left_alone(folder: Path, tmp_path: Path, what: str, part: str) -> None:
    path = folder.parent / part
    if what == "open":
        path = folder.parent
        path.chmod(0o777)
    else:
        shutil.move(path, tmp_path / "moved")
        path.symlink_to(tmp_path / "moved") if what == "link" else path.touch()
    before = path.lstat()
    found = verify_cache()
    assert (found.status, kinds(found)) == ("damaged", [("directory", 1)])
    assert "H5S3_CACHE_DIR" in str(found.findings[0].remedy)
    assert (path.lstat().st_mode, path.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert run("cache", "verify").code == 6


def test_a_name_that_diskcache_would_expand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOMEWHERE", "elsewhere")
    found = verify(tmp_path / "$SOMEWHERE", mend=True)
    assert (found.status, kinds(found)) == ("damaged", [("directory", 1)])
    assert list(tmp_path.iterdir()) == []


# Beside others


def test_a_damaged_database_in_use_is_not_removed(folder: Path, impatient: None) -> None:
    user = Lock(folder)
    assert user.acquire()
    (folder / "cache.db").write_bytes(b"x" * 600)
    before = everything(folder)
    found = verify_cache()
    assert (found.status, kinds(found)) == ("damaged", [("database", 1)])
    assert "no other h5s3" in str(found.findings[0].remedy)
    assert everything(folder) == before
    user.release()
    assert verify_cache().status == "mended" and held() == {}


def test_while_a_database_is_removed_nobody_verifies(folder: Path, impatient: None) -> None:
    remover = Lock(folder)
    assert remover.acquire(exclusive=True)
    with pytest.raises(H5s3Error, match="locked by another process"):
        verify_cache()
    assert "locked" in run("cache", "verify").failed(1)
    remover.release()
    assert verify_cache().status == "sound"


def test_a_locked_database_is_left_as_it_is(folder: Path, impatient: None) -> None:
    sql(folder, "UPDATE Cache SET value = X'00' WHERE key = 'key 5'")
    with closing(sqlite3.connect(folder / "cache.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert kinds(verify_cache(mend=False)) == [("entries", 1)]  # to look needs no lock
        assert "locked by another process" in run("cache", "verify").failed(1)
    assert kinds(verify_cache()) == [("entries", 1)]


def test_an_entry_that_was_replaced_meanwhile_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sql(folder, "UPDATE Cache SET value = X'00' WHERE key IN ('key 5', 'key 6')")
    remove = verifying._remove_bad_entry

    def late(base: sqlite3.Connection, number: int) -> None:
        with closing(Cache()) as cache:
            cache.set_many({"key 5": VALUES["key 5"]}, "block")
        remove(base, number)

    monkeypatch.setattr(verifying, "_remove_bad_entry", late)
    assert kinds(verify_cache()) == [("entries", 2)]
    assert set(VALUES) - set(held()) == {"key 6"}


def test_writers_beside_it_lose_nothing(folder: Path) -> None:
    wrong: list[str] = []
    done, written = threading.Event(), {"a": 0, "b": 0}

    def write(name: str) -> None:
        with closing(Cache()) as cache:
            while not done.wait(0.005):
                number, written[name] = written[name], written[name] + 1
                cache.set_many({f"{name}/{number}/{n}": bytes(9000) for n in range(10)}, "block")
                if cache.get(f"{name}/{number}/5") != bytes(9000):
                    wrong.append(f"{name}/{number}: {cache.problem}")

    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for writer in writers:
        writer.start()
    try:
        for _ in range(3):
            assert verify_cache().status == "sound"
    finally:
        done.set()
    for writer in writers:
        writer.join()
    assert wrong == []
    assert verify_cache().entries == 100 + 10 * sum(written.values()) and held() == VALUES


# The command


def test_the_command_says_what_it_checked_found_and_mended(folder: Path) -> None:
    where = str(folder.parent)
    size = sum(map(len, VALUES.values())) + 16 * 100
    first = [f"path     {where}", f"checked  100 entries, {size / 1000:.1f} kB"]
    assert run("cache", "verify").lines == [*first, "result   nothing is wrong"]
    assert run("cache", "verify", "--json").json == {
        "schema": "h5s3/cache-verify/1", "path": where, "exists": True, "dry_run": False, "status": "sound",
        "entries": 100, "bytes": size, "other_files": 0, "findings": [],
    }  # fmt: skip
    sql(folder, f"UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = 'key 6') {ONE}")
    (folder / "notes").touch()
    others = "others   1 file that the cache did not make: left alone"
    dry = run("cache", "verify", "--dry-run")
    assert dry.code == 6 and dry.out.splitlines()[2:] == [
        "damaged  1 entries whose hash does not fit",
        others,
        "result   something is wrong, and was left so (--dry-run)",
    ]
    assert run("cache", "verify", "--dry-run", "--json").code == 6
    assert run("cache", "verify").lines[2:] == [
        "mended   1 entries whose hash does not fit",
        others,
        "result   all that was wrong is mended",
    ]
    sql(folder, "UPDATE Cache SET value = zeroblob(99) WHERE key = 'key 6'")
    assert run("cache", "verify", "--json").json["findings"] == [
        {"what": "entries", "detail": "entries whose hash does not fit", "count": 1, "mended": True}
    ]


def test_the_command_where_there_is_nothing() -> None:
    assert run("cache", "verify").lines == [
        f"path     {Cache().directory}",
        "checked  nothing: it is not there yet",
        "result   nothing is wrong",
    ]


def test_a_directory_whose_name_is_no_utf8(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("H5S3_CACHE_DIR", os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b"))
    with closing(Cache()) as cache:
        cache.set_many({"a": b"1"}, "block")
    for command in ("info", "verify", "clear", "path"):
        assert run("cache", command, "--json").json["path"] == f"{tmp_path}/\\xff\x1b"
        if command != "path":
            assert "\x1b" not in run("cache", command).out
    exact = subprocess.run(tool("cache", "path"), env=environment(), capture_output=True, timeout=60)
    assert exact.stdout == os.fsencode(tmp_path) + b"/\xff\x1b\n"
    assert "\x1b" not in on_terminal("cache", "path", columns=80)[1]
    (Cache().directory / "v1" / "cache.db").write_bytes(b"x" * 600)
    assert run("cache", "verify", "--json").json["status"] == "mended"


def test_clear_and_path_as_json(folder: Path) -> None:
    where = str(folder.parent)
    assert run("cache", "path", "--json").json == {"schema": "h5s3/cache-path/1", "path": where}
    assert run("cache", "clear", "--json").json == {
        "schema": "h5s3/cache-clear/1",
        "path": where,
        "entries": 100,
    }
