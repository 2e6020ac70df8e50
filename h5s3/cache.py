"""The persistent cache: bytes under text keys, on this machine's disk, trusted as little as the network.

diskcache unpickles whatever a row says is a pickle (CVE-2025-69872), opens whatever file name a row
holds, and leaves its directory open to the world. Here a row is text key and bytes value or it is
refused, every value carries a hash that covers its key, and the directory is its owner's alone. Any
failure of the cache costs the cache, never the command.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import diskcache

from h5s3.errors import H5s3Error
from h5s3.settings import MIB, cache_directory, cache_limit

VERSION = "v1"  # raise when the meaning of stored values changes
DIGEST = 16
DAMAGED = "is damaged (h5s3 cache clear makes a new one)"
FILE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{1,64}\.val")
LOCK_SECONDS = 3.0  # a lock that another process holds for longer costs the cache


class _RefusedRowError(Exception):
    """A row that this cache cannot have written."""


class BytesDisk(diskcache.Disk):  # type: ignore[misc]
    """Text keys and bytes values; pickles and foreign file names are refused, on writing and on reading."""

    def put(self, key: Any) -> tuple[str, bool]:
        """The database's form of a key."""
        if not isinstance(key, str):
            raise _RefusedRowError("keys are text")
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        """The key from the database's form."""
        if not raw or not isinstance(key, str):
            raise _RefusedRowError("keys are text")
        return key

    def store(self, value: Any, read: bool, key: Any = None) -> Any:
        """The database's form of a value."""
        if read or not isinstance(value, bytes):
            raise _RefusedRowError("values are bytes")
        return super().store(value, False, key=key)

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> bytes:
        """The value from the database's form."""
        if mode == diskcache.core.MODE_RAW and filename is None and isinstance(value, bytes):
            return value
        if read or mode != diskcache.core.MODE_BINARY or not _ours(filename):
            raise _RefusedRowError("values are bytes, in the database or in files of the cache")
        found: bytes = super().fetch(mode, filename, value, False)
        return found

    def remove(self, file_path: str) -> None:
        """Delete the file of a value; a row with a foreign file name loses the row alone."""
        if _ours(file_path):
            super().remove(file_path)


def _ours(filename: object) -> bool:
    return isinstance(filename, str) and FILE_NAME.fullmatch(filename.replace(os.sep, "/")) is not None


class _Database(diskcache.Cache):  # type: ignore[misc]
    """diskcache, but for the minute that it waits for a lock while it opens."""

    @property
    def _sql_retry(self) -> Any:
        def execute(statement: str, *args: Any) -> Any:
            deadline = time.monotonic() + LOCK_SECONDS
            while True:
                try:
                    return self._sql(statement, *args)
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() > deadline:
                        raise
                time.sleep(0.005)

        return execute


class Cache:
    """Get and set of checked bytes. A cache that cannot be used answers nothing and stores nothing."""

    def __init__(self, directory: Path | None = None, *, enabled: bool = True) -> None:
        self.directory = directory or cache_directory()
        self.problem: str | None = None if enabled else "switched off"
        self._cache: Any = None

    def get(self, key: str) -> bytes | None:
        """The value, or None: not there, damaged, or no cache."""
        with self._guard():
            cache = self._open()
            if cache is not None:
                return _unsealed(key, cache.get(key))
        return None

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those of the keys that are there."""
        found = {key: self.get(key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    def set_many(self, items: dict[str, bytes], tag: str) -> None:
        """Store all in one transaction: a kill leaves all of them or none."""
        with self._guard():
            cache = self._open() if items else None
            if cache is not None:
                with cache.transact():
                    for key, value in items.items():
                        cache.set(key, _seal(key, value), tag=tag)
                cache.cull()  # within the transaction, the file would not shrink by what is evicted

    def delete(self, key: str) -> None:
        """Forget one value."""
        with self._guard():
            cache = self._open()
            if cache is not None:
                cache.delete(key)

    def info(self) -> dict[str, int]:
        """Number of entries, bytes on disk, and entries by kind."""
        counts = {"entries": 0, "bytes": 0, "blocks": 0, "answers": 0}
        with self._guard():
            cache = self._open() if self.directory.exists() else None
            if cache is not None:
                rows = dict(cache._sql("SELECT tag, COUNT(*) FROM Cache GROUP BY tag").fetchall())
                counts["entries"], counts["bytes"] = len(cache), cache.volume()
                counts["blocks"], counts["answers"] = rows.get("block", 0), rows.get("answer", 0)
        return counts

    def clear(self) -> int:
        """Forget everything; the number of entries there were. A damaged database is made anew."""
        removed = 0
        with self._guard():
            cache = self._open() if self.directory.exists() else None
            if cache is not None:
                removed = cache.clear()
                cache._sql("VACUUM")
        if self.problem == DAMAGED:
            self.problem = None
            with self._guard():
                for path in (self.directory / VERSION).glob("cache.db*"):
                    path.unlink()
                self._open()
        return removed

    def close(self) -> None:
        """Close the database."""
        if self._cache is not None:
            with self._guard():
                self._cache.close()
            self._cache = None

    def _open(self) -> Any:
        if self._cache is None and self.problem is None:
            self.problem = _unsafe(self.directory)
            if self.problem is None:
                self._cache = _Database(
                    str(self.directory / VERSION),
                    disk=BytesDisk,
                    disk_min_file_size=8 * MIB,  # values stay in the database: one file, one transaction
                    size_limit=cache_limit(),
                    eviction_policy="least-recently-stored",  # the other policies write on every read
                    cull_limit=0,  # not with every value that is stored: see `set_many`
                    timeout=LOCK_SECONDS,
                )
        return self._cache

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except H5s3Error:
            raise
        except _RefusedRowError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever its files hold, a cache costs the cache alone
            self.problem, self._cache = _problem(error), None


def _problem(error: Exception) -> str:
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return DAMAGED
    return f"cannot be used ({type(error).__name__})"


def _unsafe(directory: Path) -> str | None:
    """Why the cache must not be used, if so. Makes its directories where they are missing.

    The named directory may hold other things and is left as it is; ours within it is its owner's alone.
    """
    if os.path.expandvars(os.path.expanduser(directory)) != str(directory):
        return "has a name that diskcache would expand"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = directory / VERSION
    problem = _foreign(directory)
    if problem is None:
        ours.mkdir(mode=0o700, exist_ok=True)
        problem = _foreign(ours)
    if problem is None and stat.S_IMODE(ours.lstat().st_mode) & 0o077:
        ours.chmod(0o700)
    return problem


def _foreign(directory: Path) -> str | None:
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return "is not a directory (a symbolic link, perhaps)"
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return "belongs to somebody else"
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        return "can be written to by others: chmod it to 700, or name another"
    return None


def _seal(key: str, value: bytes) -> bytes:
    return blake2b(value, key=_short(key), digest_size=DIGEST).digest() + value


def _unsealed(key: str, stored: bytes | None) -> bytes | None:
    """The value where its hash fits this key; a flipped, cut or swapped entry is as good as absent."""
    if stored is None or len(stored) < DIGEST:
        return None
    value = stored[DIGEST:]
    return value if _seal(key, value)[:DIGEST] == stored[:DIGEST] else None


def _short(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=32).digest()
