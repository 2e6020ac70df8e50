"""Statistics of files, as the log has them: looked at when they are asked for.

Source: Delta Transaction Log Protocol, "Per-file Statistics".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError
from h5s3.formats.encoding.documents import parsed
from h5s3.formats.tables.json_values import json_of
from h5s3.formats.tables.table import Column, is_struct
from h5s3.records import ColumnRange

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = re.compile(r'\{\s*"numRecords"\s*:\s*([0-9]{1,18})\s*[,}]')  # how nearly all writers begin
ROWS_OF_MANY = "^" + ROWS.pattern.replace("([", "(?P<rows>[")
PREFIX = 32  # characters of a text that a bound may be cut to: what Spark's writer does


@dataclass(frozen=True)
class Parsed:
    """Statistics of one file in the columns of a checkpoint."""

    column: pa.StructArray
    row: int
    rows: int | None


@dataclass(frozen=True)
class Leaf:
    """A column that has statistics: its path, and the names that lead to it in the files."""

    path: str
    names: tuple[str, ...]
    type: str


def parsed_rows(column: pa.StructArray) -> list[Parsed | None]:
    """The statistics of files that are columns, file by file."""
    import pyarrow as pa

    valid = column.is_valid().to_pylist()
    at = column.type.get_field_index("numRecords")
    counts = column.field(at).cast(pa.int64()).to_pylist() if at >= 0 else [None] * len(column)
    return [
        Parsed(column, row, count) if there else None
        for row, (there, count) in enumerate(zip(valid, counts, strict=True))
    ]


def leaves_of(columns: Sequence[Column], above: str = "", names: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """All columns and fields that have no fields of their own."""
    for column in columns:
        path, inside = f"{above}/{column.name}", (*names, column.physical or column.name)
        if is_struct(column):
            yield from leaves_of(column.children, path, inside)
        else:
            yield Leaf(path, inside, column.type)


def rows_of(stats: Any) -> int | None:
    """Rows in a file."""
    if stats is None:
        return None
    if isinstance(stats, Parsed):
        found: Any = stats.rows
    elif match := ROWS.match(stats):
        return int(match[1])
    else:
        found = _told(stats).get("numRecords")
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 1 << 63:
        return None
    return found


def many_rows_of(stats: pa.StringArray) -> list[int | None]:
    """Rows in many files."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.struct_field(pc.extract_regex(stats, ROWS_OF_MANY), "rows").cast(pa.int64())
    told = pc.is_valid(stats)
    if pc.sum(told).as_py() == len(found) - found.null_count:
        return found.to_pylist()  # type: ignore[no-any-return]
    return [
        rows_of(text) if rows is None else rows
        for rows, text in zip(found.to_pylist(), stats.to_pylist(), strict=True)
    ]


class Statistics(Mapping[str, ColumnRange]):
    """What is known of columns, by path. Looked at when it is asked for: there are many files."""

    __slots__ = ("_found", "_leaves", "_stats")

    def __init__(self, stats: Any, leaves: Sequence[Leaf]) -> None:
        self._stats, self._leaves = stats, leaves
        self._found: dict[str, ColumnRange] | None = None

    def _all(self) -> dict[str, ColumnRange]:
        if self._found is None:
            self._found = ranges_of(_told(self._stats), self._leaves)
        return self._found

    def __getitem__(self, path: str) -> ColumnRange:
        return self._all()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def _told(stats: Any) -> dict[str, Any]:
    if isinstance(stats, Parsed):
        found = stats.column[stats.row].as_py()
        return found if isinstance(found, dict) else {}
    try:
        return parsed(stats, "the statistics of a file")
    except DamagedError:
        return {}  # they are there to save work, and no more


def ranges_of(told: Mapping[str, Any], leaves: Sequence[Leaf]) -> dict[str, ColumnRange]:
    """Bounds and counts of nulls, of all columns that have some."""
    low, high, nulls = told.get("minValues"), told.get("maxValues"), told.get("nullCount")
    tight = told.get("tightBounds") is not False
    rows = told.get("numRecords")
    found = {}
    for leaf in leaves:
        least, most, count = _at(low, leaf.names), _at(high, leaf.names), _at(nulls, leaf.names)
        if not isinstance(count, int) or not (tight or count in (0, rows)):  # else it tells nothing
            count = None
        if least is None and most is None and count is None:
            continue
        exact = tight and not any(_rounded(one, leaf.type) for one in (least, most))
        found[leaf.path] = ColumnRange(min=json_of(least), max=json_of(most), nulls=count, exact=exact)
    return found


def _at(values: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        if not isinstance(values, Mapping):
            return None
        values = values.get(name)
    return None if isinstance(values, dict | list) else values


def _rounded(value: Any, kind: str) -> bool:
    """Whether a bound may not be the value itself: texts and times are cut short, numbers written in JSON as
    nobody's type is. (Floats of 32 bits stand there in digits that mean another number of 64.)"""
    if isinstance(value, str):
        return len(value) >= PREFIX or kind.startswith(("timestamp", "string collate"))
    return kind.startswith("float") or (isinstance(value, float) and kind.startswith("decimal"))
