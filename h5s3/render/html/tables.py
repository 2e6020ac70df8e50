"""Tables as HTML: facts, columns, versions, files, partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from h5s3.records import (
    UNSET,
    Meta,
    Partition,
    RowGroup,
    TableColumn,
    TableDiff,
    TableFile,
    TableVersion,
)
from h5s3.render.tables.meta import fact_words
from h5s3.render.tables.schema import arrow_text, remarks, type_text
from h5s3.render.tables.words import (
    changes_text,
    count_text,
    partition_name,
    partition_text,
    range_text,
    time_text,
)
from h5s3.sizes import size_text

MOST_ROWS = 1000
Table = Callable[[Sequence[str], Sequence[Sequence[str]], int], Iterator[str]]


def table_html(meta: Meta, table: Table) -> Iterator[str]:
    """A table, or one of its columns. `table`: makes HTML of headings, rows, and a count of others."""
    yield from table(("", ""), fact_words(meta), 0)
    columns = meta.table.columns if meta.table is not UNSET else []
    if meta.column is not UNSET and meta.column.children is not UNSET:
        columns = meta.column.children
    if columns:
        rows = list(_columns(columns, 0))
        heads = ("column", "type", "Arrow", "", "id", "")
        yield from table(heads, rows[:MOST_ROWS], len(rows) - MOST_ROWS)
    if meta.attributes:
        properties = [(one.name, str(one.value)) for one in meta.attributes]
        yield from table(("property", "value"), properties[:MOST_ROWS], len(properties) - MOST_ROWS)
    if meta.history is not UNSET:
        yield from _history(meta.history, table)
    if meta.row_groups is not UNSET:
        yield from _row_groups(meta.row_groups, table)
    elif meta.files is not UNSET:
        yield from _files(meta.files, table)


def _columns(columns: Sequence[TableColumn], depth: int) -> Iterator[Sequence[str]]:
    for one in columns:
        number = "" if one.field_id is UNSET else str(one.field_id)
        needed = "" if one.nullable else "required"
        name = "\u00b7 " * depth + one.name
        yield name, type_text(one), arrow_text(one), needed, number, remarks(one)
        if one.children is not UNSET:
            yield from _columns(one.children, depth + 1)


def _history(versions: Sequence[TableVersion], table: Table) -> Iterator[str]:
    rows = [
        (
            one.version,
            time_text(one.time),
            one.operation,
            changes_text(one.rows_added, one.rows_removed),
            changes_text(one.files_added, one.files_removed),
            "" if one.by is UNSET else one.by,
        )
        for one in versions[:MOST_ROWS]
    ]
    yield from table(("version", "time", "operation", "rows", "files", "by"), rows, len(versions) - MOST_ROWS)


def _files(files: Sequence[TableFile], table: Table) -> Iterator[str]:
    rows = [
        (
            one.path,
            "" if one.partition is UNSET else partition_text(one.partition),
            count_text(one.rows),
            "" if one.rows_deleted is UNSET else f"-{one.rows_deleted:,}",
            size_text(one.size),
        )
        for one in files[:MOST_ROWS]
    ]
    yield from table(("file", "partition", "rows", "deleted", "size"), rows, len(files) - MOST_ROWS)


def _row_groups(groups: Sequence[RowGroup], table: Table) -> Iterator[str]:
    rows = [
        (
            str(number),
            chunk.path.removeprefix("/"),
            chunk.type,
            chunk.compression,
            " ".join(chunk.encodings),
            size_text(chunk.stored),
            "" if chunk.statistics is UNSET else range_text(chunk.statistics),
        )
        for number, group in enumerate(groups)
        for chunk in group.columns
    ]
    heads = ("row group", "column", "type", "compression", "encodings", "stored", "values")
    yield from table(heads, rows[:MOST_ROWS], len(rows) - MOST_ROWS)


def partitions_html(partitions: Sequence[Partition], count: int, table: Table) -> Iterator[str]:
    """Partitions with rows, files and bytes. `count`: of all there are."""
    rows = [
        (partition_name(one), count_text(one.rows), f"{one.files:,}", size_text(one.bytes))
        for one in partitions[:MOST_ROWS]
    ]
    yield from table(("partition", "rows", "files", "size"), rows, count - len(rows))


def data_rows(found: TableDiff) -> list[tuple[str, str, str, str, str]]:
    """How the files of two tables differ, as rows of path, sign, what, and both sides."""
    rows = [
        ("", "~", "rows", count_text(found.a.rows), count_text(found.b.rows)),
        ("", "~", "files", f"{found.a.num_files:,}", f"{found.b.num_files:,}"),
    ]
    for sign, files in (("+", found.added), ("-", found.removed)):
        if files is not UNSET:
            rows += [(path, sign, "data file", "", "") for path in files.files]
    return rows
