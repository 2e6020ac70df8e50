"""The cells of a table on a screen: as text, in columns as wide as they have to be."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from h5s3.records import Json
from h5s3.render.columns import Cell, Line
from h5s3.render.screen.digits import float_text
from h5s3.render.text import safe
from h5s3.render.value_text import cell_text

WIDEST = 28  # columns of a screen for a column of values that is not the only one
ALONE = 200
GAP = 2


def value_cell(value: Json, most: int = WIDEST, word: str | None = None) -> str:
    """A value in a cell; `word`: what it stands for where it is null."""
    return cell_text(value, most, word or "null")


def exact_text(value: Json, word: str | None = None, digits: str = "") -> str:
    """A value with all its digits, also those in it; `digits`: those of which floats, as of a `Window`."""
    if value is None:
        return word or "null"
    return cell_text(value, 300, number=lambda one: float_text(one, digits))


def aligned(text: str, width: int, right: bool) -> str:
    """The text in so many cells."""
    lacking = width - cell_len(text)
    if lacking < 0:
        return set_cell_size(text, max(0, width - 1)) + "…"
    return " " * lacking + text if right else text + " " * lacking


def label_width(values: list[Json], most: int, heading: str) -> int:
    """Cells for the coordinates of rows, which stand behind an index, below a heading."""
    return max(cell_len(heading) - GAP - 1, *(cell_len(value_cell(value, most)) for value in values), 0)


def slice_line(path: str, within: str, where: str, units: str, width: int) -> Line:
    """What a table shows: as much of the path as there is room for beside the slice, where it stands, and the
    units."""
    tail = [part for part in (where and f"at {where}", units) if part]
    names = [safe(path, 200), safe(path.rpartition("/")[2], 200)] + [""] * bool(tail)
    for name in names:
        parts = [part for part in (name, within, *tail) if part]
        if cell_len("  ".join(parts)) <= width:
            break
    styles = ["group"] * bool(name) + ["shape"] * bool(within) + ["faint"] * len(tail)
    line: Line = []
    for part, style in zip(parts, styles, strict=True):
        line += [("  " if line else "", ""), (part, style)]
    return line


def table_line(label: Cell, wide: int, cells: list[tuple[Cell, int, bool]]) -> Line:
    """One line: what stands before the row in `wide` cells, and its values, each with its width and whether
    it is at the right."""
    line: Line = [(aligned(label[0], wide, True), label[1])]
    for (text, style), width, right in cells:
        line += [(" " * GAP, ""), (aligned(text, width, right), style)]
    return line
