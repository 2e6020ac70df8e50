"""Everything below a path but its data, in the form in which `diff` compares it."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.attribute import Attribute, TypeInfo
from h5s3.records.base import Document, Json, Record, Shape
from h5s3.records.meta import Codec, Filter

Kind = Literal["group", "dataset", "datatype", "soft_link", "external_link", "unresolved"]


class OutlinedType(Record, kw_only=True):
    """A datatype, and the same in a few words."""

    words: str
    info: TypeInfo


class OutlinedValue(Attribute, omit_defaults=True, kw_only=True, gc=False):
    """An attribute, or a fill value. `value` may have the first elements alone: `digest` is of all of them,
    and equal where they are."""

    type: int = 0  # in the table of types
    digest: str | UnsetType = UNSET  # UNSET: the value could not be read


class OutlinedDataset(Record, omit_defaults=True, kw_only=True, gc=False):
    """How a dataset is defined."""

    shape: Shape | None = None  # None: a null dataspace
    maxshape: list[int | None] | None = None
    type: int = 0  # in the table of types
    dtype: str = ""
    type_name: str | UnsetType = UNSET  # path of the named type that it was made of
    layout: str = ""
    chunks: Shape | UnsetType = UNSET
    shards: Shape | UnsetType = UNSET  # Zarr
    filters: list[Filter] | UnsetType = UNSET
    codecs: list[Codec] | UnsetType = UNSET  # Zarr, in place of filters
    fill_value: OutlinedValue | UnsetType = UNSET  # UNSET: none is defined
    dimension_names: Json | UnsetType = UNSET  # Zarr
    external_files: list[str] | UnsetType = UNSET
    virtual_sources: list[str] | UnsetType = UNSET
    nbytes: int = 0
    place: int | UnsetType = UNSET  # where contiguous values begin in the file

    @property
    def is_column(self) -> bool:
        """Whether it is a column of a table, which has the rows."""
        return self.layout == "columns"


class OutlinedObject(Record, omit_defaults=True, kw_only=True, gc=False):
    """What a link leads to. `path` is absolute, from the object that was asked for, which is `/`."""

    path: str
    kind: Kind
    path_b64: str | UnsetType = UNSET
    alias_of: str | UnsetType = UNSET  # path of the same object, where all else is told
    address: int | UnsetType = UNSET  # of its header in the file
    target: str | UnsetType = UNSET  # of links that are not hard
    dataset: OutlinedDataset | UnsetType = UNSET
    datatype: int | UnsetType = UNSET  # of a named type, in the table of types
    column: str | UnsetType = UNSET  # of a table: what it is known by, whatever its name
    attributes: list[OutlinedValue] = []
    reason: str | UnsetType = UNSET  # why it, or a part of it, could not be read


class OutlinedFile(Record, omit_defaults=True, kw_only=True, gc=False):
    """A data file of a table. Rows that deletes hide are not among its `rows`; None: only the data tells."""

    path: str
    size: int | None = None
    rows: int | None = None


class OutlinedTable(Record, kw_only=True):
    """A version of a table, and the files that it is made of."""

    id: str | None = None  # of the table, whatever its version
    version: str | None
    time: str | None
    rows: int | None
    num_files: int
    bytes: int | None
    files: list[OutlinedFile] | UnsetType = UNSET  # UNSET: too many to be told


class Outline(Document, kw_only=True):
    """All objects below a path."""

    location: str
    key: str
    etag: str | None
    format: str
    objects: list[OutlinedObject]
    types: list[OutlinedType]
    table: OutlinedTable | UnsetType = UNSET  # where it is one
    cached: bool = False

    @property
    def has_columns(self) -> bool:
        """Whether it is of a table, or of a part of one."""
        return any(one.dataset is not UNSET and one.dataset.is_column for one in self.objects)
