"""The records every command returns: the JSON contract, and what the renderers draw.

Field names follow the JSON section of the README. A field that is `UNSET` is absent from the JSON.
Sizes are bytes, times are seconds, dates are ISO 8601 in UTC. Text is exact: `render` makes it safe.
Names that are not UTF-8 carry their bytes in base64 beside an escaped form (`name_b64`).
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType, field

Shape = list[int]
Json = Any  # a value that JSON can hold: see `reader.values`


class Record(msgspec.Struct, kw_only=True):
    """Base of all records: keyword-only, absent fields left out of the JSON."""


class Document(Record):
    """Base of what a command prints as its one JSON document."""


# ---------------------------------------------------------------------------------------------- ls


class Entry(Record):
    """A bucket, a prefix (common prefix up to the next `/`), or an object."""

    key: str
    type: Literal["object", "prefix", "bucket"]
    size: int | None = None
    last_modified: str | None = None
    etag: str | None = None
    storage_class: str | UnsetType = UNSET
    version_id: str | UnsetType = UNSET
    is_latest: bool | UnsetType = UNSET
    delete_marker: bool | UnsetType = UNSET


class Listing(Document):
    """What a bucket or prefix holds."""

    schema: Literal["h5s3/ls/1"] = "h5s3/ls/1"
    location: str
    entries: list[Entry]
    truncated: bool = False
    cached: bool = False


# -------------------------------------------------------------------------------------- attributes


class TypeInfo(Record, omit_defaults=True):
    """An HDF5 datatype in the standard's words. Which fields are present depends on `class`."""

    class_: str = field(name="class")
    size: int | None = None  # bytes; absent for types without a size of their own
    signed: bool | None = None
    endianness: Literal["little-endian", "big-endian", "mixed", "none"] | None = None
    precision: int | None = None  # bits in use, where not the whole size
    charset: Literal["ASCII", "UTF-8"] | None = None
    padding: Literal["null-terminated", "null-padded", "space-padded"] | None = None
    variable: bool | None = None  # strings: variable length
    tag: str | None = None  # opaque
    reference: Literal["object", "region"] | None = None
    dims: Shape | None = None  # array
    base: TypeInfo | None = None  # array, enum, vlen, complex
    members: list[Member] | None = None  # compound
    mapping: dict[str, int] | None = None  # enum: name to value
    committed: str | None = None  # path of the named datatype it was made from, where known
    note: str | None = None  # why a type could not be described further


class Member(Record):
    """One field of a compound type."""

    name: str
    offset: int
    type: TypeInfo
    name_b64: str | UnsetType = UNSET


class Attribute(Record):
    """An attribute with its value, or why the value is not shown."""

    name: str
    value: Json
    dtype: str
    shape: Shape | None  # None: a null dataspace
    name_b64: str | UnsetType = UNSET
    value_b64: Json | UnsetType = UNSET  # bytes that are not UTF-8
    nan_count: int | UnsetType = UNSET
    inf_count: int | UnsetType = UNSET
    truncated: bool | UnsetType = UNSET
    error: str | UnsetType = UNSET


# -------------------------------------------------------------------------------------------- tree


class Node(Record, tag_field="type"):
    """Something a link of a group leads to."""

    name: str
    path: str
    name_b64: str | UnsetType = UNSET


class AttributedNode(Node):
    """A node that is an object of the file."""

    attributes: list[Attribute] | UnsetType = UNSET
    num_attributes: int | UnsetType = UNSET
    attributes_truncated: bool | UnsetType = UNSET
    alias_of: str | UnsetType = UNSET  # path of the same object seen first (another hard link)


class GroupNode(AttributedNode, tag="group"):
    """A group; `children` is absent where the walk did not go into it."""

    num_children: int
    children: list[TreeNode] | UnsetType = UNSET
    children_truncated: bool | UnsetType = UNSET
    nx_class: str | UnsetType = UNSET


