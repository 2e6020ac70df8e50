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

from h5s3 import guard
from h5s3.errors import H5s3Error, UsageError

LONGEST = 120  # characters of a name made from a dataset's
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

    Whatever is raised in the block, Ctrl-C too, nothing of the file is left. Raises `OSError` where it
    cannot be written (`write_errors` words that), `UsageError` where it exists and must not be overwritten.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder or ".", f".{name[:40]}.{secrets.token_hex(8)}.part")
    guard.tell(unfinished=temporary)
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream, temporary
            stream.flush()
            os.fchmod(stream.fileno(), 0o666 & ~_umask())
            os.fsync(stream.fileno())
        _place(temporary, path, overwrite)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        guard.tell(finished=temporary)
    _sync_folder(folder or ".")


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
