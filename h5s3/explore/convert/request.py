"""What `convert` is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from h5s3.explore.dask_cluster import Cluster
from h5s3.formats.requests import Request

Progress = Callable[[str, int, int], None]  # what is done, bytes that are done, bytes in all


@dataclass(frozen=True)
class ConvertRequest(Request):
    """What to convert, and to where."""

    output: str = ""  # a LOCATION
    version: Literal[2, 3] = 3
    recompress: str | None = None
    chunks: str | None = None
    shards: str | None = None
    overviews: bool = False  # of large arrays of numbers
    ome: bool = False  # these, images as OME-Zarr has them
    strict: bool = False  # refuse what has no counterpart
    overwrite: bool = False
    resume: bool = False
    verify: bool = False  # compare all values at the end
    progress: Progress | None = None
    cluster: Cluster | None = None  # that reads and writes chunks in place of this process
    credentials: bool = False  # of this process are sent to its workers
