"""Overviews of a large array: of each stretch of values the lowest, the highest and the mean, level by level.

They stand in `overview/NAME/LEVEL/{min,max,mean}`, described by the attribute `multiscales` of
`overview/NAME` (https://github.com/zarr-conventions/multiscales). What is missing (NaN, `_FillValue`) does
not count; where all of a stretch is missing, so is what stands for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from h5s3.export.zarr.documents import Layout, array_document, group_document
from h5s3.export.zarr.encode import Encoder
from h5s3.export.zarr.layout.kinds import Kind
from h5s3.export.zarr.layout.wishes import blosc_codecs
from h5s3.export.zarr.objects import Cell, Chunk, grid_of
from h5s3.export.zarr.overviews.stretches import Stretches, empty, smaller, stretches
from h5s3.formats.grid import run_shape
from h5s3.records import Json, PlannedOverview
from h5s3.sizes import MIB

SCREEN = 1024  # points that a screen has room for
LINE, IMAGE = 8, 2  # how much smaller each level is: along a line, along each side of an image
PIECE = MIB // 2  # bytes of a chunk
ALIGNED = 64  # bytes: where arrays begin in a file
NAMES = {"min": "min", "max": "max", "mean": "average"}  # arrays of a level, and the convention's words
KEPT = ("units", "scale_factor", "add_offset", "_FillValue", "missing_value", "long_name", "standard_name")
UUID = "d35379db-88df-4056-af3a-620245f8e347"
TAG = "https://raw.githubusercontent.com/zarr-conventions/multiscales/refs/tags/v1"
Values = np.ndarray[Any, Any]


def factors_of(shape: Sequence[int], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """How much smaller each level of an array is along each dimension; empty for one without overviews."""
    if dtype.kind not in "iuf" or not shape or not prod(shape):
        return ()
    if len(shape) > 1 and min(shape[-2:]) > SCREEN:
        return (1,) * (len(shape) - 2) + (IMAGE, IMAGE)
    return (1,) * (len(shape) - 1) + (LINE,) if shape[-1] > LINE * SCREEN else ()


def shapes_of(shape: Sequence[int], factors: Sequence[int]) -> list[tuple[int, ...]]:
    """The shapes of all levels, down to a screenful."""
    found: list[tuple[int, ...]] = []
    here = tuple(shape)
    while any(n > SCREEN and f > 1 for n, f in zip(here, factors, strict=True)):
        here = tuple(-(-n // f) for n, f in zip(here, factors, strict=True))
        found.append(here)
    return found


# ------------------------------------------------------------------------------------------------- levels


class Levels:
    """All levels of an array, in a file while they are made. `file`: a descriptor of it, closed here."""

    def __init__(self, one: PlannedOverview, shape: Sequence[int], file: int) -> None:
        self._planned, self._factors = one, one.factors
        self._dtype = np.dtype(one.dtype).newbyteorder("=")
        self._missing = missing_of(one)
        self._at = 0  # bytes of the file that are taken
        each = prod(one.factors)  # values of a stretch
        with os.fdopen(file, "r+b") as self._file:
            self.levels = [
                empty(size, self._dtype, self._new, each**level)
                for level, size in enumerate(shapes_of(shape, one.factors), 1)
            ]

    def _new(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Values:
        if hasattr(os, "posix_fallocate"):  # a full disk is an error now, and no crash later
            os.posix_fallocate(self._file.fileno(), self._at, prod(shape) * dtype.itemsize)
        made = np.memmap(self._file, dtype=dtype, mode="r+", offset=self._at, shape=shape)
        self._at += -(-made.nbytes // ALIGNED) * ALIGNED
        return made

    def take(self, starts: Sequence[int], values: Values) -> None:
        """Values that begin at these indices of the array; dimensions that are not named are whole."""
        starts = [*starts, *[0] * (values.ndim - len(starts))]
        native = values.astype(values.dtype.newbyteorder("="), copy=False)
        each = zip(starts, values.shape, self._factors, strict=True)
        place = tuple(slice(low // factor, -(-(low + size) // factor)) for low, size, factor in each)
        self.levels[0].put(place, stretches(native, starts, self._factors, self._missing))

    def finish(self) -> None:
        """The levels behind the first."""
        for below, above in zip(self.levels, self.levels[1:], strict=False):
            for place in _pieces(below.low.shape, self._dtype.itemsize * 16, self._factors):
                starts = [part.start for part in place]
                part = smaller(below.part(place), starts, self._factors)
                each = zip(place, self._factors, strict=True)
                above.put(tuple(slice(p.start // f, -(-p.stop // f)) for p, f in each), part)

    def chunks(self, path: str) -> Iterator[Callable[[], Chunk]]:
        """What makes the chunks of all levels, of the overviews of an array at a path."""
        for number, level in enumerate(self.levels, 1):
            for name in NAMES:
                yield from _chunks_of_level(level, self._planned, f"overview/{path}/{number}/{name}", name)


def _pieces(shape: tuple[int, ...], itemsize: int, factors: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Parts of a level that fit the memory, none of which cuts a stretch."""
    run = run_shape(shape, itemsize, 32 * MIB)
    run = tuple(-(-size // factor) * factor for size, factor in zip(run, factors, strict=True))
    for at in product(*(range(0, length, size) for length, size in zip(shape, run, strict=True))):
        each = zip(at, run, shape, strict=True)
        yield tuple(slice(low, min(low + size, length)) for low, size, length in each)


# ---------------------------------------------------------------------------------------------- documents


@dataclass(frozen=True)
class Told:
    """What the documents of overviews say of an array. `missing`: a value that does not count."""

    kind: Kind
    attributes: Mapping[str, Json]
    dimensions: Sequence[str]
    missing: Any


def documents(
    path: str,
    factors: Sequence[int],
    shapes: Sequence[tuple[int, ...]],
    told: Told,
    version: int,
    ome: bool = False,
) -> dict[str, dict[str, Json]]:
    """The documents below `overview` of an array at a path, by path. `ome`: as OME-Zarr has them, levels have
    the type and the dimensions of the array."""
    top = f"overview/{path}"
    nodes: dict[str, dict[str, Json]] = {}
    for depth in range(1, top.count("/") + 1):
        nodes["/".join(top.split("/")[:depth])] = group_document({}, version)
    layout: list[Json] = []
    for number, shape in enumerate(shapes, 1):
        nodes[f"{top}/{number}"] = group_document({}, version)
        for name, method in NAMES.items():
            nodes[f"{top}/{number}/{name}"] = _array(name, number, shape, factors, told, version, ome)
            transform = {"scale": [float(factor) for factor in factors]}
            entry = {"asset": f"{number}/{name}", "transform": transform, "resampling_method": method}
            layout.append(entry if number == 1 else {**entry, "derived_from": f"{number - 1}/{name}"})
    convention = {
        "uuid": UUID,
        "name": "multiscales",
        "schema_url": f"{TAG}/schema.json",
        "spec_url": "https://github.com/zarr-conventions/multiscales/blob/v1/README.md",
        "description": "Multiscale layout of zarr datasets",
    }
    attributes = {"zarr_conventions": [convention], "multiscales": {"layout": layout}, "h5s3.of": f"/{path}"}
    document = group_document({}, version)
    main = ".zattrs" if version == 2 else "zarr.json"
    document[main] = attributes if version == 2 else {**document[main], "attributes": attributes}
    nodes[top] = document
    return nodes


def _array(
    name: str,
    number: int,
    shape: tuple[int, ...],
    factors: Sequence[int],
    told: Told,
    version: int,
    ome: bool,
) -> dict[str, Json]:
    mean = name == "mean" and not ome
    dtype = mean_type(told.kind.dtype) if mean else told.kind.dtype
    hidden = ("_FillValue", "missing_value") if mean else ()
    attributes = {one: value for one, value in told.attributes.items() if one in KEPT and one not in hidden}
    kind, codecs = Kind(dtype), blosc_codecs(dtype.itemsize)
    fill: Json = kind.fill(_fill(dtype), version)
    if version == 2:
        fill = None if mean or told.missing is None else kind.fill(told.missing, 2)
    plain = {"name": "bytes"} if dtype.itemsize == 1 else {
        "name": "bytes", "configuration": {"endian": "big" if kind.big else "little"}
    }  # fmt: skip
    layout = Layout(
        shape,
        chunks_of(shape, dtype),
        kind.name(version),
        fill,
        codecs.v2 if version == 2 else [plain, *codecs.v3],
        nested=ome,
    )
    each = zip(told.dimensions, factors, strict=True)
    dimensions = [one if ome or factor == 1 else f"{one}_{number}" for one, factor in each]
    return array_document(layout, attributes, dimensions, version)


def missing_of(one: PlannedOverview) -> Any:
    """The value that does not count, in the type of the values; None where there is none."""
    return None if one.missing is None else np.asarray(one.missing).astype(np.dtype(one.dtype))[()]


def _chunks_of_level(
    found: Stretches, one: PlannedOverview, path: str, name: str
) -> Iterator[Callable[[], Chunk]]:
    """What makes the chunks of `min`, `max` or `mean` of a level."""
    dtype, missing = np.dtype(one.dtype), missing_of(one)
    dtype = mean_type(dtype) if name == "mean" and not one.ome else dtype
    shape = found.low.shape
    sizes = chunks_of(shape, dtype)
    encoder = Encoder(sizes, blosc_codecs(dtype.itemsize).v2, np.zeros((), dtype=dtype))

    def make(cell: Cell, place: tuple[slice, ...]) -> Chunk:
        values = found.part(place).of(name, missing)
        if dtype.kind in "iu" and values.dtype.kind == "f":
            values = np.where(np.isnan(values), 0 if missing is None else missing, np.rint(values))
        return Chunk(path, cell, encoder.encoded(values.astype(dtype)))

    for cell in product(*map(range, grid_of(shape, sizes))):
        each = zip(cell, sizes, shape, strict=True)
        place = tuple(slice(at * size, min((at + 1) * size, length)) for at, size, length in each)
        yield partial(make, cell, place)


def mean_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Of the means of values of a type."""
    return np.dtype("<f8") if dtype.itemsize > 4 or dtype.str[1:] in ("i4", "u4") else np.dtype("<f4")


def _fill(dtype: np.dtype[Any]) -> Any:
    return np.asarray(np.nan if dtype.kind == "f" else 0, dtype=dtype)[()]


def chunks_of(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...]:
    """The chunks of an array of a level."""
    return run_shape(shape, dtype.itemsize, PIECE)
