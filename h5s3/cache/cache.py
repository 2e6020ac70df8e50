"""What commands use of the cache."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from h5s3.cache import disk
from h5s3.cache.directory import VERSION, Lock, prepare
from h5s3.cache.disk import LARGEST, with_checksum, without_checksum
from h5s3.errors import H5s3Error
from h5s3.settings import cache_directory


class Cache:
    """Get and set of bytes that carry checksums. A cache that cannot be used holds and stores nothing.

    `problem` says why it cannot be used, once that was found out.
    """

    def __init__(self, directory: Path | None = None, *, enabled: bool = True) -> None:
        self.directory = directory or cache_directory()
        self.enabled = enabled
        self.problem: str | None = None
        self._database: Any = None  # a diskcache.Cache
        self._lock: Lock | None = None

    def get(self, key: str) -> bytes | None:
        """The value; None where it is not there or damaged, and where the cache cannot be used."""
        with self._noting_problems():
            database = self._opened()
            if database is not None:
                return without_checksum(key, database.get(key))
        return None

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Those of the keys that are there."""
        found = {key: self.get(key) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    def set_many(self, items: dict[str, bytes], tag: str) -> None:
        """Store all in one transaction: a kill leaves all of them or none."""
        with self._noting_problems():
            database = self._opened() if items else None
            if database is not None:
                with database.transact():
                    for key, value in items.items():
                        if len(value) <= LARGEST:
                            database.set(key, with_checksum(key, value), tag=tag)
                database.cull()  # within the transaction, the file would not shrink by what is evicted

    def delete(self, key: str) -> None:
        with self._noting_problems():
            database = self._opened()
            if database is not None:
                database.delete(key)

    def info(self) -> dict[str, int]:
        """Number of entries, bytes on disk, and entries by kind."""
        counts = {"entries": 0, "bytes": 0, "blocks": 0, "answers": 0}
        with self._noting_problems():
            database = self._opened() if self.directory.exists() else None
            if database is not None:
                with closing(disk.connect(self.directory / VERSION)) as base:
                    tags = dict(base.execute("SELECT tag, COUNT(*) FROM Cache GROUP BY tag").fetchall())
                counts["entries"], counts["bytes"] = sum(tags.values()), database.volume()
                counts["blocks"], counts["answers"] = tags.get("block", 0), tags.get("answer", 0)
        return counts

    def clear(self) -> int:
        """Forget everything; the number of entries there were.

        The files of a database that is damaged, or on a full disk, are removed.
        """
        removed = 0
        with self._noting_problems():
            database = self._opened() if self.directory.exists() else None
            if database is not None:
                removed = database.clear()
                # Without the time or the room to shrink the file, the entries are forgotten all the same.
                with (
                    suppress(sqlite3.OperationalError),
                    closing(disk.connect(self.directory / VERSION)) as base,
                ):
                    base.execute("VACUUM")
        if self.problem in (disk.DAMAGED, disk.NO_ROOM, disk.DISK_ERROR):
            with self._noting_problems():
                count = disk.remove_database(self.directory / VERSION, count=True)
                self.problem = disk.LOCKED if count is None else None
                removed += count or 0
        return removed

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with self._noting_problems():
                database.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _opened(self) -> Any:
        """The database; None where the cache is switched off or cannot be used."""
        if self._database is None and self.enabled and self.problem is None:
            self.problem = prepare(self.directory)
            if self.problem is None:
                self._lock = Lock(self.directory / VERSION)
                if self._lock.acquire():
                    self._database = disk.open_database(self.directory / VERSION)
                else:
                    self.problem = disk.LOCKED
        return self._database

    @contextmanager
    def _noting_problems(self) -> Iterator[None]:
        try:
            yield
        except H5s3Error:
            raise
        except Exception as error:  # noqa: BLE001 - whatever its files hold, a cache costs the cache alone
            self.problem = disk.problem_of(error)
            with suppress(Exception):
                self.close()


class WriteOnlyCache(Cache):
    """Finds nothing, and stores in another cache: replaces what that holds of a file that seemed damaged."""

    def __init__(self, target: Cache) -> None:
        super().__init__(target.directory, enabled=False)
        self._target = target

    def set_many(self, items: dict[str, bytes], tag: str) -> None:
        self._target.set_many(items, tag)


class ReadOnlyCache(Cache):
    """Finds what another cache holds, and stores nothing."""

    def __init__(self, source: Cache) -> None:
        super().__init__(source.directory, enabled=False)
        self._source = source

    def get(self, key: str) -> bytes | None:
        return self._source.get(key)

    def set_many(self, items: dict[str, bytes], tag: str) -> None:
        """Nothing is kept."""
