"""The peers' walks: `python -m tests.benchmarks.walks PEER BUCKET KEY` is one whole process.

Each walks everything in the file and reads name, kind, shape and dtype of each object; standard output is one
JSON document with the number of `datasets`. Endpoint and credentials come from the `AWS_*` variables.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
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
    "download": download,
}

if __name__ == "__main__":
    peer, *place = sys.argv[1:]
    print(json.dumps({"datasets": WALKS[peer](*place)}))
