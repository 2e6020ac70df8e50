"""Where values stand among the coordinates of a dimension: read whole where they are few, else bisected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.formats.base import Array, Coordinate
from h5s3.formats.boxes import BoxReader
from h5s3.formats.cf import Coding, known_units
from h5s3.formats.dtypes import is_text
from h5s3.formats.selection import Axis
from h5s3.sizes import MIB

Values = np.ndarray[Any, Any]
SMALL = MIB  # bytes of coordinates that are read whole
BLOCK, MOST_IN_BLOCK = 8192, 65_536  # of many coordinates so many are read at once: a chunk, if that is small
MOST_BLOCKS = 64  # that are kept
MOST_TEXTS = 1000  # that an error looks for near ones in
EPSILON = 4 * np.finfo("f8").eps


class Places:
    """The coordinates of one dimension, as numbers (of time: in their units) or as texts."""

    def __init__(self, array: Array, coding: Coding, size: int, edges: bool) -> None:
        self._array, self._coding, self.size, self._edges = array, coding, size, edges
        self.calendar = coding.calendar
        chunks = array.facts.chunks or (BLOCK,)
        self._length = chunks[0] if chunks[0] <= MOST_IN_BLOCK else BLOCK
        self._blocks: dict[int, Values] = {}  # that were read
        assert array.dtype is not None
        self._text = is_text(array.dtype)
        small = size * array.dtype.itemsize <= SMALL and not self._text
        self._all = self._numbers(0, size) if small else None
        self._sign = 0 if self._all is not None or self._text or not size else self._direction()

    # ----------------------------------------------------------------------------------- reading

    def _stored(self, low: int, high: int) -> Values:
        reader = BoxReader(self._array, (Axis(low, 1, high - low),))
        parts = [reader.values(box) for box in reader.boxes(ordered=True)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=self._array.dtype)

    def _numbers(self, low: int, high: int) -> Values:
        native = self._coding.native(self._stored(low, high + self._edges))
        absent = self._coding.absent(native)
        meant = self._coding.unpacked(native)
        if self._edges:
            meant, absent = (meant[:-1].astype("f8") + meant[1:]) / 2, absent[:-1] | absent[1:]
        if absent.any():
            meant = np.where(absent, np.nan, meant.astype("f8"))
        return meant

    def value(self, index: int) -> Any:
        """One of them."""
        if self._all is not None:
            return self._all[index].item()
        start = index // self._length * self._length
        if start not in self._blocks:
            if len(self._blocks) >= MOST_BLOCKS:
                self._blocks.clear()
            self._blocks[start] = self._numbers(start, min(self.size, start + self._length))
        return self._blocks[start][index - start].item()

    # ----------------------------------------------------------------------------------- numbers

    def tolerance(self, value: Any) -> float:
        """How far a number may be from what is stored for it: its type rounds, and so do factors."""
        assert self._array.dtype is not None
        kind = self._array.dtype
        epsilon = max(EPSILON, float(np.finfo(kind).eps)) if kind.kind == "f" else EPSILON
        found = epsilon * abs(value) if kind.kind == "f" or self._coding.packed or self.calendar else 0.0
        if self._coding.packed:
            found += 1e-9 * abs(self._coding.scale or 0)
        return found + (self._second / 2000 if self.calendar else 0)

    @property
    def _second(self) -> float:
        import cftime

        begin = cftime.num2date(0, known_units(self._coding.units)[0], self.calendar)
        return float(self.number_of(begin + timedelta(seconds=1))) - float(self.number_of(begin))

    def number_of(self, date: Any) -> Any:
        """A date in the units of the coordinates."""
        import cftime

        units, many = known_units(self._coding.units)
        return cftime.date2num(date, units, self.calendar) * many

    def shown(self, index: int) -> str:
        """A coordinate as text: a date, or the shortest digits of its type."""
        value = self.value(index)
        texts = self._coding.dates([value]) if self.calendar else None
        if texts:
            return texts[0]
        return str(self._all[index]) if self._all is not None else str(value)

    def nearest(self, value: Any) -> int | None:
        """The index of the coordinate nearest to a number; the first of several. None: there are none."""
        if self._all is None:
            at = self._first(lambda found: found >= self._sign * value)
            near = [index for index in (at - 1, at) if 0 <= index < self.size]
            return min(near, key=lambda index: abs(self.value(index) - value), default=None)
        same = np.flatnonzero(self._all == value)
        if same.size:
            return int(same[0])
        distance = np.abs(self._all.astype("f8") - value)
        return None if np.isnan(distance).all() else int(np.nanargmin(distance))

    def between(self, low: Any, high: Any) -> Sequence[int]:
        """The indices of coordinates within bounds, these included; None: no bound."""
        if self._all is not None:
            fine = ~np.isnan(self._all) if self._all.dtype.kind == "f" else np.ones(self.size, dtype=bool)
            fine = fine if low is None else fine & (self._all >= low)
            found: list[int] = np.flatnonzero(fine if high is None else fine & (self._all <= high)).tolist()
            return found
        if self._sign < 0:
            low, high = (None if high is None else -high), (None if low is None else -low)
        begin = 0 if low is None else self._first(lambda found: found >= low)
        end = self.size if high is None else self._first(lambda found: found > high)
        return range(begin, max(begin, end))

    def around(self, low: Any, high: Any) -> list[str]:
        """The coordinates on both sides of bounds that none is within."""
        if self._all is None:
            at = self._first(lambda found: found >= self._sign * (low if self._sign > 0 else high))
            near = [index for index in (at - 1, at) if 0 <= index < self.size]
        else:
            wide = self._all.astype("f8")
            below, above = np.flatnonzero(wide < low), np.flatnonzero(wide > high)
            near = [int(below[np.argmax(wide[below])])] if below.size else []
            near += [int(above[np.argmin(wide[above])])] if above.size else []
        return [self.shown(index) for index in near]

    def _direction(self) -> int:
        first, last = self.value(0), self.value(self.size - 1)
        if first != first or last != last:
            raise self._unsorted()
        return 1 if last >= first else -1

    def _first(self, holds: Callable[[Any], bool]) -> int:
        """The first index of which something holds that holds of all after it, too; by bisection."""
        low, high = 0, self.size
        bounds = [self._sign * self.value(0), self._sign * self.value(self.size - 1)]
        while low < high:
            middle = (low + high) // 2
            found = self._sign * self.value(middle)
            if not bounds[0] <= found <= bounds[1]:
                raise self._unsorted()
            if holds(found):
                high, bounds[1] = middle, found
            else:
                low, bounds[0] = middle + 1, found
        return low

    def _unsorted(self) -> UsageError:
        return UsageError("--sel: these coordinates are many, and not sorted", hint="use --slice")

    # ------------------------------------------------------------------------------------- texts

    def equal_texts(self, text: str) -> list[int]:
        """The indices at which a text stands."""
        wanted, found = text.encode("utf-8", "surrogateescape"), []
        for low in range(0, self.size, BLOCK):
            values = self._stored(low, min(self.size, low + BLOCK)).tolist()
            found += [low + number for number, value in enumerate(values) if _raw(value) == wanted]
        return found

    def some_texts(self) -> list[str]:
        """The first of the texts."""
        values = self._stored(0, min(self.size, MOST_TEXTS)).tolist()
        return [_raw(value).decode("utf-8", "backslashreplace") for value in values]


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def places_of(coordinate: Coordinate, size: int) -> Places:
    """The coordinates of a dimension. Raises `UsageError` for those that are neither numbers nor text."""
    array = coordinate.array
    assert array is not None
    if array.dtype is None or array.dtype.subdtype or not (array.dtype.kind in "iuf" or is_text(array.dtype)):
        name = coordinate.name or coordinate.label
        raise UsageError(f"--sel: the coordinates of {name} are neither numbers nor text", hint="use --slice")
    array.refuse()
    return Places(array, array.coding(), size, coordinate.edges)
