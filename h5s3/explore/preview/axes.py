"""Coordinates of what is drawn and listed: from dimension scales, or from the axes of a NeXus group."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.base import Coordinate, ToJson
from h5s3.formats.cf import Coding
from h5s3.formats.dtypes import digits_of
from h5s3.formats.sampling import Plan, Sampler
from h5s3.formats.selection import Axis, Selection
from h5s3.records import UNSET, Json, Stats, Table
from h5s3.records import Axis as AxisRecord
from h5s3.sizes import MIB
from h5s3.storage.base import Range

LARGEST = MIB  # stored bytes of one axis that are read
MOST_CUT = 10_000  # indices of one that is not drawn


@dataclass
class Ruler:
    """One dimension's coordinates, on their way: planned, then taken."""

    label: str
    coding: Coding
    axis: Axis  # what of the dimension was planned for
    sampler: Sampler | None = None
    plan: Plan | None = None
    cells: list[Json] | None = None  # values as JSON, one for each index of `axis`
    numbers: list[float | None] | None = None
    edges: bool = False  # what is read are the edges of bins
    digits: str = ""  # as of a `Point`

    def ranges(self) -> list[Range]:
        """Bytes to fetch."""
        return self.sampler.ranges(self.plan) if self.sampler and self.plan else []

    def take(self, converter: ToJson) -> None:
        """Decode what was fetched. A damaged axis is no axis."""
        if self.sampler is None or self.plan is None:
            return
        try:
            values = self.sampler.take(self.plan).values
        except (DamagedError, RefusedError):
            return
        self.digits = digits_of(values.dtype, self.coding.packed)
        if values.dtype.kind in "iufb":
            native = self.coding.native(values)
            absent = self.coding.absent(native)
            meant = self.coding.unpacked(native)
            if self.edges:
                meant, absent = (meant[:-1] + meant[1:]) / 2, absent[:-1] | absent[1:]
            self.numbers = [
                None if gone or not np.isfinite(value) else float(value)
                for value, gone in zip(meant, absent, strict=True)
            ]
            exact = [converter.value(value, meant.dtype) for value in meant]
            self.cells = list(self.coding.dates(self.numbers) or exact)
        elif values.dtype.kind in "SO":
            self.cells = [converter.value(value, values.dtype) for value in values]

    def at(self, axis: Axis) -> slice | None:
        """Where the indices of `axis` stand in what was taken; None where they are not all there."""
        first, off = divmod(axis.start - self.axis.start, self.axis.step)
        every, odd = divmod(axis.step, self.axis.step)
        if axis.count == 1:
            every, odd = 1, 0
        last = first + (axis.count - 1) * every
        return None if off or odd or first < 0 or last >= self.axis.count else slice(first, last + 1, every)


def rulers(coordinates: list[Coordinate], selection: Selection, drawn: Selection) -> dict[int, Ruler]:
    """Plans for the coordinates of every dimension: of all indices where that is cheap, else as drawn."""
    found = {}
    for number, (coordinate, axis, part) in enumerate(zip(coordinates, selection, drawn, strict=True)):
        if coordinate.label or coordinate.array is not None:
            along = axis if part.keep or axis.count <= MOST_CUT else part
            found[number] = _ruler(coordinate, replace(along, keep=True), replace(part, keep=True))
    return found


def _ruler(coordinate: Coordinate, axis: Axis, drawn: Axis) -> Ruler:
    array = coordinate.array
    if array is None or array.dtype is None:
        return Ruler(coordinate.label, Coding(), axis)
    ruler = Ruler(coordinate.label, array.coding(), axis)
    if coordinate.edges:  # read whole, or not at all
        ruler.edges, axis = True, replace(axis, start=0, step=1, count=array.facts.size)
        drawn = axis
    try:
        ruler.sampler = Sampler(array, LARGEST)
        read = axis if ruler.sampler.fits((axis,)) else drawn
        plan = ruler.sampler.plan((read,))
        ruler.axis = replace(read, count=read.count - ruler.edges)
        ruler.plan = plan if plan.complete else None
    except (DamagedError, RefusedError):
        pass
    return ruler


def axis_record(dimension: int, axis: Axis, ruler: Ruler | None) -> AxisRecord:
    """An axis of a plot with its coordinates, as far as they are known."""
    record = AxisRecord(dimension=dimension, start=axis.start, step=axis.step, count=axis.count)
    if ruler is None:
        return record
    if ruler.label:
        record.label = ruler.label
    if ruler.coding.units:
        record.units = ruler.coding.units
    part = ruler.at(axis)
    if part is not None and ruler.numbers is not None:
        record.values = ruler.numbers[part]
    if part is not None and ruler.cells is not None and (ruler.numbers is None or ruler.coding.calendar):
        record.texts = [cell if isinstance(cell, str) else "" for cell in ruler.cells[part]]
    return record


def stands_at(plane: Selection, rulers: dict[int, Ruler]) -> dict[str, Json]:
    """Coordinates of a plane in the dimensions that it cuts."""
    return _coordinates({number: axis.start for number, axis in enumerate(plane) if not axis.keep}, rulers)


def _coordinates(index: dict[int, int], rulers: dict[int, Ruler]) -> dict[str, Json]:
    """Of an index along some dimensions, those that have a name and are known."""
    found = {}
    for number, ruler in rulers.items():
        if number in index and ruler.label and ruler.cells:
            part = ruler.at(Axis(index[number], 1, 1))
            if part is not None:
                found[ruler.label] = ruler.cells[part][0]
    return found


def add_extremes(stats: Stats, rulers: dict[int, Ruler]) -> None:
    """Where the lowest and the highest value are, in coordinates."""
    for index, name in ((stats.min_index, "min_coordinates"), (stats.max_index, "max_coordinates")):
        where = {} if index is UNSET else _coordinates(dict(enumerate(index)), rulers)
        if where:
            setattr(stats, name, where)


def add_coordinates(
    table: Table, kept: list[tuple[int, Axis]], rulers: dict[int, Ruler], compound: bool
) -> None:
    """The coordinates of the rows and columns of a table of one or two dimensions."""
    if len(kept) == 1 or (len(kept) == 2 and not compound):
        number, axis = kept[0]
        name, cells = _corner(rulers.get(number), axis, len(table.rows))
        if cells is not None:
            table.row_axis, table.row_coordinates = name, cells
    if len(kept) == 2 and not compound and isinstance(table.columns, list):
        number, axis = kept[1]
        name, cells = _corner(rulers.get(number), axis, len(table.columns))
        if cells is not None:
            table.column_axis, table.column_coordinates = name, cells


def _corner(ruler: Ruler | None, axis: Axis, count: int) -> tuple[str, list[Json] | None]:
    if ruler is None or ruler.cells is None:
        return "", None
    part = ruler.at(axis)
    return (ruler.label, None) if part is None else (ruler.label, ruler.cells[part][:count])
