"""What `doctor` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Record


class Finding(Record, kw_only=True):
    """One thing that was looked at: how it stands, the evidence, and what to do about it."""

    name: str
    status: Literal["ok", "warning", "failure", "unknown"]
    detail: str
    remedy: str | UnsetType = UNSET
    cost: str | UnsetType = UNSET  # what it costs a reader: requests, seconds, bytes
    group: Literal["configuration", "connection", "bucket", "this machine"] | UnsetType = UNSET
    exit_code: int | UnsetType = UNSET  # of a failure: that of a command which meets it


class Extent(Record, kw_only=True):
    """Bytes of the object from `start` to `stop` (half-open) that hold one kind of thing."""

    start: int
    stop: int
    kind: Literal["metadata", "data", "unknown"]


class Costs(Record, kw_only=True):
    """What a cold walk over all of a file costs, counted or simulated."""

    name: str  # `as laid out`, `paged, 4 MiB pages`
    how: Literal["counted", "simulated", "estimated"]
    requests: int
    rounds: int
    bytes: int
    seconds: dict[str, float]  # at several round-trip times, by their name: `50 ms`


class FileLayout(Record, kw_only=True):
    """How a file lies in its object, from metadata alone. Sizes are bytes."""

    size: int
    superblock_version: int | None
    userblock_size: int
    file_space_strategy: str | None
    page_size: int | None
    open_for_write: bool | UnsetType = UNSET  # its writer has not closed it
    num_groups: int
    num_datasets: int
    num_chunks: int
    metadata_bytes: int  # that a walk over everything reads
    metadata_extents: int  # pieces that they lie in, joined over gaps that are worth reading
    data_bytes: int  # stored raw data
    extents: list[Extent] = []  # in order, joined and thinned to what a strip can show
    complete: bool = True  # False: the walk was cut short; figures are of what was walked


class Doctor(Document, kw_only=True):
    """What is wrong with a connection or a file, and what to do."""

    schema: Literal["h5s3/doctor/1"] = "h5s3/doctor/1"
    location: str | UnsetType = UNSET
    endpoint: str | UnsetType = UNSET
    status: Literal["ok", "warning", "failure"]  # the worst of the findings
    connection: list[Finding] = []
    file: list[Finding] | UnsetType = UNSET
    layout: FileLayout | UnsetType = UNSET
    simulation: list[Costs] | UnsetType = UNSET
