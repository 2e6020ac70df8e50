"""What the index of chunks costs, and what hostile pointers may cost: look-ahead believes only so much."""

from __future__ import annotations

import random
from collections.abc import Sequence
from struct import pack
from typing import Any

import pytest

from h5s3.formats.hdf5.data.chunk_grid import make_grid
from h5s3.formats.hdf5.fetch import lookahead
from h5s3.formats.hdf5.fetch.lookahead import LONGEST, Guesses, Lookahead
from h5s3.formats.hdf5.metadata import pointers as nodes
from h5s3.formats.hdf5.metadata.node import COUNT, OBJECT, Node, Sizes, header, walk
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.links import get_link
from h5s3.storage.base import ObjectInfo, OnArrival, Range
from tests.support import examples
from tests.support.chunked import KINDS, places, write
from tests.support.servers.memory import LOCATION, MemoryStore, in_blocks, one_file_session


class WavesStore(MemoryStore):
    """Counts `waves` too: requests that must follow one another, because an answer names the next."""

    waves = 0

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        """The bytes, all of one wave before those of the next."""
        self.rounds.append([])
        done: dict[Range, bytes] = {}
        wave = list(ranges)
        while wave:
            self.waves += 1
            self.rounds[-1] += wave
            done |= {(start, stop): self.data[start:stop] for start, stop in wave}
            wave = [more for item in wave for more in (on_arrival(item, done[item]) if on_arrival else ())]
        return done


# From opening the file to the places of all chunks, in blocks of 512 bytes: rounds, waves, requests, KB. The
# first two waves bring the superblock and the root. The last number is of rounds without look-ahead.
BUDGETS = {
    "one chunk": (2, 2, 2, 1, 2),
    "one chunk, filtered": (2, 2, 2, 1, 2),
    "implicit": (2, 2, 2, 2, 2),
    "fixed array": (3, 3, 3, 7, 3),
    "fixed array, filtered": (3, 3, 3, 16, 3),
    "fixed array in pages": (3, 3, 3, 122, 9),
    "fixed array, large": (3, 3, 8, 48, 8),
    "extensible array": (3, 5, 7, 69, 32),
    "extensible array, filtered": (3, 5, 19, 99, 33),
    "extensible array in pages": (3, 4, 5, 71, 11),
    "version 2 B-tree": (3, 4, 35, 118, 41),
    "version 2 B-tree, filtered": (3, 5, 55, 232, 69),
    "version 1 B-tree": (3, 6, 48, 301, 80),
    "version 1 B-tree, filtered": (3, 6, 48, 388, 80),
    "version 1 B-tree, wide": (3, 5, 20, 197, 24),
    "version 2 B-tree, older": (3, 5, 50, 160, 57),
    "extensible array, older": (3, 5, 12, 104, 32),
    "fixed array, older": (3, 3, 3, 12, 3),
}


@pytest.mark.parametrize("name", KINDS)
def test_an_index_takes_a_wave_for_each_of_its_levels(name: str) -> None:
    store = WavesStore(write(KINDS[name]))
    rounds, waves, requests, size, plain = BUDGETS[name]
    with in_blocks(512, ahead=True), one_file_session(LOCATION, store) as session:
        dataset = session.file.find(b"/data").object
        found = len(store.rounds)
        grid = make_grid(dataset, read_facts(dataset), session.file)
        assert grid.places == places(KINDS[name], store.data)
        assert len(store.rounds) == found, "libhdf5 missed a node of the index"
        del dataset
    assert len(store.rounds) <= rounds and store.waves <= waves
    assert len(store.ranges) <= requests and store.fetched <= size * 1000
    with in_blocks(512), one_file_session(LOCATION, store) as session:
        store.rounds.clear()
        dataset = session.file.find(b"/data").object
        make_grid(dataset, read_facts(dataset), session.file)
        assert len(store.rounds) <= plain
        del dataset


