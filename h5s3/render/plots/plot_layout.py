"""The page of a plot: its size and style, the frame that plotext draws, and the text around it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

from h5s3.render.plots.axes import Axis
from h5s3.render.plots.colors import Color

SMALLEST_WIDTH, SMALLEST_HEIGHT = 24, 8
_TO_ASCII = str.maketrans(
    {"─": "-", "│": "|", "└": "+", "┤": "|", "┬": "+"}  # what the frame consists of
    | {"×": "x", "·": ".", "…": "~", "–": "-", "—": "-", "−": "-", "µ": "u", "μ": "u", "°": "deg", "Ω": "Ohm"}
    | {"≤": "<=", "≥": ">=", "²": "2", "³": "3", "ß": "ss", "’": "'", "“": '"', "”": '"'}
)


def to_ascii(text: str) -> str:
    """The text with nothing but ASCII: letters without accents, `?` for what has no likeness."""
    if text.isascii():
        return text
    bare = unicodedata.normalize("NFKD", text.translate(_TO_ASCII))
    bare = "".join(char for char in bare if not unicodedata.combining(char)).translate(_TO_ASCII)
    return bare.encode("ascii", "replace").decode()


@dataclass(frozen=True)
class Page:
    """What is the same for every plot: its size, its style and its title."""

    width: int
    height: int
    color: Color
    unicode: bool
    title: str

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


def frame(columns: int, rows: int, x: Axis, y: Axis, draw: Callable[[Any], None] | None = None) -> list[str]:
    """A canvas with a y axis at its left and an x axis below; ticks are in cells from the lower left.

    `draw` gets the plotext figure, whose coordinates are cells as well. The canvas takes the first `rows`
    lines, each from column `y.label_width() + 1`.
    """
    import plotext

    # A figure and a terminal of our own: the global ones stay as they are, and no terminal limits the size.
    terminal = type(plotext.terminal)().limit(False, False)
    figure = type(plotext.figure)(parent=terminal).theme("colorless")
    width = columns + y.label_width() + 1
    figure.plot_size(width, rows + 2)
    figure.axes(False, axis="x", side="upper").axes(False, axis="y", side="right")
    for name, ticks, size in (("x", x.ticks, columns), ("y", y.ticks, rows)):
        at = {min(int(place), size - 1): text for place, text in ticks}  # one tick per cell
        ruler = figure.ruler(name).lim(0, size).alignment(lim="edge")
        ruler.ticks([cell + 0.5 for cell in at], list(at.values()))
    if draw:
        draw(figure)
    lines: list[str] = figure.build().string(colorless=True).splitlines()
    # a character of two cells in a tick's text at the edge is one too many for plotext
    return [set_cell_size(line, width) if cell_len(line) > width else line for line in lines]
