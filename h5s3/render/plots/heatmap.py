"""Heatmaps as text that fits a given number of terminal cells.

The frame is drawn by plotext, the cells are not: the heatmap of plotext gives each cell one colour, which
halves the rows that fit, takes its range from the data, has no missing values, no colour bar and no
characters for a terminal without colours, and does not resample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from h5s3.render.plots import legend
from h5s3.render.plots.axes import Axis
from h5s3.render.plots.axis_coordinates import Along
from h5s3.render.plots.glyphs import per_line, ramp_steps, shaded, sorted_out
from h5s3.render.plots.plot_layout import Page, frame
from h5s3.render.plots.resample import fitted, levels, most_frequent, resample, steps
from h5s3.render.plots.value_scale import Known, Meaning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[Any]

OTHER = "other"  # values that are no category


def heatmap(rows: Sequence[Sequence[object]], page: Page, meaning: Meaning, x: Along, y: Along) -> str:
    """Draw the rows, the first one at the top, in colours or characters, with a legend.

    Missing values (None), NaN and infinities have a mark of their own. The rows are equally long. The text
    fits the page, and has no line break at its end.
    """
    if page.too_small():
        return page.nothing("no room for a plot")
    known = Known.of(rows, meaning)
    if not known.shown:
        return page.nothing(f"nothing to plot: {known.note or 'no values'}")
    if meaning.categories:
        return _categorical(known, page, meaning, x, y)
    low, high = meaning.limits(known.shown)
    grid = levels(known.values, low, high, log=meaning.log)

    def paint(lines: int, columns: int) -> list[str]:
        return shaded(steps(resample(grid, lines, columns), ramp_steps(page)), page)

    return framed(page, grid.shape, x, y, paint, legend.bar(page, meaning, known.shown, known.note))


def _categorical(known: Known, page: Page, meaning: Meaning, x: Along, y: Along) -> str:
    """The same for categories: each has a colour or a character."""
    import numpy as np

    meaning, codes = codes_of(known, meaning)

    def paint(lines: int, columns: int) -> list[str]:
        fitting = most_frequent(codes, lines, columns)
        whole = np.where(np.isnan(fitting), -1, fitting).astype(int).tolist()
        return sorted_out(whole, len(meaning.categories), page)

    return framed(page, codes.shape, x, y, paint, legend.names(page, meaning, known.note))


def codes_of(known: Known, meaning: Meaning) -> tuple[Meaning, Grid]:
    """Values as the numbers of their categories (NaN where missing), one more if some have none."""
    import numpy as np

    index: dict[float, int] = {value: place for place, (_, value) in enumerate(meaning.categories)}
    other = len(index)
    if not index.keys() >= set(known.shown):
        meaning = replace(meaning, categories=(*meaning.categories, (OTHER, other)))
    codes = np.array(
        [[np.nan if value is None else index.get(value, other) for value in row] for row in known.values]
    )
    return meaning, codes


def framed(
    page: Page,
    shape: tuple[int, ...],
    x: Along,
    y: Along,
    paint: Callable[[int, int], list[str]],
    last: str,
) -> str:
    """Cells within axes, between the title and a last line; `paint` gets how many rows and columns fit."""
    yaxis = y.cell_axis(page, page.height - 5, upright=True)
    left = yaxis.label_width() + 1
    columns = fitted(shape[1], page.width - left)
    xaxis = x.cell_axis(page, columns)
    header = page.header(yaxis.titled(y.label))
    footer = page.footer(xaxis.titled(x.label), "", left, columns)
    double = per_line(page)
    used = fitted(shape[0], (page.height - len(header) - len(footer) - 2 - bool(last)) * double)
    lines = -(-used // double)
    drawn = canvas(columns, lines, xaxis, yaxis, used / double)
    body = paint(used, columns)
    drawn[:lines] = [text[:left] + cells for text, cells in zip(drawn, body, strict=False)]
    return page.joined([*header, *drawn, *footer, *([last] if last else [])])


def canvas(columns: int, lines: int, x: Axis, y: Axis, used: float) -> list[str]:
    """A frame for axes whose places are from 0 to 1, the y axis from the top over `used` of the lines."""
    return frame(
        columns, lines, x.moved(lambda share: share * columns), y.moved(lambda share: lines - share * used)
    )
