"""The samples of a benchmark as pictures: where those of each series lie, and latency against size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rich.cells import cell_len

from h5s3.records import Bench, Samples
from h5s3.render.bench.figures import label
from h5s3.render.plots.axes import AxisTicks, frame, log_scale, log_ticks
from h5s3.render.plots.colors import ASCII_RAMP, LINE, category, colored
from h5s3.render.plots.plot_layout import PlotLayout
from h5s3.sizes import binary_text

BARS = " ▁▂▃▄▅▆▇█"
MARKS, ASCII_MARKS = "●◆▲■○◇△□", "ox+*#@%&"
NARROWEST = 16  # columns of a strip
LEAST = 1e-3  # ms; the clock tells no less apart
SIDE = 2  # columns from the marks of one concurrency to those of the next, which may be as high


def strips(doc: Bench, page: PlotLayout) -> str:
    """A line for each series: how many of its samples lie where on one axis of milliseconds.

    Empty where there is nothing to draw, or no room for it.
    """
    measured = [samples for samples in doc.samples if samples.seconds]
    names = [page.text(_name(samples, page)) for samples in measured]
    gutter = max(map(cell_len, names), default=0) + 1
    columns = page.width - gutter - 1
    if not measured or columns < NARROWEST:
        return ""
    values = [[max(LEAST, second * 1000) for second in samples.seconds] for samples in measured]
    low, high = _ends([value for series in values for value in series])
    across = log_scale(low, high)
    lines = [
        name + " " * (gutter - cell_len(name)) + _strip([across(v) for v in series], columns, page)
        for name, series in zip(names, values, strict=True)
    ]
    axis = log_ticks(low, high, count=columns // 12).moved(lambda share: share * (columns - 1))
    title = page.cut(page.text(page.title), page.width)
    return page.joined([title, *lines, " " * gutter + _ruler(axis, columns)])


def _strip(shares: Sequence[float], columns: int, page: PlotLayout) -> str:
    """Bars as high as there are samples in a cell; the cell of the median has a colour of its own."""
    cells = [round(share * (columns - 1)) for share in shares]
    counted = Counter(cells)
    counts = [counted[column] for column in range(columns)]
    ramp = BARS if page.unicode else ASCII_RAMP
    most, steps = max(counts), len(ramp) - 1
    middle = sorted(cells)[(len(cells) - 1) // 2]
    bars = [ramp[-(-count * steps // most)] for count in counts]
    if not page.color:
        return "".join(bars)
    before, after = (colored(page.color, LINE, "".join(part)) for part in (bars[:middle], bars[middle + 1 :]))
    return before + colored(page.color, category(1, 2), bars[middle]) + after


def _ruler(axis: AxisTicks, columns: int) -> str:
    """The texts of ticks below their places, and the unit."""
    text = ""
    for place, tick in axis.ticks:
        start = max(0, round(place) - (len(tick) - 1) // 2)
        if start > len(text) or not text:
            text = text.ljust(start) + tick
    unit = " ms"
    return text + unit if len(text) + len(unit) <= columns else text


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """An axis around the values, never without length."""
    low, high = min(values), max(values)
    return (low / 1.5, high * 1.5) if high < low * 1.2 else (low, high)


def against_size(doc: Bench, page: PlotLayout) -> str:
    """Medians against size, a mark for each concurrency, with a line from the fastest tenth to the slowest.

    Empty with less than two sizes.
    """
    chosen = [s for s in doc.samples if s.pattern == "random" and s.connection == "reused" and s.seconds]
    sizes = sorted({samples.size for samples in chosen})
    if len(sizes) < 2 or page.too_small():
        return ""
    flights = sorted({samples.concurrency for samples in chosen})[: len(MARKS)]
    tops = [value * 1000 for s in chosen for value in (_tenth(s, 0.1), _tenth(s, 0.9))]
    low, high = _ends([max(LEAST, value) for value in tops])
    up, over = log_scale(low, high), log_scale(sizes[0], sizes[-1])
    header = page.header("ms")
    legend = "   ".join(f"{_mark(i, page)} {flight} at once" for i, flight in enumerate(flights))
    rows = page.height - len(header) - 3
    y = log_ticks(low, high, count=rows // 3)
    left = y.label_width() + 1
    columns = page.width - left
    room = columns - SIDE * (len(flights) - 1)  # of one concurrency, beside the others
    x = _size_axis(sizes, over, room)

    def draw(figure: Any) -> None:
        for index, flight in enumerate(flights):
            series = sorted((s for s in chosen if s.concurrency == flight), key=lambda s: s.size)
            spreads = [(s.size, (_tenth(s, 0.1), s.p50 or 0.0, _tenth(s, 0.9))) for s in series]
            spans = [[(over(size), up(max(LEAST, v * 1000))) for v in spread] for size, spread in spreads]
            at = [[(across * room + SIDE * index, up * rows) for across, up in span] for span in spans]
            _draw(figure, at, columns, rows, index, page)

    lines = frame(columns, rows, x.moved(lambda v: v * room), y.moved(lambda v: v * rows), draw)
    lines[:rows] = [_painted(line, left, len(flights), page) for line in lines[:rows]]
    last = " " * left + page.cut(legend, columns)
    return page.joined([*header, *lines, _painted(last, left, len(flights), page)])


def _size_axis(sizes: Sequence[int], over: Any, columns: int) -> AxisTicks:
    """The sizes, as many of them as there is room for."""
    ticks: list[tuple[float, str]] = []
    for size in sizes:
        text = binary_text(size)
        if not ticks or (over(size) - ticks[-1][0]) * columns > len(text) + 2:
            ticks.append((over(size), text))
    return AxisTicks(ticks)


def _tenth(samples: Samples, share: float) -> float:
    return sorted(samples.seconds)[round(share * (len(samples.seconds) - 1))]


def _draw(
    figure: Any, spans: list[list[tuple[float, float]]], columns: int, rows: int, index: int, page: PlotLayout
) -> None:
    """The spreads as upright lines, the medians as marks with a line from one to the next."""
    at = [[(min(across, columns - 0.5), min(up, rows - 0.01)) for across, up in span] for span in spans]
    thin = "braille" if page.unicode else "."
    strokes = [[span[0], span[2]] for span in at] + [[one[1], two[1]] for one, two in pairwise(at)]
    for stroke in strokes:
        if stroke[0] != stroke[1]:
            figure.draw(figure.signal(*zip(*stroke, strict=True), marker=thin).lines(True))
    middles = [span[1] for span in at]
    figure.draw(figure.signal(*zip(*middles, strict=True), marker=_mark(index, page)))


def _mark(index: int, page: PlotLayout) -> str:
    return (MARKS if page.unicode else ASCII_MARKS)[index]


def _painted(line: str, left: int, count: int, page: PlotLayout) -> str:
    """The marks of a line in their colours."""
    if not page.color:
        return line
    canvas = line[left:]
    for index in range(count):
        mark = _mark(index, page)
        canvas = canvas.replace(mark, colored(page.color, category(index, count), mark))
    return line[:left] + canvas


def _name(samples: Samples, page: PlotLayout) -> str:
    size = f" {binary_text(samples.size)}" if samples.size else ""
    times = "×" if page.unicode else "x"
    return f"{label(samples)}{size}" + (f" {times}{samples.concurrency}" if samples.concurrency > 1 else "")
