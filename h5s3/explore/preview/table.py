"""A corner of the data as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from h5s3.explore.preview.context import PreviewJob, Values, count_of
from h5s3.explore.preview.statistics import Reading, statistics
from h5s3.formats.cf import Coding
from h5s3.formats.dtypes import flat_type
from h5s3.formats.names import field_text, text_of
from h5s3.formats.sampling import Part
from h5s3.formats.selection import Selection, text_of_selection
from h5s3.records import UNSET, Json, Table

MOST_ITEMS = 1000  # elements of types without a fixed size, or that are no numbers, that are read


def list_values(job: PreviewJob) -> None:
    """The first values in storage order, of what cannot be drawn."""
    dtype, document = job.dtype, job.document
    kept = sum(axis.keep for axis in job.selection)
    shown = job.rows if dtype.names or kept < 2 else job.rows * job.columns
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
        reading = Reading(base, Coding() if inner else job.coding, part=job.asked.part)
        read = Part(first, sample.values, sample.present)
        document.stats = statistics([read], job.array.facts.size * prod(inner), reading)


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
        if job.dtype.names:
            return _records(job, values.reshape(1))
        return _with_null_words(job, Table(rows=[_cells(job, [values])]), values)
    made = _by_rank(job, values, kept)
    made.row_labels = made.row_labels if made.row_labels else [
        kept[0].start + i * kept[0].step for i in range(min(kept[0].count, job.rows))
    ]  # fmt: skip
    made = _with_null_words(job, made, values[: job.rows])
    if present is not None:
        _blank(made, present, records=bool(job.dtype.names))
    if job.dtype.names:
        name_nulls(job, made, values, present)
    return made


def _with_null_words(job: PreviewJob, made: Table, values: Values) -> Table:
    """With what the nulls of a column stand for, where it may have gaps."""
    if job.array.gaps:
        words = null_words([[None if gone else value] for value, gone in _told_apart(values)])
        made.null_words = UNSET if words is None else words
    return made


def null_words(rows: Sequence[Sequence[Any]]) -> list[list[str | None]] | None:
    """What each null of JSON stands for: `null`, `nan`, `inf`, `-inf`; None where there are no nulls."""
    words = [[_word(value) for value in row] for row in rows]
    return words if any(word is not None for row in words for word in row) else None


def name_nulls(job: PreviewJob, made: Table, values: Values, present: Values | None) -> None:
    """Say of each null in a table of `values` what it stands for, also `missing` and `unread`."""
    holes = any(value is None for row in made.rows for value in row)
    if made.null_words is not UNSET or not holes or job.dtype.subdtype is not None:
        return
    if job.dtype.names:
        flat = values.reshape(-1)[: len(made.rows)]
        fields = [[_word(value) for value in flat[name]] for name in job.dtype.names]
        words = [list(row) for row in zip(*fields, strict=True)]
    else:
        lines = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values.reshape(-1, 1)
        words = [_words(job, line) for line in lines]
    if present is not None:
        shown = present.reshape(-1, 1)[: len(words)] if job.dtype.names else present.reshape(len(words), -1)
        for row, there in zip(words, shown.tolist(), strict=True):
            flags = there * len(row) if job.dtype.names else there
            row[:] = [word if flag else "unread" for word, flag in zip(row, flags, strict=True)]
    made.null_words = words


def _words(job: PreviewJob, items: Values) -> list[str | None]:
    coding = job.coding
    if job.dtype.kind not in "iuf" or job.dtype.subdtype is not None or coding.record() is None:
        return [_word(item) for item in items]
    native = coding.native(np.asarray(items))
    meant = zip(coding.absent(native), coding.unpacked(native), strict=True)
    return ["missing" if gone else _word(value) for gone, value in meant]


def _word(value: Any) -> str | None:
    if value is None or value is np.ma.masked:
        return "null"
    return str(float(value)) if isinstance(value, float | np.floating) and not np.isfinite(value) else None


def _told_apart(values: Values) -> Iterator[tuple[Any, bool]]:
    """Values, and whether each is missing."""
    flags = np.ma.getmaskarray(values).reshape(-1).tolist()
    return zip(np.ma.getdata(values).reshape(values.shape or 1), flags, strict=True)


def _by_rank(job: PreviewJob, values: Values, kept: list[Any]) -> Table:
    if job.dtype.names:
        made = _records(job, values.reshape(-1)[: job.rows])
        made.rows_truncated = values.size > job.rows
        if len(kept) > 1:
            made.row_labels = list(range(len(made.rows)))
        return made
    if len(kept) == 1:
        rows = [_cells(job, [item]) for item in values[: job.rows]]
        return _with_lengths(job, Table(rows=rows, rows_truncated=kept[0].count > job.rows), values)
    last = kept[-1]
    plane = values.reshape(-1, last.count, *values.shape[len(kept) :])[: job.rows, : job.columns]
    made = Table(
        rows=[_cells(job, row) for row in plane],
        columns=[str(last.start + i * last.step) for i in range(min(last.count, job.columns))],
        rows_truncated=values.size // max(1, last.count) > job.rows,
        columns_truncated=last.count > job.columns,
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
    return [None if gone else job.converter.value(value, dtype) for value, gone in _told_apart(values)]


def _with_lengths(job: PreviewJob, made: Table, values: Values) -> Table:
    """Strings and sequences with their lengths: characters (of text), bytes (of other strings), elements."""
    if job.dtype.kind not in "SO" or job.array.facts.type.class_ == "reference":
        return made
    lengths = [_length(value) for value in values[: job.rows]]
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
    if item is np.ma.masked:
        return None
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
