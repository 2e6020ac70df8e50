"""What a file holds in the words of its convention: the section `convention` of `tree`."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from h5s3.records.attribute import Attribute
from h5s3.records.base import Json, Record, Shape


class Item(Record, kw_only=True, omit_defaults=True):
    """Something that a convention knows of: a dimension, a variable, a column, a layer. `kind` says which.

    `type` is the convention's word for what it is (`NXdetector`, `categorical`, `struct`, `Dense`), `dtype`
    the stored datatype. `shape` is as the convention's own tools show it.
    """

    kind: str
    name: str
    name_b64: str | UnsetType = UNSET
    path: str | UnsetType = UNSET  # of its object in the file
    type: str | UnsetType = UNSET
    dtype: str | UnsetType = UNSET
    shape: Shape | UnsetType = UNSET
    dimensions: list[str] | UnsetType = UNSET  # their names
    nbytes: int | UnsetType = UNSET  # of its values, as the stored type has them
    unlimited: bool | UnsetType = UNSET  # a dimension that may grow
    units: str | UnsetType = UNSET
    title: str | UnsetType = UNSET  # what people call it
    value: Json | UnsetType = UNSET  # of what is small
    target: str | UnsetType = UNSET  # of a link, or of a second name
    facts: dict[str, Any] = {}  # what else is to be told, in order
    attributes: list[Attribute] | UnsetType = UNSET
    items: list[Item] | UnsetType = UNSET  # absent where it has none by its nature
    num_items: int | UnsetType = UNSET  # where not all of them are in `items`


class Convention(Record, kw_only=True, omit_defaults=True):
    """A file, or what is below PATH, by its convention."""

    view: str  # the word for `--view`
    name: str  # as its community writes it
    version: str | UnsetType = UNSET
    facts: dict[str, Any] = {}  # of the whole, in order
    attributes: list[Attribute] | UnsetType = UNSET
    items: list[Item] = []
    num_items: int | UnsetType = UNSET
    notes: list[str] = []  # what was left out, and why