def test_more_than_may_be_guessed_is_fetched_as_room_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index larger than all that may be ahead: in parts of that size, in the order of its reading."""
    most = 128
    monkeypatch.setattr(lookahead, "MOST_AHEAD", most * 512)
    kind = KINDS["version 1 B-tree"]
    store = WavesStore(write(kind))
    ahead: list[int] = []
    real = Guesses.choose

    def choose(self: Guesses, *arguments: Any) -> set[int]:
        found = real(self, *arguments)
        ahead.append(len(self.unread))
        return found

    with in_blocks(512, ahead=True), one_file_session(LOCATION, store) as session:
        monkeypatch.setattr(Guesses, "choose", choose)
        dataset = session.file.find(b"/data").object
        grid = make_grid(dataset, read_facts(dataset), session.file)
        assert grid.places == places(kind, store.data)
        del dataset
    assert max(ahead) <= most
    assert len(store.rounds) <= 8  # of 80


# --------------------------------------------------------------------------------------------- hostile


def test_an_absurdly_long_node_is_not_asked_for() -> None:
    asked: list[tuple[int, int]] = []

    def missing(start: int, stop: int) -> list[int]:
        asked.append((start, stop))
        return [start]

    look = Lookahead(lambda start, stop: None, missing, 0, 1 << 40, Sizes())
    assert look.expect([Node("direct", 64, LONGEST + 1, walk(1))]) == {}
    assert look.expect([Node("direct", 64, LONGEST, walk(1))]) == {64: None}
    assert asked == [(64, 64 + LONGEST)]


def test_a_node_that_points_to_itself_is_read_once() -> None:
    data = b"TREE\0\1" + pack("<H", 1) + b"\xff" * 16 + pack("<QQ", 0, 0) + bytes(500)
    peeks: list[int] = []

    def peek(start: int, stop: int) -> bytes:
        peeks.append(start)
        return data

    look = Lookahead(peek, lambda start, stop: [], 0, 4096, Sizes())
    peeks.clear()  # of the superblock
    assert look.expect([Sizes().tree(0, walk(1))]) == {}
    assert peeks == [0]


@pytest.mark.parametrize("kind", [name for name in nodes._PARSERS if name not in ("header", "data")])
def test_a_node_that_leads_to_itself_ends(kind: str) -> None:
    """Whatever stands in it: all addresses are its own."""
    signatures = {
        "btree2": b"BTHD",
        "btree2_node": b"BTIN",
        "fractal": b"FRHP",
        "fixed": b"FAHD",
        "fixed_block": b"FADB",
        "extensible": b"EAHD",
        "extensible_index": b"EAIB",
        "extensible_more": b"EASB",
        "indirect": b"FHIB",
        "direct": b"FHDB",
    }
    data = (signatures.get(kind, b"TREE\1\1") + bytes([0, 1, 0, 1] + [1] * 8)).ljust(64, b"\1") + bytes(8000)
    looks: list[int] = []

    def peek(start: int, stop: int) -> bytes:
        looks.append(start)
        return data[: stop - start]

    look = Lookahead(peek, lambda start, stop: [], 0, 1 << 20, Sizes())
    extra = {"btree2_node": (11, 3, 9), "chunks": (24,), "more_v2": (0,)}.get(kind, (4, 8, 8, 16, 4, 10))
    extra = {"fixed_block": (64, 12, 999), "extensible_more": (4, 9, 64, 1, 12)}.get(kind, extra)
    extra = {"direct": (4, 512, 32, 32, 0), "indirect": (4, 512, 32, 32, 0, 4)}.get(kind, extra)
    look.expect([Node(kind, 0, 4096, COUNT, extra)])
    assert len(looks) < 5000


def test_how_often_pointers_are_looked_at_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that all lead to the same ones are few, and the ways through them are many."""
    monkeypatch.setattr(lookahead, "MOST_LOOKS", 1000)
    entries = b"".join(bytes(24) + pack("<Q", 4096 * n) for n in range(60))
    data = (b"TREE\1\1" + pack("<H", 60) + bytes(16) + entries).ljust(4096, b"\0")
    look = Lookahead(lambda start, stop: data[: stop - start], lambda *_: [], 0, 1 << 20, Sizes())
    look.expect([Sizes().chunks(0, 2)])
    assert look._looks <= 1000 + 60 * 60


@pytest.mark.parametrize("name", KINDS)
def test_damaged_indexes_lead_nowhere_at_worst(name: str) -> None:
    """Any bytes of the first nodes changed: nothing is raised, and little is looked at."""
    data, chance = write(KINDS[name]), random.Random(name)
    for _ in range(examples(40)):
        damaged = bytearray(data)
        for _ in range(8):
            damaged[chance.randrange(48, min(len(data), 4096))] = chance.choice((0, 1, 2, 127, 255))

        def peek(start: int, stop: int, damaged: bytearray = damaged) -> bytes:
            return bytes(damaged[start:stop])

        look = Lookahead(peek, lambda start, stop: [], 0, len(data), Sizes())
        look.expect([header(n, OBJECT) for n in range(48, 1024)])
        assert look._looks < 100_000


def test_an_object_is_looked_at_again_for_its_chunks() -> None:
    """A walk that counted its links has not looked for them."""
    kind = KINDS["version 1 B-tree"]
    store = WavesStore(write(kind))
    with in_blocks(512, ahead=True), one_file_session(LOCATION, store) as session:
        link = get_link(session.file.root, b"data")
        assert link and link.address
        session.file.prefetch_objects([link.address])
        few = store.fetched
        session.file.prefetch_objects([link.address], OBJECT)
        assert store.fetched > few + 100_000
