"""How far to trust the figures of a benchmark, and what to do where one cannot be trusted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from h5s3.explore.bench.samples import name_of, one_of
from h5s3.records import UNSET, Samples

FEW = 10  # samples below which a high percentile is one sample
FAR = 10.0  # standard deviations, robustly estimated, that make an outlier
NOTABLE = 0.02  # seconds: less is no outlier over a network
SLOW_START = 3.0  # times the median
BUSY = 0.8  # of the wall clock: Python has hardly more than one processor's worth
OWN = 0.5  # of a request's time, spent by this machine
CACHED = 1.5  # times as long as the second read
CACHED_PAIRS = 0.8  # of all pairs
CACHED_SECONDS = 0.001  # less of a difference says nothing
SMALL = 16 * 1024  # bytes of an answer that is sent in a few packets
LATE = 0.036, 0.060  # seconds by which Linux puts off an acknowledgement (40 ms), as they are measured
STEADY = 0.8  # of all answers


def advice(measured: Sequence[Samples]) -> list[str]:
    """What to know before believing the figures."""
    found = [
        _few(measured),
        _one_burst(measured),
        _outliers(measured),
        _busy(measured),
        _own_cost(measured),
        _cached(measured),
        _held_back(measured),
        *(_slow_start(samples) for samples in measured),
    ]
    return [sentence for sentence in found if sentence]


def _few(measured: Sequence[Samples]) -> str:
    few = [samples for samples in measured if 0 < len(samples.seconds) < FEW]
    if not few:
        return ""
    which = ", ".join(map(name_of, few)) if len(few) < len(measured) else "all series"
    return (
        f"fewer than {FEW} samples, so p90 and p99 say little: {which}; "
        "raise --count, or measure a larger object"
    )


def _one_burst(measured: Sequence[Samples]) -> str:
    """Requests that are under way together fare alike: however many there are, they are one experience."""
    bursts = [samples for samples in measured if 1 < len(samples.seconds) <= samples.concurrency]
    if not bursts:
        return ""
    return (
        f"no more samples than requests at once, so one burst is all that was seen: "
        f"{', '.join(map(name_of, bursts))}; raise --count"
    )


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
    return (
        f"this machine's processor was the limit, not the server: {', '.join(busy)}; "
        "measure with fewer at once, or from a faster machine"
    )


def _own_cost(measured: Sequence[Samples]) -> str:
    """Of single requests: what this machine computes is a part of what they seem to take."""
    slow = [
        samples
        for samples in measured
        if samples.operation == "GET" and samples.concurrency == 1 and _own_share(samples) > OWN
    ]
    if not slow:
        return ""
    worst = max(slow, key=_own_share)
    return (
        f"most of the time of {len(slow)} series is this machine's own (the most: {name_of(worst)}, "
        f"{_ms(worst.cpu_seconds_per_request)} of {_ms(worst.p50)}): the store is faster than it seems here"
    )


def _own_share(samples: Samples) -> float:
    return (samples.cpu_seconds_per_request or 0.0) / samples.p50 if samples.p50 else 0.0


def _cached(measured: Sequence[Samples]) -> str:
    """Whether reading a place a second time is much faster: what was read at random may be known too."""
    first, again = one_of(measured, pattern="first"), one_of(measured, pattern="second")
    if first is None or again is None or not (first.p50 and again.p50):
        return ""
    pairs = list(zip(first.seconds, again.seconds, strict=False))
    slower = sum(one > other for one, other in pairs) / len(pairs)
    if first.p50 < CACHED * again.p50 or slower < CACHED_PAIRS or first.p50 - again.p50 < CACHED_SECONDS:
        return ""
    return (
        f"the server seems to cache: a place read again takes {_ms(again.p50)}, the first time "
        f"{_ms(first.p50)}; a later run reads the same places, so believe the first run, or measure another "
        "object"
    )


def _held_back(measured: Sequence[Samples]) -> str:
    """Whether small answers stop after their head for as long as an acknowledgement is put off.

    A server that writes head and body apart, with Nagle's algorithm on (RFC 896), does not send the second
    before the first is acknowledged, which the receiver puts off in the hope of data to send along
    (RFC 1122, 4.2.3.2).
    """
    small = [
        (samples, pauses)
        for samples in measured
        if samples.operation == "GET" and samples.connection == "reused" and samples.concurrency == 1
        if samples.size <= SMALL and (pauses := _pauses(samples))
    ]
    if not small:
        return ""
    samples, pauses = min(small, key=lambda pair: pair[0].size)
    middle = statistics.median(pauses)
    if not LATE[0] <= middle <= LATE[1] or sum(p >= LATE[0] for p in pauses) < STEADY * len(pauses):
        return ""
    return (
        f"{name_of(samples)}: answers stop for {_ms(middle)} after their headers: the server sends a small "
        "piece only when the one before is acknowledged (Nagle's algorithm), which this machine puts off "
        "(delayed ACK); set TCP_NODELAY at the server or gateway (Ceph: tcp_nodelay=1 in rgw_frontends)"
    )


def _pauses(samples: Samples) -> list[float]:
    """Seconds from the head of each answer to its end."""
    heads = samples.head_seconds
    return [] if heads is UNSET else [end - head for head, end in zip(heads, samples.seconds, strict=False)]


def _slow_start(samples: Samples) -> str:
    first, median = samples.warm_up_seconds, samples.p50
    if first is UNSET or median is None or first < SLOW_START * median or first - median < 0.05:
        return ""
    return (
        f"{name_of(samples)}: {_ms(first)} to warm up, against a median of {_ms(median)}; "
        "a first command will feel like that, not like the median"
    )


def _ms(seconds: float | None) -> str:
    return f"{(seconds or 0) * 1000:.3g} ms"
