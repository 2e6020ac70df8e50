"""Values as numbers that can be drawn and summed up: decoded, missing ones marked, complex ones by a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from h5s3.formats.cf import Coding
from h5s3.formats.dtypes import FieldPath, in_field
from h5s3.formats.names import field_text
from h5s3.formats.sampling import Part
from h5s3.formats.selection import indices_at
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
    field: FieldPath | None = None
    part: str = "abs"

    def numbers(self, values: Array) -> tuple[Array, Array]:
        """Numbers as they are meant, and which of them are missing."""
        chosen = in_field(values, self.field or ())
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
        field = ".".join(map(field_text, self.field or ()))
        return " ".join(word for word in (field, part) if word) or None


def as_floats(numbers: Array, absent: Array) -> Array:
    """As float64, with NaN for what is missing."""
    with np.errstate(over="ignore"):
        found = numbers.astype(np.float64)
    found[absent] = np.nan
    return found


def statistics(parts: Sequence[Part], size: int, reading: Reading) -> Stats:
    """Statistics of the finite numbers of a sample, given in pieces, from a dataset of `size` elements.

    In two passes, block by block: as double precision a sample may be many times as large.
    """
    count = sum(int(_read(part).size) for part in parts)
    stats = Stats(
        min=None, max=None, mean=None, std=None,
        nan_count=0, inf_count=0, sample_size=count, coverage=count / size if size else 1.0,
    )  # fmt: skip
    gone = 0
    for part, start, numbers, absent in _blocks(parts, reading):
        gone += int(absent.sum())
        values = numbers[~absent]
        if values.dtype.kind == "f":
            stats.nan_count += int(np.isnan(values).sum())
            stats.inf_count += int(np.isinf(values).sum())
            values = values[np.isfinite(values)]
        if values.size:
            exact = int if values.dtype.kind in "iub" else float
            low, high = values.min(), values.max()
            if stats.min is None or exact(low) < stats.min:
                stats.min = exact(low)
                stats.min_index = _index(part, start + _first(numbers, absent, low))
            if stats.max is None or exact(high) > stats.max:
                stats.max = exact(high)
                stats.max_index = _index(part, start + _first(numbers, absent, high))
    if stats.min == stats.max or not stats.min_index:
        stats.min_index = stats.max_index = UNSET
    if reading.coding.missing or gone:
        stats.missing_count = gone
    if reading.of:
        stats.of = reading.of
    if stats.min is not None and stats.max is not None:
        stats.mean, stats.std = _moments(parts, reading, max(abs(float(stats.min)), abs(float(stats.max))))
        dates = reading.coding.dates([stats.min, stats.max])
        stats.min_time, stats.max_time = dates if dates else (UNSET, UNSET)
    return stats


def _read(part: Part) -> Array:
    """The values that were read."""
    return part.values if part.present is None else part.values[part.present]


def _blocks(parts: Sequence[Part], reading: Reading) -> Iterator[tuple[Part, int, Array, Array]]:
    """Numbers and which are missing, in one dimension, a bounded number at a time, and where they begin."""
    for part in parts:
        flat = _read(part).reshape(-1)
        for start in range(0, flat.size, BLOCK):
            yield part, start, *reading.numbers(flat[start : start + BLOCK])


def _first(numbers: Array, absent: Array, value: Any) -> int:
    """Where a value stands first."""
    return int(((numbers == value) & ~absent).argmax())


def _index(part: Part, place: int) -> list[int]:
    """The index in the array of one of the numbers of a part, which may be several to an element."""
    place //= max(1, part.values.size // prod(axis.count for axis in part.selection))
    if part.present is not None:
        place = int(np.flatnonzero(part.present)[place])
    return indices_at(part.selection, place)


def _moments(parts: Sequence[Part], reading: Reading, largest: float) -> tuple[float | None, float | None]:
    """Mean and standard deviation; scaled where a double does not hold the squares.

    Blocks are joined as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances" (1979).
    """
    scale = largest if largest and not 1e-100 < largest < 1e100 else 1.0
    count, mean, squares = 0, 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for _, _, numbers, absent in _blocks(parts, reading):
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
