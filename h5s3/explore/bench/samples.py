"""From timings to raw samples, and from those to figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any, Literal

from h5s3.errors import NetworkError
from h5s3.records import UNSET, Failure, Samples, Series, UnsetType
from h5s3.sizes import binary_text
from h5s3.storage.http.timed_connection import Timing

STEPS = ("dns", "tcp", "tunnel", "tls")  # of opening a connection
FAILURES = 3  # from the start: the rest is not tried
Operation = Literal["connect", "HEAD", "LIST", "GET"]
Pattern = Literal["random", "sequential", "first", "second"]


@dataclass(frozen=True)
class Kind:
    """What is measured by one series."""

    operation: Operation
    size: int = 0  # bytes
    concurrency: int = 1
    fresh: bool = False
    pattern: Pattern | UnsetType = UNSET


@dataclass(frozen=True)
class Failed:
    """One request that failed, on the clock of `perf_counter`, and whether it was sent again."""

    begun: float
    seconds: float
    error: NetworkError
    retried: bool


@dataclass
class Outcome:
    """What came of the requests of one series. Threads append to the lists."""

    timings: list[Timing] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    warm_up: Timing | None = None
    begun: float = field(default_factory=perf_counter)
    cpu: float = 0.0  # seconds of processor time

    @contextmanager
    def clocked(self) -> Iterator[None]:
        """The processor time within is that of these requests."""
        self.begun, cpu = perf_counter(), process_time()
        try:
            yield
        finally:
            self.cpu = process_time() - cpu

    def warmed_by(self, trial: Outcome) -> None:
        """Take over what came of a first request."""
        self.warm_up = trial.timings[0] if trial.timings else None
        self.failed += trial.failed

    @property
    def errors(self) -> int:
        """Failures that no retry followed."""
        return sum(not failed.retried for failed in self.failed)

    @property
    def hopeless(self) -> bool:
        """Whether to stop asking."""
        return self.errors >= FAILURES and not self.timings


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest of the values that at least `percent` % of them do not exceed (nearest rank).

    It is always one of the values: with less than 100 of them, p99 is the largest. None without values.
    """
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def summarize(kind: Kind, outcome: Outcome) -> Samples:
    """The record of one series: raw samples, and figures that follow from them alone.

    One at a time, the wall clock is the sum of their seconds: what lies between them is our own doing.
    """
    timings = outcome.timings
    started = [round(timing.begun - outcome.begun, 6) for timing in timings]
    seconds = [round(timing.seconds, 6) for timing in timings]
    failures = _failures(outcome)
    asked = kind.operation != "connect"
    first = [round(timing.first_byte, 6) for timing in timings] if asked else UNSET
    looked_up = outcome.warm_up.opening.dns if outcome.warm_up and outcome.warm_up.opening else None
    wall = _wall(kind.concurrency, started, seconds, failures)
    received = sum(timing.received for timing in timings)
    counted = len(timings) + sum(failure.started >= 0 for failure in failures)
    rated = bool(seconds) and wall > 0
    return Samples(
        operation=kind.operation,
        connection="new" if kind.fresh else "reused",
        pattern=kind.pattern,
        size=kind.size,
        concurrency=kind.concurrency,
        started=started,
        seconds=seconds,
        first_byte_seconds=first,
        head_seconds=[round(timing.head, 6) for timing in timings] if asked else UNSET,
        received=[timing.received for timing in timings] if asked else UNSET,
        failures=failures,
        warm_up_seconds=round(outcome.warm_up.seconds, 6) if outcome.warm_up else UNSET,
        warm_up_dns_seconds=UNSET if looked_up is None else round(looked_up, 6),
        wall_seconds=wall,
        cpu_seconds=round(outcome.cpu, 6),
        cpu_seconds_per_request=round(outcome.cpu / counted, 7) if counted else None,
        bytes=received,
        errors=outcome.errors,
        retries=sum(failed.retried for failed in outcome.failed),
        first_byte_p50=_p50(first),
        min=min(seconds, default=None),
        p50=percentile(seconds, 50),
        p90=percentile(seconds, 90),
        p99=percentile(seconds, 99),
        max=max(seconds, default=None),
        requests_per_second=round(len(seconds) / wall, 3) if rated else None,
        bytes_per_second=round(received / wall, 3) if rated else None,
        **_steps(timings),
    )


def _failures(outcome: Outcome) -> list[Failure]:
    return [
        Failure(
            started=round(failed.begun - outcome.begun, 6),
            seconds=round(failed.seconds, 6),
            cause=failed.error.cause,
            retried=failed.retried,
        )
        for failed in outcome.failed
    ]


def _wall(
    concurrency: int, started: Sequence[float], seconds: Sequence[float], failures: Sequence[Failure]
) -> float:
    if concurrency == 1:
        return round(sum(seconds), 6)
    spans = [(begun, begun + took) for begun, took in zip(started, seconds, strict=True)]
    spans += [(failure.started, failure.started + failure.seconds) for failure in failures]
    return round(max(end for _, end in spans) - min(begun for begun, _ in spans), 6) if spans else 0.0


def _steps(timings: Sequence[Timing]) -> dict[str, Any]:
    """The steps of opening connections: their seconds, and the median of each."""
    seconds = {step: _step(timings, step) for step in STEPS}
    medians = {f"{step}_p50": _p50(values) for step, values in seconds.items()}
    return {f"{step}_seconds": values for step, values in seconds.items()} | medians


def _step(timings: Sequence[Timing], step: str) -> Any:
    """How long a step of opening took, where each of the requests opened a connection and had that step."""
    found = [getattr(timing.opening, step) if timing.opening else None for timing in timings]
    values = [round(value, 6) for value in found if value is not None]
    return values if values and len(values) == len(found) else UNSET


def _p50(values: list[float] | UnsetType) -> float | UnsetType:
    middle = percentile(values, 50) if values is not UNSET else None
    return UNSET if middle is None else middle


def name_of(samples: Series) -> str:
    """What was measured, in words."""
    if samples.operation != "GET":
        return samples.operation
    at = f" at {samples.concurrency}" if samples.concurrency > 1 else ""
    what = "" if samples.pattern in (UNSET, "random") else f"{samples.pattern} "
    new = " on a new connection" if samples.connection == "new" else ""
    return f"{what}GET of {binary_text(samples.size)}{at}{new}"


def one_of(
    measured: Sequence[Samples], size: int | None = None, new: bool = False, pattern: str = "random"
) -> Samples | None:
    """The series of GETs, one at a time, of such a kind, if there is one with samples."""
    connection = "new" if new else "reused"
    for samples in measured:
        kind = samples.operation, samples.concurrency, samples.pattern, samples.connection
        if kind == ("GET", 1, pattern, connection) and size in (None, samples.size) and samples.seconds:
            return samples
    return None
