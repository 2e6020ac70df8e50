"""Values as numbers that can be drawn and summed up: decoded, missing ones marked, complex ones by a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.formats.cf import Coding
from h5s3.formats.names import field_text
from h5s3.records import UNSET, Stats

Array = np.ndarray[Any, Any]
BLOCK = 1 << 20  # numbers that are summed up at a time
_PARTS: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "real": np.real,
    "imag": np.imag,
    "phase": np.angle,
}


@dataclass(frozen=True)
class Reading:
    """How the elements of a sample become numbers: of which field, by which coding, by which part."""

    dtype: np.dtype[Any]  # of the numbers as stored
    coding: Coding
    field: str | None = None
    part: str = "abs"

    def numbers(self, values: Array) -> tuple[Array, Array]:
        """Numbers as they are meant, and which of them are missing."""
        chosen = values if self.field is None else values[self.field]
        native = self.coding.native(np.asarray(chosen))
        absent = self.coding.absent(native)
        if isinstance(chosen, np.ma.MaskedArray):
            absent = absent | np.ma.getmaskarray(chosen)
        meant = self.coding.unpacked(native)
        if meant.dtype.kind == "c":
            with np.errstate(over="ignore", invalid="ignore"):
                meant = _PARTS[self.part](meant)
        return meant, absent

    @property
    def of(self) -> str | None:
        """What the numbers are of the elements, where they are not the elements themselves."""
        part = self.part if self.dtype.kind == "c" else None
        field = None if self.field is None else field_text(self.field)
        return " ".join(word for word in (field, part) if word) or None


def as_floats(numbers: Array, absent: Array) -> Array:
    """As float64, with NaN for what is missing."""
    with np.errstate(over="ignore"):
        found = numbers.astype(np.float64)
    found[absent] = np.nan
    return found


def statistics(arrays: Sequence[Array], size: int, reading: Reading) -> Stats:
    """Statistics of the finite numbers of a sample, given in pieces, from a dataset of `size` elements.

    In two passes, block by block: as double precision a sample may be many times as large.
    """
    count = sum(int(array.size) for array in arrays)
    stats = Stats(
        min=None, max=None, mean=None, std=None,
        nan_count=0, inf_count=0, sample_size=count, coverage=count / size if size else 1.0,
    )  # fmt: skip
    gone = 0
    for numbers, absent in _blocks(arrays, reading):
        gone += int(absent.sum())
        values = numbers[~absent]
        if values.dtype.kind == "f":
            stats.nan_count += int(np.isnan(values).sum())
            stats.inf_count += int(np.isinf(values).sum())
            values = values[np.isfinite(values)]
        if values.size:
            exact = int if values.dtype.kind in "iub" else float
            low, high = exact(values.min()), exact(values.max())
            stats.min = low if stats.min is None else min(stats.min, low)
            stats.max = high if stats.max is None else max(stats.max, high)
    if reading.coding.missing or gone:
        stats.missing_count = gone
    if reading.of:
        stats.of = reading.of
    if stats.min is not None and stats.max is not None:
        stats.mean, stats.std = _moments(arrays, reading, max(abs(float(stats.min)), abs(float(stats.max))))
        dates = reading.coding.dates([stats.min, stats.max])
        stats.min_time, stats.max_time = dates if dates else (UNSET, UNSET)
    return stats


def _blocks(arrays: Sequence[Array], reading: Reading) -> Iterator[tuple[Array, Array]]:
    """Numbers and which are missing, in one dimension, a bounded number at a time."""
    for array in arrays:
        flat = array.reshape(-1)
        for start in range(0, flat.size, BLOCK):
            yield reading.numbers(flat[start : start + BLOCK])


def _moments(arrays: Sequence[Array], reading: Reading, largest: float) -> tuple[float | None, float | None]:
    """Mean and standard deviation; scaled where a double does not hold the squares.

    Blocks are joined as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances" (1979).
    """
    scale = largest if largest and not 1e-100 < largest < 1e100 else 1.0
    count, mean, squares = 0, 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for numbers, absent in _blocks(arrays, reading):
            wide = numbers[~absent].astype(np.float64)
            part = wide[np.isfinite(wide)] / scale
            if part.size:
                apart = float(part.mean()) - mean
                total = count + part.size
                squares += float(part.var()) * part.size + apart * apart * count * part.size / total
                mean += apart * part.size / total
                count = total
        std = float(np.sqrt(squares / count)) * scale if count else np.nan
    mean *= scale
    return (mean if np.isfinite(mean) and count else None), (std if np.isfinite(std) else None)


def mean_of(row: Array) -> float | None:
    """Mean of the finite numbers of a row."""
    finite = row[np.isfinite(row)]
    if not finite.size:
        return None
    with np.errstate(over="ignore"):
        mean = float(finite.mean())
        return mean if np.isfinite(mean) else float((finite / finite.size).sum())  # the sum overflowed
