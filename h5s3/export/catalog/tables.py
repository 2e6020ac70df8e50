"""The four tables of a part, written together: rows are held until there are enough for a row group."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from h5s3.errors import H5s3Error
from h5s3.export.catalog.rows import TABLES, Columns, columns
from h5s3.sizes import MIB

GROUP = 50_000  # rows of a row group
GROUP_BYTES = 32 * MIB  # of documents in one


def require_pyarrow() -> Any:
    """The package. Raises `H5s3Error` with the way to get it."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise H5s3Error("a catalog needs the package pyarrow", hint="pip install 'h5s3[catalog]'") from None
    return pyarrow


def arrow_failures() -> tuple[type[Exception], ...]:
    """What reading tables raises where they are damaged."""
    return (require_pyarrow().ArrowException, OSError, UnicodeDecodeError)


def schema(table: str) -> Any:
    """The Arrow schema of a table."""
    pa = require_pyarrow()
    kinds = {
        "text": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "time": pa.timestamp("ms"),  # in UTC
        "texts": pa.list_(pa.string()),
        "ints": pa.list_(pa.int64()),
        "bytes": pa.large_binary(),
    }
    return pa.schema([pa.field(name, kinds[kind]) for name, kind in TABLES[table].items()])


class TableWriter:
    """One table, in memory."""

    def __init__(self, table: str) -> None:
        pa = require_pyarrow()
        self._schema = schema(table)
        self._stream = io.BytesIO()
        self._writer = pa.parquet.ParquetWriter(
            self._stream, self._schema, compression="zstd", compression_level=6 if table == "trees" else 1
        )
        self._held = columns(table)
        self._bytes = 0
        self.rows = 0

    @property
    def size(self) -> int:
        """Bytes that are written so far."""
        return self._stream.tell()

    def add(self, some: Columns) -> None:
        """Add rows."""
        count = len(some["file"])
        for name, values in self._held.items():
            values += some[name]
        self._bytes += sum(map(len, some["tree"])) if "tree" in some else 0
        self.rows += count
        if len(self._held["file"]) >= GROUP or self._bytes >= GROUP_BYTES:
            self._flush()

    def add_arrow(self, batch: Any) -> None:
        """Add rows of another table like it, as a row group."""
        self._flush()
        if batch.num_rows:
            self._writer.write_table(batch)
            self.rows += batch.num_rows

    def finish(self) -> bytes:
        """The whole Parquet file."""
        self._flush()
        self._writer.close()
        return self._stream.getvalue()

    def _flush(self) -> None:
        if not self._held["file"]:
            return
        pa = require_pyarrow()
        arrays = [pa.array(self._held[field.name], type=field.type) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        for values in self._held.values():
            values.clear()
        self._bytes = 0


class PartWriter:
    """All tables of a part."""

    def __init__(self) -> None:
        self.tables = {name: TableWriter(name) for name in TABLES}

    @property
    def files(self) -> int:
        """Files that were added."""
        return self.tables["files"].rows

    @property
    def size(self) -> int:
        """Bytes that are written so far."""
        return sum(table.size for table in self.tables.values())

    def add(self, rows: Mapping[str, Columns]) -> None:
        """Add rows of each table."""
        for name, some in rows.items():
            self.tables[name].add(some)

    def finish(self) -> Iterator[tuple[str, bytes, int]]:
        """The name of each table, its Parquet and its rows."""
        for name, table in self.tables.items():
            yield name, table.finish(), table.rows
