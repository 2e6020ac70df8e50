"""Tables on this machine, read without a store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from h5s3.errors import DamagedError
from h5s3.formats.tables.place import MOST_DOCUMENT, Tail
from h5s3.storage.base import Range


class FolderPlace:
    """A folder or a file as `Place` has it. `rounds`: what was read at once, each time: paths and ranges."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.strict = False  # sizes that are told are checked, as elsewhere
        self.display = str(folder)
        self.rounds: list[list[tuple[str, Range]]] = []

    def outside(self, location: str) -> str | None:
        return None

    def against(self, location: str) -> str:
        return "it is elsewhere"

    def names(self, path: str = "") -> list[str]:
        there = self._folder / path
        return sorted(one.name + "/" * one.is_dir() for one in there.iterdir()) if there.is_dir() else []

    def below(self, path: str = "") -> Iterator[tuple[str, int]]:
        if self._folder.is_file():
            yield "", self._folder.stat().st_size
            return
        for at, folders, files in os.walk(self._folder / path):
            folders.sort()
            for name in sorted(files):
                file = Path(at) / name
                yield str(file.relative_to(self._folder)), file.stat().st_size

    def documents(self, paths: Sequence[str], most: int = MOST_DOCUMENT) -> dict[str, bytes]:
        return {path: self._at(path).read_bytes() for path in paths if self._at(path).is_file()}

    def tails(self, files: Sequence[tuple[str, int | None]], length: int) -> dict[str, Tail]:
        found = {}
        for path, size in files:
            if self.strict and size not in (None, self._at(path).stat().st_size):
                raise DamagedError(f"{path} is not of {size} bytes")
            if self._at(path).is_file():
                data = self._at(path).read_bytes()
                start = max(0, len(data) - length)
                found[path] = Tail(len(data), start, data[start:])
        return found

    def read(self, wanted: Sequence[tuple[str, Range]]) -> list[bytes]:
        self.rounds.append(list(wanted))
        return [self._at(path).read_bytes()[start:stop] for path, (start, stop) in wanted]

    def _at(self, path: str) -> Path:
        return self._folder / path if path else self._folder
