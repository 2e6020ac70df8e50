"""A benchmark in a file, written whole or not at all, read back as what anybody may have made, and compared
with a later one: ratios of medians, and how sure they are."""

from __future__ import annotations

import math
import os
import stat
from typing import TYPE_CHECKING, Any

from h5s3.errors import UsageError
from h5s3.explore.bench.samples import name_of, percentile
from h5s3.export.atomic_file import atomic_write, write_errors
from h5s3.records import UNSET, Against, Bench, Named, Ratio, Samples, from_json, to_json
from h5s3.sizes import binary_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 64 << 20  # bytes of an earlier document
SCHEMA = "h5s3/bench/1"
KIND = "h5s3/bench/"
RESAMPLES = 2000
AT_ONCE = 1_000_000  # resampled values in memory
FEWEST = 5  # samples on either side
COVERED = 95.0  # per cent
NAMED = 4  # series in one warning


def check_place(path: str) -> None:
    """Raises before anything is measured where a document cannot be written there.

    A file that is there is replaced only if it is a benchmark of ours: nothing else is worth so little.
    """
    with write_errors(path):
        real = os.path.realpath(path)
        folder = os.path.dirname(real)
        if not os.path.isdir(folder):
            raise UsageError("no such folder", location=os.path.dirname(path) or ".")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError("the folder cannot be written to", location=path)
        if not os.path.lexists(real):
            return
    try:
        schema = _schema(_content(path))
    except UsageError:
        schema = ""
    if not schema.startswith(KIND):
        raise UsageError(
            "the file exists and is no benchmark of h5s3, so it is not replaced",
            location=path,
            hint="choose another name",
        )


def save(document: Bench, path: str) -> None:
    """Write the document, all at once; what is there is replaced under the same rule as in `check_place`."""
    check_place(path)
    real = os.path.realpath(path)
    with write_errors(real), atomic_write(real, overwrite=True) as (stream, _):
        stream.write(to_json(document) + b"\n")


def earlier(path: str) -> Bench:
    """The document of an earlier run. Raises `UsageError` for anything else."""
    data = _content(path)
    schema = _schema(data)
    if schema != SCHEMA:
        what = f"its schema is {schema!r}" if schema else "it names no schema"
        raise UsageError(
            f"not a benchmark that this release can read: {what}, not {SCHEMA!r}",
            location=path,
            hint="write one with: h5s3 bench --save",
        )
    try:
        document = from_json(data, Bench)
    except (ValueError, RecursionError):
        document = None
    sized = document is not None and 0 <= document.object_size < 1 << 63
    if document is None or not sized or not all(map(_consistent, document.samples)):
        raise UsageError("a damaged benchmark, or one of another release", location=path)
    return document


def _content(path: str) -> bytes:
    """The bytes of a regular file of a bounded size."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError("not a regular file", location=path)
            with open(descriptor, "rb", closefd=False) as file:
                data = file.read(LARGEST + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise UsageError("no such file", location=path) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a name of a file"
        raise UsageError(f"cannot be read: {reason}", location=path) from None
    if len(data) > LARGEST:
        raise UsageError(f"larger than {LARGEST >> 20} MiB: not a benchmark of h5s3", location=path)
    return data


def _schema(data: bytes) -> str:
    try:
        return from_json(data, Named).schema[:100]
    except (ValueError, RecursionError):
        return ""


def _consistent(samples: Samples) -> bool:
    """Whether the raw values can be what they say: as many as there are, none of them negative."""
    first = samples.seconds if samples.first_byte_seconds is UNSET else samples.first_byte_seconds
    values = [*samples.seconds, *samples.started, *first]
    whole = len(samples.seconds) == len(samples.started) == len(first)
    return whole and samples.size >= 0 and all(math.isfinite(value) and 0 <= value < 1e9 for value in values)


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
    there = {_kind(samples) for samples in now.samples}
    sizes = binary_text(before.object_size), binary_text(now.object_size)
    found = [
        f"another location then: {before.location}" * (now.location != before.location),
        f"another endpoint then: {before.endpoint}" * (now.endpoint != before.endpoint),
        f"another object size then: {sizes[0]}, now {sizes[1]}" * (now.object_size != before.object_size),
        _alone([one for one, other in pairs if other is None], "not measured then"),
        _alone([one for one in before.samples if _kind(one) not in there], "not measured now"),
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


def _alone(series: list[Samples], words: str) -> str:
    more = f" and {len(series) - NAMED} more" if len(series) > NAMED else ""
    return f"{words}: {', '.join(map(name_of, series[:NAMED]))}{more}" if series else ""
