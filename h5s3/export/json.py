"""One JSON document: the record of `get`, its `data` streamed. Pure ASCII: safe on any terminal."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import numpy as np

from h5s3.export.base import BATCH, Array, Job, Writer
from h5s3.formats.boxes import Box
from h5s3.formats.dtypes import enum_names
from h5s3.records import to_json


def encoded(value: Any) -> str:
    """JSON in ASCII; the one control character that JSON lets through is escaped too."""
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")


class JsonWriter(Writer):
    """In C order. The counts of NaN and infinities come after the data: they are known then."""

    def __init__(self, job: Job, stream: BinaryIO, path: str | None) -> None:
        self._stream = stream
        self._type = job.element
        self._shape = job.shape
        self._at = 0  # values written
        self._converter = job.array.converter(exact=True)
        self._plain = self._type.kind in "iufb" and (self._type.kind == "b" or enum_names(self._type) is None)
        self._stream.write(encoded(json.loads(to_json(job.head)))[:-1].encode() + b', "data": ')

    def write(self, box: Box, values: Array) -> None:
        """The values of a box, and the brackets around them."""
        flat = values.reshape(-1)
        width = self._shape[-1] if self._shape else 1
        low = 0
        while low < flat.size:
            high = min(flat.size, low + BATCH, low + width - self._at % width)
            self._put(flat[low:high])
            low = high

    def _put(self, part: Array) -> None:
        """Values of one row, or a part of it."""
        opened, closed = self._brackets(self._at), self._brackets(self._at + part.size)
        text = encoded(self._list(part))[1:-1]
        first = "" if self._at == 0 else ", "
        self._stream.write(f"{first}{'[' * opened}{text}{']' * closed}".encode())
        self._at += part.size

    def _list(self, part: Array) -> list[Any]:
        if not self._plain:
            return [self._converter.value(value, self._type) for value in part]
        items: list[Any] = part.tolist()
        if self._type.kind == "f" and not (finite := np.isfinite(part)).all():
            self._converter.nans += int(np.isnan(part).sum())
            self._converter.infs += int(np.isinf(part).sum())
            items = [item if fine else None for item, fine in zip(items, finite.tolist(), strict=True)]
        return items

    def _brackets(self, position: int) -> int:
        """How many dimensions begin (or have just ended) at a position."""
        size, found = 1, 0
        for length in reversed(self._shape):
            size *= length
            if position % size:
                break
            found += 1
        return found

    def finish(self) -> None:
        """The rest of the document."""
        if not self._at and 0 in self._shape:
            self._stream.write(encoded(np.empty(self._shape).tolist()).encode())
        counts = f', "nan_count": {self._converter.nans}, "inf_count": {self._converter.infs}'
        self._stream.write(counts.encode() + b"}\n")
