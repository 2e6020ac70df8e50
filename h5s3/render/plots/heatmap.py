"""Heatmaps and images as text that fits a given number of terminal cells.

The frame is drawn by plotext, the cells are not: the heatmap of plotext gives each cell one colour, which
halves the rows that fit, takes its range from the data, has no missing values, no colour bar and no
characters for a terminal without colours, and does not resample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from h5s3.render.plots import colors
from h5s3.render.plots.axes import AxisTicks, Coordinates, frame, number_label
from h5s3.render.plots.canvas import Canvas, Plotted, middles
from h5s3.render.plots.colors import STEPS, Rgb, level_lines, missing_text, ramp, ramp_steps, rows_per_line
from h5s3.render.plots.plot_layout import PlotLayout
from h5s3.render.plots.resample import fitted, levels, most_frequent, resample, steps, with_peaks
from h5s3.render.plots.value_scale import ROBUST, KnownValues, ValueScale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[Any]

LUMINANCE = (0.2126, 0.7152, 0.0722)  # of red, green and blue, ITU-R BT.709
OTHER = "other"  # values that are no category
_LONGEST_BAR = 32
_SHORTEST_BAR = 5
_NAME_LENGTHS = (40, 30, 24, 20, 16, 12, 10, 8)


def heatmap(
    rows: Sequence[Sequence[object]], layout: PlotLayout, scale: ValueScale, x: Coordinates, y: Coordinates
) -> Plotted:
    """Draw the rows, the first one at the top, in colours or characters, with a legend.

    Missing values (None), NaN and infinities have a mark of their own. The rows are equally long.
    """
    if layout.too_small():
        return Plotted(layout.nothing("no room for a plot"))
    known = KnownValues.of(rows, scale)
    if not known.flat:
        return Plotted(layout.nothing(f"nothing to plot: {known.note or 'no values'}"))
    if scale.categories:
        return _categorical(known, layout, scale, x, y)
    low, high = scale.limits(known.flat)
    grid = levels(known.grid, low, high, log=scale.log)

    def paint(lines: int, columns: int) -> list[str]:
        return level_lines(steps(with_peaks(grid, lines, columns), ramp_steps(layout)), layout)

    return framed(layout, grid.shape, x, y, paint, _color_bar(layout, scale, known.flat, known.note))


def _categorical(
    known: KnownValues, layout: PlotLayout, scale: ValueScale, x: Coordinates, y: Coordinates
) -> Plotted:
    """The same for categories: each has a colour or a character."""
    import numpy as np

    scale, codes = codes_of(known, scale)

    def paint(lines: int, columns: int) -> list[str]:
        fitting = most_frequent(codes, lines, columns)
        whole = np.where(np.isnan(fitting), -1, fitting).astype(int).tolist()
        return colors.category_lines(whole, len(scale.categories), layout)

    return framed(layout, codes.shape, x, y, paint, _category_legend(layout, scale, known.note))


def codes_of(known: KnownValues, scale: ValueScale) -> tuple[ValueScale, Grid]:
    """Values as the numbers of their categories (NaN where missing), one more if some have none."""
    import numpy as np

    index: dict[float, int] = {value: place for place, (_, value) in enumerate(scale.categories)}
    other = len(index)
    if not index.keys() >= set(known.flat):
        scale = replace(scale, categories=(*scale.categories, (OTHER, other)))
    codes = np.array(
        [[np.nan if value is None else index.get(value, other) for value in row] for row in known.grid]
    )
    return scale, codes


def framed(
    layout: PlotLayout,
    shape: tuple[int, ...],
    x: Coordinates,
    y: Coordinates,
    paint: Callable[[int, int], list[str]],
    last: str,
) -> Plotted:
    """Cells within axes, between the title and a last line; `paint` gets how many rows and columns fit."""
    yticks = y.cell_ticks(layout, layout.height - 5, upright=True)
    left = yticks.label_width() + 1
    columns = fitted(shape[1], layout.width - left)
    xticks = x.cell_ticks(layout, columns)
    header = layout.header(yticks.titled(y.label))
    footer = layout.footer(xticks.titled(x.label), "", left, columns)
    double = rows_per_line(layout)
    used = fitted(shape[0], (layout.height - len(header) - len(footer) - 2 - bool(last)) * double)
    lines = -(-used // double)
    drawn = canvas(columns, lines, xticks, yticks, used / double)
    body = paint(used, columns)
    drawn[:lines] = [text[:left] + cells for text, cells in zip(drawn, body, strict=False)]
    place = Canvas(
        left, len(header), columns, lines, middles(shape[1], columns), middles(shape[0], used), double
    )
    return Plotted(layout.joined([*header, *drawn, *footer, *([last] if last else [])]), place)


def canvas(columns: int, lines: int, x: AxisTicks, y: AxisTicks, used: float) -> list[str]:
    """A frame for axes whose places are from 0 to 1, the y axis from the top over `used` of the lines."""
    return frame(
        columns, lines, x.moved(lambda share: share * columns), y.moved(lambda share: lines - share * used)
    )


def _color_bar(layout: PlotLayout, scale: ValueScale, known: Sequence[float], missing: str) -> str:
    """The colours from the lowest to the highest value, their units, and how missing values look, if any."""
    low, high = scale.limits(known)
    first, last = _ends(layout, scale, low, high, known)
    middle = _middle(low, high) if scale.log else ""
    around = len(first) + len(last) + len(middle) + (2 if layout.color else 4) + (4 if middle else 0)
    if around + _SHORTEST_BAR > layout.width:
        return layout.text(f"{low:.3g}..{high:.3g}")[: layout.width]
    room = layout.width - around - _SHORTEST_BAR
    units = " " + layout.text(scale.units) if scale.units else ""
    units = units if cell_len(units) <= room else ""
    said = [missing, ROBUST if scale.robust else "", "logarithmic" if scale.log else ""]
    notes = _fitting([note for note in said if note], room - cell_len(units))
    taken = cell_len(units) + sum(len(text) + 3 for text in notes) + (2 if notes else 0)
    length = min(_LONGEST_BAR, room + _SHORTEST_BAR - taken)
    drawn = _bar_cells(layout, low, high, length, middle)
    ends = f"{drawn} {last}" if low == high else f"{first} {drawn} {last}"
    texts = [missing_text(layout, note) if note == missing else note for note in notes]
    return ends + units + "".join("   " + text for text in texts)


def _category_legend(layout: PlotLayout, scale: ValueScale, missing: str) -> str:
    """The categories with their colours or characters, as many as have room."""
    noted = bool(missing) and len(missing) + 25 < layout.width
    end = "…" if layout.unicode else "..."
    room = layout.width - (len(missing) + 5 if noted else 0)
    texts, count = [layout.text(name) for name, _ in scale.categories], len(scale.categories)
    around = 5 if layout.color else 4  # cells of a swatch and of the blanks
    for longest in _NAME_LENGTHS:
        cut = [layout.cut(text, longest) for text in texts]
        if sum(cell_len(text) + around for text in cut) - 2 <= room:
            break
    else:
        ends = list(accumulate(cell_len(text) + around for text in cut))
        cut = [text for text, at in zip(cut, ends, strict=True) if at + len(end) <= room]
    parts = [f"{colors.swatch(index, count, layout)} {text}" for index, text in enumerate(cut)]
    parts += [end] if len(cut) < count and room >= len(end) else []
    if noted:
        parts.append(f" {missing_text(layout, missing)}")
    return "  ".join(parts)


def _ends(
    layout: PlotLayout, scale: ValueScale, low: float, high: float, known: Sequence[float]
) -> tuple[str, str]:
    """The two limits; marked where values beyond them take the last colour."""
    first, last = map(layout.text, scale.limit_texts(low, high))
    if low != high:
        first = layout.text("≤" + first) if min(known) < low else first
        last = layout.text("≥" + last) if max(known) > high else last
    return first, last


def _fitting(notes: Sequence[str], room: int) -> list[str]:
    """The notes that have room, the most important first; one on missing values has their mark before it."""
    chosen: list[str] = []
    for note in notes:
        need = len(note) + (3 if chosen else 5)
        if need <= room:
            chosen.append(note)
            room -= need
    return chosen[::-1]  # the missing values, which have a mark, are last


def _middle(low: float, high: float) -> str:
    """The decade in the middle of the limits, if it is between them."""
    exponent = round((math.log10(low) + math.log10(high)) / 2)
    decade = 10**exponent if exponent >= 0 else float(f"1e{exponent}")
    inside = low * 2 < decade < high / 2
    return (number_label(decade) if abs(exponent) <= 5 else f"1e{exponent}") if inside else ""


def _bar_cells(layout: PlotLayout, low: float, high: float, length: int, middle: str) -> str:
    """The bar itself; with the middle decade written where it belongs."""
    if low == high:
        return _shades(layout, [0.5] * _SHORTEST_BAR)
    all_levels = [i / (length - 1) for i in range(length)]
    if not middle:
        return _shades(layout, all_levels)
    share = (math.log10(float(middle)) - math.log10(low)) / (math.log10(high) - math.log10(low))
    cut = min(length - 1, max(1, round(share * length)))
    return f"{_shades(layout, all_levels[:cut])} {middle} {_shades(layout, all_levels[cut:])}"


def _shades(layout: PlotLayout, levels: Sequence[float]) -> str:
    if layout.color:
        shades = [colors.shade(round(level * (STEPS - 1)), layout.palette) for level in levels]
        return colors.joined([colors.block(layout.color, shade) for shade in shades])
    chars = ramp(layout)
    return "[" + "".join(chars[min(int(level * len(chars)), len(chars) - 1)] for level in levels) + "]"


def image(
    rows: Sequence[Sequence[object]], layout: PlotLayout, x: Coordinates, y: Coordinates, pixel: float = 1.0
) -> Plotted:
    """Draw rows of `[red, green, blue]`, None where one is missing; `pixel` is height by width of a pixel."""
    if layout.too_small():
        return Plotted(layout.nothing("no room for a plot"))
    channels = _channels(rows)
    if not channels[0].size:
        return Plotted(layout.nothing("nothing to plot: no values"))
    count = sum(value is None for row in rows for value in row)
    note = missing_text(layout, f"{count} of {sum(map(len, rows))} missing") if count else ""
    yticks = y.cell_ticks(layout, layout.height - 5, upright=True)
    left = max(yticks.label_width() + 1, 2)
    header = layout.header(yticks.titled(y.label))
    double = rows_per_line(layout)
    room = (layout.height - len(header) - bool(x.label) - 2 - bool(note)) * double
    high, wide = channels[0].shape
    columns, used = _fit(wide, high * pixel * double / 2, layout.width - left, room)
    lines = -(-used // double)
    yticks = y.cell_ticks(layout, lines, upright=True)
    xticks = x.cell_ticks(layout, columns)
    drawn = canvas(columns, lines, xticks, yticks, used / double)
    body = _pixels([resample(channel, used, columns) for channel in channels], layout)
    left = yticks.label_width() + 1
    footer = layout.footer(xticks.titled(x.label), "", left, columns)[: bool(x.label)]
    drawn[:lines] = [text[:left] + cells for text, cells in zip(drawn, body, strict=False)]
    place = Canvas(left, len(header), columns, lines, middles(wide, columns), middles(high, used), double)
    return Plotted(layout.joined([*header, *drawn, *footer, *([note] if note else [])]), place)


def _fit(wide: float, high: float, columns: int, rows: int) -> tuple[int, int]:
    """The largest columns and rows within the given ones that keep the proportions."""
    share = min(columns / wide, rows / high)
    if share > 1:
        share = max(1.0, share // 1)
    return max(1, min(columns, round(wide * share))), max(1, min(rows, round(high * share)))


def _channels(rows: Sequence[Sequence[object]]) -> list[Grid]:
    """Red, green and blue, NaN where a pixel is missing."""
    import numpy as np

    gone = [np.nan] * 3
    pixels = np.array([[gone if pixel is None else pixel for pixel in row] for row in rows], dtype=float)
    return [pixels[..., i] for i in range(3)] if pixels.ndim == 3 else [pixels] * 3


def _pixels(channels: Sequence[Grid], layout: PlotLayout) -> list[str]:
    import numpy as np

    if not layout.color:
        light = sum(share * channel for share, channel in zip(LUMINANCE, channels, strict=True))
        return level_lines(steps(np.clip(light / 255, 0, 1), ramp_steps(layout)), layout)
    whole = np.stack(channels, axis=-1)
    found = np.clip(np.where(np.isnan(whole), -1, np.rint(whole)), -1, 255).astype(int).tolist()
    pixels: list[list[Rgb | None]] = [
        [None if p[0] < 0 else (p[0], p[1], p[2]) for p in row] for row in found
    ]
    return colors.pixel_lines(pixels, layout.color, unicode=layout.unicode)
