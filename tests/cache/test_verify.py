"""`h5s3 cache verify`: what is damaged is found, said and mended; what is sound stays; nobody is harmed."""

from __future__ import annotations

import ast
import os
import pickle
import shutil
import sqlite3
import stat
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import h5s3
from h5s3.cache import Cache
from h5s3.cache import directory as place
from h5s3.cache.directory import Hold
from h5s3.cache.verify import Audit
from h5s3.cache.verify_rows import TAGS
from h5s3.errors import H5s3Error
from h5s3.explore.cache import verify_cache
from h5s3.records import CacheVerify
from tests.support.cli import command as tool
from tests.support.cli import environment, on_terminal, run

MIB = 1 << 20
VALUES = {f"key {number}": bytes([number]) * number * 50 for number in range(100)}


@pytest.fixture
def ours() -> Path:
    """The folder of a cache that holds `VALUES`."""
    return fill(Cache().directory / "v1")


def fill(ours: Path) -> Path:
    """The folder, with `VALUES` in it."""
    cache = Cache(ours.parent)
    cache.set_many(dict(list(VALUES.items())[:60]), "block")
    cache.set_many(dict(list(VALUES.items())[60:]), "answer")
    assert cache.problem is None
    cache.close()
    return cache.directory / "v1"


def sql(ours: Path, statement: str, *values: object) -> None:
    """One SQL statement behind the cache's back."""
    base = sqlite3.connect(ours / "cache.db")
    base.execute(statement, values)
    base.commit()
    base.close()


def held() -> dict[str, bytes]:
    """What of `VALUES` the cache has; all that it has is right."""
    cache = Cache()
    found = cache.get_many(VALUES)
    assert cache.problem is None
    assert all(VALUES[key] == value for key, value in found.items())
    cache.set_many({"new": b"new"}, "block")
    assert cache.get("new") == b"new"
    cache.delete("new")
    cache.close()
    return found


def whats(found: CacheVerify) -> list[tuple[str, int]]:
    """Kinds and counts of what was found."""
    return [(finding.what, finding.count) for finding in found.findings]


def everything(ours: Path) -> dict[str, Any]:
    """Names, modes and contents of all files, but for those that SQLite makes to read."""
    return {
        str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(ours.parent.rglob("*"))
        if not path.name.endswith(("-shm", "-wal"))
    }


def mended(ours: Path, what: str, count: int) -> CacheVerify:
    """A dry run tells the damage and changes nothing; a run mends it; another finds nothing."""
    before = everything(ours)
    dry = verify_cache(mend=False)
    assert (dry.status, whats(dry), dry.dry_run) == ("damaged", [(what, count)], True)
    assert not any(finding.mended for finding in dry.findings)
    assert everything(ours) == before
    found = verify_cache()
    assert (found.status, whats(found)) == ("mended", [(what, count)])
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
    Cache().directory.mkdir(mode=0o700)
    assert verify_cache().status == "sound"
    assert list(Cache().directory.iterdir()) == []


def test_a_sound_cache_stays_as_it_is(ours: Path) -> None:
    before = everything(ours)
    found = verify_cache()
    assert (found.status, found.findings, found.other_files) == ("sound", [], 0)
    assert (found.entries, found.bytes) == (100, sum(map(len, VALUES.values())) + 16 * 100)
    assert everything(ours) == before
    assert held() == VALUES


def test_a_half_made_database_is_sound(ours: Path) -> None:
    """A kill while the database is made leaves tables missing, which the next command makes."""
    for path in ours.glob("cache.db*"):
        path.unlink()
    assert verify_cache().status == "sound"
    (ours / "cache.db").touch()
    assert verify_cache().status == "sound"
    sql(ours, "CREATE TABLE Settings ( key TEXT NOT NULL UNIQUE, value)")
    assert verify_cache(mend=False).status in ("sound", "damaged")
    verify_cache()
    assert held() == {} and verify_cache().status == "sound"


# Entries

