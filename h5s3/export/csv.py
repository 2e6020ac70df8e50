"""Comma-separated values: scalars, columns, tables of two dimensions, and compounds, below a line of names.

Rows end with a line feed. Strings are quoted where they must be, and always where they are empty. Text that a
spreadsheet would take for a formula is written as it is: what is in the file must come out unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from h5py import h5t

from h5s3.export.base import BATCH, Array, Job, Writer, utf8_text
from h5s3.formats.boxes import Box
from h5s3.formats.dtypes import duration_text
from h5s3.formats.hdf5.objects.values import raw_name

Texts = Callable[[Array], list[str]]  # of a one-dimensional array
SPECIAL = set(',"\r\n')


def quoted(text: str) -> str:
    """Text as one field (RFC 4180)."""
    if text and not SPECIAL.intersection(text) and text[0] != " " and text[-1] != " ":
        return text
    return '"' + text.replace('"', '""') + '"'


class CsvWriter(Writer):
    """In C order; a row may come in several boxes."""

    def __init__(self, job: Job, stream: BinaryIO, path: str | None) -> None:
        self._stream, self._job = stream, job
        self._names = job.element.names
        self._width = job.shape[1] if len(job.shape) == 2 else 1
        self._at = 0  # values of the row that are written
        columns = self._width if self._names is None else len(self._names)
        self._gap = '""' if columns == 1 else ""  # readers pass over lines without anything
        if self._names is None:
            self._texts: list[Texts] = [texts_of(job.element, quoted)]
            return
        fields = [job.element.fields[name][0] for name in self._names]  # type: ignore[index]
        self._texts = [texts_of(field, quoted) for field in fields]

    def begin(self) -> None:
        """The names: of fields, of the dataset, or of the dataset with the index of the column."""
        job = self._job
        if self._names is not None:
            self._put(",".join(map(quoted, map(_name, self._names))) + "\n")
        elif len(job.shape) < 2:
            self._put(quoted(_name(job.label)) + "\n")
        elif self._width:
            self._number_columns(_name(job.label))

    def _number_columns(self, label: str) -> None:
        kept = [axis for axis in self._job.selection if axis.keep]
        start, step = (kept[1].start, kept[1].step) if len(kept) > 1 else (0, 1)
        for low in range(0, self._width, BATCH):
            high = min(self._width, low + BATCH)
            names = [quoted(f"{label}_{start + number * step}") for number in range(low, high)]
            self._put(",".join(names) + ("," if high < self._width else "\n"))

    def write(self, box: Box, values: Array) -> None:
        """A box of rows, or of a part of one row."""
        flat = values.reshape(-1)
        for low in range(0, flat.size, BATCH):
            part = flat[low : low + BATCH]
            if self._names is None:
                self._rows(self._with_gaps(self._texts[0], part))
            else:
                named = zip(self._names, self._texts, strict=True)
                columns = [self._with_gaps(texts, part[name]) for name, texts in named]
                self._put("".join(",".join(row) + "\n" for row in zip(*columns, strict=True)))

    def _with_gaps(self, texts: Texts, values: Array) -> list[str]:
        """Texts of values, where none is missing."""
        mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
        found = texts(np.ma.getdata(values))
        if mask is None or not mask.any():
            return found
        return [self._gap if gone else text for text, gone in zip(found, mask.tolist(), strict=True)]

    def _rows(self, texts: list[str]) -> None:
        parts, low = [], 0
        while low < len(texts):
            high = min(len(texts), low + self._width - self._at)
            parts.append(",".join(texts[low:high]))
            self._at = (self._at + high - low) % self._width
            parts.append("," if self._at else "\n")
            low = high
        self._put("".join(parts))

    def _put(self, text: str) -> None:
        self._stream.write(text.encode())


def texts_of(dtype: np.dtype[Any], quoted: Callable[[str], str]) -> Texts:
    """How values of a type are written: floats by their shortest digits that give the same value again.

    Enums go by their names; a value that has none by its number, as do all where a name could be mistaken
    for a number. Complex numbers are written as Python and NumPy read them: `1.5-2.0j`.
    """
    names = h5t.check_enum_dtype(dtype) if dtype.kind in "iu" else None
    if names and not any(_is_number(name) for name in names):
        named = {int(number): quoted(utf8_text(name)) for name, number in reversed(names.items())}
        return lambda values: [named.get(number, str(number)) for number in values.tolist()]
    found = _TEXTS.get(dtype.kind)
    if found is not None:
        return found
    return lambda values: [quoted(utf8_text(value)) for value in values.tolist()]


def _name(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_number(text: str | bytes) -> bool:
    return raw_name(text).decode("utf-8", "replace").strip().lstrip("+-").isdecimal()


def _floats(values: Array) -> list[str]:
    """Shortest digits in the type's own width: `0.1` of a float32 is no double."""
    if values.dtype.itemsize == 8:
        return [repr(value) for value in values.tolist()]
    return [str(value) for value in values]


def _complex(values: Array) -> list[str]:
    pairs = zip(_floats(values.real), _floats(values.imag), strict=True)
    return [f"{real}{imag if imag.startswith('-') else '+' + imag}j" for real, imag in pairs]


_TEXTS: dict[str, Texts] = {
    "i": lambda values: list(map(str, values.tolist())),
    "u": lambda values: list(map(str, values.tolist())),
    "b": lambda values: ["true" if value else "false" for value in values.tolist()],
    "f": _floats,
    "c": _complex,
    "M": lambda values: [str(value) for value in values],
    "m": lambda values: [duration_text(value) for value in values],
}
