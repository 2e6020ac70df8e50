"""How things are drawn on this terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.filter import LineFilter

from h5s3.render.console import Symbols
from h5s3.render.plots.plot_layout import Color
from h5s3.render.screen.ascii import ascii_segments

if TYPE_CHECKING:
    from textual.app import App


class Ascii(LineFilter):
    """Draws nothing but ASCII, for terminals that have no other characters."""

    def apply(self, segments: list[Any], background: object) -> list[Any]:
        """The pieces of a line."""
        return ascii_segments(segments)


ASCII = Ascii()


@dataclass(frozen=True)
class Look:
    """The colours of plots (none: characters), and which characters there are."""

    color: Color
    unicode: bool

    @property
    def symbols(self) -> Symbols:
        """Branches, arrows and the like."""
        if self.unicode:
            return Symbols("├── ", "└── ", "│   ", "→", " × ")
        return Symbols("|-- ", "`-- ", "|   ", "->", " x ")

    @property
    def filters(self) -> list[LineFilter]:
        """What changes every line before it is shown."""
        return [] if self.unicode else [ASCII]


def look_of(app: App[int], unicode: bool) -> Look:
    """As the terminal is, and NO_COLOR wishes."""
    system = app.console.color_system
    if app.no_color or system not in ("truecolor", "256"):
        return Look("", unicode)
    return Look("truecolor" if system == "truecolor" else "256", unicode)