ONE = "WHERE key = 'key 5'"
BAD_ROWS = {
    "flipped": f"UPDATE Cache SET value = CAST(X'00' || substr(value, 2) AS BLOB) {ONE}",
    "cut": f"UPDATE Cache SET value = substr(value, 1, length(value) - 1) {ONE}",
    "longer": f"UPDATE Cache SET value = CAST(value || X'00' AS BLOB) {ONE}",
    "empty": f"UPDATE Cache SET value = X'' {ONE}",
    "a hash alone, of another": f"UPDATE Cache SET value = zeroblob(16) {ONE}",
    "huge": f"UPDATE Cache SET value = zeroblob(150000000) {ONE}",
    "swapped": f"UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = 'key 6') {ONE}",
    "text": f"UPDATE Cache SET value = 'text' {ONE}",
    "nothing": f"UPDATE Cache SET value = NULL {ONE}",
    "a number": f"UPDATE Cache SET value = 5 {ONE}",
    "a key that is a blob": f"UPDATE Cache SET key = X'80' {ONE}",
    "a key that is no text": f"UPDATE Cache SET key = CAST(X'ff00fe' AS TEXT) {ONE}",
    "an empty key": f"UPDATE Cache SET key = '' {ONE}",
    "a long key": f"UPDATE Cache SET key = CAST(zeroblob(100000) AS TEXT) {ONE}",
    "a pickled key": f"UPDATE Cache SET raw = 0 {ONE}",
    "a pickled value": f"UPDATE Cache SET mode = 4 {ONE}",
    "a value in a file": f"UPDATE Cache SET mode = 2, filename = 'ab/cd/ef.val', value = NULL {ONE}",
    "a value in a file of another": f"UPDATE Cache SET filename = '/etc/passwd' {ONE}",
    "that ends": f"UPDATE Cache SET expire_time = 5 {ONE}",
    "of no time": f"UPDATE Cache SET store_time = 'x' {ONE}",
    "of a size": f"UPDATE Cache SET size = 5 {ONE}",
    "of no time before or after": f"UPDATE Cache SET store_time = 9e300, access_time = 9e300 {ONE}",
    "of the day after tomorrow": f"UPDATE Cache SET store_time = strftime('%s', 'now') + 172800 {ONE}",
    "of before all time": f"UPDATE Cache SET store_time = -1, access_time = -1 {ONE}",
    "stored never": f"UPDATE Cache SET store_time = NULL, access_time = NULL {ONE}",
    "read at another time": f"UPDATE Cache SET access_time = 5 {ONE}",
    "read at no time": f"UPDATE Cache SET access_time = X'00' {ONE}",
    "counted": f"UPDATE Cache SET access_count = 5 {ONE}",
    "counted in words": f"UPDATE Cache SET access_count = 'x' {ONE}",
    "with a file's name": f"UPDATE Cache SET filename = '' {ONE}",
    "of an unknown kind": f"UPDATE Cache SET tag = 'blocks' {ONE}",
    "of a kind in bytes": f"UPDATE Cache SET tag = CAST('block' AS BLOB) {ONE}",
    "without a tag": f"UPDATE Cache SET tag = NULL {ONE}",
    "far away": f"UPDATE Cache SET rowid = -9223372036854775807, value = X'00' {ONE}",
}


@pytest.mark.parametrize("statement", BAD_ROWS.values(), ids=BAD_ROWS)
def test_bad_entries_are_removed(ours: Path, statement: str) -> None:
    sql(ours, statement)
    found = mended(ours, "entries", 1)
    assert found.entries == 100
    assert held() == {key: value for key, value in VALUES.items() if key != "key 5"}


