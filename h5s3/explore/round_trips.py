"""Counted requests as seconds: at other round-trip times, over a line of a usual bandwidth."""

from __future__ import annotations

ROUND_TRIPS = {"5 ms": 0.005, "50 ms": 0.05, "150 ms": 0.15}  # seconds
BANDWIDTH = 25_000_000.0  # bytes per second that are assumed: 200 Mbit/s


def seconds_at(trips: int, received: int, bandwidth: float = BANDWIDTH, digits: int = 3) -> dict[str, float]:
    """Seconds by the name of the round-trip time: `trips` one after another, and `received` bytes."""
    transfer = received / bandwidth
    return {name: round(trips * seconds + transfer, digits) for name, seconds in ROUND_TRIPS.items()}
