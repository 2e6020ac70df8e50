"""One side of a mapping: the elements of a dataset that it selects, in the order in which they are paired.

HDF5 pairs the k-th element of the virtual selection with the k-th of the source selection, both in C order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from h5py import h5s

from h5s3.errors import DamagedError, RefusedError

Indices = np.ndarray[Any, np.dtype[np.int64]]
ENDLESS = 1 << 62  # elements of a selection that goes on for ever
MOST_BLOCKS = 100_000  # of one irregular selection
TOO_LARGE = "a virtual dataset whose selections are too large"
MOST_ROWS = 2_000_000  # runs of elements of irregular selections


@dataclass(frozen=True)
class Comb:
    """Indices along one dimension: blocks at equal distances, of which the last one may be cut."""

    start: int
    stride: int
    block: int
    size: int  # indices

    def index(self, position: Any) -> Any:
        """The index at a position."""
        return self.start + position // self.block * self.stride + position % self.block

    @property
    def stop(self) -> int:
        """Behind the last index."""
        return int(self.index(self.size - 1)) + 1 if self.size else self.start

    def positions(self, indices: Indices) -> Indices:
        """Where indices stand among these; -1 for those that do not."""
        number, within = np.divmod(indices - self.start, self.stride)
        found = number * self.block + within
        return np.where((number >= 0) & (within < self.block) & (found < self.size), found, -1)

    def below(self, extent: int) -> Comb:
        """Those below an index."""
        number, within = divmod(max(0, extent - self.start), self.stride)
        return replace(self, size=min(self.size, number * self.block + min(within, self.block)))


@dataclass(frozen=True)
class Regular:
    """A hyperslab: in each dimension the same indices for all others."""

    combs: tuple[Comb, ...]

    @property
    def size(self) -> int:
        """Elements."""
        return prod(comb.size for comb in self.combs)

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """First index and one behind the last along each dimension."""
        return [(comb.start, comb.stop) for comb in self.combs]

    @property
    def endless(self) -> int | None:
        """The dimension along which it goes on for ever."""
        return next((d for d, comb in enumerate(self.combs) if comb.size >= ENDLESS), None)

    def cut(self, dimension: int, comb: Comb) -> Regular:
        """With other indices along a dimension. Raises `RefusedError` where they are too high."""
        if comb.stop >= ENDLESS:
            raise RefusedError(TOO_LARGE)
        return Regular((*self.combs[:dimension], comb, *self.combs[dimension + 1 :]))

    def ranks(self, points: Sequence[Indices]) -> Indices:
        """The numbers of elements in C order; -1 for those that are not selected."""
        total, inside = np.int64(0), np.bool_(True)
        for comb, along in zip(self.combs, points, strict=True):
            positions = comb.positions(along)
            total, inside = total * comb.size + positions, inside & (positions >= 0)  # type: ignore[assignment]
        return np.where(inside, total, -1)

    def points(self, ranks: Indices) -> list[Indices]:
        """The indices along each dimension of elements by their numbers."""
        found = []
        for comb in reversed(self.combs):
            ranks, position = np.divmod(ranks, max(1, comb.size))
            found.append(comb.index(position))
        return found[::-1]


class Irregular:
    """Any other set of elements: as runs along the last dimension."""

    def __init__(self, blocks: np.ndarray[Any, Any]) -> None:
        """`blocks`: first and last corner of each, as HDF5 lists them."""
        first, last = blocks[:, 0].astype(np.int64), blocks[:, 1].astype(np.int64) + 1
        self.bounds = list(zip(first.min(0).tolist(), last.max(0).tolist(), strict=True))
        self._shape = tuple(high for _, high in self.bounds)
        if prod(self._shape) >= ENDLESS:
            raise RefusedError(TOO_LARGE)
        if int(np.prod((last - first)[:, :-1], axis=1, dtype=np.float64).sum()) > MOST_ROWS:
            raise RefusedError("a virtual dataset whose selections are of too many parts")
        starts = np.concatenate([self._rows(a, b) for a, b in zip(first, last, strict=True)])
        counts = np.repeat((last - first)[:, -1], np.prod((last - first)[:, :-1], axis=1))
        self.rows = len(starts)
        order = np.argsort(starts, kind="stable")
        self._starts, self._counts = starts[order], counts[order]
        self._before = np.concatenate([[0], np.cumsum(self._counts)])

    endless: int | None = None

    @property
    def size(self) -> int:
        """Elements."""
        return int(self._before[-1])

    def _rows(self, first: Indices, last: Indices) -> Indices:
        axes = [np.arange(a, b) for a, b in zip(first[:-1], last[:-1], strict=True)]
        axes.append(np.array([first[-1]]))
        rows: Indices = np.ravel_multi_index(np.meshgrid(*axes, indexing="ij"), self._shape).reshape(-1)
        return rows

    def ranks(self, points: Sequence[Indices]) -> Indices:
        """As `Regular.ranks` says."""
        arrays = np.broadcast_arrays(*points)
        inside = np.ones(arrays[0].shape, dtype=bool)
        for along, extent in zip(arrays, self._shape, strict=True):
            inside &= along < extent
        flat = np.ravel_multi_index([np.where(inside, a, 0) for a in arrays], self._shape)
        row = np.searchsorted(self._starts, flat, "right") - 1
        within = flat - self._starts[row]
        inside &= (row >= 0) & (within < self._counts[row])
        return np.where(inside, self._before[row] + within, -1)

    def points(self, ranks: Indices) -> list[Indices]:
        """As `Regular.points` says."""
        row = np.searchsorted(self._before, ranks, "right") - 1
        flat = self._starts[row] + ranks - self._before[row]
        return list(np.unravel_index(flat, self._shape))


Side = Regular | Irregular


def whole(shape: Sequence[int]) -> Regular:
    """All elements of a dataset."""
    return Regular(tuple(Comb(0, max(1, n), max(1, n), n) for n in shape))


def side_of(space: h5s.SpaceID) -> Side | None:
    """What a dataspace selects; None for all of a dataset, whatever its shape. Raises `DamagedError`."""
    kind = space.get_select_type()
    if kind == h5s.SEL_ALL:
        return None
    if kind == h5s.SEL_NONE:
        return whole((0,) * space.get_simple_extent_ndims())
    if kind != h5s.SEL_HYPERSLABS:
        raise DamagedError("a virtual dataset with selections of points")
    if space.is_regular_hyperslab():
        return Regular(tuple(map(_comb, *space.get_regular_hyperslab())))
    if space.get_select_hyper_nblocks() > MOST_BLOCKS:
        raise RefusedError("a virtual dataset whose selections are of too many parts")
    return Irregular(np.asarray(space.get_select_hyper_blocklist()))


def _comb(start: int, stride: int, count: int, block: int) -> Comb:
    start, stride, count, block = int(start), int(stride), int(count), int(block)
    if block == h5s.UNLIMITED:
        return Comb(start, ENDLESS, ENDLESS, ENDLESS)
    if count == h5s.UNLIMITED:
        return Comb(start, stride, block, ENDLESS)
    if not (count and block):
        return Comb(start, 1, 1, 0)
    if start + count * stride >= ENDLESS:
        raise RefusedError(TOO_LARGE)
    return Comb(start, stride if count > 1 else block, block, count * block)
