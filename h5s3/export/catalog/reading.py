"""Tables of a catalog, read by ranges: others may have written them, so that all is held against bounds."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from h5s3.errors import DamagedError
from h5s3.export.catalog.tables import arrow_failures, require_pyarrow, schema
from h5s3.sizes import GIB, MIB

MOST_TEXT = 512 * MIB  # of the footer of a table
MOST_THINGS = 10_000_000  # in a footer
LARGEST_GROUP = GIB  # bytes of a row group
TAKEN = 1000  # rows that are handed on at a time
Fetch = Callable[[int, int], bytes]  # bytes of a table, from one place to another


class Stored(io.RawIOBase):
    """The bytes of a table, as pyarrow reads them."""

    def __init__(self, size: int, fetch: Fetch) -> None:
        self._size, self._fetch, self._at = size, fetch, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        stop = self._size if size is None or size < 0 else min(self._size, self._at + size)
        data = self._fetch(self._at, stop) if stop > self._at else b""
        self._at += len(data)
        return data

    def readinto(self, into: Any) -> int:
        data = self.read(len(into))
        into[: len(data)] = data
        return len(data)


class TableFile:
    """A table of a part. `display`: named in errors."""

    def __init__(self, table: str, size: int, fetch: Fetch, display: str) -> None:
        pa = require_pyarrow()
        self._table, self._display = table, display
        self.stored = Stored(size, fetch)
        with self._damage():
            self._file = pa.parquet.ParquetFile(
                self.stored,
                thrift_string_size_limit=MOST_TEXT,
                thrift_container_size_limit=MOST_THINGS,
            )
            found, metadata = self._file.schema_arrow, self._file.metadata
            if not found.equals(schema(table)):
                raise DamagedError(f"not a table of {table} as h5s3 writes it", location=display)
            for number in range(metadata.num_row_groups):
                if metadata.row_group(number).total_byte_size > LARGEST_GROUP:
                    raise DamagedError("a row group of it is too large", location=display)

    def batches(self, columns: Sequence[str] | None = None, rows: int = TAKEN) -> Iterator[Any]:
        """Record batches, one row group in memory at a time."""
        with self._damage():
            yield from self._file.iter_batches(batch_size=rows, columns=columns, use_threads=False)

    def groups(self, without: Collection[str] = ()) -> Iterator[Any]:
        """Row groups as Arrow tables, but for the rows of some files."""
        import pyarrow as pa
        import pyarrow.compute as pc

        with self._damage():
            for number in range(self._file.metadata.num_row_groups):
                found = self._file.read_row_group(number)
                if without:
                    masked = pa.array(sorted(without), pa.string())
                    found = found.filter(pc.invert(pc.is_in(found["file"], value_set=masked)))
                yield found

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except arrow_failures() as error:
            reason = str(error).split("\n")[0][:200]
            raise DamagedError(f"a damaged table: {reason}", location=self._display) from None


def dataset(table: str, files: Sequence[TableFile], without: Collection[str] = ()) -> Any:
    """An Arrow dataset of tables, of which a query reads what it needs; but for the rows of some files."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    form = ds.ParquetFileFormat()
    fragments = [form.make_fragment(pa.PythonFile(file.stored, mode="r")) for file in files]
    found = ds.FileSystemDataset(fragments, schema(table), form)
    if without:
        found = found.filter(~ds.field("file").isin(pa.array(sorted(without), pa.string())))
    return found
