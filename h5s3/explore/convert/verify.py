"""Whether a store holds the values that the file holds: both are read, the store by zarr-python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod

from h5s3.errors import DamagedError
from h5s3.explore.session import Session
from h5s3.export.zarr.digests import Digest, OfFile, OfStore
from h5s3.records import ConversionPlan, PlannedArray
from h5s3.storage.location import Location

Tell = Callable[[str, int, int], None]


def verify(
    session: Session, location: Location, output: Location, plan: ConversionPlan, version: int, tell: Tell
) -> int:
    """Compare all values; how many there are. Raises `DamagedError` for the first that differ."""
    total = 2 * sum(_size(array) for array in plan.arrays)
    done = 0

    def count(found: Digest) -> None:
        nonlocal done
        array = plan.arrays[found.array]
        done += prod(high - low for low, high in found.bounds) * max(1, len(array.fill))
        tell(f"verifying {array.source}", min(done, total), total)

    digests: list[Digest] = []

    def take(found: Digest) -> None:
        digests.append(found)
        count(found)

    question = OfFile(plan.arrays, version, take, plan.names, session.settings.max_bytes)
    session.read(location, question)
    store = replace(output, key=output.key.rstrip("/") + "/")
    wrong = session.read(store, OfStore(plan.arrays, digests, count))
    if wrong:
        first = wrong[0]
        part = ",".join(f"{low}:{high}" for low, high in first.bounds)
        path = plan.arrays[first.array].path or "/"
        raise DamagedError(f"{path}[{part}] has other values than the file", location=output.display)
    return sum(prod(array.shape) for array in plan.arrays)


def _size(array: PlannedArray) -> int:
    return prod(array.shape) * max(1, len(array.fill))
