"""What `get` returns: a receipt for a file, or the values themselves."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Followed, Json, Record, Shape
from h5s3.records.preview import Coding


class GetCoordinate(Record, kw_only=True):
    """The coordinates of one dimension; of one without any, its indices."""

    name: str
    dimension: int  # of the dataset
    units: str | UnsetType = UNSET
    values: list[Json]  # of the selected indices; times as ISO 8601 text


class GetStructure(Record, kw_only=True):
    """How much of a file was copied, data apart."""

    groups: int  # below the root
    datasets: int
    datatypes: int
    links: int  # soft and external ones
    attributes: int


class Get(Document, kw_only=True):
    """What was taken out of a dataset, and where it went.

    With `-o -` and in a `.json` file the document holds the values themselves (`data`), nested as
    `selected_shape` says. NaN and infinities are null there and counted, complex numbers `[re, im]`, enums
    their names, references the path of their target, opaque values base64, and strings that are not UTF-8
    `{"b64": …}`.
    """

    schema: Literal["h5s3/get/1"] = "h5s3/get/1"
    location: str
    key: str
    etag: str | None
    path: str
    dtype: str
    shape: Shape  # of the dataset
    selection: str  # NumPy syntax
    selected_shape: Shape  # of the values: without the dimensions in which one index was chosen
    format: Literal["npy", "npz", "csv", "json", "parquet", "h5"]
    output: str | None  # the file; None: standard output
    size: int  # elements
    nbytes: int  # of the values, as the file's type has them
    file_bytes: int | UnsetType = UNSET  # that were written
    planned_requests: int | UnsetType = UNSET  # for the values: what the index of chunks took comes on top
    planned_bytes: int | UnsetType = UNSET
    structure: GetStructure | UnsetType = UNSET  # of --metadata-only
    followed: Followed | UnsetType = UNSET  # where the path led, if that is another file
    notes: list[str] | UnsetType = UNSET
    coding: Coding | UnsetType = UNSET  # what the stored numbers mean, if not themselves
    decoded: bool | UnsetType = UNSET  # the values are as they are meant, missing ones null
    coordinates: list[GetCoordinate] | UnsetType = UNSET
    columns: list[str] | UnsetType = UNSET  # of a table: `data` are its rows, as objects
    where: str | UnsetType = UNSET
    limit: int | UnsetType = UNSET
    rows: int | UnsetType = UNSET  # that were written
    data: Json | UnsetType = UNSET
    nan_count: int | UnsetType = UNSET
    inf_count: int | UnsetType = UNSET
    missing_count: int | UnsetType = UNSET  # of decoded values
