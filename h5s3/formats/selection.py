"""Selections of a dataset: NumPy's slice syntax, parsed, never evaluated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from h5s3.errors import UsageError

INTEGER = re.compile(r"[+-]?[0-9]{1,40}")


@dataclass(frozen=True)
class Axis:
    """What is selected of one dimension: `start, start + step, …`, `count` of them. `keep`: a slice."""

    start: int
    step: int
    count: int
    keep: bool = True

    @property
    def stop(self) -> int:
        """One past the last selected index (of the start, where nothing is)."""
        return self.start + (self.count - 1) * self.step + 1 if self.count else self.start

    @property
    def as_slice(self) -> slice:
        """The same for indexing an h5py dataset."""
        return slice(self.start, self.stop, self.step)

    @property
    def text(self) -> str:
        """The same in NumPy's syntax."""
        if not self.keep:
            return str(self.start)
        return f"{self.start}:{self.stop}" + (f":{self.step}" if self.step != 1 else "")

    def thinned(self, most: int) -> Axis:
        """Every n-th of these indices, the smallest n that leaves at most `most`."""
        every = max(1, -(-self.count // most))
        return replace(self, step=self.step * every, count=-(-self.count // every))

    def at(self, position: int) -> Axis:
        """The one index at a position of this axis."""
        return Axis(self.start + position * self.step, 1, 1, keep=False)

    def within(self, low: int, high: int) -> tuple[Axis, int]:
        """The part in `low:high` (indices of the dataset), and the position where it begins on this axis."""
        first = max(0, -(-(low - self.start) // self.step))
        last = min(self.count, max(0, -(-(high - self.start) // self.step)))
        return replace(self, start=self.start + first * self.step, count=max(0, last - first)), first


Selection = tuple[Axis, ...]


def whole(shape: tuple[int, ...]) -> Selection:
    """Everything."""
    return tuple(Axis(0, 1, size) for size in shape)


def text_of_selection(selection: Selection) -> str:
    """NumPy's syntax; `()` for a scalar."""
    return ",".join(axis.text for axis in selection) or "()"


def indices_at(selection: Selection, place: int) -> list[int]:
    """The index of one of the elements of a selection, which stand in C order."""
    found: list[int] = []
    for axis in reversed(selection):
        place, position = divmod(place, axis.count)
        found.insert(0, axis.start + position * axis.step)
    return found


def parse_selection(text: str, shape: tuple[int, ...]) -> Selection:
    """`0,:,10:20:2`, `...`, negative indices. Raises `UsageError`, showing the shape."""
    inner = text.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    parts = [part.strip() for part in inner.split(",")]
    if parts[-1] == "" and len(parts) > 1 and parts != ["", ""]:
        parts.pop()
    if parts == ["()"] or parts == [""]:
        parts = []
    if parts.count("...") > 1:
        raise _wrong(text, shape, "`...` stands there twice")
    if "..." in parts:
        at = parts.index("...")
        parts[at : at + 1] = [":"] * max(0, len(shape) - len(parts) + 1)
    if len(parts) > len(shape):
        raise _wrong(text, shape, f"it names {len(parts)} dimensions")
    parts += [":"] * (len(shape) - len(parts))
    return tuple(_axis(part, size, text, shape) for part, size in zip(parts, shape, strict=True))


def _axis(part: str, size: int, text: str, shape: tuple[int, ...]) -> Axis:
    numbers = part.split(":")
    if len(numbers) > 3 or any(n.strip() and not INTEGER.fullmatch(n.strip()) for n in numbers):
        raise _wrong(text, shape, f"{part!r} is not an index or a slice")
    if len(numbers) == 1:
        if not part:
            raise _wrong(text, shape, "a part is empty")
        index = int(part)
        if not -size <= index < size:
            raise _wrong(text, shape, f"index {index} is outside")
        return Axis(index % size, 1, 1, keep=False)
    bounds = [int(n) if n.strip() else None for n in numbers]
    if len(bounds) == 3 and bounds[2] is not None and bounds[2] < 1:
        raise _wrong(text, shape, "steps are positive")
    start, stop, step = slice(*bounds).indices(size)
    return Axis(start, step, len(range(start, stop, step)))


def _wrong(text: str, shape: tuple[int, ...], why: str) -> UsageError:
    shown = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    return UsageError(f"the slice {text!r} does not fit the shape {shown}: {why}")


def count_values(text: str, shape: Sequence[int]) -> int:
    """Elements of a selection."""
    count = 1
    for axis in parse_selection(text, tuple(shape)):
        count *= axis.count
    return count
