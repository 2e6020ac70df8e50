"""What `preview` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Json, Record, Shape


class Stats(Record, kw_only=True):
    """Statistics of the finite values of the sample; None where there are none."""

    min: int | float | None
    max: int | float | None
    mean: float | None
    std: float | None
    nan_count: int
    inf_count: int
    sample_size: int  # elements read
    coverage: float  # elements read / elements of the dataset
    missing_count: int | UnsetType = UNSET  # elements equal to `_FillValue` or `missing_value`


class Table(Record, kw_only=True):
    """A corner of the data. `rows` hold JSON values, `columns` name compound fields or indices."""

    rows: list[list[Json]]
    columns: list[str] | UnsetType = UNSET
    row_labels: list[int] | UnsetType = UNSET
    rows_truncated: bool = False
    columns_truncated: bool = False


class Axis(Record, kw_only=True):
    """One axis of a plot: dimension, start and step of the indices drawn, in elements."""

    dimension: int
    start: int
    step: int
    count: int
    label: str | UnsetType = UNSET


class Plot(Record, kw_only=True):
    """Data of a line (1-D) or heatmap (2-D), with null where a value is missing or not finite."""

    type: Literal["line", "heatmap"]
    data: list[Json]
    vmin: float | None
    vmax: float | None
    downsampled: bool
    selection: str  # NumPy syntax: the values that are drawn
    x: Axis | UnsetType = UNSET
    y: Axis | UnsetType = UNSET


class Preview(Document, kw_only=True):
    """What is in a dataset, from a bounded sample."""

    schema: Literal["h5s3/preview/1"] = "h5s3/preview/1"
    location: str
    key: str
    etag: str | None
    path: str
    dtype: str
    shape: Shape | None
    ndim: int
    preview_type: Literal["line", "heatmap", "table", "scalar", "empty"]
    selection: str  # NumPy syntax; reproduces the values that were read
    cached: bool = False
    stats: Stats | None = None
    table: Table | None = None
    plot: Plot | None = None
    profile: list[float | None] | None = None  # mean of every row drawn (2-D and up)
    notes: list[str] = []
