"""What is left behind: files of values that nobody names, folders of older releases, damaged databases."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from h5s3.cache.disk import is_file_of_value, open_database
from h5s3.cache.place import DATABASE, DATABASE_FILES, LOCK, VERSION, Hold, mine

FOLDER = re.compile(r"v[0-9]{1,4}")
VALUES_FOLDER = re.compile(r"[0-9a-f]{2}(/[0-9a-f]{2})?")


def make_anew(ours: Path) -> bool:
    """Replace the database by an empty one; False where others kept using it. The caller must hold none."""
    hold = Hold(ours)
    if not hold.take(alone=True):
        return False
    try:
        for name in DATABASE_FILES:
            with suppress(FileNotFoundError):
                (ours / name).unlink()
        open_database(ours).close()
    finally:
        hold.release()
    return True


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
    """Directories of this user's in which an older release kept its cache."""
    for path in sorted(directory.glob("v*")):
        if FOLDER.fullmatch(path.name) and int(path.name[1:]) < int(VERSION[1:]):
            status = path.lstat()
            if stat.S_ISDIR(status.st_mode) and mine(status) and (path / DATABASE).is_file():
                yield path


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
    remove_strays(folder)
    for name in (*DATABASE_FILES, LOCK):
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def remove_remains(directory: Path) -> None:
    """Remove stray files of values, and caches of older releases."""
    remove_strays(directory / VERSION)
    for folder in older_folders(directory):
        remove_older(folder)
