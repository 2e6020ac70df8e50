"""Selections by coordinates: `time=2023-06-01:2023-06-30,lat=~48.2`, parsed and looked up."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from h5s3.errors import NotFoundError, UsageError
from h5s3.formats.base import Array, Coordinate
from h5s3.formats.columns.sorted_values import Places, places_of
from h5s3.formats.dtypes import is_text
from h5s3.formats.selection import Axis, Selection, whole

MOST_NAMED = 12  # dimensions that an error names
DATE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)([T ](?P<hour>\d\d)(:(?P<minute>\d\d)"
    r"(:(?P<second>\d\d)(\.(?P<fraction>\d{1,6}))?)?)?)?)?)?Z?"
)
STEPS = {"day": timedelta(days=1), "hour": timedelta(hours=1), "minute": timedelta(minutes=1)}
Bounds = tuple[Any, Any]  # of one value, or of the period that a date names


@dataclass(frozen=True)
class Wanted:
    """What is wanted of one dimension, as it was written."""

    name: str
    text: str

    @property
    def nearest(self) -> bool:
        """Whether the nearest value will do."""
        return self.text.startswith("~")

    def wrong(self, why: str) -> UsageError:
        """That it cannot be understood."""
        return UsageError(f"--sel {self.name}={self.text}: {why}")


def parse_labels(text: str) -> list[Wanted]:
    """`NAME=VALUE,…`; a part without `=` belongs to the value before it. Raises `UsageError`."""
    found: list[Wanted] = []
    for part in text.split(","):
        name, sign, value = part.partition("=")
        if sign:
            found.append(Wanted(name.strip(), value.strip()))
        elif found:
            found[-1] = Wanted(found[-1].name, f"{found[-1].text},{part}")
        else:
            break
    if not found or not all(item.name and item.text.strip("~ ") for item in found):
        raise UsageError(f"--sel {text!r} is not of the form NAME=VALUE,…")
    names = [item.name for item in found]
    if len(set(names)) < len(names):
        raise UsageError(f"--sel {text!r} names a dimension twice")
    return found


def select_labels(text: str, array: Array, chosen: Selection) -> Selection:
    """A selection narrowed by coordinates.

    Raises `UsageError` for dimensions that are not there, have no coordinates, or are chosen from already,
    and `NotFoundError` where no coordinate is what is wanted.
    """
    _, coordinates = array.coordinates()
    everything = whole(array.facts.shape or ())
    found = list(chosen)
    for wanted in parse_labels(text):
        number = _dimension(wanted, coordinates)
        if found[number] != everything[number]:
            raise wanted.wrong("another option chooses from this dimension, too")
        found[number] = _axis(wanted, coordinates[number], everything[number].count)
    return tuple(found)


def _dimension(wanted: Wanted, coordinates: Sequence[Coordinate]) -> int:
    for names in ([item.name for item in coordinates], [item.label for item in coordinates]):
        if wanted.name in names:
            number = names.index(wanted.name)
            if coordinates[number].array is None:
                raise wanted.wrong("this dimension has no coordinates; choose indices with --slice")
            return number
    known = [item.name or item.label for item in coordinates if item.array is not None][:MOST_NAMED]
    hint = "there are " + ", ".join(known) if known else "no dimension has coordinates: use --slice"
    raise UsageError(f"--sel: no dimension {wanted.name} with coordinates", hint=hint)


def _axis(wanted: Wanted, coordinate: Coordinate, size: int) -> Axis:
    array = coordinate.array
    assert array is not None
    places = places_of(coordinate, size)
    if array.dtype is not None and is_text(array.dtype):
        return _of_indices(wanted, _texts(wanted, places), one=True)
    bounds = _range(wanted, places)
    if bounds is not None:
        low, high = bounds
        return _of_indices(wanted, _between(wanted, places, low, high), one=False)
    return _of_indices(wanted, _single(wanted, places), one=True)


def _of_indices(wanted: Wanted, indices: Sequence[int], *, one: bool) -> Axis:
    """Indices as a slice; `one` value that stands at one index alone takes its dimension away."""
    if len(indices) == 1 and one:
        return Axis(int(indices[0]), 1, 1, keep=False)
    step = int(indices[1]) - int(indices[0]) if len(indices) > 1 else 1
    last = int(indices[0]) + step * (len(indices) - 1)
    if int(indices[-1]) != last or list(indices) != list(range(int(indices[0]), last + 1, step)):
        raise wanted.wrong(f"the {len(indices)} places where that stands are not evenly spaced; use --slice")
    return Axis(int(indices[0]), step, len(indices))


def _texts(wanted: Wanted, places: Places) -> Sequence[int]:
    if wanted.nearest:
        raise wanted.wrong("these coordinates are text, of which none is nearest")
    found = places.equal_texts(wanted.text)
    if not found:
        near = difflib.get_close_matches(wanted.text, places.some_texts(), 3, 0)
        raise NotFoundError(f"no {wanted.name}={wanted.text}", hint="the nearest are " + ", ".join(near))
    return found


def _single(wanted: Wanted, places: Places) -> Sequence[int]:
    value, until = _value(wanted, places, wanted.text.removeprefix("~").strip())
    index = places.nearest(value)
    if index is None:
        raise NotFoundError(f"no {wanted.name}={wanted.text}", hint="there are no coordinates with values")
    if wanted.nearest:
        return [index]
    nearest = places.value(index)
    if abs(nearest - value) > places.tolerance(value):
        hint = f"{_around(places, value, value)}; for the nearest: --sel '{wanted.name}=~{wanted.text}'"
        if until > value and len(places.between(value, until)):  # a month or a day that holds some
            hint = f"for all within it: --sel '{wanted.name}={wanted.text}:{wanted.text}'"
        raise NotFoundError(f"no {wanted.name}={wanted.text}", hint=hint)
    return places.between(nearest, nearest)


def _between(wanted: Wanted, places: Places, low: Any, high: Any) -> Sequence[int]:
    lower = None if low is None else low - places.tolerance(low)
    upper = None if high is None else high + places.tolerance(high)
    found = places.between(lower, upper)
    if not len(found):
        hint = _around(places, low if low is not None else high, high if high is not None else low)
        raise NotFoundError(f"no {wanted.name} in {wanted.text}", hint=hint)
    return found


def _around(places: Places, low: Any, high: Any) -> str:
    near = places.around(low, high)
    return "the nearest are " + " and ".join(near) if len(near) > 1 else "the nearest is " + "".join(near)


def _range(wanted: Wanted, places: Places) -> Bounds | None:
    """Both ends of a range, None for an open one; or None for a single value."""
    text = wanted.text
    if places.calendar and DATE.fullmatch(text.removeprefix("~").strip()):
        return None
    cuts = [match.start() for match in re.finditer(":", text)]
    if not cuts:
        return None
    if wanted.nearest:
        raise wanted.wrong("~ goes with one value, not with a range")
    for cut in cuts if places.calendar else cuts[:1]:
        ends = text[:cut].strip(), text[cut + 1 :].strip()
        if places.calendar and not all(not end or DATE.fullmatch(end) for end in ends):
            continue
        first, last = (_value(wanted, places, end) if end else (None, None) for end in ends)
        if first[0] is not None and last[0] is not None and first[0] > last[0]:
            first, last = last, first
        return first[0], last[1]
    raise wanted.wrong("not a range of dates such as 2023-06-01:2023-06-30")


def _value(wanted: Wanted, places: Places, text: str) -> Bounds:
    """A number, twice; or the beginning and the end of the period that a date names, as numbers."""
    if places.calendar:
        return _date(wanted, places, text)
    try:
        number: float = int(text)
    except ValueError:
        try:
            number = float(text)
        except ValueError:
            raise wanted.wrong(f"{text!r} is not a number") from None
    if number != number or abs(number) == float("inf"):
        raise wanted.wrong(f"{text!r} is not a number")
    return number, number


def _date(wanted: Wanted, places: Places, text: str) -> Bounds:
    import cftime

    match = DATE.fullmatch(text)
    if match is None:
        raise wanted.wrong(f"{text!r} is not a date such as 2023-06-01 or 2023-06-01T12:00")
    parts = {name: int(value) for name, value in match.groupdict().items() if value and name != "fraction"}
    fraction = int((match["fraction"] or "").ljust(6, "0"))
    year, month = parts["year"], parts.get("month", 1)
    try:
        begin = cftime.datetime(
            year, month, parts.get("day", 1), parts.get("hour", 0), parts.get("minute", 0),
            parts.get("second", 0), fraction, calendar=places.calendar,
        )  # fmt: skip
        if "day" not in parts:
            later = (year, month + 1) if "month" in parts and month < 12 else (year + 1, 1)
            end = cftime.datetime(*later, 1, calendar=places.calendar)
        else:
            known = [name for name in STEPS if name in parts]
            end = begin if "second" in parts else begin + STEPS[known[-1]]
        until = end - timedelta(microseconds=1) if end > begin else end
        return places.number_of(begin), places.number_of(until)
    except (ValueError, OverflowError):
        raise wanted.wrong(f"the calendar {places.calendar} has no {text}") from None
