"""What `meta` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.attribute import Attribute, TypeInfo
from h5s3.records.base import Document, Followed, Json, Record, Shape
from h5s3.records.tables.table import RowGroup, TableColumn, TableFacts, TableFile, TableVersion


class Filter(Record, kw_only=True):
    """One step of a filter pipeline."""

    id: int
    name: str
    options: list[int]
    available: bool
    optional: bool = False


class Codec(Record, kw_only=True):
    """One codec of a Zarr array, in the order in which they were applied."""

    name: str
    configuration: Json | UnsetType = UNSET


class StoreFacts(Record, kw_only=True):
    """What holds for a whole Zarr store."""

    zarr_format: int
    consolidated: bool  # whether all metadata was read from one document
    conventions: list[str] = []


class Dimension(Record, kw_only=True):
    """One dimension of a dataset: its length, label and attached scales."""

    size: int
    label: str | UnsetType = UNSET
    scales: list[str] = []


class VirtualSource(Record, kw_only=True):
    """Where a virtual dataset takes a part of its values from."""

    file: str
    path: str
    same_file: bool
    error: str | UnsetType = UNSET  # why its file is not to be had, where files are followed


class ExternalFile(Record, kw_only=True):
    """A file that holds raw data outside the HDF5 file."""

    name: str
    offset: int
    size: int | None
    error: str | UnsetType = UNSET  # why it is not to be had, where files are followed


class StoredChunk(Record, kw_only=True, gc=False):
    """Where one chunk is stored: its first index along each dimension, and its bytes in the object."""

    coordinates: list[int]
    offset: int
    size: int
    filter_mask: int  # a bit for each filter that was not applied to it


class LinkCounts(Record, kw_only=True):
    """How many links of each class a group holds."""

    hard: int = 0
    soft: int = 0
    external: int = 0
    other: int = 0


class LinkInfo(Record, kw_only=True):
    """The link by which an object was reached, where it is not a hard link."""

    type: Literal["soft_link", "external_link"]
    target: str
    resolved: bool


class FileFacts(Record, kw_only=True):
    """What holds for the whole file."""

    size: int
    superblock_version: int | None
    userblock_size: int
    file_space_strategy: str | None
    page_size: int | None
    conventions: list[str]
    libver: str | UnsetType = UNSET


class Meta(Document, kw_only=True):
    """One object in full."""

    schema: Literal["h5s3/meta/1"] = "h5s3/meta/1"
    location: str
    key: str
    etag: str | None
    path: str
    name: str
    kind: Literal["group", "dataset", "datatype", "soft_link", "external_link", "unresolved"]
    attributes: list[Attribute]
    num_attributes: int
    attributes_truncated: bool = False
    cached: bool = False
    name_b64: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    link: LinkInfo | UnsetType = UNSET
    followed: Followed | UnsetType = UNSET  # where the path led, if that is another file
    target: str | UnsetType = UNSET
    # groups
    num_children: int | UnsetType = UNSET
    links: LinkCounts | UnsetType = UNSET
    links_truncated: bool | UnsetType = UNSET
    creation_order: bool | UnsetType = UNSET
    file: FileFacts | UnsetType = UNSET
    store: StoreFacts | UnsetType = UNSET  # Zarr
    # tables and their columns
    table: TableFacts | UnsetType = UNSET
    column: TableColumn | UnsetType = UNSET
    history: list[TableVersion] | UnsetType = UNSET  # where asked for, the newest first
    history_truncated: bool | UnsetType = UNSET
    files: list[TableFile] | UnsetType = UNSET  # likewise
    files_truncated: bool | UnsetType = UNSET
    row_groups: list[RowGroup] | UnsetType = UNSET  # of a Parquet file, likewise
    # datasets and datatypes
    chunk_index: list[StoredChunk] | UnsetType = UNSET  # where asked for, in the order of the index
    chunk_index_truncated: bool | UnsetType = UNSET
    value: Json | UnsetType = UNSET  # of what is small
    nan_count: int | UnsetType = UNSET  # of `value`
    inf_count: int | UnsetType = UNSET
    value_truncated: bool | UnsetType = UNSET
    shape: Shape | UnsetType | None = UNSET
    maxshape: list[int | None] | UnsetType | None = UNSET
    dtype: str | UnsetType = UNSET
    size: int | UnsetType = UNSET
    ndim: int | UnsetType = UNSET
    nbytes: int | UnsetType = UNSET
    storage_size: int | UnsetType | None = UNSET
    offset: int | UnsetType = UNSET  # where contiguous values begin in the file
    compression_ratio: float | UnsetType | None = UNSET
    layout: str | UnsetType = UNSET
    chunks: Shape | UnsetType = UNSET
    num_chunks: int | UnsetType | None = UNSET  # allocated chunks; None: too many to count
    compression: str | UnsetType = UNSET
    compression_opts: Json | UnsetType = UNSET
    fill_value: Json | UnsetType = UNSET
    type: TypeInfo | UnsetType = UNSET
    raw_type: Json | UnsetType = UNSET
    filters: list[Filter] | UnsetType = UNSET
    codecs: list[Codec] | UnsetType = UNSET  # Zarr, in place of filters
    shards: Shape | UnsetType = UNSET  # Zarr: elements of what is stored in one object, where chunks share it
    num_shards: int | UnsetType | None = UNSET  # stored ones; None: too many to count, or they cannot be
    zarr_format: int | UnsetType = UNSET
    dimensions: list[Dimension] | UnsetType = UNSET
    is_scale: bool | UnsetType = UNSET
    virtual_sources: list[VirtualSource] | UnsetType = UNSET
    virtual_sources_truncated: bool | UnsetType = UNSET
    external_files: list[ExternalFile] | UnsetType = UNSET
