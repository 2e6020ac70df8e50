"""A corner of the data as a table."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from h5s3.explore.preview.context import PreviewJob, Values, count_of
from h5s3.explore.preview.statistics import Reading, statistics
from h5s3.formats.cf import Coding
from h5s3.formats.dtypes import flat_type
from h5s3.formats.names import field_text, text_of
from h5s3.formats.selection import Selection, text_of_selection
from h5s3.records import Json, Table

ROWS, COLUMNS = 10, 8
MOST_ITEMS = 1000  # elements of types without a fixed size, or that are no numbers, that are read


def list_values(job: PreviewJob) -> None:
    """The first values in storage order, of what cannot be drawn."""
    dtype, document = job.dtype, job.document
    kept = sum(axis.keep for axis in job.selection)
    shown = ROWS if dtype.names or kept < 2 else ROWS * COLUMNS
    base, inner = flat_type(dtype)
    numbers = base.kind in "iufbc"
    if numbers and inner and job.sampler.fits(job.selection):
        first = job.selection
    else:
        most = max(1, job.sampler.most_decoded // max(1, dtype.itemsize))
        first = _first(job.selection, min(most, shown if dtype.hasobject else MOST_ITEMS))
    sample = job.sampler.read(first)
    document.selection = text_of_selection(first)
    if not any(axis.keep for axis in first):
        document.preview_type = "scalar"
        document.table = table(job, sample.values, first)
    else:
        document.preview_type = "table"
        document.table = table(job, sample.values, first, sample.present)
        document.table.rows_truncated |= count_of(first) < count_of(job.selection)
    if numbers and (inner or sample.values.ndim == 0):
        known = sample.values if sample.present is None else sample.values[sample.present]
        reading = Reading(base, Coding() if inner else job.coding, part=job.asked.part)
        document.stats = statistics([known], job.array.facts.size * prod(inner), reading)


def _first(selection: Selection, most: int) -> Selection:
    """The beginning of a selection: whole along the last dimensions, as far as `most` elements go."""
    chosen, left = [], most
    for axis in reversed(selection):
        count = max(1, min(axis.count, left))
        chosen.append(replace(axis, count=count))
        left = max(1, left // count)
    return tuple(reversed(chosen))


def table(job: PreviewJob, values: Values, selection: Selection, present: Values | None = None) -> Table:
    """The first rows and columns of the values of a selection; null where none were fetched."""
    kept = [axis for axis in selection if axis.keep]
    if not kept:
        return _records(job, values.reshape(1)) if job.dtype.names else Table(rows=[_cells(job, [values])])
    made = _by_rank(job, values, kept)
    made.row_labels = made.row_labels if made.row_labels else [
        kept[0].start + i * kept[0].step for i in range(min(kept[0].count, ROWS))
    ]  # fmt: skip
    if present is not None:
        _blank(made, present, records=bool(job.dtype.names))
    return made


def _by_rank(job: PreviewJob, values: Values, kept: list[Any]) -> Table:
    if job.dtype.names:
        made = _records(job, values.reshape(-1)[:ROWS])
        made.rows_truncated = values.size > ROWS
        if len(kept) > 1:
            made.row_labels = list(range(len(made.rows)))
        return made
    if len(kept) == 1:
        rows = [_cells(job, [item]) for item in values[:ROWS]]
        return _with_lengths(job, Table(rows=rows, rows_truncated=kept[0].count > ROWS), values)
    last = kept[-1]
    plane = values.reshape(-1, last.count, *values.shape[len(kept) :])[:ROWS, :COLUMNS]
    made = Table(
        rows=[_cells(job, row) for row in plane],
        columns=[str(last.start + i * last.step) for i in range(min(last.count, COLUMNS))],
        rows_truncated=values.size // max(1, last.count) > ROWS,
        columns_truncated=last.count > COLUMNS,
    )
    if len(kept) > 2:
        made.row_labels = list(range(len(made.rows)))
    return made


def _records(job: PreviewJob, values: Values) -> Table:
    """Compound values: a column for each field."""
    names = list(job.dtype.names or ())
    fields: Any = job.dtype.fields
    columns = [_column(job, values[name], fields[name][0]) for name in names]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Table(columns=[field_text(name) for name in names], rows=rows)


def _column(job: PreviewJob, values: Values, dtype: np.dtype[Any]) -> list[Json]:
    """One field of some compounds; of a table it may be missing."""
    if not isinstance(values, np.ma.MaskedArray):
        return [job.converter.value(value, dtype) for value in values]
    pairs = zip(values.data, np.ma.getmaskarray(values).tolist(), strict=True)
    return [None if gone else job.converter.value(value, dtype) for value, gone in pairs]


def _with_lengths(job: PreviewJob, made: Table, values: Values) -> Table:
    """Strings and sequences with their lengths: characters (of text), bytes (of other strings), elements."""
    if job.dtype.kind not in "SO" or job.array.facts.type.class_ == "reference":
        return made
    lengths = [_length(value) for value in values[:ROWS]]
    if all(length is None for length in lengths):
        return made
    made.columns = ["value", "length"]
    made.rows = [[*row, length] for row, length in zip(made.rows, lengths, strict=True)]
    return made


def _length(value: Any) -> int | None:
    if isinstance(value, bytes):
        return len(text_of(value))
    return len(value) if isinstance(value, str | np.ndarray) else 0 if value is None or value == 0 else None


def _cells(job: PreviewJob, items: Any) -> list[Json]:
    """Elements as cells: numbers as they are meant, others as the file has them."""
    coding = job.coding
    if job.dtype.kind in "iuf" and job.dtype.subdtype is None and coding.record() is not None:
        native = coding.native(np.asarray(items))
        absent = coding.absent(native)
        meant = coding.unpacked(native)
        shown: list[Json] = [job.converter.value(value, meant.dtype) for value in meant]
        texts = coding.dates(shown) if coding.calendar else None
        return [None if gone else text for gone, text in zip(absent, texts or shown, strict=True)]
    return [_cell(job, item) for item in items]


def _cell(job: PreviewJob, item: Any) -> Json:
    """One element, which may be an array itself: of an array type, or of variable length."""
    scalar = isinstance(item, np.ndarray) and item.ndim == 0
    return job.converter.value(item[()] if scalar else item, job.dtype)


def _blank(made: Table, present: Values, records: bool) -> None:
    """Values that were not fetched are not shown as zeros."""
    if records:
        made.rows = [
            row if flag else [None] * len(row)
            for row, flag in zip(made.rows, present.reshape(-1)[: len(made.rows)], strict=True)
        ]
        return
    corner = present.reshape(-1, present.shape[-1]) if present.ndim > 1 else present.reshape(-1, 1)
    for row, flags in zip(made.rows, corner, strict=False):
        for number, flag in enumerate(flags[: len(row)]):
            if not flag:
                row[number] = None
