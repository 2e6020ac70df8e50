"""Whether a store holds the values that the file holds: both are read, the store by zarr-python."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from h5s3.cell.calls import Callback
from h5s3.errors import DamagedError
from h5s3.explore.convert.request import Progress
from h5s3.explore.session import Session
from h5s3.export.zarr.asked import Digest, Version
from h5s3.export.zarr.questions import OfFile, OfStore
from h5s3.records import ConversionPlan, PlannedArray, replaced
from h5s3.storage.location import Location

NONSENSE = "what was read of the file makes no sense"


def verify(
    session: Session,
    location: Location,
    output: Location,
    plan: ConversionPlan,
    version: Version,
    tell: Progress,
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
        _require(plan, found)
        digests.append(found)
        count(found)

    def checked(number: int) -> None:
        if 0 <= number < len(digests):
            count(digests[number])

    most = session.settings.max_bytes
    question = OfFile(plan.arrays, version, Callback(take, Digest), plan.names, most)
    session.read(location, question, int)
    store = replace(output, key=output.key.rstrip("/") + "/")
    arrays = [replaced(array, copied=b"", decoded=b"") for array in plan.arrays]
    wrong = session.read(store, OfStore(arrays, digests, Callback(checked, int)), list[int])
    if wrong:
        first = digests[wrong[0] % len(digests)]
        part = ",".join(f"{low}:{high}" for low, high in first.bounds)
        path = plan.arrays[first.array].path or "/"
        raise DamagedError(f"{path}[{part}] has other values than the file", location=output.display)
    return sum(prod(array.shape) for array in plan.arrays)


def _require(plan: ConversionPlan, found: Digest) -> None:
    """Raise `DamagedError` for a box of no array."""
    shape = plan.arrays[found.array].shape if 0 <= found.array < len(plan.arrays) else None
    if shape is None or len(found.bounds) != len(shape):
        raise DamagedError(NONSENSE)
    if not all(0 <= low <= high <= n for (low, high), n in zip(found.bounds, shape, strict=True)):
        raise DamagedError(NONSENSE)


def _size(array: PlannedArray) -> int:
    return prod(array.shape) * max(1, len(array.fill))
