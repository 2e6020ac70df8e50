"""A file in memory that keeps no zeros: what would be terabytes on a disk is as small as its metadata."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from h5s3.errors import RefusedError
from h5s3.formats.hdf5.fetch.block_file import Seekable
from h5s3.sizes import MIB
from h5s3.storage.base import Range

PAGE = 16 * 1024
MOST = 512 * MIB  # bytes kept


class SparseFile(Seekable):
    """Written and read by libhdf5. Bytes that were never written, or are zero, take no memory."""

    def __init__(self) -> None:
        super().__init__(0)
        self._pages: dict[int, bytearray] = {}
        self._ignored = 0  # address of an array that stands for raw data: its zeros are not looked at

    def ignore(self, zeros: Any) -> None:
        """What is written from this array is not kept."""
        self._ignored = _address(zeros)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """Keep what is not zero. Raises `RefusedError` for more than is kept."""
        view = memoryview(data).cast("B")
        start, count = self._position, len(view)
        self._position = start + count
        self.size = max(self.size, self._position)
        if count and _address(view) != self._ignored:
            self._write(view, start)
        return count

    def _write(self, view: memoryview, start: int) -> None:
        at = 0
        while at < len(view):
            number, offset = divmod(start + at, PAGE)
            part = view[at : at + PAGE - offset]
            page = self._pages.get(number)
            if page is None and part.tobytes().strip(b"\0"):
                if len(self._pages) * PAGE >= MOST:
                    raise RefusedError("more metadata than are kept in memory")
                page = self._pages[number] = bytearray(PAGE)
            if page is not None:
                page[offset : offset + len(part)] = part
            at += len(part)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file goes."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.size - self._position))
        view[:count] = self.bytes_of(self._position, self._position + count)
        self._position += count
        return count

    def truncate(self, size: int | None = None) -> int:
        """End the file here."""
        self.size = self._position if size is None else size
        return self.size

    def flush(self) -> None:
        """Nothing waits to be written."""

    def prepare(self, ranges: Iterable[Range]) -> None:
        """Everything is here."""

    def bytes_of(self, start: int, stop: int) -> bytes:
        """Bytes of the file."""
        found, at = bytearray(stop - start), start
        while at < stop:
            number, offset = divmod(at, PAGE)
            end = min(stop, at - offset + PAGE)
            page = self._pages.get(number)
            if page is not None:
                found[at - start : end - start] = page[offset : offset + end - at]
            at = end
        return bytes(found)


def _address(data: Any) -> int:
    return int(np.frombuffer(data, dtype="u1").__array_interface__["data"][0]) if len(data) else 0
