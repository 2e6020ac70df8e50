"""The plot of a preview as a figure, PNG or SVG, by matplotlib: for a file, a notebook, a terminal.

Ticks and limits are those of the terminal: values become shares of an axis before matplotlib sees them, so
that huge and close numbers are told apart, and no text from a file is taken for mathematics.
"""

from __future__ import annotations

import logging
import math
import os
import textwrap
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h5s3.errors import H5s3Error, UsageError
from h5s3.export.atomic_file import atomic_write
from h5s3.records import UNSET, Plot, Preview, replaced
from h5s3.render.plots.axes import AxisTicks, Coordinates, linear_ticks, log_ticks
from h5s3.render.plots.colors import LINE, Rgb, category
from h5s3.render.plots.heatmap import codes_of
from h5s3.render.plots.line import horizontal_place, note_of, value_axis
from h5s3.render.plots.plot import axes_of, pixel_height, plot_title, upright
from h5s3.render.plots.plot_layout import PlotLayout
from h5s3.render.plots.resample import levels, most_frequent, resample, with_peaks
from h5s3.render.plots.value_scale import ROBUST, KnownValues, ValueScale
from h5s3.render.text import safe

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
FONT = 9  # points
MISSING = "0.8"  # a gray that is not in viridis
_LETTERS = 11.25, 6.8  # on an inch, across and down
_LINE_OF_NAME = 0.125  # inches of a category beside the colour bar
_NO_VALUES = "no values"
_STYLE: dict[Any, Any] = {
    "font.size": FONT,
    "text.parse_math": False,  # a $ in a name is a $
    "text.usetex": False,
    "svg.hashsalt": "h5s3",  # the same figure is the same file
    "svg.fonttype": "none",  # text stays text: it can be found, and has every letter that the viewer has
    "axes.unicode_minus": False,
}


@dataclass(frozen=True)
class Size:
    """Of a figure, in pixels; its text is `FONT` points high."""

    width: int
    height: int
    dots_per_inch: float

    @property
    def inches(self) -> tuple[float, float]:
        """Width and height."""
        return self.width / self.dots_per_inch, self.height / self.dots_per_inch

    @property
    def layout(self) -> PlotLayout:
        """As many letters as there is room for."""
        across, down = (
            max(1, round(size * letters)) for size, letters in zip(self.inches, _LETTERS, strict=True)
        )
        return PlotLayout(across, down, "", True, "")


FILE_SIZE = Size(1200, 750, 150)


