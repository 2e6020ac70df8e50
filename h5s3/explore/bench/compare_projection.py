"""From measured counts to seconds elsewhere: at other round-trip times, with the bandwidth of this run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from h5s3.records import UNSET, Samples, Strategy
from h5s3.sizes import MIB

ROUND_TRIPS = {"5 ms": 0.005, "50 ms": 0.05, "150 ms": 0.15}
USUAL = 25_000_000.0  # bytes per second, where nothing was large enough to measure: 200 Mbit/s
LARGE = 1 * MIB  # request whose bytes take longer than its round trip
LARGE_DOWNLOAD = 8 * MIB


def project(strategies: Sequence[Strategy], samples: Iterable[Samples]) -> None:
    """Give each strategy its seconds at several round-trip times: trips x time + bytes / bandwidth.

    What was stopped before the end has none. Trips, not rounds: h5s3 asks for more as answers
    arrive, so that one round may last for several trips. Of opening connections nothing is in it.
    The bandwidth is that of the fastest series of large reads, or of the download, whichever was faster.
    """
    measured = [
        one.bytes_per_second
        for one in samples
        if one.operation.startswith("GET") and one.size >= LARGE and one.bytes_per_second
    ]
    measured += [
        one.bytes / one.seconds
        for one in strategies
        if one.rounds and one.bytes / one.rounds >= LARGE_DOWNLOAD and one.seconds
    ]
    bandwidth = max(measured, default=USUAL)
    for strategy in strategies:
        strategy.bandwidth, strategy.bandwidth_measured = round(bandwidth), bool(measured)
        if strategy.complete and strategy.trips is not UNSET:
            transfer = strategy.bytes / bandwidth
            strategy.projected = {
                name: round(strategy.trips * seconds + transfer, 6) for name, seconds in ROUND_TRIPS.items()
            }