class DatasetNode(AttributedNode, tag="dataset"):
    """A dataset; `shape` is None for a null dataspace, `[]` for a scalar."""

    shape: Shape | None
    dtype: str
    size: int
    ndim: int
    nbytes: int
    maxshape: list[int | None] | UnsetType = UNSET
    layout: str | UnsetType = UNSET
    chunks: Shape | UnsetType = UNSET
    compression: str | UnsetType = UNSET
    filters: list[str] | UnsetType = UNSET
    storage_size: int | UnsetType = UNSET
    external_files: list[str] | UnsetType = UNSET


class DatatypeNode(AttributedNode, tag="datatype"):
    """A committed (named) datatype."""

    dtype: str


class SoftLinkNode(Node, tag="soft_link"):
    """A soft link, shown and not followed."""

    target: str


class ExternalLinkNode(Node, tag="external_link"):
    """A link into another file, shown and never followed."""

    target: str  # file:path
    target_file: str
    target_path: str


class UnresolvedNode(Node, tag="unresolved"):
    """What could not be opened, and why."""

    reason: str
    target: str | UnsetType = UNSET


TreeNode = GroupNode | DatasetNode | DatatypeNode | SoftLinkNode | ExternalLinkNode | UnresolvedNode


class Tree(Document):
    """The level (or levels) below one path of a file."""

    schema: Literal["h5s3/tree/1"] = "h5s3/tree/1"
    location: str
    key: str
    etag: str | None
    path: str
    num_children: int
    children: list[TreeNode]
    children_truncated: bool = False
    cached: bool = False
    node: TreeNode | UnsetType = UNSET  # what PATH itself is, where it is not a group
    attributes: list[Attribute] | UnsetType = UNSET
    num_attributes: int | UnsetType = UNSET
    attributes_truncated: bool | UnsetType = UNSET


# -------------------------------------------------------------------------------------------- meta


class Filter(Record):
    """One step of a filter pipeline."""

    id: int
    name: str
    options: list[int]
    available: bool
    optional: bool = False


class Dimension(Record):
    """One dimension of a dataset: its length, label and attached scales."""

    size: int
    label: str | UnsetType = UNSET
    scales: list[str] = []


class VirtualSource(Record):
    """Where a virtual dataset takes a part of its values from."""

    file: str
    path: str
    same_file: bool


class ExternalFile(Record):
    """A file that holds raw data outside the HDF5 file: shown, never read."""

    name: str
    offset: int
    size: int | None


class LinkCounts(Record):
    """How many links of each class a group holds."""

    hard: int = 0
    soft: int = 0
    external: int = 0
    other: int = 0


class LinkInfo(Record):
    """The link by which an object was reached, where it is not a hard link."""

    type: Literal["soft_link", "external_link"]
    target: str
    resolved: bool


class FileFacts(Record):
    """What holds for the whole file."""

    size: int
    superblock_version: int | None
    userblock_size: int
    file_space_strategy: str | None
    page_size: int | None
    conventions: list[str]
    libver: str | UnsetType = UNSET


class Meta(Document):
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
    target: str | UnsetType = UNSET
    # groups
    num_children: int | UnsetType = UNSET
    links: LinkCounts | UnsetType = UNSET
    links_truncated: bool | UnsetType = UNSET
    creation_order: bool | UnsetType = UNSET
    file: FileFacts | UnsetType = UNSET
    # datasets and datatypes
    shape: Shape | None | UnsetType = UNSET
    maxshape: list[int | None] | None | UnsetType = UNSET
    dtype: str | UnsetType = UNSET
    size: int | UnsetType = UNSET
    ndim: int | UnsetType = UNSET
    nbytes: int | UnsetType = UNSET
    storage_size: int | None | UnsetType = UNSET
    compression_ratio: float | None | UnsetType = UNSET
    layout: str | UnsetType = UNSET
    chunks: Shape | UnsetType = UNSET
    num_chunks: int | None | UnsetType = UNSET  # allocated chunks; None: too many to count
    compression: str | UnsetType = UNSET
    compression_opts: Json | UnsetType = UNSET
    fill_value: Json | UnsetType = UNSET
    type: TypeInfo | UnsetType = UNSET
    raw_type: Json | UnsetType = UNSET
    filters: list[Filter] | UnsetType = UNSET
    dimensions: list[Dimension] | UnsetType = UNSET
    is_scale: bool | UnsetType = UNSET
    virtual_sources: list[VirtualSource] | UnsetType = UNSET
    virtual_sources_truncated: bool | UnsetType = UNSET
    external_files: list[ExternalFile] | UnsetType = UNSET


