"""The peers' reads: `python -m tests.benchmarks.peers.reads PEER SLICE` is one whole process.

Each reads the values of a slice (`7,:,:`) of `/data`, and saves them to `$BENCH_OUTPUT`. The object is
`$BENCH_BUCKET/$BENCH_KEY`, the same file on this machine `$BENCH_FILE`; endpoint and credentials come from
the `AWS_*` variables.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

Index = tuple[int | slice, ...]


def index_of(text: str) -> Index:
    """`7,:,:` as an index."""
    return tuple(slice(None) if part == ":" else int(part) for part in text.split(","))


def download(index: Index) -> Any:
    """The whole object by boto3's parallel download, and h5py over the local file."""
    import boto3
    import h5py

    path = os.environ["BENCH_OUTPUT"] + ".h5"
    boto3.client("s3").download_file(os.environ["BENCH_BUCKET"], os.environ["BENCH_KEY"], path)
    with h5py.File(path) as file:
        return file["data"][index]


def h5py_s3fs(index: Index) -> Any:
    """h5py over s3fs with the settings that are usually recommended for HDF5."""
    import h5py
    import s3fs

    where = f"{os.environ['BENCH_BUCKET']}/{os.environ['BENCH_KEY']}"
    storage = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    with storage.open(where, "rb", cache_type="blockcache", block_size=1 << 20) as remote:
        with h5py.File(remote, "r") as file:
            return file["data"][index]


def local(index: Index) -> Any:
    """Plain h5py on the file itself."""
    import h5py

    with h5py.File(os.environ["BENCH_FILE"]) as file:
        return file["data"][index]


def hidefix(index: Index) -> Any:
    """hidefix on the file itself; it decodes by all processors."""
    from hidefix import Index as Chunks

    return Chunks(os.environ["BENCH_FILE"])["data"][index]


READS: dict[str, Callable[[Index], Any]] = {
    "download": download,
    "s3fs": h5py_s3fs,
    "local": local,
    "hidefix": hidefix,
}

if __name__ == "__main__":
    import numpy as np

    np.save(os.environ["BENCH_OUTPUT"], READS[sys.argv[1]](index_of(sys.argv[2])))
