"""Colours of plots, on terminals with 24-bit or 256 colours and in figures; and characters in their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from h5s3.render.plots.plot_layout import Color, PlotLayout

Rgb = tuple[int, int, int]


def _rgbs(texts: str) -> tuple[Rgb, ...]:
    """Colours from their hexadecimal digits."""
    return tuple((red, green, blue) for red, green, blue in map(bytes.fromhex, texts.split()))


STEPS = 256
GRAY: Rgb = (128, 128, 128)  # seen on a dark and on a light background
LINE: Rgb = (31, 119, 180)  # a blue with enough contrast on black and on white
RESET = "\x1b[0m"
# matplotlib's, sampled. Viridis is perceptually uniform, and readable with any colour vision.
PALETTES = {
    "viridis": _rgbs("440154 472c7a 3b518b 2c718e 21908d 27ad81 5cc863 aadc32 fde725"),
    "gray": _rgbs("000000 ffffff"),
    "magma": _rgbs("000004 1d1147 51127c 822681 b73779 e75263 fc8961 fec488 fcfdbf"),
    "coolwarm": _rgbs("3b4cc0 6788ee 9abbff c9d7f0 dddddd edd1c2 f7a889 e26952 b40426"),
}
VIRIDIS = "viridis"
# Of middling lightness, to be seen on black and on white, and apart with 256 colours too.
CATEGORIES = _rgbs("1f77b4 de7e14 2c963c d63638 9467bd 14a5af d660aa 965a3c a09614 5f5feb")
_CUBE = (0, 95, 135, 175, 215, 255)


def shade(step: int, palette: str = VIRIDIS) -> Rgb:
    """The colour of a step from 0 to 255."""
    stops = PALETTES[palette]
    whole, part = divmod(step * (len(stops) - 1), STEPS - 1)
    first, second = stops[whole], stops[min(whole + 1, len(stops) - 1)]
    share = part / (STEPS - 1)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def category(index: int, count: int) -> Rgb:
    """The colour of one of `count` categories: of a kind of its own, or a shade where there are many."""
    if count <= len(CATEGORIES):
        return CATEGORIES[index]
    return shade(index * (STEPS - 1) // (count - 1))


@cache
def sgr(color: Color, rgb: Rgb, *, behind: bool = False) -> str:
    """The parameters of an escape sequence that sets a colour, of the text or `behind` it."""
    kind = 48 if behind else 38
    if color == "truecolor":
        return f"{kind};2;{rgb[0]};{rgb[1]};{rgb[2]}"
    return f"{kind};5;{_nearest(rgb)}"


def colored(color: Color, rgb: Rgb, text: str) -> str:
    """The text in a colour, if there are any."""
    return f"\x1b[{sgr(color, rgb)}m{text}{RESET}" if color else text


def joined(cells: Sequence[tuple[str, str]]) -> str:
    """Cells (a style, a character) as one string that switches style only where it changes."""
    parts: list[str] = []
    current = ""
    for style, character in cells:
        if style != current:
            parts.append(f"\x1b[0;{style}m" if style else RESET)
            current = style
        parts.append(character)
    return "".join(parts) + RESET


def _nearest(rgb: Rgb) -> int:
    """The nearest of the 6 x 6 x 6 colours and 24 grays that terminals agree on."""
    places = [min(range(6), key=lambda i, part=part: abs(_CUBE[i] - part)) for part in rgb]  # type: ignore[misc]
    gray = min(23, max(0, round((sum(rgb) / 3 - 8) / 10)))
    found = {16 + 36 * places[0] + 6 * places[1] + places[2]: [_CUBE[place] for place in places]}
    found[232 + gray] = [8 + 10 * gray] * 3
    return min(found, key=lambda key: sum((a - b) ** 2 for a, b in zip(found[key], rgb, strict=True)))


ASCII_RAMP = " .:-=+*#%@"
SHADES = " ░▒▓█"
LETTERS = ".#o+x%@=&:~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnpqrstuvwyz0123456789"

Paint = Callable[[int], Rgb]
"""The colour of a step."""


def missing_mark(*, unicode: bool) -> str:
    """The character that stands for a missing value; it is in no ramp."""
    return "·" if unicode else "/"


def missing_text(layout: PlotLayout, note: str) -> str:
    """A note on missing values, behind their mark."""
    return f"{colored(layout.color, GRAY, missing_mark(unicode=layout.unicode))} {note}"


def ramp(layout: PlotLayout) -> str:
    """Characters from the lowest to the highest level, where there are no colours."""
    return SHADES if layout.unicode else ASCII_RAMP


def letter(index: int) -> str:
    """The character of a category, where there are no colours."""
    return LETTERS[index % len(LETTERS)]


def rows_per_line(layout: PlotLayout) -> int:
    """Rows of colours that a line of text shows."""
    return 2 if layout.color and layout.unicode else 1


def level_lines(steps: Sequence[Sequence[int]], layout: PlotLayout) -> list[str]:
    """Steps of the ramp (`ramp_steps` of them) as lines."""
    return _lines(steps, layout, lambda step: shade(step, layout.palette), ramp(layout).__getitem__)


def ramp_steps(layout: PlotLayout) -> int:
    """How many shades there are."""
    return STEPS if layout.color else len(ramp(layout))


def category_lines(codes: Sequence[Sequence[int]], count: int, layout: PlotLayout) -> list[str]:
    """Codes of `count` categories as lines."""
    return _lines(codes, layout, lambda code: category(code, count), letter)


def swatch(index: int, count: int, layout: PlotLayout) -> str:
    """How a category looks."""
    if not layout.color:
        return letter(index)
    return joined([block(layout.color, category(index, count))] * 2)


def _lines(
    steps: Sequence[Sequence[int]], layout: PlotLayout, paint: Paint, char: Callable[[int], str]
) -> list[str]:
    if not layout.color:
        mark = missing_mark(unicode=layout.unicode)
        return ["".join(mark if n < 0 else char(n) for n in row) for row in steps]
    colors: dict[int, Rgb | None] = {n: paint(n) for n in {n for row in steps for n in row} if n >= 0}
    return pixel_lines([[colors.get(n) for n in row] for row in steps], layout.color, unicode=layout.unicode)


def pixel_lines(rows: Sequence[Sequence[Rgb | None]], color: Color, *, unicode: bool) -> list[str]:
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
