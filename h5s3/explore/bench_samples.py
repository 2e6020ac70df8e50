"""From timings to figures, and to advice on how far to trust them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time

from h5s3.errors import H5s3Error
from h5s3.explore.bench_plan import size_text
from h5s3.records import UNSET, Samples
from h5s3.storage.lines import Timing

FAILURES = 3  # in a row from the start: the rest is not tried
FEW = 10  # samples below which a high percentile is one sample
FAR = 10.0  # standard deviations, robustly estimated, that make an outlier
NOTABLE = 0.02  # seconds: less is no outlier over a network
SLOW_START = 3.0  # times the median
BUSY = 0.8  # of the wall clock: Python has hardly more than one processor's worth


@dataclass
class Outcome:
    """What came of the requests of one kind. Threads append to the lists."""

    timings: list[Timing] = field(default_factory=list)
    errors: list[H5s3Error] = field(default_factory=list)
    warm_up: Timing | None = None
    wall: float = 0.0  # seconds from the first request to the last answer
    cpu: float = 0.0  # seconds of processor time meanwhile

    @contextmanager
    def clocked(self) -> Iterator[None]:
        """Everything within counts as the time of these requests."""
        wall, cpu = perf_counter(), process_time()
        try:
            yield
        finally:
            self.wall, self.cpu = perf_counter() - wall, process_time() - cpu

    @property
    def hopeless(self) -> bool:
        """Whether to stop asking."""
        return len(self.errors) >= FAILURES and not self.timings


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest of the values that at least `percent` % of them do not exceed (nearest rank).

    It is always one of the values: with less than 100 of them, p99 is the largest. None without values.
    """
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def summarize(operation: str, size: int, concurrency: int, outcome: Outcome) -> Samples:
    """The record of one kind of request. Rates are over the wall clock of all of them together.

    One at a time, that is the sum of their seconds: what lies between them is our own doing.
    """
    seconds = [round(timing.seconds, 6) for timing in outcome.timings]
    first = [round(timing.first_byte, 6) for timing in outcome.timings]
    received = sum(timing.received for timing in outcome.timings)
    wall = outcome.wall if concurrency > 1 else sum(timing.seconds for timing in outcome.timings)
    rated = bool(seconds) and wall > 0
    return Samples(
        operation=operation,
        size=size,
        concurrency=concurrency,
        seconds=seconds,
        first_byte_seconds=first if size else UNSET,
        warm_up_seconds=round(outcome.warm_up.seconds, 6) if outcome.warm_up else UNSET,
        wall_seconds=round(wall, 6),
        cpu_seconds=round(outcome.cpu, 6),
        bytes=received,
        errors=len(outcome.errors),
        first_byte_p50=(percentile(first, 50) or 0.0) if size and first else UNSET,
        min=min(seconds, default=None),
        p50=percentile(seconds, 50),
        p90=percentile(seconds, 90),
        p99=percentile(seconds, 99),
        max=max(seconds, default=None),
        requests_per_second=round(len(seconds) / wall, 3) if rated else None,
        bytes_per_second=round(received / wall, 3) if rated else None,
    )


def name_of(samples: Samples) -> str:
    """What was measured, in words."""
    if not samples.size:
        return samples.operation
    at = f" at {samples.concurrency}" if samples.concurrency > 1 else ""
    return f"{samples.operation} of {size_text(samples.size)}{at}"


def advice(measured: Sequence[Samples]) -> list[str]:
    """What to know before believing the figures."""
    found = [
        _few(measured),
        _outliers(measured),
        _busy(measured),
        *(_slow_start(samples) for samples in measured),
    ]
    return [sentence for sentence in found if sentence]


def _few(measured: Sequence[Samples]) -> str:
    few = [name_of(samples) for samples in measured if 0 < len(samples.seconds) < FEW]
    if not few:
        return ""
    return f"fewer than {FEW} samples, so p90 and p99 say little: {', '.join(few)}; raise --count"


def _outliers(measured: Sequence[Samples]) -> str:
    """One sentence for all series: outliers are about the surroundings, not about one kind of request."""
    hit = [samples for samples in measured if samples.max and samples.max > _far(samples.seconds)]
    if not hit:
        return ""
    worst = max(hit, key=lambda samples: (samples.max or 0) / (samples.p50 or 1))
    return (
        f"outliers in {len(hit)} of {len(measured)} series (the worst: {name_of(worst)}, "
        f"{_ms(worst.max)} against a median of {_ms(worst.p50)}): something else uses the network, "
        "the server or this machine; measure again when it is quiet"
    )


def _far(seconds: Sequence[float]) -> float:
    """Seconds beyond which a sample is an outlier: far from the median in median absolute deviations.

    Deviations count as 5 % of the median at least: very even samples would make an outlier of anything.
    """
    middle = statistics.median(seconds)
    deviation = statistics.median(abs(value - middle) for value in seconds)
    return middle + max(NOTABLE, FAR * 1.4826 * max(deviation, middle / 20))


def _busy(measured: Sequence[Samples]) -> str:
    busy = [name_of(s) for s in measured if s.concurrency > 1 and s.cpu_seconds > BUSY * s.wall_seconds]
    if not busy:
        return ""
    return f"this machine's processor was the limit, not the server: {', '.join(busy)}"


def _slow_start(samples: Samples) -> str:
    first, median = samples.warm_up_seconds, samples.p50
    if first is UNSET or median is None or first < SLOW_START * median or first - median < 0.05:
        return ""
    return (
        f"the first {name_of(samples)} took {_ms(first)} against a median of {_ms(median)}: "
        "a first command will feel like that, not like the median"
    )


def _ms(seconds: float | None) -> str:
    return f"{(seconds or 0) * 1000:.3g} ms"
