"""One value of an array with all its digits, and what is lowest and highest near it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from h5s3.errors import RefusedError, UsageError
from h5s3.explore.preview.axes import Ruler, rulers
from h5s3.explore.preview.context import Values, count_of, pick
from h5s3.explore.preview.dispatch import MOST_IN_CELL, field_drawn
from h5s3.explore.preview.request import MAX_BYTES, ComplexPart
from h5s3.explore.preview.statistics import Reading
from h5s3.explore.session import Session
from h5s3.formats.base import Array, Contents, ToJson
from h5s3.formats.cf import Coding
from h5s3.formats.dtypes import FieldPath, digits_of, enum_names, in_field
from h5s3.formats.names import field_text
from h5s3.formats.requests import Request
from h5s3.formats.sampling import Sampler
from h5s3.formats.selection import Selection, indices_at, parse_selection, text_of_selection
from h5s3.records import UNSET, Extreme, Json, Point, PointAxis
from h5s3.sizes import MIB
from h5s3.storage.location import Location

NEAR_BYTES = 2 * MIB  # stored, that may be read of what is near a value
MOST_NEAR = 1_000_000  # elements


@dataclass(frozen=True)
class PointRequest(Request):
    """The value at the indices `at` (`5,440,37`; of a picture all channels: `440,37,:`), and the extremes of
    a box `near` it, where that is cheap."""

    at: str = "()"
    near: str | None = None
    max_bytes: int = MAX_BYTES
    raw: bool = False  # as stored, as in a preview
    column: str | None = None
    part: ComplexPart = "abs"


def point(session: Session, location: Location, asked: PointRequest) -> Point:
    """The value. Raises what `preview` raises, and `RefusedError` where reading it takes too much."""
    if session.settings.max_bytes is not None:
        asked = replace(asked, max_bytes=session.settings.max_bytes)
    return session.read(location, partial(_point, asked=asked), Point)


def _point(contents: Contents, asked: PointRequest) -> Point:
    array = contents.shown(asked.path)
    array.refuse()
    dtype = array.readable
    if dtype is None or array.facts.shape is None:
        raise UsageError(f"values of type {array.facts.dtype} cannot be read here")
    at = parse_selection(asked.at, array.facts.shape)
    near = parse_selection(asked.near, array.facts.shape) if asked.near else None
    converter = array.converter(MOST_IN_CELL)
    found = rulers(array.coordinates()[1], at, at)
    values, near = _read(array, at, near, asked, found, converter)
    field = field_drawn(dtype, asked.column, array.index)
    coding = array.coding(raw=asked.raw) if field is None else Coding()
    made = Point(path=array.path, at=text_of_selection(at), value=None, axes=_axes(at, found))
    made.digits = digits_of(in_field(dtype, field or ()), coding.packed)
    _tell_value(made, pick(values, near, at) if near else values, dtype, field, coding, converter)
    if near is not None:
        _tell_extremes(
            made,
            values,
            near,
            Reading(in_field(dtype, field or ()), coding, field, asked.part),
            converter,
        )
    return made


def _read(
    array: Array,
    at: Selection,
    near: Selection | None,
    asked: PointRequest,
    found: dict[int, Ruler],
    converter: ToJson,
) -> tuple[Values, Selection | None]:
    """Values near a point, or, where that is too much (None is the second then), of the point alone."""
    sampler, chosen = Sampler(array, asked.max_bytes), at
    plan = sampler.plan(at)
    if near is not None and count_of(near) <= MOST_NEAR:
        try:
            small = Sampler(array, min(asked.max_bytes, NEAR_BYTES))
            wide = small.plan(near)
            if wide.complete and small.fits(near):
                sampler, plan, chosen = small, wide, near
        except RefusedError:  # chunks are larger
            pass
    if not plan.complete:
        raise RefusedError("too much is to be read for one value")
    wanted = sampler.ranges(plan)
    for ruler in found.values():
        wanted += ruler.ranges()
    with array.fetched(wanted):
        values = sampler.take(plan).values
        for ruler in found.values():
            ruler.take(converter)
    return values, near if chosen is near else None


def _axes(at: Selection, found: dict[int, Ruler]) -> list[PointAxis]:
    """Where it is along each dimension, as far as that is known."""
    axes = []
    for number, ruler in found.items():
        cells = None if ruler.cells is None else ruler.at(replace(at[number], keep=True))
        if ruler.cells is not None and cells is not None and at[number].count == 1:
            units = ruler.coding.units if ruler.coding.units and not ruler.coding.calendar else UNSET
            value = ruler.cells[cells][0]
            axes.append(
                PointAxis(
                    dimension=number,
                    label=ruler.label or UNSET,
                    value=value,
                    units=units,
                    digits=ruler.digits,
                )
            )
    return axes


def _tell_value(
    made: Point,
    values: Values,
    dtype: np.dtype[Any],
    field: FieldPath | None,
    coding: Coding,
    converter: ToJson,
) -> None:
    """The value, or the word for why there is none; the stored one where it means another."""
    if field is not None:
        made.of = ".".join(map(field_text, field))
        values, dtype = in_field(values, field), in_field(dtype, field)
    if coding.units and not coding.calendar:
        made.units = coding.units
    item = np.ma.getdata(values)
    if dtype.base.names is None and np.ma.getmaskarray(values).any():
        made.word = "missing"
    elif dtype.kind not in "iuf" or dtype.subdtype is not None or item.ndim:
        cells = [converter.value(value, dtype) for value in item] if item.ndim else None
        made.value = converter.value(item[()], dtype) if cells is None else cells
    else:
        _tell_number(made, item.reshape(1), dtype, coding, converter)


def _tell_number(made: Point, item: Values, dtype: np.dtype[Any], coding: Coding, converter: ToJson) -> None:
    native = coding.native(item)
    meant = coding.unpacked(native)
    stored = converter.value(native[0], native.dtype if coding.unsigned else dtype)
    if bool(coding.absent(native)[0]):
        made.word, made.stored = "fill", stored
        return
    made.value = _cell(
        meant[0], dtype if meant is native and not coding.unsigned else meant.dtype, coding, converter
    )
    if coding.changes_all:
        made.stored = stored
    if made.value is None:
        made.word = str(float(meant[0]))


def _cell(value: Any, dtype: np.dtype[Any], coding: Coding, converter: ToJson) -> Json:
    """A number as JSON, of a time as a date."""
    exact = converter.value(value, dtype)
    date = coding.dates([float(value)]) if coding.calendar and exact is not None else None
    return date[0] if date else exact


def _tell_extremes(made: Point, values: Values, near: Selection, reading: Reading, converter: ToJson) -> None:
    """The lowest and the highest number of a box, where its elements are numbers that have an order."""
    if reading.dtype.kind not in "iuf" or reading.dtype.subdtype is not None or enum_names(reading.dtype):
        return
    numbers, absent = reading.numbers(values)
    known = ~absent & np.isfinite(numbers)
    made.near = text_of_selection(near)
    made.count, made.missing = int(values.size), int(values.size - known.sum())
    if not known.any():
        return
    places = np.flatnonzero(known)
    flat = numbers.reshape(-1)[places]
    for name, place in (("low", places[flat.argmin()]), ("high", places[flat.argmax()])):
        value = _cell(numbers.reshape(-1)[place], numbers.dtype, reading.coding, converter)
        at = ",".join(map(str, indices_at(near, int(place))))
        setattr(made, name, Extreme(value=value, at=at))
