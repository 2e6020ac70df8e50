"""Images as text: two pixels in a cell where there are colours, else by how light they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from h5s3.render.plots.axes import Coordinates
from h5s3.render.plots.colors import Rgb, level_lines, missing_text, pixel_lines, ramp_steps, rows_per_line
from h5s3.render.plots.heatmap import canvas
from h5s3.render.plots.plot_layout import PlotLayout
from h5s3.render.plots.resample import resample, steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[Any]

LUMINANCE = (0.2126, 0.7152, 0.0722)  # of red, green and blue, ITU-R BT.709


def image(
    rows: Sequence[Sequence[object]], layout: PlotLayout, x: Coordinates, y: Coordinates, pixel: float = 1.0
) -> str:
    """Draw rows of `[red, green, blue]`, None where one is missing; `pixel` is height by width of a pixel.

    The text fits the layout, and has no line break at its end.
    """
    if layout.too_small():
        return layout.nothing("no room for a plot")
    channels = _channels(rows)
    if not channels[0].size:
        return layout.nothing("nothing to plot: no values")
    note = _missing(layout, rows)
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
    body = _lines([resample(channel, used, columns) for channel in channels], layout)
    left = yticks.label_width() + 1
    footer = layout.footer(xticks.titled(x.label), "", left, columns)[: bool(x.label)]
    drawn[:lines] = [text[:left] + cells for text, cells in zip(drawn, body, strict=False)]
    return layout.joined([*header, *drawn, *footer, *([note] if note else [])])


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


def _missing(layout: PlotLayout, rows: Sequence[Sequence[object]]) -> str:
    count = sum(pixel is None for row in rows for pixel in row)
    return missing_text(layout, f"{count} of {sum(map(len, rows))} missing") if count else ""


def _lines(channels: Sequence[Grid], layout: PlotLayout) -> list[str]:
    import numpy as np

    if not layout.color:
        light = sum(share * channel for share, channel in zip(LUMINANCE, channels, strict=True))
        return level_lines(steps(np.clip(light / 255, 0, 1), ramp_steps(layout)), layout)
    whole = np.stack(channels, axis=-1)
    found = np.clip(np.where(np.isnan(whole), -1, np.rint(whole)), -1, 255).astype(int).tolist()
    pixels: list[list[Rgb | None]] = [
        [None if pixel[0] < 0 else (pixel[0], pixel[1], pixel[2]) for pixel in row] for row in found
    ]
    return pixel_lines(pixels, layout.color, unicode=layout.unicode)
