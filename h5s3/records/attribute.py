"""Datatypes and attributes, which are parts of other records."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType, field

from h5s3.records.base import Json, Record, Shape


class TypeInfo(Record, omit_defaults=True, kw_only=True):
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


class Member(Record, kw_only=True):
    """One field of a compound type."""

    name: str
    offset: int
    type: TypeInfo
    name_b64: str | UnsetType = UNSET


class Attribute(Record, kw_only=True):
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
    type_name: str | UnsetType = UNSET  # of a type that the file names, where a view tells it
    error: str | UnsetType = UNSET
