"""What the making of one preview works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.explore.preview.request import ROWS, PreviewRequest
from h5s3.formats.base import Array, ToJson
from h5s3.formats.cf import Coding
from h5s3.formats.columns.labels import select_labels
from h5s3.formats.sampling import Sampler
from h5s3.formats.selection import Selection, parse_selection, whole
from h5s3.records import Preview

Values = np.ndarray[Any, Any]
COLUMNS = 8  # of a table


@dataclass(frozen=True)
class PreviewJob:
    """An array, what of it is wanted, and the document that is being filled."""

    document: Preview
    array: Array
    asked: PreviewRequest
    dtype: np.dtype[Any]  # as read
    selection: Selection
    coding: Coding
    sampler: Sampler
    converter: ToJson
    rows: int = ROWS  # of the table, at most
    columns: int = COLUMNS


def selected(array: Array, asked: PreviewRequest) -> Selection:
    """What `--slice`, `--fixed` and `--sel` select. Raises `UsageError` where they do not fit the shape."""
    shape = array.facts.shape or ()
    chosen = whole(shape) if asked.selection is None else parse_selection(asked.selection, shape)
    for dimension, index in asked.fixed:
        if not 0 <= dimension < len(shape) or not -shape[dimension] <= index < shape[dimension]:
            raise UsageError(f"--fixed {dimension}={index} does not fit the shape {shape}")
        if chosen[dimension] != whole(shape)[dimension]:
            raise UsageError(
                f"--fixed {dimension}={index} and --slice both choose from dimension {dimension}"
            )
        one = parse_selection(str(index), (shape[dimension],))
        chosen = (*chosen[:dimension], *one, *chosen[dimension + 1 :])
    return chosen if asked.labels is None else select_labels(asked.labels, array, chosen)


def count_of(selection: Selection) -> int:
    """Number of elements."""
    total = 1
    for axis in selection:
        total *= axis.count
    return total


def pick(values: Values, selection: Selection, part: Selection) -> Values:
    """From the values of a selection (of its kept dimensions) those of a part of it."""
    index: list[Any] = []
    for axis, wanted in zip(selection, part, strict=True):
        if not axis.keep:
            continue
        first = (wanted.start - axis.start) // axis.step
        every = max(1, wanted.step // axis.step)
        index.append(slice(first, first + (wanted.count - 1) * every + 1, every) if wanted.keep else first)
    picked: Values = values[tuple(index)]
    return picked
