"""What is drawn for a place of the screen, and drawn again where it becomes larger or smaller."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from h5s3.render.columns import Line, width_of
from h5s3.render.plots.canvas import Canvas
from h5s3.render.screen.segments import Drawn, drawn_line, drawn_lines

BAR = 1  # column of the bar beside what is scrolled
SHARE = 0.25  # of what is drawn, by which it is moved


@dataclass(frozen=True)
class Pictured:
    """Lines that show a plot, and where its values are in them."""

    lines: Drawn
    canvas: Canvas | None


Draw = Callable[[int, int], Drawn | Pictured]  # width, height
Marks = dict[tuple[int, int], tuple[str, str]]  # characters and styles, by column and line


class Pointing(Protocol):
    """A cursor in what is drawn. What moves it tells whether there is one."""

    def move(self, right: int, down: int) -> bool:
        """So many cells on."""

    def page(self, by: int) -> bool:
        """Many cells on."""

    def end(self, last: bool) -> bool:
        """To an end."""

    def put(self, x: int, y: int) -> None:
        """To a place."""

    def renew(self) -> None:
        """The drawing has another size."""

    def marks(self, canvas: Canvas) -> Marks:
        """What shows where it is."""


def folded(make: Callable[[int], list[Line]]) -> Draw:
    """Draws lines that are made for a width, folded to it."""
    return lambda width, height: drawn_lines(make(width), width)


def drawn_words(*texts: str) -> Draw:
    """Draws sentences."""
    return folded(lambda width: [[(text, "faint")] for text in texts])


class Drawing(ScrollView, can_focus=True):
    """Lines that can be scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(0, -1)", show=False),
        Binding("down,j", "go(0, 1)", show=False),
        Binding("left,h", "go(-1, 0)", show=False),
        Binding("right", "go(1, 0)", show=False),
        Binding("shift+up,K", "go(0, -1, 10)", show=False),
        Binding("shift+down,J", "go(0, 1, 10)", show=False),
        Binding("shift+left,H", "go(-1, 0, 10)", show=False),
        Binding("shift+right,L", "go(1, 0, 10)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home", "end(False)", show=False),
        Binding("end,G", "end(True)", show=False),
    ]

    def __init__(self, id: str, pan: Callable[[float, float], bool] = lambda right, down: False) -> None:
        """`pan` moves what is drawn by shares of itself, where it can be moved."""
        super().__init__(id=id)
        self._pan = pan
        self._draw: Draw = lambda width, height: []
        self._drawn: list[Strip] = []
        self.canvas: Canvas | None = None  # of the plot that is drawn, if one is
        self.cursor: Pointing | None = None
        self._marks: Marks = {}

    def show_drawn(self, draw: Draw, stay: bool = False) -> None:
        """Draw this from now on. `stay`: where it was scrolled to."""
        self._draw = draw
        self._redraw()
        if not stay:
            self.scroll_home(animate=False, force=True)

    def action_go(self, right: int, down: int, fast: int = 1) -> None:
        """Move the cursor, or what is drawn, or scroll."""
        if self.cursor is not None and self.cursor.move(right * fast, down * fast):
            return
        if not self._pan(right * SHARE, down * SHARE):
            self.scroll_relative(x=right * 4, y=down, animate=False)

    def action_page(self, by: int) -> None:
        """Move the cursor far, or scroll a screen."""
        if self.cursor is None or not self.cursor.page(by):
            self.scroll_relative(y=by * self.size.height, animate=False)

    def action_end(self, last: bool) -> None:
        """Move the cursor to the end, or scroll there."""
        if self.cursor is not None and self.cursor.end(last):
            return
        if last:
            self.scroll_end(animate=False)
        else:
            self.scroll_home(animate=False)

    def on_click(self, event: Click) -> None:
        """Put the cursor there."""
        if self.cursor is not None:
            x, y = (int(part) for part in self.scroll_offset)
            self.cursor.put(event.x + x, event.y + y)

    def _redraw(self) -> None:
        width, height = self.size.width, self.size.height
        made = self._lines(width, height) if width and height else []
        if isinstance(made, list) and len(made) > height > 0 and width > BAR:
            made = self._lines(width - BAR, height)
        self.canvas = made.canvas if isinstance(made, Pictured) else None
        self._drawn = [Strip(line) for line in (made.lines if isinstance(made, Pictured) else made)]
        wide = max((strip.cell_length for strip in self._drawn), default=0)
        self.virtual_size = Size(max(wide, 1), len(self._drawn))
        self.refresh()

    def _lines(self, width: int, height: int) -> Drawn | Pictured:
        try:
            return self._draw(width, height)
        except (Exception, MemoryError) as error:  # of one answer: all else is to go on
            logging.getLogger("h5s3").debug("internal error", exc_info=error)
            return drawn_lines([[(f"cannot be drawn ({type(error).__name__})", "bad")]], width)

    def on_resize(self, event: Resize) -> None:
        """There is more room, or less."""
        self._redraw()
        if self.cursor is not None:
            self.cursor.renew()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines in sight, with the cursor as it is now."""
        there = self.cursor is not None and self.canvas is not None
        self._marks = self.cursor.marks(self.canvas) if there and self.cursor and self.canvas else {}
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line."""
        x, top = (int(part) for part in self.scroll_offset)
        width = self.size.width
        if top + y >= len(self._drawn):
            return Strip.blank(width, self.rich_style)
        strip = self._drawn[top + y]
        for (column, line), (text, style) in self._marks.items():
            if line == top + y:
                strip = _marked(strip, column, text, style)
        return strip.crop_extend(x, x + width, self.rich_style)


def _marked(strip: Strip, column: int, text: str, style: str) -> Strip:
    """A line with a character in one of its cells. In the style `under` only where the cell is empty."""
    strip = strip.extend_cell_length(column + 1)
    before, cell, after = strip.divide([column, column + 1, max(column + 1, strip.cell_length)])
    if style == "under":
        if cell.text.strip(" \N{BRAILLE PATTERN BLANK}"):
            return strip
        style = "dim"
    return Strip.join([before, Strip(drawn_line([(text, style)])), after])


class Bar(Widget):
    """One line, made for the width that it has. `clicked` is told which part of it was clicked on."""

    def __init__(
        self, id: str, make: Callable[[int], Line], clicked: Callable[[Line, int], object] | None = None
    ) -> None:
        super().__init__(id=id)
        self._make, self._clicked = make, clicked

    def on_click(self, event: Click) -> None:
        """Tell which part it was."""
        at = event.get_content_offset(self)
        line, end = self._make(self.size.width), 0
        for number, part in enumerate(line):
            end += width_of([part])
            if at is not None and at.x < end:
                if self._clicked is not None:
                    self._clicked(line, number)
                return

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        return Strip(drawn_line(self._make(width))).crop_extend(0, width, self.rich_style)
