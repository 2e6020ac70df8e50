"""Previews of datasets made for one test, and what they should show, worked out with NumPy."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.records import UNSET, Preview, from_json, to_json
from tests.support.reference.h5py_values import Expected
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session

ROWS, COLUMNS = 10, 8  # of a table


def stored(fill: Callable[[h5py.File], Any], **options: Any) -> MemoryStore:
    """A file in a store."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as h5:
        fill(h5)
    return MemoryStore(buffer.getvalue())


def stored_array(data: Any, **options: Any) -> MemoryStore:
    """A file of one dataset, `data`."""
    return stored(lambda h5: h5.create_dataset("data", data=data, **options))


def look(store: MemoryStore, path: str = "/data", *, max_bytes: int | None = None, **options: Any) -> Preview:
    """The preview of a dataset, as it comes back from JSON."""
    with memory_session(store, max_bytes=max_bytes) as session:
        fixed = tuple(sorted(options.pop("fixed", {}).items()))
        found = preview(session, LOCATION, PreviewRequest(path, fixed=fixed, **options))
    return from_json(to_json(found), Preview)


def index_of(text: str) -> tuple[Any, ...]:
    """A selection in NumPy's syntax as an index, without evaluating it."""
    if text == "()":
        return ()
    parts = [[int(number) for number in part.split(":")] for part in text.split(",")]
    return tuple(part[0] if len(part) == 1 else slice(*part) for part in parts)


def drawn_of(array: np.ndarray, found: Preview, display: tuple[int, int] | None = None) -> np.ndarray:
    """Of the array of the whole dataset what the plot draws, by the plot's own axes."""
    assert found.plot
    index: list[Any] = [_middle(part, size) for part, size in zip(parts_of(found), array.shape, strict=True)]
    for axis in (found.plot.y, found.plot.x):
        if axis:
            index[axis.dimension] = slice(axis.start, axis.start + axis.step * axis.count, axis.step)
    drawn = array[tuple(index)]
    return drawn.T if display and display[0] > display[1] else drawn


def parts_of(found: Preview) -> tuple[Any, ...]:
    """The parts of the selection that was read."""
    return index_of(found.selection)


def _middle(part: Any, size: int) -> int:
    if not isinstance(part, slice):
        return int(part)
    chosen = range(*part.indices(size))
    return chosen[len(chosen) // 2]


def plane_of(array: np.ndarray, found: Preview) -> np.ndarray:
    """Of what was read the line or plane that is drawn: the last dimensions, the others in their middle."""
    parts = parts_of(found)
    kept = [number for number, part in enumerate(parts) if isinstance(part, slice)][-2:]
    index = [p if n in kept else _middle(p, array.shape[n]) for n, p in enumerate(parts)]
    return array[tuple(index)]


def as_numbers(values: np.ndarray) -> list[Any]:
    """Nested lists of floats with None for what is not finite: what JSON makes of a plot."""
    if values.dtype.kind == "c":
        values = np.abs(values)
    if values.ndim > 1:
        return [as_numbers(row) for row in values]
    return [float(value) if math.isfinite(value) else None for value in values.astype(np.float64)]


def rows_of(values: np.ndarray, dtype: np.dtype[Any], ndim: int, h5: Any = None) -> list[list[Any]]:
    """The rows of a table of these values, `ndim` of whose dimensions are the dataset's."""
    base = dtype.subdtype[0] if dtype.subdtype else dtype
    expected, inner = Expected(h5), len(dtype.shape)
    if dtype.names:
        flat = np.asarray(values).reshape(-1)[:ROWS]
        return [[expected.one(row[name], dtype[name]) for name in dtype.names] for row in flat]
    if ndim == 0:
        return [[expected.array(values, base, inner)]]
    if ndim == 1:
        rows = [[expected.array(value, base, inner)] for value in values[:ROWS]]
        lengths = dtype.kind in "SO" and h5py.check_ref_dtype(dtype) is None
        return [[value, len(value)] for (value,) in rows] if lengths else rows
    grid = values.reshape(-1, *values.shape[ndim - 1 :])[:ROWS, :COLUMNS]
    return [[expected.array(value, base, inner) for value in row] for row in grid]


def check_stats(found: Preview, values: np.ndarray, size: int) -> None:
    """The statistics of these values, of a dataset of `size` elements."""
    stats = found.stats
    assert stats
    values = np.abs(values).reshape(-1) if values.dtype.kind == "c" else values.reshape(-1)
    finite = values[np.isfinite(values)]
    assert (stats.sample_size, stats.coverage) == (values.size, values.size / size)
    assert stats.nan_count == np.isnan(values).sum()
    assert stats.inf_count == np.isinf(values).sum()
    if not finite.size:
        assert stats.min is stats.max is stats.mean is stats.std is None
        return
    exact = float if values.dtype.kind == "f" else int
    assert (stats.min, stats.max) == (exact(finite.min()), exact(finite.max()))
    assert type(stats.min) is type(stats.max) is exact
    wide = finite.astype(np.longdouble)
    for shown, wanted in ((stats.mean, wide.mean()), (stats.std, wide.std())):
        if shown is None:
            assert wide.max() > np.finfo("f8").max  # no double holds it
        else:
            scale = float(np.abs(wide).max())
            assert math.isclose(shown, float(wanted), rel_tol=1e-6, abs_tol=max(1e-9 * scale, 5e-324))


def check_places(found: Preview, array: np.ndarray) -> None:
    """The lowest and the highest value of the sample are where the statistics say."""
    stats = found.stats
    assert stats
    places = (stats.min, stats.min_index), (stats.max, stats.max_index)
    for value, index in places:
        assert (index is UNSET) == (stats.min == stats.max)
        if index is not UNSET:
            there = array[tuple(index)]
            there = np.abs(there) if array.dtype.kind == "c" else there
            assert value == (float(there) if array.dtype.kind == "f" else there)
            assert len(index) == array.ndim and all(type(one) is int for one in index)


def limits_of(found: Preview) -> tuple[float | None, float | None, str]:
    """The limits that a plot should have by itself, worked out with NumPy."""
    assert found.plot
    values = np.ravel(np.array(found.plot.data, dtype=float))
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None, None, "data"
    extremes = float(finite.min()), float(finite.max())
    if found.plot.type == "line" or finite.size < 50 or isinstance(found.plot.categories, dict):
        return *extremes, "data"
    low, high = (float(value) for value in np.percentile(finite, [2, 98]))
    same = low == high or (low, high) == extremes
    return (*extremes, "data") if same else (low, high, "robust")


def check_limits(found: Preview) -> None:
    """The limits of a plot: robust ones of a heatmap of many values, else the extremes."""
    assert found.plot
    low, high, kind = limits_of(found)
    assert found.plot.limits == kind
    assert (found.plot.vmin, found.plot.vmax) == (
        (low, high) if kind == "data" else (pytest.approx(low), pytest.approx(high))
    )
