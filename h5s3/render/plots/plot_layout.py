"""The layout of a plot: its size and style, and the text around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len, set_cell_size
from rich.console import Console

from h5s3.render.console import can_show_unicode
from h5s3.render.text import to_ascii

Color = Literal["", "256", "truecolor"]
"""The colours of a terminal; where there are none, characters take their place."""

SMALLEST_WIDTH, SMALLEST_HEIGHT = 24, 8


def style_of(console: Console) -> tuple[Color, bool]:
    """The colours that a plot may have, and whether its characters may be more than ASCII.

    Where there are but 16 colours, which every theme has its own idea of, characters say more.
    """
    if not console.is_terminal or console.no_color or console.color_system is None:
        return "", False
    color: Color = "truecolor" if console.color_system == "truecolor" else ""
    return "256" if console.color_system == "256" else color, can_show_unicode()


@dataclass(frozen=True)
class PlotLayout:
    """What is the same for every plot: its size, its style and its title."""

    width: int
    height: int
    color: Color
    unicode: bool
    title: str
    palette: str = "viridis"  # of `colors.PALETTES`

    def too_small(self) -> bool:
        """Whether there is no room for a canvas within axes."""
        return self.width < SMALLEST_WIDTH or self.height < SMALLEST_HEIGHT

    def text(self, text: str) -> str:
        """A title or label on one line, with the characters that may be used."""
        text = " ".join(text.split())
        return text if self.unicode else to_ascii(text)

    def header(self, label: str) -> list[str]:
        """The title in the middle and the y label above its axis: on one line if both fit there."""
        title, label = self.text(self.title), self.text(label)
        start = (self.width - cell_len(title)) // 2
        if title and label and start >= cell_len(label) + 3:
            return [label + " " * (start - cell_len(label)) + title]
        title = self.cut(title, self.width)
        lines = [" " * ((self.width - cell_len(title)) // 2) + title, self.cut(label, self.width)]
        lines = [text for text in lines if text.strip()]
        return lines[: 2 if self.height >= SMALLEST_HEIGHT + 2 else 1]

    def footer(self, label: str, note: str, left: int, columns: int = 0) -> list[str]:
        """The x label below the middle of the canvas, which starts at `left`, and a note at the right."""
        if not label and not note:
            return []
        reserved = len(note) + 3 if note else 0
        label = self.cut(self.text(label), self.width - left - reserved)
        middle = left + ((columns or self.width - left) - cell_len(label)) // 2
        text = " " * max(left, min(middle, self.width - reserved - cell_len(label))) + label
        return [self.cut(text + note.rjust(self.width - cell_len(text)), self.width)]

    def nothing(self, reason: str) -> str:
        """The title and a sentence, where there is nothing to draw."""
        lines = [self.cut(self.text(text), self.width) for text in (self.title, reason) if text]
        return self.joined(lines[-self.height :])

    def joined(self, lines: Iterable[str]) -> str:
        """The plot as one string."""
        text = "\n".join(line.rstrip(" ") for line in lines)
        return text if self.unicode else to_ascii(text)

    def cut(self, text: str, width: int) -> str:
        """The text in at most so many cells, with a sign that there was more."""
        if cell_len(text) <= width:
            return text
        end = "…" if self.unicode else "~"
        return set_cell_size(text, width - 1) + end if width > 0 else ""
