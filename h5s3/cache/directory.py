"""Where the cache is stored, whether its owner alone can change it, and who is using it."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has none: there, a database that is in use cannot be removed
    fcntl = None

VERSION = "v1"  # of the folder that holds the database; raise it when the meaning of stored values changes
DATABASE = "cache.db"
DATABASE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal")
LOCK_SECONDS = 3.0  # a lock that another process holds for longer costs the cache
OTHERS_WRITE, OTHERS = 0o022, 0o077

EXPANDED = "has a name that diskcache would expand"
NO_DIRECTORY = "is not a directory (a symbolic link, perhaps)"
FOREIGN = "belongs to somebody else"
OPEN = "can be written to by others: chmod it to 700, or name another"


def prepare(directory: Path) -> str | None:
    """Make the directories where they are missing; why the cache must not be used, if so.

    The named directory may hold other things and keeps its mode. The folder of this version in it is made
    private: nobody else can reach its files, whatever their modes are.
    """
    if would_be_expanded(directory):
        return EXPANDED
    folder = directory / VERSION
    for path in (directory, folder):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if problem := directory_problem(path):
            return problem
    if stat.S_IMODE(folder.lstat().st_mode) & OTHERS:
        folder.chmod(0o700)
    if name := foreign_file(folder):
        return f"holds a {name} that is no plain file of yours (h5s3 cache verify removes it)"
    return None


def would_be_expanded(directory: Path) -> bool:
    """Whether diskcache would take the name for another one."""
    return os.path.expandvars(os.path.expanduser(directory)) != str(directory)


def directory_problem(path: Path) -> str | None:
    """Why what is in a directory cannot be relied on, if so: `NO_DIRECTORY`, `FOREIGN` or `OPEN`.

    In a sticky directory others cannot replace a file, but they can be the first to make it.
    """
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return NO_DIRECTORY
    if not _is_own(status):
        return FOREIGN
    if hasattr(os, "geteuid") and status.st_mode & OTHERS_WRITE:  # Windows has no such modes
        return OPEN
    return None


def foreign_file(folder: Path) -> str | None:
    """The name of a database file that is a link, or anything else but a plain file of this user."""
    for name in DATABASE_FILES:
        try:
            status = (folder / name).lstat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode) or not _is_own(status):
            return name
    return None


def _is_own(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def encodable(text: object) -> str:
    """Text or a path as text that can be encoded: bytes that are not UTF-8 are escaped."""
    return str(text).encode(errors="surrogateescape").decode(errors="backslashreplace")


class Lock:
    """A lock on the folder of the database: shared by all who use it, exclusive for those who remove it.

    SQLite does not notice that another process removed a database it has open: on closing, it would delete
    the log of the new one. The system releases the lock when the process ends.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def acquire(self, *, exclusive: bool = False) -> bool:
        """Whether the lock was free within `LOCK_SECONDS`."""
        if fcntl is None:
            return True
        self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() > deadline:
                    self.release()
                    return False
            except OSError:  # a file system without locks
                return True
            time.sleep(0.01)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