def checked_format(path: Path) -> str:
    """The format that the name of a file asks for. Raises `UsageError` for one that cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--plot-out {safe(str(path))}: not a name that ends in .png or .svg")
    return path.suffix.lower()[1:]


def save_figure(preview: Preview, path: Path) -> None:
    """Write the plot of a preview to a file, which is whole or as it was before.

    Raises `UsageError` for names of other formats, where there is nothing to draw, and without matplotlib.
    """
    kind = checked_format(path)
    if preview.plot is None:
        raise UsageError(f"--plot-out: there is nothing to draw of {safe(preview.path)}")
    try:
        data = figure_bytes(preview, preview.plot, kind)
    except ImportError:
        raise UsageError("--plot-out needs matplotlib", hint="pip install 'h5s3[plot]'") from None
    try:
        with atomic_write(os.path.realpath(path), overwrite=True) as (stream, _):  # what a link points to
            stream.write(data)
    except OSError as error:
        raise H5s3Error(f"cannot write {safe(str(path))}: {error.strerror or error}") from None


def figure_bytes(preview: Preview, plot: Plot, kind: str, size: Size = FILE_SIZE) -> bytes:
    """The plot as `png` or `svg`. Raises `ImportError` without matplotlib."""
    import matplotlib

    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)  # it has words about fonts and directories
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that no font has, labels that need more room
        matplotlib.rcdefaults()
        for name, value in _STYLE.items():
            matplotlib.rcParams[name] = value
        data = BytesIO()
        metadata: dict[str, Any] = {"Software": "h5s3"}
        if kind == "svg":
            metadata = {"Date": None, "Creator": "h5s3"}
        _figure(preview, plot, size).savefig(data, format=kind, metadata=metadata)
    return data.getvalue()


def _figure(preview: Preview, plot: Plot, size: Size) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size.inches, dpi=size.dots_per_inch, layout="constrained")
    ax = figure.add_subplot()
    note = _draw(figure, ax, plot, size.layout)
    name = safe(preview.title, 160) if preview.title is not UNSET else ""  # what the dataset calls itself
    wide = size.layout.width
    lines = [*textwrap.wrap(name, wide), *textwrap.wrap(plot_title(preview, plot, math.inf), wide)]
    ax.set_title("\n".join(lines), fontsize=FONT + 1)
    if note:
        figure.supxlabel(note, fontsize=FONT - 2, x=0.99, ha="right", color="0.35")
    if ax.images:
        _fit_cells(figure, ax, plot)
    return figure


def _draw(figure: Figure, ax: Axes, plot: Plot, layout: PlotLayout) -> str:
    """Draw a plot within axes. Returns the note that stands below the figure."""
    if plot.type == "line":
        return _line(ax, plot, axes_of(plot)[0], layout)
    rows, x, y = upright(plot)
    plot = replaced(plot, data=list(rows))
    if plot.type == "image":
        return _image(ax, plot, x, y, layout)
    return _heatmap(figure, ax, plot, x, y, layout)


def _fit_cells(figure: Figure, ax: Axes, plot: Plot) -> None:
    """Where a figure has fewer pixels than the plot has cells, those that stand out are seen nevertheless."""
    import numpy as np

    shown = ax.images[0]
    grid: Any = np.ma.asarray(shown.get_array())
    if 2 * grid.shape[0] <= figure.bbox.height and 2 * grid.shape[1] <= figure.bbox.width:
        return  # axes take more than half
    figure.draw_without_rendering()  # lays out: only then the axes have their size
    room = ax.get_window_extent()
    rows, columns = (
        max(1, min(count, int(size)))
        for count, size in zip(grid.shape, (room.height, room.width), strict=False)
    )
    if (rows, columns) == grid.shape[:2]:
        return
    extent = shown.get_extent()
    if plot.type == "image":
        channels = [resample(grid[..., channel].astype(float), rows, columns) for channel in range(3)]
        shown.set_data(np.rint(np.stack(channels, axis=-1)).astype(np.uint8))
    else:
        fit = with_peaks if plot.categories is UNSET or not plot.categories else most_frequent
        shown.set_data(fit(grid.filled(np.nan), rows, columns))
    shown.set_extent(extent)


def _line(ax: Axes, plot: Plot, x: Coordinates, layout: PlotLayout) -> str:
    """Draw a line; points that stand alone are dots. Returns the note that stands below the figure."""
    scale = ValueScale.of(plot)
    known = KnownValues.of([plot.data], scale)
    if not known.flat:
        return _nothing(ax, known.note)
    axis = value_axis(layout, scale, known.flat)
    across = horizontal_place(x)
    places = [across(value) for value in x.values]
    values = [None if v is None else axis.place(v) for v in known.grid[0]]
    if not scale.categories:
        ax.plot(places, [math.nan if v is None else v for v in values], color=_share(LINE), linewidth=1)
    neighbours = zip(places, [None, *values], values, [*values[1:], None], strict=False)
    points = [
        (place, value)
        for place, before, value, after in neighbours
        if value is not None and (scale.categories or before is after is None)
    ]
    if points:
        ax.plot(*zip(*points, strict=True), ".", color=_share(LINE), markersize=4)
    ax.set_ylim((0, 1) if axis.beyond or scale.categories else (-0.03, 1.03))
    ax.set_xlim(-0.01, 1.01)
    _set_ticks(ax.xaxis, x.point_ticks(layout, layout.width, across), x.label)
    _set_ticks(ax.yaxis, axis.ticks, scale.title)
    ax.grid(color="0.9", linewidth=0.5)
    return note_of(scale, known, axis)


def _heatmap(figure: Figure, ax: Axes, plot: Plot, x: Coordinates, y: Coordinates, layout: PlotLayout) -> str:
    """Draw a heatmap with its colour bar. Returns the note that stands below the figure."""
    import matplotlib

    scale = ValueScale.of(plot)
    known = KnownValues.of(plot.data, scale)
    if not known.flat:
        return _nothing(ax, known.note)
    _cell_ticks(ax, x, y, layout)
    if scale.categories:
        scale, codes = codes_of(known, scale)
        _categories(figure, ax, scale, codes, layout)
        return _missing(known.note)
    low, high = scale.limits(known.flat)
    grid = levels(known.grid, low, high, log=scale.log)
    colors = matplotlib.colormaps["viridis"].with_extremes(bad=MISSING)
    shown = ax.imshow(grid, cmap=colors, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    ends = (min(known.flat) < low, max(known.flat) > high)
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(ends, "neither")
    bar = figure.colorbar(shown, ax=ax, extend=extend)
    _set_ticks(bar, _bar_ticks(scale, low, high), scale.title)
    robust = f"colours: {ROBUST}" if scale.robust else ""
    return "; ".join(note for note in (robust, _missing(known.note)) if note)


def _image(ax: Axes, plot: Plot, x: Coordinates, y: Coordinates, layout: PlotLayout) -> str:
    """Draw an image. Returns the note that stands below the figure."""
    import numpy as np

    if not plot.data or not plot.data[0]:
        return _nothing(ax, _NO_VALUES)
    gone = [204, 204, 204]
    pixels = [[gone if pixel is None else pixel for pixel in row] for row in plot.data]
    shown = np.clip(np.rint(np.array(pixels, dtype=float)), 0, 255).astype(np.uint8)
    ax.imshow(shown, aspect=pixel_height(plot), interpolation="nearest")
    _cell_ticks(ax, x, y, layout)
    count = sum(pixel is None for row in plot.data for pixel in row)
    return _missing(f"{count} of {sum(map(len, plot.data))} missing") if count else ""


def _categories(figure: Figure, ax: Axes, scale: ValueScale, codes: Any, layout: PlotLayout) -> None:
    from matplotlib.colors import ListedColormap

    count = len(scale.categories)
    colors = ListedColormap([_share(category(i, count)) for i in range(count)]).with_extremes(bad=MISSING)
    shown = ax.imshow(codes, cmap=colors, vmin=-0.5, vmax=count - 0.5, aspect="auto", interpolation="nearest")
    bar = figure.colorbar(shown, ax=ax)
    most = max(2, int(figure.get_figheight() / _LINE_OF_NAME))  # names that have room
    chosen = range(0, count, -(-count // most))
    bar.set_ticks(list(chosen), labels=[layout.cut(scale.categories[i][0], 24) for i in chosen])
    bar.minorticks_off()
    bar.ax.invert_yaxis()  # read from the top
    if scale.title:
        bar.set_label(scale.title)


def _bar_ticks(scale: ValueScale, low: float, high: float) -> AxisTicks:
    """Ticks of the colour bar: its limits, and round numbers between them."""
    first, last = scale.limit_texts(low, high)
    if low == high:
        return AxisTicks([(0.5, first)])
    made = log_ticks(low, high, count=6) if scale.log else linear_ticks(low, high, count=6)
    if made.offset:
        return made
    inner = [] if scale.dates else [tick for tick in made.ticks if 0.05 < tick[0] < 0.95]
    return AxisTicks([(0.0, first), *inner, (1.0, last)])


def _cell_ticks(ax: Axes, x: Coordinates, y: Coordinates, layout: PlotLayout) -> None:
    for drawn, coords, cells in ((ax.xaxis, x, layout.width - 15), (ax.yaxis, y, layout.height)):
        made = coords.cell_ticks(layout, cells, upright=coords is y)
        count = len(coords.values)
        _set_ticks(drawn, made.moved(lambda share, count=count: share * count - 0.5), coords.label)  # type: ignore[misc]


def _set_ticks(axis: Any, made: AxisTicks, label: str) -> None:
    """Put ticks on an axis, or beside a colour bar."""
    axis.set_ticks([place for place, _ in made.ticks], labels=[text for _, text in made.ticks])
    set_label = getattr(axis, "set_label_text", axis.set_label)
    set_label(made.titled(label))


def _missing(note: str) -> str:
    return f"{note} (gray)" if note else ""


def _nothing(ax: Axes, note: str) -> str:
    ax.set_axis_off()
    ax.text(0.5, 0.5, f"nothing to plot: {note or _NO_VALUES}", ha="center", transform=ax.transAxes)
    return ""


def _share(rgb: Rgb) -> tuple[float, float, float]:
    return rgb[0] / 255, rgb[1] / 255, rgb[2] / 255
