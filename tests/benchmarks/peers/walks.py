"""The peers' walks: `python -m tests.benchmarks.peers.walks PEER BUCKET KEY` is one whole process.

Each walks everything in the file and reads name, kind, shape and dtype of each object; standard output is one
JSON document with the number of `datasets`. Endpoint and credentials come from the `AWS_*` variables.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

MIB = 1 << 20


def look(file: Any, library: Any) -> int:
    """Walk a file with h5py, or with a library that has its interface; how many datasets there are."""
    found = []
    with library.File(file, "r") as h5:
        h5.visititems(lambda name, item: found.append(_facts(name, item)))
    return sum(kind == "Dataset" for _, kind, _, _ in found)


def _facts(name: str, item: Any) -> tuple[str, str, Any, Any]:
    kind = type(item).__name__
    return (name, kind, item.shape, item.dtype) if kind == "Dataset" else (name, kind, None, None)


def _s3fs(bucket: str, key: str, **options: Any) -> Any:
    import s3fs

    storage = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    return storage.open(f"{bucket}/{key}", "rb", **options)


def h5py_s3fs(bucket: str, key: str) -> int:
    """h5py over s3fs as it comes: readahead, blocks of 50 MiB."""
    import h5py

    with _s3fs(bucket, key) as file:
        return look(file, h5py)


def h5py_s3fs_blocks(bucket: str, key: str) -> int:
    """h5py over s3fs with the settings that are usually recommended for HDF5."""
    import h5py

    with _s3fs(bucket, key, cache_type="blockcache", block_size=MIB) as file:
        return look(file, h5py)


def pyfive_s3fs(bucket: str, key: str) -> int:
    """pyfive over s3fs, both as they come: pyfive adds a buffer of the first MiB of its own."""
    import pyfive

    with _s3fs(bucket, key) as file:
        return look(file, pyfive)


def kerchunk_s3fs(bucket: str, key: str) -> int:
    """A kerchunk reference for the file, no data in it: it lists every chunk, too."""
    from kerchunk.hdf import SingleHdf5ToZarr

    with _s3fs(bucket, key) as file:
        found = SingleHdf5ToZarr(file, f"s3://{bucket}/{key}", inline_threshold=0).translate()
    return sum(name.endswith(".zarray") for name in found["refs"])


def virtualizarr(bucket: str, key: str) -> int:
    """VirtualiZarr's references for the file, over obstore: it lists every chunk, too."""
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import S3Store
    from virtualizarr.parsers import HDFParser

    options: Any = {"endpoint": os.environ["AWS_ENDPOINT_URL"], "client_options": {"allow_http": True}}
    registry = ObjectStoreRegistry({f"s3://{bucket}": S3Store(bucket, **options)})
    store = HDFParser()(f"s3://{bucket}/{key}", registry)
    return _arrays(store._group)


def _arrays(group: Any) -> int:
    return len(group.arrays) + sum(map(_arrays, group.groups.values()))


def async_hdf5(block_size: int) -> Callable[[str, str], int]:
    """async-hdf5 over obstore, everything of a group at once. It ends without clearing up: that may abort."""

    async def walk(bucket: str, key: str) -> int:
        from async_hdf5 import HDF5File
        from obstore.store import S3Store

        options: Any = {"endpoint": os.environ["AWS_ENDPOINT_URL"], "client_options": {"allow_http": True}}
        file = await HDF5File.open(key, store=S3Store(bucket, **options), block_size=block_size)
        return await below(await file.root_group())

    async def below(group: Any) -> int:
        groups, datasets = await asyncio.gather(group.group_names(), group.dataset_names())
        found = await asyncio.gather(*map(group.dataset, datasets))
        _ = [(item.name, item.shape, item.dtype) for item in found]
        opened = await asyncio.gather(*map(group.group, groups))
        return len(found) + sum(await asyncio.gather(*map(below, opened)))

    return lambda bucket, key: asyncio.run(walk(bucket, key))


def local(bucket: str, path: str) -> int:
    """Plain h5py on the file itself."""
    import h5py

    return look(path, h5py)


def download(bucket: str, key: str) -> int:
    """The whole object by boto3's parallel download, and h5py over the local file."""
    import boto3
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file.h5")
        boto3.client("s3").download_file(bucket, key, path)
        return look(path, h5py)


WALKS = {
    "h5py-s3fs": h5py_s3fs,
    "h5py-s3fs-blocks": h5py_s3fs_blocks,
    "pyfive": pyfive_s3fs,
    "kerchunk": kerchunk_s3fs,
    "virtualizarr": virtualizarr,
    "async-hdf5-16": async_hdf5(16 << 10),
    "async-hdf5-64": async_hdf5(64 << 10),
    "async-hdf5-1024": async_hdf5(MIB),
    "download": download,
    "local": local,
}

if __name__ == "__main__":
    peer, *place = sys.argv[1:]
    print(json.dumps({"datasets": WALKS[peer](*place)}), flush=True)
    if peer.startswith("async-hdf5"):
        os._exit(0)
