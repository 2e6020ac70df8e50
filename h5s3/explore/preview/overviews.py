"""Long lines and large images drawn from overviews stored beside them: all peaks, a screenful of bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from h5s3.explore.preview.color_limits import set_limits
from h5s3.explore.preview.context import Values, count_of
from h5s3.explore.preview.peaks import outstanding
from h5s3.explore.preview.plot_data import as_json
from h5s3.explore.preview.statistics import Reading, as_floats, mean_of
from h5s3.formats.base import Array, Overview
from h5s3.formats.cf import Coding
from h5s3.formats.selection import Selection, text_of_selection
from h5s3.records import Axis, Plot, Preview, Stats
from h5s3.sizes import MIB

LEAST = 2 * MIB  # bytes of values, of which an overview is drawn


def drawn_from_overview(
    document: Preview, array: Array, selection: Selection, reading: Reading, most: int
) -> bool:
    """Fill a preview with a line and statistics, where that can be done. `most`: points on an axis."""
    selection = _plane(selection)
    large = count_of(selection) * array.facts.itemsize > LEAST
    found = array.overview(selection, most) if large else None
    if found is None:
        return False
    selection = _covered(selection, found, array)
    document.selection = text_of_selection(selection)
    if found.low.ndim == 2:
        _draw_image(document, array, selection, reading, found, most)
        return True
    low, high = (as_floats(*reading.numbers(part)) for part in (found.low, found.high))
    low, high = np.fmin(low, high), np.fmax(low, high)  # a negative scale factor turns them round
    numbers = np.stack([low, high], axis=1).reshape(-1)
    axis = selection[-1]
    document.plot = Plot(
        type="line",
        data=[float(number) if np.isfinite(number) else None for number in numbers],
        vmin=None,
        vmax=None,
        downsampled=True,
        peaks=True,
        selection=text_of_selection(selection),
        x=Axis(
            dimension=len(selection) - 1, start=axis.start, step=max(1, found.every // 2), count=numbers.size
        ),
    )
    label = array.coordinates()[1][-1].label
    if label:
        document.plot.x.label = label  # type: ignore[union-attr]
    _describe(document.plot, reading.coding)
    set_limits(document.plot)
    document.preview_type = "line"
    document.stats = _statistics(low, high, found, reading, selection, array)
    document.notes.append(
        f"from an overview: of each {found.every:,} values the lowest and the highest; missing ones are not"
        " counted"
    )
    return True


def _plane(selection: Selection) -> Selection:
    """The last two dimensions; the others at their middle, as where an image is drawn from itself."""
    kept = [number for number, axis in enumerate(selection) if axis.keep]
    return tuple(
        axis.at(axis.count // 2) if number in kept[:-2] else axis for number, axis in enumerate(selection)
    )


def _covered(selection: Selection, found: Overview, array: Array) -> Selection:
    """The selection with all of the stretches that are drawn."""
    shape, chosen = array.facts.shape or (), list(selection)
    stretches = [(found.top, found.down), (found.start, found.every)][-found.low.ndim :]
    for number, (start, every), count in zip(
        range(-found.low.ndim, 0), stretches, found.low.shape, strict=True
    ):
        chosen[number] = replace(
            selection[number], start=start, count=min(count * every, shape[number] - start)
        )
    return tuple(chosen)


def _draw_image(
    document: Preview, array: Array, selection: Selection, reading: Reading, found: Overview, most: int
) -> None:
    """Fill a preview with an image: means, and where something stands out of a stretch, that."""
    low, high, mean = (as_floats(*reading.numbers(part)) for part in (found.low, found.high, found.mean))
    low, high = np.fmin(low, high), np.fmax(low, high)
    rows, columns = selection[-2:]
    weights = np.outer(_lengths(rows.count, found.down), _lengths(columns.count, found.every))
    document.stats = _stats(low, high, mean, weights, selection, array.facts.size)
    every = max(1, -(-max(low.shape) // most))
    numbers = outstanding(_means(mean, every), _thinned(low, every, np.fmin), _thinned(high, every, np.fmax))
    last = len(selection) - 1
    axes = [
        Axis(dimension=number, start=axis.start, step=step * every, count=count)
        for number, axis, step, count in (
            (last - 1, rows, found.down, numbers.shape[0]),
            (last, columns, found.every, numbers.shape[1]),
        )
    ]
    for axis, coordinate in zip(axes, array.coordinates()[1][-2:], strict=True):
        if coordinate.label:
            axis.label = coordinate.label
    document.plot = Plot(
        type="heatmap",
        data=as_json(numbers),
        vmin=None,
        vmax=None,
        downsampled=True,
        peaks=True,
        selection=text_of_selection(selection),
        x=axes[1],
        y=axes[0],
    )
    _describe(document.plot, reading.coding)
    set_limits(document.plot)
    document.preview_type = "heatmap"
    document.profile = [mean_of(row) for row in numbers]
    document.notes.append(
        f"from an overview: of each {found.down * every} × {found.every * every} pixels the mean, or what"
        " stands out; missing ones are not counted"
    )


def _stats(
    low: Values, high: Values, mean: Values, weights: Values, selection: Selection, size: int
) -> Stats:
    """Of all pixels of a selection, by those of its stretches; `size`: elements of the whole array."""
    known = ~np.isnan(mean)
    return Stats(
        min=float(low[known].min()) if known.any() else None,
        max=float(high[known].max()) if known.any() else None,
        mean=float(np.average(mean[known], weights=weights[known])) if known.any() else None,
        std=None,
        nan_count=0,
        inf_count=0,
        sample_size=count_of(selection),
        coverage=count_of(selection) / max(1, size),
    )


def _lengths(count: int, every: int) -> Values:
    """Of the stretches of an axis: the last may be short."""
    found = np.full(-(-count // every), float(every))
    found[-1] = count - every * (len(found) - 1)
    return found


def _thinned(values: Values, every: int, how: np.ufunc) -> Values:
    """So many rows and columns as one."""
    rows, columns = (np.arange(0, length, every) for length in values.shape)
    found: Values = how.reduceat(how.reduceat(values, rows, axis=0), columns, axis=1)
    return found


def _means(values: Values, every: int) -> Values:
    total = _thinned(np.nan_to_num(values, nan=0.0), every, np.add)
    count = _thinned((~np.isnan(values)).astype(float), every, np.add)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, total / count, np.nan)


def _describe(plot: Plot, coding: Coding) -> None:
    if coding.units:
        plot.units = coding.units
    if coding.title:
        plot.label = coding.title


def _statistics(
    low: Values, high: Values, found: Overview, reading: Reading, selection: Selection, array: Array
) -> Stats:
    known = ~np.isnan(low)
    means = as_floats(*reading.numbers(found.mean))
    sizes = np.full(means.size, float(found.every))
    sizes[-1] = selection[-1].count - found.every * (means.size - 1)
    mean = np.isfinite(means)
    return Stats(
        min=float(low[known].min()) if known.any() else None,
        max=float(high[known].max()) if known.any() else None,
        mean=float(np.average(means[mean], weights=sizes[mean])) if mean.any() else None,
        std=None,
        nan_count=0,
        inf_count=0,
        sample_size=count_of(selection),
        coverage=count_of(selection) / max(1, array.facts.size),
    )
