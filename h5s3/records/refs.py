"""What `refs` returns, and what it asks of each file: everything that references say of it."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Json, Record


class LeftOut(Record, kw_only=True):
    """An object, or a part of one, that references cannot hold, and why."""

    path: str
    reason: str
    location: str | UnsetType = UNSET  # where there are several files


class ArrayReferences(Record, kw_only=True):
    """An array as Zarr version 2 describes it, and where its chunks are.

    `places`: 64-bit numbers in little-endian order, a row for each chunk: its cell (a number for each
    dimension), its first byte in the object, its bytes. `inlined`: chunks by their keys, as codecs would
    have stored them. For files that are joined: `decoded` says that all values are inlined, as they are and
    in one chunk; `digest` names what is stored.
    """

    path: str  # no / in front
    shape: list[int]
    chunks: list[int]
    dtype: Json
    fill_value: Json
    filters: list[Json]
    dimensions: list[str]
    attributes: str  # JSON text: NaN is a number in it
    places: bytes = b""
    inlined: dict[str, bytes] = {}
    masked: bool = False  # the fill value is `_FillValue`, which is no attribute any more
    decoded: bool = False
    digest: str | None = None


class GroupReferences(Record, kw_only=True):
    """A group; the root's path is empty."""

    path: str
    attributes: str


class FileReferences(Record, kw_only=True):
    """All that references say of one file."""

    size: int
    etag: str | None
    last_modified: str | None
    groups: list[GroupReferences]
    arrays: list[ArrayReferences]
    left_out: list[LeftOut] = []
    notes: list[LeftOut] = []  # what is there, and not quite as it is in the file


class RefsSource(Record, kw_only=True):
    """An object that references point into, as it was when they were made."""

    location: str  # where it was read
    url: str  # that the references have
    size: int
    etag: str | None
    last_modified: str | None = None


class Refs(Document, kw_only=True):
    """What was written: references with which Zarr reads HDF5 files where they are."""

    schema: Literal["h5s3/refs/1"] = "h5s3/refs/1"
    output: str
    format: Literal["json", "parquet", "icechunk"]
    file_bytes: int
    sources: list[RefsSource]
    num_groups: int  # below the root
    num_arrays: int
    num_chunks: int  # that are referred to
    num_inlined: int  # chunks that stand in the references themselves
    left_out: list[LeftOut] = []
    notes: list[LeftOut] = []


class StaleSource(Record, kw_only=True):
    """An object that is not what references were made of."""

    location: str
    reason: str


class RefsCheck(Document, kw_only=True):
    """Whether the objects that references point into are still those that they were made of."""

    schema: Literal["h5s3/refs-check/1"] = "h5s3/refs-check/1"
    output: str  # the references
    num_sources: int
    fresh: bool
    stale: list[StaleSource] = []
