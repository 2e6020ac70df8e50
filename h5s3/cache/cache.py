"""What commands use of the cache."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from h5s3.cache.checksum import seal, unsealed
from h5s3.cache.directory import LOOSE, VERSION, Hold, unsafe
from h5s3.cache.disk import (
    DAMAGED,
    DISK_ERROR,
    LARGEST,
    LOCKED,
    NO_ROOM,
    Database,
    RefusedRowError,
    open_database,
    problem_of,
)
from h5s3.errors import H5s3Error
from h5s3.settings import cache_directory

OFF = "switched off"
REMOVED_WHOLE = (DAMAGED, LOOSE, NO_ROOM, DISK_ERROR)  # by `Cache.clear`, where the orderly way fails


def absence(cache: Cache | None) -> str:
    """Why what was looked for in a cache is not to be had."""
    problem = getattr(cache, "problem", None)  # no cache, or what stands in for one, has none
    return "not in the cache" if problem in (None, OFF) else f"the cache could not be used: it {problem}"


class Cache:
    """Get and set of checked bytes. A cache that cannot be used answers nothing and stores nothing."""

    def __init__(self, directory: Path | None = None, *, enabled: bool = True) -> None:
        self.directory = directory or cache_directory()
        self.problem: str | None = None if enabled else OFF
        self._cache: Database | None = None
        self._hold: Hold | None = None

    def get(self, key: str) -> bytes | None:
        """The value, or None: not there, damaged, or no cache."""
        with self._guard():
            cache = self._open()
            if cache is not None:
                return unsealed(key, cache.get(key))
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
                        if len(value) <= LARGEST:
                            cache.set(key, seal(key, value), tag=tag)
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
                counts["entries"], counts["bytes"] = sum(rows.values()), cache.volume()
                counts["blocks"], counts["answers"] = rows.get("block", 0), rows.get("answer", 0)
        return counts

    def clear(self) -> int:
        """Forget everything; the number of entries there were.

        The files of a database that is damaged or not to be relied on, or on a full disk, are removed.
        """
        removed = 0
        with self._guard():
            cache = self._open() if self.directory.exists() else None
            if cache is not None:
                removed = cache.clear()
                with suppress(
                    sqlite3.OperationalError
                ):  # no time or no room for it: they are forgotten all the same
                    cache._sql("VACUUM")
        if self.problem in REMOVED_WHOLE:
            removed += self._remove_database(count=self.problem in (NO_ROOM, DISK_ERROR))
        if self.problem is None and self.directory.exists():
            from h5s3.cache.cleanup import remove_remains

            remove_remains(self.directory)
        return removed

    def close(self) -> None:
        """Close the database."""
        cache, self._cache = self._cache, None
        if cache is not None:
            with self._guard():
                cache.close()
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def _remove_database(self, count: bool) -> int:
        from h5s3.cache.cleanup import remove_database

        self.problem, removed = None, None
        with self._guard():
            removed = remove_database(self.directory / VERSION, count=count)
            self.problem = LOCKED if removed is None else None
        return removed or 0

    def _open(self) -> Database | None:
        if self._cache is None and self.problem is None:
            self.problem = unsafe(self.directory)
            if self.problem is None:
                self._hold = Hold(self.directory / VERSION)
                if self._hold.take():
                    self._cache = open_database(self.directory / VERSION)
                else:
                    self.problem = LOCKED
        return self._cache

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except H5s3Error:
            raise
        except (RefusedRowError, sqlite3.DataError):  # the last: a row that is larger than any of ours
            pass
        except Exception as error:  # noqa: BLE001 - whatever its files hold, a cache costs the cache alone
            self.problem = problem_of(error)
            with suppress(Exception):
                self.close()
