"""Where a cache cannot be used, the answer is right all the same, and the receipt says what is the matter."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from h5s3.cache import Cache
from h5s3.cache import directory as place
from h5s3.errors import NotCachedError
from h5s3.explore.tree import tree
from h5s3.formats.hdf5.fetch.blocks import BlockFile
from h5s3.storage.base import ObjectInfo
from h5s3.storage.trace import Trace
from tests.support import stress
from tests.support.cli import Result, command, environment, run
from tests.support.scattered import scattered
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session
from tests.support.servers.s3 import S3Server

INFO = ObjectInfo(LOCATION, "https://one.example", 5, "etag")
ASKED = stress.Question("tree", 1)


def directory() -> Path:
    return Path(os.environ["H5S3_CACHE_DIR"])


@pytest.fixture
def there(rclone: S3Server) -> S3Server:
    """A server with the objects, and a cache that was used for them."""
    stress.put(rclone)
    assert noted(run(*ASKED.words, "--stats", on=rclone)) is None
    return rclone


def noted(result: Result) -> str | None:
    """What the receipt of a right answer says of the cache, if anything."""
    assert result.code == 0, result
    assert ASKED.wrong(json.loads(result.out)) is None, result
    _, found, problem = result.err.rstrip("\n").partition(" · the cache ")
    assert result.err.startswith("stats: ")
    return problem if found else None


def database(statement: str) -> None:
    base = sqlite3.connect(directory() / "v1" / "cache.db")
    base.execute(statement)
    base.commit()
    base.close()


# Whose it is, and what kind of thing


def given_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's, or nearly."""
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)


def linked(path: Path) -> None:
    """A link to itself, elsewhere."""
    elsewhere = path.with_name("elsewhere")
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)


PLACES: dict[str, tuple[str, Callable[[Path, pytest.MonkeyPatch], object], str | None]] = {
    "another's": ("", given_away, "belongs to somebody else"),
    "another's within": ("v1", given_away, "belongs to somebody else"),
    "another's database": ("v1/cache.db", given_away, "holds a cache.db that is no plain file of yours"),
    "a link": ("", lambda path, _: linked(path), "is not a directory (a symbolic link"),
    "a link within": ("v1", lambda path, _: linked(path), "is not a directory (a symbolic link"),
    "a linked database": ("v1/cache.db", lambda path, _: linked(path), "holds a cache.db that is no plain"),
    "open to all": ("", lambda path, _: path.chmod(0o777), "can be written to by others"),
    "open to all within": ("v1", lambda path, _: path.chmod(0o777), "can be written to by others"),
    "sticky": ("", lambda path, _: path.chmod(0o1777), "can be written to by others"),
    "sticky within": ("v1", lambda path, _: path.chmod(0o1777), "can be written to by others"),
    "a loose database": (
        "v1/cache.db",
        lambda path, _: path.chmod(0o666),
        "holds files that others can write",
    ),
    "a database of a group": (
        "v1/cache.db",
        lambda path, _: path.chmod(0o660),
        "holds files that others can",
    ),
    "a loose lock": ("v1/lock", lambda path, _: path.chmod(0o606), "holds files that others can write to"),
    "open to a group": ("", lambda path, _: path.chmod(0o770), "can be written to by others"),
    "readable": ("", lambda path, _: path.chmod(0o755), None),
    "readable within": ("v1", lambda path, _: path.chmod(0o755), None),
}


