"""A file that appears under its name when it is complete, and not before."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from h5s3.errors import H5s3Error, UsageError

LONGEST = 120  # characters of a name made from a dataset's
LEFTOVER = r"([1-9]\d{0,9})-[0-9a-f]{16}\.part"  # the process that writes, and a random number
HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


def file_name(name: str) -> str:
    """A dataset's name as the name of a file: one part of a path, no controls, nothing that hides it."""
    kept = "".join(char if char.isprintable() else "_" for char in name)
    kept = re.sub(r'[/\\:*?"<>|]', "_", kept).strip().lstrip(".-~ ").rstrip(". ")
    return kept[:LONGEST].encode("utf-8", "replace")[:200].decode("utf-8", "ignore") or "data"


def check_target(path: str, overwrite: bool) -> None:
    """Raises before anything is fetched where the file cannot be put there."""
    with write_errors(path):
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            hint = "create it, or choose another with -o"
            raise UsageError(f"no folder {folder}", location=path, hint=hint)
        if not os.path.lexists(path):
            if not os.access(folder, os.W_OK | os.X_OK):
                raise H5s3Error(f"the folder {folder} cannot be written to", location=path)
            return
        if os.path.isdir(path):
            raise UsageError("a folder", location=path, hint="name a file with -o")
        if not overwrite:
            raise UsageError("the file exists", location=path, hint="replace it with --overwrite")
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            raise UsageError("not a regular file", location=path, hint="write to a pipe with -o -")


@contextmanager
def atomic_write(path: str, overwrite: bool) -> Iterator[tuple[BinaryIO, str]]:
    """A new file and its temporary path in the same folder; it takes its name when the block is done.

    Whatever is raised in the block, Ctrl-C too, nothing of the file is left; what a run before left that was
    killed is cleared. Raises `OSError` where it cannot be written (`write_errors` words that), `UsageError`
    where it exists and must not be overwritten.
    """
    folder, name = os.path.split(path)
    begin = f".{name[:40]}."
    _clear_leftovers(folder or ".", begin)
    temporary = os.path.join(folder or ".", f"{begin}{os.getpid()}-{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w+b") as stream:
            _lock(descriptor)  # for as long as it has this name
            yield stream, temporary
            stream.flush()
            os.fchmod(stream.fileno(), 0o666 & ~_umask())
            os.fsync(stream.fileno())
            _place(temporary, path, overwrite)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    _sync_folder(folder or ".")


def _clear_leftovers(folder: str, begin: str) -> None:
    """Remove temporary files of runs for the same target that were killed, and nothing of those still alive.

    The process that a name tells must be gone, and nobody may hold the file's lock: a number alone says
    little where several machines or containers write to one folder.
    """
    if fcntl is None:
        return
    pattern = re.compile(re.escape(begin) + LEFTOVER)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = pattern.fullmatch(entry.name)
            if match is not None and not _is_alive(int(match[1])):
                with suppress(OSError):
                    _remove(entry.path)


def _remove(path: str) -> None:
    """Remove a regular file of this user that nobody has locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        mine = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if mine and _lock(descriptor):
            os.unlink(path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed; False where somebody else has. Not all file systems have locks."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in HELD
    return True


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return not _is_zombie(process)


def _is_zombie(process: int) -> bool:
    """Whether a process has ended and nobody has asked how: in a container that may never happen."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stream:
            return stream.read(4096).rpartition(b")")[2].split()[:1] == [b"Z"]
    except OSError:
        return False  # no Linux, or gone by now


def _umask() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


def _place(temporary: str, path: str, overwrite: bool) -> None:
    if overwrite:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # unlike a renaming, it never replaces what came there meanwhile
    except OSError as error:
        if isinstance(error, FileExistsError) or (error.errno in NO_LINKS and os.path.lexists(path)):
            raise UsageError("the file exists", location=path, hint="replace it with --overwrite") from None
        if error.errno not in NO_LINKS:
            raise
        os.rename(temporary, path)


def _sync_folder(folder: str) -> None:
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def write_errors(path: str) -> Iterator[None]:
    """Raises `H5s3Error` or `UsageError` in place of the errors of an operating system that cannot write."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise H5s3Error(f"cannot be written: {reason}", location=path) from None
    except ValueError as error:
        if "null" in str(error):
            raise UsageError("a name of a file with a null character in it") from None
        raise


def free_bytes(path: str) -> int | None:
    """What is free for this user on the file system of a file to be; None where that is not known."""
    try:
        found = os.statvfs(os.path.dirname(path) or ".")
    except (OSError, AttributeError):
        return None
    return found.f_bavail * found.f_frsize if found.f_blocks else None
