"""Digests of values: equal where these are, whatever the width of their type and the order of its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

SIZE = 16  # bytes
Values = np.ndarray[Any, Any]


def digest_of(values: Values, dtype: np.dtype[Any]) -> str:
    """Of all values in C order. `dtype`: theirs, with the metadata that h5py gives it.

    NaN equals NaN, and 0.0 equals -0.0.
    """
    made = hashlib.blake2b(digest_size=SIZE)
    _add(made, np.asarray(values), dtype)
    return made.hexdigest()


def digest_of_bytes(data: Any) -> str:
    """Of bytes that nobody knows the meaning of."""
    return hashlib.blake2b(data, digest_size=SIZE).hexdigest()


def _add(made: Any, values: Values, dtype: np.dtype[Any]) -> None:
    while dtype.subdtype is not None:
        dtype = dtype.subdtype[0]
    if dtype.names is not None and dtype.fields is not None:
        for name in dtype.names:
            made.update(b"{" + name.encode("utf-8", "surrogateescape") + b"=")
            _add(made, values[name], dtype.fields[name][0])
        return
    if dtype.kind in "OST":
        metadata: Mapping[str, Any] = dtype.metadata or {}
        base = metadata.get("vlen")
        for value in values.reshape(-1):
            _add_one(made, value, base)
        return
    for part in _plain(values):
        made.update(np.ascontiguousarray(part).data)


def _add_one(made: Any, value: Any, base: Any) -> None:
    if isinstance(value, np.ndarray):
        made.update(b"[%d:" % value.size)
        _add(made, value, np.dtype(base) if isinstance(base, np.dtype) else value.dtype)
        return
    text = value if isinstance(value, bytes) else str(value or "").encode("utf-8", "surrogateescape")
    made.update(b"%d:" % len(text) + text)


def _plain(values: Values) -> list[Values]:
    """The same numbers in the widest type of their kind, little-endian."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "c":
        return [*_plain(values.real), *_plain(values.imag)]
    if kind == "f":
        with np.errstate(all="ignore"):
            high = values.astype("<f8") + 0.0
            high = np.where(np.isnan(high), np.nan, high)
            if size <= 8:
                return [high]
            return [high, np.nan_to_num((values - high).astype("<f8")) + 0.0]
    if kind in "mM":
        return [values.astype("<i8")]
    if kind == "u" and size == 8 and values.size and values.max() >= 1 << 63:
        return [np.frombuffer(b"u", dtype="u1"), values.astype("<u8")]
    if kind in "iub":
        return [values.astype("<i8")]
    return [np.frombuffer(values.tobytes(), dtype="u1")]