# ----------------------------------------------------------------------------------------- preview


class Stats(Record):
    """Statistics of the finite values of the sample; None where there are none."""

    min: int | float | None
    max: int | float | None
    mean: float | None
    std: float | None
    nan_count: int
    inf_count: int
    sample_size: int  # elements read
    coverage: float  # elements read / elements of the dataset


class Table(Record):
    """A corner of the data. `rows` hold JSON values, `columns` name compound fields or indices."""

    rows: list[list[Json]]
    columns: list[str] | UnsetType = UNSET
    row_labels: list[int] | UnsetType = UNSET
    rows_truncated: bool = False
    columns_truncated: bool = False


class Axis(Record):
    """One axis of a plot: dimension, start and step of the indices drawn, in elements."""

    dimension: int
    start: int
    step: int
    count: int
    label: str | UnsetType = UNSET


class Plot(Record):
    """Data of a line (1-D) or heatmap (2-D), with null where a value is missing or not finite."""

    type: Literal["line", "heatmap"]
    data: list[Json]
    vmin: float | None
    vmax: float | None
    downsampled: bool
    x: Axis | UnsetType = UNSET
    y: Axis | UnsetType = UNSET


class Preview(Document):
    """What is in a dataset, from a bounded sample."""

    schema: Literal["h5s3/preview/1"] = "h5s3/preview/1"
    location: str
    key: str
    etag: str | None
    path: str
    dtype: str
    shape: Shape | None
    ndim: int
    preview_type: Literal["line", "heatmap", "table", "scalar", "empty"]
    selection: str  # NumPy syntax; reproduces the values that were read
    cached: bool = False
    stats: Stats | None = None
    table: Table | None = None
    plot: Plot | None = None
    profile: list[float | None] | None = None  # mean of every row drawn (2-D and up)
    notes: list[str] = []


# ------------------------------------------------------------------------------------------- bench


class Samples(Record):
    """Raw seconds of one kind of request, and their summary."""

    operation: str
    size: int  # bytes asked for by each request
    concurrency: int
    seconds: list[float]
    first_byte_seconds: list[float] | UnsetType = UNSET
    wall_seconds: float
    bytes: int
    errors: int
    min: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None
    requests_per_second: float | None
    bytes_per_second: float | None


class Check(Record):
    """One thing a server should do, and whether it did."""

    name: str
    ok: bool
    detail: str


class Bench(Document):
    """How a storage answers."""

    schema: Literal["h5s3/bench/1"] = "h5s3/bench/1"
    location: str
    endpoint: str
    object_size: int
    samples: list[Samples]
    checks: list[Check]
    strategies: list[Strategy] | UnsetType = UNSET
    warnings: list[str] = []


class Strategy(Record):
    """What one way of walking the file cost."""

    name: str
    seconds: float
    requests: int
    bytes: int
    rounds: int | None
    objects: int


# ------------------------------------------------------------------------------------------- cache


class CacheInfo(Document):
    """State of the persistent cache."""

    schema: Literal["h5s3/cache/1"] = "h5s3/cache/1"
    path: str
    exists: bool
    entries: int
    bytes: int
    limit: int
    blocks: int
    answers: int


R = TypeVar("R", bound=Document)


def to_json(record: Record | list[Record]) -> bytes:
    """Encode as JSON bytes: NaN and infinities become null, int64 stays exact."""
    return msgspec.json.encode(record)


def from_json(data: bytes, kind: type[R]) -> R:
    """Decode and validate what `to_json` wrote. Raises `msgspec.ValidationError`/`DecodeError`."""
    return msgspec.json.decode(data, type=kind)


DOCUMENTS: dict[str, type[Document]] = {
    "ls": Listing,
    "tree": Tree,
    "meta": Meta,
    "preview": Preview,
    "bench": Bench,
    "cache": CacheInfo,
}


def json_schema(command: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a command's document. Raises `KeyError` for an unknown command."""
    schema = msgspec.json.schema(DOCUMENTS[command])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
