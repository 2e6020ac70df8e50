"""Values of the cache with a right checksum that make no sense are ignored, and the truth is found again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import pytest

from h5s3.cache import Cache
from h5s3.explore.ls import ls
from h5s3.explore.tree import tree
from h5s3.records import Entry
from h5s3.storage.location import Location
from tests.support.scattered import scattered
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session

SHAPES = [b"", b"{}", b"[]", b"null", b"5", b"\xff", b"9e9\n{}", b"\n", b'{"schema": "h5s3/tree/1"}']
RIGHT = (60, [LOCATION.key])


class OneObject(MemoryStore):
    """Lists its one object."""

    def list(self, location: Location, *, recursive: bool = False, versions: bool = False) -> Iterator[Entry]:
        """The object, whatever was asked for."""
        yield Entry(key=LOCATION.key, type="object", size=self.info.size)


def look(store: MemoryStore) -> tuple[int, list[str]]:
    """How many groups a tree shows, and what a listing."""
    with memory_session(store, no_cache=False) as session:
        groups = tree(session, LOCATION).num_children
        keys = [entry.key for entry in ls(session, LOCATION).entries]
        assert session.cache.problem is None
        return groups, keys


def tamper(kind: str, change: Callable[[bytes], bytes]) -> int:
    """Replace stored values by others, with right checksums; how many."""
    cache = Cache()
    base = sqlite3.connect(cache.directory / "v1" / "cache.db")
    keys = [key for (key,) in base.execute("SELECT key FROM Cache") if key.startswith(kind)]
    base.close()
    cache.set_many({key: change(cache.get(key) or b"") for key in keys}, kind)
    cache.close()
    return len(keys)


@pytest.mark.parametrize("kind", ["answer", "head", "list"])
def test_entries_of_another_shape(kind: str) -> None:
    store = OneObject(scattered())
    assert look(store) == RIGHT
    rounds = len(store.rounds)
    assert look(store) == RIGHT and len(store.rounds) == rounds
    for content in SHAPES:
        assert tamper(kind, lambda _, content=content: content) == 1  # type: ignore[misc]
        assert look(store) == RIGHT, content


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b""])
def test_blocks_of_another_length(change: Callable[[bytes], bytes]) -> None:
    store = OneObject(scattered())
    look(store)
    rounds = len(store.rounds)
    assert tamper("answer", lambda _: b"") == 1 and tamper("block", change) > 1
    assert look(store) == RIGHT
    assert len(store.rounds) > rounds
