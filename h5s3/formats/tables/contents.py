"""The questions, asked of an open table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from h5s3.errors import UsageError
from h5s3.formats.base import Array, Source
from h5s3.formats.requests import MetaRequest, OutlineRequest, TreeRequest, UsageRequest
from h5s3.records import ColumnStats, DiskUsage, Meta, Outline, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from h5s3.formats.tables.place import Place
    from h5s3.formats.tables.rows.numbered import Counted, NumberedRows
    from h5s3.formats.tables.rows.protocol import Rows
    from h5s3.formats.tables.table import Table


class TableContents:
    """One version of a table."""

    def __init__(
        self, source: Source, place: Place, open_table: Callable[[Place, str | None], Table]
    ) -> None:
        self._info, self._place, self._open = source.info, place, open_table
        self._version = source.version

    @cached_property
    def table(self) -> Table:
        """Its metadata, read when it is first asked for."""
        from h5s3.formats.tables.parquet.sizes import sizes_in_files

        found = self._open(self._place, self._version)
        found.measured = partial(sizes_in_files, self._place, found)
        return found

    def tree(self, asked: TreeRequest) -> Tree:
        """The columns, and the partitions where they are asked for."""
        from h5s3.formats.tables.tree import read_tree

        if asked.view not in ("auto", "plain"):
            raise UsageError(f"--view {asked.view} shows HDF5 files", hint="leave it out")
        return read_tree(self.table, self._info, asked)

    def meta(self, asked: MetaRequest) -> Meta:
        """The table or a column in full."""
        from h5s3.formats.tables.meta import read_meta

        return read_meta(self.table, self._info, asked)

    def usage(self, asked: UsageRequest) -> DiskUsage:
        """Bytes of columns."""
        from h5s3.formats.tables.usage import read_usage

        return read_usage(self.table, self._info, asked)

    def outline(self, asked: OutlineRequest) -> Outline:
        """Columns and properties."""
        from h5s3.formats.tables.outline import read_outline

        return read_outline(self.table, self._info, asked)

    def arrays(self, paths: Sequence[str]) -> Sequence[Array | Exception]:
        """Columns."""
        raise UsageError("rows of tables are not compared", hint="leave out --data")

    def rows(
        self, columns: Sequence[str] | None, where: str | None, limit: int | None, most: int | None = None
    ) -> Rows:
        """Rows that match."""
        from h5s3.formats.tables.rows.scan import Scan

        if limit is not None and limit < 0:
            raise UsageError("--limit is not negative")
        return Scan(self.table, self._place, columns, where, limit, most)

    def numbered(
        self, path: str, most: int | None, counted: Counted = (), version: str | None = None
    ) -> NumberedRows:
        """Rows by their numbers: of all columns, or of the one at a path."""
        from h5s3.formats.tables.rows.numbered import NumberedRows

        same = version is not None and version == self.table.version
        return NumberedRows(self.table, self._place, path, counted if same else (), most)

    def sampled(self, most: int) -> list[ColumnStats]:
        """What metadata tells exactly of the values of columns; of others the rest is not known."""
        from h5s3.formats.tables.rows.statistics import told_of

        return told_of(self.table, most)

    def is_array(self, path: str) -> bool:
        """Whether there is a column of numbers at a path. Raises `NotFoundError` for none at all."""
        from h5s3.formats.tables.rows.array import is_numeric
        from h5s3.formats.tables.tree import column_at

        column = column_at(self.table.columns, path)
        return column is not None and is_numeric(column.arrow)

    def values(self, path: str) -> Array:
        """A column of numbers, without nulls."""
        return self._column(path, gaps=False)

    def shown(self, path: str) -> Array:
        """A column of numbers, masked where one is null."""
        return self._column(path, gaps=True)

    def _column(self, path: str, gaps: bool) -> Array:
        from h5s3.formats.tables.rows.array import ColumnArray, is_numeric
        from h5s3.formats.tables.rows.scan import Scan
        from h5s3.formats.tables.tree import column_at

        column = column_at(self.table.columns, path)
        if column is None or not is_numeric(column.arrow):
            what = "the table" if column is None else f"a column of type {column.type}"
            raise UsageError(f"{path} is {what}, not an array", hint="get it as csv, json or parquet")
        return ColumnArray(Scan(self.table, self._place, [path]), path, gaps)
