"""What `du` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Record
from h5s3.records.tables.table import Partition


class Usage(Record, kw_only=True):
    """Bytes that a group (all below it, each object once) or a dataset takes."""

    path: str
    type: Literal["group", "dataset", "unresolved"]
    stored: int | None  # None: not known
    logical: int  # of variable-length values those of their pointers
    ratio: float | None  # logical / stored
    num_datasets: int
    unknown: int = 0  # datasets and groups below of which something could not be told
    path_b64: str | UnsetType = UNSET
    alias_of: str | UnsetType = UNSET  # another hard link to this object: its bytes count there
    note: str | UnsetType = UNSET


class DiskUsage(Document, kw_only=True):
    """Stored and logical bytes below a path, the largest first."""

    schema: Literal["h5s3/du/1"] = "h5s3/du/1"
    location: str
    key: str
    etag: str | None
    path: str
    size: int  # of the whole object; of a Zarr store what its objects below the path take
    objects: int | UnsetType = UNSET  # of a Zarr store, below the path; files of a table
    stored: int  # at least, where something is unknown
    logical: int
    ratio: float | None
    num_datasets: int
    entries: list[Usage]
    num_entries: int = 0
    entries_truncated: bool = False
    unknown: int = 0  # datasets and groups of which something could not be told
    other: int | UnsetType = UNSET  # of the whole object: not dataset data (metadata, heaps, free)
    complete: bool = True  # False: the walk was cut short, see the notes
    partitions: list[Partition] | UnsetType = UNSET  # of a table, where asked for, in place of entries
    num_partitions: int | UnsetType = UNSET
    table: str | UnsetType = UNSET  # its format, where it is one
    notes: list[str] = []
    cached: bool = False
