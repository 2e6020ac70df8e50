"""What `h5s3 cache verify` does: read every entry, find what is damaged, and mend it.

Nothing here locks the database for long: each entry is read by itself, and what looks damaged is read again
in the transaction that removes it, since a writer may have replaced it. A database that is damaged as a whole
is removed, for which nobody else may be using it; the next command makes a new one.
"""

from __future__ import annotations

import sqlite3
import stat
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from h5s3.cache import directory as folders
from h5s3.cache import disk
from h5s3.cache.directory import DATABASE, DATABASE_FILES, VERSION, Lock, encodable
from h5s3.cache.disk import CHECKSUM_BYTES, CONTENT_ERRORS, IN_DATABASE, LARGEST, problem_of
from h5s3.errors import H5s3Error
from h5s3.records import CacheFinding, CacheVerify
from h5s3.records.cache import What

ANOTHER = "name another directory (H5S3_CACHE_DIR)"
AGAIN = "try again when no other h5s3 is running"
CLEAR = "h5s3 cache clear removes it, and needs no room for that"
PROBE = "verify"  # a key that is stored, read and removed again
# An entry: number, length, key and value. The last two are NULL where it is not as this program stores it.
AS_STORED = (
    f"raw = 1 AND mode = {IN_DATABASE} AND filename IS NULL AND expire_time IS NULL AND typeof(key) = 'text'"
    f" AND typeof(value) = 'blob' AND length(value) BETWEEN {CHECKSUM_BYTES} AND {CHECKSUM_BYTES + LARGEST}"
)
ENTRY = (
    "SELECT rowid, CASE typeof(value) WHEN 'blob' THEN length(value) ELSE 0 END,"
    f" CASE WHEN {AS_STORED} THEN CAST(key AS BLOB) END, CASE WHEN {AS_STORED} THEN value END FROM Cache"
)


def verify(directory: Path, *, mend: bool) -> CacheVerify:
    """What was checked, found and, with `mend`, mended. Raises `H5s3Error` where it cannot be read now."""
    try:
        found = _Check(directory, mend).run()
    except (OSError, *CONTENT_ERRORS) as error:
        problem = problem_of(error)
        hint = CLEAR if problem in (disk.NO_ROOM, disk.DISK_ERROR) else ""
        raise H5s3Error(f"the cache {problem}", location=encodable(directory), hint=hint) from None
    if found.findings:
        found.status = "mended" if all(finding.mended for finding in found.findings) else "damaged"
    return found


