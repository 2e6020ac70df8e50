"""diskcache as far as it can be relied on: text keys, bytes values, no pickles, no files, no long waits."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import DEFAULT_SETTINGS, ENOVAL, METADATA

from h5s3.cache import directory as place
from h5s3.settings import cache_limit
from h5s3.sizes import MIB

DAMAGED = "is damaged (h5s3 cache verify makes it anew)"
LOCKED = "is locked by another process"
NO_ROOM = "cannot be written: there is no room"
READ_ONLY = "cannot be written to"
DISK_ERROR = "cannot be read or written (an error of the disk, or no room on it)"
CANNOT_OPEN = "cannot be opened"
NOT_WRITABLE = (NO_ROOM, READ_ONLY, DISK_ERROR, CANNOT_OPEN)  # it may be read all the same
LARGEST = 128 * MIB  # of one value; more is not kept
FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{1,64}\.val")  # as diskcache names files of values
SETTINGS: dict[str, Any] = {
    **DEFAULT_SETTINGS,
    "disk_min_file_size": 1 << 40,  # values stay in the database: one file, one transaction, nothing to leak
    "eviction_policy": "least-recently-stored",  # the other policies write on every read
    "cull_limit": 0,  # not with every value that is stored: see `Cache.set_many`
    "sqlite_mmap_size": 0,  # a mapped file that is cut short kills the process that reads it
}
KNOWN_SETTINGS = {*SETTINGS, *METADATA}


class RefusedRowError(Exception):
    """A row that this cache cannot have written."""


class BytesDisk(diskcache.Disk):  # type: ignore[misc]
    """Text keys and bytes values in the database; all else is refused, on writing and on reading."""

    def __init__(self, directory: str, min_file_size: int = 0, pickle_protocol: int = 0, **_: Any) -> None:
        # Settings are read from the database: what another release left there is not ours to know.
        super().__init__(directory, min_file_size, pickle_protocol)

    def put(self, key: Any) -> tuple[str, bool]:
        """The database's form of a key."""
        if not isinstance(key, str):
            raise RefusedRowError("keys are text")
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        """The key from the database's form."""
        if not raw or not isinstance(key, str):
            raise RefusedRowError("keys are text")
        return key

    def store(self, value: Any, read: bool, key: Any = None) -> Any:
        """The database's form of a value."""
        if read or not isinstance(value, bytes):
            raise RefusedRowError("values are bytes")
        return 0, diskcache.core.MODE_RAW, None, value

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> bytes:
        """The value from the database's form."""
        if mode != diskcache.core.MODE_RAW or filename is not None or not isinstance(value, bytes):
            raise RefusedRowError("values are bytes, in the database")
        return value

    def remove(self, file_path: str) -> None:
        """Delete no file: a row with a file name is not ours. What lies about, `audit` removes."""


