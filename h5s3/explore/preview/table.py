"""A corner of the data as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from h5s3.explore.preview.context import Array, Look, count_of
from h5s3.explore.preview.statistics import Reading, statistics
from h5s3.formats.hdf5.objects.names import text_of
from h5s3.formats.selection import Selection, text_of_selection
from h5s3.records import Json, Table

ROWS, COLUMNS = 10, 8
MOST_ITEMS = 1000  # elements of types without a fixed size, or that are no numbers, that are read


def list_values(look: Look) -> None:
    """The first values in storage order, of what cannot be drawn."""
    dtype, document = look.dtype, look.document
    kept = sum(axis.keep for axis in look.selection)
    shown = ROWS if dtype.names or kept < 2 else ROWS * COLUMNS
    most = max(1, look.sampler.most_decoded // max(1, dtype.itemsize))
    first = _first(look.selection, min(most, shown if dtype.hasobject else MOST_ITEMS))
    sample = look.sampler.read(first)
    document.selection = text_of_selection(first)
    if not any(axis.keep for axis in first):
        document.preview_type = "scalar"
        document.table = table(look, sample.values, first)
    else:
        document.preview_type = "table"
        document.table = table(look, sample.values, first, sample.present)
        document.table.rows_truncated |= count_of(first) < count_of(look.selection)
    if dtype.kind in "iufbc" and sample.values.ndim == 0:
        reading = Reading(dtype, look.coding, part=look.options["part"])
        document.stats = statistics([sample.values], look.facts.size, reading)


def _first(selection: Selection, most: int) -> Selection:
    """The beginning of a selection: whole along the last dimensions, as far as `most` elements go."""
    chosen, left = [], most
    for axis in reversed(selection):
        count = max(1, min(axis.count, left))
        chosen.append(replace(axis, count=count))
        left = max(1, left // count)
    return tuple(reversed(chosen))


def table(look: Look, values: Array, selection: Selection, present: Array | None = None) -> Table:
    """The first rows and columns of the values of a selection; null where none were fetched."""
    kept = [axis for axis in selection if axis.keep]
    if not kept:
        return _records(look, values.reshape(1)) if look.dtype.names else Table(rows=[_cells(look, [values])])
    made = _by_rank(look, values, kept)
    made.row_labels = made.row_labels if made.row_labels else [
        kept[0].start + i * kept[0].step for i in range(min(kept[0].count, ROWS))
    ]  # fmt: skip
    if present is not None:
        _blank(made, present)
    return made


def _by_rank(look: Look, values: Array, kept: list[Any]) -> Table:
    if look.dtype.names:
        made = _records(look, values.reshape(-1)[:ROWS])
        made.rows_truncated = values.size > ROWS
        if len(kept) > 1:
            made.row_labels = list(range(len(made.rows)))
        return made
    if len(kept) == 1:
        rows = [_cells(look, [item]) for item in values[:ROWS]]
        return _with_lengths(look, Table(rows=rows, rows_truncated=kept[0].count > ROWS), values)
    last = kept[-1]
    plane = values.reshape(-1, last.count, *values.shape[len(kept) :])[:ROWS, :COLUMNS]
    made = Table(
        rows=[_cells(look, row) for row in plane],
        columns=[str(last.start + i * last.step) for i in range(min(last.count, COLUMNS))],
        rows_truncated=values.size // max(1, last.count) > ROWS,
        columns_truncated=last.count > COLUMNS,
    )
    if len(kept) > 2:
        made.row_labels = list(range(len(made.rows)))
    return made


def _records(look: Look, values: Array) -> Table:
    """Compound values: a column for each field."""
    names = list(look.dtype.names or ())
    fields: Any = look.dtype.fields
    rows = [[look.converter.value(row[name], fields[name][0]) for name in names] for row in values]
    return Table(columns=[_shown_name(name) for name in names], rows=rows)


def _shown_name(name: str) -> str:
    return text_of(name.encode("utf-8", "surrogateescape"))


def _with_lengths(look: Look, made: Table, values: Array) -> Table:
    """Strings and sequences with their lengths: characters (of text), bytes (of other strings), elements."""
    if look.dtype.kind not in "SO" or look.facts.type.class_ == "reference":
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


def _cells(look: Look, items: Any) -> list[Json]:
    """Elements as cells: numbers as they are meant, others as the file has them."""
    coding = look.coding
    if look.dtype.kind in "iuf" and look.dtype.subdtype is None and coding.record() is not None:
        native = coding.native(np.asarray(items))
        absent = coding.absent(native)
        meant = coding.unpacked(native)
        shown: list[Json] = [look.converter.value(value, meant.dtype) for value in meant]
        texts = coding.dates(shown) if coding.calendar else None
        return [None if gone else text for gone, text in zip(absent, texts or shown, strict=True)]
    return [_cell(look, item) for item in items]


def _cell(look: Look, item: Any) -> Json:
    """One element, which may be an array itself: of an array type, or of variable length."""
    scalar = isinstance(item, np.ndarray) and item.ndim == 0
    return look.converter.value(item[()] if scalar else item, look.dtype)


def _blank(made: Table, present: Array) -> None:
    """Values that were not fetched are not shown as zeros."""
    corner = present.reshape(-1, present.shape[-1]) if present.ndim > 1 else present.reshape(-1, 1)
    for row, flags in zip(made.rows, corner, strict=False):
        for number, flag in enumerate(flags[: len(row)]):
            if not flag:
                row[number] = None
