"""Rows of a table, from an open location to a file or a stream that somebody else made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from h5s3.errors import RefusedError, UsageError
from h5s3.formats.tables.rows.protocol import Rows, Tabular
from h5s3.records import UNSET, Get, replaced
from h5s3.sizes import option_text

FORMATS = ("csv", "json", "parquet")


@dataclass(frozen=True)
class RowsAsked:
    """Which rows to write."""

    location: str  # as it may be shown
    key: str
    path: str
    columns: tuple[str, ...] | None
    where: str | None
    limit: int | None
    max_bytes: int | None
    progress: Callable[[tuple[str, float]], object]


def rows_of(asked: RowsAsked, contents: Tabular) -> Rows:
    """The rows that are asked for. Raises `UsageError`."""
    columns = asked.columns
    if asked.path != "/":
        if columns is not None:
            raise UsageError("PATH and --columns both name columns", hint="leave one out")
        columns = (asked.path,)
    return contents.rows(columns, asked.where, asked.limit, asked.max_bytes)


def head_of(asked: RowsAsked, rows: Rows, chosen: str, output: str | None) -> Get:
    """What is known before the rows."""
    names = rows.schema.names
    return Get(
        location=asked.location,
        key=asked.key,
        etag=None,
        path=asked.path,
        dtype="table" if asked.path == "/" else str(rows.schema.types[0]),
        shape=[],
        selection=":",
        selected_shape=[],
        format=chosen,  # type: ignore[arg-type]
        output=output,
        size=0,
        nbytes=0,
        columns=list(names),
        where=UNSET if asked.where is None else asked.where,
        limit=UNSET if asked.limit is None else asked.limit,
    )


def write_rows(asked: RowsAsked, rows: Rows, stream: BinaryIO, head: Get) -> Get:
    """All of them; the receipt. Raises `RefusedError` for more than `max_bytes`."""
    from h5s3.export.tables.writers import WRITERS, completed

    writer = WRITERS[head.format](stream, rows.schema, head)
    count = nbytes = 0
    for part in rows.rows():
        count += part.num_rows
        nbytes += part.nbytes
        if asked.max_bytes is not None and nbytes > asked.max_bytes:
            raise RefusedError(
                f"the rows are of more than --max-bytes {option_text(asked.max_bytes)}",
                hint="raise it, or take fewer with --columns, --where and --limit",
            )
        writer.write(part)
        asked.progress((head.output or "-", rows.done))
    found = completed(head, count, rows.total, nbytes)
    writer.finish(found)
    return replaced(found, notes=list(rows.notes)) if rows.notes else found
