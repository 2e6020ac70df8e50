"""A listing that is split has every key once, in order, whatever the keys and however pages are cut."""

from __future__ import annotations

import random
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from h5s3.errors import NetworkError
from h5s3.records import Entry
from h5s3.storage.stores import s3_split
from h5s3.storage.stores.s3_keys import KeySpace
from h5s3.storage.stores.s3_list import one_by_one
from h5s3.storage.stores.s3_pages import Ask, Page, page_of
from h5s3.storage.stores.s3_split import pages_ahead
from h5s3.storage.trace import Trace
from tests.support import examples


@dataclass
class Pager:
    """A server in memory. `sizes` are those of its pages, in turn; `quirk` is what it does wrong."""

    keys: list[str]
    sizes: list[int]
    quirk: str = ""
    requests: int = 0
    after: int = 0  # requests for what is behind a key
    pause: float = 0.0  # seconds before each answer
    fails_at: int | None = None  # the first key of which no page can be had
    folded: bool = False  # at slashes, into common prefixes
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fetch(self, ask: Ask) -> Page:
        if self.pause:
            time.sleep(self.pause)
        with self.lock:
            size = self.sizes[self.requests % len(self.sizes)]
            self.requests += 1
            self.after += ask.after is not None
        start = int(ask.token.partition(".")[0]) if ask.token else 0
        if ask.after is not None:
            start = self.behind(ask.after)
        if self.fails_at is not None and start + size > self.fails_at:
            raise NetworkError("broken")
        if self.folded:
            entries, stop = self.fold(start, size)
        else:
            stop = min(start + size, len(self.keys))
            entries = [Entry(key=key, type="object") for key in self.keys[start:stop]]
        more = stop < len(self.keys)
        return page_of(entries, f"{stop}.{self.requests}" if more else None, more)

    def fold(self, start: int, size: int) -> tuple[list[Entry], int]:
        """As S3 does: objects and prefixes apart, and no page ends within a prefix."""
        objects: list[Entry] = []
        prefixes: list[Entry] = []
        while start < len(self.keys) and len(objects) + len(prefixes) < size:
            name, slash, _ = self.keys[start].partition("/")
            found = Entry(key=name + slash, type="prefix" if slash else "object")
            (prefixes if slash else objects).append(found)
            start = bisect_left(self.keys, name + "0", start) if slash else start + 1
        return prefixes + objects, start

    def behind(self, key: str) -> int:
        if self.quirk == "refuses":
            raise NetworkError("the server answered with status 501 (NotImplemented)")
        if self.quirk == "ignores":
            return 0
        if self.quirk == "forgets":
            return len(self.keys)
        if self.quirk == "includes":
            return bisect_left(self.keys, key)
        return bisect_right(self.keys, key) if self.keys == sorted(self.keys) else len(self.keys) // 2


EAGER = {"SLOW": -1.0, "PAGES_BEFORE": 1, "FREE_LEAPS": 1000, "REACH": 2, "AT_ONCE": 5, "MOST_PAGES": 8}
AS_BUILT = {name: getattr(s3_split, name) for name in EAGER if name != "SLOW"}


@pytest.fixture(scope="module", autouse=True)
def eager() -> Iterator[None]:
    """Split whatever has more than a page."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in EAGER.items():
            patch.setattr(s3_split, name, value)
        yield


def plain(pager: Pager) -> list[str]:
    return [entry.key for page in one_by_one(pager.fetch, Trace()) for entry in page]


def ahead(pager: Pager) -> list[str]:
    keys = KeySpace("", pager.folded)
    return [entry.key for page in pages_ahead(pager.fetch, Trace(), keys) for entry in page]


ANY = st.text(st.characters(exclude_categories=("Cs",), codec="utf-8"), min_size=1, max_size=12)
DEEP = st.builds("a/b//c/../{}{}".format, st.text("ab/", max_size=8), st.integers(0, 300))
NUMBERED = st.builds(
    "run{:03d}/scan{:04d}.h5".format, st.integers(0, 3) | st.integers(0, 999), st.integers(0, 400)
)
SKEWED = st.builds(
    lambda n, t: "z" * n + t, st.integers(0, 40), st.text("a\x00\x1f \uffff\U0010ffff", max_size=3)
)
HASHED = st.binary(min_size=4, max_size=4).map(bytes.hex)
KEYS = st.one_of(
    *(st.sets(kind, max_size=150) for kind in (ANY, DEEP, NUMBERED, SKEWED, HASHED)),
    st.builds(set.union, st.sets(ANY, max_size=40), st.sets(NUMBERED, max_size=100)),
    st.integers(0, 300).map(lambda n: {"a" * length for length in range(1, n)}),
    st.integers(0, 400).map(lambda n: {f"day{at // 30:02d}/{at % 30:06d}" for at in range(n)}),
).map(sorted)
SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any)
QUIRKS = st.sampled_from(["", "", "", "ignores", "includes", "refuses", "forgets"])


@settings(max_examples=examples(600), deadline=None)
@given(KEYS, SIZES, QUIRKS, st.booleans())
def test_every_key_comes_once_and_in_order(
    keys: list[str], sizes: list[int], quirk: str, folded: bool
) -> None:
    pager = Pager(keys, sizes, quirk, folded=folded)
    expected = sorted({"".join(key.partition("/")[:2]) for key in keys}) if folded else keys
    assert ahead(pager) == expected == plain(Pager(keys, sizes, folded=folded))
    if quirk in ("ignores", "refuses"):
        assert pager.after <= 1


@settings(max_examples=examples(150), deadline=None)
@given(KEYS, st.integers(2, 9), st.randoms(use_true_random=False))
def test_what_is_not_in_order_is_not_split(keys: list[str], size: int, chance: random.Random) -> None:
    """From the page that shows a server to have an order of its own."""
    backwards = keys[::-1]
    pager = Pager(backwards, [size])
    assert sorted(ahead(pager)) == keys and pager.after == 0
    assert ahead(Pager(backwards, [size])) == plain(Pager(backwards, [size]))
    late = keys[: 4 * size] + chance.sample(keys[4 * size :], len(keys[4 * size :]))
    assert set(ahead(Pager(late, [size]))) <= set(keys)


@settings(max_examples=examples(150), deadline=None)
@given(KEYS, st.integers(1, 9), st.integers(0, 200))
def test_a_failure_comes_behind_what_is_before_it(keys: list[str], size: int, at: int) -> None:
    pager = Pager(keys, [size], fails_at=at)
    found: list[str] = []
    try:
        for page in pages_ahead(pager.fetch, Trace(), KeySpace("")):
            found += [entry.key for entry in page]
    except NetworkError:
        assert at < len(keys) + size
    else:
        assert found == keys
    assert found == keys[: len(found)]


def numbered(count: int) -> list[str]:
    return [f"runs/2026-{n // 360:03d}/scan{n % 360:05d}.h5" for n in range(count)]


@pytest.fixture
def as_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many leaps as there really are, of what is slow."""
    for name, value in AS_BUILT.items():
        monkeypatch.setattr(s3_split, name, value)


