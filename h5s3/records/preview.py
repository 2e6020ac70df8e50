"""What `preview` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Followed, Json, Record, Shape


class Stats(Record, kw_only=True):
    """Statistics of the finite values of the sample; None where there are none."""

    min: int | float | None
    max: int | float | None
    mean: float | None
    std: float | None
    nan_count: int
    inf_count: int
    sample_size: int  # elements read; of an array type the numbers in them
    coverage: float  # elements read / elements of the dataset
    missing_count: int | UnsetType = UNSET  # elements equal to `_FillValue` or `missing_value`
    of: str | UnsetType = UNSET  # the field of a compound, or the part of complex numbers
    min_time: str | UnsetType = UNSET  # of values in time units: as a date
    max_time: str | UnsetType = UNSET
    min_index: list[int] | UnsetType = UNSET  # of a value that is the lowest, where values differ
    max_index: list[int] | UnsetType = UNSET
    min_coordinates: dict[str, Json] | UnsetType = UNSET  # of that index, by the names of dimensions
    max_coordinates: dict[str, Json] | UnsetType = UNSET


class Sampling(Record, kw_only=True):
    """How much of what was asked for was read, in the pieces in which it is stored."""

    unit: Literal["chunk", "run"]  # a run: bytes of a contiguous dataset
    read: int
    total: int  # that what was asked for touches
    gaps: bool | UnsetType = UNSET  # of the plot and the table some was not read: null there
    parts: list[str] | UnsetType = UNSET  # selections whose union is the sample, where no single one is


class Coding(Record, kw_only=True):
    """How stored values became those that are shown, by the NetCDF and CF conventions."""

    missing: list[Json] = []  # stored values that mean "no value"
    scale_factor: float | UnsetType = UNSET
    add_offset: float | UnsetType = UNSET
    unsigned: bool | UnsetType = UNSET
    calendar: str | UnsetType = UNSET  # of values in time units


class Table(Record, kw_only=True):
    """A corner of the data. `rows` hold JSON values, `columns` name compound fields or indices.

    Where dimension scales or NeXus axes give the rows or columns coordinates, they stand beside the indices.
    """

    rows: list[list[Json]]
    null_words: list[list[str | None]] | UnsetType = UNSET  # of tables: which null is `null`, `nan`, `±inf`
    columns: list[str] | UnsetType = UNSET
    row_labels: list[int] | UnsetType = UNSET
    row_axis: str | UnsetType = UNSET  # what the coordinates of the rows are
    row_coordinates: list[Json] | UnsetType = UNSET
    column_axis: str | UnsetType = UNSET
    column_coordinates: list[Json] | UnsetType = UNSET
    selection: str | UnsetType = UNSET  # the plane whose corner this is, where more was read
    rows_truncated: bool = False
    columns_truncated: bool = False


class Window(Record, kw_only=True):
    """Some rows and columns of an array of so many. Of a table whose elements are compounds, or have one
    value, `table.columns` names all columns."""

    path: str
    dtype: str
    selection: str
    num_rows: int
    num_columns: int
    table: Table
    shape: Shape | None = None
    within: str = ""  # what the rows and columns are numbered in: the whole slice
    row_start: int = 0
    row_step: int = 1
    column_start: int = 0
    column_step: int = 1
    units: str = ""
    at: dict[str, Json] | UnsetType = UNSET  # where the slice stands: coordinates of the other dimensions
    partial: bool = False  # not all of it could be read
    decoded: bool = False  # values are others than those that are stored
    digits: list[str] = []  # of these columns, or of all: as of `Point`
    more: bool = False  # of a table: there are more rows than these, how many is not known
    version: str | None = None  # of a table
    counted: list[tuple[int, int]] = []  # files of it that were counted to number rows, and their rows


class PointAxis(Record, kw_only=True):
    """Where a value is along one dimension: the coordinate there, of times a date."""

    dimension: int
    value: Json
    label: str | UnsetType = UNSET
    units: str | UnsetType = UNSET
    digits: str = ""  # as of `Point`


class Extreme(Record, kw_only=True):
    """The lowest or the highest of some values, and its indices."""

    value: Json
    at: str


class Point(Record, kw_only=True):
    """One value of an array, as it is meant, at the indices `at`; null and a `word` where there is none.

    `low` and `high` are of the box `near`, of `count` elements, of which so many are `missing` or not finite.
    """

    path: str
    at: str
    value: Json
    axes: list[PointAxis]
    word: str | UnsetType = UNSET  # nan, inf, -inf, fill, missing
    stored: Json | UnsetType = UNSET  # where that is another number
    units: str | UnsetType = UNSET
    digits: str = ""  # float16, float32: the type of floats; packed: values were multiplied, or added to
    of: str | UnsetType = UNSET  # the field of a compound
    near: str | UnsetType = UNSET
    count: int = 1
    missing: int = 0
    low: Extreme | UnsetType = UNSET
    high: Extreme | UnsetType = UNSET


class Axis(Record, kw_only=True):
    """One axis of a plot: dimension, start and step of the indices drawn, in elements.

    `values` are the coordinates of what is drawn, one for each index, from a dimension scale or NeXus axis;
    `texts` the same as people write them, where they are dates or strings.
    """

    dimension: int
    start: int
    step: int
    count: int
    label: str | UnsetType = UNSET
    units: str | UnsetType = UNSET
    values: list[float | None] | UnsetType = UNSET
    texts: list[str] | UnsetType = UNSET


class Plot(Record, kw_only=True):
    """Data of a line (1-D), heatmap (2-D) or image (rows of `[red, green, blue]`, 0 to 255).

    Null where a value is missing or not finite. `vmin` and `vmax` are the limits of the colours, or of the y
    axis of a line.
    """

    type: Literal["line", "heatmap", "image"]
    data: list[Json]
    vmin: float | None
    vmax: float | None
    limits: Literal["data", "robust", "given"] = "data"  # robust: the 2nd and 98th percentile of `data`
    log: bool = False  # drawn on a logarithmic scale
    downsampled: bool
    peaks: bool | UnsetType = UNSET  # what stands out among the values that are left out is in `data`
    selection: str  # NumPy syntax: the values that are drawn
    label: str | UnsetType = UNSET  # what the values are: a name, a field, a part
    units: str | UnsetType = UNSET
    categories: dict[str, int] | UnsetType = UNSET  # enum names and booleans: what the values stand for
    texts: list[str] | UnsetType = UNSET  # of a line of times: vmin and vmax as dates
    at: dict[str, Json] | UnsetType = UNSET  # where the plane stands: coordinates of the other dimensions
    x: Axis | UnsetType = UNSET
    y: Axis | UnsetType = UNSET


class ColumnStats(Record, kw_only=True):
    """What is known of the values of a column of a table. What is not known is null."""

    path: str
    type: str
    min: Json = None
    max: Json = None
    nulls: int | None = None
    rows: int | None = None  # for which that holds
    source: Literal["metadata", "sample"] | None = None  # exact, by what files say; or of the first rows


class Preview(Document, kw_only=True):
    """What is in a dataset, from a bounded sample.

    Values are as they are meant (`coding` says how they were decoded), or as stored, when that was asked for.
    """

    schema: Literal["h5s3/preview/1"] = "h5s3/preview/1"
    location: str
    key: str
    etag: str | None
    path: str
    dtype: str
    shape: Shape | None
    ndim: int
    preview_type: Literal["line", "heatmap", "image", "table", "scalar", "empty"]
    selection: str  # NumPy syntax; reproduces the values that were read (or `sample.parts` do)
    cached: bool = False
    group: str | UnsetType = UNSET  # the NeXus group that was asked for, whose default plot this is
    title: str | UnsetType = UNSET  # `long_name`, `standard_name` or NeXus title
    units: str | UnsetType = UNSET
    coding: Coding | UnsetType = UNSET
    sample: Sampling | UnsetType = UNSET
    stats: Stats | None = None
    columns: list[ColumnStats] | UnsetType = UNSET  # of a table
    inner_fields: list[str] | UnsetType = UNSET  # of numbers, of compounds in compounds, as `at.x`
    table: Table | None = None
    plot: Plot | None = None
    profile: list[float | None] | None = None  # mean of every row drawn (2-D and up)
    followed: Followed | UnsetType = UNSET  # where the path led, if that is another file
    notes: list[str] = []
    drawn: str | UnsetType = UNSET  # the one of `notes` that is about the plot alone
