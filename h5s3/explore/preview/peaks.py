"""Values thinned for drawing, without losing what stands out among those that are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from h5s3.formats.selection import Axis

Array = np.ndarray[Any, Any]
ToFloats = Callable[[Array], Array]  # NaN where a value is missing
FEWEST = 9  # cells, of which it can be told what is usual
BLOCK = 1 << 20  # values of a line that are looked at together
OUTSTANDING = 4.0  # times as far from the value that is drawn as is usual: such a value is drawn in its place


def line_with_peaks(values: Array, every: int, floats: ToFloats) -> Array:
    """As many numbers as every n-th of these values: the lowest and the highest of each 2 n, as they come.

    So the line between them covers every value. `values`: one-dimensional; NaN are passed over.
    """
    count = -(-len(values) // every)
    found = np.empty(count)
    span, last = 2 * every, 2 * (count // 2)
    if last < count:
        found[-1] = floats(values[-1:])[0]
    for start, stop in _stretches(last // 2, span):
        end = len(values) if stop == last // 2 else stop * span
        numbers = floats(values[start * span : end])
        for pair, chosen in zip(range(start, stop), _split(numbers, stop - start, span), strict=True):
            found[2 * pair : 2 * pair + 2] = _ends(chosen)
    return found


def _stretches(pairs: int, span: int) -> Iterator[tuple[int, int]]:
    """Runs of pairs whose values are looked at together."""
    size = max(1, BLOCK // span)
    for start in range(0, pairs, size):
        yield start, min(pairs, start + size)


def _split(numbers: Array, count: int, span: int) -> Iterator[Array]:
    for at in range(count):
        yield numbers[at * span : None if at + 1 == count else (at + 1) * span]


def _ends(numbers: Array) -> tuple[float, float]:
    """The lowest and the highest number, in the order in which they stand."""
    known = np.flatnonzero(~np.isnan(numbers))
    if not known.size:
        return np.nan, np.nan
    first, second = sorted((known[numbers[known].argmin()], known[numbers[known].argmax()]))
    return float(numbers[first]), float(numbers[second])


def line_of_parts(drawn: Array, along: Axis, parts: Iterable[tuple[Axis, Array]], floats: ToFloats) -> Array:
    """The same of a line of which some parts were read (each with its indices): of each two numbers, which
    stand at the indices `along`, those that were read. Where nothing was, they are as in `drawn`."""
    span, found = 2 * along.step, drawn.copy()
    read: dict[int, list[Array]] = {}
    for axis, values in parts:
        places = (axis.start - along.start + np.arange(len(values)) * axis.step) // span
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        for start, numbers in zip(starts, np.split(floats(values), starts[1:]), strict=True):
            read.setdefault(int(places[start]), []).append(numbers)
    for pair, pieces in read.items():
        if 2 * pair + 1 < len(found):
            found[2 * pair : 2 * pair + 2] = _ends(np.concatenate(pieces))
    return found


def plane_with_peaks(drawn: Array, plane: Array, every: tuple[int, int], floats: ToFloats) -> Array:
    """Every n-th row and column, `drawn`, but where something between them stands out, that.

    `plane`: all of the values. A value stands out that is `OUTSTANDING` times as far from the one drawn for
    its cell as the farthest of a cell usually is: noise alone does not.
    """
    low, high = np.empty(drawn.shape), np.empty(drawn.shape)
    columns = np.arange(0, plane.shape[1], every[1])
    for row in range(len(drawn)):
        numbers = floats(plane[row * every[0] : (row + 1) * every[0]])
        low[row] = np.fmin.reduceat(np.fmin.reduce(numbers, axis=0), columns)
        high[row] = np.fmax.reduceat(np.fmax.reduce(numbers, axis=0), columns)
    return outstanding(drawn, low, high)


def outstanding(usual: Array, low: Array, high: Array) -> Array:
    """For each cell its usual value, or its lowest or highest one where that stands out. NaN is no value.

    Of the two the one that is farther from what is usual for all cells; and only where the usual value of the
    cell is not farther itself.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.fmax(high - usual, usual - low)
        known = spread[np.isfinite(spread)]
        limit = OUTSTANDING * float(np.median(known)) if known.size >= FEWEST else np.inf
        level = float(np.nanmedian(usual)) if (~np.isnan(usual)).any() else 0.0
        farthest = np.where(high - level >= level - low, high, low)
        outside = np.abs(farthest - level) > np.abs(usual - level)
        stands_out = (np.abs(farthest - usual) > limit) & outside
        return np.where(stands_out | (np.isnan(usual) & ~np.isnan(high)), farthest, usual)
