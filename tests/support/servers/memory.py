"""A storage in memory that counts what is asked of it, and sessions over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest

from h5s3.explore.session import Session
from h5s3.formats.base import AskAgainError, Contents
from h5s3.formats.hdf5.fetch import blocks
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.format import Hdf5Contents
from h5s3.formats.hdf5.objects.file import OpenFile, open_hdf5
from h5s3.formats.requests import Request
from h5s3.records import Entry
from h5s3.settings import Settings
from h5s3.storage.base import ObjectInfo, OnArrival, Range
from h5s3.storage.location import Location

LOCATION = Location("s3", "file.h5", bucket="memory")
T = TypeVar("T")


class MemoryStore:
    """One object made of bytes. `rounds` holds the ranges of each call of `get_ranges`."""

    endpoint = "memory"

    def __init__(self, data: bytes, etag: str | None = "one") -> None:
        self.data = data
        self.info = ObjectInfo(LOCATION, self.endpoint, len(data), etag)
        self.rounds: list[list[Range]] = []

    @property
    def ranges(self) -> list[Range]:
        """All ranges that were asked for."""
        return [item for asked in self.rounds for item in asked]

    @property
    def fetched(self) -> int:
        """Bytes handed out."""
        return sum(stop - start for start, stop in self.ranges)

    def head(self, location: Location) -> ObjectInfo:
        """The object's identity."""
        return self.info

    def first(self, location: Location, length: int) -> tuple[ObjectInfo, bytes]:
        """The identity and the first bytes, which are not counted."""
        return self.info, self.data[:length]

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes; a range that is not inside the object is a mistake of the caller."""
        self.rounds.append(list(ranges))
        todo, done = list(ranges), {}
        while todo:
            start, stop = item = todo.pop()
            assert 0 <= start < stop <= len(self.data), f"no range of {len(self.data)} bytes: {item}"
            done[item] = self.data[start:stop]
            more = list(on_arrival(item, done[item])) if on_arrival else []
            self.rounds[-1] += more
            todo += more
        return done

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """Nothing."""
        return iter(())

    def close(self) -> None:
        """Nothing to give back."""


def memory_session(store: MemoryStore, **settings: Any) -> Session:
    """A session, without a persistent cache unless told otherwise, for which LOCATION lies in a store."""
    return Session(Settings(**({"no_cache": True} | settings)), stores={LOCATION.kind: store})


class OneFileSession(Session):
    """A session whose questions are all asked of one open file."""

    file: OpenFile

    def answer(self, kind: Any, location: Location, asked: Request, question: Callable[[Contents], T]) -> Any:
        """The answer; of a file opened again and read plainly where libhdf5 was confused."""
        try:
            with self.file.asked():
                return question(Hdf5Contents(self.file))
        except AskAgainError:
            return self.read(location, question, kind)


@contextmanager
def one_file_session(
    location: Location, store: MemoryStore | None = None, *, plain: bool = False
) -> Iterator[OneFileSession]:
    """A session over one file that stays open; `plain`: read without suspending."""
    stores = {} if store is None else {location.kind: store}
    with OneFileSession(Settings(no_cache=True), stores=stores) as session:
        info, _ = session.store(location).first(location, 0)
        file = BlockFile(session.store(location), None, info, session.trace)
        file.plain = plain
        with open_hdf5(file, info) as session.file:
            yield session


@contextmanager
def offline_session(info: ObjectInfo, cache: Any) -> Iterator[OneFileSession]:
    """A session over one file of which only a cache holds blocks."""
    with OneFileSession(Settings(no_cache=True)) as session:
        with open_hdf5(BlockFile(None, cache, info, session.trace), info) as session.file:
            yield session


@contextmanager
def in_blocks(size: int, *, ahead: bool = False) -> Iterator[None]:
    """Blocks of this size and nothing beside them: so much is missed. `ahead`: look ahead as they arrive."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"BLOCK": size, "WHOLE": 0, "FEW": 0, "GAP": 8192, "CARRIED": 0}.items():
            patch.setattr(blocks, name, value)
        if not ahead:
            patch.setattr(BlockFile, "look_ahead", lambda *_: None)
        yield