@pytest.mark.parametrize("name", PLACES)
def test_whose_and_what(there: S3Server, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    part, change, reason = PLACES[name]
    if name == "another's database" and os.geteuid():
        pytest.skip("only root can give a file away")
    change(directory() / part, monkeypatch)
    problem = noted(run(*ASKED.words, "--stats", on=there))
    assert (problem or "").startswith(reason or "") and (problem is None) == (reason is None)
    shown = run("cache", "info").lines
    assert (f"problem  {problem}" in shown) == (reason is not None)


def test_modes_that_let_others_read_are_closed_on_the_way(there: S3Server) -> None:
    (directory() / "v1").chmod(0o755)
    run(*ASKED.words, on=there)
    assert (directory() / "v1").stat().st_mode & 0o777 == 0o700


# Locks


@contextmanager
def locked(statement: str) -> Iterator[None]:
    """The database, held by another."""
    base = sqlite3.connect(directory() / "v1" / "cache.db", isolation_level=None)
    base.execute("PRAGMA locking_mode = EXCLUSIVE")
    base.execute(statement)
    base.execute("UPDATE Settings SET value = value")
    try:
        yield
    finally:
        base.close()


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_lock_costs_the_cache_and_a_bounded_wait(
    there: S3Server, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.3)
    with locked(statement):
        begun = time.monotonic()
        assert noted(run(*ASKED.words, "--stats", on=there)) == "is locked by another process"
        assert time.monotonic() - begun < 3.0  # it was 63 s where readers were kept out too
        assert "locked by another process" in run("cache", "clear").failed(1)
    assert noted(run(*ASKED.words, "--stats", on=there)) is None


def test_offline_says_that_the_cache_could_not_be_used(
    there: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.2)
    said = "the cache could not be used: it is locked by another process; run without --offline"
    with locked("BEGIN EXCLUSIVE"):
        assert run(*ASKED.words, "--offline", on=there).failed(5) == f"{ASKED.location}: {said}"
        assert run("ls", f"s3://{stress.BUCKET}/", "--offline", on=there).failed(5).endswith(said)
    assert run(*ASKED.words, "--offline", on=there).json["cached"]
    (directory() / "v1").chmod(0o777)
    assert "it can be written to by others" in run(*ASKED.words, "--offline", on=there).failed(5)


def test_offline_blocks_say_so_too(there: S3Server) -> None:
    said = "the cache could not be used: it is locked by another process"
    cache = Cache()
    file = BlockFile(None, cache, INFO, Trace())
    with pytest.raises(NotCachedError, match="not in the cache"):
        file.read()
    cache.problem = "is locked by another process"
    with pytest.raises(NotCachedError) as caught:
        file.read()
    assert caught.value.cause == said


def test_a_lock_while_the_database_is_made(there: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.3)
    for path in (directory() / "v1").iterdir():
        path.unlink()
    base = sqlite3.connect(directory() / "v1" / "cache.db", isolation_level=None)
    base.execute("CREATE TABLE other (a)")
    base.execute("BEGIN EXCLUSIVE")
    begun = time.monotonic()
    assert noted(run(*ASKED.words, "--stats", on=there)) == "is locked by another process"
    assert time.monotonic() - begun < 3.0
    base.close()


def test_a_lock_of_those_who_make_it_anew(there: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LOCK_SECONDS", 0.2)
    hold = place.Hold(directory() / "v1")
    assert hold.take(alone=True)
    assert noted(run(*ASKED.words, "--stats", on=there)) == "is locked by another process"
    hold.release()
    assert noted(run(*ASKED.words, "--stats", on=there)) is None


# Disks


def on_a_small_disk(kilobytes: int, there: S3Server, tmp_path: Path) -> Result:
    """A process of the tool whose cache lies on a file system of so many kilobytes that nobody else sees."""
    return on_a_disk(kilobytes, 'exec "$@"', command(*ASKED.words, "--stats"), tmp_path, there)


def on_a_disk(
    kilobytes: int, script: str, words: list[str], tmp_path: Path, there: S3Server | None = None
) -> Result:
    """What a shell's script makes of the words of a command, in a directory that is such a file system."""
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("only root can mount a disk")
    script = f'mount -t tmpfs -o size={kilobytes}k none "$0" && cd "$0" && {{ {script}; }}'
    words = ["unshare", "-m", "sh", "-c", script, str(tmp_path), *words]
    variables = environment(there, H5S3_CACHE_DIR=str(tmp_path / "cache"))
    done = subprocess.run(words, env=variables, capture_output=True, text=True, timeout=60)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip("nothing can be mounted here")
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("kilobytes", [4, 40, 120])
def test_a_full_disk(there: S3Server, tmp_path: Path, kilobytes: int) -> None:
    problem = noted(on_a_small_disk(kilobytes, there, tmp_path))
    assert problem and "no room" in problem


def test_a_disk_with_room(there: S3Server, tmp_path: Path) -> None:
    assert noted(on_a_small_disk(4000, there, tmp_path)) is None


def cache_with(base: Path, *, bad: bool = False, killed: bool = False) -> None:
    """A closed cache of 100 entries as the folder `cache`; one of them `bad`, or all still in the log."""
    cache = Cache(base / "cache")
    cache.set_many({f"key {number}": os.urandom(5000) for number in range(100)}, "block")
    if killed:
        shutil.copytree(base / "cache", base / "copy")
    cache.close()
    if killed:
        shutil.rmtree(base / "cache")
        (base / "copy").rename(base / "cache")
    if bad:
        other = sqlite3.connect(base / "cache" / "v1" / "cache.db")
        other.execute("UPDATE Cache SET value = X'00' WHERE key = 'key 5'")
        other.commit()
        other.close()


COPIED = 'cp -a "$FROM/cache" .; '
FULL = COPIED + "cat /dev/zero > fill 2>/dev/null; "


def worked(script: str, words: list[str], source: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """What a script on a disk of two megabytes makes of a copy of a cache."""
    monkeypatch.setenv("FROM", str(source))
    where = source / "disk"
    where.mkdir()
    return on_a_disk(2000, script, words, where)


@pytest.mark.parametrize("killed", [False, True])
def test_clear_frees_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool) -> None:
    cache_with(tmp_path, killed=killed)
    after = '"$@" && ls cache/v1 && head -c 300000 /dev/zero > more && echo room'
    done = worked(FULL + after, command("cache", "clear"), tmp_path, monkeypatch)
    assert done.code == 0 and done.err == "", done
    assert done.out == "forgot 100 entries\nlock\nroom\n"


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("bad", [False, True])
@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_verify_reads_on_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool, bad: bool, options: list[str]
) -> None:
    cache_with(tmp_path, killed=killed, bad=bad)
    done = worked(FULL + '"$@"', command("cache", "verify", "--json", *options), tmp_path, monkeypatch)
    found = json.loads(done.out)
    findings = {(finding["what"], finding["mended"]) for finding in found["findings"]}
    assert found["entries"] == 100
    assert (("entries", False) in findings) == bad
    unwritten = [finding for finding in found["findings"] if finding["what"] == "database"]
    if unwritten or not killed:
        assert "no room" in unwritten[0]["detail"] and "h5s3 cache clear" in unwritten[0]["remedy"]
    assert ("entries", True) not in findings
    assert done.code == (6 if findings else 0)


@pytest.mark.parametrize("bad", [False, True])
def test_a_dry_run_on_a_read_only_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: bool) -> None:
    cache_with(tmp_path, bad=bad)
    script = COPIED + 'mount -o remount,ro "$0" && "$@"'
    words = command("cache", "verify", "--dry-run", "--json")
    done = worked(script, words, tmp_path, monkeypatch)
    found = json.loads(done.out)
    assert (found["entries"], [f["what"] for f in found["findings"]]) == (100, ["entries"] if bad else [])
    assert done.code == (6 if bad else 0)


