"""Lines of aligned columns: a name is whole as long as anything else can give way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from h5s3.render.columns import Cell, Row, align, align_with_tails

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


def test_values_are_seen_before_columns_that_say_less() -> None:
    def row(name: str, cells: list[str], value: str) -> tuple[Row, Cell]:
        return ([(name, "")], [(cell, "") for cell in cells]), (value, "")

    rows = [
        row("/entry/data/counts", ["60 × 256 × 256", "uint16", "chunks", "shuffle+gzip", "7.9 MB"], ""),
        row(
            "/entry/data/title", ["scalar", "str", "", "", "8 B"], "= MOF-5 single crystal, rotation scan 42"
        ),
        row("/entry/link → /elsewhere", [], ""),
    ]

    def text(width: int) -> list[str]:
        lines = align_with_tails(rows, width, [False] * 5, scarce=(2, 3, 4))
        return ["".join(part for part, _ in line).rstrip() for line in lines]

    assert (
        text(80)[1]
        == "/entry/data/title   scalar          str     8 B     = MOF-5 single crystal, rotation scan 42"
    )
    assert text(80)[0] == "/entry/data/counts  60 × 256 × 256  uint16  7.9 MB"
    assert text(66)[:2] == [
        "/entry/data/counts  60 × 256 × 256  uint16",
        "/entry/data/title   scalar          str     = MOF-5 single crystal, rotation scan 42",
    ]
    assert "shuffle+gzip  7.9 MB" in text(200)[0] and text(200)[2] == "/entry/link → /elsewhere"


def test_values_give_way_so_that_columns_stay_below_each_other() -> None:
    rows: list[tuple[Row, Cell]] = [
        (([("n" * long, "")], [("scalar", ""), ("float64", "")]), ("= " + "v" * 60, "")) for long in (10, 40)
    ]
    for width, scarce, below in ((80, (2,), True), (80, (), False), (60, (2,), False)):
        lines = align_with_tails(rows, width, [False] * 3, scarce=scarce)
        texts = ["".join(text for text, _ in line) for line in lines]
        assert (len({text.find("float64") for text in texts}) == 1) == below, (width, texts)
        assert all("= v" in text for text in texts)
