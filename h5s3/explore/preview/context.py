"""What one look at a dataset works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.formats.hdf5.conventions.cf import Coding
from h5s3.formats.hdf5.data.sample import Sampler
from h5s3.formats.hdf5.objects.datasets import Facts
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.values import Converter
from h5s3.formats.selection import Selection, parse_selection, whole
from h5s3.records import Preview

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Look:
    """A dataset, what of it is wanted, and the document that is being filled."""

    document: Preview
    file: OpenFile
    dataset: Any  # h5d.DatasetID
    facts: Facts
    options: dict[str, Any]
    dtype: np.dtype[Any]  # as read
    selection: Selection
    coding: Coding
    sampler: Sampler
    converter: Converter


def selected(facts: Facts, options: dict[str, Any]) -> Selection:
    """What `--slice` and `--fixed` select. Raises `UsageError` where they do not fit the shape."""
    shape = facts.shape or ()
    text = options["selection"]
    chosen = whole(shape) if text is None else parse_selection(text, shape)
    for dimension, index in options["fixed"]:
        if not 0 <= dimension < len(shape) or not -shape[dimension] <= index < shape[dimension]:
            raise UsageError(f"--fixed {dimension}={index} does not fit the shape {shape}")
        if chosen[dimension] != whole(shape)[dimension]:
            raise UsageError(
                f"--fixed {dimension}={index} and --slice both choose from dimension {dimension}"
            )
        one = parse_selection(str(index), (shape[dimension],))
        chosen = (*chosen[:dimension], *one, *chosen[dimension + 1 :])
    return chosen


def count_of(selection: Selection) -> int:
    """Number of elements."""
    total = 1
    for axis in selection:
        total *= axis.count
    return total


def pick(values: Array, selection: Selection, part: Selection) -> Array:
    """From the values of a selection (of its kept dimensions) those of a part of it."""
    index: list[Any] = []
    for axis, wanted in zip(selection, part, strict=True):
        if not axis.keep:
            continue
        first = (wanted.start - axis.start) // axis.step
        every = max(1, wanted.step // axis.step)
        index.append(slice(first, first + (wanted.count - 1) * every + 1, every) if wanted.keep else first)
    picked: Array = values[tuple(index)]
    return picked
