"""An object as a seekable file made of blocks, each fetched once and kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from h5s3.cache import Cache, absence
from h5s3.errors import NotCachedError, RefusedError
from h5s3.formats.hdf5.fetch.byte_runs import Extents
from h5s3.formats.hdf5.fetch.decode_limit import DECODING, decoding
from h5s3.formats.hdf5.fetch.heap_guard import check_heap
from h5s3.formats.hdf5.fetch.index_cache import Notes
from h5s3.formats.hdf5.fetch.lookahead import MOST_AHEAD, Lookahead
from h5s3.formats.hdf5.fetch.seekable import Seekable
from h5s3.formats.hdf5.metadata.node import Node, Sizes
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo, Range, Store
from h5s3.storage.ranges import GAP, LARGEST, join_ranges
from h5s3.storage.trace import Trace

BLOCK = 8 * 1024
WHOLE = 1 * MIB  # a file of this size is fetched whole: at 200 Mbit/s less than a round trip or two
WINDOW = 64 * 1024  # fetched around a block where a fetch asks for few
FEW = 16  # blocks of one fetch
MEMORY = 256 * MIB  # blocks kept at the most
UNSAVED = 32 * MIB  # fetched bytes that may wait to be stored in the cache


class Miss(Exception):
    """Bytes are not here yet, and the reader was told not to wait for them."""


class BlockFile(Seekable):
    """Reads are served from blocks; what is missing is fetched in one round of concurrent ranges.

    While `suspended`, a read that would have to wait raises `Miss` and notes the blocks in `missed`.
    Exact byte ranges that were announced with `fetch_exact` (chunks of a dataset) are served too.
    """

    def __init__(self, store: Store | None, cache: Cache | None, info: ObjectInfo, trace: Trace) -> None:
        super().__init__(info.size)
        self._store = store
        self._cache = cache if info.identity else None
        self._info = info
        self._trace = trace
        self._blocks: dict[int, bytes] = {}
        self._extents = Extents()
        self._allowance: int | None = None  # bytes that may still be fetched as blocks
        self._fresh: dict[str, bytes] = {}  # fetched and not yet stored in the cache
        self._suspended = False
        self._look: Lookahead | None = None
        self._ahead: set[int] = set()  # blocks that came on a guess and have not been read
        self.missed: set[int] = set()
        self.ever_missed = False
        self.misses = 0  # so far
        self.plain = False
        self.notes = Notes(self._cache, info.identity, trace)
        self._postponed: dict[int, None] = {}  # blocks wanted on a guess for which there was no room

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file goes. Raises `Miss` while suspended, else waits."""
        view = memoryview(buffer).cast("B")
        start = self._position
        stop = max(start, min(start + len(view), self.size))
        view[stop - start :] = bytes(len(view) - (stop - start))  # libhdf5 would read what was in it
        if stop == start:
            return 0
        self._fill(view[: stop - start], start, stop)
        if self._look:  # lengths have 8 bytes
            check_heap(view[: stop - start])
        self._position = stop
        return stop - start

    def _fill(self, view: memoryview, start: int, stop: int) -> None:
        if self._extents.fill(view, start, stop):
            return
        wanted = range(start // BLOCK, (stop - 1) // BLOCK + 1)
        self._require(wanted)
        for index in wanted:
            self._ahead.discard(index)
            block, offset = self._blocks[index], index * BLOCK
            low, high = max(start, offset), min(stop, offset + len(block))
            view[low - start : high - start] = block[low - offset : high - offset]
        self._evict()

    # ---------------------------------------------------------------------------------------- blocks

    def _require(self, wanted: Iterable[int]) -> None:
        missing = self._from_cache([index for index in wanted if index not in self._blocks])
        if not missing:
            return
        if self._suspended:
            self.missed.update(missing)
            self.ever_missed = True
            self.misses += 1
            raise Miss
        self._fetch(missing)

    def prefetch(self, indices: Iterable[int]) -> None:
        """Have these blocks here, in at most one round."""
        last = (self.size - 1) // BLOCK
        missing = self._from_cache(sorted({i for i in indices if 0 <= i <= last and i not in self._blocks}))
        if missing:
            self._fetch(missing)

    def look_ahead(self, base: int, sizes: Sizes) -> None:
        """From now on, follow the pointers of expected nodes as their blocks arrive."""
        self._look = Lookahead(self._peek, self._missing, base, self.size, sizes, self.notes.has_chunks)

    def chase(self, nodes: Iterable[Node]) -> None:
        """Fetch these nodes and what they lead to, in one round; only as far as guesses may go."""
        if self._look is not None and self._store is not None:
            wanted = self._guess(self._look.expect(nodes))
            if wanted:
                self._fetch(sorted(wanted))

    def _guess(self, wanted: Collection[int]) -> set[int]:
        """Of blocks wanted on a guess those to be fetched. What the cache has leads on at once."""
        fetch: dict[int, None] = {}
        while wanted:
            remaining = dict.fromkeys(self._from_cache([i for i in wanted if i not in self._blocks]))
            fetch.update(remaining)
            came = [index for index in wanted if index not in remaining]
            wanted = [i for i in self._look.arrived(came) if i not in fetch] if self._look else []
        self._postponed.update(fetch)
        chosen = list(islice(self._postponed, max(0, MOST_AHEAD // BLOCK - len(self._ahead))))
        for index in chosen:
            del self._postponed[index]
        missing = {index for index in chosen if index not in self._blocks}
        self._ahead |= missing
        return missing

    def _peek(self, start: int, stop: int) -> bytes | None:
        if self._missing(start, stop):
            return None
        indices = range(start // BLOCK, (stop - 1) // BLOCK + 1)
        data = b"".join(self._blocks[index] for index in indices)
        return data[start - indices[0] * BLOCK : stop - indices[0] * BLOCK]

    def _missing(self, start: int, stop: int) -> list[int]:
        return [i for i in range(start // BLOCK, (stop - 1) // BLOCK + 1) if i not in self._blocks]

    def seed(self, data: bytes) -> None:
        """Take the first bytes of the object, fetched when it was first met."""
        whole = len(data) if len(data) == self.size else len(data) - len(data) % BLOCK
        for start in range(0, whole, BLOCK):
            self._keep(start // BLOCK, data[start : min(start + BLOCK, whole)])

    def fetch_exact(self, ranges: Iterable[Range]) -> None:
        """Fetch exactly these bytes in one round and serve reads within them. For raw data of chunks.

        What a damaged index places beyond the end of the object is not asked for.
        """
        inside = (r for r in dict.fromkeys(ranges) if r[0] < r[1] <= self.size)
        wanted = [r for r in inside if not self._extents.covers(*r) and self._missing(*r)]
        if wanted:
            answers = self._live_store().get_ranges(self._info, wanted)
            self._extents.add({start: data for (start, _), data in answers.items()})

    def drop_exact(self) -> None:
        """Forget the ranges of `fetch_exact`."""
        self._extents.clear()

    @contextmanager
    def limited(self, most: int, chunk: int = 0) -> Iterator[None]:
        """Bounds bytes fetched as blocks, and memory to decode chunks of such a size: `RefusedError`."""
        self._allowance = most
        try:
            with decoding(max(DECODING, 8 * chunk)):
                yield
        finally:
            self._allowance = None

    def _spend(self, indices: set[int]) -> None:
        if self._allowance is not None:
            self._allowance -= len(indices) * BLOCK
            if self._allowance < 0:
                raise RefusedError("the values are larger than the limit", hint="raise --max-bytes")

    def _from_cache(self, indices: list[int]) -> list[int]:
        """Take what the cache has; what remains."""
        if self._cache is None or not indices:
            return indices
        found = self._cache.get_many(self._key(i) for i in indices)
        remaining = []
        for index in indices:
            block = found.get(self._key(index))
            if block is not None and len(block) == self._length(index):
                self._blocks[index] = block
                self._trace.hits += 1
            else:
                remaining.append(index)
        return remaining

    def _fetch(self, indices: list[int]) -> None:
        self._spend(asked := self._around(set(indices), 0))

        def arrived(wanted: Range, data: bytes) -> list[Range]:
            came = self._take(wanted, data)
            if self._look is None:
                return []
            next_ = [index for index in self._look.arrived(came) if index not in asked]
            more = self._around(self._guess(next_), len(asked)) - asked
            asked.update(more)
            return self._ranges(more)

        self._live_store().get_ranges(self._info, self._ranges(asked), arrived)

    def _around(self, indices: set[int], asked: int) -> set[int]:
        """With the neighbours that come nearly for free: all of a small file, or a window around few blocks.

        Where little is asked for, the round trip costs more than the bytes, and pointers often lead nearby.
        """
        last = (self.size - 1) // BLOCK
        if self.size <= WHOLE:
            return {i for i in range(last + 1) if i not in self._blocks}
        if not indices or asked + len(indices) > FEW:
            return indices
        near = WINDOW // BLOCK
        windows = (range(i - i % near, min(i - i % near + near, last + 1)) for i in indices)
        return {i for window in windows for i in window if i not in self._blocks}

    def _ranges(self, indices: set[int]) -> list[Range]:
        wanted = ((i * BLOCK, min((i + 1) * BLOCK, self.size)) for i in indices)
        return join_ranges(wanted, GAP, LARGEST)

    def _take(self, wanted: Range, data: bytes) -> list[int]:
        """Keep the blocks of a range; their indices."""
        start, stop = wanted
        for offset in range(start, stop, BLOCK):
            self._keep(offset // BLOCK, data[offset - start : offset - start + BLOCK])
        return list(range(start // BLOCK, (stop - 1) // BLOCK + 1))

    def _keep(self, index: int, data: bytes) -> None:
        self._blocks[index] = data
        if self._cache is not None:
            self._fresh[self._key(index)] = data

    def _evict(self) -> None:
        """Let the oldest blocks go, once what was asked for has been handed out."""
        if len(self._fresh) * BLOCK > UNSAVED:
            self.save()
        while len(self._blocks) * BLOCK > MEMORY:
            del self._blocks[next(iter(self._blocks))]

    def _live_store(self) -> Store:
        if self._store is None:
            raise NotCachedError(absence(self._cache), location=self._info.location.display)
        return self._store

    def _length(self, index: int) -> int:
        return min(BLOCK, self.size - index * BLOCK)

    def _key(self, index: int) -> str:
        return f"block:{self._info.identity}:{BLOCK}:{index}"

    # ------------------------------------------------------------------------------------ suspension

    @property
    def waves(self) -> bool:
        """Whether suspending makes sense: there is a wire to wait for, and libhdf5 has not been confused."""
        return self._store is not None and not self.plain

    def restart(self) -> None:
        """Begin anew with the blocks that are here, never to suspend again."""
        self.plain, self.ever_missed, self._position = True, False, 0
        self.missed.clear()
        self.notes.kept.clear()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Within this, reads never wait."""
        before, self._suspended = self._suspended, True
        try:
            yield
        finally:
            self._suspended = before

    def save(self) -> None:
        """Store what was fetched in the persistent cache, in one transaction."""
        if self._cache is not None and self._fresh:
            self._cache.set_many(self._fresh, "block")
            self._fresh = {}
        self.notes.save()
