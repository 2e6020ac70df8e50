"""What is asked of the file or the store for a conversion: data of the questions in `questions.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from h5s3.export.zarr.objects import Cell
from h5s3.records import PlannedArray, PlannedOverview

Version = Literal[2, 3]
Progress = tuple[str, int]  # the path of an array, and values of it that were dealt with
Bounds = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ToDecode:
    """All chunks of these arrays that are not copied, and overviews of some of them.

    `take` is given each object (`packed`), in any order, by any thread. `held`: cells of arrays, by their
    paths, that need not be given. `names`: paths of objects by their addresses. `spool` gives a file without
    a name for the overviews of an array, which may be larger than the memory; `tell` is told how far they
    are. `within`: of large arrays only
    what is read together from an index on, and before another, along a dimension.
    """

    arrays: Sequence[PlannedArray]
    version: Version
    take: Callable[[bytes], object]
    held: Mapping[str, Collection[Cell]]
    names: dict[int, str]
    max_bytes: int | None = None
    overviews: Sequence[PlannedOverview] = ()
    spool: Callable[[None], int] | None = None
    tell: Callable[[Progress], object] | None = None
    within: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Digest:
    """Of the values of a box of an array."""

    array: int  # its number
    bounds: Bounds
    digest: str


@dataclass(frozen=True)
class ToDigest:
    """Digests of all values of the file's arrays, box by box, to `take`."""

    arrays: Sequence[PlannedArray]
    version: Version
    take: Callable[[Digest], object]
    names: dict[int, str]
    max_bytes: int | None = None


@dataclass(frozen=True)
class ToCompare:
    """Which of these digests are not those of the store's values. `tell` is given the number of each."""

    arrays: Sequence[PlannedArray]
    digests: Sequence[Digest]
    tell: Callable[[int], object]


def is_decoded(array: PlannedArray) -> bool:
    """Whether some of the chunks of an array are not copied."""
    return array.decoded is None or bool(array.decoded)
