"""The coordinates of a dimension as a column of a table, read as far as they are needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from h5s3.formats.base import Array, Coordinate
from h5s3.formats.boxes import BoxReader
from h5s3.formats.decoded import Decoder, Form, decoder
from h5s3.formats.dtypes import is_text
from h5s3.formats.selection import Axis, Selection

Values = np.ndarray[Any, Any]
INDEX = np.dtype("i8")


@dataclass
class AxisColumn:
    """What one dimension is called and where its values come from: `array` None means its indices."""

    name: str
    dimension: int
    axis: Axis
    dtype: np.dtype[Any]
    units: str = ""
    array: Array | None = None
    decode: Decoder | None = None
    edges: bool = False  # the array holds the edges of bins: their middles are meant
    _kept: tuple[int, int, Values] | None = field(default=None, repr=False)  # what was read last

    def values(self, low: int, high: int) -> Values:
        """Those at the positions `low:high` of the selected indices. Memory is taken for these alone."""
        if self.array is None:
            return np.arange(low, high, dtype=INDEX) * self.axis.step + self.axis.start
        if self._kept is None or self._kept[:2] != (low, high):
            self._kept = None
            self._kept = low, high, self._read(self.array, low, high)
        return self._kept[2]

    def _read(self, array: Array, low: int, high: int) -> Values:
        part = replace(self.axis, start=self.axis.start + low * self.axis.step, count=high - low, keep=True)
        if not self.edges:
            return self._decoded(array, part)
        lower, upper = self._decoded(array, part), self._decoded(array, replace(part, start=part.start + 1))
        middle: Values = (lower.astype("f8") + upper.astype("f8")) / 2
        return middle

    def _decoded(self, array: Array, part: Axis) -> Values:
        reader = BoxReader(array, (part,), again=False)
        boxes = list(reader.boxes(ordered=True))
        found = [reader.values(box) for box in boxes]
        values = np.concatenate(found) if len(found) > 1 else found[0]
        return values if self.decode is None else self.decode(values)


def axis_columns(
    coordinates: Iterable[Coordinate], selection: Selection, form: Form, taken: Iterable[str] = ()
) -> list[AxisColumn]:
    """A column for each dimension that is kept, and for each other one whose coordinates are known.

    `taken`: names of other columns, which are not used again. Raises `RefusedError` for coordinates that are
    unsafe to read.
    """
    found, names = [], set(taken)
    for number, (coordinate, axis) in enumerate(zip(coordinates, selection, strict=True)):
        column = _column(coordinate, number, axis, form)
        if axis.keep or column.array is not None:
            column.name = _free(column.name, names)
            names.add(column.name)
            found.append(column)
    return found


def _column(coordinate: Coordinate, number: int, axis: Axis, form: Form) -> AxisColumn:
    name = coordinate.name or coordinate.label or f"dim_{number}"
    array = coordinate.array
    dtype = array.dtype if array is not None else None
    if array is None or dtype is None or not (dtype.kind in "iufb" or is_text(dtype)) or dtype.subdtype:
        return AxisColumn(name, number, axis, INDEX)
    array.refuse()
    coding = array.coding()
    decode = decoder(coding, dtype, form)
    if coordinate.edges:
        if dtype.kind == "b" or is_text(dtype) or coding.calendar:
            return AxisColumn(name, number, axis, INDEX)
        return AxisColumn(name, number, axis, np.dtype("f8"), coding.units, array, decode, edges=True)
    made = dtype if decode is None else decode.dtype
    return AxisColumn(name, number, axis, made, coding.units, array, decode)


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found
