"""diskcache, restricted: text keys and bytes values in one database, no pickles, no files, no long waits.

Private names of diskcache in use: none. Relied on beyond its documentation: its tables Settings (key, value)
and Cache, with the columns that `verify` reads.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import diskcache

from h5s3.cache import directory
from h5s3.settings import cache_limit
from h5s3.sizes import MIB

LARGEST = 128 * MIB  # of one value; more is not kept
IN_DATABASE = 1  # the mode of our rows: the value is in the database as it is
CHECKSUM_BYTES = 16
SETTINGS: dict[str, Any] = {
    **diskcache.DEFAULT_SETTINGS,
    "eviction_policy": "least-recently-stored",  # the other policies write on every read
    "cull_limit": 0,  # not with every value that is stored: see `Cache.set_many`
    "sqlite_mmap_size": 0,  # a mapped file that is cut short kills the process that reads it
    "sqlite_cell_size_check": 1,  # this and the next as SQLite advises for files that may be damaged
    "sqlite_trusted_schema": 0,
}
FREE_SETTINGS = ("size_limit", "count", "hits", "misses")  # may have any value
FIXED_SETTINGS = {**SETTINGS, "size": 0}  # the size of values outside the database

DAMAGED = "is damaged (h5s3 cache verify creates it again)"
LOCKED = "is locked by another process"
NO_ROOM = "cannot be written: there is no room"
READ_ONLY = "cannot be written to"
DISK_ERROR = "cannot be read or written (an error of the disk, or no room on it)"
# What damage raises: SQLite for statements; diskcache for the tables, columns, settings and values it finds.
CONTENT_ERRORS = (sqlite3.Error, TypeError, ValueError, AttributeError, LookupError, OverflowError)
_SYSTEM_PROBLEMS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), NO_ROOM),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), READ_ONLY),
}
_SQLITE_PROBLEMS = {
    "SQLITE_BUSY": LOCKED,
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_PROTOCOL": LOCKED,
    "SQLITE_FULL": NO_ROOM,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_IOERR": DISK_ERROR,
    "SQLITE_NOMEM": "cannot be used (no memory)",
}


class BytesDisk(diskcache.Disk):  # type: ignore[misc]
    """Stores text keys and bytes values as they are, in the database. Never unpickles, opens or removes."""

    def put(self, key: Any) -> tuple[Any, bool]:
        return key, True

    def get(self, key: Any, raw: bool) -> Any:
        return key

    def store(self, value: Any, read: bool, key: Any = None) -> tuple[int, int, None, Any]:
        """The database's form of a value: size outside the database, mode, file name, value."""
        return 0, IN_DATABASE, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        """The value from the database's form; None where this program has not stored it."""
        return value if mode == IN_DATABASE and filename is None else None

    def remove(self, file_path: str) -> None:
        """Delete no file: rows with a file name are not ours."""


def open_database(folder: Path) -> Any:
    """The `diskcache.Cache` in a folder, made where it is missing.

    Raises `sqlite3.Error`, `OSError`, and for a damaged database any of `CONTENT_ERRORS`.
    """
    settings = {**SETTINGS, "size_limit": cache_limit()}
    with closing(connect(folder)) as base:
        _correct_settings(base)
        return diskcache.Cache(str(folder), disk=BytesDisk, timeout=directory.LOCK_SECONDS, **settings)


def connect(folder: Path) -> sqlite3.Connection:
    """A connection of our own to the database. Raises `OSError` where the folder cannot be written to."""
    if not os.access(folder, os.W_OK):  # of which SQLite says only that it cannot open the database
        raise PermissionError(errno.EACCES, "not writable", str(folder))
    path, seconds = folder / directory.DATABASE, directory.LOCK_SECONDS
    return sqlite3.connect(path, timeout=seconds, isolation_level=None)


def _correct_settings(base: sqlite3.Connection) -> None:
    """Remove settings that this program has not stored: diskcache would apply whatever it finds.

    Also waits for a lock of another process, for which diskcache would wait a minute when it opens.
    """
    base.execute("PRAGMA auto_vacuum = FULL")  # has to be said before the first transaction of a new database
    base.execute("BEGIN IMMEDIATE")
    if base.execute("SELECT 1 FROM sqlite_master WHERE name = 'Settings'").fetchone():
        for key, value in base.execute("SELECT key, value FROM Settings").fetchall():
            if key not in FREE_SETTINGS and (key not in FIXED_SETTINGS or FIXED_SETTINGS[key] != value):
                base.execute("DELETE FROM Settings WHERE key IS ?", (key,))
    base.execute("COMMIT")


def remove_database(folder: Path, *, count: bool = False) -> int | None:
    """Remove the database, for which no room is needed; None where others kept using it.

    With `count`, how many entries it held, as far as that can be found out; else 0.
    """
    lock, entries = directory.Lock(folder), 0
    if not lock.acquire(exclusive=True):
        return None
    try:
        if count and (folder / directory.DATABASE).exists():
            with suppress(*CONTENT_ERRORS), closing(connect(folder)) as base:
                base.execute("PRAGMA locking_mode = EXCLUSIVE")  # needs no file beside it, and so no room
                ((entries,),) = base.execute("SELECT COUNT(*) FROM Cache").fetchall()
        for name in directory.DATABASE_FILES:
            (folder / name).unlink(missing_ok=True)
    finally:
        lock.release()
    return entries


def with_checksum(key: str, value: bytes) -> bytes:
    """The value with its checksum before it.

    It covers the value and its key: a value that was cut, flipped, or swapped with that of another key does
    not fit. It has no secret in it and does not stop somebody who can write to the directory; that is why
    the directory is private.
    """
    return _checksum(key, value) + value


def without_checksum(key: str, stored: object) -> bytes | None:
    """The value where its checksum fits this key; else None."""
    if not isinstance(stored, bytes) or len(stored) < CHECKSUM_BYTES:
        return None
    value = stored[CHECKSUM_BYTES:]
    return value if _checksum(key, value) == stored[:CHECKSUM_BYTES] else None


def _checksum(key: str, value: bytes) -> bytes:
    hashed_key = blake2b(key.encode(), digest_size=32).digest()
    return blake2b(value, key=hashed_key, digest_size=CHECKSUM_BYTES).digest()


def problem_of(error: Exception) -> str:
    """Why the cache cannot be used, from what went wrong."""
    unknown = f"cannot be used ({type(error).__name__})"
    if isinstance(error, diskcache.Timeout):
        return LOCKED
    if isinstance(error, OSError):
        return _SYSTEM_PROBLEMS.get(error.errno or 0, unknown)
    name = getattr(error, "sqlite_errorname", "") or ""
    for beginning, problem in _SQLITE_PROBLEMS.items():
        if name.startswith(beginning):
            return problem
    return DAMAGED if isinstance(error, CONTENT_ERRORS) else unknown
