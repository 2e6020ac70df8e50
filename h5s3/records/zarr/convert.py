"""What `convert` returns: a receipt; and what it is told of a file before it copies anything."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Json, Record, Shape


class NotConverted(Record, kw_only=True):
    """An object, or a part of one, that has no counterpart in a Zarr store, and what it is."""

    path: str
    reason: str


class PlannedArray(Record, kw_only=True):
    """A dataset, and how its chunks come into the store.

    `copied`: 64-bit numbers in little-endian order, a row for each chunk that is copied as it is stored: its
    cell, its first byte in the object, its bytes. `decoded`: cells of the others; None: all that there are.
    """

    path: str  # below the store; empty: the store itself
    source: str  # in the file
    shape: Shape  # of the array in the store
    chunks: Shape
    shards: Shape = []  # of which each is an object; empty: chunks are
    inner: int = 0  # how many dimensions, the last ones, are those of an array type
    codecs: list[Json]  # of version 2, from bytes to bytes: both versions store the same bytes
    text: bool = False  # of variable length
    references: bool = False
    dense: bool = False  # chunks that were never written are written
    fill: bytes = b""  # the value of what is not in the store
    stored: int = 0  # bytes in the file
    copied: bytes = b""
    decoded: bytes | None = b""


class PlannedOverview(Record, kw_only=True):
    """Overviews of an array: how much smaller each level is along each dimension."""

    array: int  # its number in the plan
    ome: bool = False  # means have the type of the array
    factors: Shape
    dtype: str
    missing: int | float | None  # a value that does not count


class ConversionPlan(Record, kw_only=True):
    """A file as a Zarr store: its documents, and the arrays that these describe."""

    size: int
    etag: str | None
    last_modified: str | None
    path: str
    nodes: dict[str, dict[str, Json]]  # documents by name, of groups and arrays by path
    arrays: list[PlannedArray]
    left: list[NotConverted]
    notes: list[NotConverted]  # what is there in another form
    overviews: list[PlannedOverview] = []
    names: dict[int, str] = {}  # paths of objects by their addresses, where references are among the values


class Convert(Document, kw_only=True):
    """What was made of a file, a group or a dataset."""

    schema: Literal["h5s3/convert/1"] = "h5s3/convert/1"
    location: str
    key: str
    etag: str | None
    path: str
    output: str
    zarr_format: Literal[2, 3]
    num_groups: int
    num_arrays: int
    chunks_copied: int  # objects (chunks or shards) of chunks as they are stored
    chunks_encoded: int  # objects of chunks that were decoded and encoded
    chunks_kept: int  # that a run before had written
    chunks_empty: int | UnsetType = UNSET  # that hold nothing but the fill value: not written
    fetched: int  # bytes of chunks that were read
    written: int  # bytes, documents included
    seconds: float
    verified: int | UnsetType = UNSET  # values that were compared with those of the file
    num_overviews: int | UnsetType = UNSET  # arrays that have them
    left_out: list[NotConverted] = []
    notes: list[NotConverted] = []


class ConversionFailure(Record, kw_only=True):
    """A file of several of which there is no store."""

    location: str
    error: str
    exit_code: int


class ConvertMany(Document, kw_only=True):
    """What was made of several files."""

    schema: Literal["h5s3/convert-many/1"] = "h5s3/convert-many/1"
    location: str
    output: str
    stores: list[Convert]
    kept: list[str]  # stores that were whole before
    failures: list[ConversionFailure]
