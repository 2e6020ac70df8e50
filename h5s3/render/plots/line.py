"""Line plots as text that fits a given number of terminal cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Any

from rich.cells import set_cell_size

from h5s3.render.plots.axes import (
    AxisTicks,
    Coordinates,
    frame,
    linear_scale,
    linear_ticks,
    log_scale,
    log_ticks,
    number_label,
)
from h5s3.render.plots.canvas import Canvas, Plotted
from h5s3.render.plots.colors import LINE, colored
from h5s3.render.plots.plot_layout import Color, PlotLayout
from h5s3.render.plots.value_scale import ROBUST, KnownValues, ValueScale

_ACROSS, _UP = 2, 4  # the dots of a braille character
_LONGEST_LINE = 200_000  # dots, for each of which plotext takes 1 kB; a longer line would hide all anyway

Run = list[tuple[float, float]]
"""Points in cells, drawn as one unbroken line."""


def line(y: Sequence[object], layout: PlotLayout, scale: ValueScale, x: Coordinates) -> Plotted:
    """Plot y over x as a line, broken where a value is missing (None), NaN or infinite.

    Categories are points of their own, for there is nothing between them.
    """
    if layout.too_small():
        return Plotted(layout.nothing("no room for a plot"))
    known = KnownValues.of([y], scale)
    if not known.flat:
        return Plotted(layout.nothing(f"nothing to plot: {known.note or 'no values'}"))
    axis = value_axis(layout, scale, known.flat)
    left = axis.ticks.label_width() + 1
    columns = layout.width - left
    across = horizontal_place(x)
    xticks = x.point_ticks(layout, columns, across)
    header = layout.header(axis.ticks.titled(scale.title))
    footer = layout.footer(xticks.titled(x.label), note_of(scale, known, axis), left)
    rows = layout.height - len(header) - len(footer) - 2
    places = [across(place) * columns for place in x.values]
    points = [
        None if value is None else (place, axis.place(value) * rows)
        for place, value in zip(places, known.grid[0], strict=False)
    ]
    runs = [[p for p in run if p] for there, run in groupby(points, key=lambda p: p is not None) if there]
    inside = [part for run in runs for part in _clipped(run, rows)]
    lines = frame(
        columns,
        rows,
        xticks.moved(lambda share: share * columns),
        axis.ticks.moved(lambda share: share * rows),
        lambda figure: (_draw_points if scale.categories else _draw_lines)(figure, inside, layout.unicode),
    )
    if layout.color:
        lines[:rows] = [_colored(text, left, layout.color) for text in lines[:rows]]
    canvas = Canvas(
        left,
        len(header),
        columns,
        rows,
        [min(columns - 1, int(place)) for place in places],
        [None if point is None else _line_of(point[1], rows) for point in points],
    )
    return Plotted(layout.joined([*header, *lines, *footer]), canvas)


def _line_of(up: float, rows: int) -> int | None:
    """The line of text, from the top, of a point so many lines above the bottom; None beyond the edges."""
    return rows - 1 - min(rows - 1, int(up)) if 0 <= up <= rows else None


@dataclass(frozen=True)
class ValueAxis:
    """A y axis: its ticks, the places of values from 0 to 1, and how many values are beyond its ends."""

    ticks: AxisTicks
    place: Callable[[float], float]
    beyond: int = 0


def value_axis(layout: PlotLayout, scale: ValueScale, values: Sequence[float]) -> ValueAxis:
    """The y axis for values of such a scale."""
    if scale.categories:
        return _category_axis(layout, scale, values)
    low, high = scale.limits(values)
    ticks = (layout.height - 4) // 4
    place = log_scale(low, high) if scale.log else linear_scale(low, high)
    whole = all(float(value).is_integer() for value in (*values, low, high))
    if scale.dates:
        first, last = (layout.cut(layout.text(text), layout.width // 3) for text in scale.dates)
        made = AxisTicks([(0.0, first), (1.0, last)] if low != high else [(0.5, first)])
    elif scale.log:
        made = log_ticks(low, high, count=ticks)
    else:
        made = linear_ticks(low, high, count=ticks, least_step=int(whole))
    return ValueAxis(made, place, sum(not low <= value <= high for value in values))


def _category_axis(layout: PlotLayout, scale: ValueScale, values: Sequence[float]) -> ValueAxis:
    """A step for each category, all of them equally high."""
    present = set(values)
    names: dict[float, str] = {value: name for name, value in scale.categories}
    if len(names) > layout.height // 2:
        names = {value: name for value, name in names.items() if value in present}
    steps = sorted(names.keys() | present)
    place = {value: (index + 0.5) / len(steps) for index, value in enumerate(steps)}
    every = -(-len(steps) // max(1, layout.height - 5))
    texts = [
        layout.cut(layout.text(names.get(value, number_label(value))), layout.width // 4) for value in steps
    ]
    ticks = [(place[value], text) for value, text in zip(steps, texts, strict=True)][::every]
    return ValueAxis(AxisTicks(ticks), lambda value: place[value])


def horizontal_place(x: Coordinates) -> Callable[[float], float]:
    """Places from the left to the right, whichever way the coordinates go."""
    if not x.values:
        return lambda value: 0.5
    place = linear_scale(min(x.values), max(x.values))
    return (lambda value: 1 - place(value)) if x.values[0] > x.values[-1] else place


def note_of(scale: ValueScale, known: KnownValues, axis: ValueAxis) -> str:
    """What cannot be seen in the plot."""
    notes = [known.note]
    if axis.beyond:
        limits = ROBUST if scale.robust else "the limits"
        notes.append(f"{axis.beyond} beyond {limits}")
    return ", ".join(note for note in notes if note)


def _clipped(run: Run, rows: float) -> list[Run]:
    """The parts of a run that are between the lower and the upper edge."""
    if all(0 <= up <= rows for _, up in run):
        return [run]
    parts: list[Run] = [[]]
    for start, end in pairwise([run[0], *run]):
        crossed = _crossings(start, end, rows)
        if 0 <= end[1] <= rows:
            parts[-1] += [*crossed[:1], end] if not parts[-1] else [end]
        elif 0 <= start[1] <= rows:
            parts[-1] += crossed[-1:]
            parts.append([])
        elif len(crossed) == 2:
            parts[-1:] = [crossed, []]
    return [part for part in parts if part]


def _crossings(start: tuple[float, float], end: tuple[float, float], rows: float) -> Run:
    """Where the way from one point to the next crosses the edges."""
    if start[1] == end[1]:
        return []
    shares = sorted((edge - start[1]) / (end[1] - start[1]) for edge in (0.0, rows))
    return [
        (start[0] + (end[0] - start[0]) * share, min(rows, max(0.0, start[1] + (end[1] - start[1]) * share)))
        for share in shares
        if 0 <= share <= 1
    ]


def _draw_points(figure: Any, runs: Sequence[Run], unicode: bool) -> None:
    """Add the points to the figure, with nothing between them, in the lines where their ticks are."""
    points = {(int(across), int(up)): (across, int(up) + 0.5) for run in runs for across, up in run}
    figure.draw(figure.signal(*zip(*points.values(), strict=True), marker="•" if unicode else "*"))


def _draw_lines(figure: Any, runs: Sequence[Run], unicode: bool) -> None:
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


def _colored(text: str, left: int, color: Color) -> str:
    """The line with its canvas, from `left` on, in the colour of the curve."""
    start = len(set_cell_size(text, left)) if text else 0  # characters, of which some are two cells wide
    canvas = text[start:].rstrip()
    return text[:start] + (colored(color, LINE, canvas) if canvas.strip() else "")
