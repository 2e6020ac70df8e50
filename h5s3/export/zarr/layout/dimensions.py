"""Names for the dimensions of arrays: those of dimension scales, or of netCDF's anonymous ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from h5s3.formats.hdf5.hierarchy import Thing
from h5s3.formats.names import text_of

Where = Callable[[int], bytes | None]


class Dimensions:
    """Names, each of one length within a group, as xarray demands.

    A dimension without a scale or a label is `phony_dim_N`, as in netCDF's libraries; two of one length share
    a name unless they are of one array.
    """

    def __init__(self, where: Where) -> None:
        self._where = where
        self._lengths: dict[tuple[bytes, str], int] = {}  # by group and name
        self._phony: dict[tuple[int, int], str] = {}
        self._next = count()

    def scale(self, thing: Thing) -> None:
        """Meet a dimension scale, whose name is taken before others are given."""
        shape = (thing.facts.shape or ()) if thing.facts else ()
        if thing.is_scale and len(shape) == 1:
            self._lengths[_group(thing.path), _last(thing.path)] = shape[0]

    def names(self, thing: Thing, inner: tuple[int, ...] = ()) -> list[str]:
        """The names of an array's dimensions. `inner`: those of an array type, which come last."""
        shape = ((thing.facts.shape or ()) if thing.facts else ()) + inner
        found: list[str] = []
        for axis, length in enumerate(shape):
            wanted = self._wanted(thing, axis, len(shape))
            fits = (
                self._lengths.setdefault((_group(thing.path), wanted), length) == length if wanted else False
            )
            found.append(wanted if fits else self._anonymous(length, found))
        return found

    def _wanted(self, thing: Thing, axis: int, ndim: int) -> str:
        if axis < len(thing.scales) and (address := thing.scales[axis]) is not None:
            path = self._where(address)
            return _last(path) if path is not None else thing.scale_names[axis]
        if thing.is_scale and ndim == 1:
            return _last(thing.path)
        return thing.labels[axis] if axis < len(thing.labels) else ""

    def _anonymous(self, length: int, taken: list[str]) -> str:
        for number in count():
            key = length, number
            if key not in self._phony:
                self._phony[key] = f"phony_dim_{next(self._next)}"
            if self._phony[key] not in taken:
                return self._phony[key]
        raise AssertionError


def _group(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _last(path: bytes) -> str:
    return text_of(path.rpartition(b"/")[2])
