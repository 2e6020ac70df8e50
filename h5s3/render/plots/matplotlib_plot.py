"""Lines, heatmaps and images on the axes of matplotlib, with the ticks and colours that a terminal gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h5s3.records import Plot
from h5s3.render.plots.axes import Axis, axis, log_axis
from h5s3.render.plots.axis_coordinates import Along
from h5s3.render.plots.colors import LINE, Rgb, category
from h5s3.render.plots.heatmap import codes_of
from h5s3.render.plots.legend import ROBUST, limit_texts
from h5s3.render.plots.line import across_of, ladder_of, note_of
from h5s3.render.plots.plot_layout import Page
from h5s3.render.plots.resample import levels
from h5s3.render.plots.value_scale import Known, Meaning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MISSING = "0.8"  # a gray that viridis has not
_PAGE = Page(90, 34, "", True, "")  # letters of the ticks that a figure has room for
_MOST_NAMES = 40
_NO_VALUES = "no values"


def line(ax: Axes, plot: Plot, x: Along) -> str:
    """Draw a line; points that stand alone are dots. Gives what is to be noted below."""
    meaning = Meaning.of(plot)
    known = Known.of([plot.data], meaning)
    if not known.shown:
        return _nothing(ax, known.note)
    ladder = ladder_of(_PAGE, meaning, known.shown)
    across = across_of(x)
    places = [across(value) for value in x.values]
    values = [None if v is None else ladder.up(v) for v in known.values[0]]
    points = [(a, b) for a, b in zip(places, values, strict=False) if b is not None]
    if not meaning.categories:
        ax.plot(places, [float("nan") if v is None else v for v in values], color=_share(LINE), linewidth=1)
        near = [None, *values, None]
        points = [
            (a, b)
            for i, (a, b) in enumerate(zip(places, values, strict=False))
            if b is not None and near[i] is None and near[i + 2] is None
        ]
    if points:
        ax.plot(*zip(*points, strict=True), ".", color=_share(LINE), markersize=4)
    beyond = bool(ladder.beyond)
    ax.set_ylim((0, 1) if beyond or meaning.categories else (-0.03, 1.03))
    ax.set_xlim(-0.01, 1.01)
    _ticks(ax.xaxis, x.point_axis(_PAGE, _PAGE.width, across), x.label)
    _ticks(ax.yaxis, ladder.axis, meaning.title)
    ax.grid(color="0.9", linewidth=0.5)
    return note_of(meaning, known, ladder)


def heatmap(figure: Figure, ax: Axes, plot: Plot, x: Along, y: Along) -> str:
    """Draw a heatmap with its colour bar. Gives what is to be noted below."""
    meaning = Meaning.of(plot)
    known = Known.of(plot.data, meaning)
    if not known.shown:
        return _nothing(ax, known.note)
    _cell_ticks(ax, x, y)
    if meaning.categories:
        meaning, codes = codes_of(known, meaning)
        _categories(figure, ax, meaning, codes)
        return _missing(known.note)
    low, high = meaning.limits(known.shown)
    grid = levels(known.values, low, high, log=meaning.log)
    shown = ax.imshow(grid, cmap=_viridis(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    ends = (min(known.shown) < low, max(known.shown) > high)
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(ends, "neither")
    bar = figure.colorbar(shown, ax=ax, extend=extend)
    made = _bar_axis(meaning, low, high)
    bar.set_ticks([place for place, _ in made.ticks], labels=[text for _, text in made.ticks])
    bar.set_label(made.titled(meaning.title))
    robust = f"colours: {ROBUST}" if meaning.robust else ""
    return "; ".join(note for note in (robust, _missing(known.note)) if note)


def image(ax: Axes, plot: Plot, x: Along, y: Along, pixel: float) -> str:
    """Draw an image. Gives what is to be noted below."""
    import numpy as np

    if not plot.data or not plot.data[0]:
        return _nothing(ax, _NO_VALUES)
    gone = [204, 204, 204]
    pixels = [[gone if pixel is None else pixel for pixel in row] for row in plot.data]
    shown = np.clip(np.rint(np.array(pixels, dtype=float)), 0, 255).astype(np.uint8)
    ax.imshow(shown, aspect=pixel, interpolation="nearest")
    _cell_ticks(ax, x, y)
    count = sum(pixel is None for row in plot.data for pixel in row)
    return _missing(f"{count} of {sum(map(len, plot.data))} missing") if count else ""


def _categories(figure: Figure, ax: Axes, meaning: Meaning, codes: Any) -> None:
    from matplotlib.colors import ListedColormap

    count = len(meaning.categories)
    colors = ListedColormap([_share(category(i, count)) for i in range(count)])
    colors.set_bad(MISSING)
    shown = ax.imshow(codes, cmap=colors, vmin=-0.5, vmax=count - 0.5, aspect="auto", interpolation="nearest")
    bar = figure.colorbar(shown, ax=ax)
    chosen = range(0, count, -(-count // _MOST_NAMES))
    bar.set_ticks(list(chosen), labels=[_PAGE.cut(meaning.categories[i][0], 24) for i in chosen])
    bar.minorticks_off()
    bar.ax.invert_yaxis()  # read from the top
    if meaning.title:
        bar.set_label(meaning.title)


def _viridis() -> Any:
    import matplotlib

    colors = matplotlib.colormaps["viridis"].copy()
    colors.set_bad(MISSING)
    return colors


def _bar_axis(meaning: Meaning, low: float, high: float) -> Axis:
    """Ticks of the colour bar: its limits, and round numbers between them."""
    if low == high:
        return Axis([(0.5, (meaning.dates or limit_texts(meaning, low, high))[0])])
    first, last = meaning.dates or limit_texts(meaning, low, high)
    made = log_axis(low, high, count=6) if meaning.log else axis(low, high, count=6)
    if made.offset:
        return made
    inner = [] if meaning.dates else [tick for tick in made.ticks if 0.05 < tick[0] < 0.95]
    return Axis([(0.0, first), *inner, (1.0, last)])


def _cell_ticks(ax: Axes, x: Along, y: Along) -> None:
    for drawn, along, cells in ((ax.xaxis, x, _PAGE.width - 15), (ax.yaxis, y, _PAGE.height)):
        made = along.cell_axis(_PAGE, cells, upright=along is y)
        count = len(along.values)
        _ticks(drawn, made.moved(lambda share, count=count: share * count - 0.5), along.label)  # type: ignore[misc]


def _ticks(drawn: Any, made: Axis, label: str) -> None:
    drawn.set_ticks([place for place, _ in made.ticks], labels=[text for _, text in made.ticks])
    drawn.set_label_text(made.titled(label))


def _missing(note: str) -> str:
    return f"{note} (gray)" if note else ""


def _nothing(ax: Axes, note: str) -> str:
    ax.set_axis_off()
    ax.text(0.5, 0.5, f"nothing to plot: {note or _NO_VALUES}", ha="center", transform=ax.transAxes)
    return ""


def _share(rgb: Rgb) -> tuple[float, float, float]:
    return rgb[0] / 255, rgb[1] / 255, rgb[2] / 255