@pytest.mark.parametrize(
    "make", [numbered, lambda n: sorted({hex(k * 2654435761 % 2**32) for k in range(n)})]
)
def test_it_costs_a_tenth_more_and_some(as_built: None, make: object) -> None:
    keys = make(40_000)  # type: ignore[operator]
    pager = Pager(keys, [100], pause=0.002)
    assert ahead(pager) == keys
    pages = len(keys) / 100
    assert 0 < pager.after <= 16 + pager.requests / 11
    assert pager.requests <= 1.1 * pages + 18


@pytest.mark.slow
def test_keys_that_a_leap_skips_are_not_lost(as_built: None, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = numbered(40_000)
    pager = Pager(keys, [100], quirk="forgets", pause=0.002)
    assert ahead(pager) == keys and pager.after >= 1
    behind = Pager.behind
    monkeypatch.setattr(Pager, "behind", lambda self, key: behind(self, key) + 10)
    assert ahead(Pager(keys, [97], pause=0.002)) == keys


def test_common_prefixes_are_split_as_keys_are(as_built: None) -> None:
    keys = [f"run{n:06d}/{name}.h5" for n in range(20_000) for name in "abc"]
    pager = Pager(keys, [100], pause=0.002, folded=True)
    assert ahead(pager) == [f"run{n:06d}/" for n in range(20_000)]
    assert pager.after > 0 and pager.requests <= 1.1 * 200 + 18


def test_a_short_listing_costs_nothing_more(as_built: None) -> None:
    for count in (1, 100, 101, 400):
        pager = Pager(numbered(count), [100])
        assert ahead(pager) == numbered(count)
        assert pager.requests == -(-count // 100)


def test_what_is_answered_at_once_is_not_split(as_built: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_split, "SLOW", 60.0)
    pager = Pager(numbered(5000), [100])
    assert ahead(pager) == numbered(5000)
    assert (pager.requests, pager.after) == (50, 0)


def test_few_pages_wait_for_a_slow_reader(as_built: None) -> None:
    pager = Pager(numbered(60_000), [100])
    listing = pages_ahead(pager.fetch, Trace(), KeySpace(""))
    taken = 0
    for _ in listing:
        taken += 1
        threading.Event().wait(0.0005 if taken < 100 else 0.05)
        assert pager.requests - taken <= 160 + 2 + pager.after
        if taken == 120:
            break
    listing.close()  # type: ignore[attr-defined]
    before = pager.requests
    threading.Event().wait(0.2)
    assert pager.requests <= before + 16


def test_requests_fly_at_once(as_built: None) -> None:
    most = now = 0
    lock = threading.Lock()
    pager = Pager(numbered(30_000), [100])

    def fetch(ask: Ask) -> Page:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        threading.Event().wait(0.005)
        with lock:
            now -= 1
        return pager.fetch(ask)

    assert [entry.key for page in pages_ahead(fetch, Trace(), KeySpace("")) for entry in page] == numbered(
        30_000
    )
    assert 1 < most <= 16


# Keys as numbers


@pytest.mark.parametrize(
    ("keys", "times", "expected"),
    [
        ([f"p/scan{n:06d}.h5" for n in range(0, 1000, 10)], 12, "p/scan012870"),
        ([f"p/{n:04x}" for n in range(0, 4096, 16)], 2, "p/2fd0"),
        ([f"p/{n}" for n in range(10, 20)], 3, "p/46"),
    ],
)
def test_what_lies_ahead(keys: list[str], times: float, expected: str) -> None:
    space = KeySpace("p/")
    space.learn(keys)
    found = space.beyond(keys[0], keys[-1], keys[-1], times)
    assert found is not None and found.startswith(expected)
    assert space.distance(keys[0], keys[-1], keys[-1], found) == pytest.approx(times, rel=0.01)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(ANY, min_size=2, max_size=30, unique=True), st.floats(0.1, 1000), ANY)
def test_whatever_lies_ahead_is_text_below_the_prefix(keys: list[str], times: float, prefix: str) -> None:
    keys = sorted(prefix + key for key in keys)
    space = KeySpace(prefix)
    space.learn(keys)
    found = space.beyond(keys[0], keys[-1], keys[0], times)
    assert found is None or (found.startswith(prefix) and found.encode())
