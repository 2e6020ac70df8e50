"""What commands cost over time, from the receipts that `H5S3_RECEIPTS` collects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from h5s3.errors import AccessError, NotFoundError, UsageError
from h5s3.records import Spent, Statistics

PRICES = {"GET": 0.0004, "HEAD": 0.0004, "LIST": 0.005, "GB": 0.09}
"""AWS's list prices in dollars, S3 Standard in us-east-1: 1,000 requests, and 10^9 bytes to the internet
(https://aws.amazon.com/s3/pricing/). Within a region the bytes cost nothing: `GB=0`."""
COUNTS = ("requests", "bytes", "rounds", "cache_hits", "seconds_waiting")
LONGEST_LINE = 1 << 20  # bytes
MOST_NAMES = 10_000  # commands, buckets and days that are told apart


def parse_prices(text: str | None) -> dict[str, float]:
    """Prices such as `GET=0.0004,GB=0.02`; those that are not named are AWS's. Raises `UsageError`."""
    prices = dict(PRICES)
    for part in text.split(",") if text else []:
        name, _, number = part.partition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if name not in PRICES or not 0 <= value < 1e9:
            known = ", ".join(PRICES)
            raise UsageError(f"--prices {part!r} is not of the form GET=0.0004", hint=f"names are {known}")
        prices[name] = value
    return prices


def stats(path: Path, prices: dict[str, float]) -> Statistics:
    """The receipts of a file by command, bucket and day, in bounded memory.

    Lines that are no receipts are counted. Raises `NotFoundError` and `AccessError`.
    """
    sums: dict[str, dict[str, Spent]] = {"commands": {}, "buckets": {}, "days": {}}
    total, others = Spent(name="total"), 0
    for line in _lines(path):
        found = _receipt(line)
        if found is None:
            others += 1
            continue
        keys = {
            "commands": str(found.get("command", "")),
            "buckets": _bucket(str(found.get("location", ""))),
            "days": str(found["time"])[:10],
        }
        _add(total, found, prices)
        for kind, key in keys.items():
            table = sums[kind]
            key = key if key in table or len(table) < MOST_NAMES else "others"
            _add(table.setdefault(key, Spent(name=key)), found, prices)
    by = {kind: sorted(table.values(), key=lambda one: one.name) for kind, table in sums.items()}
    return Statistics(
        file=str(path),
        prices=prices,
        total=total,
        commands=by["commands"],
        buckets=by["buckets"],
        days=by["days"],
        other_lines=others,
    )


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            while line := stream.readline(LONGEST_LINE):
                yield line
    except (FileNotFoundError, IsADirectoryError):
        raise NotFoundError("no file of receipts", location=str(path), hint="set H5S3_RECEIPTS") from None
    except OSError as error:
        raise AccessError(f"cannot be read ({error.strerror})", location=str(path)) from None


def _receipt(line: bytes) -> dict[str, Any] | None:
    """A line as a receipt with counts; None for any other."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("schema") != "h5s3/receipt/1":
        return None
    methods = found.setdefault("by_method", {})
    numbers = [found.setdefault(name, 0) for name in COUNTS]
    if not isinstance(methods, dict) or not isinstance(found.get("time"), str):
        return None
    good = all(isinstance(n, int | float) and 0 <= n < 1e18 for n in (*numbers, *methods.values()))
    return found if good and len(methods) < 10 else None


def _bucket(location: str) -> str:
    """The bucket, host or kind of place that a location is in."""
    scheme, found, rest = location.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if found else ("local files" if location else "none")


def _add(total: Spent, found: dict[str, Any], prices: dict[str, float]) -> None:
    total.commands += 1
    total.failed += found.get("exit_code") != 0
    for name in COUNTS:
        setattr(total, name, getattr(total, name) + found[name])
    for method, count in found["by_method"].items():
        total.by_method[method] = total.by_method.get(method, 0) + int(count)
        total.dollars += prices.get(method, prices["GET"]) * int(count) / 1000
    total.dollars += prices["GB"] * found["bytes"] / 1e9
