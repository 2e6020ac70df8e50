"""What `stats` returns."""

from __future__ import annotations

from typing import Literal

from h5s3.records.base import Document, Record


class Spent(Record, kw_only=True):
    """What some commands cost together. `dollars`: at the prices of the document."""

    name: str  # of a command, a bucket or a day
    commands: int = 0
    failed: int = 0  # that ended with another code than 0
    requests: int = 0
    by_method: dict[str, int] = {}
    bytes: int = 0
    rounds: int = 0
    cache_hits: int = 0
    seconds_waiting: float = 0.0
    dollars: float = 0.0


class Statistics(Document, kw_only=True):
    """The receipts of a file, summed up."""

    schema: Literal["h5s3/stats/1"] = "h5s3/stats/1"
    file: str
    prices: dict[str, float]  # dollars for 1,000 requests of a method, and for 10^9 bytes (`GB`)
    total: Spent
    commands: list[Spent]
    buckets: list[Spent]
    days: list[Spent]
    other_lines: int = 0  # of the file, that are no receipts
