"""Places that are written to: many small objects below one of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Protocol

import deflate

from h5s3.errors import UsageError
from h5s3.settings import Settings
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace

MOST_SEEN = 1000  # names that are looked at, to tell what stands at a place
NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class Output(Protocol):
    """A folder or a prefix. Names are relative to it; several threads may call at a time.

    Methods raise `OSError` or the errors of `h5s3.errors`.
    """

    display: str
    threads: int  # that are worth their while

    def put(self, name: str, data: bytes | memoryview) -> str:
        """Write an object whole, in the place of what was there; a mark by which it is known again."""

    def top(self) -> list[str]:
        """The names directly below it, those of folders with a `/` at the end; up to `MOST_SEEN`."""

    def below(self, name: str = "") -> Iterator[str]:
        """All objects below a name."""

    def unchanged(self, marks: Mapping[str, str]) -> set[str]:
        """Those of the objects that are there as they were written, by their marks."""

    def read(self, name: str) -> bytes:
        """An object that is there."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, as far as they are there."""

    def close(self) -> None:
        """Let go of connections."""


class FolderOutput:
    """A folder of this machine. Objects get their names at once: who reads them must know which are whole."""

    threads = 4

    def __init__(self, path: str) -> None:
        self.display = path
        self._path = path
        self._made: set[str] = set()

    def put(self, name: str, data: bytes | memoryview) -> str:
        """Write a file, and the folders on the way to it; its size and CRC-32."""
        path = os.path.join(self._path, name)
        folder = os.path.dirname(path)
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | NO_LINK, 0o666)
        try:
            left = memoryview(data).cast("B")
            while left:
                left = left[os.write(descriptor, left) :]
        finally:
            os.close(descriptor)
        return _mark(data)

    def top(self) -> list[str]:
        """What stands in the folder; nothing where there is none."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self._path) as entries:
            for entry in entries:
                found.append(entry.name + "/" * entry.is_dir())
                if len(found) >= MOST_SEEN:
                    break
        return found

    def below(self, name: str = "") -> Iterator[str]:
        """Regular files, symbolic links left out."""
        top = os.path.join(self._path, name) if name else self._path
        for folder, _, files in os.walk(top):
            for file in files:
                path = os.path.join(folder, file)
                if not os.path.islink(path):
                    yield os.path.relpath(path, self._path).replace(os.sep, "/")

    def unchanged(self, marks: Mapping[str, str]) -> set[str]:
        """Each file is read."""
        found = set()
        for name, mark in marks.items():
            with suppress(FileNotFoundError, NotADirectoryError):
                size = os.stat(os.path.join(self._path, name), follow_symlinks=False).st_size
                if mark.startswith(f"{size}-") and _mark(self.read(name)) == mark:
                    found.add(name)
        return found

    def read(self, name: str) -> bytes:
        """A file."""
        descriptor = os.open(os.path.join(self._path, name), os.O_RDONLY | os.O_CLOEXEC | NO_LINK)
        with os.fdopen(descriptor, "rb") as stream:
            return stream.read()

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, and folders that are empty then."""
        for name in names:
            path = os.path.join(self._path, name)
            with suppress(FileNotFoundError):
                os.unlink(path)
            while (path := os.path.dirname(path)) != self._path and path.startswith(self._path):
                try:
                    os.rmdir(path)
                except OSError:
                    break
                self._made.discard(path)

    def close(self) -> None:
        """Nothing is open."""


def _mark(data: bytes | memoryview) -> str:
    return f"{memoryview(data).nbytes}-{deflate.crc32(data):08x}"


def open_output(location: Location, settings: Settings, trace: Trace) -> Output:
    """The place at a location. Raises `UsageError` for one that cannot be written to."""
    if location.kind == "s3":
        from h5s3.storage.stores.s3_output import S3Output

        if not location.bucket or not location.key.strip("/"):
            raise UsageError(
                "a bucket, not a place in it", location=location.display, hint="add a name, such as scan.zarr"
            )
        return S3Output(location, location.key.rstrip("/") + "/", settings, trace)
    if location.kind != "local":
        raise UsageError("only a folder or s3:// can be written to", location=location.display)
    path = location.key.rstrip("/") or "/"
    if os.path.lexists(path) and not os.path.isdir(path):
        raise UsageError("a file, where a folder is to be", location=location.display)
    return FolderOutput(path)


def open_object(location: Location, settings: Settings, trace: Trace) -> tuple[Output, str]:
    """The place in S3 that an object stands in, and its name there. Raises `UsageError` without a name."""
    from h5s3.storage.stores.s3_output import S3Output

    above, slash, name = location.key.rpartition("/")
    if not location.bucket or not name:
        raise UsageError("no name of an object", location=location.display, hint="add one, such as refs.json")
    return S3Output(location, above + slash, settings, trace), name
