"""Cells of a plot: what stands for a level, a category, a colour or a missing value, in each style."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from h5s3.render.plots.colors import GRAY, STEPS, Color, Rgb, category, joined, sgr, shade
from h5s3.render.plots.plot_layout import Page

ASCII_RAMP = " .:-=+*#%@"
SHADES = " ░▒▓█"
LETTERS = ".#o+x%@=&:~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnpqrstuvwyz0123456789"

Paint = Callable[[int], Rgb]
"""The colour of a step."""


def missing_mark(*, unicode: bool) -> str:
    """The character that stands for a missing value; it is in no ramp."""
    return "·" if unicode else "/"


def ramp(page: Page) -> str:
    """Characters from the lowest to the highest level, where there are no colours."""
    return SHADES if page.unicode else ASCII_RAMP


def letter(index: int) -> str:
    """The character of a category, where there are no colours."""
    return LETTERS[index % len(LETTERS)]


def per_line(page: Page) -> int:
    """Rows of colours that a line of text shows."""
    return 2 if page.color and page.unicode else 1


def shaded(steps: Sequence[Sequence[int]], page: Page) -> list[str]:
    """Steps of the ramp (`ramp_steps` of them) as lines."""
    return _lines(steps, page, shade, ramp(page).__getitem__)


def ramp_steps(page: Page) -> int:
    """How many shades there are."""
    return STEPS if page.color else len(ramp(page))


def sorted_out(codes: Sequence[Sequence[int]], count: int, page: Page) -> list[str]:
    """Codes of `count` categories as lines."""
    return _lines(codes, page, lambda code: category(code, count), letter)


def swatch(index: int, count: int, page: Page) -> str:
    """How a category looks."""
    if not page.color:
        return letter(index)
    return joined([block(page.color, category(index, count))] * 2)


def _lines(steps: Sequence[Sequence[int]], page: Page, paint: Paint, char: Callable[[int], str]) -> list[str]:
    if not page.color:
        mark = missing_mark(unicode=page.unicode)
        return ["".join(mark if n < 0 else char(n) for n in row) for row in steps]
    colors: dict[int, Rgb | None] = {n: paint(n) for n in {n for row in steps for n in row} if n >= 0}
    return painted([[colors.get(n) for n in row] for row in steps], page.color, unicode=page.unicode)


def painted(rows: Sequence[Sequence[Rgb | None]], color: Color, *, unicode: bool) -> list[str]:
    """Colours, None where one is missing, as lines; with unicode two rows a line."""
    if not unicode:
        return [joined([block(color, rgb) for rgb in row]) for row in rows]
    rows = list(rows)
    if len(rows) % 2:
        rows.append([None] * len(rows[0]))
    return [
        joined([_halves(color, top, bottom) for top, bottom in zip(*pair, strict=True)])
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]


def block(color: Color, rgb: Rgb | None) -> tuple[str, str]:
    """A cell of one colour: its style and its character."""
    if rgb is None:
        return sgr(color, GRAY), missing_mark(unicode=False)
    return sgr(color, rgb, behind=True), " "


def _halves(color: Color, top: Rgb | None, bottom: Rgb | None) -> tuple[str, str]:
    """A cell of two colours, one above the other; a missing half shows the background of the terminal."""
    if top is None or bottom is None:
        if top is None and bottom is None:
            return sgr(color, GRAY), missing_mark(unicode=True)
        return sgr(color, top or bottom or GRAY), "▀" if bottom is None else "▄"
    return f"{sgr(color, top)};{sgr(color, bottom, behind=True)}", "▀"
