"""Lines of aligned columns: a name is whole as long as anything else can give way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from h5s3.render.columns import Row, align

CELLS = ["12 x 4", "float64", "chunks 3 x 4", "gzip", "5.0 kB"]
RIGHT = (False, False, False, False, True)
SPARE = (3, 2, 1, 4, 0)


def texts(rows: list[Row], width: int) -> list[str]:
    lines = align(rows, width, RIGHT, spare=SPARE)
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def row(name: str) -> Row:
    return [(name, "")], [(text, "") for text in CELLS]


@pytest.mark.parametrize(
    ("length", "shown"),
    [
        (10, CELLS),
        (40, ["12 x 4", "float64", "chunks 3 x 4", "5.0 kB"]),
        (55, ["12 x 4", "float64", "5.0 kB"]),
    ]
    + [(60, ["12 x 4", "5.0 kB"]), (70, ["12 x 4"]), (79, []), (200, [])],
)
def test_columns_give_way_to_a_name(length: int, shown: list[str]) -> None:
    line, short = texts([row("n" * length), row("x")], 80)
    assert line.split("  ") == ["n" * length, *shown] or length == 10
    assert [text for text in CELLS if text in line] == shown
    assert short.startswith("x ") and all(text in short for text in CELLS) and len(short) <= 80


@given(st.lists(st.text("ab漢", min_size=1, max_size=100), min_size=1, max_size=5), st.integers(20, 200))
def test_every_name_is_whole(names: list[str], width: int) -> None:
    lines = texts([row(name) for name in names], width)
    for name, line in zip(names, lines, strict=True):
        assert line.startswith(name)
        assert cell_len(line) <= max(width, cell_len(name), 24 + sum(len(text) + 2 for text in CELLS))
