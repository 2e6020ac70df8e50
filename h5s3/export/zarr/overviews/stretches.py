"""The lowest and the highest values of stretches of an array, and their sums: what overviews are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST = (1 << 64) - 1
EXACT = 1 << 24  # integers up to which 32-bit floats are exact
Values = np.ndarray[Any, Any]


@dataclass
class Stretches:
    """The lowest and the highest values of stretches, and the sum and the number of those that count."""

    low: Values
    high: Values
    total: Values
    count: Values

    def put(self, place: tuple[slice, ...], part: Stretches) -> None:
        """Bring in what was found of a part of the values; stretches may come in several parts."""
        self.low[place] = np.fmin(self.low[place], part.low)
        self.high[place] = np.fmax(self.high[place], part.high)
        self.total[place] += part.total
        self.count[place] += part.count

    def part(self, place: tuple[slice, ...]) -> Stretches:
        """Those of a part."""
        return Stretches(self.low[place], self.high[place], self.total[place], self.count[place])

    def of(self, name: str, missing: Any) -> Values:
        """What is stored: `min`, `max` or `mean`."""
        absent = self.count == 0
        if name == "mean":
            with np.errstate(invalid="ignore", divide="ignore"):
                return self.total / self.count  # NaN where there is nothing
        found = (self.low if name == "min" else self.high).copy()
        if missing is not None:
            found[absent] = missing
        return found


def empty(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    new: Callable[..., Values] = np.empty,
    each: int = MOST,
) -> Stretches:
    """Stretches of which nothing is known yet. `each`: how many values one has at the most."""
    small = dtype.kind in "iu" and each * max(abs(np.iinfo(dtype).min), np.iinfo(dtype).max) < EXACT
    total, count = np.dtype("f4" if small else "f8"), np.min_scalar_type(each)
    found = Stretches(new(shape, dtype), new(shape, dtype), new(shape, total), new(shape, count))
    found.low[...], found.high[...] = _none(dtype)
    found.total[...], found.count[...] = 0, 0
    return found


def _none(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    if dtype.kind == "f":
        return np.nan, np.nan
    return np.iinfo(dtype).max, np.iinfo(dtype).min


def stretches(values: Values, starts: Sequence[int], factors: Sequence[int], missing: Any) -> Stretches:
    """Of values that begin at these indices of the array. `missing`: a value that does not count."""
    absent = None if missing is None else values == missing
    if values.dtype.kind == "f":
        none = np.isnan(values)
        absent = none if absent is None else absent | none
    cuts = list(zip(starts, factors, strict=True))
    if absent is None or not absent.any():
        return Stretches(
            _folded(np.minimum, values, cuts),
            _folded(np.maximum, values, cuts),
            _folded(np.add, values, cuts, np.dtype("f8")),
            _lengths(values.shape, cuts),
        )
    lowest, highest = _none(values.dtype)
    return Stretches(
        _folded(np.fmin, np.where(absent, lowest, values), cuts),
        _folded(np.fmax, np.where(absent, highest, values), cuts),
        _folded(np.add, np.where(absent, 0, values), cuts, np.dtype("f8")),
        _folded(np.add, ~absent, cuts, np.dtype("u8")),
    )


def smaller(found: Stretches, starts: Sequence[int], factors: Sequence[int]) -> Stretches:
    """The next level, from stretches that begin at these indices."""
    cuts = list(zip(starts, factors, strict=True))
    return Stretches(
        _folded(np.fmin, found.low, cuts),
        _folded(np.fmax, found.high, cuts),
        _folded(np.add, found.total, cuts, np.dtype("f8")),
        _folded(np.add, found.count, cuts, np.dtype("u8")),
    )


def _folded(
    how: np.ufunc, values: Values, cuts: Sequence[tuple[int, int]], dtype: np.dtype[Any] | None = None
) -> Values:
    """Along each axis one value for each stretch. `cuts`: where values begin, and how long a stretch is."""
    for axis, (start, factor) in enumerate(cuts):
        if factor > 1:
            values = _folded_along(how, values, axis, start, factor, dtype)
    return values if dtype is None else values.astype(dtype, copy=False)


def _folded_along(
    how: np.ufunc, values: Values, axis: int, start: int, factor: int, dtype: np.dtype[Any] | None
) -> Values:
    """The same along one. Whole stretches are folded element by element: NumPy is slow at short ones."""
    length = values.shape[axis]
    first = min(length, -start % factor)
    last = first + (length - first) // factor * factor

    def part(low: int, high: int) -> Values:
        return values[(slice(None),) * axis + (slice(low, high),)]

    found = [how.reduce(part(0, first), axis=axis, dtype=dtype, keepdims=True)] if first else []
    if last > first:
        shape = (*values.shape[:axis], (last - first) // factor, factor, *values.shape[axis + 1 :])
        whole = part(first, last).reshape(shape)
        at: tuple[Any, ...] = (slice(None),) * (axis + 1)
        made = whole[(*at, 0)].astype(dtype or values.dtype)
        for number in range(1, factor):
            how(made, whole[(*at, number)], out=made, casting="unsafe")
        found.append(made)
    if last < length:
        found.append(how.reduce(part(last, length), axis=axis, dtype=dtype, keepdims=True))
    return found[0] if len(found) == 1 else np.concatenate(found, axis=axis)


def _lengths(shape: Sequence[int], cuts: Sequence[tuple[int, int]]) -> Values:
    """How many values each stretch has."""
    found = np.ones((1,) * len(shape), dtype="u8")
    for axis, (length, (start, factor)) in enumerate(zip(shape, cuts, strict=True)):
        edges = np.arange(start // factor, -(-(start + length) // factor) + 1) * factor
        along = np.diff(np.clip(edges, start, start + length)).astype("u8")
        found = found * along.reshape([-1 if axis == number else 1 for number in range(len(shape))])
    return found
