"""Plain h5py over a file that the command reads for it: what runs in the cell, and how it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from h5s3.formats.base import Source
from h5s3.formats.hdf5.fetch.block_file import Seekable
from h5s3.records import Record

Reads = Callable[[tuple[int, int]], Any]


class Baseline(Record, kw_only=True):
    """What plain h5py met, objects or values, and how long it waited for what it read, in seconds."""

    objects: int | None = None
    values: int | None = None
    waited: float = 0.0


@dataclass(frozen=True)
class AskPlain:
    """The question: list a level, walk what is below, or read selections. `read`: bytes of the file."""

    name: Literal["one level", "whole tree", "one preview", ""]  # nothing: what is needed is loaded
    path: str
    selections: tuple[str, ...]
    size: int
    read: Reads

    def __call__(self, contents: object) -> Baseline:
        from h5s3.formats.hdf5.layout.h5py_baseline import plain_level, plain_read, plain_walk

        file = _Elsewhere(self.size, self.read)
        if not self.name:
            return Baseline()
        if self.name == "one preview":
            found = Baseline(values=plain_read(file, self.path, self.selections))
        else:
            plain = plain_level if self.name == "one level" else plain_walk
            found = Baseline(objects=plain(file, self.path))
        found.waited = file.waited
        return found


class Unopened:
    """A format that opens nothing: h5py is to do it."""

    name = "hdf5"

    def knows(self, seen: object) -> bool:
        return False

    @contextmanager
    def open(self, source: Source) -> Iterator[Any]:
        yield None


class _Elsewhere(Seekable):
    """A file whose bytes come from a function. `waited`: for it, in seconds."""

    def __init__(self, size: int, read: Reads) -> None:
        super().__init__(size)
        self._read = read
        self.waited = 0.0

    def readinto(self, buffer: Any) -> int:
        """As far as the file goes."""
        view = memoryview(buffer).cast("B")
        start = self.tell()
        stop = max(start, min(start + len(view), self.size))
        begun = time.perf_counter()
        view[: stop - start] = self._read((start, stop)) if stop > start else b""
        self.waited += time.perf_counter() - begun
        self.seek(stop)
        return stop - start
