"""The plot of a preview, drawn for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.cells import cell_len

from h5s3.records import UNSET, Plot, Preview
from h5s3.render.plots.axes import LONGEST_LABEL, Coordinates
from h5s3.render.plots.canvas import Plotted
from h5s3.render.plots.plot_layout import Color, PlotLayout
from h5s3.render.plots.value_scale import ValueScale
from h5s3.render.text import LONGEST, safe
from h5s3.render.value_text import standing_text


def plotted(
    preview: Preview,
    plot: Plot,
    width: int,
    height: int,
    color: Color,
    unicode: bool,
    palette: str = "viridis",
) -> Plotted:
    """The plot, fitted to a terminal, without a line break at its end, and where its values are on it."""
    layout = PlotLayout(width, height, color, unicode, plot_title(preview, plot, width), palette)
    scale = ValueScale.of(plot)
    if preview.sample is not UNSET and preview.sample.gaps is True:
        scale = replace(scale, absent="not read or missing")
    if plot.type == "line":
        from h5s3.render.plots.line import line

        return line(plot.data, layout, scale, axes_of(plot)[0])
    from h5s3.render.plots.heatmap import heatmap, image

    rows, x, y = upright(plot)
    if plot.type == "image":
        drawn = image(rows, layout, x, y, pixel_height(plot))
    else:
        drawn = heatmap(rows, layout, scale, x, y)
    if drawn.canvas is None or not goes_up(plot):
        return drawn
    return replace(drawn, canvas=replace(drawn.canvas, down=drawn.canvas.down[::-1]))


def axes_of(plot: Plot) -> tuple[Coordinates, Coordinates]:
    """The coordinates along the x and the y axis."""
    wide = len(plot.data[0]) if plot.type != "line" and plot.data else len(plot.data)
    return Coordinates.of(plot.x, wide), Coordinates.of(plot.y, len(plot.data))


def goes_up(plot: Plot) -> bool:
    """Whether the first row is at the bottom: coordinates along y rise upwards, while rows that have none
    are drawn from the top, as those of an image."""
    return plot.type != "line" and axes_of(plot)[1].upward


def upright(plot: Plot) -> tuple[Sequence[Any], Coordinates, Coordinates]:
    """The rows of a heatmap or an image from the top to the bottom, and the coordinates along x and y."""
    x, y = axes_of(plot)
    return (plot.data[::-1], x, y.turned()) if goes_up(plot) else (plot.data, x, y)


def plot_title(preview: Preview, plot: Plot, width: float) -> str:
    """Where the values are from; and what they are, where no axis says so."""
    slice_ = f"[{plot.selection}]"
    path = safe(preview.path, int(min(LONGEST, max(20, width - len(slice_) - 1))))
    label = safe(plot.label, LONGEST_LABEL) if plot.label is not UNSET else ""
    named = plot.type == "line" or not label or path.endswith("/" + label)
    what = "" if named else f": {label}"
    where = "" if plot.at is UNSET else standing_text(plot.at)
    titles = [f"{path} {slice_}{what}"]
    if where:  # says more than the groups above, and than the name
        name = path.rpartition("/")[2]
        titles = [f"{start}{slice_} at {where}{what}" for start in (f"{path} ", f"{name} ", "")] + titles
    title = next((one for one in titles if cell_len(one) <= width), titles[-1])
    return safe(title, int(min(2 * LONGEST, max(20, width))))


def pixel_height(plot: Plot) -> float:
    """How high a pixel of an image is: some rows or columns may have been left out."""
    if plot.x is UNSET or plot.y is UNSET or not plot.x.step or not plot.y.step:
        return 1.0
    return plot.y.step / plot.x.step
