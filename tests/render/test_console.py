"""Colours that can be read on a light and on a dark terminal."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet
from rich.terminal_theme import TerminalTheme

from h5s3.render.console import THEME
from h5s3.render.plots.colors import CATEGORIES, GRAY, LINE

LEAST = 3.0  # of the Web Content Accessibility Guidelines, for large text and graphics
BLACK, WHITE = ColorTriplet(0, 0, 0), ColorTriplet(255, 255, 255)
OWN = "group datatype link target bad shape dtype red green yellow blue magenta cyan".split()
PLAIN = "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5"  # as xterm defines them
BRIGHT = "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff"


def rgbs(text: str) -> list[tuple[int, int, int]]:
    return [(red, green, blue) for red, green, blue in map(bytes.fromhex, text.split())]


XTERM = TerminalTheme((0, 0, 0), (229, 229, 229), rgbs(PLAIN), rgbs(BRIGHT))


def luminance(color: ColorTriplet) -> float:
    """Relative luminance (WCAG 2)."""
    shares = [part / 255 for part in color]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in shares]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: ColorTriplet, second: ColorTriplet) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", OWN)
def test_every_style_is_legible_on_black_and_on_white(name: str) -> None:
    style = THEME.styles[name]
    assert style.color is not None and not style.dim
    shown = style.color.get_truecolor(XTERM)
    assert contrast(shown, BLACK) >= LEAST and contrast(shown, WHITE) >= LEAST


@pytest.mark.parametrize("color", [LINE, GRAY, *CATEGORIES])
def test_lines_and_categories_of_plots_are_seen(color: tuple[int, int, int]) -> None:
    shown = ColorTriplet(*color)
    assert contrast(shown, BLACK) >= 2.5 and contrast(shown, WHITE) >= 2.5


@pytest.mark.parametrize("name", OWN)
def test_terminals_of_16_colours_show_no_grey_in_place_of_a_colour(name: str) -> None:
    color = THEME.styles[name].color
    assert color is not None
    near = color.downgrade(ColorSystem.STANDARD)
    assert near != Color.parse("black") and near.number not in (0, 7, 8, 15, None)
    assert contrast(near.get_truecolor(XTERM), BLACK) >= LEAST


def test_the_sixteen_themselves_are_not() -> None:
    """Why they are not taken."""
    for name, background in (("blue", BLACK), ("green", WHITE), ("yellow", WHITE), ("cyan", WHITE)):
        assert contrast(Color.parse(name).get_truecolor(XTERM), background) < LEAST
