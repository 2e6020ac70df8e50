"""An object as a seekable file for libhdf5, whose reads can be suspended."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from h5s3.errors import RefusedError
from h5s3.formats.base import AskAgainError
from h5s3.formats.hdf5.fetch import blocks
from h5s3.formats.hdf5.fetch.ahead import Ahead
from h5s3.formats.hdf5.fetch.blocks import Blocks, ByteRuns, block_range
from h5s3.formats.hdf5.fetch.index_cache import IndexCache
from h5s3.formats.hdf5.fetch.lookahead import FEWER_NODES, Guesses, Lookahead
from h5s3.formats.hdf5.fetch.safeguards import DECODING, check_heap, decoding
from h5s3.formats.hdf5.metadata.node import Node, Sizes
from h5s3.storage.base import ObjectInfo, Range, Store
from h5s3.storage.trace import Trace

if TYPE_CHECKING:
    from h5s3.cache import Cache


SIGNATURE_SIZE = 8  # bytes, with which an HDF5 file begins


class Miss(Exception):
    """Bytes are not here yet, and the reader may not wait for them."""


class Seekable(io.RawIOBase):
    """A read-only file with a position: what it needs beside reading. `size` in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; positions before the start are refused."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position


class BlockFile(Seekable):
    """Reads are served from blocks; what is missing is fetched in one round of concurrent ranges.

    While `suspended`, a read that would have to wait raises `Miss` instead. Exact byte ranges that were
    announced with `fetch_exact` (chunks of a dataset) are served too. Once it is sealed, libhdf5 finds no
    file in it: any other that the file names would be this very object to it.
    """

    def __init__(self, store: Store | None, cache: Cache | None, info: ObjectInfo, trace: Trace) -> None:
        super().__init__(info.size)
        self._online = store is not None
        self._info = info
        self._blocks = Blocks(store, cache, info, trace)
        self._all: memoryview | None = None  # the whole object, where it came at once
        self._exact = ByteRuns()
        self._ahead = Ahead(self._blocks.exactly, trace)
        self._allowance: int | None = None  # bytes that may still be fetched as blocks
        self._decoded: int | None = None  # bytes of memory that libhdf5 may take to decode
        self._lookahead: Lookahead | None = None
        self._guesses = Guesses()
        self._suspended = False
        self._missed: set[int] = set()  # blocks, since suspension began
        self.misses = 0  # reads that were suspended so far
        self.ever_missed = False
        self.plain = False
        self._signature_at: int | None = None  # where libhdf5 looks for a signature next; None: nowhere
        self._sealed = False
        self.indexes = IndexCache(cache, info.identity, trace)

    # ------------------------------------------------------------------------------------------ reads

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the file goes. Raises `Miss` while suspended, else waits."""
        view = memoryview(buffer).cast("B")
        start = self._position
        if self._sealed and self._looks_for_signature(start, len(view)):
            view[:] = bytes(len(view))
            self._position = start + len(view)
            return len(view)
        stop = max(start, min(start + len(view), self.size))
        view[stop - start :] = bytes(len(view) - (stop - start))  # libhdf5 would read what was in it
        if stop == start:
            return 0
        self._fill(view[: stop - start], start, stop)
        if self._lookahead:  # lengths have 8 bytes
            check_heap(view[: stop - start])
        self._position = stop
        return stop - start

    def seal(self) -> None:
        """The file is open: it is not to be opened again, under whatever name."""
        self._sealed = True

    def _looks_for_signature(self, start: int, size: int) -> bool:
        """Whether libhdf5 reads where a file begins: at 0, then at 512, 1024, 2048 … (II.A).

        Of a file that is open it reads nothing at 0.
        """
        if size != SIGNATURE_SIZE or start not in (0, self._signature_at):
            self._signature_at = None
            return False
        self._signature_at = 2 * start or 512
        return True

    def _fill(self, view: memoryview, start: int, stop: int) -> None:
        if self._all is not None:
            view[:] = self._all[start:stop]
            return
        if self._exact.fill(view, start, stop):
            return
        wanted, here, size = block_range(start, stop), self._blocks.here, blocks.BLOCK
        if len(wanted) > 1 or wanted[0] not in here:
            self._require(wanted)
        for index in wanted:
            self._guesses.unread.discard(index)
            if self._blocks.in_turn:
                here.move_to_end(index)
            block, offset = here[index], index * size
            low, high = max(start, offset), min(stop, offset + len(block))
            view[low - start : high - start] = block[low - offset : high - offset]
        self._blocks.evict()

    def _require(self, wanted: Iterable[int]) -> None:
        missing = self._blocks.load(wanted)
        if not missing:
            return
        if self._suspended:
            self._missed.update(missing)
            self.ever_missed = True
            self.misses += 1
            raise Miss
        self._fetch(missing)

    def seed(self, data: bytes) -> None:
        """Take the first bytes of the object, fetched when it was first met."""
        self._blocks.seed(data)
        if len(data) == self.size:
            self._all = memoryview(data)

    def follow_fewer(self) -> None:
        """Bear fewer pointers in mind."""
        if self._lookahead is not None:
            self._lookahead.most = FEWER_NODES

    def spare(self, most: int) -> None:
        """Hold so many bytes at the most, those that were read last, and guess no more which objects will be
        read."""
        self._blocks.spare(most)
        self._guesses.spare(most // 2)
        if self._lookahead is not None:
            self._lookahead.spare()

    def save(self) -> None:
        """Store what was fetched in the persistent cache."""
        self._blocks.save()
        self.indexes.save()

    # ------------------------------------------------------------------------------------ fetching ahead

    def prefetch(self, indices: Iterable[int]) -> None:
        """Have these blocks here, in at most one round."""
        missing = self._blocks.load(sorted({i for i in indices if 0 <= i <= self._blocks.last}))
        if missing:
            self._fetch(missing)

    def hint(self, ranges: Iterable[Range]) -> None:
        """Have the blocks of these bytes here, in at most one round, if they are in the object at all and
        there is a wire. Not where a read may not wait, or lengths have other sizes than are known here."""
        if self._online and not self._suspended and self._lookahead is not None and self._all is None:
            self.prefetch(i for low, high in ranges if high > low for i in block_range(low, high))

    def look_ahead(self, base: int, sizes: Sizes) -> None:
        """From now on, follow the pointers of expected nodes as their blocks arrive."""
        known = self.indexes.has
        self._lookahead = Lookahead(self._blocks.get, self._blocks.missing, base, self.size, sizes, known)

    def chase(self, nodes: Iterable[Node]) -> None:
        """Fetch these nodes and what they lead to, in one round; only as far as guesses may go."""
        if self._lookahead is not None and self._online and self._all is None:
            wanted = self._guess(self._lookahead, self._lookahead.expect(nodes))
            if wanted:
                self._fetch(wanted)

    def _fetch(self, indices: Iterable[int]) -> None:
        wanted = set(indices)
        asked = self._blocks.around(wanted)
        if self._allowance is not None:
            asked = asked if len(asked) * blocks.BLOCK <= self._allowance else wanted
            self._allowance -= len(asked) * blocks.BLOCK
            if self._allowance < 0:
                raise RefusedError("the values are larger than the limit", hint="raise --max-bytes")
        self._blocks.fetch(asked, self._following)

    def _following(self, came: list[int], asked: set[int]) -> set[int]:
        """What blocks lead to that arrived, beside what was asked for already."""
        if self._lookahead is None:
            return set()
        wanted = [index for index in self._lookahead.arrived(came) if index not in asked]
        return self._guess(self._lookahead, wanted)

    def _guess(self, lookahead: Lookahead, wanted: Collection[int]) -> set[int]:
        """Of blocks wanted on a guess those to be fetched. What the cache has leads on at once."""
        fetch: dict[int, None] = {}
        while wanted:
            remaining = dict.fromkeys(self._blocks.load(wanted))
            fetch.update(remaining)
            came = [index for index in wanted if index not in remaining]
            wanted = [index for index in lookahead.arrived(came) if index not in fetch]
        return self._guesses.choose(fetch, self._blocks.here, blocks.BLOCK)

    # ------------------------------------------------------------------------------------------ raw data

    def fetch_exact(self, ranges: Iterable[Range]) -> None:
        """Fetch exactly these bytes in one round and serve reads within them. For raw data of chunks.

        What a damaged index places beyond the end of the object is not asked for.
        """
        wanted = self._lacking(ranges)
        answers = self._ahead.take(wanted)
        rest = [item for item in wanted if item not in answers]
        if rest:
            answers |= self._blocks.exactly(rest)
        if answers:
            self._exact.add({start: data for (start, _), data in answers.items()})

    def fetch_ahead(self, ranges: Iterable[Range]) -> None:
        """Begin to fetch these bytes, for `fetch_exact` to have them soon. The caller bounds how many."""
        self._ahead.start(self._lacking(ranges))

    def drop_ahead(self) -> None:
        """Forget what is on its way."""
        self._ahead.drop()

    def _lacking(self, ranges: Iterable[Range]) -> list[Range]:
        inside = (r for r in dict.fromkeys(ranges) if r[0] < r[1] <= self.size)
        return [r for r in inside if not self._exact.covers(*r) and self._blocks.missing(*r)]

    def stored(self, start: int, stop: int) -> memoryview | None:
        """These bytes, if they are here."""
        if not 0 <= start < stop <= self.size:
            return None
        found = self._exact.view(start, stop)
        if found is None and self._exact.covers(start, stop):
            joined = bytearray(stop - start)
            self._exact.fill(memoryview(joined), start, stop)
            found = memoryview(joined)
        if found is None:
            data = self._blocks.get(start, stop)
            found = None if data is None else memoryview(data)
        return found

    def drop_exact(self) -> None:
        """Forget the ranges of `fetch_exact`."""
        self._exact.clear()

    @contextmanager
    def limited(self, most: int, chunk: int = 0) -> Iterator[None]:
        """Bounds bytes fetched as blocks, and what libhdf5 takes to decode chunks of such a size (within
        `bounded`): `RefusedError`."""
        self._allowance, self._decoded = most, max(DECODING, 8 * chunk)
        self._blocks.sparing = True
        try:
            yield
        finally:
            self._allowance = self._decoded = None
            self._blocks.sparing = False

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Around each call in which libhdf5 decodes: no more memory than `limited` allows.

        What is on its way comes in before: its threads take memory, too, and know nothing of libhdf5.
        """
        self._ahead.settle()
        with nullcontext() if self._decoded is None else decoding(self._decoded):
            yield

    # ---------------------------------------------------------------------------------------- suspension

    @property
    def waves(self) -> bool:
        """Whether suspending makes sense: there is a wire to wait for, and libhdf5 has not been confused."""
        return self._online and not self.plain

    @contextmanager
    def suspended(self) -> Iterator[set[int]]:
        """Within this, reads never wait. Gives the blocks that they missed so far."""
        before = self._suspended, self._missed
        self._suspended, self._missed = True, set()
        try:
            yield self._missed
        finally:
            self._suspended, self._missed = before

    @contextmanager
    def probing(self) -> Iterator[None]:
        """Within this, reads that would wait are stopped for good: nobody will ask for their bytes again."""
        misses = self.misses
        try:
            with self.suspended() if self.waves else nullcontext():
                yield
        finally:
            self.misses = misses

    @contextmanager
    def misses_first(self) -> Iterator[None]:
        """Within this, an error after a suspended read counts as its `Miss`: it may come of that alone."""
        misses = self.misses
        try:
            yield
        except Exception as error:
            if self.misses != misses:
                raise Miss from error
            raise

    def raise_if_confused(self, error: Exception) -> None:
        """Raise `AskAgainError` where a failure may be of our own making: a read was suspended before it."""
        if self.ever_missed:
            raise AskAgainError from error

    def restart(self) -> None:
        """Begin again with the blocks that are here, never to suspend a read."""
        self.plain, self.ever_missed, self._position, self._sealed = True, False, 0, False
        self.indexes.forget()
