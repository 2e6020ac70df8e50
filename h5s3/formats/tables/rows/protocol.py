"""What contents that have rows offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from h5s3.records import ColumnStats

if TYPE_CHECKING:
    import pyarrow as pa

    from h5s3.formats.tables.rows.numbered import Counted, NumberedRows


class Rows(Protocol):
    """Rows of a table that are asked for."""

    @property
    def schema(self) -> pa.Schema:
        """Of the rows."""

    @property
    def total(self) -> int | None:
        """Rows of the whole table; None: only the data tells."""

    @property
    def done(self) -> float:
        """How much of them was looked at so far, from 0 to 1."""

    @property
    def notes(self) -> Sequence[str]:
        """What is to be said of them."""

    def rows(self) -> Iterator[pa.Table]:
        """The rows that match, some at a time."""


@runtime_checkable
class Tabular(Protocol):
    """Contents that have rows."""

    def is_array(self, path: str) -> bool:
        """Whether there is a column of numbers at a path: `values` gives it. Raises `NotFoundError`."""

    def sampled(self, most: int) -> list[ColumnStats]:
        """What metadata tells exactly of the values of the first columns; of others the rest is not known."""

    def rows(
        self, columns: Sequence[str] | None, where: str | None, limit: int | None, most: int | None = None
    ) -> Rows:
        """Rows that match, of all columns or of some. `most`: bytes that may be fetched. Raises `UsageError`,
        `NotFoundError` for a column, `RefusedError`."""

    def numbered(
        self, path: str, most: int | None, counted: Counted = (), version: str | None = None
    ) -> NumberedRows:
        """Rows by their numbers: of all columns, or of the one at a path. `most`: bytes that may be fetched
        each time; `counted`: what was counted of this version before."""