def test_to_mend_on_a_read_only_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache_with(tmp_path)
    for number, name in enumerate(("verify", "clear")):
        (tmp_path / f"{number}").mkdir()
        shutil.copytree(tmp_path / "cache", tmp_path / f"{number}" / "cache")
        script = COPIED + 'mount -o remount,ro "$0" && "$@"'
        done = worked(script, command("cache", name), tmp_path / f"{number}", monkeypatch)
        assert done.code == 1 and done.err.endswith(": the cache cannot be written to\n"), done


@pytest.mark.parametrize("kilobytes", [0, 8, 40, 80])
def test_files_that_cannot_grow(there: S3Server, kilobytes: int) -> None:
    shutil.rmtree(directory())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, before[1]))
    try:
        result = run(*ASKED.words, "--stats", on=there)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "no room" in (noted(result) or "")
    assert noted(run(*ASKED.words, "--stats", on=there)) is None


def as_nobody(work: Callable[[], str]) -> str:
    """What work says when it is done by a user whom permissions bind."""
    if os.geteuid():
        return work()
    told, tell = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgid(65534)
            os.setuid(65534)
            os.write(tell, work().encode())
        finally:
            os._exit(0)
    os.close(tell)
    with open(told, "rb") as stream:
        said = stream.read().decode()
    os.waitpid(pid, 0)
    return said


