"""What `h5s3 cache verify` does: every entry read, every file named, what is damaged mended.

Nothing here holds a lock for long: entries are read in small batches, each a transaction of its own, and what
looks damaged is looked at again in the transaction that removes it, since a writer may have replaced it.
Only a database that cannot be mended in place is made anew, for which nobody may be using it.
"""

from __future__ import annotations

import sqlite3
import stat
from collections import Counter
from contextlib import closing
from pathlib import Path

from h5s3.cache import directory as place
from h5s3.cache.cleanup import make_anew, older_folders, remove_older, remove_strays, strays
from h5s3.cache.directory import DATABASE, VERSION, Hold
from h5s3.cache.disk import (
    DAMAGED,
    DISK_ERROR,
    LOCKED,
    NO_ROOM,
    NOT_WRITABLE,
    OF_CONTENT,
    can_be_written,
    harden,
    problem_of,
    read_quietly,
)
from h5s3.cache.verify_rows import BATCH, judge, mend_settings, remove_bad, transaction, unsound
from h5s3.errors import H5s3Error
from h5s3.records import CacheFinding, CacheVerify
from h5s3.records.cache import What

ANOTHER = "name another directory (H5S3_CACHE_DIR)"
AGAIN = "try again when no other h5s3 is running"
CLEAR = "h5s3 cache clear removes it, and needs no room for that"


