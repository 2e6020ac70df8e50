"""One JSON document: the record of `get`, its `data` streamed. Pure ASCII: safe on any terminal."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import numpy as np

from h5s3.export.base import BATCH, Array, Job, Writer
from h5s3.formats.base import ToJson
from h5s3.formats.boxes import Box
from h5s3.formats.columns.axes import AxisColumn
from h5s3.formats.dtypes import enum_names, is_text
from h5s3.formats.names import field_text
from h5s3.records import to_json


def encoded(value: Any) -> str:
    """JSON in ASCII; the one control character that JSON lets through is escaped too."""
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")


class Lists:
    """Values of one type as lists that JSON can hold; what is missing is null."""

    def __init__(self, dtype: np.dtype[Any], converter: ToJson) -> None:
        self.converter, self.missing = converter, 0
        self._type = dtype
        self._plain = dtype.kind in "iufb" and (dtype.kind == "b" or enum_names(dtype) is None)

    def of(self, part: Array) -> list[Any]:
        """The values of one dimension."""
        mask = np.ma.getmaskarray(part) if isinstance(part, np.ma.MaskedArray) else None
        values = np.ma.getdata(part)
        if self._type.names is not None and mask is not None:
            return self._records(part)
        items = self._numbers(values) if self._plain else [self._value(value) for value in values]
        if mask is not None and mask.any():
            self.missing += int(mask.sum())
            return [None if gone else item for item, gone in zip(items, mask.tolist(), strict=True)]
        return items

    def _value(self, value: Any) -> Any:
        return self.converter.value(value, self._type)

    def _records(self, part: Array) -> list[Any]:
        """Compounds of which single fields may be missing."""
        fields: Any = self._type.fields
        names = self._type.names or ()
        columns = [Lists(fields[name][0], self.converter).of(part[name]) for name in names]
        shown = [field_text(name) for name in names]
        return [dict(zip(shown, row, strict=True)) for row in zip(*columns, strict=True)]

    def _numbers(self, part: Array) -> list[Any]:
        items: list[Any] = part.tolist()
        if self._type.kind == "f" and not (finite := np.isfinite(part)).all():
            self.converter.nans += int(np.isnan(part).sum())
            self.converter.infs += int(np.isinf(part).sum())
            items = [item if fine else None for item, fine in zip(items, finite.tolist(), strict=True)]
        return items


class JsonWriter(Writer):
    """In C order. The counts of NaN and infinities come after the data: they are known then."""

    def __init__(self, job: Job, stream: BinaryIO, path: str | None) -> None:
        self._stream = stream
        self._type = job.element
        self._shape = job.shape
        self._at = 0  # values written
        self._job, self._lists = job, Lists(self._type, job.array.converter(exact=True))

    def begin(self) -> None:
        """The fields of the record, and the coordinates."""
        self._stream.write(encoded(json.loads(to_json(self._job.head)))[:-1].encode())
        for number, axis in enumerate(self._job.axes):
            self._stream.write(b', "coordinates": [' if number == 0 else b", ")
            self._coordinate(axis)
        self._stream.write(b'], "data": ' if self._job.axes else b', "data": ')

    def _coordinate(self, axis: AxisColumn) -> None:
        head: dict[str, Any] = {"name": axis.name, "dimension": axis.dimension}
        head |= {"units": axis.units} if axis.units and not is_text(axis.dtype) else {}
        self._stream.write(encoded(head)[:-1].encode() + b', "values": [')
        lists = Lists(axis.dtype, (axis.array or self._job.array).converter(exact=True))
        for low in range(0, axis.axis.count, BATCH):
            text = encoded(lists.of(axis.values(low, min(axis.axis.count, low + BATCH))))[1:-1]
            self._stream.write(f"{', ' if low else ''}{text}".encode())
        self._stream.write(b"]}")

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
        text = encoded(self._lists.of(part))[1:-1]
        first = "" if self._at == 0 else ", "
        self._stream.write(f"{first}{'[' * opened}{text}{']' * closed}".encode())
        self._at += part.size

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
        counts = f', "nan_count": {self._lists.converter.nans}, "inf_count": {self._lists.converter.infs}'
        if self._job.decode is not None:
            counts += f', "missing_count": {self._lists.missing}'
        self._stream.write(counts.encode() + b"}\n")
