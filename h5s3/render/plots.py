"""Line plots and heatmaps as text that fits a given number of terminal cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Any

from h5s3.render.axes import Axis, Page, axis, frame, missing_note, number, scale
from h5s3.render.heatmap import heatmap

__all__ = ["heatmap", "line"]

_LINE_COLOR = "\x1b[38;2;31;119;180m"  # a blue with enough contrast on black and on white
_RESET = "\x1b[0m"
_ACROSS, _UP = 2, 4  # the dots of a braille character
_LONGEST_LINE = 200_000  # dots, for each of which plotext takes 1 kB; a longer line would hide all anyway

Run = list[tuple[float, float]]
"""Points in cells, drawn as one unbroken line."""


def line(
    x: Sequence[float],
    y: Sequence[float | None],
    *,
    width: int,
    height: int,
    color: bool,
    unicode: bool,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
) -> str:
    """Plot y over x as a line, broken where a value is missing (None), NaN or infinite.

    The text has at most `height` lines of at most `width` cells, and no line break at its end. The titles may
    hold any characters but control sequences.
    """
    page = Page(width, height, color, unicode, title)
    if page.too_small():
        return page.nothing("no room for a plot")
    points = [(number(a), number(b)) for a, b in zip(x, y, strict=False)]
    xs = [a for a, _ in points if a is not None]
    ys = [b for a, b in points if a is not None and b is not None]
    missing = missing_note(y, len(ys))
    if not ys:
        return page.nothing(f"nothing to plot: {missing or 'no values'}")
    yaxis = _axis(ys, (height - 4) // 4)
    left = yaxis.label_width() + 1
    columns = width - left
    xaxis = _axis(xs, columns // 12)
    header = page.header(yaxis.titled(ylabel))
    footer = page.footer(xaxis.titled(xlabel), missing, left)
    rows = height - len(header) - len(footer) - 2

    across, up = scale(min(xs), max(xs)), scale(min(ys), max(ys))
    runs = [
        [(across(a) * columns, up(b) * rows) for a, b in run if a is not None and b is not None]
        for known, run in groupby(points, key=lambda point: None not in point)
        if known
    ]
    lines = frame(
        columns,
        rows,
        xaxis.moved(lambda share: share * columns),
        yaxis.moved(lambda share: share * rows),
        lambda figure: _draw(figure, runs, unicode),
    )
    if color:
        lines[:rows] = [_colored(text, left) for text in lines[:rows]]
    return page.joined(header + lines + footer)


def _axis(values: Sequence[float], count: int) -> Axis:
    """An axis for the values; ticks only at whole numbers if all values are."""
    whole = all(float(value).is_integer() for value in values)
    return axis(min(values), max(values), count=count, least_step=int(whole))


def _draw(figure: Any, runs: Sequence[Run], unicode: bool) -> None:
    """Add the runs to the figure, each as a line, and points that stand alone as dots that can be seen."""
    runs = [stroke for run in runs for stroke in _strokes(run)]
    if sum(map(_length, runs)) > _LONGEST_LINE:
        runs = [[point] for run in runs for point in run]
    crowd = Counter(int(across) for run in runs for across, _ in run)
    dots = {(int(run[0][0] * _ACROSS), int(run[0][1] * _UP)): run for run in runs if len(run) == 1}
    runs = [run for run in runs if len(run) > 1] + list(dots.values())
    points = [point for run in runs for point in run]
    signal = figure.signal(*zip(*points, strict=True), marker="braille" if unicode else "*").lines(True)
    for start in accumulate(map(len, runs)):
        signal.line(start, False)
    figure.draw(signal)
    alone = [run[0] for run in dots.values() if crowd[int(run[0][0])] == 1]
    if alone and unicode:
        figure.draw(figure.signal(*zip(*alone, strict=True), marker="•"))


def _strokes(run: Run) -> list[Run]:
    """The lines that look like the run: in each column of dots one from the lowest to the highest point.

    Between columns they go from the last point to the next. Long runs take far fewer dots this way.
    """
    strokes: list[Run] = [[]]
    for _, group in groupby(run, key=lambda point: int(point[0] * _ACROSS)):
        column = list(group)
        strokes[-1].append(column[0])
        if len(column) > 1:
            strokes += [[min(column, key=itemgetter(1)), max(column, key=itemgetter(1))], [column[-1]]]
    return [stroke for stroke in strokes if len(stroke) > 1] or [run]


def _length(run: Run) -> float:
    """How many dots it takes to draw the run."""
    return sum(max(_ACROSS * abs(c - a), _UP * abs(d - b)) for (a, b), (c, d) in pairwise(run))


def _colored(text: str, left: int) -> str:
    """The line with its canvas, from `left` on, in the colour of the curve."""
    canvas = text[left:].rstrip()
    return text[:left] + (f"{_LINE_COLOR}{canvas}{_RESET}" if canvas.strip() else "")
