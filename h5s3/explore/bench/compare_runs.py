"""One benchmark against an earlier one: ratios of medians, and how sure they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from h5s3.explore.bench.samples import name_of, percentile
from h5s3.records import Against, Bench, Ratio, Samples
from h5s3.sizes import binary_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000
AT_ONCE = 1_000_000  # resampled values in memory
FEWEST = 5  # samples on either side
COVERED = 95.0  # per cent
NAMED = 4  # series in one warning


def against(now: Bench, before: Bench) -> Against:
    """The ratio of medians of each series that both runs have, with a 95 % bootstrap interval.

    The intervals are the same whenever the same two documents are compared. They cover the spread within the
    runs, not what has changed in the network between them.
    """
    known = {_kind(samples): samples for samples in before.samples}
    pairs = [(samples, known.get(_kind(samples))) for samples in now.samples]
    ratios = [_ratio(one, other) for one, other in pairs if other is not None and _enough(one, other)]
    return Against(
        location=before.location,
        endpoint=before.endpoint,
        measured_at=before.measured_at,
        ratios=ratios,
        warnings=_warnings(now, before, pairs, len(ratios)),
    )


def _kind(samples: Samples) -> tuple[Any, ...]:
    return samples.operation, samples.connection, samples.pattern, samples.size, samples.concurrency


def _enough(one: Samples, other: Samples) -> bool:
    """Whether there are samples to compare, none of them without length."""
    both = [one.seconds, other.seconds]
    return all(len(seconds) >= FEWEST and min(seconds) > 0 for seconds in both)


def _ratio(now: Samples, before: Samples) -> Ratio:
    import numpy as np

    random = np.random.default_rng(0)
    spread = _medians(random, now.seconds) / _medians(random, before.seconds)
    low, high = np.percentile(spread, [(100 - COVERED) / 2, (100 + COVERED) / 2])
    one, other = percentile(now.seconds, 50) or 0.0, percentile(before.seconds, 50) or 0.0
    return Ratio(
        operation=now.operation,
        connection=now.connection,
        pattern=now.pattern,
        size=now.size,
        concurrency=now.concurrency,
        before=other,
        now=one,
        ratio=round(one / other, 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
        verdict="faster" if high < 1 else "slower" if low > 1 else "no difference",
    )


def _medians(random: Any, seconds: list[float]) -> NDArray[Any]:
    """Medians (nearest rank, as in every summary) of samples drawn again from the samples."""
    import numpy as np

    values = np.asarray(seconds)
    rank = math.ceil(len(values) / 2) - 1
    rows = max(1, AT_ONCE // len(values))
    found = []
    for start in range(0, RESAMPLES, rows):
        drawn = random.integers(0, len(values), (min(rows, RESAMPLES - start), len(values)))
        found.append(np.partition(values[drawn], rank, axis=1)[:, rank])
    return np.concatenate(found)


def _warnings(
    now: Bench, before: Bench, pairs: list[tuple[Samples, Samples | None]], compared: int
) -> list[str]:
    sizes = binary_text(before.object_size), binary_text(now.object_size)
    found = [
        f"another location then: {before.location}" * (now.location != before.location),
        f"another endpoint then: {before.endpoint}" * (now.endpoint != before.endpoint),
        f"another object size then: {sizes[0]}, now {sizes[1]}" * (now.object_size != before.object_size),
        _alone([one for one, other in pairs if other is None], "not measured then"),
        _alone(_gone(now, before), "not measured now"),
        _alone(
            [one for one, other in pairs if other is not None and not _enough(one, other)],
            f"fewer than {FEWEST} samples, not compared",
        ),
    ]
    if compared:
        found.append(
            "the intervals cover the spread of single requests within both runs, not changes of the network "
            "between them, and are too narrow for requests that are under way together"
            + f"; of {compared} about {compared * (100 - COVERED) / 100:.0f} err by chance"
            * (compared >= 10)
        )
    return [sentence for sentence in found if sentence]


def _gone(now: Bench, before: Bench) -> list[Samples]:
    there = {_kind(samples) for samples in now.samples}
    return [samples for samples in before.samples if _kind(samples) not in there]


def _alone(series: list[Samples], words: str) -> str:
    more = f" and {len(series) - NAMED} more" if len(series) > NAMED else ""
    return f"{words}: {', '.join(map(name_of, series[:NAMED]))}{more}" if series else ""
