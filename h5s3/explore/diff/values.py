"""Values of one box from both sides, compared column by column."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from h5s3.explore.diff.readers import Report
from h5s3.records import Json

AT_ONCE = 1 << 20  # elements that are compared
LARGEST_INNER = 1 << 30  # elements of an array type
Values = np.ndarray[Any, Any]
Index = tuple[int, ...]


@dataclass(frozen=True)
class Tolerance:
    """Numbers are alike where |a - b| <= atol + rtol * |b|, as NumPy's isclose has it; NaN is like NaN."""

    relative: float = 0.0
    absolute: float = 0.0

    @property
    def none(self) -> bool:
        """Whether only equal numbers are alike."""
        return not (self.relative or self.absolute)


@dataclass(frozen=True)
class ColumnType:
    """A column as a cell tells it. `dtype`: None for what comes as JSON."""

    name: str
    dtype: np.dtype[Any] | None
    inner: tuple[int, ...]
    reference: bool

    @property
    def size(self) -> int:
        """Elements of one value."""
        return math.prod(self.inner)


def columns_told(report: Report, told: Any) -> list[ColumnType]:
    """The columns of a dataset. Raises `DamagedError` for what makes no sense."""
    try:
        found = []
        for one in told:
            dtype = None if one["type"] is None else np.dtype(str(one["type"]))
            inner = tuple(map(int, one["inner"]))
            fixed = dtype is None or (dtype.kind in "biufcSVmM" and dtype.itemsize > 0)
            if not fixed or any(n < 0 for n in inner) or math.prod(inner) > LARGEST_INNER:
                raise report.nonsense()
            found.append(ColumnType(str(one["name"]), dtype, inner, bool(one["reference"])))
        return found
    except (TypeError, ValueError, KeyError):
        raise report.nonsense() from None


def kind_of(column: ColumnType) -> str:
    """What columns have in common that can be compared."""
    if column.dtype is None:
        return "json"
    return {"S": "text", "V": "opaque", "m": "time", "M": "time"}.get(column.dtype.kind, "number")


def comparable(a: Sequence[ColumnType], b: Sequence[ColumnType]) -> bool:
    """Whether the values of two types can be compared."""
    pairs = (
        [(one.name, one.inner, _group(one)) for one in a],
        [(one.name, one.inner, _group(one)) for one in b],
    )
    return pairs[0] == pairs[1]


def _group(column: ColumnType) -> str:
    kind = kind_of(column)
    return "text" if kind == "json" else kind


def values_of(
    report: Report, column: ColumnType, count: int, size: int, names: Callable[[str], str]
) -> Values:
    """The values of a column, `count` of them in `size` bytes: an array of shape `(count, column.size)`.

    `names`: what stands for an address. Raises `DamagedError` for what makes no sense.
    """
    data = report.take(size)
    if column.dtype is not None:
        if size != count * column.size * column.dtype.itemsize:
            raise report.nonsense()
        if column.dtype.kind == "b":
            flags: Values = np.frombuffer(data, dtype="u1").reshape(count, column.size) != 0
            return flags
        return np.frombuffer(data, dtype=column.dtype).reshape(count, column.size)
    try:
        found = json.loads(bytes(data))
    except (ValueError, RecursionError):
        raise report.nonsense() from None
    if not isinstance(found, list) or len(found) != count:
        raise report.nonsense()
    made = np.empty((count, column.size), dtype=object)
    for number, value in enumerate(found):
        row = value if column.inner else [value]
        if not isinstance(row, list) or len(row) != column.size:
            raise report.nonsense()
        for at, item in enumerate(row):
            made[number, at] = names(item) if column.reference and isinstance(item, str) else item
    return made


@dataclass
class Found:
    """What differs of one column so far."""

    name: str
    different: int = 0
    first: Index | None = None
    a: Json = None
    b: Json = None
    largest: float | None = None
    largest_relative: float | None = None
    not_finite: int = 0
    numbers: bool = False

    def add(self, other: tuple[int, Index, Json, Json], differences: tuple[float, float, int] | None) -> None:
        """Take what differs of one box."""
        count, first, a, b = other
        self.different += count
        if self.first is None or first < self.first:
            self.first, self.a, self.b = first, a, b
        if differences is not None:
            self.numbers = True
            self.not_finite += differences[2]
            largest = (self.largest, self.largest_relative)
            self.largest, self.largest_relative = (
                new if new >= 0 and (old is None or new > old) else old
                for old, new in zip(largest, differences[:2], strict=True)
            )


