"""A file of which only some bytes are here, for pyarrow to read: what is missing is fetched when met."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable

from h5s3.errors import DamagedError, H5s3Error
from h5s3.storage.base import Range

Fetch = Callable[[list[Range]], list[bytes]]


class Sparse(io.RawIOBase):
    """A file of `size` bytes of which stretches are read from their beginning to their end.

    `stretches`: column chunks; nothing outside of them is there. Of each the next `window` bytes are fetched
    when some are missing, together with those of all others that are nearly used up. Bytes before what was
    read last are given back. An error that `fetch` raised is in `failure`.
    """

    def __init__(self, size: int, stretches: list[Range], window: int, fetch: Fetch) -> None:
        self._size, self._window, self._fetch = size, max(1, window), fetch
        self._stretches = sorted(stretches)
        self._starts = [start for start, _ in self._stretches]
        self._here = [(start, b"") for start in self._starts]  # of each stretch: what is here, from where on
        self._used = list(self._starts)  # of each stretch: what was read last ends here
        self._at = 0
        self.failure: H5s3Error | None = None

    def give(self, parts: list[tuple[Range, bytes]]) -> None:
        """First bytes of stretches, which were fetched before."""
        for (start, _), data in parts:
            number = self._number(start)
            if self._starts[number] == start:
                self._here[number] = start, data

    def first(self) -> list[Range]:
        """What is to be fetched first."""
        return [(start, min(stop, start + self._window)) for start, stop in self._stretches if start < stop]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Bytes of one stretch. Raises `DamagedError` for any others, and what `fetch` raises."""
        stop = self._size if size < 0 else min(self._size, self._at + size)
        if stop <= self._at:
            return b""
        try:
            data = self._bytes(self._at, stop)
        except H5s3Error as error:
            self.failure = error
            raise OSError("the bytes are not to be had") from None
        self._at = stop
        return data

    def _number(self, at: int) -> int:
        return max(0, bisect_right(self._starts, at) - 1)

    def _bytes(self, start: int, stop: int) -> bytes:
        number = self._number(start)
        if (
            not self._stretches
            or not self._stretches[number][0] <= start <= stop <= self._stretches[number][1]
        ):
            raise DamagedError("bytes outside of its column chunks are asked for")
        first, data = self._here[number]
        if not first <= start or stop > first + len(data):
            self._get(number, start, stop)
            first, data = self._here[number]
        found = data[start - first : stop - first]
        self._used[number] = stop
        if stop - first >= self._window:  # it is read from beginning to end
            self._here[number] = stop, data[stop - first :]
        return found

    def _get(self, number: int, start: int, stop: int) -> None:
        """Have bytes of a stretch here, and what others will need next."""
        wanted: list[tuple[int, Range]] = []
        for other, (low, high) in enumerate(self._stretches):
            first, data = self._here[other]
            reached = first + len(data)
            if other == number:
                keep = first <= start <= reached
                begin = reached if keep else start
                wanted.append((other, (begin, min(high, max(stop, begin + self._window)))))
                self._here[other] = (start, data[start - first :]) if keep else (start, b"")
            elif (
                low < self._used[other]
                and reached - self._used[other] < self._window * 3 // 4
                and reached < high
            ):
                wanted.append((other, (reached, min(high, reached + self._window))))
        for (other, _), data in zip(wanted, self._fetch([part for _, part in wanted]), strict=True):
            first, before = self._here[other]
            self._here[other] = first, before + data
