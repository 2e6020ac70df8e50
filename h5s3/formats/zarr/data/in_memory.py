"""The door to zarr-python: arrays in memory, over bytes that were fetched."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from h5s3.errors import DamagedError, UsageError
from h5s3.records import Json

Values = np.ndarray[Any, Any]


def library() -> Any:
    """zarr-python. Raises `UsageError` where it is not installed."""
    try:
        import zarr
        import zarr.storage
    except ImportError:
        raise UsageError("values of Zarr arrays need zarr", hint="pip install 'h5s3[zarr]'") from None
    return zarr


def buffer(data: bytes) -> Any:
    """Bytes as zarr-python takes them."""
    from zarr.buffer.cpu import Buffer

    return Buffer.from_bytes(data)


def opened(chunks: dict[str, Any], document: dict[str, Json]) -> Any:
    """An array of zarr-python over chunks in memory, to which its header is added."""
    zarr = library()
    name = ".zarray" if document["zarr_format"] == 2 else "zarr.json"
    chunks[name] = buffer(json.dumps(document).encode())
    try:
        with quiet():
            return zarr.open_array(zarr.storage.MemoryStore(chunks), mode="r")
    except Exception as error:  # noqa: BLE001 - whatever it finds wrong with a header
        raise DamagedError(f"zarr-python does not open it ({error})"[:300]) from None


def checked_crc32c(data: bytes) -> bytes:
    """Bytes without the checksum that stands behind them. Raises `ValueError` for a wrong one."""
    found = decoded_bytes(data, len(data) - 4, "uint8", [{"name": "bytes"}, {"name": "crc32c"}])
    return found.tobytes()


def decoded_bytes(data: bytes, count: int, kind: str, codecs: Sequence[Json]) -> Values:
    """So many numbers of a v3 type from bytes that went through these codecs, none of which compresses."""
    if count < 0:
        raise ValueError("it is cut short")
    document: dict[str, Json] = {
        "zarr_format": 3, "node_type": "array", "shape": [count], "data_type": kind, "fill_value": 0,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [max(1, count)]}},
        "chunk_key_encoding": {"name": "default"}, "codecs": list(codecs), "attributes": {},
    }  # fmt: skip
    array = opened({"c/0": buffer(data)}, document)
    with quiet():
        return np.asarray(array[:])


@contextmanager
def quiet() -> Iterator[None]:
    """zarr-python warns of types that are not in the specification yet: that is for those who write."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
