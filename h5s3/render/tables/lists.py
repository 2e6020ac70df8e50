"""Versions, files, row groups and partitions of a table, a line or more for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from h5s3.records import UNSET, ColumnChunk, Partition, RowGroup, TableFile, TableVersion
from h5s3.render.columns import Cell, Line, Row, align, align_with_tails, natural_width
from h5s3.render.tables.words import (
    changes_text,
    count_text,
    partition_name,
    partition_text,
    range_text,
    rows_text,
    time_text,
)
from h5s3.render.text import safe
from h5s3.sizes import size_text

LONGEST_PATH = 1000
TIME, BYTES, BY = 0, 4, 5  # columns of a history
LEAST_BY = 8  # characters of who made a version
MOST_NAMED = 3  # files with deletes, of one data file


def _titled(rows: list[Row], titles: Sequence[str], head: str) -> list[Row]:
    """Rows below a line that says what the columns are; columns that are empty have no title."""
    used = [any(len(cells) > at and cells[at][0] for _, cells in rows) for at in range(len(titles))]
    named: list[Cell] = [(title if there else "", "faint") for title, there in zip(titles, used, strict=True)]
    return [([(head, "faint")], named), *rows]


def _figures_first(rows: Sequence[Sequence[Cell]], titles: Sequence[str]) -> list[Line]:
    """Lines of cells, figures aligned at the right, the last cell behind them whole: below what they are."""
    table = [[(title, "faint") for title in titles], *rows]
    wide = [max(cell_len(row[at][0]) for row in table) for at in range(len(titles) - 1)]
    used = [any(row[at][0] for row in rows) for at in range(len(wide))]
    return [
        [
            *(
                (" " * (wide[at] - cell_len(text) + 2) + text, style)
                for at, (text, style) in enumerate(row[:-1])
                if used[at]
            ),
            ("  " + row[-1][0], row[-1][1]),
        ]
        for row in table
    ]


# ---------------------------------------------------------------------------------------------- versions


def history_lines(versions: Sequence[TableVersion], cut: bool, width: int) -> list[Line]:
    """Versions, the newest first: when, what was done, what came and went, and who did it.

    Where the screen is narrow, bytes give way, then fractions of seconds, and who did it is cut."""
    rows = _history_rows(versions)
    for column, less in ((BYTES, ""), (TIME, None)):
        if natural_width(rows) > width:
            rows = [(head, _replaced(cells, column, less)) for head, cells in rows]
    room = width - natural_width([(head, _replaced(cells, BY, "")) for head, cells in rows]) - 2
    rows = [
        (head, _replaced(cells, BY, cells[BY][0], room) if room >= LEAST_BY else _replaced(cells, BY, ""))
        for head, cells in rows
    ]
    right = (False, False, True, True, True, False)
    lines = align(rows, width, right, spare=(5, 4, 3, 2, 1, 0))
    if cut:
        lines.append([("  … older ones are not shown (--limit 0 shows all)", "faint")])
    return lines


def _history_rows(versions: Sequence[TableVersion]) -> list[Row]:
    rows: list[Row] = [
        (
            [(("* " if one.current else "  ") + safe(one.version, 80), "key" if one.current else "")],
            [
                (time_text(one.time), "faint"),
                (safe(one.operation, 60), "dtype"),
                (changes_text(one.rows_added, one.rows_removed), ""),
                (changes_text(one.files_added, one.files_removed), ""),
                (f"+{size_text(one.bytes_added)}" if one.bytes_added not in (0, UNSET) else "", "size"),
                ("" if one.by is UNSET else safe(one.by, 80), "faint"),
            ],
        )
        for one in versions
    ]
    return _titled(rows, ("time", "operation", "rows", "files", "bytes", "by"), "  version")


def _replaced(cells: list[Cell], column: int, text: str | None, most: int = 80) -> list[Cell]:
    """The cells of a row with another text in a column. None: a time without fractions of seconds."""
    old, style = cells[column]
    new = re.sub(r"\.\d+", "", old) if text is None else safe(text, most)
    return [*cells[:column], (new, style), *cells[column + 1 :]]


# ---------------------------------------------------------------------------------------------- files


def file_lines(files: Sequence[TableFile], count: int) -> list[Line]:
    """Files with rows and sizes, and below each what its values are and what hides rows of it."""
    rows = [[*_file(one), (_named(one), "dataset")] for one in files]
    titles, *aligned = _figures_first(rows, ("rows", "deleted", "size", "file"))
    lines = [titles]
    for one, line in zip(files, aligned, strict=True):
        lines += [line, *_about(one)]
    if count > len(files):
        lines.append([(f"  … {count - len(files):,} more (--limit 0 shows all)", "faint")])
    return lines


def _named(one: TableFile) -> str:
    nameless = "(an empty path)" if one.elsewhere is True else "(the file itself)"
    return safe(one.path or nameless, LONGEST_PATH)


def _file(one: TableFile) -> list[Cell]:
    deleted = "" if one.rows_deleted is UNSET else f"-{one.rows_deleted:,}"
    return [(count_text(one.rows), ""), (deleted, "bad"), (size_text(one.size), "size")]


def _about(one: TableFile) -> Iterator[Line]:
    words = []
    if one.elsewhere is True:
        words.append("outside the table: it is not read")
    if one.format != "parquet":
        words.append(safe(one.format, 40))
    if one.partition is not UNSET and not _in_path(one):
        words.append(partition_text(one.partition))
    for noun, found in (("deletes", one.deletes), ("log", one.logs)):
        if found is not UNSET:
            named = ", ".join(safe(name, 200) for name in found[:MOST_NAMED])
            more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
            words.append(f"{noun}: {named}{more}")
    if words:
        yield [(f"      {'; '.join(words)}", "target")]
    if one.statistics is not UNSET:
        told = ((name, range_text(known)) for name, known in one.statistics.items())
        ranges = "; ".join(f"{safe(name.removeprefix('/'), 80)} {text}" for name, text in told if text)
        if ranges:
            yield [(f"      {ranges}", "faint")]


def _in_path(one: TableFile) -> bool:
    """Whether the path of a file tells its partition."""
    found = {} if one.partition is UNSET else one.partition
    return all(f"{name}={value}/" in one.path for name, value in found.items())


def row_group_lines(groups: Sequence[RowGroup], width: int) -> list[Line]:
    """Row groups of a Parquet file, and below each its columns."""
    lines: list[Line] = []
    for number, group in enumerate(groups):
        sizes = f"{size_text(group.stored)} stored, {size_text(group.logical)} unpacked"
        lines.append([(f"row group {number}", "key"), (f"  {rows_text(group.rows)}, {sizes}", "faint")])
        rows = [_chunk(one) for one in group.columns]
        lines += align_with_tails(rows, width, (False, False, False, True), (2, 0, 1, 3), (2, 0))
    return lines or [[("no row groups", "faint")]]


def _chunk(one: ColumnChunk) -> tuple[Row, Cell]:
    compression = "" if one.compression.casefold() == "uncompressed" else safe(one.compression, 40)
    words = [] if one.statistics is UNSET else [range_text(one.statistics)]
    words += ["Bloom filter"] if one.bloom_filter is True else []
    cells: list[Cell] = [
        (safe(one.type, 32), "dtype"),
        (compression, "faint"),
        (safe(" ".join(one.encodings), 60), "faint"),
        (size_text(one.stored), "size"),
    ]
    row: Row = ([(f"  {safe(one.path.removeprefix('/'), LONGEST_PATH)}", "dataset")], cells)
    return row, ("; ".join(word for word in words if word), "faint")


# ---------------------------------------------------------------------------------------------- partitions


def partition_lines(
    partitions: Sequence[Partition], count: int, exact: bool = False, whole: int = 0
) -> list[Line]:
    """Partitions with rows, files and bytes. `count`: of all there are; `whole`: bytes of all, for shares."""
    rows = [
        [
            (count_text(one.rows), ""),
            (f"{one.files:,}", ""),
            (_bytes(one.bytes, exact), "size"),
            (f"{100 * one.bytes / whole:.1f} %" if whole and one.bytes is not None else "", "faint"),
            (partition_name(one), "group"),
        ]
        for one in partitions
    ]
    lines = _figures_first(rows, ("rows", "files", "size", "share", "partition"))
    if count > len(partitions):
        lines.append([(f"  … {count - len(partitions):,} more (--limit 0 shows all)", "faint")])
    return lines


def _bytes(count: int | None, exact: bool) -> str:
    return str(count) if exact and count is not None else size_text(count)
