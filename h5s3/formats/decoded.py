"""Stored values as they are meant, in the types that files can hold: numbers with gaps, and dates."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from h5s3.errors import RefusedError
from h5s3.formats.cf import Coding, known_units

Array = np.ndarray[Any, Any]
Form = Literal["text", "stamps", "numpy"]  # dates as ISO 8601 text or as timestamps; gaps as masks, or as NaN
TEXT = np.dtype("O", metadata={"vlen": str})  # as h5py has it
STAMPED = ("standard", "gregorian", "proleptic_gregorian")  # calendars that timestamps know
EXACT = 1 << 53  # integers up to this are doubles, too
BEYOND = "some of its times are beyond what dates here can hold"


@dataclass(frozen=True)
class Decoder:
    """From the stored values of one array to what they mean: a masked array, its mask what is missing."""

    coding: Coding
    dtype: np.dtype[Any]  # of what comes out
    form: Form

    def __call__(self, stored: Array) -> Array:
        """Raises `RefusedError` for times and integers that the type cannot hold."""
        native = self.coding.native(stored)
        absent = self.coding.absent(native)
        if self.coding.calendar:
            return self._dated(self.coding.unpacked(native), absent)
        meant = self.coding.unpacked(native)
        if self.form != "numpy":
            return np.ma.MaskedArray(meant, absent)
        if self.coding.missing and meant.dtype.kind in "iu":
            meant = _as_doubles(meant, absent)
        if absent.any():
            meant = np.where(absent, np.nan, meant)
        return meant.astype(self.dtype, copy=False)

    def _dated(self, numbers: Array, absent: Array) -> Array:
        there = ~absent & np.isfinite(numbers)
        found = np.zeros(numbers.shape, dtype="O" if self.dtype.kind == "O" else self.dtype)
        if self.dtype.kind == "O":
            found[...] = ""
            texts = self.coding.dates(numbers[there].tolist())
            if texts is None:
                raise RefusedError(BEYOND)
            found[there] = texts
        else:
            found[...] = np.datetime64("NaT")
            found[there] = _stamps(numbers[there], self.coding, self.dtype)
        return found if self.form == "numpy" else np.ma.MaskedArray(found, ~there)


def decoder(coding: Coding, dtype: np.dtype[Any], form: Form) -> Decoder | None:
    """How values of a type are decoded; None where they are meant as they are stored.

    Raises `RefusedError` for dates of a calendar that NumPy does not know, in the form "numpy".
    """
    if coding.record() is None:
        return None
    if coding.calendar:
        return Decoder(coding, _dated_type(coding, form), form)
    if coding.packed:
        return Decoder(coding, np.dtype("f8"), form)
    plain = np.dtype(dtype.str.replace("i", "u")) if coding.unsigned and dtype.kind == "i" else dtype
    with_gaps = form == "numpy" and bool(coding.missing) and plain.kind in "iu"
    return Decoder(coding, np.dtype("f8") if with_gaps else plain, form)


def _dated_type(coding: Coding, form: Form) -> np.dtype[Any]:
    if form == "text" or (form == "stamps" and coding.calendar not in STAMPED):
        return TEXT
    if coding.calendar not in STAMPED:
        raise RefusedError(
            f"NumPy has no dates of the calendar {coding.calendar}", hint="use --format csv, json or parquet"
        )
    return np.dtype("M8[us]" if form == "stamps" else "M8[ns]")


def _stamps(numbers: Array, coding: Coding, dtype: np.dtype[Any]) -> Array:
    import cftime

    units, many = known_units(coding.units)
    numbers, rest = np.divmod(numbers, many) if many > 1 else (numbers, np.zeros(1))
    if rest.any() and dtype != np.dtype("M8[ns]"):
        raise RefusedError("some of its times are of parts of a microsecond", hint="use --format npy")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = cftime.num2date(
                numbers, units, coding.calendar,
                only_use_cftime_datetimes=False, only_use_python_datetimes=True,
            )  # fmt: skip
        fine = np.asarray(found, dtype="M8[us]").reshape(numbers.shape)
    except (ValueError, OverflowError, TypeError, KeyError, AttributeError):
        raise RefusedError(BEYOND, hint="use --format csv or json") from None
    stamps = fine.astype(dtype)
    if (stamps.astype(fine.dtype) != fine).any():  # nanoseconds reach from 1677 to 2262
        raise RefusedError(BEYOND, hint="use --format csv, json or parquet")
    return stamps + rest.astype("m8[ns]") if rest.any() else stamps


def _as_doubles(meant: Array, absent: Array) -> Array:
    """Integers as floats, which have NaN for what is missing."""
    wide = meant[~absent]
    if meant.dtype.itemsize == 8 and wide.size and (wide.max() > EXACT or wide.min() < -EXACT):
        raise RefusedError(
            "some of its integers are too large for floats, which gaps need here",
            hint="use --format csv, json or parquet",
        )
    return meant.astype("f8")
