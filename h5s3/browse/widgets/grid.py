"""A table that is scrolled through in both directions: what is in sight is fetched, tile by tile."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from h5s3.browse.lanes import Lanes, Question
from h5s3.browse.widgets.shown import Shown, digits_at, names_in, word_of
from h5s3.errors import H5s3Error, NoValuesError
from h5s3.explore.preview.window import WindowRequest, window
from h5s3.explore.session import Session
from h5s3.formats.selection import text_of_selection
from h5s3.records import Json, Window
from h5s3.render.columns import Line, width_of
from h5s3.render.screen.cells import (
    ALONE,
    GAP,
    WIDEST,
    aligned,
    exact_text,
    label_width,
    slice_line,
    table_line,
    value_cell,
)
from h5s3.render.screen.failures import error_text
from h5s3.render.screen.segments import drawn_line, drawn_lines
from h5s3.render.text import safe
from h5s3.render.value_text import standing_text

ROWS = 128  # of a tile
HELD = 64  # tiles
LEAST = 3  # cells of a column
LABEL = 20  # of a coordinate, at most
Tile = tuple[int, int]


class Grid(Widget, can_focus=True):
    """Rows and columns around a cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1, 0)", show=False),
        Binding("down,j", "go(1, 0)", show=False),
        Binding("left,h", "go(0, -1)", show=False),
        Binding("right", "go(0, 1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home", "end(0)", show=False),
        Binding("end,G", "end(1)", show=False),
        Binding("ctrl+home", "corner(0)", show=False),
        Binding("ctrl+end", "corner(1)", show=False),
    ]

    class At(Message):
        """The cursor is at a value."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Refused(Message):
        """What is to be shown has no values."""

        def __init__(self, shown: Shown) -> None:
            super().__init__()
            self.shown = shown

    def __init__(self, lanes: Callable[[], Lanes], unicode: bool) -> None:
        super().__init__(id="table")
        self._lanes, self._unicode = lanes, unicode
        self.shown: Shown | None = None
        self._forget()

    def _forget(self) -> None:
        self._tiles: OrderedDict[Tile, Window] = OrderedDict()
        self._wanted: dict[Tile, Hashable] = {}
        self._known: Window | None = None  # any tile: it tells how many rows and columns there are
        self._problem = ""
        self._widths: dict[int, int] = {}
        self._label_width = 0  # cells of the coordinates of rows
        self.row = self.column = self._top = self._left = 0
        self._to_end = False  # a key came before it was known where that is

    def show_table(self, shown: Shown | None) -> None:
        """Show another array, or the same at other indices, where the cursor was."""
        if shown == self.shown and not self._problem:
            return
        same, known = shown is not None and shown.like(self.shown, self.shape), self._known
        place = (self.row, self.column, self._top, self._left) if same else (0, 0, 0, 0)
        self.drop()
        self._forget()
        self.row, self.column, self._top, self._left = place
        self._known = known if same else None
        self.shown = shown
        self._want()
        self.refresh()

    def drop(self) -> None:
        """Nothing more is wanted."""
        for tile in list(self._wanted):
            self._lanes().drop(_group(tile))
        self._wanted.clear()

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the array, where it is known."""
        shape = self._known.shape if self._known else None
        return None if shape is None else tuple(shape)

    @property
    def known(self) -> Window | None:
        """Any part of it that was read."""
        return self._known

    @property
    def num_rows(self) -> int:
        """Rows of the array."""
        return self._known.num_rows if self._known else 1

    @property
    def num_columns(self) -> int:
        """Columns of the array."""
        return self._known.num_columns if self._known else 1

    @property
    def busy(self) -> bool:
        """Whether tiles are to come."""
        return bool(self._wanted)

    @property
    def _span(self) -> int:
        return 1 if self.shown is None else self.shown.span

    def value(self, row: int, column: int) -> tuple[bool, Json, str | None]:
        """Whether a value is here, which, and what it stands for where it is null."""
        tile = self._tiles.get((row // ROWS, column // self._span))
        try:
            found = tile.table.rows[row % ROWS][column % self._span] if tile else None
        except IndexError:
            return False, None, None
        return tile is not None, found, word_of(tile, row % ROWS, column % self._span)

    def _digits(self, row: int, column: int) -> str:
        tile = self._tiles.get((row // ROWS, column // self._span))
        return "" if tile is None else digits_at(tile, column % self._span)

    # ------------------------------------------------------------------------------------ fetching

    def _want(self) -> None:
        """Ask for the tiles in sight, and in idle time for the one below; drop what is out of sight."""
        if self.shown is None or self._problem:
            return
        rows = range(self._top // ROWS, min(self._top + self._lines(), self.num_rows - 1) // ROWS + 1)
        last = max(self._left, *(self._columns_in_sight() or [0]))
        columns = range(self._left // self._span, last // self._span + 1)
        wanted = [(row, column) for row in rows for column in columns]
        for tile in [one for one in self._wanted if one not in wanted]:
            self._lanes().drop(_group(tile))
            del self._wanted[tile]
        for tile in wanted:
            if tile not in self._tiles and tile not in self._wanted:
                self._ask(tile, idle=False)
        below = (rows.stop, self._left // self._span)
        if not self._wanted and self._known and below[0] * ROWS < self.num_rows and below not in self._tiles:
            self._ask(below, idle=True)

    def _ask(self, tile: Tile, idle: bool) -> None:
        shown = self.shown
        assert shown is not None
        row, column = tile
        known = self._known
        asked = WindowRequest(
            shown.path,
            rows=(row * ROWS, (row + 1) * ROWS),
            columns=(column * shown.span, (column + 1) * shown.span),
            selection=None if shown.selection is None else text_of_selection(shown.selection),
            raw=shown.raw,
            counted=() if known is None else tuple(known.counted),
            version=None if known is None else known.version,
        )

        def work(session: Session) -> Window:
            return window(session, shown.location, asked)

        def done(found: Window) -> None:
            self._wanted.pop(tile, None)
            if self.shown == shown:
                self._take(tile, found)

        def failed(error: H5s3Error) -> None:
            self._wanted.pop(tile, None)
            if self.shown == shown and not idle:
                self._problem = error_text(error, place=True)
                if isinstance(error, NoValuesError):
                    self.post_message(self.Refused(shown))
                self.refresh()

        if not idle:
            self._wanted[tile] = shown
        self._lanes().ask(Question(_group(tile), f"rows of {shown.path}", work, done, failed, idle))

    def _take(self, tile: Tile, found: Window) -> None:
        known = self._known
        if known is not None and known.version != found.version:
            self._tiles.clear()  # they are of another version, in which rows have other numbers
        elif known is not None and len(known.counted) > len(found.counted):
            found.num_rows, found.shape, found.more = known.num_rows, known.shape, known.more
            found.counted = known.counted  # by an answer that was asked for later
        self._tiles[tile] = self._known = found
        while len(self._tiles) > HELD:
            self._tiles.popitem(last=False)
        most = ALONE if found.num_columns == 1 else WIDEST
        if isinstance(values := found.table.row_coordinates, list):
            wide = label_width(values, LABEL, safe(str(found.table.row_axis or ""), LABEL))
            self._label_width = max(self._label_width, wide)
        for at in range(min(self._span, found.num_columns - tile[1] * self._span)):
            rows = enumerate(found.table.rows)
            texts = [value_cell(one[at], most, word_of(found, row, at)) for row, one in rows if at < len(one)]
            column = tile[1] * self._span + at
            texts += [self._heading_of(column), self._coordinate(column)]
            self._widths[column] = max(LEAST, self._widths.get(column, 0), *map(_wide, texts))
        ended, self._to_end = self._to_end, False
        self._move_to(self.num_rows - 1 if ended else self.row, self.column)

    # ------------------------------------------------------------------------------------ moving

    def _move_to(self, row: int, column: int) -> None:
        """Put the cursor at a value, and have it in sight."""
        self.row = max(0, min(row, self.num_rows - 1))
        self.column = max(0, min(column, self.num_columns - 1))
        lines = self._lines()
        self._top = max(0, min(self._top, self.row, self.num_rows - 1), self.row - lines + 1)
        self._left = max(min(self._left, self.column), self._leftmost(self.column))
        self._want()
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        there, value, word = self.value(self.row, self.column)
        if there and self._known is not None:
            units = f" {safe(self._known.units, 30)}" if self._known.units and value is not None else ""
            sliced = (self._known.row_start, self._known.row_step) != (0, 1)
            of = "?" if self._known.more else f"{self.num_rows:,}"
            place = f"row {self._row_number(self.row):,}" + (f" of {of}" if not sliced else "")
            if self.num_columns > 1:
                place += (
                    f", {self._heading_of(self.column)}"
                    if names_in(self._known)
                    else f", column {self._column_number(self.column):,}"
                )
            if self._known.more and self.row == self.num_rows - 1:
                place += ", the last one counted so far: End goes on"
            place = "" if self.shape == () else f"   {place}"
            self.post_message(
                self.At(f"{exact_text(value, word, self._digits(self.row, self.column))}{units}{place}")
            )

    def action_go(self, down: int, right: int) -> None:
        """To the next value."""
        self._move_to(self.row + down, self.column + right)

    def action_page(self, by: int) -> None:
        """A screen up or down."""
        self._top = max(0, min(self._top + by * self._lines(), self.num_rows - 1))
        self._move_to(self.row + by * self._lines(), self.column)

    def action_end(self, last: int) -> None:
        """To the first or the last row."""
        self._to_end = bool(last) and self._known is None
        self._move_to((self.num_rows - 1) * last, self.column)

    def action_corner(self, last: int) -> None:
        """To the first or the last value of the row."""
        self._left = 0 if not last else self._left
        self._move_to(self.row, (self.num_columns - 1) * last)

    def go_to_column(self, column: int) -> None:
        """Put the cursor into a column."""
        self._move_to(self.row, column)

    def on_resize(self, event: Resize) -> None:
        """There is more room, or less."""
        self._move_to(self.row, self.column)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Three rows on."""
        self.action_go(3, 0)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Three rows back."""
        self.action_go(-3, 0)

    def on_click(self, event: Click) -> None:
        """To the value under the mouse."""
        at, x = self._wide() + GAP, event.x
        for column in self._columns_in_sight():
            at += self._widths.get(column, LEAST) + GAP
            if x < at:
                return self._move_to(self._top + event.y - self._head(), column)

    # ------------------------------------------------------------------------------------ drawing

    def _heading_of(self, column: int) -> str:
        if self._known is None or (self.num_columns == 1 and self._known.dtype != "table"):
            return ""
        names = names_in(self._known)
        return safe(names[column], WIDEST) if names else str(self._column_number(column))

    def _row_number(self, row: int) -> int:
        """The index of a row in the array."""
        return row if self._known is None else self._known.row_start + row * self._known.row_step

    def _column_number(self, column: int) -> int:
        return column if self._known is None else self._known.column_start + column * self._known.column_step

    def _coordinate(self, column: int) -> str:
        return self._of_tile("column", (self._top // ROWS, column // self._span), column % self._span)

    def _of_tile(self, kind: str, tile: Tile, at: int) -> str:
        found = self._tiles.get(tile)
        values = getattr(found.table, f"{kind}_coordinates", None) if found else None
        return value_cell(values[at], LABEL) if isinstance(values, list) and at < len(values) else ""

    def _has(self, kind: str) -> bool:
        return self._known is not None and isinstance(getattr(self._known.table, f"{kind}_coordinates"), list)

    def _head(self) -> int:
        """Lines above the values."""
        return 2 + self._has("column")

    def _lines(self) -> int:
        return max(1, self.size.height - self._head())

    def _labels(self, row: int) -> str:
        text = str(self._row_number(row))
        if self._has("row"):
            wide = len(str(self._row_number(self.num_rows - 1)))
            tile = (row // ROWS, self._left // self._span)
            label = aligned(self._of_tile("row", tile, row % ROWS), self._label_width, True)
            text = f"{text:>{wide}}  {label}"
        return text

    def _wide(self) -> int:
        """Cells before the values."""
        return len(str(self._row_number(max(0, self.num_rows - 1)))) + (
            2 + self._label_width if self._has("row") else 0
        )

    def _columns_in_sight(self) -> list[int]:
        found: list[int] = []
        room = self.size.width - self._wide()
        for column in range(self._left, self.num_columns):
            room -= self._widths.get(column, 8) + GAP
            if room < 0 and found:
                break
            found.append(column)
        return found

    def _leftmost(self, last: int) -> int:
        """The first column with which another one is in sight."""
        room = self.size.width - self._wide() - self._widths.get(last, 8) - GAP
        while last > 0 and room >= (wide := self._widths.get(last - 1, 8) + GAP):
            last, room = last - 1, room - wide
        return last

    def render_line(self, y: int) -> Strip:
        """One line: names, or a row."""
        if self._problem or self._known is None:
            text, style = (self._problem, "bad") if self._problem else ("…" if self.shown else "", "faint")
            folded = drawn_lines([[(text, style)]], self.size.width)
            strip = Strip(folded[y] if y < len(folded) else [])
            return strip.crop_extend(0, self.size.width, self.rich_style)
        row = self._top + y - self._head()
        columns = self._columns_in_sight()
        line: Line = []
        if y == 0:
            line = self._slice()
        elif y < self._head():
            line = self._heading(columns, y - 1)
        elif row < self.num_rows:
            line = self._row(columns, row)
        elif y == self._head():
            line = [("no values", "faint")]
        return Strip(drawn_line(line)).crop_extend(0, self.size.width, self.rich_style)

    def _slice(self) -> Line:
        """Which frame or slice is seen."""
        known = self._known
        if known is None:
            return []
        within = f"[{known.within}]" if known.shape is not None and known.dtype != "table" else known.within
        units = safe(known.units, 40)
        if known.more:
            units += f"  ? rows: {known.num_rows:,} counted so far"
        where = standing_text(known.at) if isinstance(known.at, dict) else ""
        return slice_line(known.path, within, where, units, self.size.width)

    def _heading(self, columns: list[int], y: int) -> Line:
        texts = [self._heading_of(column) if y == 0 else self._coordinate(column) for column in columns]
        axis = self._known.table.row_axis if self._known and y == self._head() - 2 else ""
        label = safe(axis, LABEL) if isinstance(axis, str) else ""
        widths = [self._widths.get(column, LEAST) for column in columns]
        cells = [((text, "faint"), wide, True) for text, wide in zip(texts, widths, strict=True)]
        return table_line((label, "faint"), self._wide(), cells)

    def _row(self, columns: list[int], row: int) -> Line:
        cells = []
        most = ALONE if self.num_columns == 1 else WIDEST
        for column in columns:
            there, value, word = self.value(row, column)
            text = value_cell(value, most, word) if there else "·" if self._unicode else "."
            at = (row, column) == (self.row, self.column)
            style = ("reverse" if self.has_focus else "bold underline") if at else "" if there else "faint"
            right = not isinstance(value, str | list | dict)
            cells.append(((text, style), self._widths.get(column, LEAST), right))
        return table_line((self._labels(row), "faint"), self._wide(), cells)


def _group(tile: Tile) -> str:
    return f"table {tile[0]},{tile[1]}"


def _wide(text: str) -> int:
    """Cells of the screen that a text takes: some characters take two."""
    return width_of([(text, "")])