def test_many_bad_entries_among_more() -> None:
    cache = Cache()
    cache.set_many({f"{number}": b"value" * number for number in range(2500)}, "block")
    cache.close()
    sql(cache.directory / "v1", "UPDATE Cache SET value = X'00' WHERE rowid % 3 = 0")
    sql(cache.directory / "v1", "UPDATE Cache SET tag = 5 WHERE rowid % 3 = 1")
    (found,) = {(f.what, f.count) for f in verify_cache().findings if "shape" in f.detail}
    assert found == ("entries", 834)
    assert verify_cache().status == "sound" and Cache().info()["entries"] == 833


class Evil:
    """Unpickled, it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_pickles_are_removed_and_not_loaded(ours: Path, tmp_path: Path) -> None:
    evil = pickle.dumps(Evil(tmp_path / "mark"))
    sql(ours, "UPDATE Cache SET mode = 4, value = ? WHERE key = 'key 1'", evil)
    sql(ours, "UPDATE Cache SET raw = 0, key = ? WHERE key = 'key 2'", evil)
    (ours / "ab" / "cd").mkdir(parents=True)
    (ours / "ab" / "cd" / "ef.val").write_bytes(evil)
    sql(ours, "UPDATE Cache SET mode = 4, value = NULL, filename = 'ab/cd/ef.val' WHERE key = 'key 3'")
    found = verify_cache()
    assert sorted(whats(found)) == [("entries", 1), ("entries", 2), ("strays", 1)]
    assert len(held()) == 97 and not (tmp_path / "mark").exists()
    pickle.loads(evil)  # noqa: S301 - it would have told
    assert (tmp_path / "mark").exists()


# The database


def test_sums_and_foreign_settings(ours: Path) -> None:
    sql(ours, "UPDATE Settings SET value = 5000000000 WHERE key = 'size'")  # all would be evicted
    sql(ours, "UPDATE Settings SET value = 'x' WHERE key = 'hits'")
    sql(ours, "INSERT INTO Settings VALUES ('disk_compress_level', 1), ('clear', 1), ('sqlite_x', 1)")
    mended(ours, "settings", 5)
    assert held() == VALUES


FLIPS = [100, 4096 + 3, 3 * 4096 + 10, 5 * 4096 + 1]


@pytest.mark.parametrize("where", FLIPS)
def test_flipped_pages_are_found(ours: Path, where: int) -> None:
    data = bytearray((ours / "cache.db").read_bytes())
    for offset in range(where, where + 8):
        data[offset] ^= 0xFF
    (ours / "cache.db").write_bytes(data)
    found = verify_cache()
    assert found.status == "mended", found
    assert set(held()) < set(VALUES) and verify_cache().status == "sound"


@pytest.mark.parametrize(
    "content", [b"no database at all " * 1000, b"SQLite format 3\0" + b"\xff" * 9000, b"x" * 600, bytes(5000)]
)
def test_what_is_no_database_is_made_anew(ours: Path, content: bytes) -> None:
    for extra in ours.glob("cache.db-*"):
        extra.unlink()
    (ours / "cache.db").write_bytes(content)
    assert Cache().get("key 1") is None
    mended(ours, "database", 1)
    assert held() == {}


def test_a_schema_that_is_no_text_is_made_anew(ours: Path) -> None:
    """SQLite quotes it in its complaint, and that cannot be decoded."""
    base = sqlite3.connect(ours / "cache.db")
    base.execute("PRAGMA writable_schema = 1")
    base.execute("UPDATE sqlite_master SET name = CAST(X'fffe80' AS TEXT), sql = 'CREATE'")
    base.commit()
    base.close()
    mended(ours, "database", 1)
    assert run("cache", "verify", "--json").json["status"] == "sound"


SHAPES = {
    "a column more": "ALTER TABLE Cache ADD COLUMN more INTEGER NOT NULL DEFAULT 5",
    "a column less": "ALTER TABLE Cache DROP COLUMN access_count",
    "no index": "DROP INDEX Cache_key_raw",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
    "another table": "CREATE TABLE other (a)",
    "a view": "CREATE VIEW v AS SELECT * FROM Cache",
}


@pytest.mark.parametrize("statement", SHAPES.values(), ids=SHAPES)
def test_tables_of_another_shape_are_made_anew(ours: Path, statement: str) -> None:
    sql(ours, statement)
    mended(ours, "database", 1)
    assert held() == {}


def test_a_column_less_is_told_and_clear_mends_it_too(ours: Path) -> None:
    sql(ours, "ALTER TABLE Cache DROP COLUMN filename")
    cache = Cache()
    assert cache.get("key 1") is None and "cache verify" in (cache.problem or "")
    cache.close()
    cache.clear()
    assert held() == {}


# Files and folders


def test_strays_are_removed_and_the_rest_is_left(ours: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "ef.val").write_bytes(b"precious")
    for name in ("ab/cd", "ab/ce", "ff", "notes"):
        (ours / name).mkdir(parents=True)
    (ours / "ab" / "cd" / "0123.val").write_bytes(b"1" * 100)
    (ours / "ab" / "cd" / "4567.val").symlink_to(tmp_path / "elsewhere" / "ef.val")
    os.mkfifo(ours / "ab" / "ce" / "89.val")
    (ours / "ab" / "cf").symlink_to(tmp_path / "elsewhere")
    (ours / "notes" / "mine.txt").write_bytes(b"mine")
    found = mended(ours, "strays", 3)
    assert found.other_files == 2
    assert sorted(path.name for path in ours.iterdir() if path.is_dir()) == ["ab", "notes"]
    assert [path.name for path in (ours / "ab").iterdir()] == ["cf"]
    assert (ours / "notes" / "mine.txt").exists() and (tmp_path / "elsewhere" / "ef.val").exists()
    assert held() == VALUES


@pytest.mark.parametrize("name", ["cache.db", "cache.db-wal", "cache.db-shm", "lock"])
@pytest.mark.parametrize("what", ["link", "dangling", "fifo", "folder", "others"])
def test_files_of_another_kind_are_not_used_and_removed(
    ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, name: str
) -> None:
    path, target = ours / name, tmp_path / "target"
    if path.exists():
        path.unlink()
    target.write_bytes(b"precious" * 1000)
    if what in ("link", "dangling"):
        path.symlink_to(target if what == "link" else tmp_path / "nowhere")
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.touch()
        owned_by_another(path, monkeypatch)
    cache = Cache()
    cache.set_many({"a": b"1"}, "block")
    assert cache.get("a") is None and f"holds a {name}" in (cache.problem or "")
    assert cache.clear() == 0 and path.is_symlink() == (what in ("link", "dangling"))
    mended(ours, "file", 1)
    assert target.read_bytes() == b"precious" * 1000 and not (tmp_path / "nowhere").exists()
    held()


def owned_by_another(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a path belong to another user, or seem to."""
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
        return
    real = place.mine
    inode = path.lstat().st_ino
    monkeypatch.setattr(place, "mine", lambda status: status.st_ino != inode and real(status))


