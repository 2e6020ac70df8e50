"""What is left behind: files of values that nobody names, folders of older releases, damaged databases."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from h5s3.cache.directory import DATABASE, DATABASE_FILES, LOCK, VERSION, Hold, loose_files, mine
from h5s3.cache.disk import OF_CONTENT, SETTINGS, is_file_of_value, open_database, read_quietly, read_still

FOLDER = re.compile(r"v(0|[1-9][0-9]{0,3})")
MARK = "disk_min_file_size"  # a setting with a value that nobody else gives it
VALUES_FOLDER = re.compile(r"[0-9a-f]{2}(/[0-9a-f]{2})?")


def make_anew(ours: Path) -> bool:
    """Replace the database by an empty one; False where others kept using it. The caller must hold none."""
    hold = Hold(ours)
    if not hold.take(alone=True):
        return False
    try:
        _unlink(ours)
        open_database(ours).close()
        _unlink_loose_lock(ours)
    finally:
        hold.release()
    return True


def remove_database(ours: Path, *, count: bool) -> int | None:
    """Remove the database, for which no room is needed; None where others kept using it.

    With `count`, how many entries it held, as far as that can be told.
    """
    hold, entries = Hold(ours), 0
    if not hold.take(alone=True):
        return None
    try:
        if count:
            with suppress(*OF_CONTENT, OSError), closing(read_quietly(ours)) as base:
                ((entries,),) = base.execute("SELECT COUNT(*) FROM Cache").fetchall()
        _unlink(ours)
        _unlink_loose_lock(ours)
    finally:
        hold.release()
    return entries


def _unlink(ours: Path) -> None:
    for name in DATABASE_FILES:
        with suppress(FileNotFoundError):
            (ours / name).unlink()


def _unlink_loose_lock(ours: Path) -> None:
    """Remove a lock that others could hold for ever. Whoever waits for it just now looks again."""
    if LOCK in loose_files(ours):
        (ours / LOCK).unlink()


def strays(ours: Path) -> Iterator[tuple[Path, bool]]:
    """What lies in our directory and belongs to nothing, deepest first; and whether it has a name of ours.

    Values are kept in the database alone: no writer can just have made a file that it has yet to name.
    Links are told as what they are, and not followed.
    """
    for folder, folders, files in os.walk(ours, topdown=False):
        for name in sorted(files) + [name for name in folders if (Path(folder) / name).is_symlink()]:
            path = Path(folder) / name
            relative = path.relative_to(ours).as_posix()
            if relative not in (*DATABASE_FILES, LOCK):
                yield path, is_file_of_value(relative)
        relative = Path(folder).relative_to(ours).as_posix()
        if VALUES_FOLDER.fullmatch(relative):
            yield Path(folder), True


def older_folders(directory: Path) -> Iterator[Path]:
    """Directories of this user's that hold the cache of an older release, beyond doubt, and nothing else."""
    for path in sorted(directory.glob("v*")):
        if FOLDER.fullmatch(path.name) and int(path.name[1:]) < int(VERSION[1:]):
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode) and mine(status) and _is_a_cache(path):
                yield path


def _is_a_cache(folder: Path) -> bool:
    """Whether all in it has names of diskcache's files, and its database the tables and the mark of ours."""
    for parent, folders, files in os.walk(folder):
        relative = Path(parent).relative_to(folder)
        if not all(VALUES_FOLDER.fullmatch((relative / name).as_posix()) for name in folders):
            return False
        for name in files:
            path = (relative / name).as_posix()
            known = path in (*DATABASE_FILES, LOCK) or is_file_of_value(path)
            if not known or not stat.S_ISREG((folder / path).lstat().st_mode):
                return False
    logs = (folder / name for name in DATABASE_FILES if name.endswith(("-wal", "-journal")))
    if not (folder / DATABASE).is_file() or any(log.exists() and log.stat().st_size for log in logs):
        return False  # what is in a log is not seen here
    with suppress(*OF_CONTENT, OSError), closing(read_still(folder)) as base:
        tables = base.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
        if sorted(tables) == [("Cache",), ("Settings",)]:
            mark = base.execute("SELECT value FROM Settings WHERE key = ?", (MARK,)).fetchall()
            return bool(mark == [(SETTINGS[MARK],)])
    return False


def remove_strays(ours: Path) -> int:
    """Remove what has a name of ours and belongs to nothing; how many files."""
    count = 0
    for path, known in strays(ours):
        with suppress(OSError):  # a directory that still holds something stays
            if known and path.is_dir() and not path.is_symlink():
                path.rmdir()
            elif known:
                path.unlink()
                count += 1
    return count


def remove_older(folder: Path) -> bool:
    """Remove the cache of an older release; whether nothing is left of it."""
    hold = Hold(folder)
    try:
        if hold.take(alone=True) and _is_a_cache(folder):
            remove_strays(folder)
            _unlink(folder)
            (folder / LOCK).unlink(missing_ok=True)
            folder.rmdir()
    except OSError:  # it stays, or what is left of it
        pass
    finally:
        hold.release()
    return not folder.exists()


def remove_remains(directory: Path) -> None:
    """Remove stray files of values, and caches of older releases."""
    remove_strays(directory / VERSION)
    for folder in older_folders(directory):
        remove_older(folder)
