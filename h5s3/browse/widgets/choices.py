"""What may follow what is being typed: a few lines above it, one of the names chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.events import Click
from textual.strip import Strip
from textual.widget import Widget

from h5s3.browse.places.fitting import Fitting
from h5s3.render.columns import Line, width_of
from h5s3.render.screen.segments import drawn_line
from h5s3.render.text import safe

LONGEST = 10_000  # characters of what may be typed
ROWS = 5  # lines of names
WIDEST = 38  # columns of a name, if it is one of several


class Choices(Widget):
    """Names in columns, by lines. `chosen`: the number of one, or none."""

    COMPONENT_CLASSES = {"choices--chosen"}

    def __init__(self, clicked: Callable[[int], object]) -> None:
        """`clicked` is told how many steps it is from the name that is chosen to one that was clicked on."""
        super().__init__(id="choices")
        self._clicked = clicked
        self.display = False
        self.texts: Sequence[str] = ()
        self.chosen: int | None = None
        self._names: list[str] = []
        self._more = ""

    def show_choices(self, found: Fitting) -> None:
        """Show what may follow. Names that cannot be typed, as they are no text to be seen, are left out."""
        pairs = zip(found.texts, found.names, strict=True)
        plain = [(text, name) for text, name in pairs if safe(text, LONGEST) == text]
        self.texts, self.chosen = [text for text, _ in plain], None
        self._names = [safe(name, 300) for _, name in plain]
        self._more = "" if found.complete else " and more"
        self.display = bool(plain)
        self._fit()

    def choose(self, by: int) -> str | None:
        """The next text, or the one before; None where there is none."""
        if not self.texts:
            return None
        at = (-1 if by > 0 else 0) if self.chosen is None else self.chosen
        self.chosen = (at + by) % len(self.texts)
        self.refresh()
        return self.texts[self.chosen]

    def _grid(self, width: int) -> tuple[int, int]:
        """How many columns there are, and how wide they are."""
        longest = max((width_of([(name, "")]) for name in self._names), default=1)
        wide = min(longest + 2, WIDEST, max(1, width))
        return max(1, width // wide), wide

    def _fit(self) -> None:
        width = max(1, self.app.size.width - 2)
        columns, _ = self._grid(width)
        lines = -(-len(self._names) // columns)
        self.styles.height = lines if lines <= ROWS else ROWS + 1
        self.refresh(layout=True)

    def on_click(self, event: Click) -> None:
        """Choose the name."""
        at = event.get_content_offset(self)
        columns, wide = self._grid(self.size.width)
        if at is not None and at.y < ROWS:
            before = -1 if self.chosen is None else self.chosen
            number = self._first(columns) + at.y * columns + min(at.x // wide, columns - 1)
            if number < len(self._names):
                self._clicked(number - before)

    def _first(self, columns: int) -> int:
        """The number of the first name in sight."""
        return (self.chosen or 0) // (columns * ROWS) * columns * ROWS

    def on_resize(self) -> None:
        """There is more room, or less."""
        if self.display:
            self._fit()

    def render_line(self, y: int) -> Strip:
        """One line of names; the last one says of how many, where there are more than can be seen."""
        width = self.size.width
        columns, wide = self._grid(width)
        each, first = columns * ROWS, self._first(columns)
        if y >= ROWS:
            seen = (
                f"{first + 1:,}-{min(first + each, len(self._names)):,} of {len(self._names):,}{self._more}"
            )
            return Strip(drawn_line([(seen, "faint")])).adjust_cell_length(width)
        strips = [self._cell(first + y * columns + column, wide) for column in range(columns)]
        return Strip.join(strips).adjust_cell_length(width)

    def _cell(self, number: int, wide: int) -> Strip:
        if number >= len(self._names):
            return Strip.blank(wide)
        name = self._names[number]
        line: Line = [(name, "" if number == self.chosen else "faint")]
        strip = Strip(drawn_line(line))
        if strip.cell_length > wide - 2:
            strip = Strip.join([strip.crop(0, max(0, wide - 3)), Strip(drawn_line([("…", "faint")]))])
        strip = strip.adjust_cell_length(max(1, wide - 2))
        if number == self.chosen:
            strip = strip.apply_style(self.get_component_rich_style("choices--chosen"))
        return Strip.join([strip, Strip.blank(min(2, wide))])