def test_a_folder_in_the_way_stays(ours: Path) -> None:
    (ours / "lock").unlink()
    (ours / "lock").mkdir()
    (ours / "lock" / "precious").touch()
    found = verify_cache()
    assert (found.status, whats(found)) == ("damaged", [("file", 1)])
    assert found.findings[0].remedy == f"remove {ours / 'lock'}"
    assert (ours / "lock" / "precious").exists()


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711])
def test_what_others_could_look_into_is_closed(ours: Path, mode: int) -> None:
    ours.chmod(mode)
    mended(ours, "directory", 1)
    assert stat.S_IMODE(ours.stat().st_mode) == 0o700
    assert held() == VALUES


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_what_others_could_write_to_is_not_used_and_made_anew(ours: Path, mode: int) -> None:
    ours.chmod(mode)
    cache = Cache()
    assert cache.get("key 1") is None and "written to by others" in (cache.problem or "")
    mended(ours, "directory", 1)
    assert stat.S_IMODE(ours.stat().st_mode) == 0o700
    assert held() == {}  # whoever could write could make hashes that fit


def test_where_it_cannot_be_made_anew_it_stays_open(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed to others, but with what they may have put there, it would be used."""
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.1)
    user = Hold(ours)
    assert user.take()
    ours.chmod(0o777)
    found = verify_cache()
    assert (found.status, whats(found)) == ("damaged", [("directory", 1)])
    assert stat.S_IMODE(ours.stat().st_mode) == 0o777
    user.release()
    with monkeypatch.context() as patch:
        patch.setattr("h5s3.cache.cleanup.open_database", lambda _: open("/dev/full", "wb", 0).write(b"1"))
        with pytest.raises(H5s3Error, match="no room"):
            verify_cache()
    assert stat.S_IMODE(ours.stat().st_mode) == 0o777
    assert verify_cache().status == "mended" and held() == {}


@pytest.mark.parametrize(("name", "mode"), [("", 0o500), ("", 0o300), ("cache.db", 0o400), ("lock", 0o000)])
def test_what_is_closed_to_its_owner_is_opened(ours: Path, name: str, mode: int) -> None:
    (ours / name).chmod(mode)
    mended(ours, "file" if name else "directory", 1)
    assert (ours / name).stat().st_mode & 0o700 == (0o600 if name else 0o700)
    assert held() == VALUES


LOOSE_FILES = [(name, mode) for name in ("cache.db", "cache.db-wal", "cache.db-shm", "lock")
               for mode in (0o666, 0o620, 0o602)]  # fmt: skip


@pytest.mark.parametrize(("name", "mode"), LOOSE_FILES)
def test_files_that_others_could_write_to_are_not_used_and_made_anew(
    ours: Path, name: str, mode: int
) -> None:
    for mend in (verify_cache, Cache().clear):
        fill(ours)
        (ours / name).touch()
        (ours / name).chmod(mode)
        number = (ours / name).stat().st_ino
        kept = (ours / name).open("rb")  # the number is not used again
        cache = Cache()
        assert cache.get("key 1") is None and "others can write to" in (cache.problem or "")
        before = everything(ours)
        dry = verify_cache(mend=False)
        assert (dry.status, whats(dry), dry.entries) == ("damaged", [("file", 1)], 0)
        assert f"{name} (mode {mode:04o})" in dry.findings[0].detail and everything(ours) == before
        mend()
        assert not (ours / name).exists() or (ours / name).stat().st_ino != number
        kept.close()
        assert verify_cache().findings == [] and held() == {}


def test_files_in_use_that_others_could_write_to_are_not_taken_away(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.1)
    user = Hold(ours)
    assert user.take()
    (ours / "cache.db").chmod(0o666)
    found = verify_cache()
    assert (found.status, whats(found)) == ("damaged", [("file", 1)])
    assert "no other h5s3" in str(found.findings[0].remedy)
    assert "locked" in run("cache", "clear").failed(1)
    assert stat.S_IMODE((ours / "cache.db").stat().st_mode) == 0o666
    user.release()
    assert run("cache", "clear").code == 0 and held() == {}


def test_whoever_waited_for_a_lock_that_was_removed_takes_the_new_one(ours: Path) -> None:
    first, second = Hold(ours), Hold(ours)
    assert first.take(alone=True)
    waiting = threading.Thread(target=second.take)
    waiting.start()
    time.sleep(0.1)
    (ours / "lock").unlink()
    first.release()
    waiting.join()
    assert second._number is not None
    assert os.path.samestat(os.fstat(second._number), (ours / "lock").stat())
    second.release()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_are_made_for_their_owner_alone(tmp_path: Path, umask: int) -> None:
    cache = Cache(tmp_path / "new")
    (tmp_path / "new" / "v1").mkdir(mode=0o700, parents=True)
    before = os.umask(umask)
    try:
        cache.set_many({"a": b"1"}, "block")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (cache.directory / "v1").iterdir()}
        assert modes == dict.fromkeys(("cache.db", "cache.db-shm", "cache.db-wal", "lock"), 0o600)
    finally:
        os.umask(before)
    assert cache.get("a") == b"1"
    cache.close()


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_the_named_directory_is_closed_where_it_is_the_caches_alone(ours: Path, mode: int) -> None:
    ours.parent.chmod(mode)
    assert "written to by others" in (problem := unused()) and "chmod" in problem
    mended(ours, "directory", 1)
    assert stat.S_IMODE(ours.parent.stat().st_mode) == 0o700
    assert held() == VALUES
    ours.parent.chmod(mode)
    (ours.parent / "precious").touch()
    found = verify_cache()
    assert (found.status, whats(found)) == ("damaged", [("directory", 1)])
    assert "chmod" in str(found.findings[0].remedy)
    assert stat.S_IMODE(ours.parent.stat().st_mode) == mode


def unused() -> str:
    """Why nothing is had of a cache."""
    cache = Cache()
    assert cache.get("key 1") is None
    return str(cache.problem)


def test_directories_above_may_be_open_to_all(ours: Path, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all").chmod(0o1777)
    cache = Cache(tmp_path / "all" / "cache")
    cache.set_many({"a": b"1"}, "block")
    assert (cache.get("a"), cache.problem) == (b"1", None)
    cache.close()
    assert Audit(cache.directory, mend=False).run().status == "sound"


def test_all_kinds_that_the_program_stores_are_known() -> None:
    calls = [
        node
        for path in Path(h5s3.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "set_many"
    ]
    tags = {call.args[1].value for call in calls if isinstance(call.args[1], ast.Constant)}
    assert tags == set(TAGS)


@pytest.mark.parametrize("part", ["", "v1"])
@pytest.mark.parametrize("what", ["link", "file", "others"])
def test_what_is_not_ours_is_left_alone(
    ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, part: str
) -> None:
    path = ours.parent / part
    if what == "others":
        owned_by_another(path, monkeypatch)
    else:
        shutil.move(path, tmp_path / "moved")
        path.symlink_to(tmp_path / "moved") if what == "link" else path.touch()
    before = path.lstat()
    found = verify_cache()
    assert (found.status, whats(found)) == ("damaged", [("directory", 1)])
    assert "H5S3_CACHE_DIR" in str(found.findings[0].remedy)
    assert (path.lstat().st_mode, path.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert run("cache", "verify").code == 6


def test_the_cache_of_an_older_release_is_removed(ours: Path) -> None:
    directory = ours.parent
    shutil.copytree(ours, directory / "v0")
    (directory / "v0" / "ab" / "cd").mkdir(parents=True)
    (directory / "v0" / "ab" / "cd" / "ef.val").touch()
    others = ["v-1", "v00", "v00x", "v9", "version"]
    for name in others:
        shutil.copytree(ours, directory / name)
    (directory / "v000").mkdir()  # no cache in it
    mended(ours, "older", 1)
    assert sorted(p.name for p in directory.iterdir()) == sorted([*others, "v000", "v1"])
    assert held() == VALUES


def another_base(folder: Path, statement: str) -> None:
    """A database of the user's own."""
    (folder / "cache.db").unlink(missing_ok=True)
    sql(folder, statement)


THE_USERS: dict[str, Callable[[Path], object]] = {
    "a file": lambda folder: (folder / "precious").touch(),
    "a folder": lambda folder: (folder / "empty").mkdir(),
    "a file deeper": lambda folder: ((folder / "ab").mkdir(), (folder / "ab" / "precious").touch()),
    "a link": lambda folder: (folder / "cache.db-shm").symlink_to("nowhere"),
    "a file alone": lambda folder: (folder / "cache.db").write_bytes(b"precious"),
    "a table": lambda folder: sql(folder, "CREATE TABLE precious (a)"),
    "another database": lambda folder: another_base(folder, "CREATE TABLE precious (a)"),
    "another diskcache": lambda folder: sql(
        folder, "UPDATE Settings SET value = 32768 WHERE key = 'disk_min_file_size'"
    ),
    "a log": lambda folder: (folder / "cache.db-wal").write_bytes(b"precious"),
}


@pytest.mark.parametrize("what", THE_USERS)
def test_a_folder_of_the_users_is_left_alone_and_no_damage(ours: Path, what: str) -> None:
    folder = ours.parent / "v0"
    shutil.copytree(ours, folder)
    THE_USERS[what](folder)
    before = everything(ours)
    for mend in (False, True):
        assert verify_cache(mend=mend).status == "sound"
    assert everything(ours) == before
    assert Cache().clear() == 100
    after = everything(ours)
    assert {name: after[name] for name in before if "/v0" in name} == {
        name: before[name] for name in before if "/v0" in name
    }


def test_an_older_release_at_work_keeps_its_cache(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.1)
    shutil.copytree(ours, ours.parent / "v0")
    user = Hold(ours.parent / "v0")
    assert user.take()
    found = verify_cache()
    assert (found.status, whats(found)) == ("damaged", [("older", 1)])
    assert "no other h5s3" in str(found.findings[0].remedy)
    user.release()
    assert verify_cache().status == "mended" and not (ours.parent / "v0").exists()


def test_clear_forgets_older_releases_and_strays_too(ours: Path) -> None:
    shutil.copytree(ours, ours.parent / "v0")
    (ours / "ab" / "cd").mkdir(parents=True)
    (ours / "ab" / "cd" / "ef.val").touch()
    assert Cache().clear() == 100
    assert [path.name for path in ours.parent.iterdir()] == ["v1"] and not (ours / "ab").exists()


# Beside others


def test_a_database_in_use_is_not_taken_away(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.1)
    user = Hold(ours)
    assert user.take()
    sql(ours, "CREATE TABLE other (a)")
    before = everything(ours)
    found = verify_cache()
    assert (found.status, whats(found)) == ("damaged", [("database", 1)])
    assert "no other h5s3" in str(found.findings[0].remedy)
    assert everything(ours) == before
    user.release()
    assert verify_cache().status == "mended" and held() == {}


def test_while_it_is_made_anew_nobody_comes_in(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.1)
    maker = Hold(ours)
    assert maker.take(alone=True)
    cache = Cache()
    assert cache.get("key 1") is None and cache.problem == "is locked by another process"
    with pytest.raises(H5s3Error, match="locked by another process"):
        verify_cache()
    assert "locked" in run("cache", "verify").failed(1)
    maker.release()
    assert held() == VALUES


def test_a_locked_database_is_left_as_it_is(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.1)
    sql(ours, "UPDATE Cache SET value = X'00' WHERE key = 'key 5'")
    other = sqlite3.connect(ours / "cache.db")
    other.execute("BEGIN IMMEDIATE")
    assert whats(verify_cache(mend=False)) == [("entries", 1)]  # to look takes no lock
    assert "locked by another process" in run("cache", "verify").failed(1)
    other.rollback()
    other.close()
    assert whats(verify_cache()) == [("entries", 1)]


def test_damage_while_it_is_made_anew_is_told(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (ours / "cache.db").write_bytes(b"x" * 600)
    monkeypatch.setattr("h5s3.cache.cleanup.open_database", lambda _: b"\xff".decode())
    assert "the cache is damaged" in run("cache", "verify").failed(1)


def test_an_entry_that_was_replaced_meanwhile_stays(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from h5s3.cache import verify as audit

    sql(ours, "UPDATE Cache SET value = X'00' WHERE key IN ('key 5', 'key 6')")
    real = audit.remove_bad

    def late(base: sqlite3.Connection, numbers: list[int]) -> None:
        cache = Cache()
        cache.set_many({"key 5": VALUES["key 5"]}, "block")
        cache.close()
        real(base, numbers)

    monkeypatch.setattr(audit, "remove_bad", late)
    assert whats(verify_cache()) == [("entries", 2)]
    assert set(VALUES) - set(held()) == {"key 6"}


def test_writers_beside_it_lose_nothing(ours: Path) -> None:
    wrong: list[str] = []

    done, written = threading.Event(), {"a": 0, "b": 0}

    def write(name: str) -> None:
        cache = Cache()
        while not done.wait(0.005):
            number, written[name] = written[name], written[name] + 1
            cache.set_many({f"{name}/{number}/{n}": bytes(9000) for n in range(10)}, "block")
            if cache.get(f"{name}/{number}/5") != bytes(9000):
                wrong.append(f"{name}/{number}")
        if cache.problem:
            wrong.append(cache.problem)
        cache.close()

    writers = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for writer in writers:
        writer.start()
    try:
        looks, until = 0, time.monotonic() + 20
        while looks < 5 or (min(written.values()) <= 5 and time.monotonic() < until):
            assert verify_cache().status == "sound"
            looks += 1
    finally:
        done.set()
    for writer in writers:
        writer.join()
    assert wrong == [] and min(written.values()) > 5
    assert verify_cache().entries == 100 + 10 * sum(written.values()) and held() == VALUES


def test_memory_does_not_grow_with_the_cache(ours: Path) -> None:
    cache = Cache()
    cache.set_many({f"large {number}": os.urandom(12 * MIB) for number in range(3)}, "answer")
    for batch in range(4):
        cache.set_many({f"block {batch}/{number}": bytes(8192) for number in range(1000)}, "block")
    cache.close()
    tracemalloc.start()
    try:
        assert verify_cache().entries == 100 + 3 + 4000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * MIB, f"{peak:,} bytes"


# The command


def test_the_command_says_what_it_checked_found_and_mended(ours: Path) -> None:
    where = str(ours.parent)
    size = sum(map(len, VALUES.values())) + 16 * 100
    first = [f"path     {where}", f"checked  100 entries, {size / 1000:.1f} kB"]
    assert run("cache", "verify").lines == [*first, "result   nothing is wrong"]
    assert run("cache", "verify", "--json").json == {
        "schema": "h5s3/cache-verify/1", "path": where, "exists": True, "dry_run": False, "status": "sound",
        "entries": 100, "bytes": size, "other_files": 0, "findings": [],
    }  # fmt: skip
    sql(ours, f"UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = 'key 6') {ONE}")
    (ours / "notes").touch()
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
    sql(
        ours,
        f"UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = 'key 7') {ONE.replace('5', '6')}",
    )
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
    Cache().set_many({"a": b"1"}, "block")
    for command in ("info", "verify", "clear", "path"):
        assert run("cache", command, "--json").json["path"] == f"{tmp_path}/\\xff\x1b"
        if command != "path":
            assert "\x1b" not in run("cache", command).out
    exact = subprocess.run(tool("cache", "path"), env=environment(), capture_output=True, timeout=60)
    assert exact.stdout == os.fsencode(tmp_path) + b"/\xff\x1b\n"
    assert "\x1b" not in on_terminal("cache", "path", columns=80)[1]
    sql(Cache().directory / "v1", "CREATE TABLE other (a)")
    (Cache().directory / "v1" / "lock").unlink()
    (Cache().directory / "v1" / "lock").symlink_to("nowhere")
    assert run("cache", "verify", "--json").json["status"] == "mended"


def test_clear_and_path_as_json(ours: Path) -> None:
    where = str(ours.parent)
    assert run("cache", "path", "--json").json == {"schema": "h5s3/cache-path/1", "path": where}
    assert run("cache", "clear", "--json").json == {
        "schema": "h5s3/cache-clear/1",
        "path": where,
        "entries": 100,
    }


def test_a_name_that_diskcache_would_expand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOMEWHERE", "elsewhere")
    found = Audit(tmp_path / "$SOMEWHERE", mend=True).run()
    assert (found.status, whats(found)) == ("damaged", [("directory", 1)])
    assert list(tmp_path.iterdir()) == []
