"""The tree on the screen: it draws the rows that are in sight and no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from h5s3.browse.look import Look
from h5s3.browse.places.outline import Outline
from h5s3.browse.places.rows import Row
from h5s3.render.columns import Line
from h5s3.render.screen.rows import INDENT, note_line, row_line
from h5s3.render.screen.segments import drawn_line

SIGN = "  "  # of a row that cannot be opened
NEAR = 200  # rows from one that stands for more, when these are fetched


class OutlineView(ScrollView, can_focus=True):
    """The rows of an outline, with a cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"outline--cursor", "outline--behind"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home", "move_to(0)", show=False),
        Binding("end,G", "move_to(-1)", show=False),
        Binding("right,l,enter,ctrl+j", "open", show=False),
        Binding("left,h", "close", show=False),
        Binding("backspace", "parent", show=False),
        Binding("n", "sibling(1)", show=False),
        Binding("p", "sibling(-1)", show=False),
    ]

    class Moved(Message):
        """The cursor is at another row."""

    class Leaving(Message):
        """What holds the first row is to be shown."""

    class Opening(Message):
        """A row is to be opened, or, of an array, to be looked at."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    class Wanted(Message):
        """Rows are in sight, or nearly, that were not fetched."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    def __init__(self, outline: Outline, look: Look) -> None:
        super().__init__(id="tree")
        self.outline, self.look_ = outline, look
        self.cursor = 0
        self.direction = 1  # in which the cursor moved last
        self.goes_on: Row | None = None  # to the first row below this one, once it is there
        self.to_end = False  # the cursor goes to the last row, also to those that come later
        self._told = outline.top
        self._pushed: tuple[Row, Row] | None = None  # where the cursor was before a filter, and where it is

    @property
    def row(self) -> Row:
        """The row under the cursor."""
        shown = self.outline.shown
        return shown[min(self.cursor, len(shown) - 1)] if shown else self.outline.top

    def row_beside(self, by: int) -> Row | None:
        """The row before or after the one under the cursor, of which it is known what it is."""
        place, shown = self.cursor + by, self.outline.shown
        row = shown[place] if 0 <= place < len(shown) else None
        return None if row is None or row.note or not row.item.known else row

    def show_outline(self, outline: Outline, cursor: int = 0) -> None:
        """Show another outline."""
        self.outline = outline
        self.rows_changed()
        self.move_to(cursor)

    def rows_changed(self) -> None:
        """Draw anew, the cursor at the row where it was."""
        self.virtual_size = Size(self.size.width, len(self.outline.shown))
        self.cursor = max(0, min(self.cursor, len(self.outline.shown) - 1))
        self._want_more()
        self.refresh()
        self._tell()

    def keep_at(self, row: Row) -> None:
        """Draw anew, with the cursor at a row, or at the nearest one above it that is shown."""
        at: Row | None = row
        while at is not None and (place := self.outline.place(at)) is None:
            at = at.parent
        self.cursor = place if at is not None and place is not None else 0
        self.rows_changed()
        self._scroll_to_cursor()

    def show_only(self, text: str) -> None:
        """Show only names with a text, or all. A cursor that had to leave its row for that goes back to it,
        once it is shown again, unless it was moved."""
        row = self.row
        if self._pushed is not None and self._pushed[1] is row:
            row = self._pushed[0]
        self.outline.filter = text
        self.outline.refresh()
        self.keep_at(row)
        self._pushed = None if self.row is row else (row, self.row)

    def move_to(self, place: int) -> None:
        """Put the cursor at a row by its number."""
        self.to_end, self.goes_on = False, None
        self.direction = -1 if place < self.cursor else 1 if place > self.cursor else self.direction
        self.cursor = max(0, min(place, len(self.outline.shown) - 1))
        self._scroll_to_cursor()
        self._want_more()
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        """Say that the cursor is at another row."""
        if self.row is not self._told:
            self._told = self.row
            self.post_message(self.Moved())

    def _scroll_to_cursor(self) -> None:
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True, x_axis=False)

    def _want_more(self) -> None:
        """Ask for rows near the cursor and near what is in sight; for none above it, which would push it
        down without end. Of those in sight ask what they are."""
        sight, height = int(self.scroll_offset.y), self.size.height
        for low, high in ((self.cursor, self.cursor + NEAR), (sight, sight + height + NEAR)):
            row = self.outline.wanting(max(low, self.cursor), high)
            if row is not None:
                self.post_message(self.Wanted(row))
                break
        if (row := next(self.unknown(), None)) is not None:
            self.post_message(self.Wanted(row))

    def unknown(self) -> Iterator[Row]:
        """Rows in sight of which only the names are known."""
        sight = int(self.scroll_offset.y)
        seen = self.outline.shown[sight : sight + self.size.height]
        return (row for row in seen if not row.note and not row.item.known)

    def show_below(self, row: Row) -> None:
        """Have the rows below the one under the cursor in sight, as many as there is room for beside it."""
        if self.row is row:
            height = min(1 + row.shown_below, max(1, self.size.height))
            self.scroll_to_region(Region(0, self.cursor, 1, height), animate=False, force=True, x_axis=False)

    def show_around(self) -> None:
        """Have some rows before and after the cursor in sight."""
        around = Region(0, self.cursor, 1, 1).grow((self.size.height // 4, 0, self.size.height // 3, 0))
        self.scroll_to_region(around, animate=False, force=True, x_axis=False)

    # ------------------------------------------------------------------------------------ keys

    def action_move(self, by: int) -> None:
        """Up or down."""
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """A screen up or down."""
        self.move_to(self.cursor + by * max(1, self.size.height - 1))

    def action_move_to(self, place: int) -> None:
        """To the first or the last row."""
        self.move_to(place if place >= 0 else len(self.outline.shown) - 1)
        self.to_end = place < 0

    def action_open(self) -> None:
        """Open the row; of an open one go to the first below it."""
        row = self.row
        if row.state == "open" and row.opens and row.rows:
            self.action_move(1)
        elif row.state == "waiting":
            self.goes_on = row
        else:
            self.post_message(self.Opening(row))

    def went_on(self, row: Row) -> None:
        """Children of a row are there: go to the first one, if a key wished it before."""
        if self.goes_on is row is self.row:
            self.action_open()
        self.goes_on = None

    def action_close(self) -> None:
        """Close the row, or go to the one that holds it."""
        row = self.row
        if row.state != "closed" and not row.note and row.parent is not None:
            self.outline.close(row)
            self.keep_at(row)
        else:
            self.action_parent()

    def action_parent(self) -> None:
        """Go to the row that holds this one."""
        if self.row.parent is not None:
            self.go(self.row.parent)
        else:
            self.post_message(self.Leaving())

    def action_sibling(self, by: int) -> None:
        """Go to the next or the previous row of the same parent."""
        row = self.row
        if row.parent is None:
            return
        at = row.number + by
        if not row.note and 0 <= at < row.parent.rows.total:
            self.go(row.parent.rows[at])

    def go(self, row: Row) -> None:
        """Put the cursor at a row."""
        place = self.outline.place(row)
        if place is not None:
            self.move_to(place)

    # ------------------------------------------------------------------------------------ mouse and drawing

    def on_click(self, event: Click) -> None:
        """Go to the row; clicked on twice, or on its sign, open or close it."""
        place = int(event.y + self.scroll_offset.y)
        if place >= len(self.outline.shown):
            return
        self.move_to(place)
        sign = INDENT * self.row.depth
        on_sign = self.row.opens and sign <= event.x < sign + len(SIGN)
        if on_sign or event.chain % 2 == 0:
            self.action_close() if self.row.state == "open" else self.action_open()

    def on_resize(self, event: Resize) -> None:
        """The rows have another width."""
        self.rows_changed()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are in sight."""
        super().watch_scroll_y(old_value, new_value)
        self._want_more()

    def render_line(self, y: int) -> Strip:
        """One row."""
        place = int(self.scroll_offset.y) + y
        width = self.size.width
        room = self.scrollable_content_region.width  # without the scroll bar, which hides what is there
        if place >= len(self.outline.shown):
            return Strip.blank(width, self.rich_style)
        row = self.outline.shown[place]
        if place != self.cursor:
            return Strip(drawn_line(self._line(row, room))).adjust_cell_length(width)
        plain: Line = [(text, "") for text, _ in self._line(row, room)]  # colours would be bars
        name = "outline--cursor" if self.has_focus else "outline--behind"
        strip = Strip(drawn_line(plain)).adjust_cell_length(width)
        return strip.apply_style(self.get_component_rich_style(name))

    def _line(self, row: Row, width: int) -> Line:
        if row.note:
            return note_line(row.note, row.depth)
        opened, closed = ("▾ ", "▸ ") if self.look_.unicode else ("- ", "+ ")
        item = row.item
        opens = row.opens and item.known
        sign = SIGN if not opens else closed if row.state == "closed" else opened
        return row_line(
            item.name, item.word, row.depth, sign, item.node or item.entry, width, self.look_.symbols
        )
