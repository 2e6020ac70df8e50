"""Images as text: two pixels in a cell where there are colours, else by how light they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from h5s3.render.plots.axis_coordinates import Along
from h5s3.render.plots.colors import GRAY, Rgb, colored
from h5s3.render.plots.glyphs import missing_mark, painted, per_line, ramp_steps, shaded
from h5s3.render.plots.heatmap import canvas
from h5s3.render.plots.plot_layout import Page
from h5s3.render.plots.resample import resample, steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[Any]

LUMINANCE = (0.2126, 0.7152, 0.0722)  # of red, green and blue, ITU-R BT.709


def image(rows: Sequence[Sequence[object]], page: Page, x: Along, y: Along, pixel: float = 1.0) -> str:
    """Draw rows of `[red, green, blue]`, None where one is missing; `pixel` is height by width of a pixel.

    The text fits the page, and has no line break at its end.
    """
    if page.too_small():
        return page.nothing("no room for a plot")
    channels = _channels(rows)
    if not channels[0].size:
        return page.nothing("nothing to plot: no values")
    note = _missing(page, rows)
    left = max(y.cell_axis(page, page.height - 5, upright=True).label_width() + 1, 2)
    header = page.header(y.cell_axis(page, page.height - 5, upright=True).titled(y.label))
    double = per_line(page)
    room = (page.height - len(header) - bool(x.label) - 2 - bool(note)) * double
    high, wide = channels[0].shape
    columns, used = _fit(wide, high * pixel * double / 2, page.width - left, room)
    lines = -(-used // double)
    yaxis = y.cell_axis(page, lines, upright=True)
    xaxis = x.cell_axis(page, columns)
    drawn = canvas(columns, lines, xaxis, yaxis, used / double)
    body = _painted([resample(channel, used, columns) for channel in channels], page)
    left = yaxis.label_width() + 1
    footer = page.footer(xaxis.titled(x.label), "", left, columns)[: bool(x.label)]
    drawn[:lines] = [text[:left] + cells for text, cells in zip(drawn, body, strict=False)]
    return page.joined([*header, *drawn, *footer, *([note] if note else [])])


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


def _missing(page: Page, rows: Sequence[Sequence[object]]) -> str:
    count = sum(pixel is None for row in rows for pixel in row)
    if not count:
        return ""
    mark = colored(page.color, GRAY, missing_mark(unicode=page.unicode))
    return f"{mark} {count} of {sum(map(len, rows))} missing"


def _painted(channels: Sequence[Grid], page: Page) -> list[str]:
    import numpy as np

    if not page.color:
        light = sum(share * channel for share, channel in zip(LUMINANCE, channels, strict=True))
        return shaded(steps(np.clip(light / 255, 0, 1), ramp_steps(page)), page)
    whole = np.stack(channels, axis=-1)
    found = np.clip(np.where(np.isnan(whole), -1, np.rint(whole)), -1, 255).astype(int).tolist()
    pixels: list[list[Rgb | None]] = [
        [None if pixel[0] < 0 else (pixel[0], pixel[1], pixel[2]) for pixel in row] for row in found
    ]
    return painted(pixels, page.color, unicode=page.unicode)
