"""Files of this machine, read like objects."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from h5s3.errors import AccessError, H5s3Error, NetworkError, NotFoundError
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, OnArrival, Range
from h5s3.storage.location import Location
from h5s3.storage.responses import changed
from h5s3.storage.trace import Trace

MOST_OPEN = 64  # files


class LocalStore:
    """Reads by `pread` from one open file; its inode, size and modification time are the pin."""

    endpoint = "local"

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._lock = threading.RLock()  # a file that one thread reads is not closed by another

    def head(self, location: Location) -> ObjectInfo:
        """Size and modification time. Raises `NotFoundError` for what is not a regular file."""
        with self._lock:
            self._close_replaced(location)
            return self._info(location, os.fstat(self._open(location)))

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """Identity and the first bytes."""
        info = self.head(location)
        stop = min(length, info.size)
        return info, self._read(info, (0, stop)) if stop else b""

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes, one after another: a local file has no round trips to save."""
        todo, done = list(ranges), {}
        while todo:
            item = todo.pop()
            done[item] = self._read(obj, item)
            todo += on_arrival(item, done[item]) if on_arrival else ()
        return done

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """What a directory holds, or the one file."""
        root = Path(location.key)
        try:
            if not root.is_dir():
                yield _entry(_text(root.name), root.stat())
                return
            yield from _walk(root, root, recursive)
        except (OSError, ValueError) as error:
            raise _translated(error, location) from None

    def close(self) -> None:
        """Close every file."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()

    def _open(self, location: Location) -> int:
        if location.key not in self._files:
            try:
                # O_NONBLOCK: a named pipe must not hang the command
                descriptor = os.open(location.key, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except (OSError, ValueError) as error:
                raise _translated(error, location) from None
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise NotFoundError("not a regular file", location=location.display, hint="try: h5s3 ls")
            while len(self._files) >= MOST_OPEN:
                os.close(self._files.pop(next(iter(self._files))))
            self._files[location.key] = descriptor
        return self._files[location.key]

    def _close_replaced(self, location: Location) -> None:
        """Close a file that is no longer the one of its name."""
        held = self._files.get(location.key)
        if held is None:
            return
        try:
            same = os.path.samestat(os.stat(location.key), os.fstat(held))
        except (OSError, ValueError):
            same = False
        if not same:
            os.close(self._files.pop(location.key))

    def _info(self, location: Location, status: os.stat_result) -> ObjectInfo:
        return ObjectInfo(
            location=location,
            source=self.endpoint,
            size=status.st_size,
            etag=f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}",
            last_modified=_date(status),
            cacheable=False,
        )

    def _read(self, obj: ObjectInfo, wanted: Range) -> bytes:
        with self._lock:
            return self._read_open(obj, wanted)

    def _read_open(self, obj: ObjectInfo, wanted: Range) -> bytes:
        descriptor = self._open(obj.location)
        start, stop = wanted
        try:
            data = os.pread(descriptor, stop - start, start)
        except OSError as error:
            raise _translated(error, obj.location) from None
        if len(data) != stop - start or self._info(obj.location, os.fstat(descriptor)).etag != obj.etag:
            raise changed().at(obj.location.display)
        return data


def open_local(location: Location, settings: Settings, trace: Trace) -> LocalStore:
    """The store of local files."""
    return LocalStore()


def _walk(root: Path, folder: Path, recursive: bool) -> Iterator[Entry]:
    for path in sorted(folder.iterdir()):
        name = _text(path.relative_to(root).as_posix())
        if path.is_dir():
            if recursive and not path.is_symlink():
                yield from _walk(root, path, recursive)
            else:
                yield Entry(key=name + "/", type="prefix")
        else:
            yield _entry(name, _status(path))


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError:  # a link to nowhere
        return path.lstat()


def _text(name: str) -> str:
    """A name as text that JSON can hold: bytes that are not UTF-8 are escaped."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _entry(name: str, status: os.stat_result) -> Entry:
    return Entry(key=name, type="object", size=status.st_size, last_modified=_date(status))


def _date(status: os.stat_result) -> str:
    return datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds")


def _translated(error: OSError | ValueError, location: Location) -> H5s3Error:
    where = location.display
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return NotFoundError("no such file", location=where)
    if isinstance(error, PermissionError):
        return AccessError("permission denied", location=where)
    return NetworkError(f"cannot be read ({error.strerror})", location=where)
