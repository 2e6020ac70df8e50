"""What `catalog` writes and returns."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Json, Record
from h5s3.records.many.find import FileFailure


class CatalogTable(Record, kw_only=True):
    """A Parquet file of a part. `etag`: of what was written to S3."""

    size: int
    rows: int
    etag: str | UnsetType = UNSET


class CatalogPart(Record, kw_only=True):
    """Rows of some files. `masked`: files whose rows do not count any more."""

    name: str
    tables: dict[str, CatalogTable]
    masked: list[str] = []


class CatalogManifest(Document, kw_only=True):
    """The one document that says of what a catalog consists: it is replaced as a whole.

    `retired`: parts that whoever read an older manifest may still read, and since when they do not count.
    `serial` grows with each replacement, `build` names who did it.
    """

    schema: Literal["h5s3/catalog/1"] = "h5s3/catalog/1"
    locations: list[str]
    parts: list[CatalogPart]
    retired: dict[str, str] = {}
    serial: int = 0
    build: str = ""
    updated: str = ""


class CatalogBuild(Document, kw_only=True):
    """What a build did. `failures`: of this build, the first of them."""

    schema: Literal["h5s3/catalog-build/1"] = "h5s3/catalog-build/1"
    output: str
    locations: list[str]
    files: int = 0  # in the catalog, those with an error among them
    objects: int = 0  # of files that were read now
    attributes: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    vanished: int = 0
    failed: int = 0  # in this build
    cached: int = 0  # known from the cache, not read again
    other: int = 0  # objects with other names
    parts: int = 0
    size: int = 0  # bytes of all parts
    seconds: float = 0.0
    failures: list[FileFailure]


class CatalogColumn(Record, kw_only=True):
    """A column of an answer."""

    name: str
    type: str


class CatalogQuery(Document, kw_only=True):
    """The answer to a question in SQL: each row has a value for each column."""

    schema: Literal["h5s3/catalog-query/1"] = "h5s3/catalog-query/1"
    catalog: str
    columns: list[CatalogColumn]
    rows: list[list[Json]]
    num_rows: int
    nan_count: int | UnsetType = UNSET  # of `rows`, where they are null
    inf_count: int | UnsetType = UNSET
    truncated: bool | UnsetType = UNSET
    output: str | UnsetType = UNSET  # the file that has the rows, in place of `rows`


class Difference(Record, kw_only=True):
    """What one structure has otherwise than the one that files are held against.

    `change`: `lacks` or `adds` an object or an attribute, or `has` another value of a field.
    """

    path: str
    change: Literal["lacks", "adds", "has"]
    attribute: str | UnsetType = UNSET
    field: str | UnsetType = UNSET
    value: Any = UNSET
    expected: Any = UNSET


class CatalogGroup(Record, kw_only=True):
    """Files of one structure. `files`: the first of them."""

    fingerprint: str
    num_files: int
    files: list[str]
    differences: list[Difference]
    num_differences: int


class CatalogCheck(Document, kw_only=True):
    """Which files have the same structure, and how the others differ from most, or from one of them."""

    schema: Literal["h5s3/catalog-check/1"] = "h5s3/catalog-check/1"
    locations: list[str]
    like: str  # the file that the others are held against
    files: int
    alike: int
    groups: list[CatalogGroup]  # those that differ, the largest first
    num_groups: int
    failed: int
    failures: list[FileFailure]
