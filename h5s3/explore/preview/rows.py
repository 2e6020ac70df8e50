"""A table at a glance: its first rows, what is known of its columns, a plot of one of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from h5s3.errors import RefusedError, UsageError
from h5s3.explore.preview.dispatch import fill
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.preview.table import null_words
from h5s3.formats.base import Contents
from h5s3.formats.tables.json_values import python_values
from h5s3.formats.tables.rows.protocol import Rows, Tabular
from h5s3.formats.tables.rows.statistics import joined, of_sample
from h5s3.records import UNSET, ColumnStats, Preview, Table, replaced

Sample = Any  # rows, as Arrow has them
SAMPLE = 1000  # rows that are looked at where metadata does not tell
COLUMNS = 40  # of the table


def preview_rows(contents: Tabular, asked: PreviewRequest) -> Preview:
    """A look at a table, or at one of its columns that is not of numbers."""
    if asked.selection is not None or asked.labels is not None or asked.fixed or asked.display_dims:
        raise UsageError("--slice and --sel are for arrays", hint="name a column of numbers: /NAME")
    names = None if asked.path == "/" else (asked.path,)
    rows, sample, left = _sample(contents, names, asked.max_bytes)
    total = rows.total
    if total is None and (sample is None or sample.num_rows < SAMPLE):
        total = 0 if sample is None else sample.num_rows  # these are all
    document = Preview(
        location="",  # which who asked knows
        key="",
        etag=None,
        path=asked.path,
        dtype="table" if names is None else str(rows.schema.types[0]),
        shape=None if total is None else [total],
        ndim=1,
        preview_type="table",
        selection=f"0:{sample.num_rows if sample is not None else 0}",
        notes=[],
    )
    if left:
        document.notes.append(f"{left:,} columns are not shown: --columns of get chooses")
    if sample is None:
        document.preview_type = "empty"
        document.notes.append("no rows")
        return document
    document.notes += rows.notes
    document.table = _table(sample, total, bool(left), asked.rows)
    document.columns = _columns(contents, sample, names)
    if names is None:
        _plot(document, contents, asked)
    return document


def _sample(contents: Tabular, names: Sequence[str] | None, most: int) -> tuple[Rows, Sample | None, int]:
    """The first rows, of as many columns as can be had for so many bytes, and how many are left out."""
    asked = contents.rows(names, None, SAMPLE, most)
    every = list(names or asked.schema.names)
    count = min(COLUMNS, len(every))
    while True:
        some = names if count == len(every) else every[:count]
        rows = contents.rows(some, None, SAMPLE, most)
        try:
            return rows, joined(list(rows.rows())), len(every) - count
        except RefusedError:
            if count <= 1:
                raise
            count = max(1, count // 4)


def _table(sample: Sample, total: int | None, left: bool, rows: int) -> Table:
    from h5s3.export.tables.texts import json_column

    shown = sample.slice(0, rows)
    columns = [json_column(column) for column in shown.itercolumns()]
    meant = [python_values(column) for column in shown.itercolumns()]
    words = null_words(list(zip(*meant, strict=True)))
    return Table(
        null_words=UNSET if words is None else words,
        rows=[list(row) for row in zip(*columns, strict=True)],
        columns=list(shown.schema.names),
        row_labels=list(range(shown.num_rows)),
        rows_truncated=total is None or shown.num_rows < total,
        columns_truncated=left,
    )


def _columns(contents: Tabular, sample: Sample, names: Sequence[str] | None) -> list[ColumnStats]:
    """What metadata says of each column; of those that it says nothing of, what the sample does."""
    found = contents.sampled(COLUMNS)
    if names is not None:
        found = [one for one in found if one.path == names[0]]
    return [one if one.source is not None else of_sample(one, sample, names is not None) for one in found]


def _plot(document: Preview, contents: Tabular, asked: PreviewRequest) -> None:
    """A line of the first column of numbers, or the one that is wished for."""
    columns = document.columns if document.columns is not UNSET else []
    paths = [one.path for one in columns if contents.is_array(one.path)]
    if asked.column is not None:
        paths = [asked.column]
        if not contents.is_array(paths[0]):
            raise UsageError(f"--column: {asked.column} holds no plain numbers")
    if not paths:
        return
    try:
        array = cast(Contents, contents).shown(paths[0])
        if not array.facts.size:
            return
        drawn = replaced(document, notes=[], table=None)
        fill(drawn, array, _without_column(asked))
    except RefusedError as error:
        document.notes.append(f"no plot of {paths[0]}: {error.cause}")
        return
    document.plot, document.stats, document.sample = drawn.plot, drawn.stats, drawn.sample
    if document.plot is not None:
        document.plot.label = paths[0].strip("/")
    if document.stats is not None:
        document.stats.of = paths[0].strip("/")
    document.notes += drawn.notes


def _without_column(asked: PreviewRequest) -> PreviewRequest:
    from dataclasses import replace

    return replace(asked, column=None)
