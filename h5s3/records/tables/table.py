"""What `meta` and `tree` tell of a table beside what they tell of every format."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from h5s3.records.base import Json, Record


class TableColumn(Record, kw_only=True):
    """A column, or a field inside one."""

    name: str
    path: str
    type: str  # in the words of the format
    arrow: str | None  # the type in which values are read; None: there is none
    nullable: bool
    field_id: int | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    default: Json | UnsetType = UNSET  # of files that were written before the column was there
    write_default: Json | UnsetType = UNSET  # of rows that are written without a value
    key: bool | UnsetType = UNSET  # one of the columns that identify a row
    children: list[TableColumn] | UnsetType = UNSET


class PartitionField(Record, kw_only=True):
    """What files are partitioned by."""

    name: str
    source: str  # path of the column
    transform: str = "identity"
    since: str | UnsetType = UNSET  # where it changed: the number of the specification it is part of
    current: bool = True


class Feature(Record, kw_only=True):
    """Something that a reader has to know."""

    name: str
    known: bool  # whether rows are read right here


class TableFacts(Record, kw_only=True):
    """What holds for a whole table, as it is, or was in the version that was asked for."""

    format: str
    format_version: str | UnsetType = UNSET
    table_type: str | UnsetType = UNSET  # of Hudi
    id: str | UnsetType = UNSET
    table_name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    version: str | None  # the number of the version, the id of the snapshot; None: there are none
    time: str | None  # of it
    columns: list[TableColumn]
    partitioning: list[PartitionField]
    sort_order: list[str] | UnsetType = UNSET
    properties: dict[str, str]
    features: list[Feature]
    refused: str | UnsetType = UNSET  # why rows are not read
    rows: int | None  # that a reader gets; None: only the data tells
    num_files: int
    bytes: int | None  # of the data files
    smallest: int | None
    median: int | None
    largest: int | None
    num_delete_files: int = 0
    num_deletion_vectors: int = 0
    num_log_files: int = 0  # of Hudi: rows that were not merged yet
    written_by: str | UnsetType = UNSET
    moved_from: str | UnsetType = UNSET  # where its metadata says that it is
    notes: list[str] = []


class TableVersion(Record, kw_only=True):
    """A commit or a snapshot. What it does not tell is left out."""

    version: str
    time: str | None
    operation: str
    parent: str | UnsetType = UNSET
    rows_added: int | UnsetType = UNSET
    rows_removed: int | UnsetType = UNSET
    files_added: int | UnsetType = UNSET
    files_removed: int | UnsetType = UNSET
    bytes_added: int | UnsetType = UNSET
    by: str | UnsetType = UNSET  # the program or the user
    current: bool = False
    detail: dict[str, Json] | UnsetType = UNSET


class ColumnRange(Record, kw_only=True):
    """What the metadata tells of the values of a column. `exact`: bounds are values, not cut short."""

    min: Json = None
    max: Json = None
    nulls: int | None = None
    exact: bool = True


class TableFile(Record, kw_only=True):
    """A data file that rows are read from."""

    path: str  # below the table
    size: int | None
    rows: int | None  # in the file
    rows_deleted: int | UnsetType = UNSET  # that are not read
    partition: dict[str, Json] | UnsetType = UNSET
    deletes: list[str] | UnsetType = UNSET  # files and deletion vectors that hide rows of it
    logs: list[str] | UnsetType = UNSET  # of Hudi
    format: str = "parquet"
    statistics: dict[str, ColumnRange] | UnsetType = UNSET
    elsewhere: bool | UnsetType = UNSET  # it lies outside the table, and is not read


class Partition(Record, kw_only=True):
    """All files with the same partition values."""

    values: dict[str, Json]
    rows: int | None
    files: int
    bytes: int | None


class ColumnChunk(Record, kw_only=True):
    """A column of a row group of a Parquet file."""

    path: str
    type: str
    encodings: list[str]
    compression: str
    stored: int
    logical: int
    values: int
    statistics: ColumnRange | UnsetType = UNSET
    bloom_filter: bool | UnsetType = UNSET
    properties: dict[str, str] | UnsetType = UNSET  # key-value metadata of the column chunk


class RowGroup(Record, kw_only=True):
    """Rows of a Parquet file that are stored together."""

    rows: int
    stored: int
    logical: int
    columns: list[ColumnChunk]
