"""Comma-separated values: scalars, columns, tables of two dimensions, and compounds.

Rows end with a line feed. Strings are quoted where they must be, and always where they are empty. Text that a
spreadsheet would take for a formula is written as it is: what is in the file must come out unchanged.
"""

from __future__ import annotations

from typing import BinaryIO

from h5s3.export.base import BATCH, Array, Job
from h5s3.export.exact_text import Texts, texts_of
from h5s3.formats.boxes import Box

SPECIAL = set(',"\r\n')


def quoted(text: str) -> str:
    """Text as one field (RFC 4180)."""
    if text and not SPECIAL.intersection(text) and text[0] != " " and text[-1] != " ":
        return text
    return '"' + text.replace('"', '""') + '"'


class CsvWriter:
    """In C order; a row may come in several boxes."""

    ordered = True
    raw = False

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
            parts.append(",") if self._at else parts.append("\n")
            low = high
        self._put("".join(parts))

    def _put(self, text: str) -> None:
        self._stream.write(text.encode())

    def finish(self) -> None:
        """Nothing is left to do."""

    def abandon(self) -> None:
        """Nothing is held."""
