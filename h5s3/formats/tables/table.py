"""A table as all formats have it: columns, partitions, and the files that one version of it is made of.

A format reads its metadata into a `Table`; what is told of it, and how rows are read, is written once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from h5s3.records import UNSET, ColumnRange, Feature, Json, PartitionField, RowGroup, TableVersion, UnsetType

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Positions = np.ndarray[Any, Any]  # unsigned 64-bit numbers, rising


VARIANT = "variant"  # the type, in the words of all formats, of values that have types of their own


@dataclass(frozen=True)
class Column:
    """A column, or a field of a struct. `type`: in words of the format; `arrow`: as its values are read."""

    name: str
    type: str
    arrow: pa.DataType | None
    nullable: bool = True
    field_id: int | None = None
    physical: str | None = None  # its name in the files, where that is another one
    mapped: tuple[str, ...] | None = None  # its names in files without ids, where columns are found by these
    comment: str = ""
    default: Json | UnsetType = UNSET  # of files that were written before the column was there
    write_default: Json | UnsetType = UNSET  # of rows that are written without a value
    key: bool = False  # one of those that identify a row
    from_numbers: bool = False  # whole numbers, as older files have them, are read as texts
    children: tuple[Column, ...] = ()  # of structs; the items of lists (`element`) and maps (`key`, `value`)


@dataclass(slots=True)  # never changed, and not frozen: a table has many, which that would slow down
class DataFile:
    """A file that rows are read from. `path`: below the table; where `elsewhere`, as the metadata has it."""

    path: str
    size: int | None = None
    rows: int | None = None  # in the file
    deleted: int | None = 0  # of these, not read; None: only the data tells
    partition: Mapping[str, Any] = field(default_factory=dict)  # Python values of the types of the columns
    statistics: Mapping[str, ColumnRange] | None = None  # by path of the column
    format: str = "parquet"
    deletes: tuple[Any, ...] = ()  # what hides rows of it: of the format's own kind, with a readable str()
    logs: tuple[str, ...] = ()  # of Hudi
    elsewhere: bool = False
    detail: Any = None  # the format's own

    @property
    def visible(self) -> int | None:
        """Rows of it that a reader gets, where the metadata tells it."""
        return None if self.rows is None or self.deleted is None or self.logs else self.rows - self.deleted


@dataclass
class Table(ABC):
    """One version of a table."""

    format: str
    columns: Sequence[Column]
    files: Sequence[DataFile]
    version: str | None = None
    time: str | None = None  # ISO 8601, UTC
    format_version: str | None = None
    table_type: str | None = None
    id: str | None = None
    name: str | None = None
    description: str | None = None
    partitioning: Sequence[PartitionField] = ()
    sort_order: Sequence[str] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    features: Sequence[Feature] = ()
    refused: str | None = None  # why its rows cannot be read right: the name of the feature is in it
    num_delete_files: int = 0
    num_deletion_vectors: int = 0
    written_by: str | None = None
    moved_from: str | None = None
    notes: list[str] = field(default_factory=list)
    found_by: Literal["name", "id"] = "name"  # how columns are found in the files: by `physical`, `field_id`
    sizes_hold: bool = True  # a file whose size is another one than the metadata says is damaged
    measured: Callable[[], Mapping[str, tuple[int | None, int | None]]] | None = (
        None  # by footers of the files
    )

    @property
    def rows(self) -> int | None:
        """Rows that a reader gets, where the metadata tells it."""
        total = 0
        for file in self.files:
            if (rows := file.visible) is None:
                return None
            total += rows
        return total

    @abstractmethod
    def history(self) -> list[TableVersion]:
        """All commits or snapshots that are still known, the newest first. It may take a round or more."""

    def read_statistics(self) -> None:
        """Have sizes, rows and statistics of `files` here that are not in the metadata that was read."""
        return

    def row_groups(self, most: int | None) -> list[RowGroup] | UnsetType:
        """Of a Parquet file: the first of its row groups (0: all)."""
        return UNSET

    def known_bytes(self) -> Mapping[str, tuple[int | None, int | None]]:
        """Stored and logical bytes of columns, by path, as far as metadata that is here tells them."""
        return {}

    def column_bytes(self) -> Mapping[str, tuple[int | None, int | None]]:
        """The same of all columns; the footers of the files may be read for it."""
        known = self.known_bytes()
        return known if known or self.measured is None else self.measured()

    def footers(self) -> Mapping[str, Any]:
        """Footers of Parquet files that were read already, by path."""
        return {}

    def hidden(self, files: Sequence[DataFile]) -> dict[str, Positions]:
        """Rows of these files, by path, that deletes hide: their positions. All are read in shared rounds."""
        return {}

    def kept(self, file: DataFile, rows: pa.Table) -> pa.Table:
        """The rows of a file without those that deletes hide by their values. `rows` has all columns that
        `needed` names, and those that were asked for."""
        return rows

    def added(self, file: DataFile, columns: Sequence[str]) -> pa.Table | None:
        """Rows that logs add to a file, of which `hidden` was told, with these columns. A file of the format
        `log` has no others."""
        return None

    def needed(self, files: Sequence[DataFile]) -> Sequence[str]:
        """Columns that `kept` looks at in these files."""
        return ()


def leaves(columns: Sequence[Column], above: str = "") -> Iterator[tuple[str, Column]]:
    """All columns and fields of structs that have no fields of their own, with their paths (`/a/b`)."""
    for column in columns:
        path = f"{above}/{column.name}"
        if is_struct(column):
            yield from leaves(column.children, path)
        else:
            yield path, column


def named(columns: Sequence[Column], text: str, separator: str) -> tuple[Column, ...] | None:
    """The column that a text names, or the field inside one, with all that are around it.

    Names may have the separator in them (`m/s`, `a.b`): the longest one that there is counts.
    """
    whole = next((one for one in columns if one.name == text), None)
    if whole is not None:
        return (whole,)
    around = [one for one in columns if one.children and text.startswith(one.name + separator)]
    for column in sorted(around, key=lambda one: -len(one.name)):
        inner = named(column.children, text[len(column.name) + 1 :], separator)
        if inner is not None:
            return (column, *inner)
    return None


def is_struct(column: Column) -> bool:
    """Whether a column has fields, each of which stands in the tree: lists and maps have items, and what a
    value of many types is made of are no fields."""
    if not column.children or column.type == VARIANT:
        return False
    if column.arrow is not None:
        return hasattr(column.arrow, "get_field_index")  # as structs alone have
    return [child.name for child in column.children] not in (["element"], ["key", "value"])
