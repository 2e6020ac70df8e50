"""Whether a database, and each of its rows, is as this cache makes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from diskcache.core import METADATA, MODE_RAW

from h5s3.cache.checksum import DIGEST, digest
from h5s3.cache.disk import KNOWN_SETTINGS, LARGEST, Database, open_database
from h5s3.sizes import MIB

LONGEST_KEY = 64 * 1024
TAGS = ("answer", "block", "head", "index", "list")  # all that are given to `Cache.set_many`
COLUMNS = (
    "rowid, typeof(key), CASE typeof(key) WHEN 'text' THEN length(key) END, raw, mode, filename IS NULL,"
    " expire_time IS NULL, store_time BETWEEN 0 AND strftime('%s', 'now') + 86400, access_time IS store_time,"
    " access_count, size, typeof(value), CASE typeof(value) WHEN 'blob' THEN length(value) END,"
    f" tag IN ({', '.join(map(repr, TAGS))})"
)  # a day, for a clock that was put right
BATCH = f"SELECT {COLUMNS} FROM Cache WHERE rowid > ? ORDER BY rowid LIMIT 500"  # in one transaction
RIGHT = ("text", 1, MODE_RAW, 1, 1, 1, 1, 0, 0, "blob", 1)  # of those, but for the lengths


@contextmanager
def transaction(base: sqlite3.Connection, begin: str) -> Iterator[None]:
    """One view of the database for all that is read within; what is written within is written at its end."""
    base.execute(begin)
    try:
        yield
        base.execute("COMMIT")
    except BaseException:
        if base.in_transaction:  # a full disk has ended it already
            base.execute("ROLLBACK")
        raise


def judge(base: sqlite3.Connection, row: tuple[Any, ...]) -> tuple[str | None, int]:
    """What is wrong with a row, if anything, and the length of its value."""
    number, type_key, key_length, *fields, length, known_tag = row
    if not key_length or key_length > LONGEST_KEY or type_key != "text":
        return "entries whose key is none", length or 0
    if (type_key, *fields, known_tag) != RIGHT:
        return "entries that are not of the shape in which they are stored", length or 0
    if not DIGEST <= length <= LARGEST + DIGEST:
        return "entries that are too short or too long", length
    ((key,),) = base.execute("SELECT key FROM Cache WHERE rowid = ?", (number,)).fetchall()
    try:
        fits = _fits_seal(base, number, key)
    except UnicodeEncodeError:
        return "entries whose key is none", length
    return None if fits else "entries whose hash does not fit", length


def _fits_seal(base: sqlite3.Connection, number: int, key: str) -> bool:
    with base.blobopen("Cache", "value", number, readonly=True) as blob:
        stored = blob.read(DIGEST)
        return digest(key, iter(lambda: blob.read(MIB), b"")) == stored


def remove_bad(base: sqlite3.Connection, numbers: list[int]) -> None:
    """Remove those of the rows that are still bad."""
    with transaction(base, "BEGIN IMMEDIATE"):
        for number in numbers:
            row = base.execute(f"SELECT {COLUMNS} FROM Cache WHERE rowid = ?", (number,)).fetchone()
            if row is not None and judge(base, row)[0]:
                base.execute("DELETE FROM Cache WHERE rowid = ?", (number,))


def unsound(base: sqlite3.Connection, ours: Path) -> str | None:
    """Why a database cannot be mended in place, if so."""
    ((verdict,), *_) = base.execute("PRAGMA integrity_check(1)").fetchall()
    if verdict != "ok":
        return f"does not hold together ({verdict})"
    there, wanted = _schema(base), _schema_of_today(ours)
    names = {name for _, name, _ in there}
    if there - wanted or ("Cache" in names and "Cache_key_raw" not in names):
        return "has tables of another shape"
    return None


def _schema(base: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    return set(base.execute("SELECT type, name, sql FROM sqlite_master"))


class _InMemory(Database):
    """A new database that no file is made for, which a kill could leave behind."""

    memory: sqlite3.Connection | None = None

    @property
    def _con(self) -> sqlite3.Connection:
        if self.memory is None:
            self.memory = sqlite3.connect(":memory:", isolation_level=None)
        return self.memory

    def close(self) -> None:
        """Keep it: what it holds would be gone."""


def _schema_of_today(ours: Path) -> set[tuple[str, str, str | None]]:
    """What a new database holds."""
    with closing(open_database(ours, _InMemory)._con) as base:
        return _schema(base)


def mend_settings(base: sqlite3.Connection, mend: bool) -> int:
    """How many settings are unknown here, and how many sums, which triggers keep, are off."""
    with transaction(base, "BEGIN IMMEDIATE" if mend else "BEGIN"):
        there = dict(base.execute("SELECT key, value FROM Settings"))
        unknown = [key for key in there if key not in KNOWN_SETTINGS]
        count, size = base.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM Cache").fetchone()
        sums = {**METADATA, "count": count, "size": size}
        off = [key for key in sums if key in there and not _fits(key, there[key], sums)]
        if mend:
            base.executemany("DELETE FROM Settings WHERE key IS ?", [(key,) for key in unknown])
            change = "UPDATE Settings SET value = ? WHERE key = ?"
            base.executemany(change, [(sums[key], key) for key in off])
    return len(unknown) + len(off)


def _fits(key: str, value: object, sums: dict[str, int]) -> bool:
    """Whether a sum is right; of hits and misses, which nobody counts here, whether it is a number."""
    return value == sums[key] if key in ("count", "size") else isinstance(value, int)