class _Check:
    def __init__(self, directory: Path, mend: bool) -> None:
        self._directory, self._folder, self._mend = directory, directory / VERSION, mend
        self._found = CacheVerify(path=encodable(directory), exists=directory.is_dir(), dry_run=not mend)

    def run(self) -> CacheVerify:
        """What was checked, found and mended, but for the status."""
        if self._directories() and self._files():
            self._database()
            others = [path for path in self._folder.iterdir() if path.name not in DATABASE_FILES]
            self._found.other_files = len(others)
        return self._found

    def _note(
        self, what: What, detail: str, *, count: int = 1, mended: bool = True, remedy: str = ""
    ) -> CacheFinding:
        """Write down what was found; `mended`: by what the caller has done or is about to do."""
        finding = CacheFinding(what=what, detail=encodable(detail), count=count, mended=mended and self._mend)
        if remedy:
            finding.remedy = encodable(remedy)
        self._found.findings.append(finding)
        return finding

    def _directories(self) -> bool:
        """Check both directories; whether what is in them can be checked."""
        if folders.would_be_expanded(self._directory):
            self._note("directory", f"{self._directory} {folders.EXPANDED}", mended=False, remedy=ANOTHER)
            return False
        for path in (self._directory, self._folder):
            if not path.is_symlink() and not path.exists():
                return False
            problem = folders.directory_problem(path)
            if problem == folders.OPEN and path == self._folder:
                return self._open_folder()
            if problem:
                self._note("directory", f"{path} {problem}", mended=False, remedy=ANOTHER)
                return False
        mode = stat.S_IMODE(self._folder.lstat().st_mode)
        if mode & folders.OTHERS:
            self._note("directory", f"{self._folder} could be looked into by others (mode {mode:04o})")
            if self._mend:
                self._folder.chmod(0o700)
        return True

    def _open_folder(self) -> bool:
        """Others may have stored what they liked, with checksums that fit: all of it is removed."""
        mode = stat.S_IMODE(self._folder.lstat().st_mode)
        detail = f"{self._folder} could be written to by others (mode {mode:04o})"
        finding = self._note("directory", f"{detail}; its entries cannot be relied on")
        if self._mend and self._remove_database(finding):
            self._folder.chmod(0o700)
        return finding.mended

    def _files(self) -> bool:
        """Check that the database's files are plain ones of this user; whether they can be read."""
        while name := folders.foreign_file(self._folder):
            path = self._folder / name
            finding = self._note("file", f"{name} is no plain file of yours")
            if not self._mend:
                return False
            try:
                path.unlink()
            except OSError:
                finding.mended, finding.remedy = False, encodable(f"remove {path}")
                return False
        return True

    def _database(self) -> None:
        if not (self._folder / DATABASE).exists():
            return
        lock = Lock(self._folder)
        if not lock.acquire():
            raise H5s3Error(f"the cache {disk.LOCKED}", location=encodable(self._directory), hint="try again")
        try:
            reason = self._database_problem()
        finally:
            lock.release()
        if reason:
            finding = self._note("database", f"the database {reason}")
            if self._mend:
                self._remove_database(finding)

    def _remove_database(self, finding: CacheFinding) -> bool:
        if disk.remove_database(self._folder) is None:
            finding.mended, finding.remedy = False, AGAIN
        return finding.mended

    def _database_problem(self) -> str | None:
        """Check the database and mend its entries; why all of it has to be removed, if so."""
        try:
            with closing(disk.connect(self._folder)) as base:
                ((verdict,), *_) = base.execute("PRAGMA integrity_check(1)").fetchall()
                if verdict != "ok":
                    return f"does not hold together ({verdict})"
                if base.execute("SELECT 1 FROM sqlite_master WHERE name = 'Cache'").fetchone():
                    self._entries(base)
            if self._mend and not self._keeps_values():
                return "does not keep what is stored in it"
        except CONTENT_ERRORS as error:
            if problem_of(error) != disk.DAMAGED:
                raise
            return f"cannot be read ({str(error) or type(error).__name__})"
        return None

    def _entries(self, base: sqlite3.Connection) -> None:
        bad: Counter[str] = Counter()
        number = -(1 << 63)
        while row := base.execute(f"{ENTRY} WHERE rowid > ? ORDER BY rowid LIMIT 1", (number,)).fetchone():
            number, length = row[:2]
            self._found.entries += 1
            self._found.bytes += length
            if problem := _entry_problem(row):
                bad[problem] += 1
                if self._mend:
                    _remove_bad_entry(base, number)
        for problem, count in sorted(bad.items()):
            self._note("entries", problem, count=count)

    def _keeps_values(self) -> bool:
        """Whether a value that is stored can be read: the tables are as diskcache needs them."""
        with closing(disk.open_database(self._folder)) as database, database.transact():
            database.set(PROBE, b"value")
            found = database.get(PROBE)
            database.delete(PROBE)
        return bool(found == b"value")


def _entry_problem(row: tuple[int, int, bytes | None, Any]) -> str | None:
    """What is wrong with an entry, if anything."""
    _, _, key, value = row
    if key is None:
        return "entries that are not of the shape in which they are stored"
    try:
        fits = disk.without_checksum(key.decode(), value) is not None
    except UnicodeDecodeError:
        fits = False
    return None if fits else "entries whose hash does not fit"


def _remove_bad_entry(base: sqlite3.Connection, number: int) -> None:
    """Remove an entry if it is still bad."""
    base.execute("BEGIN IMMEDIATE")
    row = base.execute(f"{ENTRY} WHERE rowid = ?", (number,)).fetchone()
    if row and _entry_problem(row):
        base.execute("DELETE FROM Cache WHERE rowid = ?", (number,))
    base.execute("COMMIT")
