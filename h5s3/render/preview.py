"""Previews for people: statistics, a table, a plot, a profile."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console

from h5s3.records import UNSET, Coding, Json, Preview, Sampling, Stats, Table, UnsetType, replaced
from h5s3.render.columns import Cell, Line, Row, align, print_lines, width_of
from h5s3.render.console import Symbols, output_symbols, stdout
from h5s3.render.tables.statistics import statistics_lines
from h5s3.render.text import plural, safe, shape, titled
from h5s3.render.value_text import (
    cell_text,
    followed_text,
    null_word,
    number_text,
    shorten_dates,
    standing_text,
)

if TYPE_CHECKING:
    from h5s3.render.plots.pictures import Pictures

PLAIN_WIDTH, PLAIN_HEIGHT = 80, 24  # of a plot in a pipe
LEAST_PLOT, LEAST_ROWS = 12, 2  # lines of a plot and rows of a table that a small screen has room for
_PARTS_SHOWN = 3
_EVERYDAY_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
_LONGEST_CELL = 40  # where there are several columns
_LONGEST_HEADING = 24


def load() -> None:
    """Have loaded what plots are drawn with, while there is time."""
    from h5s3.render.plots import axes, plot  # noqa: F401 - what it imports takes long

    axes.load()


def reduced(preview: Preview, only: str | None, plot: bool) -> Preview:
    """The document with the parts that were asked for; the others are null."""
    wanted = {"stats", "table", "plot", "profile"} if only is None else {only}
    if not plot:
        wanted.discard("plot")
    if "stats" not in wanted:
        preview = replaced(preview, columns=UNSET)
    return replaced(
        preview, **{part: None for part in ("stats", "table", "plot", "profile") if part not in wanted}
    )


def show_preview(preview: Preview, only: str | None, plot: bool, pictures: Pictures | None = None) -> None:
    """Print a preview; its plot in pixels where the terminal shows `pictures`."""
    console = stdout()
    shown = reduced(preview, only, plot)
    height = console.height if shown.plot is not None and console.is_terminal else None
    lines = preview_lines(shown, console.width, output_symbols(), _null(preview), height)
    print_lines(console, lines)
    if shown.plot is not None:
        _show_plot(console, shown, len(lines), pictures)
    if shown.profile is not None and only == "profile":
        print_lines(console, [[(f"{i}  {number_text(v)}", "")] for i, v in enumerate(shown.profile)])


def preview_lines(
    shown: Preview, width: int, symbols: Symbols, null: str | None = None, height: int | None = None
) -> list[Line]:
    """The lines of a preview but for its plot. `null`: what a null in the table stands for, where `shown` has
    no statistics that tell. `height`: of a screen on which a plot is to have room below."""
    lines: list[Line] = [_heading(shown, symbols), *_about(shown, symbols)]
    if shown.stats is not None:
        lines += _stats_lines(shown.stats, _text(shown.units), width)
    if shown.columns is not UNSET:
        lines += statistics_lines(shown.columns, width, shown.table is None and shown.plot is None)
    if shown.table is not None:
        if shown.table.selection is not UNSET and shown.plot is None:
            lines.append([(f"  table: [{safe(shown.table.selection)}]", "faint")])
        table = shown.table
        if height is not None:
            table = _shortened(table, height - 1 - LEAST_PLOT - len(lines))
        lines += table_lines(table, width, null or _null(shown), shown.path.rpartition("/")[2])
    return lines


def _shortened(table: Table, room: int) -> Table:
    """A table with no more lines than there is room for, if that is enough for some rows."""
    around = max(1, len(_headings(table, table.columns or [], _corner(table)))) + 1  # and that there are more
    most = max(LEAST_ROWS, room - around)
    if len(table.rows) <= most:
        return table
    cut: dict[str, Any] = {"rows": table.rows[:most], "rows_truncated": True}
    for name in ("row_labels", "row_coordinates", "null_words"):
        values = getattr(table, name)
        if values is not UNSET:
            cut[name] = values[:most]
    return replaced(table, **cut)


def _null(preview: Preview) -> str:
    """What a null in the table stands for."""
    stats, sample = preview.stats, preview.sample
    if preview.columns is not UNSET:  # the statistics are of one column alone
        return "null"
    unread = sample is not UNSET and sample.gaps is True
    return null_word(stats.nan_count, stats.inf_count, stats.missing_count, unread) if stats else "null"


def _show_plot(console: Console, preview: Preview, above: int, pictures: Pictures | None) -> None:
    """The plot, below so many lines: a screen of 24 lines shows all."""
    if preview.plot is None:
        return
    width, height = (console.width, console.height) if console.is_terminal else (PLAIN_WIDTH, PLAIN_HEIGHT)
    height = max(LEAST_PLOT, height - 1 - above) if console.is_terminal else height - 2
    height = max(10, min(height, width // 2))
    if pictures is not None and pictures.suit(preview.plot.type, width, height):
        from h5s3.render.plots.pictures import picture

        sys.stdout.write(picture(preview, preview.plot, width, height, pictures.protocol))
        return
    from h5s3.render.plots.plot import plotted
    from h5s3.render.plots.plot_layout import style_of

    color, unicode = style_of(console)
    sys.stdout.write(plotted(preview, preview.plot, width, height, color, unicode).text + "\n")


def _heading(preview: Preview, symbols: Symbols) -> Line:
    return [
        (safe(preview.location, 1000), "key"),
        (f"  {safe(preview.path)}", "group"),
        (f"  {_rows_or_shape(preview, symbols)}", "shape"),
        (f"  {safe(preview.dtype, 100)}", "dtype"),
        (f"  [{safe(preview.selection)}]" if preview.selection != "()" else "", "faint"),
    ]


def _rows_or_shape(preview: Preview, symbols: Symbols) -> str:
    """The shape; `? rows` of a table whose metadata does not tell."""
    return "? rows" if preview.shape is None and preview.ndim else shape(preview.shape, symbols.times)


def _about(preview: Preview, symbols: Symbols) -> list[Line]:
    """What the dataset calls itself, how its values came about, how much was read, and notes."""
    title = _text(preview.title)
    if preview.units is not UNSET and preview.stats is None:
        title = titled(title, _text(preview.units))
    group = f"the default plot of {safe(preview.group)}" if preview.group is not UNSET else ""
    texts = [
        group,
        _coding(preview.coding, symbols) if isinstance(preview.coding, Coding) else "",
        _sampling(preview.sample) if isinstance(preview.sample, Sampling) else "",
        *([] if preview.followed is UNSET else [f"in {followed_text(preview.followed)}"]),
        *(safe(note) for note in preview.notes if preview.plot is not None or note != preview.drawn),
    ]
    return [[(f"  {title}", "")]] * bool(title) + [[(f"  {text}", "faint")] for text in texts if text]


def _coding(coding: Coding, symbols: Symbols) -> str:
    """`decoded: stored × 0.01 + 273.15; missing -32768; calendar noleap`."""
    parts = []
    if coding.scale_factor is not UNSET or coding.add_offset is not UNSET:
        text = "stored"
        if coding.scale_factor is not UNSET:
            text += f"{symbols.times}{number_text(coding.scale_factor)}"
        if coding.add_offset is not UNSET:
            text += f" {'-' if coding.add_offset < 0 else '+'} {number_text(abs(coding.add_offset))}"
        parts.append(text)
    if coding.unsigned is True:
        parts.append("unsigned")
    if coding.missing:
        parts.append("missing " + ", ".join(cell_text(value, 40, "nan") for value in coding.missing))
    if coding.calendar is not UNSET and coding.calendar not in _EVERYDAY_CALENDARS:
        parts.append(f"calendar {safe(coding.calendar, 40)}")
    return "decoded: " + "; ".join(parts) if parts else ""


def _sampling(sample: Sampling) -> str:
    """`read: 12 of 3,402 chunks (0.35 %)`; nothing where it was all."""
    if sample.read >= sample.total:
        return ""
    share = 100 * sample.read / sample.total
    percent = f"{share:.2g}" if share < 99.5 else "over 99"
    text = f"read: {sample.read:,} of {plural(sample.total, sample.unit)} ({percent} %)"
    if sample.parts is not UNSET and sample.parts:
        more = len(sample.parts) - _PARTS_SHOWN
        parts = " ".join(f"[{safe(part, 60)}]" for part in sample.parts[:_PARTS_SHOWN])
        text += f": {parts}" + (f" and {more:,} more" if more > 0 else "")
    return text


def _stats_lines(stats: Stats, units: str, width: int) -> list[Line]:
    low = _text(stats.min_time) or number_text(stats.min)
    high = _text(stats.max_time) or number_text(stats.max)
    if low == high and stats.min != stats.max:  # equal in six digits
        low, high = repr(stats.min), repr(stats.max)
    figures = [
        f"min {low}{_place(stats.min_index, stats.min_coordinates)}",
        f"max {high}{_place(stats.max_index, stats.max_coordinates)}",
        f"mean {number_text(stats.mean)}",
        f"std {number_text(stats.std)}",
        *([units] if units else []),
    ]
    if stats.of is not UNSET:
        figures.insert(0, f"{safe(stats.of, 40)}:")
    share = f"{100 * stats.coverage:.3g} % of the dataset" if stats.coverage < 1 else "the whole dataset"
    gone = [
        plural(count, word, word)
        for count, word in (
            (stats.nan_count, "NaN"),
            (stats.inf_count, "infinite"),
            (stats.missing_count if stats.missing_count is not UNSET else 0, "missing"),
        )
        if count
    ]
    about = f"of {plural(stats.sample_size, 'value')}, {share}" + (f"; {', '.join(gone)}" if gone else "")
    line: Line = [("".join("  " + figure for figure in figures), ""), ("  " + about, "faint")]
    if sum(cell_len(text) for text, _ in line) <= width:
        return [line]
    words = [*((figure, "") for figure in figures)], [(part, "faint") for part in _pieces(about)]
    return [row for part, gap in zip(words, ("  ", " "), strict=True) for row in _wrapped(part, width, gap)]


def _place(index: list[int] | UnsetType, coordinates: dict[str, Json] | UnsetType) -> str:
    """` at [5,37] (time 2024-07-07, lat 40.5)`."""
    if index is UNSET:
        return ""
    where = "" if coordinates is UNSET else f" ({standing_text(coordinates)})"
    return f" at [{','.join(map(str, index))}]{where}"


def _pieces(text: str) -> list[str]:
    """A sentence in pieces that stay on one line."""
    return [part + "," for part in text.split(", ")[:-1]] + text.split(", ")[-1:]


def _wrapped(cells: Sequence[Cell], width: int, gap: str) -> list[Line]:
    """Cells in as many lines as it takes."""
    rows: list[str] = []
    for text, _ in cells:
        if rows and cell_len(rows[-1] + gap + text) <= width:
            rows[-1] += gap + text
        else:
            rows.append("  " + text)
    return [[(row, cells[0][1])] for row in rows]


def _text(text: object) -> str:
    return safe(text) if isinstance(text, str) else ""


def table_lines(table: Table, width: int, null: str, name: str = "") -> list[Line]:
    """The lines of a table that fit a width, and what was left out; `name`: of a column that has none."""
    columns = list(table.columns) if table.columns is not UNSET else []
    if name and not columns and len(table.rows) > 1 and all(len(row) == 1 for row in table.rows):
        columns = [name]
    count = max(1, len(columns), *(len(row) for row in table.rows), 1)
    most = max(_LONGEST_CELL if count > 1 else 60, (min(width, 200) - 20) // count)
    labels, corner = _row_labels(table)
    headings = _headings(table, columns, corner)
    rows: list[Row] = [(_head(first), [(text, "faint") for text in names]) for first, names in headings]
    rows += [
        (
            _head(label),
            [(cell_text(value, most, word or null), "") for value, word in zip(row, words, strict=True)],
        )
        for label, row, words in zip(labels, table.rows, _null_words(table), strict=False)
    ]
    right = [count > 1 and not _is_text(table.rows, i) for i in range(count)]
    wide = max((width_of(head) for head, _ in rows), default=0)
    fitting = _fitting(rows, width - wide, count)
    lines = align([(head, cells[:fitting]) for head, cells in rows], width, right[:fitting], least=wide)
    return lines + _left_out(table, count - fitting)


def _null_words(table: Table) -> Sequence[Sequence[str | None]]:
    """What each null of a table stands for, where that is known of each."""
    if table.null_words is not UNSET:
        return table.null_words
    return [[None] * len(row) for row in table.rows]


def _head(text: str) -> Line:
    return [(f"  {text}" if text else "", "faint")]


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
        room -= max((width_of(cells[index : index + 1]) for _, cells in rows), default=0) + 2
        if room < 0:
            return max(1, index)
    return count


def _left_out(table: Table, unseen: int) -> list[Line]:
    cut = [w for w, flag in (("rows", table.rows_truncated), ("columns", table.columns_truncated)) if flag]
    words = [f"more {' and '.join(cut)}"] if cut else []
    if unseen:
        words.append(f"{plural(unseen, 'column')} not shown: too wide")
    return [[(f"  … {'; '.join(words)}", "faint")]] if words else []
