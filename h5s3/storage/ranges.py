"""Joining byte ranges: neighbours are fetched together."""

from __future__ import annotations

from collections.abc import Iterable

from h5s3.sizes import MIB
from h5s3.storage.base import Range

GAP = 8 * 1024  # bytes not asked for that are worth fetching to save a request
LARGEST = 4 * MIB  # bytes of one request


def join_ranges(ranges: Iterable[Range], gap: int = 0, largest: int | None = None) -> list[Range]:
    """Half-open ranges in order, joined where no more than `gap` bytes lie between two of them.

    None is made longer than `largest` bytes by joining.
    """
    joined: list[Range] = []
    for start, stop in sorted(ranges):
        if joined:
            first, last = joined[-1]
            if start <= last + gap and (largest is None or stop - first <= largest):
                joined[-1] = first, max(stop, last)
                continue
        joined.append((start, stop))
    return joined
