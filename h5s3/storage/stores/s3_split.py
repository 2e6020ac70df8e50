"""A listing fetched ahead of its reader: one page while another is read, and many at once where each is slow.

S3 gives a listing page by page, and names the next page only in the one before. But it also lists what lies
behind any key. So the keys are split into parts, each a chain of pages of its own: the first pages show how
the keys grow, and a leap starts a new part where they should be some pages later. Parts are disjoint whatever
is guessed: one ends at the very key behind which the next one was asked for. They are handed on in order, so
the reader sees the listing that one chain would give.

A leap is one request that one chain might not have made. So there are `FREE_LEAPS` of them and one more for
every `PAGES_PER_LEAP` pages, none within the first `PAGES_BEFORE` pages, and never more than `MOST_PAGES`
pages wait for the reader.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from h5s3.errors import NetworkError
from h5s3.records import Entry
from h5s3.storage.stores.s3_keys import KeySpace
from h5s3.storage.stores.s3_pages import BY_KEY, Advance, Ask, Fetch, Page
from h5s3.storage.trace import Trace

AT_ONCE = 16  # requests
SLOW = 0.02  # seconds that a page takes, from which on parts are listed at once
PAGES_BEFORE = 4  # of one chain, before the first leap
FREE_LEAPS = 16
PAGES_PER_LEAP = 11
REACH = 16  # pages: how far a leap is to go; parts shorter than what a leap costs would run out of leaps
MOST_PAGES = 160  # that wait or are on their way
MOST_BYTES = 36 << 20  # that they may take: some 200 and the key for each entry
NEAR = 2  # parts, the first ones, for which a quarter of that is kept
MOST_READY = 2  # pages that wait in front while nothing is split


@dataclass(eq=False)
class _Part:
    """The keys behind `start` (all, where there is none) up to `stop`, fetched page by page."""

    start: str | None = None
    stop: str | None = None
    token: str | None = None
    ready: deque[list[Entry]] = field(default_factory=deque)
    advance: Advance = field(default_factory=Advance)
    steps: deque[str] = field(default_factory=lambda: deque(maxlen=8))  # the first keys of its latest pages
    first: str | None = None  # key that was found
    last: str | None = None
    pages: int = 0
    busy: bool = False  # a request is on its way
    ended: bool = False
    beyond: Page | None = None  # what came of the keys behind `stop`, until the next part has shown itself
    error: BaseException | None = None

    @property
    def shown(self) -> bool:
        """Whether a key of it has come, or it is known that there is none."""
        return self.last is not None or self.ended


def pages_ahead(
    fetch: Fetch, trace: Trace, keys: KeySpace, most_bytes: int = MOST_BYTES
) -> Iterator[list[Entry]]:
    """All pages in order, fetched before they are wanted."""
    with trace.round():
        page = fetch(Ask())
    if not page.truncated:
        yield page.entries
        return
    split = _Split(fetch, trace, page, keys, most_bytes)
    try:
        split.start()
        while (entries := split.next()) is not None:
            yield entries
    finally:
        split.close()


class _Split:
    """The parts of a listing, and the threads that fetch them. What is below is done under one lock."""

    def __init__(self, fetch: Fetch, trace: Trace, page: Page, keys: KeySpace, most_bytes: int) -> None:
        self._fetch = fetch
        self._trace = trace
        self._keys = keys
        self._may_leap = True
        self._most_bytes = most_bytes
        self._changed = threading.Condition()
        self._parts = [_Part()]
        self._threads = 0
        self._waiting = self._bytes = 0  # pages that are ready, and what they take
        self._arrived = 0
        self._leaps = 0
        self._most_unseen = 1  # leaps of which no key has come yet
        self._fastest = float("inf")  # seconds of a page
        self._closed = False
        self._arrive(self._parts[0], page)

    # ------------------------------------------------------------------------------------- the reader

    def start(self) -> None:
        """Fetch the second page while the first is read."""
        with self._changed:
            self._start_threads()

    def next(self) -> list[Entry] | None:
        """The next page, None after the last. Raises what `fetch` raised where the listing gets there."""
        with self._changed:
            begun = time.perf_counter()
            while not self._settled():
                self._changed.wait()
            self._trace.waited += time.perf_counter() - begun
            if not self._parts:
                return None
            front = self._parts[0]
            if not front.ready:
                assert front.error is not None
                raise front.error
            entries = front.ready.popleft()
            self._waiting -= 1
            self._bytes -= _size(entries)
            self._changed.notify_all()
            return entries

    def close(self) -> None:
        """Let the threads end once what they have on the wire is done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _settled(self) -> bool:
        """Whether it is known what comes next: a page, an error, or the end."""
        while self._parts:
            front = self._parts[0]
            if front.ready or front.error:
                return True
            if not front.ended or not (len(self._parts) == 1 or self._parts[1].shown):
                return False
            if len(self._parts) > 1 and self._skips(self._parts[1], front.beyond):
                self._take_back(self._parts[1])
                self._changed.notify_all()
            else:
                del self._parts[0]
        return True

    @staticmethod
    def _skips(part: _Part, seen: Page | None) -> bool:
        """Whether keys of a part came with those before it, and not when they were asked for."""
        if seen is None or not (seen.entries or seen.truncated):
            return False
        return part.first is None or bool(seen.entries and seen.entries[0].key < part.first)

    # ------------------------------------------------------------------------------------- the threads

    def _start_threads(self) -> None:
        """As many as can be busy."""
        wanted = AT_ONCE if self._splitting else 1
        while self._threads < wanted:
            self._threads += 1
            threading.Thread(target=self._work, daemon=True, name="h5s3-list").start()

    @property
    def _splitting(self) -> bool:
        return self._may_leap and self._arrived >= PAGES_BEFORE and self._fastest > SLOW

    def _work(self) -> None:
        while True:
            with self._changed:
                while (part := self._choose()) is None:
                    if self._closed:
                        return
                    self._changed.wait()
                part.busy = True
                self._trace.rounds += part is self._parts[0]  # the others are on their way beside it
                ask = Ask(part.token, None if part.token else part.start)
            begun = time.perf_counter()
            try:
                found: Page | BaseException = self._fetch(ask)
            except BaseException as error:  # noqa: BLE001 - handed to the reader, which raises it
                found = error
            with self._changed:
                self._fastest = min(self._fastest, time.perf_counter() - begun)
                part.busy = False
                if part in self._parts:
                    self._arrive(part, found)
                self._start_threads()
                self._changed.notify_all()

    def _choose(self) -> _Part | None:
        """What to ask for now: the page that the reader needs first, or one behind a leap."""
        if self._closed:
            return None
        room = self._room()
        for at, part in enumerate(self._parts):
            if part.busy or part.ended or part.error:
                continue
            if room > (0.25 if at > NEAR else 0.0) or (at == 0 and len(part.ready) < MOST_READY):
                return part
        return self._leap(room) if self._splitting else None

    def _room(self) -> float:
        """How much of what may wait is not there yet."""
        pages = self._waiting + sum(part.busy for part in self._parts)
        size = self._bytes / max(1, self._waiting)
        return 1 - max(pages / MOST_PAGES, pages * size / self._most_bytes)

    # ------------------------------------------------------------------------------------- leaps

    def _leap(self, room: float) -> _Part | None:
        """A new part, where a part is long enough to be split, as far as more leaps are allowed."""
        unseen = sum(not part.shown for part in self._parts)
        unfinished = sum(not part.ended for part in self._parts)
        allowed = FREE_LEAPS + self._arrived // PAGES_PER_LEAP
        if unseen >= self._most_unseen or unfinished >= AT_ONCE or self._leaps >= allowed:
            return None
        known = None  # the part before, or this one: it tells how the keys grow
        for at, part in enumerate(self._parts):
            if room <= (0.25 if at >= NEAR else 0.0):
                break
            if part.last is not None and (known is None or part.pages >= PAGES_BEFORE):
                known = part
            key = self._inside(part, known) if known and not (part.ended or part.error) else None
            if key is not None:
                new = _Part(start=key, stop=part.stop)
                part.stop = key
                self._parts.insert(at + 1, new)
                self._leaps += 1
                return new
        return None

    def _inside(self, part: _Part, known: _Part) -> str | None:
        """A key to split a part at, some pages behind what is there of it; None where few are left."""
        begin = part.last or part.start
        if known.last is None or begin is None:
            return None
        first, last, steps = known.steps[0], known.last, len(known.steps)
        if part.stop is not None:
            if self._keys.distance(first, last, begin, part.stop) * steps < 1.5 * REACH:
                return None
        key = self._keys.beyond(first, last, begin, REACH / steps)
        return key if key and begin < key and (part.stop is None or key < part.stop) else None

    # ------------------------------------------------------------------------------------- arrivals

    def _arrive(self, part: _Part, found: Page | BaseException) -> None:
        first = found.entries[0].key if isinstance(found, Page) and found.entries else None
        leapt = not part.shown and part.start is not None
        if leapt and (isinstance(found, BaseException) or (first and part.start and first <= part.start)):
            return self._take_back(part)
        if isinstance(found, BaseException):
            part.error = found
            return
        before = part.last or part.start
        if not found.orderly or (first and before and first <= before):
            self._do_without(part)
        if self._may_leap:
            self._keys.learn([entry.key for entry in found.entries])
        if leapt:
            hit = first is not None and (part.stop is None or first <= part.stop)
            self._most_unseen = min(2 * self._most_unseen, AT_ONCE) if hit else 1
        try:
            part.advance.note(found)
        except NetworkError as error:
            part.error = error
        self._take(part, found)

    def _take(self, part: _Part, page: Page) -> None:
        """Keep of a page what belongs to its part."""
        part.pages += 1
        self._arrived += 1
        entries = page.entries
        part.ended = not page.truncated
        part.token = page.token
        if part.stop is not None and entries and entries[-1].key >= part.stop:
            cut = bisect_right(entries, part.stop, key=BY_KEY)
            part.beyond = Page(entries[cut:], page.token, page.truncated, page.orderly)
            entries, part.ended, part.error = entries[:cut], True, None
        elif part.ended:
            part.beyond = Page([])
        if entries:
            part.steps.append(entries[0].key)
            part.first, part.last = part.first or entries[0].key, entries[-1].key
            part.ready.append(entries)
            self._waiting += 1
            self._bytes += _size(entries)

    def _take_back(self, part: _Part) -> None:
        """A leap has failed, perhaps because the server knows none: the part before goes on in its place."""
        self._may_leap = False
        self._forget([part])
        at = self._parts.index(part)
        before = self._parts[at - 1]
        before.stop = part.stop
        del self._parts[at]
        if before.ended and before.beyond is not None:
            self._take(before, before.beyond)

    def _do_without(self, part: _Part) -> None:
        """The keys do not come in order, so they cannot be split: go on behind this page, one by one."""
        self._may_leap = False
        at = self._parts.index(part) + 1
        self._forget(self._parts[at:])
        del self._parts[at:]
        part.stop = None

    def _forget(self, parts: Sequence[_Part]) -> None:
        """The pages of parts are not to be read."""
        for entries in chain.from_iterable(part.ready for part in parts):
            self._waiting -= 1
            self._bytes -= _size(entries)


def _size(entries: Sequence[Entry]) -> int:
    """What a page takes in memory, more or less."""
    return sum(len(entry.key) for entry in entries) + 200 * len(entries)
