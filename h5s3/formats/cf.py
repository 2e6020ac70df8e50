"""What stored numbers mean by the NetCDF and CF conventions: packed, missing, or times.

CF Conventions 1.11: 2.5.1 (missing data), 4.4 (time), 8.1 (packed data); `_Unsigned` is of the NetCDF users'
guide. Numbers are decoded in double precision.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from h5s3.records import UNSET, Json
from h5s3.records import Coding as CodingRecord

Array = np.ndarray[Any, Any]
SINCE = re.compile(r"\s*[a-zA-Zµ]+\s+since\s+\S", re.IGNORECASE)
NANOSECONDS = re.compile(r"\s*(ns|nsecs?|nanosec(ond)?s?)(?=\s+since\s)", re.IGNORECASE)
LONGEST_UNITS = 200  # characters that are taken for time units
NAMES = (
    "_FillValue",
    "missing_value",
    "scale_factor",
    "add_offset",
    "_Unsigned",
    "units",
    "calendar",
    "long_name",
    "standard_name",
)


@dataclass(frozen=True)
class Coding:
    """How to read the stored values of one dataset. The default: as they are."""

    missing: tuple[int | float, ...] = ()
    scale: float | None = None
    offset: float | None = None
    unsigned: bool = False
    units: str = ""
    calendar: str = ""  # of time units; empty for others
    title: str = ""
    raw: bool = False  # stored values are shown; those of `missing` are, too, and count for nothing

    @property
    def packed(self) -> bool:
        """Whether values are to be multiplied or shifted."""
        return self.scale is not None or self.offset is not None

    @property
    def changes_all(self) -> bool:
        """Whether all values mean something else than what is stored."""
        scaled = self.scale not in (None, 1.0) or self.offset not in (None, 0.0)
        return scaled or bool(self.calendar)

    def changes(self, stored: Array) -> bool:
        """Whether some of these values do."""
        native = self.native(stored)
        negative = self.unsigned and bool((stored < 0).any())
        return self.changes_all or negative or bool(self.absent(native).any())

    def native(self, values: Array) -> Array:
        """Stored values as unsigned integers where `_Unsigned` says that they are."""
        if self.unsigned and values.dtype.kind == "i":
            return values.view(values.dtype.str.replace("i", "u"))
        return values

    def absent(self, values: Array) -> Array:
        """Which of the values (as `native` gives them) mean "no value"."""
        found = np.zeros(values.shape, dtype=bool)
        for value in self.missing:
            found |= values == value
        return found

    def unpacked(self, values: Array) -> Array:
        """Values as they are meant: the very integers and floats where nothing is packed."""
        if not self.packed:
            return values
        with np.errstate(over="ignore", invalid="ignore"):
            wide = values.astype(np.float64)
            if self.scale is not None:
                wide = wide * self.scale
            return wide if self.offset is None else wide + self.offset

    def dates(self, numbers: Iterable[float | None]) -> list[str] | None:
        """Numbers in time units as ISO 8601 text; None where the units are not of time, or do not fit."""
        return dates(numbers, self.units, self.calendar) if self.calendar else None

    def record(self) -> CodingRecord | None:
        """What is said of it beside the values."""
        if self.raw or not (self.missing or self.packed or self.unsigned or self.calendar):
            return None
        return CodingRecord(
            missing=list(self.missing),
            scale_factor=UNSET if self.scale is None else self.scale,
            add_offset=UNSET if self.offset is None else self.offset,
            unsigned=self.unsigned or UNSET,
            calendar=self.calendar or UNSET,
        )


def coding_of(values: Mapping[str, Json], dtype: np.dtype[Any], *, raw: bool = False) -> Coding:
    """The coding of an array of a type, from its attributes (those of `NAMES`).

    `raw`: which values are missing, what it is called, and, where values are not packed, their units.
    """
    coding = Coding(
        units=text(values.get("units")),
        title=text(values.get("long_name")) or text(values.get("standard_name")),
    )
    if dtype.kind not in "iuf" or dtype.subdtype is not None:
        return replace(coding, raw=raw)
    unsigned = not raw and dtype.kind == "i" and text(values.get("_Unsigned")).lower() == "true"
    stored = np.dtype(dtype.str.replace("i", "u")) if unsigned else dtype
    signed = dtype if unsigned else stored
    missing = (*_numbers(values.get("_FillValue")), *_numbers(values.get("missing_value")))
    coding = replace(coding, missing=_as_stored(missing, signed, stored))
    scale, offset = _factor(values.get("scale_factor")), _factor(values.get("add_offset"))
    if raw:
        packed = (scale, offset) != (None, None)
        return replace(coding, raw=True, units="" if packed else coding.units)
    return replace(
        coding,
        scale=scale,
        offset=offset,
        unsigned=unsigned,
        calendar=_calendar(coding.units, text(values.get("calendar"))),
    )


def one(value: Json) -> Json:
    """The value itself, where an attribute holds a list of just one."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value


def text(value: Json) -> str:
    """A text attribute, or nothing."""
    found = one(value)
    return found.strip() if isinstance(found, str) else ""


def dates(numbers: Iterable[float | None], units: str, calendar: str) -> list[str] | None:
    """ISO 8601 texts of numbers in time units (`days since 1900-01-01`); empty for None.

    None where cftime does not take the units, or a number is beyond its calendar.
    """
    import cftime

    listed, (units, many) = list(numbers), known_units(units)
    there = np.array([number for number in listed if number is not None])
    there = there / many if many > 1 else there
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cftime's about years before 1
            found = cftime.num2date(there, units, calendar, only_use_cftime_datetimes=True)
        texts = iter([date.isoformat(timespec="auto") for date in found])
    except (ValueError, OverflowError, TypeError, KeyError, AttributeError):
        return None
    return ["" if number is None else next(texts) for number in listed]


def known_units(units: str) -> tuple[str, int]:
    """Units of time as cftime knows them, which has no nanoseconds, and how many of the given make one."""
    return (NANOSECONDS.sub("microseconds", units), 1000) if NANOSECONDS.match(units) else (units, 1)


def _calendar(units: str, calendar: str) -> str:
    """The calendar of time units; empty for units of something else, or that cannot be read."""
    if len(units) > LONGEST_UNITS or not SINCE.match(units):
        return ""
    named = calendar.lower() or "standard"
    return named if dates([0.0], units, named) else ""


def _factor(value: Json) -> float | None:
    found = one(value)
    usable = isinstance(found, int | float) and not isinstance(found, bool) and found != 0
    return float(found) if usable and np.isfinite(float(found)) else None


def _numbers(value: Json) -> list[int | float]:
    """The finite numbers of an attribute, if it is there."""
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, int | float) and not isinstance(item, bool)]


def _as_stored(
    found: Iterable[int | float], dtype: np.dtype[Any], shown: np.dtype[Any]
) -> tuple[int | float, ...]:
    """Numbers as a dataset of a type stores them; those that it cannot hold are left out."""
    if dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(shown).max
        whole = [int(item) for item in found if isfinite(item) and item == int(item) and low <= item <= high]
        wrap = 1 << 8 * dtype.itemsize
        return tuple(dict.fromkeys(item % wrap if shown.kind == "u" else item for item in whole))
    with np.errstate(over="ignore"):
        stored = np.array(list(found), dtype=object).astype(dtype)
    return tuple(dict.fromkeys(item.item() for item in stored[np.isfinite(stored)]))
