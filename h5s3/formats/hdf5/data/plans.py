"""What is read of a dataset, planned and done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.formats.hdf5.data.chunk_grid import Cell
from h5s3.formats.selection import Axis, Selection

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Plan:
    """The pieces to read of a selection: all that it touches, or (`complete` is False) some of them."""

    selection: Selection
    cells: list[Cell]
    complete: bool


@dataclass(frozen=True)
class Sample:
    """Values of a selection; `present` marks those that were read (None: all of them)."""

    values: Array  # shape of the kept dimensions
    present: Array | None
    pieces_read: int


@dataclass(frozen=True)
class Part:
    """All values of a selection within one piece, in all dimensions of the dataset."""

    selection: Selection
    values: Array


def steps_of(wanted: Axis, held: Axis) -> slice:
    """Where the indices of one axis stand among those of another that holds them all."""
    first, every = (wanted.start - held.start) // held.step, max(1, wanted.step // held.step)
    return slice(first, first + (wanted.count - 1) * every + 1, every)


def dropped(values: Array, selection: Selection) -> Array:
    """Without the dimensions in which a single index was selected."""
    return values[tuple(slice(None) if axis.keep else 0 for axis in selection)] if selection else values
