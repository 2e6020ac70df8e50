"""Files that a Python program keeps open: closed at the latest when the interpreter ends.

An h5py object over a Python file object that is alive when h5py is taken down crashes the process.
"""

from __future__ import annotations

import atexit
import io
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any
from weakref import finalize

import h5py
from h5py import h5f
from h5py._objects import phil

from h5s3.errors import H5s3Error, RefusedError
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.objects.file import FAILURES, open_h5, prepare
from h5s3.storage.base import ObjectInfo

KINDS = (h5f.OBJ_FILE, h5f.OBJ_GROUP, h5f.OBJ_DATASET, h5f.OBJ_DATATYPE, h5f.OBJ_ATTR)
_names: set[str] = set()  # of files that were opened here, as h5py gives them


class Again:
    """What another process does instead, when it is sent something that is open here: open it anew.

    `content` is what it is to find there still.
    """

    again: tuple[Callable[..., Any], tuple[Any, ...]] | None = None
    content: tuple[int, str | None]

    def __reduce__(self) -> Any:
        """For pickle."""
        if self.again is None:
            raise TypeError("open the file in the process that reads it")
        return self.again


class LastingFile(Again, h5py.File):  # type: ignore[misc]
    """A file that a program keeps."""

    def __reduce__(self) -> Any:
        """For pickle."""
        if not self:
            raise ValueError("the file is closed")
        return super().__reduce__()


class LastingReads(Again, io.RawIOBase):
    """The bytes of an object for as long as the file is open: libhdf5 alone holds on to it.

    `failed` is told the error of a read that fails.
    """

    def __init__(self, blocks: BlockFile, info: ObjectInfo, failed: Callable[[H5s3Error], None]) -> None:
        super().__init__()
        self._blocks, self._failed = blocks, failed
        self._where, self._process = info.location.display, os.getpid()
        self.content = info.content

    def __repr__(self) -> str:
        """The location: h5py takes it for the name of the file."""
        return self._where.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Position in bytes."""
        return self._blocks.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move."""
        return self._blocks.seek(offset, whence)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file goes. Errors name the location."""
        if os.getpid() != self._process:  # two processes would share the connections
            hint = "open it in the process that reads it"
            raise RefusedError("the file was opened before this process was forked", hint=hint).at(
                self._where
            )
        try:
            return self._blocks.readinto(buffer)
        except H5s3Error as error:
            self._failed(error)
            raise error.at(self._where) from None


def open_lasting(
    blocks: BlockFile,
    info: ObjectInfo,
    plugins: bool,
    release: Callable[[], None],
    failed: Callable[[H5s3Error], None],
    as_bytes: bool = False,
) -> LastingFile | LastingReads:
    """The file, open until it is closed, until nothing of it is in use, or until the interpreter ends.

    Then `release` is called, once. Raises what `open_hdf5` raises; then `release` is not called.
    `as_bytes`: the bytes alone, for somebody else to have h5py open them.
    """
    prepare(blocks, info, plugins)
    reads = LastingReads(blocks, info, failed)
    closing = finalize(reads, _let_go, os.getpid(), blocks, release)
    closing.atexit = False  # by then libhdf5 has let go of it
    _names.add(repr(reads))
    _have_all_closed_at_exit()
    if as_bytes:
        return reads
    try:
        file: LastingFile = open_h5(reads, info, LastingFile)
    except BaseException:
        closing.detach()
        raise
    file.content = info.content
    return file


def _let_go(process: int, blocks: BlockFile, release: Callable[[], None]) -> None:
    """Keep what was fetched, and close what is below the file. Not in a process that was forked."""
    if os.getpid() == process:
        with suppress(Exception):
            blocks.save()
        with suppress(Exception):
            release()


@cache
def _have_all_closed_at_exit() -> None:
    """What is registered last is called first: before h5py's own end, as h5py is imported here."""
    atexit.register(_end)


def _end() -> None:
    """Close all files, and have threads that go on to the very end stop before h5py.

    Such a thread is stopped for good where it next waits: if it held h5py's lock, the interpreter would hang.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        phil.acquire()
    close_all()


def close_all() -> None:
    """Close all files that were opened here, with all that is still in use of them."""
    for kind in KINDS:
        for one in h5f.get_obj_ids(h5f.OBJ_ALL, kind):
            with suppress(*FAILURES):
                if one.valid and (file := h5py.File(one)).driver == "fileobj" and file.filename in _names:
                    file.close()
