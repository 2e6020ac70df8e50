"""Aligned lines of styled text: fast for thousands of rows, and the same words with and without colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

FOLDED = " " * 6  # before what did not fit on a line
Cell = tuple[str, str]  # text, style
Line = list[Cell]
Row = tuple[
    Line, list[Cell]
]  # the first cell, itself in parts, and the columns; the last ones may be left out


def width_of(cells: Iterable[Cell]) -> int:
    """Columns that cells take on a screen."""
    return sum(cell_len(text) for text, _ in cells)


class Widths:
    """How wide columns have to be for all rows so far: they only grow."""

    def __init__(self, count: int) -> None:
        self.columns = [0] * count
        self.first = 0

    def take(self, rows: Sequence[Row]) -> None:
        """Make room for rows, each of which has as many columns."""
        for at, before in enumerate(self.columns):
            self.columns[at] = max(before, max(cell_len(row[1][at][0]) for row in rows))
        if any(self.columns):
            heads = (width_of(row[0]) for row in rows if any(cell[0] for cell in row[1]))
            self.first = max(self.first, max(heads, default=0))

    def room(self, width: int, least: int) -> int:
        """Columns of a screen that the first cell may have."""
        tail = sum(wide + 2 for wide in self.columns if wide)
        return min(self.first, max(least, width - tail))


def align(
    rows: Sequence[Row],
    width: int,
    right: Sequence[bool],
    least: int = 24,
    widths: Widths | None = None,
    spare: Sequence[int] | None = None,
) -> list[Line]:
    """Rows padded into lines of at most `width`; `right` says which columns are aligned at the right.

    Empty columns vanish. The first column has what the others leave, and no less than `least`. Where a first
    cell needs more, columns of its row are left out, in the order of `spare` (None: the last ones first).
    `widths`: of rows that went before.
    """
    if not rows:
        return []
    rows = [(head, cells + [("", "")] * (len(right) - len(cells))) for head, cells in rows]
    widths = widths or Widths(len(right))
    widths.take(rows)
    first = widths.room(width, least)
    used = [i for i, wide in enumerate(widths.columns) if wide]
    spare = range(len(right) - 1, -1, -1) if spare is None else spare
    return [
        _loose(row, width, spare) if _too_long(row, first) else _line(row, first, widths.columns, used, right)
        for row in rows
    ]


def align_with_tails(
    rows: Sequence[tuple[Row, Cell]],
    width: int,
    right: Sequence[bool],
    spare: Sequence[int] | None = None,
    scarce: Sequence[int] = (),
) -> Iterator[Line]:
    """Rows with their columns below each other, and behind these, on a third of the width, what may be cut.

    `scarce`: columns that vanish from all rows, one after another, until that much is left.
    """
    longest = max((width_of([tail]) for _, tail in rows), default=0)
    room = min(longest + 2, width // 3) if longest else 0
    padded = [(head, cells + [("", "")] * (len(right) - len(cells))) for (head, cells), _ in rows]
    for column in scarce if room else ():
        if natural_width(padded) <= width - room:
            break
        padded = [(head, [*cells[:column], ("", ""), *cells[column + 1 :]]) for head, cells in padded]
    if scarce and room:  # a fifth will do, where the names are below each other then
        room = min(room, max(width // 5, width - natural_width(padded)))
    lines = align(padded, width - room, right, spare=spare)
    ends = [width_of(line) for line, (row, tail) in zip(lines, rows, strict=True) if tail[0] or row[1]]
    start = min(max(ends, default=0), width * 3 // 4)
    for line, (_, tail) in zip(lines, rows, strict=True):
        gap = " " * max(2, start + 2 - width_of(line))
        yield [*line, (gap, ""), tail] if tail[0] else line


def natural_width(rows: Sequence[Row]) -> int:
    """Columns of a screen on which these rows leave nothing out."""
    if not rows:
        return 0
    widths = Widths(len(rows[0][1]))
    widths.take(rows)
    return widths.first + sum(wide + 2 for wide in widths.columns if wide)


def _too_long(row: Row, first: int) -> bool:
    head, cells = row
    return width_of(head) > first and any(text for text, _ in cells)


def _loose(row: Row, width: int, spare: Sequence[int]) -> Line:
    """A line whose first cell is whole, with as many of the others behind it as there is room for."""
    head, cells = row
    left = [at for at, (text, _) in enumerate(cells) if text]
    for at in spare:
        if width_of(head) + sum(cell_len(cells[one][0]) + 2 for one in left) <= width:
            break
        left = [one for one in left if one != at]
    return [*head, *(cell for one in left for cell in (("  ", ""), cells[one]))]


def _line(row: Row, first: int, widths: list[int], used: list[int], right: Sequence[bool]) -> Line:
    head, cells = row
    if not any(text for text, _ in cells):
        return head
    line: Line = [*head, (" " * (first - width_of(head)), "")]
    for index in used:
        text, style = cells[index]
        gap = " " * (widths[index] - cell_len(text))
        line += [("  ", ""), (gap + text if right[index] else text + gap, style)]
    while line and not line[-1][0].strip():
        line.pop()
    if line:
        line[-1] = (line[-1][0].rstrip(), line[-1][1])
    return line


def print_lines(console: Console, lines: Iterable[Line], *, fold: bool = False) -> None:
    """Print lines: styled and cut to the width on a terminal, or folded; whole and plain elsewhere.

    What is folded goes on further in than any line begins, so that no text can pass for a line of its own.
    """
    if not console.is_terminal:
        for line in lines:
            console.file.write("".join(text for text, _ in line).rstrip() + "\n")
        return
    for line in lines:
        text = Text.assemble(*line, end="")
        if fold and text.cell_len > console.width:
            first, *more = text.wrap(console, max(1, console.width - len(FOLDED)), overflow="fold")
            console.print(first, no_wrap=True)
            for piece in more:
                console.print(FOLDED, piece, sep="", no_wrap=True)
        else:
            console.print(text, no_wrap=True, overflow="ellipsis")
