"""The plot of a preview, drawn for a terminal or a pipe."""

from __future__ import annotations

from h5s3.records import UNSET, Plot, Preview
from h5s3.render.plots.axes import LONGEST_LABEL, Coordinates
from h5s3.render.plots.plot_layout import Color, PlotLayout
from h5s3.render.plots.value_scale import ValueScale
from h5s3.render.text import LONGEST, safe
from h5s3.render.value_text import cell_text


def plot_text(preview: Preview, plot: Plot, width: int, height: int, color: Color, unicode: bool) -> str:
    """The plot, fitted to a terminal, without a line break at its end."""
    layout = PlotLayout(width, height, color, unicode, plot_title(preview, plot, width))
    scale = ValueScale.of(plot)
    x, y = axes_of(plot)
    if plot.type == "line":
        from h5s3.render.plots.line import line

        return line(plot.data, layout, scale, x)
    from h5s3.render.plots.heatmap import heatmap, image

    if plot.type == "image":
        return image(plot.data, layout, x, y, pixel_height(plot))
    return heatmap(plot.data, layout, scale, x, y)


def axes_of(plot: Plot) -> tuple[Coordinates, Coordinates]:
    """The coordinates along the x and the y axis."""
    wide = len(plot.data[0]) if plot.type != "line" and plot.data else len(plot.data)
    return Coordinates.of(plot.x, wide), Coordinates.of(plot.y, len(plot.data))


def plot_title(preview: Preview, plot: Plot, width: float) -> str:
    """Where the values are from; and what they are, where no axis says so."""
    slice_ = f" [{plot.selection}]"
    path = safe(preview.path, int(min(LONGEST, max(20, width - len(slice_)))))
    label = safe(plot.label, LONGEST_LABEL) if plot.label is not UNSET else ""
    named = plot.type == "line" or not label or path.endswith("/" + label)
    cut = {} if plot.at is UNSET else plot.at
    where = ", ".join(f"{safe(name, 30)} {cell_text(value, 30)}" for name, value in cut.items())
    slice_ += f" at {where}" if where and len(path + slice_ + where) + 4 <= width else ""
    return safe(path + slice_ + ("" if named else f": {label}"), int(min(2 * LONGEST, max(20, width))))


def pixel_height(plot: Plot) -> float:
    """How high a pixel of an image is: some rows or columns may have been left out."""
    if plot.x is UNSET or plot.y is UNSET or not plot.x.step or not plot.y.step:
        return 1.0
    return plot.y.step / plot.x.step
