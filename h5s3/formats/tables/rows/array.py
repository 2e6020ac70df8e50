"""A column of numbers as an array of one dimension: its rows by their numbers, read by row groups."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from h5s3.errors import RefusedError
from h5s3.formats.base import Array, Coordinate, Facts
from h5s3.formats.columns.frames import gaps as gaps_in
from h5s3.formats.encoding.json_values import JsonValues
from h5s3.formats.grid import Cell, Grid
from h5s3.formats.selection import Selection
from h5s3.formats.tables.arrow import info_of
from h5s3.formats.tables.rows.scan import Scan
from h5s3.storage.base import Range

Values = np.ndarray[Any, Any]
LARGEST = 1 << 18  # rows of what is planned as one chunk
MOST_FILES = 5000  # whose footers are read to number rows


def is_numeric(kind: pa.DataType | None) -> bool:
    """Whether values of a type are plain numbers."""
    types = pa.types
    return kind is not None and (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


class ColumnArray(Array):
    """Rows that deletes hide have no numbers. `gaps`: values are masked where they are null; else nulls are
    refused."""

    def __init__(self, scan: Scan, path: str, gaps: bool, etag: str | None = None) -> None:
        self._scan, self.path, self.gaps, self.etag = scan, path, gaps, etag
        bound = scan.chosen[0]
        self._kind = bound.kind
        self._pieces = scan.pieces(MOST_FILES)
        counts = [scan.visible(piece) for piece in self._pieces]
        self._ends = list(accumulate(counts))
        dtype = np.dtype(self._kind.to_pandas_dtype())
        self.dtype = self.readable = dtype
        rows = self._ends[-1] if self._ends else 0
        self._chunk = max(1, min(LARGEST, max(counts, default=1)))
        self.facts = Facts(
            shape=(rows,), maxshape=(rows,), type=info_of(self._kind), dtype=str(self._kind), size=rows,
            itemsize=dtype.itemsize, layout="chunked", chunks=(self._chunk,), filters=[], external=[],
        )  # fmt: skip

    def converter(self, most: int = 0, *, exact: bool = False) -> JsonValues:
        """For numbers."""
        return JsonValues(most=most, exact=exact)

    def coordinates(self) -> tuple[str, list[Coordinate]]:
        """Rows, which have only their numbers."""
        return "", [Coordinate("row")]

    def grid(self) -> Grid:
        """Row groups, in steps: what is read of one takes all of its column chunk."""
        return Grid((self._chunk,), _Costs(self), False, self._chunk * self.facts.itemsize)

    def read(self, selection: Selection) -> Values:
        """The values of one selection."""
        return self.read_many([selection])[0]

    def read_many(self, selections: Sequence[Selection]) -> list[Values]:
        """Of several, their row groups fetched together."""
        made = [self._empty(axis.count) for (axis,) in selections]
        wanted: dict[int, list[tuple[int, np.ndarray[Any, Any]]]] = {}
        for number, (axis,) in enumerate(selections):
            rows = axis.start + axis.step * np.arange(axis.count)
            for at in self._touched(axis.start, axis.stop):
                wanted.setdefault(at, []).append((number, rows))
        order = sorted(wanted)
        first = {id(self._pieces[at]): at for at in order}
        for piece, before, values in self._scan.values([self._pieces[at] for at in order]):
            at = first[id(piece)]
            low = (self._ends[at - 1] if at else 0) + before
            found = self._numbers(values)
            for number, rows in wanted[at]:
                begin, end = np.searchsorted(rows, [low, low + len(found)])
                made[number][begin:end] = found[rows[begin:end] - low]
        return made

    def touched_bytes(self, start: int, stop: int) -> int:
        """Stored bytes of the column chunks that rows lie in."""
        return sum(self._stored[at] for at in self._touched(start, stop))

    @cached_property
    def _stored(self) -> list[int]:
        return [sum(stop - start for start, stop in piece.ranges) for piece in self._pieces]

    def _touched(self, start: int, stop: int) -> Iterator[int]:
        at = bisect_right(self._ends, start)
        while at < len(self._ends) and (self._ends[at - 1] if at else 0) < stop:
            yield at
            at += 1

    def _empty(self, count: int) -> Values:
        values: Values = np.empty(count, self.dtype)
        return np.ma.MaskedArray(values, np.zeros(count, dtype=bool)) if self.gaps else values

    def _numbers(self, values: pa.ChunkedArray) -> Values:
        if values.null_count and not self.gaps:
            hint = "csv, json and parquet hold them"
            raise RefusedError(f"some values of {self.path} are null, which arrays do not have", hint=hint)
        if not values.null_count:
            return self._plain(values)
        missing = values.is_null().to_numpy()
        if pa.types.is_float16(values.type):
            values = pc.cast(values, pa.float32())  # which nulls can be filled of
        zero = pa.scalar(0).cast(values.type)
        return gaps_in(self._plain(pc.fill_null(values, zero)), missing)

    def _plain(self, values: pa.ChunkedArray) -> Values:
        found: Values = values.to_numpy()
        return found.astype(self.dtype, copy=False) if self.dtype is not None else found


@dataclass(frozen=True)
class _Costs:
    """What it takes to read a chunk."""

    array: ColumnArray

    def get(self, cell: Cell, /) -> Range | None:
        """As if each stood at the start of an object of its own."""
        size = (self.array.facts.chunks or (1,))[0]
        return 0, self.array.touched_bytes(cell[0] * size, (cell[0] + 1) * size)
