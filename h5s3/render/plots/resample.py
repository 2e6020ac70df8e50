"""Grids of levels, fitted to the cells of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from h5s3.render.plots.axes import linear_scale, log_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[Any]

BEYOND = 8.0  # levels: how far values outside the limits are told from each other
MOST_COUNTED = 64  # categories, beyond which the nearest one stands for its neighbours


def levels(values: Sequence[Sequence[float | None]], low: float, high: float, *, log: bool = False) -> Grid:
    """The values from 0 (at `low`) to 1 (at `high`), NaN where there is none; up to `BEYOND` outside them."""
    import numpy as np

    level = log_scale(low, high) if log else linear_scale(low, high)
    found = [[np.nan if value is None else level(value) for value in row] for row in values]
    clipped: Grid = np.clip(np.array(found), -BEYOND, 1.0 + BEYOND)
    return clipped


def fitted(count: int, available: int) -> int:
    """How many of the available cells to use for `count` rows: all, unless equal shares use most."""
    if count >= available:
        return available
    used = available // count * count
    return used if 3 * used >= 2 * available else available


def resample(grid: Grid, rows: int, columns: int) -> Grid:
    """The grid with that many rows and columns: area means where it shrinks, nearest cells where it grows.

    Missing cells (NaN) take no part in a mean. A result is missing where less than half of its area is known,
    or in a sparse grid less than its usual share, so that neither thin gaps nor lone values take over.
    """
    import numpy as np

    known = ~np.isnan(grid)
    share = _means(known.astype(float), rows, columns)
    total = _means(np.where(known, grid, 0.0), rows, columns)
    enough = _enough(known, share)
    return np.where(enough, total / np.where(enough, share, 1.0), np.nan)


def with_peaks(grid: Grid, rows: int, columns: int) -> Grid:
    """The same of levels, but where one stands out in such an area, that: a single bright pixel is seen."""
    import numpy as np

    from h5s3.explore.preview.peaks import outstanding

    means = resample(np.clip(grid, 0.0, 1.0), rows, columns)
    low, high = (_extremes(grid, choose, rows, columns) for choose in (np.fmin, np.fmax))
    found: Grid = np.where(np.isnan(means), means, np.clip(outstanding(means, low, high), 0.0, 1.0))
    return found


def most_frequent(codes: Grid, rows: int, columns: int) -> Grid:
    """The same for codes of categories: the one that covers most of a cell, never one between two."""
    import numpy as np

    known = ~np.isnan(codes)
    present = np.unique(codes[known])
    enough = _enough(known, _means(known.astype(float), rows, columns))
    if len(present) > MOST_COUNTED:
        sizes = zip((rows, columns), codes.shape, strict=True)
        at = [(2 * np.arange(wanted) + 1) * count // (2 * wanted) for wanted, count in sizes]
        nearest: Grid = codes[np.ix_(*at)]
        return nearest
    best, most = np.full((rows, columns), np.nan), np.zeros((rows, columns))
    for code in present:
        share = _means((codes == code).astype(float), rows, columns)
        best[share > most + 1e-9] = code
        most = np.maximum(share, most)
    return np.where(enough, best, np.nan)


def steps(grid: Grid, count: int) -> list[list[int]]:
    """Each level as a step from 0 to count - 1, -1 where it is missing."""
    import numpy as np

    missing = np.isnan(grid)
    scaled = np.where(missing, 0.0, grid) * count
    found: list[list[int]] = np.where(missing, -1, np.minimum(scaled.astype(int), count - 1)).tolist()
    return found


def _enough(known: Grid, share: Grid) -> Grid:
    found: Grid = (share > 1e-9) & (share >= min(0.5, float(known.mean())) - 1e-9)
    return found


def _extremes(grid: Grid, choose: Any, rows: int, columns: int) -> Grid:
    """The lowest or the highest level of each area (`choose` is `np.fmin` or `np.fmax`)."""
    import numpy as np

    for axis, wanted in enumerate((rows, columns)):
        count = grid.shape[axis]
        if wanted < count:
            grid = choose.reduceat(grid, np.arange(wanted) * count // wanted, axis=axis)
        else:
            grid = grid.take((2 * np.arange(wanted) + 1) * count // (2 * wanted), axis=axis)
    return grid


def _means(grid: Grid, rows: int, columns: int) -> Grid:
    return _resized(_resized(grid, rows).T, columns).T


def _resized(grid: Grid, wanted: int) -> Grid:
    """The grid with that many rows: means of the rows that each covers, or the nearest rows."""
    import numpy as np

    count = len(grid)
    if wanted >= count:
        nearest: Grid = grid[(2 * np.arange(wanted) + 1) * count // (2 * wanted)]
        return nearest
    sums = np.concatenate([np.zeros_like(grid[:1]), np.cumsum(grid, axis=0)])
    edges = np.arange(wanted + 1) * (count / wanted)
    whole = np.minimum(edges.astype(int), count - 1)
    up_to_edges = sums[whole] + (edges - whole)[:, None] * grid[whole]
    means: Grid = np.diff(up_to_edges, axis=0) * (wanted / count)
    return means
