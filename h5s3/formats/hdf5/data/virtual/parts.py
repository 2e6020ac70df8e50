"""A part of a virtual dataset as parts of one source: what both sides of a mapping have in common with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import DamagedError
from h5s3.formats.hdf5.data.virtual.sides import Indices, Regular, Side
from h5s3.formats.selection import Axis, Selection

Values = np.ndarray[Any, Any]
Index = slice | Indices
MOST_RUNS = 64  # of one axis that are read one by one; of more, what is between them is read as well
SLAB = 1 << 20  # elements that are looked at one by one together
WASTE = 4  # times as many elements may be read as are wanted
LEAST = 1 << 16  # elements that are read anyway


@dataclass(frozen=True)
class Part:
    """A box of the source, and where it belongs in the values that are wanted."""

    source: Selection
    target: tuple[Index, ...]  # of the values: one for each of their dimensions, or one point each
    shape: tuple[int, ...]  # of the values that are put there
    picked: tuple[Index, ...] | None = None  # of the box: what of it is wanted; None: all
    points: bool = False  # `target` and `picked` are lists of points

    def put(self, values: Values, box: Values) -> None:
        """Put the values of the box where they belong."""
        inner = box.shape[len(self.source) :]
        if self.points:
            assert self.picked is not None
            values[self.target] = box[self.picked]
            return
        if self.picked is not None:
            box = box[_open(self.picked, box.shape)]
        values[_open(self.target, values.shape)] = box.reshape(self.shape + inner)


def parts_of(virtual: Side, source: Side, selection: Selection) -> Iterator[Part]:
    """The parts of a source that a selection has elements of, by the mapping of these two sides."""
    if isinstance(virtual, Regular) and isinstance(source, Regular):
        pairs = _paired(virtual, source)
        if pairs is not None:
            yield from _boxes(virtual, source, pairs, selection)
            return
    yield from _points(virtual, source, selection)


def _paired(virtual: Regular, source: Regular) -> dict[int, int] | None:
    """Which axis of the source goes with which one of the virtual dataset, where each goes with one."""
    mine = [d for d, comb in enumerate(virtual.combs) if comb.size != 1]
    theirs = [d for d, comb in enumerate(source.combs) if comb.size != 1]
    sizes = [virtual.combs[d].size for d in mine], [source.combs[d].size for d in theirs]
    return dict(zip(theirs, mine, strict=True)) if sizes[0] == sizes[1] else None


def _boxes(virtual: Regular, source: Regular, pairs: dict[int, int], selection: Selection) -> Iterator[Part]:
    found = [_common(comb, axis) for comb, axis in zip(virtual.combs, selection, strict=True)]
    if not all(len(positions) for positions, _ in found):
        return
    along = []
    for dimension, comb in enumerate(source.combs):
        wanted = found[pairs[dimension]][0] if dimension in pairs else np.zeros(1, dtype=np.int64)
        along.append(list(_runs(comb.index(wanted))))
    for runs in product(*along):
        target = [places for _, places in found]
        for dimension, (_, low, high, _) in enumerate(runs):
            if dimension in pairs:
                target[pairs[dimension]] = found[pairs[dimension]][1][low:high]
        picked = tuple(slice(None) if pick is None else pick for *_, pick in runs)
        yield Part(
            tuple(axis for axis, *_ in runs),
            tuple(map(_as_slice, target)),
            tuple(len(places) for places in target),
            None if all(pick is None for *_, pick in runs) else picked,
        )


def _common(comb: Any, axis: Axis) -> tuple[Indices, Indices]:
    """What a comb and an axis have in common: positions in the comb, and in the axis."""
    first = max(0, -(-(comb.start - axis.start) // axis.step))
    last = min(axis.count, max(first, -(-(comb.stop - axis.start) // axis.step)))
    places = np.arange(first, last, dtype=np.int64)
    positions = comb.positions(axis.start + places * axis.step)
    inside = positions >= 0
    return positions[inside], places[inside]


def _runs(indices: Indices) -> Iterator[tuple[Axis, int, int, Indices | None]]:
    """Indices in order as axes: which of them each has, and which of its elements are wanted (None: all)."""
    steps = np.diff(indices)
    if not len(steps) or (steps == steps[0]).all():
        step = int(steps[0]) if len(steps) else 1
        yield Axis(int(indices[0]), step, len(indices)), 0, len(indices), None
        return
    breaks = [0, *(np.flatnonzero(steps != 1) + 1).tolist(), len(indices)]
    span = int(indices[-1] - indices[0]) + 1
    if len(breaks) > MOST_RUNS and span <= WASTE * len(indices):
        yield Axis(int(indices[0]), 1, span), 0, len(indices), indices - indices[0]
        return
    for low, high in pairwise(breaks):
        yield Axis(int(indices[low]), 1, high - low), low, high, None


def _points(virtual: Side, source: Side, selection: Selection) -> Iterator[Part]:
    """Element by element, in slabs: for selections that are paired across their axes."""
    axes = [_common_bounds(bounds, axis) for bounds, axis in zip(virtual.bounds, selection, strict=True)]
    if not all(len(places) for places in axes):
        return
    for slab in _slabs(axes):
        grid = np.meshgrid(*slab, indexing="ij", sparse=True)
        indices = [axis.start + places * axis.step for axis, places in zip(selection, grid, strict=True)]
        ranks = np.broadcast_to(virtual.ranks(indices), tuple(map(len, slab)))
        inside = np.nonzero(ranks >= 0)
        wanted = ranks[inside]
        if not len(wanted):
            continue
        if wanted.max() >= source.size:
            raise DamagedError("a virtual dataset whose selections are of different sizes")
        target = tuple(places[at] for places, at in zip(slab, inside, strict=True))
        yield from _near(np.stack(source.points(wanted)), target)


def _common_bounds(bounds: tuple[int, int], axis: Axis) -> Indices:
    first = max(0, -(-(bounds[0] - axis.start) // axis.step))
    last = min(axis.count, max(first, -(-(bounds[1] - axis.start) // axis.step)))
    return np.arange(first, last, dtype=np.int64)


def _slabs(axes: Sequence[Indices]) -> Iterator[list[Indices]]:
    """All combinations of the positions along each axis, some of them at a time."""
    each = prod(len(places) for places in axes[1:])
    if each > SLAB:
        for place in axes[0]:
            for rest in _slabs(axes[1:]):
                yield [np.array([place]), *rest]
        return
    count = max(1, SLAB // each)
    for low in range(0, len(axes[0]), count):
        yield [axes[0][low : low + count], *axes[1:]]


def _near(points: Indices, target: tuple[Indices, ...]) -> Iterator[Part]:
    """Points of a source as boxes that have few others in them."""
    low, high = points.min(axis=1), points.max(axis=1) + 1
    count = points.shape[1]
    if prod((high - low).tolist()) <= max(WASTE * count, LEAST) or count == 1:
        box = tuple(Axis(a, 1, b - a) for a, b in zip(low.tolist(), high.tolist(), strict=True))
        yield Part(box, target, (count,), tuple(points - low[:, None]), points=True)
        return
    middle = count // 2
    for some in (slice(0, middle), slice(middle, count)):
        yield from _near(points[:, some], tuple(places[some] for places in target))


def _as_slice(indices: Indices) -> Index:
    steps = np.diff(indices)
    if not len(steps):
        return slice(int(indices[0]), int(indices[0]) + 1)
    if (steps == steps[0]).all():
        return slice(int(indices[0]), int(indices[-1]) + 1, int(steps[0]))
    return indices


def _open(index: Sequence[Index], shape: Sequence[int]) -> Any:
    """An index of which each part goes with a dimension of its own."""
    if sum(isinstance(part, np.ndarray) for part in index) < 2:
        return tuple(index)
    return np.ix_(
        *(
            np.arange(size)[part] if isinstance(part, slice) else part
            for part, size in zip(index, shape, strict=False)
        )
    )
