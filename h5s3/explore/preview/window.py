"""A window of a table: some rows and columns of an array, wherever they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.explore.preview.axes import add_coordinates, rulers, stands_at
from h5s3.explore.preview.context import PreviewJob
from h5s3.explore.preview.dispatch import MOST_IN_CELL
from h5s3.explore.preview.request import MAX_BYTES, PreviewRequest
from h5s3.explore.preview.table import name_nulls, null_words, table
from h5s3.explore.session import Session
from h5s3.formats.base import Array, Contents
from h5s3.formats.dtypes import digits_of
from h5s3.formats.requests import Request
from h5s3.formats.sampling import Sampler
from h5s3.formats.selection import Axis, Selection, parse_selection, text_of_selection, whole
from h5s3.formats.tables.json_values import python_values
from h5s3.formats.tables.rows.protocol import Tabular
from h5s3.records import UNSET, Preview, Table, Window
from h5s3.sizes import MIB
from h5s3.storage.location import Location

if TYPE_CHECKING:
    from h5s3.formats.tables.rows.numbered import NumberedRows

MOST_CELLS = 20_000
TABLE_BYTES = 64 * MIB  # of a table of columns: of a row group all that is before the rows is read, too
MOST_ROWS = 1 << 62  # of a table of which it is not known how many it has
ONE = Axis(0, 1, 1)


@dataclass(frozen=True)
class WindowRequest(Request):
    """Rows and columns of a slice (`selection`; None: all), each from one number up to another. Rows are
    along the last dimension but one that the slice keeps, columns along the last; of lines, and where
    elements are compounds, rows are along the last. Other dimensions are at their middle."""

    rows: tuple[int, int] = (0, 100)
    columns: tuple[int, int] = (0, 20)
    selection: str | None = None
    raw: bool = False  # values as stored, not decoded
    max_bytes: int | None = None
    counted: tuple[tuple[int, int], ...] = ()  # what windows of a table told before, and of which version
    version: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        (top, bottom), (left, right) = self.rows, self.columns
        if not (0 <= top < bottom and 0 <= left < right and (bottom - top) * (right - left) <= MOST_CELLS):
            raise UsageError("a window has rows and columns, and not too many")


def window(session: Session, location: Location, asked: WindowRequest) -> Window:
    """The window, read exactly. Raises what `preview` raises, and `UsageError` where nothing is there."""
    if session.settings.max_bytes is not None:
        asked = replace(asked, max_bytes=session.settings.max_bytes)
    return session.read(location, partial(_window, asked=asked), Window)


def _window(contents: Contents, asked: WindowRequest) -> Window:
    if isinstance(contents, Tabular):
        return _rows(contents, asked)
    array = contents.shown(asked.path)
    array.refuse()
    dtype = array.readable
    if array.facts.size == 0:
        return _nothing(array)
    if dtype is None or array.facts.shape is None:
        raise UsageError(f"values of type {array.facts.dtype} cannot be read here")
    shape = tuple(array.facts.shape)
    within = whole(shape) if asked.selection is None else parse_selection(asked.selection, shape)
    kept = [number for number, axis in enumerate(within) if axis.keep]
    lined = len(kept) < 2 or dtype.names is not None
    seen = kept[-1:] if lined else kept[-2:]  # the dimensions of rows and columns
    within = tuple(
        axis if number in seen or not axis.keep else axis.at(axis.count // 2)
        for number, axis in enumerate(within)
    )
    selection = _selected(within, dict(zip(seen, (asked.rows, asked.columns), strict=False)))
    sampler, converter = Sampler(array, asked.max_bytes or MAX_BYTES), array.converter(MOST_IN_CELL)
    found = rulers(array.coordinates()[1], selection, selection) if selection else {}
    plan = sampler.plan(selection)
    wanted = sampler.ranges(plan)
    for ruler in found.values():
        wanted += ruler.ranges()
    with array.fetched(wanted):
        sample = sampler.take(plan)
        for ruler in found.values():
            ruler.take(converter)
    coding = array.coding(raw=asked.raw)
    height, width = asked.rows[1] - asked.rows[0], asked.columns[1] - asked.columns[0]
    job = PreviewJob(
        Preview(
            location="", key="", etag=None, path=array.path, dtype=array.facts.dtype, shape=None, ndim=0,
            preview_type="table", selection="",
        ),
        array, PreviewRequest(asked.path), dtype, selection, coding, sampler, converter, height, width,
    )  # fmt: skip
    made = table(job, sample.values, selection, sample.present)
    name_nulls(job, made, sample.values, sample.present)
    add_coordinates(
        made, [(n, axis) for n, axis in enumerate(selection) if axis.keep], found, dtype.names is not None
    )
    # also a slice of one index in each dimension has a row: that of the last one
    rows, columns = (*(tuple(within[number] for number in seen) or within[-1:]), ONE, ONE)[:2]
    return Window(
        path=array.path,
        dtype=array.facts.dtype,
        selection=text_of_selection(selection),
        num_rows=rows.count,
        num_columns=max(1, len(made.columns or ())) if lined else columns.count,
        shape=list(shape),
        within=text_of_selection(within),
        row_start=rows.start,
        row_step=rows.step,
        column_start=0 if lined else columns.start,
        column_step=1 if lined else columns.step,
        table=_cut(made, asked) if lined else made,
        units="" if coding.calendar else coding.units,  # dates have none
        at=stands_at(selection, found) or UNSET,
        partial=sample.present is not None,
        decoded=coding.record() is not None,
        digits=_digits(dtype, asked, coding.packed),
    )


def _digits(dtype: np.dtype[Any], asked: WindowRequest, packed: bool) -> list[str]:
    """Of the columns of compounds that were asked for, or of all values."""
    if dtype.names is None:
        return [digits_of(dtype, packed)]
    return [digits_of(dtype[name]) for name in dtype.names[slice(*asked.columns)]]


def _nothing(array: Array) -> Window:
    """No rows: a dimension is of no length, or there are none (a null dataspace)."""
    shape = array.facts.shape
    made = Window(
        path=array.path,
        dtype=array.facts.dtype,
        selection="()",
        num_rows=0,
        num_columns=1,
        table=Table(rows=[]),
    )
    if shape is not None:
        made.shape, made.within = list(shape), text_of_selection(whole(tuple(shape)))
    return made


def _selected(within: Selection, parts: dict[int, tuple[int, int]]) -> Selection:
    """Of a slice the parts that are wished for, by dimension."""
    chosen = list(within)
    for number, (start, stop) in parts.items():
        axis = within[number]
        count = max(0, min(stop, axis.count) - start)
        if not count:
            raise UsageError("nothing is there", hint=f"the slice is {text_of_selection(within)}")
        chosen[number] = Axis(axis.start + start * axis.step, axis.step, count)
    return tuple(chosen)


def _rows(contents: Tabular, asked: WindowRequest) -> Window:
    """Rows of a table of columns, by their numbers."""
    table = contents.numbered(asked.path, asked.max_bytes or TABLE_BYTES, asked.counted, asked.version)
    names = table.names
    axis = _row_axis(table, asked)
    start = axis.start + min(asked.rows[0], axis.count) * axis.step
    stop = min(axis.start + asked.rows[1] * axis.step, axis.stop)
    table.reach(stop + 1)  # whether there are more is told, too
    more = not table.complete and table.known < axis.stop
    axis, _ = axis.within(0, table.known)
    stop = min(stop, axis.stop)
    made = Table(rows=[], columns=[name.strip("/") for name in names])
    if start < stop and asked.columns[0] < len(names):
        _fill(made, table.rows(start, stop, *asked.columns), axis.step)
    return Window(
        path=asked.path,
        dtype=table.dtype,
        selection=f"{start}:{stop}",
        num_rows=axis.count,
        num_columns=len(names),
        table=made,
        shape=[table.known],
        within="" if asked.selection is None and asked.path == "/" else axis.text,
        row_start=axis.start,
        row_step=axis.step,
        more=more,
        version=table.version,
        counted=table.counted,
    )


def _row_axis(table: NumberedRows, asked: WindowRequest) -> Axis:
    """Which rows the window is one of: all that there are, or will be, or a slice of them."""
    size = table.known if table.complete else MOST_ROWS
    if asked.selection is None:
        return Axis(0, 1, size)
    if not table.complete and "-" in asked.selection:
        raise UsageError("how many rows there are is not known", hint="count them from the first one")
    (axis,) = parse_selection(asked.selection, (size,))
    return axis


def _fill(made: Table, parts: Iterable[Any], step: int) -> None:
    """Every so many-th row."""
    from h5s3.export.tables.texts import json_column

    at, words = 0, list[list[str | None]]()
    for part in parts:
        taken = part.take(np.arange(-at % step, part.num_rows, step)) if step > 1 else part
        at += part.num_rows
        made.rows += _across([[_short(one) for one in json_column(column)] for column in taken.itercolumns()])
        meant = _across([python_values(column) for column in taken.itercolumns()])
        words += null_words(meant) or [[None] * len(row) for row in meant]
    if any(word is not None for row in words for word in row):
        made.null_words = words


def _short(value: Any) -> Any:
    """No more of a long value than of those of arrays."""
    if isinstance(value, str):
        return value[: 16 * MOST_IN_CELL]
    return value[:MOST_IN_CELL] if isinstance(value, list) else value


def _across(columns: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Columns as rows."""
    return [list(row) for row in zip(*columns, strict=True)]


def _cut(made: Table, asked: WindowRequest) -> Table:
    """Of the fields of compounds those that were asked for; all their names stay."""
    start, stop = asked.columns
    made.rows = [row[start:stop] for row in made.rows]
    return made
