"""How the data files of two tables, or of two versions of one, differ."""

from __future__ import annotations

from collections.abc import Sequence

from h5s3.records import (
    UNSET,
    DataFiles,
    Outline,
    OutlinedFile,
    OutlinedTable,
    TableDiff,
    TableSide,
    UnsetType,
)

MOST_NAMED = 1000  # files that are named, of each side

Identity = tuple[str, int | None]  # path and size: a file of another size is another file


def table_diff(a: Outline, b: Outline) -> TableDiff | UnsetType:
    """The difference; UNSET where one is no table, or a part of one."""
    if a.table is UNSET or b.table is UNSET:
        return UNSET
    one, other = a.table, b.table
    found = TableDiff(a=_side(one), b=_side(other), same=_totals(one) == _totals(other))
    if one.files is UNSET or other.files is UNSET:
        return found
    mine, theirs = ({(file.path, file.size): file for file in side} for side in (one.files, other.files))
    kept = mine.keys() & theirs.keys()
    pairs = [(mine[key].rows, theirs[key].rows) for key in kept]
    changes = [None if None in pair else (pair[1] or 0) - (pair[0] or 0) for pair in pairs]
    found.added = _files([file for key, file in theirs.items() if key not in kept])
    found.removed = _files([file for key, file in mine.items() if key not in kept])
    found.num_kept = len(kept)
    found.rows_deleted = _sum([None if change is None else max(0, -change) for change in changes])
    found.rows_restored = _sum([None if change is None else max(0, change) for change in changes])
    touched = any(pair[0] != pair[1] for pair in pairs)
    found.same = not (found.added.count or found.removed.count or touched)
    return found


def _side(one: OutlinedTable) -> TableSide:
    return TableSide(
        version=one.version, time=one.time, rows=one.rows, num_files=one.num_files, bytes=one.bytes
    )


def _totals(one: OutlinedTable) -> tuple[int | None, ...]:
    """What is compared where files are not told one by one."""
    return one.rows, one.num_files, one.bytes


def _files(files: Sequence[OutlinedFile]) -> DataFiles:
    return DataFiles(
        count=len(files),
        rows=_sum([file.rows for file in files]),
        bytes=_sum([file.size for file in files]),
        files=sorted(file.path for file in files)[:MOST_NAMED],
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    """The sum; None where one of them is not known."""
    return None if None in counts else sum(count or 0 for count in counts)
