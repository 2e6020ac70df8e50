"""Zarr stores made by zarr-python, and by hand, for the tests: on disk, on an S3 server, behind URLs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import MemoryStore

from tests.support.servers.s3 import S3Server

Objects = dict[str, bytes]  # by their names below the store
TEMPERATURE = np.linspace(250, 300, 6 * 8).reshape(6, 8).astype("f4")


@contextmanager
def quiet() -> Iterator[None]:
    """zarr-python warns of types that the specification has not yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def made(version: int, *, consolidated: bool = False) -> Objects:
    """A store with a CF dataset in its root, and groups with arrays of many types."""
    held: dict[str, Any] = {}
    with quiet():
        root = zarr.create_group(MemoryStore(held), zarr_format=version)
        root.attrs.update(
            {"title": "a store", "Conventions": "CF-1.8", "numbers": [1, 2.5], "deep": {"a": [1]}}
        )
        _dataset(root, version)
        _types(root.create_group("group").create_group("types"), version)
        if version == 3:
            shards = root["group"].create_array(
                "shards", shape=(20, 20), chunks=(3, 5), shards=(9, 10), dtype="u2"
            )
            shards[:13] = np.arange(260).reshape(13, 20)
        if consolidated:
            zarr.consolidate_metadata(root.store)
    return {name: buffer.to_bytes() for name, buffer in held.items()}


def _dataset(root: Any, version: int) -> None:
    time = _named(root, version, ["time"], "time", (6,), "i4", chunks=(4,))
    time[:] = np.arange(6) * 12
    time.attrs.update({"units": "hours since 2020-01-01", **dict(time.attrs)})
    packed = _named(root, version, ["time", "x"], "temperature", (6, 8), "i2", chunks=(2, 4), fill_value=-1)
    packed[:] = np.rint((TEMPERATURE - 250) / 0.01).astype("i2")
    packed[0, 0] = -1
    packed.attrs.update({"units": "K", "scale_factor": 0.01, "add_offset": 250.0, **dict(packed.attrs)})
    if version == 3:
        packed.attrs["_FillValue"] = -1


def _named(root: Any, version: int, dims: list[str], name: str, shape: Any, dtype: str, **more: Any) -> Any:
    named = {"dimension_names": dims} if version == 3 else {"attributes": {"_ARRAY_DIMENSIONS": dims}}
    return root.create_array(name, shape=shape, dtype=dtype, **named, **more)


def _types(group: Any, version: int) -> None:
    """An array for each type, not all of its chunks written."""
    values: dict[str, Any] = {
        "bool": np.array([True, False, True, True]),
        "big": np.arange(4, dtype=">i4"),
        "half": np.array([1, np.nan, np.inf, -0.0], dtype="f2"),
        "complex": np.array([1 + 2j, 3, 4j, 0], dtype="c8"),
        "bytes": np.array([b"ab", b"", b"\xff\xfe", b"abcd"], dtype="S4"),
        "unicode": np.array(["ab", "é", "日本", ""], dtype="U3"),
        "opaque": np.array([b"abc", b"\0\0\1", b"", b"xyz"], dtype="V3"),
        "structure": np.array([(1, 2.5, "a"), (2, 3.5, "é"), (3, 4.5, ""), (4, 5.5, "bc")],
                              dtype=[("n", "<i4"), ("x", "<f8"), ("s", "<U2")]),
        "times": np.array(["2020-01-01T00:00:00.000000001", "NaT", "1969-12-31", "2262-01-01"], "M8[ns]"),
        "months": np.array(["2020-01", "1970-02", "NaT", "1969-12"], dtype="M8[M]"),
        "spans": np.array([1, -5, 0, 10**9], dtype="m8[ms]"),
    }  # fmt: skip
    for name, array in values.items():
        group.create_array(name, shape=(6,), chunks=(2,), dtype=array.dtype)[:4] = array
    group.create_array("text", shape=(6,), chunks=(2,), dtype=str)[:4] = ["ab", "é", "", "日本語"]
    group.create_array("scalar", shape=(), dtype="f8")[...] = 4.5
    group.create_array("empty", shape=(0, 3), chunks=(1, 3), dtype="i4")
    group.create_array("unwritten", shape=(5,), chunks=(2,), dtype="i4", fill_value=7)
    if version == 2:
        group.create_array("nested", shape=(3, 3), chunks=(2, 2), dtype="i4",
                           chunk_key_encoding={"name": "v2", "separator": "/"})[:] = 3  # fmt: skip


def on_disk(store: Objects, folder: Path) -> Path:
    """The store as a folder."""
    for name, data in store.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def on_server(store: Objects, server: S3Server, bucket: str, key: str) -> str:
    """The store below a key; its location."""
    first, *rest = store
    server.put(bucket, f"{key}/{first}", store[first])  # makes the bucket
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: server.put(bucket, f"{key}/{name}", store[name]), rest))
    return f"s3://{bucket}/{key}"


def array_of_v2(**fields: Any) -> bytes:
    """The document of an array of version 2, with these fields in place of the usual ones."""
    document = {
        "zarr_format": 2, "shape": [4], "chunks": [2], "dtype": "<i4", "compressor": None, "filters": None,
        "fill_value": 0, "order": "C", **fields,
    }  # fmt: skip
    return json.dumps(document).encode()


def array_of_v3(**fields: Any) -> bytes:
    """The same of version 3."""
    document = {
        "zarr_format": 3, "node_type": "array", "shape": [4], "data_type": "int32", "fill_value": 0,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        **fields,
    }  # fmt: skip
    return json.dumps(document).encode()


GROUP_OF_V2 = b'{"zarr_format": 2}'
GROUP_OF_V3 = b'{"zarr_format": 3, "node_type": "group"}'
