"""Attributes, which are JSON values: as records, and as conventions read them."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Sequence
from typing import Any

from h5s3.formats.encoding.documents import Fields
from h5s3.formats.zarr.nodes import DIMENSIONS, ArrayNode
from h5s3.records import UNSET, Attribute, Json

MOST_VALUES = 1000  # elements of one attribute that are shown
INT64 = 1 << 63


def attribute_of(name: str, value: Json) -> Attribute:
    """One attribute. `dtype` is what JSON tells: lists of one type are arrays, all else is JSON."""
    items = value if isinstance(value, list) else [value]
    kinds = {_kind(item) for item in items} or {"json"}
    if kinds == {"int64", "float64"}:
        kinds = {"float64"}
    plain = len(kinds) == 1 and kinds != {"json"}
    found = Attribute(
        name=name,
        value=value,
        dtype=kinds.pop() if plain else "json",
        shape=[len(items)] if plain and isinstance(value, list) else [],
    )
    if isinstance(value, list) and len(value) > MOST_VALUES:
        found.value, found.truncated = value[:MOST_VALUES], True
    nans, infs = _counted(found.value)
    found.nan_count, found.inf_count = nans or UNSET, infs or UNSET
    return found


def _kind(value: Any) -> str:
    kinds = {bool: "bool", int: "int64", float: "float64", str: "str"}
    if isinstance(value, int) and value >= INT64:
        return "uint64"
    return kinds.get(type(value), "json")


def _counted(value: Json) -> tuple[int, int]:
    nans = infs = 0
    level = [value]
    while level:
        item = level.pop()
        if isinstance(item, dict):
            level += item.values()
        elif isinstance(item, list):
            level += item
        elif isinstance(item, float):
            nans, infs = nans + math.isnan(item), infs + math.isinf(item)
    return nans, infs


def attributes_of(values: Fields, only: Sequence[str] | None = None, most: int = 0) -> list[Attribute]:
    """The first attributes (0: all), or those named."""
    names = list(values) if only is None else [name for name in only if name in values]
    return [attribute_of(name, values[name]) for name in (names[:most] if most else names)]


def for_conventions(node: ArrayNode) -> Fields:
    """The attributes as CF has them, as xarray reads them.

    In version 2 the fill value of arrays with named dimensions is their `_FillValue`; in version 3 that is an
    attribute, of floating-point arrays in base64 (xarray's FillValueCoder).
    """
    found = dict(node.attributes)
    fill = node.document.get("fill_value")
    if node.kind.units:
        found["units"] = node.kind.units
        found.setdefault("calendar", "proleptic_gregorian")
        found.setdefault("missing_value", -INT64)
    if node.version == 2 and DIMENSIONS in node.attributes and "_FillValue" not in found:
        if isinstance(fill, int | float) and not isinstance(fill, bool):
            found["_FillValue"] = fill
    coded = found.get("_FillValue")
    if node.version == 3 and isinstance(coded, str) and node.kind.info.class_ == "float":
        try:
            found["_FillValue"] = struct.unpack("<d", base64.b64decode(coded, validate=True))[0]
        except (ValueError, struct.error):
            del found["_FillValue"]
    return found
