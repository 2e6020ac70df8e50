"""What was received is not asked for again, whatever range it was part of."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from h5s3.storage import memory as module
from h5s3.storage.base import ObjectInfo, OnArrival, Range
from h5s3.storage.http.client import KEEP
from h5s3.storage.location import Location
from h5s3.storage.memory import Memory
from h5s3.storage.trace import Trace

DATA = Random(1).randbytes(10_000)
INFO = ObjectInfo(Location("s3", "k", "b"), "here", len(DATA), etag="a")


class Noting:
    """A store that notes what it is asked for."""

    endpoint = "here"

    def __init__(self) -> None:
        self.asked: list[Range] = []

    def get_ranges(
        self, obj: ObjectInfo, ranges: Sequence[Range], on_arrival: OnArrival | None = None
    ) -> dict[Range, bytes]:
        todo, done = list(ranges), {}
        while todo:
            wanted = todo.pop()
            self.asked.append(wanted)
            done[wanted] = DATA[slice(*wanted)]
            todo += on_arrival(wanted, done[wanted]) if on_arrival else ()
        return done


def made(**more: Any) -> tuple[Any, Noting, Memory]:
    memory, inner = Memory(Trace(), **more), Noting()
    return memory.over(inner), inner, memory  # type: ignore[arg-type]


def test_gaps_alone_are_fetched() -> None:
    store, inner, _ = made()
    assert store.get_ranges(INFO, [(100, 200), (300, 400)]) == {
        (100, 200): DATA[100:200],
        (300, 400): DATA[300:400],
    }
    inner.asked.clear()
    assert store.get_ranges(INFO, [(150, 350), (110, 120)]) == {
        (150, 350): DATA[150:350],
        (110, 120): DATA[110:120],
    }
    assert inner.asked == [(200, 300)]


def test_what_arrives_leads_on_whether_it_was_here_or_not() -> None:
    store, inner, _ = made()
    store.get_ranges(INFO, [(0, 10), (20, 30)])
    inner.asked.clear()
    chain = {(0, 10): [(20, 30)], (20, 30): [(40, 50), (0, 10)], (40, 50): [(25, 45)], (25, 45): [(60, 70)]}
    came: list[Range] = []

    def arrived(wanted: Range, data: bytes) -> list[Range]:
        assert data == DATA[slice(*wanted)]
        came.append(wanted)
        return chain.get(wanted, [])  # type: ignore[return-value]

    assert len(store.get_ranges(INFO, [(0, 10)], arrived)) == 5
    assert came == [(0, 10), (20, 30), (40, 50), (25, 45), (60, 70)]
    assert inner.asked == [(40, 50), (30, 40), (60, 70)]


def test_any_reads_are_those_of_the_object_and_memory_is_bounded() -> None:
    random = Random(2)
    store, _, memory = made(most=3_000)
    for _ in range(300):
        starts = [random.randrange(9_000) for _ in range(random.randrange(1, 5))]
        ranges = [(start, start + random.randrange(1, 900)) for start in starts]
        found = store.get_ranges(INFO, ranges)
        assert found == {one: DATA[slice(*one)] for one in ranges}
        held = [memory.parts(INFO, (0, len(DATA)))[0]]
        assert sum(len(data) for _, data in held[0]) <= 3_000


def test_many_gaps_are_one(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_GAPS", 1)
    store, inner, _ = made()
    store.get_ranges(INFO, [(100, 110), (200, 210), (300, 400)])
    inner.asked.clear()
    assert store.get_ranges(INFO, [(100, 400)]) == {(100, 400): DATA[100:400]}
    assert inner.asked == [(110, 300)]


def test_what_nothing_vouches_for_and_what_is_another_object_is_fetched() -> None:
    store, inner, memory = made()
    for info in (INFO, ObjectInfo(INFO.location, "here", len(DATA), etag="b")):
        store.get_ranges(info, [(0, 10)])
    unproven = ObjectInfo(INFO.location, "here", len(DATA))
    for _ in range(2):
        store.get_ranges(unproven, [(0, 10)])
    assert len(inner.asked) == 4
    KEEP.get()(INFO, 0, b"nobody keeps it")
    memory.keep(INFO, 500, DATA[500:600])
    store.get_ranges(INFO, [(500, 600)])
    assert len(inner.asked) == 4
