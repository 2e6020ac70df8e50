"""How the files of two tables, or of two versions of one, differ, for people."""

from __future__ import annotations

from collections.abc import Iterator

from h5s3.records import UNSET, DataFiles, TableDiff
from h5s3.render.columns import Line
from h5s3.render.console import Symbols
from h5s3.render.tables.words import count_text
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

MOST_NAMED = 5  # files of each side
STYLES = {"+": "green", "-": "red", "~": "yellow"}


def table_diff_lines(found: TableDiff, symbols: Symbols) -> list[Line]:
    """Rows and files before and after, and which files came and went."""
    return list(_lines(found, symbols))


def _lines(found: TableDiff, symbols: Symbols) -> Iterator[Line]:
    arrow = f" {symbols.arrow} "
    yield [("~ data", STYLES["~"])]
    pairs = (
        ("rows", count_text(found.a.rows), count_text(found.b.rows)),
        ("files", f"{found.a.num_files:,}", f"{found.b.num_files:,}"),
        ("bytes", *_sizes(found.a.bytes, found.b.bytes)),
    )
    for name, old, new in pairs:
        if old != new:
            yield [("  ~ ", STYLES["~"]), (f"{name.ljust(5)}  ", ""), (f"{old}{arrow}{new}", "")]
    for sign, files in (("+", found.added), ("-", found.removed)):
        if files is not UNSET and files.count:
            yield from _files(sign, files)
    if found.num_kept is not UNSET:
        yield [(f"    {plural(found.num_kept, 'file')} in both{_touched(found)}", "faint")]


def _sizes(a: int | None, b: int | None) -> tuple[str, str]:
    """Two sizes, exactly where they would look alike."""
    old, new = size_text(a), size_text(b)
    if old == new and a is not None and b is not None and a != b:
        return f"{a:,} B", f"{b:,} B"
    return old, new


def _files(sign: str, files: DataFiles) -> Iterator[Line]:
    rows = "? rows" if files.rows is None else plural(files.rows, "row")
    words = f"{plural(files.count, 'file')}: {rows}, {size_text(files.bytes)}"
    yield [(f"  {sign} ", STYLES[sign]), (words, STYLES[sign])]
    for path in files.files[:MOST_NAMED]:
        yield [(f"      {safe(path, 1000)}", "faint")]
    if files.count > MOST_NAMED:
        yield [(f"      … {files.count - MOST_NAMED:,} more", "faint")]


def _touched(found: TableDiff) -> str:
    """Rows of files that both have, which deletes hide on one side alone."""
    words = [
        f"{plural(count, 'row')} {what}"
        for count, what in (
            (found.rows_deleted, "deleted in them"),
            (found.rows_restored, "restored in them"),
        )
        if isinstance(count, int) and count
    ]
    if found.rows_deleted is None:
        words.append("how many rows of them are deleted, only the data tells")
    return f"; {', '.join(words)}" if words else ""
