"""Where on the screen a plot has its values: what a cursor needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Canvas:
    """The part of a plot within its axes: columns and lines of characters, from its upper left corner.

    `across`: the column of each value along x. `down`: of each row of a heatmap, or each value of a line, its
    place from the top, of which a line of text has `per_line`; None for a value that is not drawn.
    """

    left: int
    top: int
    columns: int
    lines: int
    across: Sequence[int]
    down: Sequence[int | None]
    per_line: int = 1


@dataclass(frozen=True)
class Plotted:
    """A plot as text, without a line break at its end; no canvas where there was nothing to draw."""

    text: str
    canvas: Canvas | None = None


def middles(count: int, places: int) -> list[int]:
    """In which of the places the middle of each of so many values is that share them equally."""
    return [(2 * i + 1) * places // (2 * count) for i in range(count)]
