"""The file that `get` writes: it appears under its name when all of it is there."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from types import TracebackType

from h5s3.errors import DamagedError
from h5s3.export.atomic_file import atomic_write, check_target, file_name, free_bytes, write_errors

MOST_SPOOLS = 4  # one for each time that the question is asked


class _AgainError(Exception):
    """What a file is given up with."""


class Output:
    """What is handed out of this machine's files, to somebody who may not open any. A context manager.

    `wanted`: the name of the file; None: one that is named for the dataset, in the current folder.
    """

    def __init__(self, wanted: str | None, overwrite: bool) -> None:
        self._wanted, self._overwrite = wanted, overwrite
        self.name: str | None = None  # of the file that is being written
        self._size = 0
        self._spools = 0
        self._open = ExitStack()

    def check(self, name: str) -> int | None:
        """The bytes that are free for a file of this name. Raises what `check_target` raises."""
        if self._wanted is None and file_name(name) != name:
            raise DamagedError("the name of the file to write is none that was agreed on")
        if self._wanted not in (None, name):
            raise DamagedError("the file to write is not the one that was asked for")
        check_target(name, self._overwrite)
        return free_bytes(name)

    def file(self, name: str) -> int:
        """A descriptor of a new file, which takes the place of one that was begun before."""
        self.check(name)
        self._discard()
        self.name = name
        self._open.enter_context(write_errors(name))
        stream, _ = self._open.enter_context(atomic_write(name, self._overwrite))
        self._open.callback(lambda: self._measure(stream.fileno()))
        return os.dup(stream.fileno())

    def spool(self, _: None = None) -> int:
        """A descriptor of a file without a name: beside the output, or where the system has such files."""
        self._spools += 1
        if self._spools > MOST_SPOOLS:
            raise DamagedError("more files are asked for than values take")
        folder = None if self.name is None else os.path.dirname(self.name) or "."
        with tempfile.TemporaryFile(dir=folder) as stream:
            return os.dup(stream.fileno())

    def finish(self) -> int:
        """Have the file appear; its bytes."""
        self._open.close()
        return self._size

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._open.__exit__(kind, error, trace)

    def _measure(self, descriptor: int) -> None:
        self._size = os.fstat(descriptor).st_size

    def _discard(self) -> None:
        """Take away what was begun: the question is asked again."""
        self._open.__exit__(_AgainError, _AgainError(), None)


class SharedMemory:
    """A file in memory that another process fills. A context manager."""

    there = hasattr(os, "memfd_create")  # on this system

    def __init__(self) -> None:
        self.descriptor: int | None = None

    def file(self, _: None = None) -> int:
        """A descriptor of a new one, which takes the place of one that was begun before."""
        self._close()
        self.descriptor = os.memfd_create("h5s3", os.MFD_CLOEXEC)
        return os.dup(self.descriptor)

    def __enter__(self) -> SharedMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
