"""Peers that make references, each to be run as a process: `python -m tests.benchmarks.zarr.generators NAME`.

The variables BENCH_BUCKET, BENCH_KEY and BENCH_OUTPUT say of what, and where to.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def kerchunk(bucket: str, key: str, output: Path) -> None:
    """kerchunk over s3fs, opened as kerchunk's documentation does."""
    import s3fs
    from kerchunk.hdf import SingleHdf5ToZarr

    url = f"s3://{bucket}/{key}"
    with s3fs.S3FileSystem().open(url, "rb", fill_cache=False, cache_type="first") as file:
        output.write_text(json.dumps(SingleHdf5ToZarr(file, url, inline_threshold=500).translate()))


def kerchunk_plain(bucket: str, key: str, output: Path) -> None:
    """kerchunk over s3fs as it comes: it reads ahead."""
    import s3fs
    from kerchunk.hdf import SingleHdf5ToZarr

    url = f"s3://{bucket}/{key}"
    with s3fs.S3FileSystem().open(url, "rb") as file:
        output.write_text(json.dumps(SingleHdf5ToZarr(file, url, inline_threshold=500).translate()))


def virtualizarr(bucket: str, key: str, output: Path) -> None:
    """VirtualiZarr over obstore, up to its manifests in memory: of groups it writes no file at once."""
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import S3Store
    from virtualizarr.parsers import HDFParser

    options: Any = {"endpoint": os.environ["AWS_ENDPOINT_URL"], "client_options": {"allow_http": True}}
    registry = ObjectStoreRegistry({f"s3://{bucket}": S3Store(bucket, **options)})
    store = HDFParser()(f"s3://{bucket}/{key}", registry)
    output.write_text(json.dumps({"chunks": _chunks(store._group)}))


def _chunks(group: Any) -> int:
    own = sum(len(array.manifest.dict()) for array in group.arrays.values())
    return own + sum(map(_chunks, group.groups.values()))


GENERATORS = {"kerchunk": kerchunk, "kerchunk-plain": kerchunk_plain, "virtualizarr": virtualizarr}


def count(output: Path) -> int:
    """How many chunks references have, those that are inlined too."""
    found = json.loads(output.read_text())
    if "chunks" in found:
        return int(found["chunks"])
    return sum(not key.rpartition("/")[2].startswith(".z") for key in found["refs"])


if __name__ == "__main__":
    GENERATORS[sys.argv[1]](
        os.environ["BENCH_BUCKET"], os.environ["BENCH_KEY"], Path(os.environ["BENCH_OUTPUT"])
    )
