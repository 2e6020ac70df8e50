"""What `diff` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Json, Record, Shape
from h5s3.records.many.outline import Kind


class DiffSide(Record, kw_only=True):
    """One of the two objects that are compared."""

    location: str
    key: str
    etag: str | None
    path: str
    format: str
    version_id: str | UnsetType = UNSET
    version: str | UnsetType = UNSET  # of a table
    cached: bool = False


class OnOneSide(Record, kw_only=True):
    """What one side has alone: an object, or an attribute of the object at `path`."""

    path: str
    type: Literal[Kind, "hard_link", "attribute"]
    name: str | UnsetType = UNSET  # of an attribute
    shape: Shape | UnsetType | None = UNSET
    dtype: str | UnsetType = UNSET
    target: str | UnsetType = UNSET  # of a link
    value: Json | UnsetType = UNSET  # of an attribute, its first elements
    truncated: bool | UnsetType = UNSET
    nan_count: int | UnsetType = UNSET
    inf_count: int | UnsetType = UNSET


class Changed(Record, kw_only=True):
    """What is not alike of an object that both sides have."""

    path: str
    field: str  # shape, dtype, chunks …; `attribute`: its value; `data`: values of a dataset
    a: Json
    b: Json
    attribute: str | UnsetType = UNSET  # its name
    a_truncated: bool | UnsetType = UNSET
    b_truncated: bool | UnsetType = UNSET
    a_nan_count: int | UnsetType = UNSET
    a_inf_count: int | UnsetType = UNSET
    b_nan_count: int | UnsetType = UNSET
    b_inf_count: int | UnsetType = UNSET
    # values of a dataset, of which a and b are the first that differ
    column: str | UnsetType = UNSET  # of a compound
    num_different: int | UnsetType = UNSET
    num_compared: int | UnsetType = UNSET
    first: list[int] | UnsetType = UNSET  # where the first are that differ
    num_not_finite: int | UnsetType = UNSET  # of numbers that differ: NaN or infinite on one side
    max_difference: float | UnsetType | None = UNSET  # of the others; None: there are none
    max_relative: float | UnsetType | None = UNSET  # to the one of b, where that is not 0


class Renamed(Record, kw_only=True):
    """An object that has another path on the other side."""

    a: str
    b: str
    type: Kind
    num_below: int = 0  # objects below it, which moved with it


class NotCompared(Record, kw_only=True):
    """What could not be compared, or was not."""

    path: str
    reason: str
    name: str | UnsetType = UNSET  # of an attribute


class TableSide(Record, kw_only=True):
    """One version of a table that is compared."""

    version: str | None
    time: str | None
    rows: int | None  # that a reader gets; None: only the data tells
    num_files: int
    bytes: int | None


class DataFiles(Record, kw_only=True):
    """Data files that one side has alone; of `files` the first ones."""

    count: int
    rows: int | None  # in them, without what deletes hide; None: only the data tells
    bytes: int | None
    files: list[str]  # paths, below the table


class TableDiff(Record, kw_only=True):
    """How the data of two versions of a table, or of two tables, differs: by its files, none of which is
    read. Rows may have moved from one file to another unchanged."""

    a: TableSide
    b: TableSide
    same: bool  # whether both are made of the same files, with the same rows deleted
    added: DataFiles | UnsetType = UNSET  # UNSET: the files are not compared one by one
    removed: DataFiles | UnsetType = UNSET
    num_kept: int | UnsetType = UNSET  # files that both have
    rows_deleted: int | UnsetType | None = UNSET  # of files that both have, that b hides and a does not
    rows_restored: int | UnsetType | None = UNSET  # the other way round


class Diff(Document, kw_only=True):
    """What differs. `identical`: nothing differs, and all was compared that was to be."""

    schema: Literal["h5s3/diff/1"] = "h5s3/diff/1"
    a: DiffSide
    b: DiffSide
    identical: bool
    data: bool  # whether the values of datasets were compared
    added: list[OnOneSide]
    removed: list[OnOneSide]
    changed: list[Changed]
    renamed: list[Renamed]
    not_compared: list[NotCompared]
    num_objects: int  # that both sides have
    num_attributes: int
    num_values: int | UnsetType = UNSET  # of datasets, that were compared
    table: TableDiff | UnsetType = UNSET  # where both are tables
