"""NumPy's types, for what h5py adds to them: array types, and names of enums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from h5s3.formats.names import field_text


def flat_type(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type of the innermost elements of an array type, and its dimensions."""
    inner: tuple[int, ...] = ()
    while dtype.subdtype is not None:
        dtype, shape = dtype.subdtype
        inner += shape
    return dtype, inner


FieldPath = tuple[str, ...]  # the names that lead to a field of a compound, or of one in it


def fields_of(dtype: np.dtype[Any]) -> dict[str, FieldPath]:
    """The fields of a compound by their names, then those of compounds in it, as `at.x`."""
    names = dtype.names or ()
    found: dict[str, FieldPath] = {field_text(name): (name,) for name in names}
    for name in names:
        for text, path in fields_of(dtype[name]).items():
            found.setdefault(f"{field_text(name)}.{text}", (name, *path))
    return found


def in_field(held: Any, path: FieldPath) -> Any:
    """The type, or the values, of a field."""
    for name in path:
        held = held[name]
    return held


DURATIONS = {"s": 0, "ms": 3, "us": 6, "ns": 9}  # units of time, and the digits of parts of a second


def duration_text(value: np.timedelta64) -> str:
    """A duration as ISO 8601 has it, in days and less: `P1DT2H3M4.5S`; days alone may be negative."""
    digits = DURATIONS[np.datetime_data(value.dtype)[0]]
    seconds, parts = divmod(int(value.astype("i8")), 10**digits)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = f".{parts:0{digits}}".rstrip("0") if parts else ""
    return f"P{days}DT{hours}H{minutes}M{seconds}{fraction}S"


def is_text(dtype: np.dtype[Any]) -> bool:
    """Whether values are strings, of fixed or of variable length."""
    metadata: Mapping[str, Any] = dtype.metadata or {}
    return dtype.kind == "S" or (dtype.kind == "O" and metadata.get("vlen") in (str, bytes))


def digits_of(dtype: np.dtype[Any], packed: bool = False) -> str:
    """What tells how many digits of a float mean something: the type of those shorter than doubles, also as
    parts of complex numbers; `packed` for what was multiplied; nothing for all others."""
    kinds = {("f", 2): "float16", ("f", 4): "float32", ("c", 8): "float32"}
    return "packed" if packed else kinds.get((dtype.base.kind, dtype.base.itemsize), "")


def enum_names(dtype: np.dtype[Any]) -> dict[str, int] | None:
    """What the values of an enum or boolean type are called; None for other types.

    h5py keeps the names of an HDF5 enum in the metadata of NumPy's type.
    """
    if dtype.kind == "b":
        return {"false": 0, "true": 1}
    metadata: Mapping[str, Any] = dtype.metadata or {}
    names = metadata.get("enum")
    if not names:
        return None
    ordered = sorted(names.items(), key=lambda item: int(item[1]))
    return {field_text(name): int(value) for name, value in ordered}
