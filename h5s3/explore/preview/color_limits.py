"""The limits between which a plot is drawn: of the data, robust against outliers, or as wished."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import Any

from h5s3.errors import UsageError
from h5s3.records import Plot, Preview, replaced

LOW, HIGH = 0.02, 0.98  # of the values drawn lie below
SAME = 8 * sys.float_info.epsilon  # relative difference of numbers that differ by rounding alone
FEWEST = 50  # values of which 2 % are at least one


def set_limits(plot: Plot) -> None:
    """The limits of a plot without any wish: robust for heatmaps of numbers, the extremes for all else."""
    numbers = sorted(_numbers(plot.data)) if plot.type != "image" else []
    if not numbers:
        plot.vmin = plot.vmax = None
        return
    plot.vmin, plot.vmax = numbers[0], numbers[-1]
    if plot.type == "heatmap" and plot.vmax - plot.vmin <= SAME * max(abs(plot.vmin), abs(plot.vmax)):
        plot.vmax = plot.vmin  # rounding alone would look like contrast
        return
    if plot.type == "heatmap" and len(numbers) >= FEWEST and not isinstance(plot.categories, dict):
        low, high = percentile(numbers, LOW), percentile(numbers, HIGH)
        if low < high and (low, high) != (plot.vmin, plot.vmax):
            plot.vmin, plot.vmax, plot.limits = low, high, "robust"


def limited(preview: Preview, log: bool, vmin: float | None, vmax: float | None) -> Preview:
    """The preview drawn as wished. Raises `UsageError` for limits that exclude each other."""
    _validate(log, vmin, vmax)
    plot = preview.plot
    if plot is None or plot.type == "image" or (not log and vmin is None and vmax is None):
        return preview
    changes: dict[str, Any] = {}
    notes = list(preview.notes)
    if log:
        changes, note = _logarithmic(plot)
        notes += [note] if note else []
    if vmin is not None or vmax is not None:
        low = changes.get("vmin", plot.vmin) if vmin is None else vmin
        high = changes.get("vmax", plot.vmax) if vmax is None else vmax
        if low is not None and high is not None and low > high:
            low, high = (low, low) if vmax is None else (high, high)
        changes |= {"vmin": low, "vmax": high, "limits": "given"}
    return replaced(preview, plot=replaced(plot, **changes), notes=notes)


def at_limits(preview: Preview, log: bool, full: bool) -> Preview:
    """The same on a logarithmic scale, or with limits that take in all values that are drawn (`full`)."""
    plot = preview.plot
    if not full or plot is None or plot.type != "heatmap":
        return limited(preview, log, None, None)
    numbers = [number for number in _numbers(plot.data) if number > 0 or not log]
    low, high = min(numbers, default=None), max(numbers, default=None)
    return limited(preview, log, *((low, high) if numbers and low != high else (None, None)))


def _validate(log: bool, vmin: float | None, vmax: float | None) -> None:
    for name, limit in (("--vmin", vmin), ("--vmax", vmax)):
        if limit is not None and not math.isfinite(limit):
            raise UsageError(f"{name} {limit} is not a number to draw up to")
        if limit is not None and log and limit <= 0:
            raise UsageError(f"{name} {limit:g} is not above 0, as --log needs it")
    if vmin is not None and vmax is not None and not vmin < vmax:
        raise UsageError(f"--vmin {vmin:g} is not below --vmax {vmax:g}")


def _logarithmic(plot: Plot) -> tuple[dict[str, Any], str]:
    """What changes on a logarithmic scale, or why there is none."""
    if isinstance(plot.categories, dict):
        return {}, "names: not drawn on a logarithmic scale"
    positive = sorted(number for number in _numbers(plot.data) if number > 0)
    if not positive:
        return {}, "no positive values: not drawn on a logarithmic scale"
    robust = plot.limits == "robust" and percentile(positive, LOW) < percentile(positive, HIGH)
    low, high = (LOW, HIGH) if robust else (0, 1)
    limits = {"vmin": percentile(positive, low), "vmax": percentile(positive, high)}
    return {"log": True, "limits": "robust" if robust else "data", **limits}, ""


def percentile(numbers: list[float], share: float) -> float:
    """Of sorted numbers the one below which a share lies, interpolated as NumPy does by default."""
    place = (len(numbers) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(numbers) - 1)
    part = place - below
    return numbers[below] * (1 - part) + numbers[above] * part if part else numbers[below]


def _numbers(data: Any) -> Iterable[float]:
    """The numbers of nested lists."""
    for item in data:
        if isinstance(item, list):
            yield from _numbers(item)
        elif item is not None:
            yield item
