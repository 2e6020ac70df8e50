"""Many ranges by one client, in a process of its own.

python -m tests.benchmarks.fetches CLIENT BUCKET KEY SIZE COUNT LENGTH AT_ONCE

COUNT ranges of LENGTH bytes, AT_ONCE in flight, spread evenly over an object of SIZE bytes. CPU seconds are
those of the whole process, all threads, for these ranges. What is loaded and made once (modules, clients,
one answered request) is not in them; opening the other connections is. Standard output is one JSON document:
`cpu` and `wall` in seconds, `bytes`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

Range = tuple[int, int]  # bytes, half-open
Fetch = Callable[[list[Range]], int]


@dataclass(frozen=True)
class Object:
    """What is read: bucket, key, and its size in bytes."""

    bucket: str
    key: str
    size: int


def boto3_client(item: Object, at_once: int) -> Fetch:
    """`get_object` of boto3 in a pool of threads."""
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", config=Config(max_pool_connections=at_once))
    pool = ThreadPoolExecutor(at_once)

    def one(wanted: Range) -> int:
        text = f"bytes={wanted[0]}-{wanted[1] - 1}"
        return len(client.get_object(Bucket=item.bucket, Key=item.key, Range=text)["Body"].read())

    return lambda ranges: sum(pool.map(one, ranges))


def s3fs_client(item: Object, at_once: int) -> Fetch:
    """`cat_ranges` of s3fs, which is asynchronous inside."""
    import s3fs

    storage = s3fs.S3FileSystem(
        endpoint_url=os.environ["AWS_ENDPOINT_URL"], config_kwargs={"max_pool_connections": at_once}
    )

    def fetch(ranges: list[Range]) -> int:
        starts, ends = zip(*ranges, strict=True)
        paths = [f"{item.bucket}/{item.key}"] * len(ranges)
        return sum(map(len, storage.cat_ranges(paths, list(starts), list(ends), batch_size=at_once)))

    return fetch


def h5s3_client(item: Object, at_once: int) -> Fetch:
    """`get_ranges` of our own store, every answer held against the object's ETag."""
    from h5s3.settings import Settings
    from h5s3.storage.http import parallel as batch
    from h5s3.storage.location import Location
    from h5s3.storage.stores.s3 import S3Store
    from h5s3.storage.trace import Trace

    if at_once != batch.IN_FLIGHT:
        raise SystemExit(f"h5s3 has {batch.IN_FLIGHT} requests in flight, not {at_once}")
    store = S3Store(Settings(endpoint_url=os.environ["AWS_ENDPOINT_URL"]), Trace())
    info = store.head(Location("s3", item.key, bucket=item.bucket))
    return lambda ranges: sum(map(len, store.get_ranges(info, ranges).values()))


CLIENTS: dict[str, Callable[[Object, int], Fetch]] = {
    "boto3": boto3_client,
    "s3fs": s3fs_client,
    "h5s3": h5s3_client,
}


def spread(size: int, count: int, length: int) -> list[Range]:
    """So many ranges of so many bytes, evenly over the object."""
    step = (size - length) // max(1, count - 1)
    return [(at * step, at * step + length) for at in range(count)]


def main(client: str, bucket: str, key: str, *numbers: str) -> None:
    """Measure one client; print the document."""
    size, count, length, at_once = map(int, numbers)
    fetch = CLIENTS[client](Object(bucket, key, size), at_once)
    fetch([(0, 1)])
    ranges = spread(size, count, length)
    cpu, wall = time.process_time(), time.perf_counter()
    received = fetch(ranges)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"cpu": cpu, "wall": wall, "bytes": received}), flush=True)
    os._exit(0)  # pools of threads and an event loop need no polite end


if __name__ == "__main__":
    main(*sys.argv[1:])
