"""Many short byte strings, and where objects were met, in little memory: a file may have millions of each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import overload

import numpy as np

MOST_SORTED = 1 << 26  # bytes of items that are sorted as items of one length
RECENT = 50_000  # addresses that are looked up in a dictionary before they are packed


class Packed(Sequence[bytes]):
    """Byte strings, one behind the other."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q", [0])

    @property
    def size(self) -> int:
        """Bytes of all together."""
        return len(self._text)

    def add(self, item: bytes) -> None:
        """Append one."""
        self._text += item
        self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        return bytes(self._text[self._ends[index] : self._ends[index + 1]])


def sorted_order(items: Packed) -> Sequence[int]:
    """The indices of the items in the order of the items."""
    longest = max(map(len, items), default=0)
    if longest * len(items) > MOST_SORTED:
        return sorted(range(len(items)), key=items.__getitem__)
    return np.argsort(np.fromiter(items, dtype=f"S{longest or 1}", count=len(items)), kind="stable")  # type: ignore[return-value]


class Met:
    """Where each object was met first, by its address."""

    def __init__(self) -> None:
        self._recent: dict[int, bytes] = {}
        self._addresses = array("Q")  # in order
        self._numbers = array("Q")  # by address, of its path
        self._paths = Packed()

    def first(self, address: int, path: bytes) -> bytes:
        """The path at which an object was met first: this very one, if it is met now."""
        found = self.where(address)
        if found is not None:
            return found
        if len(self._recent) >= RECENT:
            self._pack()
        self._recent[address] = path
        return path

    def where(self, address: int) -> bytes | None:
        """The path at which an object was met first, if it was met."""
        found = self._recent.get(address)
        if found is not None:
            return found
        at = bisect_left(self._addresses, address)
        known = at < len(self._addresses) and self._addresses[at] == address
        return self._paths[self._numbers[at]] if known else None

    def _pack(self) -> None:
        new = np.fromiter(self._recent, dtype="u8", count=len(self._recent))
        numbers = np.arange(len(self._paths), len(self._paths) + len(new), dtype="u8")
        for path in self._recent.values():
            self._paths.add(path)
        self._recent = {}
        order = np.argsort(new)
        known = np.frombuffer(self._addresses, dtype="u8")
        places = np.searchsorted(known, new[order])
        merged = np.insert(known, places, new[order])
        with_them = np.insert(np.frombuffer(self._numbers, dtype="u8"), places, numbers[order])
        self._addresses, self._numbers = array("Q", merged.tobytes()), array("Q", with_them.tobytes())
