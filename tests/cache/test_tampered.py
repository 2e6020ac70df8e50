"""Values of the cache that are sealed rightly and make no sense are ignored, and the truth is found anew."""

from __future__ import annotations

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
    """Replace stored values by others, rightly sealed; how many."""
    cache = Cache()
    cache.get("")
    keys = [
        row[0] for row in cache._cache._sql("SELECT key FROM Cache").fetchall() if row[0].startswith(kind)
    ]
    cache.set_many({key: change(cache.get(key) or b"") for key in keys}, kind)
    cache.close()
    return len(keys)


@pytest.mark.parametrize("content", SHAPES)
@pytest.mark.parametrize("kind", ["answer", "head", "list"])
def test_entries_of_another_shape(kind: str, content: bytes) -> None:
    store = OneObject(scattered())
    right = (60, [LOCATION.key])
    assert look(store) == right
    rounds = len(store.rounds)
    assert look(store) == right and len(store.rounds) == rounds
    assert tamper(kind, lambda _: content) == 1
    assert look(store) == right


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b""])
def test_blocks_of_another_length(change: Callable[[bytes], bytes]) -> None:
    store = OneObject(scattered())
    look(store)
    rounds = len(store.rounds)
    assert tamper("answer", lambda _: b"") == 1 and tamper("block", change) > 1
    assert look(store) == (60, [LOCATION.key])
    assert len(store.rounds) > rounds
