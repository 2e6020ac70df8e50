"""What `catalog` says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from h5s3.export.catalog.answers import cell_text
from h5s3.records import UNSET, CatalogBuild, CatalogCheck, Difference, Json
from h5s3.render.console import stdout
from h5s3.render.diagnostics import announce
from h5s3.render.text import plural, safe
from h5s3.sizes import size_text

if TYPE_CHECKING:
    from rich.console import Console

LONGEST_PATH = 1000
LONGEST_CELL = 2000
NAMED = 3  # files that have a difference
FLUSHED = 64 * 1024  # characters of CSV that are written together


def progress_text(done: int, known: int, complete: bool, seconds: float) -> str:
    """How many files are done, how fast, and how long it will take from here on."""
    rate = done / seconds if seconds > 0 else 0.0
    text = f"{done:,} of {'' if complete else 'at least '}{known:,} files · {rate:,.0f}/s"
    if rate and known > done:
        text += f" · {duration((known - done) / rate)} left"
    return text


def duration(seconds: float) -> str:
    """A time as people say it."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def build_lines(found: CatalogBuild) -> list[str]:
    """What a build did, and what the catalog has now."""
    done = [
        f"{count:,} {word}"
        for count, word in (
            (found.added, "new"),
            (found.changed, "read again"),
            (found.unchanged, "unchanged"),
            (found.vanished, "gone"),
        )
        if count
    ]
    failed = f", {found.failed:,} of them failed" if found.failed else ""
    lines = [
        f"{safe(found.output, LONGEST_PATH)}: {plural(found.files, 'file')} ({', '.join(done)}{failed}), "
        f"{size_text(found.size)} in {plural(found.parts, 'part')}, {duration(found.seconds)}"
    ]
    if found.other:
        lines.append(f"{plural(found.other, 'object')} of other kinds not looked into")
    return lines


def show_table(names: Sequence[str], rows: Iterable[Sequence[Json]], limit: int) -> None:
    """Rows in columns, for people on a terminal as wide as that; a line of tabs for each where it is none."""
    console = stdout()
    if not console.is_terminal:
        _show_lines(names, rows, limit)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    taken = list(islice(rows, limit + 1))
    for number, name in enumerate(names):
        numbers = all(row[number] is None or _is_number(row[number]) for row in taken)
        table.add_column(safe(name, LONGEST_CELL), justify="right" if numbers else "left", overflow="fold")
    for row in taken[:limit]:
        table.add_row(*(Text(safe(cell_text(value), LONGEST_CELL)) for value in row))
    console.print(table)
    _say_more(len(taken) > limit, limit)


def _show_lines(names: Sequence[str], rows: Iterable[Sequence[Json]], limit: int) -> None:
    write = stdout().file.write
    write("\t".join(safe(name, LONGEST_CELL) for name in names) + "\n")
    coming = iter(rows)
    for row in islice(coming, limit):
        write("\t".join(safe(cell_text(value)) for value in row) + "\n")
    _say_more(next(coming, None) is not None, limit)


def _say_more(more: bool, limit: int) -> None:
    if more:
        announce(f"only the first {plural(limit, 'row')}: --limit shows more, --csv and -o have all")


def show_csv(names: Sequence[str], rows: Iterable[Sequence[Json]], limit: int | None) -> None:
    """CSV as spreadsheets and programs read it: exact in a pipe, safe on a terminal."""
    console = stdout()
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    writer.writerow(names)
    for row in islice(rows, limit):
        writer.writerow([cell_text(value) for value in row])
        if line.tell() > FLUSHED:
            _flush(console, line)
    _flush(console, line)


def _flush(console: Console, line: io.StringIO) -> None:
    text = line.getvalue()
    if console.is_terminal:
        text = "".join(safe(one) + "\n" for one in text.split("\n")[:-1])
    console.file.write(text)
    console.file.flush()
    line.seek(0)
    line.truncate()


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_lines(found: CatalogCheck) -> list[str]:
    """How many files are alike, and each difference with the files that have it, the most frequent first."""
    whole = found.files - found.failed
    like = safe(found.like, LONGEST_PATH)
    if not whole:
        return []
    lines = [f"{found.alike:,} of {plural(whole, 'file')} alike, as {like}"]
    counts: dict[str, int] = {}
    files: dict[str, list[str]] = {}
    untold = 0
    for group in found.groups:
        untold += group.num_differences - len(group.differences)
        for one in group.differences:
            text = _difference(one)
            counts[text] = counts.get(text, 0) + group.num_files
            files.setdefault(text, []).extend(group.files[:NAMED])
    for text, count in sorted(counts.items(), key=lambda item: -item[1]):
        first, _, rest = text.partition(" ")
        lines.append(f"{count:,} {first if count > 1 else ONE[first]} {rest}")
        named = files[text][:NAMED]
        lines += [f"    {safe(name, LONGEST_PATH)}" for name in named]
        if count > len(named):
            lines.append(f"    and {count - len(named):,} more")
    if found.num_groups > len(found.groups):
        lines.append(f"and {found.num_groups - len(found.groups):,} more structures")
    if untold:
        lines.append(f"and {plural(untold, 'difference')} more")
    return lines


ONE = {"lack": "lacks", "add": "adds", "have": "has"}


def _difference(one: Difference) -> str:
    path = safe(one.path, LONGEST_PATH)
    what = path if one.attribute is UNSET else f"{path} @{safe(one.attribute, LONGEST_CELL)}"
    if one.change != "has":
        return f"{one.change.removesuffix('s')} {what}"
    values = [
        "none" if value in (None, UNSET) else safe(cell_text(value), LONGEST_CELL)
        for value in (one.value, one.expected)
    ]
    return f"have {one.field} {values[0]} instead of {values[1]} at {what}"
