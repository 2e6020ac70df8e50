"""Which elements of a virtual dataset are which elements of others: its mappings, from its header alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.hdf5.data.virtual.sides import ENDLESS, Irregular, Regular, Side, side_of, whole
from h5s3.formats.hdf5.objects.datasets import virtual_source

MOST_MAPPINGS = 100_000
MOST_PARTS = 4_000_000  # runs of elements of all irregular selections
SAME_FILE = b"."


@dataclass(frozen=True)
class Mapping:
    """Elements of the virtual dataset (`virtual`) that are those of another one (`source`; None: all of it).

    `pattern`: along a dimension without end, each block has a source of its own, whose name holds its number.
    """

    file: bytes
    path: bytes
    virtual: Side
    source: Side | None
    pattern: bool = False

    @property
    def endless(self) -> int | None:
        """The dimension of the virtual dataset along which it goes on for ever."""
        return self.virtual.endless

    def block(self, number: int) -> Mapping:
        """The mapping of one block of a pattern."""
        assert isinstance(self.virtual, Regular) and self.endless is not None
        comb = self.virtual.combs[self.endless]
        low = comb.start + number * comb.stride
        one = type(comb)(low, comb.block, comb.block, comb.block)
        return Mapping(
            _numbered(self.file, number),
            _numbered(self.path, number),
            self.virtual.cut(self.endless, one),
            self.source,
        )


def read_mappings(dcpl: Any) -> list[Mapping]:
    """The mappings of a virtual dataset, in their order: of those that overlap, the last one counts.

    Raises `RefusedError` where there are too many, `DamagedError` for what makes no sense.
    """
    count = int(dcpl.get_virtual_count())
    if count > MOST_MAPPINGS:
        raise RefusedError(f"a virtual dataset made of more than {MOST_MAPPINGS:,} parts")
    found, parts = [], 0
    for index in range(count):
        mapping = _mapping(dcpl, index)
        for side in (mapping.virtual, mapping.source):
            parts += side.rows if isinstance(side, Irregular) else 0
        if parts > MOST_PARTS:
            raise RefusedError("a virtual dataset whose selections are of too many parts")
        found.append(mapping)
    return found


def _mapping(dcpl: Any, index: int) -> Mapping:
    file, path = (os.fsencode(name) for name in virtual_source(dcpl, index))
    space = dcpl.get_virtual_vspace(index)
    virtual, source = side_of(space), side_of(dcpl.get_virtual_srcspace(index))
    if virtual is None:
        virtual = whole(space.get_simple_extent_dims())
    endless = source.endless if source is not None else None
    pattern = virtual.endless is not None and endless is None
    if endless is not None and virtual.endless is None:
        raise DamagedError("a virtual dataset with a mapping of no end onto one that has an end")
    if not pattern:
        file, path = (name.replace(b"%%", b"%") for name in (file, path))
    return Mapping(file, path, virtual, source, pattern)


def _numbered(name: bytes, number: int) -> bytes:
    """A name with the number of a block in place of `%b`; `%%` is a `%`."""
    return b"%".join(part.replace(b"%b", b"%d" % number) for part in name.split(b"%%"))


class Overlaps:
    """Finds the mappings that a part of the dataset has elements of."""

    def __init__(self, mappings: Sequence[Mapping]) -> None:
        self._mappings = mappings
        bounds = [mapping.virtual.bounds for mapping in mappings]
        self._bounds = np.minimum(np.array(bounds, dtype=object), ENDLESS).astype(np.int64)

    def of(self, low: Sequence[int], high: Sequence[int]) -> list[Mapping]:
        """Those whose bounds overlap these, in their order."""
        if not self._mappings:
            return []
        if not len(low):
            return list(self._mappings)
        inside = (self._bounds[:, :, 0] < np.array(high)) & (self._bounds[:, :, 1] > np.array(low))
        return [self._mappings[index] for index in np.flatnonzero(inside.all(axis=1)).tolist()]
