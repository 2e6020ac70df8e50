"""Previews for people: statistics, a table, a plot, a profile."""

from __future__ import annotations

import sys
from typing import Any

from h5s3.records import UNSET, Axis, Plot, Preview, Stats, Table, replaced
from h5s3.render.columns import Cell, Line, align, print_lines, width_of
from h5s3.render.console import can_show_unicode, stdout
from h5s3.render.text import plural, safe, shape
from h5s3.render.tree import Style
from h5s3.render.values import cell_text, null_word, number

PLAIN_WIDTH, PLAIN_HEIGHT = 80, 24  # of a plot in a pipe
SPARKS = "▁▂▃▄▅▆▇█"


def reduced(preview: Preview, only: str | None, plot: bool) -> Preview:
    """The document with the parts that were asked for; the others are null."""
    wanted = {"stats", "table", "plot", "profile"} if only is None else {only}
    if not plot:
        wanted.discard("plot")
    return replaced(
        preview, **{part: None for part in ("stats", "table", "plot", "profile") if part not in wanted}
    )


def show_preview(preview: Preview, only: str | None, plot: bool) -> None:
    """Print a preview."""
    console = stdout()
    shown = reduced(preview, only, plot)
    lines: list[Line] = [_heading(shown, Style.of(getattr(sys.stdout, "encoding", None)))]
    lines += [[(f"  {safe(note)}", "faint")] for note in shown.notes]
    if shown.stats is not None:
        lines += _stats_lines(shown.stats)
    if shown.table is not None:
        stats = preview.stats
        null = null_word(stats.nan_count, stats.inf_count) if stats else "null"
        lines += _table_lines(shown.table, console.width, null)
    print_lines(console, lines)
    if shown.plot is not None:
        color = console.color_system is not None and not console.no_color
        width, height = (
            (console.width, console.height) if console.is_terminal else (PLAIN_WIDTH, PLAIN_HEIGHT)
        )
        text = plot_text(
            shown,
            shown.plot,
            width,
            max(10, min(height - 2, width // 2)),
            color,
            can_show_unicode() and console.is_terminal,
        )
        sys.stdout.write(text + "\n")
    if shown.profile is not None and only == "profile":
        print_lines(console, [[(f"{i}  {number(v)}", "")] for i, v in enumerate(shown.profile)])


def _heading(preview: Preview, style: Style) -> Line:
    return [
        (safe(preview.location, 1000), "key"),
        (f"  {safe(preview.path)}", "group"),
        (f"  {shape(preview.shape).replace(' × ', style.times)}", "shape"),
        (f"  {safe(preview.dtype, 100)}", "dtype"),
        (f"  [{preview.selection}]" if preview.selection != "()" else "", "faint"),
    ]


def _stats_lines(stats: Stats) -> list[Line]:
    share = f"{100 * stats.coverage:.3g} % of the dataset" if stats.coverage < 1 else "the whole dataset"
    figures = "  ".join(f"{name} {number(getattr(stats, name))}" for name in ("min", "max", "mean", "std"))
    gone = [
        plural(count, word, word)
        for count, word in (
            (stats.nan_count, "NaN"),
            (stats.inf_count, "infinite"),
            (_count(stats.missing_count), "missing"),
        )
        if count
    ]
    about = f"  of {plural(stats.sample_size, 'value')}, {share}" + (f"; {', '.join(gone)}" if gone else "")
    return [[("  " + figures, ""), (about, "faint")]]


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _table_lines(table: Table, width: int, null: str) -> list[Line]:
    most = 40 if (table.columns is not UNSET and len(table.columns) > 1) else max(60, min(width, 200) - 20)
    columns = (
        list(table.columns) if table.columns is not UNSET else [""] * max(1, *(len(r) for r in table.rows), 1)
    )
    labels = table.row_labels if table.row_labels is not UNSET else [""] * len(table.rows)
    rows: list[tuple[Line, list[Cell]]] = []
    if table.columns is not UNSET:
        rows.append(([("", "")], [(safe(name, 40), "faint") for name in columns]))
    for label, row in zip(labels, table.rows, strict=False):
        cells = [(cell_text(value, most, null), "") for value in row]
        rows.append(([(f"  {label}", "faint")], [*cells, *[("", "")] * (len(columns) - len(cells))]))
    lines = _aligned(rows, width, len(columns))
    cut = [w for w, flag in (("rows", table.rows_truncated), ("columns", table.columns_truncated)) if flag]
    if cut:
        lines.append([(f"  … more {' and '.join(cut)}", "faint")])
    return lines


def _aligned(rows: list[tuple[Line, list[Cell]]], width: int, columns: int) -> list[Line]:
    wide = max((width_of(head) for head, _ in rows), default=0)
    return align(rows, width, [columns > 1] * columns, least=wide)


def plot_text(preview: Preview, plot: Plot, width: int, height: int, color: bool, unicode: bool) -> str:
    """The plot, fitted to a terminal."""
    from h5s3.render.plots import heatmap, line

    title = safe(f"{preview.path}  [{plot.selection}]", width)
    x = plot.x if plot.x is not UNSET else None
    if plot.type == "line":
        places = [x.start + i * x.step for i in range(x.count)] if x else list(range(len(plot.data)))
        return line(
            places,
            plot.data,
            width=width,
            height=height,
            color=color,
            unicode=unicode,
            title=title,
            xlabel=_label(x),
        )
    y = plot.y if plot.y is not UNSET else None
    return heatmap(
        plot.data, width=width, height=height, color=color, unicode=unicode, title=title,
        vmin=plot.vmin, vmax=plot.vmax, xlabel=_label(x), ylabel=_label(y),
        x_range=_range(x), y_range=_range(y),
    )  # fmt: skip


def _label(axis: Axis | None) -> str:
    if axis is None:
        return ""
    return safe(axis.label, 40) if axis.label is not UNSET else f"dimension {axis.dimension}"


def _range(axis: Axis | None) -> tuple[float, float] | None:
    return None if axis is None else (axis.start, axis.start + (axis.count - 1) * axis.step)
