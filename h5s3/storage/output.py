"""Places that are written to: many small objects below one of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from h5s3.errors import UsageError
from h5s3.settings import Settings
from h5s3.storage.location import Location

MOST_SEEN = 1000  # names that are looked at, to tell what stands at a place


class Output(Protocol):
    """A folder or a prefix. Names are relative to it; several threads may call at a time.

    Methods raise `OSError` or the errors of `h5s3.errors`.
    """

    display: str

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Write an object whole, in the place of what was there."""

    def top(self) -> list[str]:
        """The names directly below it, those of folders with a `/` at the end; up to `MOST_SEEN`."""

    def below(self, name: str = "") -> Iterator[tuple[str, int]]:
        """All objects below a name, and their sizes."""

    def read(self, name: str) -> bytes:
        """An object that is there."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, as far as they are there."""

    def close(self) -> None:
        """Let go of connections."""


class FolderOutput:
    """A folder of this machine. Objects get their names at once: who reads them must know which are whole."""

    def __init__(self, path: str) -> None:
        self.display = path
        self._path = path
        self._made: set[str] = set()

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Write a file, and the folders on the way to it."""
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

    def top(self) -> list[str]:
        """What stands in the folder; nothing where there is none."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self._path) as entries:
            for entry in entries:
                found.append(entry.name + "/" * entry.is_dir())
                if len(found) >= MOST_SEEN:
                    break
        return found

    def below(self, name: str = "") -> Iterator[tuple[str, int]]:
        """Regular files, symbolic links left out."""
        top = os.path.join(self._path, name) if name else self._path
        for folder, _, files in os.walk(top):
            for file in files:
                path = os.path.join(folder, file)
                with suppress(FileNotFoundError):
                    if not os.path.islink(path):
                        yield os.path.relpath(path, self._path).replace(os.sep, "/"), os.stat(path).st_size

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


NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def open_output(location: Location, settings: Settings) -> Output:
    """The place at a location. Raises `UsageError` for one that cannot be written to."""
    if location.kind == "local":
        path = location.key.rstrip("/") or "/"
        if os.path.lexists(path) and not os.path.isdir(path):
            raise UsageError("a file, where a folder is to be", location=location.display)
        return FolderOutput(path)
    raise UsageError("only a folder can be written to", location=location.display)
