"""Rows of a table by their numbers, counted without those that deletes hide.

Where the metadata tells how many rows there are of each file, no other files than those asked for are read.
Else files are counted: by footers and by deletes of positions, all of them; those with logs, or of which
deletes hide rows by their values, have to be read for it, and are counted as far as rows are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from h5s3.formats.tables.place import Place
from h5s3.formats.tables.rows.columns import chosen, find
from h5s3.formats.tables.rows.scan import Scan
from h5s3.formats.tables.table import DataFile, Table
from h5s3.sizes import MIB

if TYPE_CHECKING:
    import pyarrow as pa

TOGETHER = 256  # files that are counted at once
MOST_FILES = 5000  # that are all counted by footers and positions
LITTLE = 16 * MIB  # of files that have to be read: so many bytes are counted at once

Counted = Sequence[tuple[int, int]]  # numbers of files, and how many rows there are of each


class NumberedRows:
    """Rows of all columns, or of the one at a path. `counted`: what the same version told before (`counted`).

    Raises `NotFoundError` for a column, `RefusedError` for what cannot be read right.
    """

    def __init__(
        self, table: Table, place: Place, path: str = "/", counted: Counted = (), most: int | None = None
    ) -> None:
        """`most`: bytes of columns that may be fetched each time."""
        self._table, self._place, self._most = table, place, most
        self._whole = path == "/"
        self._columns = chosen(table.columns, None) if self._whole else [find(table.columns, path)]
        self._files = self._scan(None).files()
        self._told = [file.visible for file in self._files]
        self._counts = list(self._told)
        for number, rows in counted:
            if number < len(self._counts) and self._told[number] is None:
                self._counts[number] = rows

    @property
    def names(self) -> list[str]:
        """Of all columns."""
        return [one.label for one in self._columns]

    @property
    def dtype(self) -> str:
        """The type of the values of the one column; `table` of all."""
        return "table" if self._whole else str(self._columns[0].kind)

    @property
    def version(self) -> str | None:
        """The version of the table."""
        return self._table.version

    @property
    def counted(self) -> list[tuple[int, int]]:
        """What was counted, for whoever asks next."""
        return [
            (number, rows)
            for number, (told, rows) in enumerate(zip(self._told, self._counts, strict=True))
            if told is None and rows is not None
        ]

    @property
    def known(self) -> int:
        """How many rows there are up to the first file that was not counted."""
        rows = 0
        for count in self._counts:
            if count is None:
                break
            rows += count
        return rows

    @property
    def complete(self) -> bool:
        """Whether those are all."""
        return None not in self._counts

    def reach(self, rows: int) -> None:
        """Have files counted until so many rows are known, and all where that takes little."""
        unknown = [number for number, count in enumerate(self._counts) if count is None]
        plain = [number for number in unknown if not self._is_read(self._files[number])]
        if len(plain) <= MOST_FILES:
            self._count_plain(plain)
            unknown = [number for number in unknown if self._counts[number] is None]
        little = sum(_size_of(self._files[number]) for number in unknown) <= LITTLE
        while unknown and (little or self.known < rows):
            if self._is_read(self._files[unknown[0]]):
                number = unknown.pop(0)
                scan = self._scan(None)
                scan.chosen = self._columns[:1]
                self._counts[number] = scan.counted(self._files[number])
            else:
                ready = [number for number in unknown if not self._is_read(self._files[number])][:TOGETHER]
                self._count_plain(ready)
                unknown = [number for number in unknown if number not in ready]

    def rows(self, start: int, stop: int, first: int = 0, last: int | None = None) -> Iterator[pa.Table]:
        """Rows, some at a time, of the columns from one number up to another. They are counted before
        (`reach`)."""
        number = 0
        for count in self._counts:
            if count is None or start < count:
                break
            start, stop, number = start - count, stop - count, number + 1
        scan = self._scan(max(0, stop - start))
        scan.chosen = self._columns[first:last]
        return scan.rows_from(number, start)

    def _scan(self, limit: int | None) -> Scan:
        return Scan(self._table, self._place, None, None, limit, self._most)

    def _is_read(self, file: DataFile) -> bool:
        """Whether only its rows tell how many are left."""
        return bool(file.logs or self._table.needed([file]))

    def _count_plain(self, numbers: Sequence[int]) -> None:
        for at in range(0, len(numbers), TOGETHER):
            part = numbers[at : at + TOGETHER]
            found = self._scan(None).counts([self._files[number] for number in part])
            for number, rows in zip(part, found, strict=True):
                self._counts[number] = rows


def _size_of(file: DataFile) -> int:
    return LITTLE + 1 if file.size is None else file.size * (1 + len(file.logs))
