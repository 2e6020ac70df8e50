"""A long line drawn from an overview that is stored beside it: all peaks, at the cost of a screenful."""

from __future__ import annotations

import numpy as np

from h5s3.explore.preview.color_limits import set_limits
from h5s3.explore.preview.context import Values, count_of
from h5s3.explore.preview.statistics import Reading, as_floats
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
    large = count_of(selection) * array.facts.itemsize > LEAST
    found = array.overview(selection, most) if large else None
    if found is None:
        return False
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
