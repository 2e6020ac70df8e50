"""What `bench` returns."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from h5s3.records.base import Document, Record


class Failure(Record, kw_only=True):
    """One request that failed. Where it was `retried`, another one followed at once."""

    started: float  # seconds after the series began; negative: while it warmed up
    seconds: float  # until it failed
    cause: str
    retried: bool


class Series(Record, kw_only=True):
    """One kind of request."""

    operation: Literal["connect", "HEAD", "LIST", "GET"]
    connection: Literal["new", "reused"]
    pattern: Literal["random", "sequential", "first", "second"] | UnsetType = UNSET  # of places, for GET
    size: int  # bytes asked for by each request
    concurrency: int


class Samples(Series, kw_only=True):
    """Raw seconds of one kind of request, and their summary, which follows from them.

    The lists have one value for each request that succeeded, in the order in which they ended. Percentiles
    are nearest ranks. Rates are over `wall_seconds`: one at a time that is the sum of `seconds`, else the
    time from the first start to the last end, failures included.
    """

    started: list[float]  # seconds after the series began
    seconds: list[float]  # until the last byte; of a new connection with its opening
    first_byte_seconds: list[float] | UnsetType = UNSET
    head_seconds: list[float] | UnsetType = UNSET  # until status and headers were here
    received: list[int] | UnsetType = UNSET  # bytes of each body
    dns_seconds: list[float] | UnsetType = UNSET  # absent where the host is an address
    tcp_seconds: list[float] | UnsetType = UNSET
    tunnel_seconds: list[float] | UnsetType = UNSET  # through a web proxy
    tls_seconds: list[float] | UnsetType = UNSET
    failures: list[Failure] = []
    warm_up_seconds: float | UnsetType = UNSET  # of the first request, which is in no other figure
    warm_up_dns_seconds: float | UnsetType = UNSET  # of it: later lookups may be answered from a cache
    wall_seconds: float
    cpu_seconds: float  # that this machine spent meanwhile
    cpu_seconds_per_request: float | None
    bytes: int
    errors: int  # failures that no retry followed
    retries: int
    first_byte_p50: float | UnsetType = UNSET
    dns_p50: float | UnsetType = UNSET
    tcp_p50: float | UnsetType = UNSET
    tunnel_p50: float | UnsetType = UNSET
    tls_p50: float | UnsetType = UNSET
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


class Ratio(Series, kw_only=True):
    """The median of one kind of request against that of an earlier run."""

    before: float  # seconds
    now: float
    ratio: float  # now / before
    low: float  # of the 95 % interval
    high: float
    verdict: Literal["faster", "slower", "no difference"]


class Against(Record, kw_only=True):
    """How a run compares with an earlier one."""

    location: str
    endpoint: str
    measured_at: str
    ratios: list[Ratio]
    warnings: list[str] = []


class Named(Document, kw_only=True):
    """Any document, for its schema alone."""

    schema: str = ""


class Bench(Document, kw_only=True):
    """How a storage answers."""

    schema: Literal["h5s3/bench/1"] = "h5s3/bench/1"
    version: str = ""  # of h5s3
    measured_at: str = ""
    location: str
    endpoint: str
    object_size: int
    samples: list[Samples]
    checks: list[Check]
    strategies: list[Strategy] | UnsetType = UNSET
    against: Against | UnsetType = UNSET
    warnings: list[str] = []


class Strategy(Record, kw_only=True):
    """What one task cost, done in one way, with nothing at hand but what the way itself has kept."""

    task: Literal["one level", "whole tree", "one preview"] = "whole tree"
    name: str  # of the way
    path: str = "/"  # below which was listed, or of the dataset
    selections: list[str] | UnsetType = UNSET  # of a preview, NumPy syntax: what every way reads
    seconds: float
    requests: int
    bytes: int
    rounds: int | None
    trips: int | UnsetType = UNSET  # round trips one after another: requests of one round may follow others
    objects: int | None  # that were met; None: not all were reached, or the task was to read values
    values: int | UnsetType = UNSET  # that were read
    complete: bool = True  # False: stopped at the limit of bytes
    bandwidth: float | UnsetType = UNSET  # bytes per second that `projected` reckons with
    bandwidth_measured: bool | UnsetType = UNSET  # in this run; else it is taken to be 200 Mbit/s
    projected: dict[str, float] = {}  # seconds by round-trip time: trips x time + bytes / bandwidth