@pytest.mark.parametrize("what", ["directory", "folder", "files", "all"])
def test_a_read_only_directory(what: str) -> None:
    with TemporaryDirectory(prefix="h5s3-nobody-") as base:
        top = Path(base) / "cache"
        cache = Cache(top)
        cache.set_many({"a": b"1"}, "block")
        cache.close()
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


def problem_of_a_tree(top: Path) -> str:
    store = MemoryStore(scattered())
    with memory_session(store, no_cache=False) as session:
        session.cache.directory = top
        assert tree(session, LOCATION).num_children == 60
        return str(session.cache.problem)


# Other releases


def test_the_folder_of_an_older_release_is_nobodys_business(there: S3Server) -> None:
    shutil.copytree(directory() / "v1", directory() / "v0")
    before = (directory() / "v0" / "cache.db").read_bytes()
    database("UPDATE Cache SET value = X'00'")
    assert noted(run(*ASKED.words, "--stats", on=there)) is None
    assert (directory() / "v0" / "cache.db").read_bytes() == before


SETTINGS = [
    ("disk_compress_level", 5),
    ("sqlite_journal_mode", "delete"),
    ("sqlite_synchronous; DROP TABLE Cache", 5),
    ("sqlite_query_only", 1),
    ("eviction_policy", "none"),
    ("statistics", 1),
    ("tag_index", 1),
    ("get", "x"),
    ("_sql", None),
    ("size", "x"),
]


@pytest.mark.parametrize(("key", "value"), SETTINGS)
def test_settings_of_another_release_are_not_heeded(there: S3Server, key: str, value: object) -> None:
    base = sqlite3.connect(directory() / "v1" / "cache.db")
    base.execute("INSERT OR REPLACE INTO Settings VALUES (?, ?)", (key, value))
    base.commit()
    base.close()
    for _ in range(2):
        assert noted(run(*ASKED.words, "--stats", on=there)) is None
    cache = Cache()
    cache.set_many({"a": b"1"}, "block")
    assert (cache.get("a"), cache.problem) == (b"1", None)
    cache.close()


COLUMNS = [
    "ALTER TABLE Cache DROP COLUMN filename",
    "ALTER TABLE Cache RENAME COLUMN value TO other",
    "ALTER TABLE Cache ADD COLUMN more INTEGER NOT NULL DEFAULT 5",
    "DROP TABLE Settings",
    "ALTER TABLE Settings RENAME TO Other",
]


@pytest.mark.parametrize("statement", COLUMNS)
def test_columns_of_another_release(there: S3Server, statement: str) -> None:
    database(statement)
    problem = noted(run(*ASKED.words, "--stats", on=there))
    assert problem is None or problem == "is damaged (h5s3 cache verify makes it anew)"
    assert run("cache", "verify").code == 0
    for _ in range(2):
        assert noted(run(*ASKED.words, "--stats", on=there)) is None
    assert run(*ASKED.words, on=there).json["cached"]
