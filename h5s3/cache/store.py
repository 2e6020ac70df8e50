"""What commands use of the cache."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from h5s3.cache.disk import (
    DAMAGED,
    LARGEST,
    LOCKED,
    Database,
    RefusedRowError,
    open_database,
    problem_of,
)
from h5s3.cache.place import VERSION, Hold, unsafe
from h5s3.cache.seals import seal, unsealed
from h5s3.errors import H5s3Error
from h5s3.settings import cache_directory


class Cache:
    """Get and set of checked bytes. A cache that cannot be used answers nothing and stores nothing."""

    def __init__(self, directory: Path | None = None, *, enabled: bool = True) -> None:
        self.directory = directory or cache_directory()
        self.problem: str | None = None if enabled else "switched off"
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
        """Forget everything; the number of entries there were. A damaged database is made anew."""
        removed = 0
        with self._guard():
            cache = self._open() if self.directory.exists() else None
            if cache is not None:
                removed = cache.clear()
                with suppress(
                    sqlite3.OperationalError
                ):  # no time or no room for it: they are forgotten all the same
                    cache._sql("VACUUM")
        if self.problem == DAMAGED:
            self.problem = None
            with self._guard():
                self._make_anew()
        if self.problem is None and self.directory.exists():
            from h5s3.cache.remains import remove_remains

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

    def _make_anew(self) -> None:
        from h5s3.cache.remains import make_anew

        if not make_anew(self.directory / VERSION):
            self.problem = LOCKED
        self._open()

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
