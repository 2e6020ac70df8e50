"""The table of a preview: a corner of the data, with indices and coordinates beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from h5s3.records import UNSET, Table
from h5s3.render.columns import Cell, Line, align, width_of
from h5s3.render.text import plural, safe
from h5s3.render.value_text import cell_text, shorten_dates

_LONGEST_CELL = 40  # where there are several columns
_LONGEST_HEADING = 24

Row = tuple[Line, list[Cell]]


def table_lines(table: Table, width: int, null: str) -> list[Line]:
    """The lines of a table that fit a width, and what was left out."""
    columns = list(table.columns) if table.columns is not UNSET else []
    count = max(1, len(columns), *(len(row) for row in table.rows), 1)
    most = max(_LONGEST_CELL if count > 1 else 60, (min(width, 200) - 20) // count)
    labels, corner = _row_labels(table)
    rows: list[Row] = [
        (_head(label), _padded([(cell_text(value, most, null), "") for value in row], count))
        for label, row in zip(labels, table.rows, strict=False)
    ]
    headings = _headings(table, columns, corner)
    right = [count > 1 and not _is_text(table.rows, i) for i in range(count)]
    rows = [
        (_head(first), _padded([(text, "faint") for text in names], count)) for first, names in headings
    ] + rows
    wide = max((width_of(head) for head, _ in rows), default=0)
    fitting = _fitting(rows, width - wide, count)
    lines = align([(head, cells[:fitting]) for head, cells in rows], width, right[:fitting], least=wide)
    return lines + _left_out(table, count - fitting)


def _head(text: str) -> Line:
    return [(f"  {text}" if text else "", "faint")]


def _padded(cells: list[Cell], count: int) -> list[Cell]:
    return cells + [("", "")] * (count - len(cells))


def _row_labels(table: Table) -> tuple[list[str], str]:
    """What stands before the rows, indices and coordinates, and the name of the coordinates below them."""
    indices = [str(label) for label in table.row_labels] if table.row_labels is not UNSET else []
    values = _coordinates(table.row_coordinates, len(table.rows))
    corner = _corner(table)
    if not values:
        return indices or [""] * len(table.rows), corner
    wide = max(map(len, indices), default=0)
    indices = [index.rjust(wide) + "  " for index in indices] or [""] * len(values)
    right = max(map(len, values)) if not _is_text([[v] for v in _list(table.row_coordinates)], 0) else 0
    labels = [index + value.rjust(right) for index, value in zip(indices, values, strict=False)]
    return labels, corner.rjust(max(map(len, labels), default=0))


def _corner(table: Table) -> str:
    """The names of what stands before the rows and above the columns: `time \\ lat`."""
    rows = (
        safe(table.row_axis, _LONGEST_HEADING)
        if _coordinates(table.row_coordinates, 1) and table.row_axis
        else ""
    )
    columns = ""
    if _coordinates(table.column_coordinates, 1) and table.column_axis:
        columns = safe(table.column_axis, _LONGEST_HEADING)
    return f"{rows} \\ {columns}" if columns else rows


def _headings(table: Table, columns: Sequence[str], corner: str) -> list[tuple[str, list[str]]]:
    """The lines above the columns: their names or indices, and their coordinates."""
    values = _coordinates(table.column_coordinates, len(columns))
    names = [safe(name, _LONGEST_CELL) for name in columns]
    if values:
        return [("", names), (corner, values)]
    if corner and not names:
        return [(corner, [" "])]
    return [(corner, names)] if names else []


def _coordinates(values: Any, count: int) -> list[str]:
    """Coordinates as text; none where there are too few."""
    found = _list(values)
    if not count or len(found) < min(count, 1):
        return []
    if all(isinstance(value, str) for value in found):
        found, common = shorten_dates(found)
        if common:
            found = [f"{common} {time}" for time in found]
    return [cell_text(value, _LONGEST_HEADING) for value in found]


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else []


def _is_text(rows: Sequence[Sequence[Any]], column: int) -> bool:
    """Whether there is text in a column, which is read from the left."""
    return any(isinstance(row[column], str | list | dict) for row in rows if len(row) > column)


def _fitting(rows: Sequence[Row], room: int, count: int) -> int:
    """How many columns there is room for, one at least."""
    for index in range(count):
        room -= max((width_of([cells[index]]) for _, cells in rows), default=0) + 2
        if room < 0:
            return max(1, index)
    return count


def _left_out(table: Table, unseen: int) -> list[Line]:
    cut = [w for w, flag in (("rows", table.rows_truncated), ("columns", table.columns_truncated)) if flag]
    words = [f"more {' and '.join(cut)}"] if cut else []
    if unseen:
        words.append(f"{plural(unseen, 'column')} not shown: too wide")
    return [[(f"  … {'; '.join(words)}", "faint")]] if words else []