class Audit:
    """One look at a cache. With `mend`, what is damaged is mended as far as it can be."""

    def __init__(self, directory: Path, *, mend: bool) -> None:
        self._directory, self._ours, self._mend = directory, directory / VERSION, mend
        self._stuck = False  # nothing can be written to the database
        self._found = CacheVerify(path=place.written(directory), exists=False, dry_run=not mend)

    def run(self) -> CacheVerify:
        """What was checked, found and mended. Raises `H5s3Error` where it cannot be looked at just now."""
        try:
            self._found.exists = self._directory.is_dir()
            if self._places() and self._ours.exists() and self._files():
                self._contents()
        except (OSError, *OF_CONTENT) as error:
            problem = problem_of(error)
            hint = CLEAR if problem in (NO_ROOM, DISK_ERROR) else ""
            where = place.written(self._directory)
            raise H5s3Error(f"the cache {problem}", location=where, hint=hint) from None
        findings = self._found.findings
        self._found.status = "sound" if not findings else "mended"
        if any(not finding.mended for finding in findings):
            self._found.status = "damaged"
        return self._found

    def _note(
        self, what: What, detail: str, *, count: int = 1, mended: bool = True, remedy: str = ""
    ) -> CacheFinding:
        """Write down what was found; `mended` by what the caller has done or is about to do."""
        detail, mended = place.written(detail), mended and self._mend
        finding = CacheFinding(what=what, detail=detail, count=count, mended=mended)
        if remedy:
            finding.remedy = remedy
        self._found.findings.append(finding)
        return finding

    # ---------------------------------------------------------------------------------------- places

    def _places(self) -> bool:
        """Look at both directories; whether what is in them can be looked at."""
        if place.expands(self._directory):
            self._note("directory", f"{self._directory} {place.EXPANDED}", mended=False, remedy=ANOTHER)
            return False
        if not self._directory.is_symlink() and not self._directory.exists():
            return True
        usable = self._place(self._directory, private=False)
        if usable and (self._ours.is_symlink() or self._ours.exists()):
            usable = self._place(self._ours, private=True)
        return usable

    def _place(self, path: Path, *, private: bool) -> bool:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode):
            detail = f"{path} is not a directory (a symbolic link, perhaps)"
            self._note("directory", detail, mended=False, remedy=f"remove it, or {ANOTHER}")
            return False
        if not place.mine(status):
            detail = f"{path} belongs to somebody else"
            self._note("directory", detail, mended=False, remedy=ANOTHER)
            return False
        mode = stat.S_IMODE(status.st_mode)
        if place.open_to_others(status):
            return self._open_to_others(path, mode, private)
        if private and mode & place.OTHERS:
            self._note("directory", f"{path} could be looked into by others (mode {mode:04o})")
            self._chmod(path)
        elif private and mode & 0o700 != 0o700:
            self._note("directory", f"{path} is closed to yourself (mode {mode:04o})")
            self._chmod(path)
        return True

    def _open_to_others(self, path: Path, mode: int, private: bool) -> bool:
        """Others may have put into it what they liked: its hashes say nothing, so all goes."""
        detail = f"{path} could be written to by others (mode {mode:04o})"
        if not private and any(child.name != VERSION for child in path.iterdir()):
            detail += "; it holds other things and is left as it is"
            self._note("directory", detail, mended=False, remedy=f"chmod it to 700, or {ANOTHER}")
            return False
        finding = self._note("directory", detail + ("; its entries cannot be relied on" if private else ""))
        self._chmod(path)
        if self._mend and private:
            try:
                finding.mended = self._files() and self._anew(finding)
            except BaseException:
                finding.mended = False
                raise
            finally:
                if not finding.mended:
                    path.chmod(mode)  # closed, it would seem to be as good as any
        return finding.mended

    def _chmod(self, path: Path) -> None:
        if self._mend:
            path.chmod(0o700)

    # -------------------------------------------------------------------------------------- contents

    def _files(self) -> bool:
        """Look whether the database's files are plain ones of this user; whether they can be opened."""
        while name := place.foreign_file(self._ours):
            path = self._ours / name
            finding = self._note("file", f"{name} is no plain file of yours")
            if not self._mend:
                return False
            try:
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
            except OSError:
                finding.mended, finding.remedy = False, place.written(f"remove {path}")
                return False
        for name in (*place.DATABASE_FILES, place.LOCK):
            path = self._ours / name
            if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o600 != 0o600:
                self._note("file", f"{name} is closed to yourself (mode {mode:04o})")
                if self._mend:
                    path.chmod(0o600)
        return self._loose_files()

    def _loose_files(self) -> bool:
        """Whether no file of the database could be written to by others, or all are made anew."""
        loose = place.loose_files(self._ours)
        if not loose:
            return True
        names = ", ".join(f"{name} (mode {mode:04o})" for name, mode in loose.items())
        detail = f"{names} could be written to by others; the entries cannot be relied on"
        finding = self._note("file", detail)
        return self._mend and self._anew(finding)

    def _contents(self) -> None:
        hold = Hold(self._ours)
        if (self._mend or (self._ours / place.LOCK).exists()) and not hold.take(look=not self._mend):
            cause = f"the cache {LOCKED}"
            raise H5s3Error(cause, location=place.written(self._directory), hint="try again")
        try:
            reason = self._database() if (self._ours / DATABASE).exists() else None
        finally:
            hold.release()
        if reason:
            finding = self._note("database", f"the database {reason}")
            if self._mend:
                self._anew(finding)
        self._remains()

    def _anew(self, finding: CacheFinding) -> bool:
        """Make the database anew; where that cannot be, the finding that asked for it is not mended."""
        finding.mended = make_anew(self._ours)
        if not finding.mended:
            finding.remedy = AGAIN
        return finding.mended

    def _database(self) -> str | None:
        """Look at the database and mend its rows; why it has to be made anew, if so."""
        try:
            with closing(self._connect()) as base:
                reason = unsound(base, self._ours)
                if reason is None and base.execute("SELECT 1 FROM sqlite_master").fetchone():
                    self._rows(base)
                    if wrong := self._settings(base):
                        detail = "settings or sums of the database that are not right"
                        self._note("settings", detail, count=wrong, mended=not self._stuck)
                if self._stuck and can_be_written(self._ours):
                    detail = "the database can be read and not written to: there is no room"
                    self._note("database", detail, mended=False, remedy=CLEAR)
                return reason
        except OF_CONTENT as error:
            if problem_of(error) != DAMAGED:
                raise
            return f"cannot be read ({str(error) or type(error).__name__})"

    def _connect(self) -> sqlite3.Connection:
        path, seconds = str(self._ours / DATABASE), place.LOCK_SECONDS
        base = harden(sqlite3.connect(path, timeout=seconds, isolation_level=None))
        try:
            base.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            base.close()
            self._cannot_write(error)
            return read_quietly(self._ours)
        return base

    def _cannot_write(self, error: sqlite3.Error) -> None:
        """Read on where only writing fails."""
        if problem_of(error) not in NOT_WRITABLE:
            raise error
        self._stuck = True

    def _settings(self, base: sqlite3.Connection) -> int:
        try:
            return mend_settings(base, self._mend and not self._stuck)
        except sqlite3.Error as error:
            self._cannot_write(error)
            return mend_settings(base, mend=False)

    def _rows(self, base: sqlite3.Connection) -> None:
        wrong: Counter[str] = Counter()
        last: int | None = -(1 << 63)
        while last is not None:
            bad: list[int] = []
            with transaction(base, "BEGIN"):
                rows = base.execute(BATCH, (last,)).fetchall()
                for row in rows:
                    reason, size = judge(base, row)
                    self._found.entries += 1
                    self._found.bytes += size
                    if reason:
                        bad.append(row[0])
                        wrong[reason] += 1
            last = rows[-1][0] if rows else None
            if bad and self._mend and not self._stuck:
                try:
                    remove_bad(base, bad)
                except sqlite3.Error as error:
                    self._cannot_write(error)
        for reason, count in sorted(wrong.items()):
            self._note("entries", reason, count=count, mended=not self._stuck)

    def _remains(self) -> None:
        known: list[str] = []
        others: list[str] = []
        for path, ours in strays(self._ours):
            if path.is_symlink() or not path.is_dir():
                (known if ours else others).append(path.relative_to(self._ours).as_posix())
        if known:
            self._note("strays", "files that no entry names", count=len(known))
        self._found.other_files = len(others)
        if self._mend:
            remove_strays(self._ours)
        for folder in older_folders(self._directory):
            mended = self._mend and remove_older(folder)
            remedy = "" if mended or not self._mend else AGAIN
            self._note("older", f"{folder}, which an older release made", mended=mended, remedy=remedy)
