"""What `bench` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Record


class Samples(Record, kw_only=True):
    """Raw seconds of one kind of request, and their summary."""

    operation: str
    size: int  # bytes asked for by each request
    concurrency: int
    seconds: list[float]
    first_byte_seconds: list[float] | UnsetType = UNSET
    warm_up_seconds: float | UnsetType = UNSET  # of the first request, which is in no other figure
    wall_seconds: float
    cpu_seconds: float  # that this machine spent meanwhile
    bytes: int
    errors: int
    first_byte_p50: float | UnsetType = UNSET
    min: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None
    requests_per_second: float | None
    bytes_per_second: float | None


class Check(Record, kw_only=True):
    """One thing a server should do, and whether it did."""

    name: str
    ok: bool
    detail: str


class Bench(Document, kw_only=True):
    """How a storage answers."""

    schema: Literal["h5s3/bench/1"] = "h5s3/bench/1"
    location: str
    endpoint: str
    object_size: int
    samples: list[Samples]
    checks: list[Check]
    strategies: list[Strategy] | UnsetType = UNSET
    warnings: list[str] = []


class Strategy(Record, kw_only=True):
    """What one way of walking the file cost."""

    name: str
    seconds: float
    requests: int
    bytes: int
    rounds: int | None
    objects: int | None  # None: not all were reached
    complete: bool = True  # False: stopped at the limit of bytes
