"""A file that libhdf5 writes to, and that never fails it.

libhdf5 crashes the process at exit over a file that it could not write to the end: a full disk is kept from
it, and raised when it has let go of the file. After a failure nothing is written any more.
"""

from __future__ import annotations

import io
import os


class Sink(io.RawIOBase):
    """Reads and writes of an open file at any place. `error` is the first failure."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._at = 0
        self._size = 0
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = 0) -> int:
        """Where to read or write next."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """Where that is."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer; beyond the end, and after a failure, with zeros."""
        view = memoryview(buffer).cast("B")
        data = b"" if self.error else os.pread(self._descriptor, len(view), self._at)
        view[:] = data + bytes(len(view) - len(data))
        self._at += len(view)
        return len(view)

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        """All of it."""
        view, at = memoryview(data).cast("B"), self._at
        length = len(view)
        self._at += length
        self._size = max(self._size, self._at)
        try:
            while view and not self.error:
                done = os.pwrite(self._descriptor, view, at)
                view, at = view[done:], at + done
        except OSError as error:
            self.error = error
        return length

    def truncate(self, size: int | None = None) -> int:
        """Cut or extend."""
        self._size = self._at if size is None else size
        try:
            if not self.error:
                os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            self.error = error
        return self._size
