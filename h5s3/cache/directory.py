"""Where the cache lies, whether that is its owner's alone, and who is using it just now."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has none: there, a database that is in use cannot be removed
    fcntl = None

VERSION = "v1"  # raise when the meaning of stored values changes
DATABASE = "cache.db"
DATABASE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")
LOCK = "lock"
LOCK_SECONDS = 3.0  # a lock that another process holds for longer costs the cache
EXPANDED = "has a name that diskcache would expand"
LOOSE = "holds files that others can write to (h5s3 cache verify makes it anew)"
OTHERS_WRITE, OTHERS = 0o022, 0o077


def unsafe(directory: Path) -> str | None:
    """Why the cache must not be used, if so. Makes its directories where they are missing.

    The named directory may hold other things and is left as it is; ours within it is its owner's alone.
    """
    if expands(directory):
        return EXPANDED
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = directory / VERSION
    problem = foreign(directory)
    if problem is None:
        ours.mkdir(mode=0o700, exist_ok=True)
        problem = foreign(ours)
    if problem is None and stat.S_IMODE(ours.lstat().st_mode) & OTHERS:
        ours.chmod(0o700)
    if problem is None and (name := foreign_file(ours)):
        problem = f"holds a {name} that is no plain file of yours (h5s3 cache verify removes it)"
    if problem is None and loose_files(ours):
        problem = LOOSE
    return problem


def written(text: object) -> str:
    """Text or a path as text that can be encoded: what is no UTF-8 is escaped."""
    return str(text).encode(errors="surrogateescape").decode(errors="backslashreplace")


def expands(directory: Path) -> bool:
    """Whether diskcache would take the name for another one."""
    return os.path.expandvars(os.path.expanduser(directory)) != str(directory)


def foreign(directory: Path) -> str | None:
    """Why a directory cannot be relied on, if so."""
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return "is not a directory (a symbolic link, perhaps)"
    if not mine(status):
        return "belongs to somebody else"
    if open_to_others(status):
        return "can be written to by others: chmod it to 700, or name another"
    return None


def foreign_file(ours: Path) -> str | None:
    """The name of a file of the database that is a link, or anything else but a plain file of this user."""
    for name in (*DATABASE_FILES, LOCK):
        try:
            status = (ours / name).lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode) or not mine(status):
            return name
    return None


def loose_files(ours: Path) -> dict[str, int]:
    """The plain files of the database that others could write to, and the modes that let them."""
    found = {}
    for name in (*DATABASE_FILES, LOCK):
        with suppress(FileNotFoundError):
            status = (ours / name).lstat()
            if stat.S_ISREG(status.st_mode) and open_to_others(status):
                found[name] = stat.S_IMODE(status.st_mode)
    return found


def make_private(path: Path) -> None:
    """Make a file that is its owner's alone, whatever the umask is; one that is there stays as it is."""
    with suppress(FileExistsError):
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(number, 0o600)
        finally:
            os.close(number)


def mine(status: os.stat_result) -> bool:
    """Whether this user owns it."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def open_to_others(status: os.stat_result) -> bool:
    """Whether others could put something of theirs into a directory or a file.

    With the sticky bit they could not take away what is there, but still be the first to put it there.
    """
    return hasattr(os, "geteuid") and bool(status.st_mode & OTHERS_WRITE)  # Windows has no such modes


class Hold:
    """A lock on the files of the cache: shared by all who use them, or one's alone who makes them anew.

    SQLite does not notice that another process removes a database it has open: when it closes the old one
    it would take the new one's log with it. The system lets go of the lock when its process ends, however.
    """

    def __init__(self, ours: Path) -> None:
        self._path = ours / LOCK
        self._number: int | None = None

    def take(self, *, alone: bool = False, look: bool = False) -> bool:
        """Whether the lock was to be had within a short wait. What was held before is given back first.

        With `look`, nothing is written: the file has to be there.
        """
        self.release()
        if fcntl is None:
            return True
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            number = self._number = self._opened(look)
            try:
                fcntl.flock(number, kind | fcntl.LOCK_NB)
                if self._is_there(number):
                    return True
            except BlockingIOError:
                pass
            except OSError:  # a file system without locks
                return True
            self.release()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)

    def _opened(self, look: bool) -> int:
        if not look:
            make_private(self._path)
        kind = os.O_RDONLY if look else os.O_RDWR | os.O_CREAT
        return os.open(self._path, kind | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)

    def _is_there(self, number: int) -> bool:
        """Whether the file that was opened is still the one of that name, not one that was made anew."""
        try:
            return os.path.samestat(os.fstat(number), self._path.lstat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Give the lock back."""
        if self._number is not None:
            os.close(self._number)
            self._number = None