@dataclass
class Totals:
    """All columns of a dataset."""

    columns: dict[str, Found] = field(default_factory=dict)

    def take(
        self,
        name: str,
        pair: tuple[Values, Values],
        bounds: Sequence[Sequence[int]],
        tolerance: Tolerance,
    ) -> None:
        """Compare a column of one box, some rows at a time."""
        some = max(1, AT_ONCE // max(1, pair[0].shape[1]))
        for start in range(0, len(pair[0]), some):
            a, b = (side[start : start + some] for side in pair)
            different = unlike(a, b, tolerance)
            rows = np.flatnonzero(different.any(axis=1))
            if not rows.size:
                continue
            at = int(rows[0])
            inner = int(np.flatnonzero(different[at])[0])
            counts = [high - low for low, high in bounds]
            place = np.unravel_index(start + at, counts) if counts else ()
            first = tuple(int(n) + low for n, (low, _) in zip(place, bounds, strict=True))
            found = self.columns.setdefault(name, Found(name))
            values = _json(a[at, inner]), _json(b[at, inner])
            found.add((int(rows.size), first, *values), _differences(a[rows], b[rows], different[rows]))


def _json(value: Any) -> Json:
    """A value as JSON has it; NaN and infinities stay what they are."""
    if isinstance(value, np.void):
        return value.tobytes().hex()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, np.complexfloating):
        return [float(value.real), float(value.imag)]
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def unlike(a: Values, b: Values, tolerance: Tolerance) -> Values:
    """Where values differ."""
    if "O" in (a.dtype.kind, b.dtype.kind):
        return _unlike_one_by_one(a, b, tolerance)
    kinds = a.dtype.kind + b.dtype.kind
    if "V" in kinds:
        if a.dtype != b.dtype:
            return np.ones(a.shape, dtype=bool)
        raw = [np.ascontiguousarray(side).view("u1").reshape(*side.shape, -1) for side in (a, b)]
        found: Values = (raw[0] != raw[1]).any(axis=-1)
        return found
    if "S" in kinds or set(kinds) & set("mM"):
        different: Values = np.not_equal(a, b) & ~(_nat(a) & _nat(b))
        return different
    with np.errstate(all="ignore"):
        return _unlike_numbers(a, b, tolerance)


def _nat(values: Values) -> Values:
    return np.isnat(values) if values.dtype.kind in "mM" else np.zeros(values.shape, dtype=bool)


def _unlike_numbers(a: Values, b: Values, tolerance: Tolerance) -> Values:
    if a.dtype.kind != b.dtype.kind and {a.dtype.kind, b.dtype.kind} & {"f"} and not _complex(a, b):
        a, b = a.astype(np.longdouble), b.astype(np.longdouble)  # 64 bits of mantissa hold all integers
    different: Values = np.not_equal(a, b)
    if a.dtype.kind in "fc" or b.dtype.kind in "fc":
        different &= ~(np.isnan(a) & np.isnan(b))
    if tolerance.none or not different.any():
        return different
    old, new = a[different], b[different]
    close = np.isfinite(old) & np.isfinite(new)
    distances = np.abs(_wide(old) - _wide(new))
    close &= distances <= tolerance.absolute + tolerance.relative * np.abs(_wide(new))
    different[different] = ~close
    return different


def _complex(a: Values, b: Values) -> bool:
    return "c" in (a.dtype.kind, b.dtype.kind)


def _wide(values: Values) -> Values:
    if values.dtype.kind == "c":
        return values.astype(np.clongdouble if values.dtype.itemsize > 8 else np.complex128)
    return values.astype(np.longdouble if values.dtype.itemsize >= 8 else np.float64)


def _differences(a: Values, b: Values, different: Values) -> tuple[float, float, int] | None:
    """The largest of values that differ, absolute and relative to those of b; -1 where there is none. Of how
    many elements one is not finite.

    None: they are no numbers.
    """
    if not set(a.dtype.kind + b.dtype.kind) <= set("biufc"):
        return None
    not_finite = int((different & ~(np.isfinite(a) & np.isfinite(b))).any(axis=1).sum())
    a, b = a[different], b[different]
    with np.errstate(all="ignore"):
        distances, sizes = np.abs(_wide(a) - _wide(b)), np.abs(_wide(b))
        relative = distances / sizes
        found = [side[np.isfinite(side)].max(initial=-1) for side in (distances, relative)]
    return float(found[0]), float(found[1]), not_finite


def _unlike_one_by_one(a: Values, b: Values, tolerance: Tolerance) -> Values:
    found = np.zeros(a.shape, dtype=bool)
    flat, one, other = found.reshape(-1), a.reshape(-1), b.reshape(-1)
    for at in range(flat.size):
        flat[at] = not _alike(_text(one[at]), _text(other[at]), tolerance)
    return found


def _text(value: Any) -> Any:
    """Byte strings as JSON has them, for types that differ in how they hold text."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _alike(a: Any, b: Any, tolerance: Tolerance) -> bool:
    if a == b and type(a) is type(b):
        return True
    if isinstance(a, list) and isinstance(b, list):
        pairs = zip(a, b, strict=False)
        return len(a) == len(b) and all(_alike(one, other, tolerance) for one, other in pairs)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[name], b[name], tolerance) for name in a)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b or abs(a - b) <= tolerance.absolute + tolerance.relative * abs(b)
    return False
