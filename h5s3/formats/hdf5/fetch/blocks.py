"""The bytes of an object that are here: in blocks, each fetched once and kept, and in exact runs."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from h5s3.errors import NotCachedError, absence
from h5s3.formats.hdf5.fetch.collector import held_back
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo, Range, Store
from h5s3.storage.ranges import LARGEST, join_ranges
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.cache import Cache

BLOCK = 8 * 1024
WHOLE = 1 * MIB  # a file of this size is fetched whole: at 200 Mbit/s less than a round trip or two
CARRIED = 1 * MIB  # that a round could have carried: 50 ms at 200 Mbit/s
MOST_WHOLE = 64 * MIB  # size of a file that is fetched whole because its walk takes many rounds
WINDOW = 64 * 1024  # fetched around a block where a fetch asks for few
GAP = 64 * 1024  # not asked for, and worth fetching to save a request: 2.6 ms at 200 Mbit/s
FEW = 16  # blocks of one fetch
BARREN = 8  # looks into the cache that find nothing of an object
MEMORY = 256 * MIB  # blocks kept at the most
UNSAVED = 32 * MIB  # fetched bytes that may wait to be stored in the cache
Next = Callable[[list[int], set[int]], set[int]]  # by the blocks that arrived, and all asked for


def block_range(start: int, stop: int) -> range:
    """The indices of the blocks that hold these bytes."""
    return range(start // BLOCK, (stop - 1) // BLOCK + 1)


class Blocks:
    """The blocks of one object by their index; what is not here comes from the cache or from the storage.

    `here` is to be read alone.
    """

    def __init__(self, store: Store | None, cache: Cache | None, info: ObjectInfo, trace: Trace) -> None:
        self.here: OrderedDict[int, bytes] = OrderedDict()
        self._store = store
        identity = info.identity
        self._cache = cache if identity else None
        self._barren = 0  # looks into the cache that found nothing, while none found anything
        self._named = f"block:{identity}:{BLOCK}:"
        self._info = info
        self._trace = trace
        self._rounds = 0  # fetched so far
        self.sparing = (
            False  # values are read, and their bytes are counted: a large file is not fetched whole
        )
        self._unsaved: dict[str, bytes] = {}
        self._most, self._most_unsaved = MEMORY, UNSAVED
        self.in_turn = False  # `here` is in the order of the last reads, which who reads sees to

    @property
    def last(self) -> int:
        """The index of the last block of the object."""
        return (self._info.size - 1) // BLOCK

    def missing(self, start: int, stop: int) -> list[int]:
        """Of the blocks that hold these bytes those that are not here."""
        return [index for index in block_range(start, stop) if index not in self.here]

    def get(self, start: int, stop: int) -> bytes | None:
        """These bytes, if all of them are here."""
        first, last = start // BLOCK, (stop - 1) // BLOCK
        offset = first * BLOCK
        if first == last:
            block = self.here.get(first)
            return None if block is None else block[start - offset : stop - offset]
        if self.missing(start, stop):
            return None
        data = b"".join(self.here[index] for index in range(first, last + 1))
        return data[start - offset : stop - offset]

    def seed(self, data: bytes) -> None:
        """Take the first bytes of the object, fetched when it was first met."""
        whole = len(data) if len(data) == self._info.size else len(data) - len(data) % BLOCK
        for start in range(0, whole, BLOCK):
            self._keep(start // BLOCK, data[start : min(start + BLOCK, whole)])

    def load(self, indices: Iterable[int]) -> list[int]:
        """Have what the cache holds of these blocks; those that remain to be fetched.

        A cache that had nothing of this object so far is not asked for ever: each look is a question to
        another process.
        """
        here = self.here
        absent = [index for index in indices if index not in here]
        if self._cache is None or not absent or (self._barren >= BARREN and self._store is not None):
            return absent
        found = self._cache.get_many(self._key(index) for index in absent)
        self._barren = -1 if found or self._barren < 0 else self._barren + 1
        remaining = []
        for index in absent:
            block = found.get(self._key(index))
            if block is not None and len(block) == min(BLOCK, self._info.size - index * BLOCK):
                self.here[index] = block
                self._trace.hits += 1
            else:
                remaining.append(index)
        return remaining

    def around(self, indices: set[int], asked: int = 0) -> set[int]:
        """With the neighbours that come nearly for free: all of a small file, or a window around few blocks.

        Where little is asked for, the round trip costs more than the bytes, and pointers often lead nearby.
        A file counts as small, too, once as many rounds as were waited for would have carried the rest of
        it: its walk is deep, and likely to go on so. `asked`: how many blocks the same fetch asks for beside
        these.
        """
        if indices and self._is_small():
            return {index for index in range(self.last + 1) if index not in self.here}
        if not indices or asked + len(indices) > FEW:
            return indices
        near = WINDOW // BLOCK
        windows = (range(i - i % near, min(i - i % near + near, self.last + 1)) for i in indices)
        return {index for window in windows for index in window if index not in self.here}

    def _is_small(self) -> bool:
        if self._info.size <= WHOLE or self.sparing:
            return self._info.size <= WHOLE
        left = self._info.size - len(self.here) * BLOCK
        return self._info.size <= MOST_WHOLE and left <= self._rounds * CARRIED

    def fetch(self, asked: set[int], following: Next | None = None) -> None:
        """Fetch these blocks in one round; with `following` also those that they lead to as they arrive."""

        waiting = set(asked)

        def ranges(wanted: set[int]) -> list[Range]:
            found = self._ranges(wanted)
            asked.update(index for one in found for index in block_range(*one))  # the gaps between, too
            return found

        def arrived(wanted: Range, data: bytes) -> list[Range]:
            came = self._take(wanted, data)
            waiting.difference_update(came)
            if following is None:
                return []
            next_ = following(came, asked)
            self._rounds += bool(next_) and not waiting
            more = self.around(next_, len(asked)) - asked
            waiting.update(more)
            return ranges(more)

        self._rounds += 1
        with held_back():
            self._live_store().get_ranges(self._info, ranges(waiting), arrived)

    def exactly(self, ranges: Sequence[Range]) -> dict[Range, bytes]:
        """These very bytes, fetched in one round."""
        with held_back():
            return self._live_store().get_ranges(self._info, ranges)

    def _live_store(self) -> Store:
        """The storage. Raises `NotCachedError` when working offline."""
        if self._store is None:
            raise NotCachedError(absence(self._cache), location=self._info.location.display)
        return self._store

    def evict(self) -> None:
        """Let the oldest blocks go where they are too many."""
        if len(self._unsaved) * BLOCK > self._most_unsaved:
            self.save()
        while len(self.here) * BLOCK > self._most:
            self.here.popitem(last=False)

    def spare(self, most: int) -> None:
        """From now on hold so many bytes at the most: the blocks that were read last."""
        self._most, self._most_unsaved, self.in_turn = most, UNSAVED // 4, True

    def save(self) -> None:
        """Store what was fetched in the persistent cache, in one transaction."""
        if self._cache is not None and self._unsaved:
            self._cache.set_many(self._unsaved, "block")
            self._unsaved = {}

    def _ranges(self, indices: Iterable[int]) -> list[Range]:
        size = self._info.size
        return join_ranges(((i * BLOCK, min((i + 1) * BLOCK, size)) for i in indices), GAP, LARGEST)

    def _take(self, wanted: Range, data: bytes) -> list[int]:
        """Keep the blocks of a range; their indices."""
        start, stop = wanted
        for offset in range(start, stop, BLOCK):
            self._keep(offset // BLOCK, data[offset - start : offset - start + BLOCK])
        return list(block_range(start, stop))

    def _keep(self, index: int, data: bytes) -> None:
        self.here[index] = data
        if self._cache is not None:
            self._unsaved[self._key(index)] = data

    def _key(self, index: int) -> str:
        return f"{self._named}{index}"


class ByteRuns:
    """Exact runs of bytes by where they start. A read may span several that stand side by side."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, bytes]] = []  # sorted by start

    def add(self, runs: dict[int, bytes]) -> None:
        """Take runs, by where they start."""
        self._runs = sorted(self._runs + list(runs.items()))

    def clear(self) -> None:
        """Forget all."""
        self._runs = []

    def covers(self, start: int, stop: int) -> bool:
        """Whether all these bytes are here."""
        while start < stop:
            run = self._at(start)
            if run is None:
                return False
            start = run[0] + len(run[1])
        return True

    def fill(self, view: memoryview, start: int, stop: int) -> bool:
        """Write these bytes into the view, if all are here."""
        if not self._runs or not self.covers(start, stop):
            return False
        at = start
        while at < stop:
            first, data = self._at(at) or (at, b"")
            part = memoryview(data)[at - first : stop - first]
            view[at - start : at - start + len(part)] = part
            at += len(part)
        return True

    def view(self, start: int, stop: int) -> memoryview | None:
        """These bytes, if one run holds all of them: not copied."""
        first, data = self._at(start) or (start, b"")
        return memoryview(data)[start - first : stop - first] if stop <= first + len(data) else None

    def _at(self, position: int) -> tuple[int, bytes] | None:
        index = bisect_right(self._runs, position, key=lambda run: run[0]) - 1
        if index >= 0:
            first, data = self._runs[index]
            if first <= position < first + len(data):
                return first, data
        return None
