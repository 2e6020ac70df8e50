"""Comma-separated values: scalars, columns, tables of two dimensions, and compounds.

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
        self._stream = stream
        self._names = job.element.names
        self._width = job.shape[1] if len(job.shape) == 2 else 1
        self._at = 0  # values of the row that are written
        if self._names is None:
            self._texts: list[Texts] = [texts_of(job.element, quoted)]
            return
        fields = [job.element.fields[name][0] for name in self._names]  # type: ignore[index]
        self._texts = [texts_of(field, quoted) for field in fields]
        names = [name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for name in self._names]
        self._put(",".join(map(quoted, names)) + "\n")

    def write(self, box: Box, values: Array) -> None:
        """A box of rows, or of a part of one row."""
        flat = values.reshape(-1)
        for low in range(0, flat.size, BATCH):
            part = flat[low : low + BATCH]
            if self._names is None:
                self._rows(self._texts[0](part))
            else:
                named = zip(self._names, self._texts, strict=True)
                columns = [texts(part[name]) for name, texts in named]
                self._put("".join(",".join(row) + "\n" for row in zip(*columns, strict=True)))

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
    "m": lambda values: [str(value.astype("i8")) for value in values],
}