class Database(diskcache.Cache):  # type: ignore[misc]
    """diskcache, but for its waits of a minute for a lock, and for its trust in what the database says."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        try:
            super().__init__(*args, **settings)
        except BaseException:
            with suppress(Exception):
                self.close()  # its locks would be in the way of those who mend it
            raise

    @property
    def _con(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._con
        if getattr(self._local, "hardened", None) is not connection:
            self._local.hardened = harden(connection)
        return connection

    @property
    def _sql_retry(self) -> Any:
        until = self.__dict__.setdefault("_until", time.monotonic() + place.LOCK_SECONDS)  # of the opening

        def execute(statement: str, *args: Any) -> Any:
            while True:
                try:
                    return self._sql(statement, *args)
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > until:
                        raise
                time.sleep(0.005)

        return execute

    def reset(self, key: str, value: Any = ENOVAL, update: bool = True) -> Any:
        """Apply a setting that this release knows. Those of SQLite have our value, whatever is stored."""
        if key not in KNOWN_SETTINGS or value is ENOVAL or not key.startswith("sqlite_"):
            return super().reset(key, value, update) if key in KNOWN_SETTINGS else value
        wanted = SETTINGS[key]
        if update:
            self._sql_retry("UPDATE Settings SET value = ? WHERE key = ?", (wanted, key))
        pragma = key.removeprefix("sqlite_")
        if self._sql_retry(f"PRAGMA {pragma}").fetchall() != [(wanted,)]:
            self._sql_retry(f"PRAGMA {pragma} = {wanted}").fetchall()
        setattr(self, key, wanted)
        return wanted


def harden(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Read a database that may not be what it was: nothing in it is run, and no row is boundless."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST + MIB)
    connection.text_factory = lambda data: data.decode(
        errors="surrogateescape"
    )  # bad text spoils a row, not all
    connection.execute("PRAGMA trusted_schema = 0")
    connection.execute("PRAGMA cell_size_check = 1")
    return connection


def open_database(ours: Path, kind: type[Database] = Database) -> Database:
    """The database in our directory, made where it is missing."""
    limit = cache_limit()
    if kind is Database:
        place.make_private(ours / place.DATABASE)  # its log is made with its mode
    settings = {**SETTINGS, "size_limit": limit}
    return kind(str(ours), disk=BytesDisk, timeout=place.LOCK_SECONDS, **settings)


def read_quietly(ours: Path) -> sqlite3.Connection:
    """The database, on a disk that nothing can be written to. Nobody else may be using it.

    A log can be read where there is room for an index of it, or else in memory, by one who is alone.
    """
    log = ours / f"{place.DATABASE}-wal"
    if not can_be_written(ours):
        logged = log.exists() and log.stat().st_size
        return _connected(ours, "mode=ro") if logged else read_still(ours)
    base = _connected(ours, "mode=rw")
    base.execute("PRAGMA locking_mode = EXCLUSIVE")
    return base


def read_still(ours: Path) -> sqlite3.Connection:
    """The database but for its log, as if nobody could change it: nothing is made or locked to read it."""
    return _connected(ours, "immutable=1")


def can_be_written(ours: Path) -> bool:
    """Whether this user may write to the database, room or not."""
    return os.access(ours / place.DATABASE, os.W_OK) and os.access(ours, os.W_OK)


def _connected(ours: Path, how: str) -> sqlite3.Connection:
    name = f"{(ours / place.DATABASE).absolute().as_uri()}?{how}"
    return harden(sqlite3.connect(name, timeout=place.LOCK_SECONDS, isolation_level=None, uri=True))


def problem_of(error: Exception) -> str:
    """Why the cache cannot be used, from what went wrong."""
    if isinstance(error, diskcache.Timeout):
        return LOCKED
    if isinstance(error, OSError):
        words = {**dict.fromkeys(_NO_ROOM, NO_ROOM), **dict.fromkeys(_READ_ONLY, READ_ONLY)}
        return words.get(error.errno or 0, f"cannot be used ({type(error).__name__})")
    name = getattr(error, "sqlite_errorname", "") or ""
    for beginning, problem in _SQLITE.items():
        if name.startswith(beginning):
            return problem
    if isinstance(error, OF_CONTENT):
        return DAMAGED
    return f"cannot be used ({type(error).__name__})"


# What the database makes of statements, and diskcache of what they say: tables, columns, settings, values.
OF_CONTENT = (sqlite3.Error, TypeError, ValueError, AttributeError, LookupError, OverflowError)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
_SQLITE = {
    "SQLITE_BUSY": LOCKED,
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_FULL": NO_ROOM,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_CANTOPEN": CANNOT_OPEN,
    "SQLITE_PROTOCOL": LOCKED,
    "SQLITE_IOERR": DISK_ERROR,
    "SQLITE_NOMEM": "cannot be used (no memory)",
}


def is_file_of_value(name: str) -> bool:
    """Whether diskcache would give a value's file such a name, relative to the directory."""
    return FILE_NAME.fullmatch(name.replace(os.sep, "/")) is not None
