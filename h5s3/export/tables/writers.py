"""Rows into CSV, JSON or Parquet, some at a time."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

from h5s3.export.csv import quoted
from h5s3.export.json import encoded
from h5s3.export.tables.texts import count_unusual, json_column, texts_of
from h5s3.records import Get, replaced, to_json
from h5s3.sizes import MIB

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 8192  # rows that are turned into text at once
GROUP = 64 * MIB  # bytes of rows that are stored together in Parquet
ENDED = ("shape", "selected_shape", "size", "nbytes", "rows")  # what is known once all rows are there


class RowsWriter(ABC):
    """Rows with one schema into a stream."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema, head: Get) -> None:
        self._stream, self._schema, self._head = stream, schema, head
        self.begin()

    def begin(self) -> None:
        """What stands before the rows."""
        return

    @abstractmethod
    def write(self, rows: pa.Table) -> None:
        """Some rows."""

    def finish(self, head: Get) -> None:
        """What stands after them; `head`: with all that is known then."""
        return


class CsvRows(RowsWriter):
    """A line of names, and a line for each row; lists and structs are JSON, nulls are nothing."""

    def begin(self) -> None:
        self._stream.write((",".join(quoted(name) for name in self._schema.names) + "\n").encode())

    def write(self, rows: pa.Table) -> None:
        gap = '""' if rows.num_columns == 1 else ""  # readers pass over lines without anything
        for low in range(0, rows.num_rows, AT_ONCE):
            part = rows.slice(low, AT_ONCE)
            columns = [
                [gap if text is None else text for text in texts_of(column, quoted)]
                for column in part.itercolumns()
            ]
            lines = "\n".join(map(",".join, zip(*columns, strict=True)))
            self._stream.write((lines + "\n").encode("utf-8", "backslashreplace"))


class JsonRows(RowsWriter):
    """One document: the record, with the rows as objects."""

    def begin(self) -> None:
        self._nans = self._infs = self._count = 0
        fields = json.loads(to_json(self._head))
        for name in ENDED:
            fields.pop(name, None)
        self._stream.write(encoded(fields)[:-1].encode() + b', "data": [')

    def write(self, rows: pa.Table) -> None:
        names = rows.schema.names
        for low in range(0, rows.num_rows, AT_ONCE):
            part = rows.slice(low, AT_ONCE)
            columns = [json_column(column) for column in part.itercolumns()]
            for column in part.itercolumns():
                nans, infs = count_unusual(column)
                self._nans, self._infs = self._nans + nans, self._infs + infs
            objects = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
            self._stream.write(((", " if self._count else "") + encoded(objects)[1:-1]).encode())
            self._count += len(objects)

    def finish(self, head: Get) -> None:
        known = json.loads(to_json(head))
        more = {name: known[name] for name in ENDED} | {"nan_count": self._nans, "inf_count": self._infs}
        self._stream.write(b"], " + encoded(more)[1:].encode() + b"\n")


class ParquetRows(RowsWriter):
    """With the types that Arrow has, in row groups of some size."""

    def begin(self) -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(self._stream, self._schema, compression="zstd")
        self._waiting: list[pa.Table] = []
        self._size = 0

    def write(self, rows: pa.Table) -> None:
        self._waiting.append(rows)
        self._size += rows.nbytes
        if self._size >= GROUP:
            self._put()

    def finish(self, head: Get) -> None:
        if self._waiting:
            self._put()
        self._writer.close()

    def _put(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting, self._size = [], 0


WRITERS: dict[str, Callable[[BinaryIO, Any, Get], RowsWriter]] = {
    "csv": CsvRows,
    "json": JsonRows,
    "parquet": ParquetRows,
}


def completed(head: Get, rows: int, total: int | None, nbytes: int) -> Get:
    """The record, once the rows are counted."""
    return replaced(
        head,
        shape=[rows if total is None else total],
        selected_shape=[rows],
        size=rows,
        rows=rows,
        nbytes=nbytes,
    )
