"""Where a cache must not be used, the answer is right all the same, and the receipt says why."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from h5s3.cache import Cache
from h5s3.cache import directory as folders
from h5s3.cache.directory import Lock
from h5s3.explore.cache import clear_cache
from tests.support.cli import file, run, sample
from tests.support.servers.s3 import S3Server
from tests.support.stress import problem_of_a_tree


def given_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To somebody else, or as if."""
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        number = path.lstat().st_ino
        real = folders._is_own
        monkeypatch.setattr(folders, "_is_own", lambda status: status.st_ino != number and real(status))


def linked(path: Path, _: object) -> None:
    """A link to the thing itself, elsewhere."""
    shutil.move(path, path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def dangling(path: Path, _: object) -> None:
    """A link to nothing."""
    path.unlink() if path.is_file() else shutil.rmtree(path)
    path.symlink_to("nowhere")


def replaced(path: Path, _: object) -> None:
    """A file instead of a directory, or the other way round."""
    if path.is_dir():
        shutil.rmtree(path)
        path.touch()
    else:
        path.unlink()
        path.mkdir()


def with_mode(mode: int) -> Callable[[Path, pytest.MonkeyPatch], None]:
    """A change of mode."""
    return lambda path, _: path.chmod(mode)


NO_DIRECTORY, CANNOT = "is not a directory (a symbolic link", "cannot be used (FileExistsError)"
CHANGES: dict[str, tuple[str, Callable[[Path, pytest.MonkeyPatch], None], str]] = {
    "another's": ("", given_away, "belongs to somebody else"),
    "another's within": ("v1", given_away, "belongs to somebody else"),
    "another's database": ("v1/cache.db", given_away, "holds a cache.db that is no plain file of yours"),
    "a link": ("", linked, NO_DIRECTORY),
    "a link within": ("v1", linked, NO_DIRECTORY),
    "a linked database": ("v1/cache.db", linked, "holds a cache.db that is no plain file of yours"),
    "a dangling link": ("", dangling, CANNOT),
    "a dangling link within": ("v1", dangling, CANNOT),
    "a dangling database": ("v1/cache.db", dangling, "holds a cache.db that is no plain file of yours"),
    "a file": ("", replaced, CANNOT),
    "a file within": ("v1", replaced, CANNOT),
    "a folder as database": ("v1/cache.db", replaced, "holds a cache.db that is no plain file of yours"),
    "open to all": ("", with_mode(0o777), "can be written to by others"),
    "open to all within": ("v1", with_mode(0o777), "can be written to by others"),
    "sticky": ("", with_mode(0o1777), "can be written to by others"),
    "sticky within": ("v1", with_mode(0o1777), "can be written to by others"),
    "open to a group": ("", with_mode(0o770), "can be written to by others"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_others_could_have_changed_is_not_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    part, change, reason = CHANGES[name]
    cache = Cache()
    cache.set_many({"a": b"1"}, "block")
    cache.close()
    change(cache.directory / part, monkeypatch)
    assert (problem_of_a_tree() or "").startswith(reason)
    again = Cache()
    assert again.get("a") is None and (again.problem or "").startswith(reason)
    assert again.info()["entries"] == 0
    assert not (cache.directory / "nowhere").exists() and not cache.directory.with_name("nowhere").exists()


def test_the_receipt_and_info_say_what_is_the_matter(rclone: S3Server) -> None:
    where = sample(rclone, "nexus")
    assert run("tree", where, on=rclone).code == 0
    (Cache().directory / "v1").chmod(0o777)
    result = run("tree", where, "--stats", on=rclone)
    problem = "can be written to by others: chmod it to 700, or name another"
    assert result.code == 0 and result.err.endswith(f" · the cache {problem}\n")
    assert run("cache", "info").lines[-1] == f"problem  {problem}"
    assert f"it {problem}" in run("tree", where, "--offline", on=rclone).failed(5)
    assert "problem" not in run("tree", file("nexus")).out


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_its_folders_are_made_private(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        cache = Cache(tmp_path / "new" / "cache")
        cache.set_many({"a": b"1"}, "block")
    finally:
        os.umask(before)
    for folder in (cache.directory, cache.directory / "v1"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    cache.close()
    assert Cache(cache.directory).get("a") == b"1"


def test_a_directory_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    for folder in (tmp_path, tmp_path / "v1"):
        folder.chmod(0o755)
    cache = Cache(tmp_path)
    cache.set_many({"a": b"1"}, "block")
    assert (cache.get("a"), cache.problem) == (b"1", None)
    assert [stat.S_IMODE(f.stat().st_mode) for f in (tmp_path, tmp_path / "v1")] == [0o755, 0o700]
    cache.close()


def test_directories_above_may_be_open_to_all(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all").chmod(0o1777)
    cache = Cache(tmp_path / "all" / "cache")
    cache.set_many({"a": b"1"}, "block")
    assert (cache.get("a"), cache.problem) == (b"1", None)
    cache.close()


def test_a_name_that_diskcache_would_expand_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEWHERE", "elsewhere")
    assert "expand" in (problem_of_a_tree(tmp_path / "$SOMEWHERE") or "")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in ("/proc/h5s3/cache", tmp_path / "file" / "cache", "/dev/null"):
        assert problem_of_a_tree(Path(name))


# The lock


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of a cache with a value; nobody waits long for its lock."""
    monkeypatch.setattr(folders, "LOCK_SECONDS", 0.1)
    cache = Cache()
    cache.set_many({"a": b"1"}, "block")
    cache.close()
    return cache.directory / "v1"


def test_users_share_the_lock_and_removers_do_not(folder: Path) -> None:
    one, other, remover = Lock(folder), Lock(folder), Lock(folder)
    assert one.acquire() and other.acquire() and not remover.acquire(exclusive=True)
    one.release()
    other.release()
    assert remover.acquire(exclusive=True)
    assert not one.acquire() and problem_of_a_tree() == "is locked by another process"
    remover.release()
    assert one.acquire() and problem_of_a_tree() is None
    one.release()


def test_whoever_waits_gets_the_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LOCK_SECONDS", 60)
    first, second = Lock(folder), Lock(folder)
    assert first.acquire(exclusive=True)
    threading.Timer(0.05, first.release).start()
    assert second.acquire()
    second.release()


def test_a_damaged_database_in_use_is_not_removed(folder: Path) -> None:
    user = Lock(folder)
    assert user.acquire()
    (folder / "cache.db").write_bytes(b"no database" * 1000)
    assert "locked by another process" in run("cache", "clear").failed(1)
    assert (folder / "cache.db").exists()
    user.release()
    assert clear_cache().entries == 0 and not (folder / "cache.db").exists()
