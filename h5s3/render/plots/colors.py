"""Colours of plots, for terminals with 24-bit colours or with 256, and for figures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

Color = Literal["", "256", "truecolor"]
"""What a terminal can do; nothing: characters have to do."""

Rgb = tuple[int, int, int]

STEPS = 256
GRAY: Rgb = (128, 128, 128)  # seen on a dark and on a light background
LINE: Rgb = (31, 119, 180)  # a blue with enough contrast on black and on white
RESET = "\x1b[0m"
# Viridis, sampled: perceptually uniform, and readable with any colour vision.
STOPS: tuple[Rgb, ...] = (
    (68, 1, 84),
    (71, 44, 122),
    (59, 81, 139),
    (44, 113, 142),
    (33, 144, 141),
    (39, 173, 129),
    (92, 200, 99),
    (170, 220, 50),
    (253, 231, 37),
)
# Of middling lightness, to be seen on black and on white, and apart with 256 colours too.
CATEGORIES: tuple[Rgb, ...] = (
    (31, 119, 180),
    (222, 126, 20),
    (44, 150, 60),
    (214, 54, 56),
    (148, 103, 189),
    (20, 165, 175),
    (214, 96, 170),
    (150, 90, 60),
    (160, 150, 20),
    (95, 95, 235),
)
_CUBE = (0, 95, 135, 175, 215, 255)


def shade(step: int) -> Rgb:
    """The colour of a step from 0 to 255."""
    whole, part = divmod(step * (len(STOPS) - 1), STEPS - 1)
    first, second = STOPS[whole], STOPS[min(whole + 1, len(STOPS) - 1)]
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
