"""Where a plot has its values on the screen, and which way up it is."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from h5s3.records import UNSET, Axis, Plot, Preview
from h5s3.render.plots.canvas import Canvas
from h5s3.render.plots.plot import plotted, upright

Y = ([10.0, 20.0, 30.0, 40.0, 50.0, 60.0], [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], None)


def draw(data: list[Any], y: list[float] | None = None, unicode: bool = False) -> tuple[list[str], Canvas]:
    heatmap = isinstance(data[0], list)
    plot = Plot(
        type="heatmap" if heatmap else "line", data=data, vmin=None, vmax=None, downsampled=False,
        selection=":", x=Axis(dimension=1, start=0, step=1, count=len(data[0]) if heatmap else len(data)),
    )  # fmt: skip
    if heatmap:
        plot.y = Axis(dimension=0, start=0, step=1, count=len(data), values=UNSET if y is None else y)
    found = Preview(
        location="", key="", etag=None, path="/x", dtype="float64", shape=[1], ndim=1, preview_type="line",
        selection=":",
    )  # fmt: skip
    made = plotted(found, plot, 60, 20, "", unicode)
    assert made.canvas is not None
    return [line.ljust(60) for line in made.text.split("\n")], made.canvas


@pytest.mark.parametrize("y", Y)
def test_a_value_is_where_the_canvas_says(y: list[float] | None) -> None:
    for row, column in itertools.product(range(6), range(9)):
        data = [[1.0 * ((row, column) == (j, i)) for i in range(9)] for j in range(6)]
        lines, canvas = draw(data, y)
        line = canvas.top + (canvas.down[row] or 0) // canvas.per_line
        assert lines[line][canvas.left + canvas.across[column]] == "@"


def test_points_of_a_line_are_where_the_canvas_says() -> None:
    chance = random.Random(3)
    values = [chance.random() for _ in range(40)] + [float("nan")]
    lines, canvas = draw(values, unicode=True)
    assert canvas.down[-1] is None
    missed = 0  # by rounding to the dots of which a character has 2 × 4
    for column, line in zip(canvas.across[:-1], canvas.down[:-1], strict=True):
        assert line is not None
        x, y = canvas.left + column, canvas.top + line
        around = [one[x - 1 : x + 2] for one in lines[max(0, y - 1) : y + 2]]
        missed += lines[y][x] == " "
        assert "".join(around).strip(" │─┬")
    assert missed <= 3


def test_coordinates_that_rise_go_upwards() -> None:
    """As xarray draws them; falling ones, and rows that have none, begin at the top."""
    data = [[float(row)] * 5 for row in range(6)]
    for y, first in zip(Y, ("@", " ", " "), strict=True):
        lines, canvas = draw(data, y)
        assert lines[canvas.top][canvas.left] == first
        ticks = [line.split("|")[0].strip(" +-") for line in lines[canvas.top : canvas.top + canvas.lines]]
        numbers = [float(tick) for tick in ticks if tick]
        assert numbers == sorted(numbers, reverse=y is not None), lines
    plot = Plot(
        type="heatmap", data=data, vmin=None, vmax=None, downsampled=False, selection=":,:",
        y=Axis(dimension=0, start=0, step=1, count=6, values=list(Y[0] or ())),
    )  # fmt: skip
    rows, _, coordinates = upright(plot)
    assert rows[0] == data[-1] and list(coordinates.values) == (Y[0] or [])[::-1]
