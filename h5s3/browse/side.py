"""The right side of the screen: panes, and how what is under the cursor is looked at in them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from h5s3.browse.answers import Answers
from h5s3.browse.cursor import Cursor, Drawn
from h5s3.browse.lanes import Lanes, Question
from h5s3.browse.look import Look
from h5s3.browse.panes import PANES, Asked, Pane, asked, drawn_entry, drawn_error, facts_alone
from h5s3.browse.places.items import Item
from h5s3.browse.view import View
from h5s3.browse.widgets.drawing import Bar, Drawing, drawn_words
from h5s3.browse.widgets.grid import Grid
from h5s3.browse.widgets.shown import Shown, names_in
from h5s3.errors import H5s3Error
from h5s3.formats.selection import parse_selection, whole
from h5s3.records import UNSET, Preview
from h5s3.render.columns import Line

WIDE = 60  # columns that have room for whole names of panes
PARTS = 3  # of the line with the names of panes, for each: number, name, gap
NO_PLOT = "3 shows the plot of an array"


class Side(Vertical):
    """The panes. `lanes`: who is asked. `say`: a line for the status. `filled` is called when
    there is time for other questions."""

    def __init__(
        self,
        item: Item,
        look: Look,
        lanes: Callable[[], Lanes],
        say: Callable[[str], None],
        filled: Callable[[], None],
    ) -> None:
        super().__init__(id="side")
        self.item = item
        self.pane: Pane = "meta"
        self.look_, self._lanes, self.tell, self._filled = look, lanes, say, filled
        self.answers = Answers()
        self.views: dict[Hashable, View] = {}
        self.found: Any = None  # the answer that is drawn
        self._shown: Hashable = None  # which that is
        self._seen: tuple[Hashable, Preview] | None = None  # the last plot, and of what it is
        self._asking = False  # for what is to be drawn
        self._without: Hashable = None  # which item has no values for a table
        self._later: list[Callable[[], object]] = []  # keys that wait for a plot
        self.drawing = Drawing("pane", self.pan)
        self.cursor = self.drawing.cursor = Cursor(self)
        self.grid = Grid(lanes, look.unicode)
        self.bar = Bar("panes", self._pane_names, lambda line, part: self.show_pane(part // PARTS + 1))

    def compose(self) -> ComposeResult:
        """Names, a drawing, a table."""
        yield self.bar
        yield self.drawing
        yield self.grid

    @property
    def front(self) -> Widget:
        """What is seen of the drawing and the table."""
        return self.grid if self._tabled else self.drawing

    @property
    def _focused(self) -> bool:
        return self.drawing.has_focus or self.grid.has_focus

    @property
    def _tabled(self) -> bool:
        return self.pane == "table" and self.item.inside and self.item.key != self._without

    @property
    def lanes(self) -> Lanes:
        """Who is asked."""
        return self._lanes()

    @property
    def path_of_values(self) -> str:
        """Of a table that of the column that is drawn."""
        last = self._last()
        if last is not None and last.dtype == "table" and last.plot is not None:
            return f"/{last.plot.label}" if last.plot.label is not UNSET else self.item.path
        return self.item.path

    @property
    def view(self) -> View:
        """How the array is looked at."""
        return self.views.get(self.item.key, View())

    # ------------------------------------------------------------------------------------ asking

    def show_item(self, item: Item) -> None:
        """Show what is known of an item."""
        if item.key != self.item.key:
            self._later.clear()
            self.cursor.forget()
        focused = self._focused
        self.item = item
        self.look()
        if focused:
            self.front.focus()

    def show_pane(self, number: int) -> None:
        """Show another pane."""
        focused = self._focused
        self.pane = PANES[number - 1]
        self._later.clear()
        self.cursor.leave()
        self.bar.refresh()
        self.look()
        if focused:
            self.front.focus()

    def again(self) -> None:
        """Ask anew."""
        self._seen = None
        self.answers.forget()
        self._shown = self._without = None
        self.grid.show_table(None)
        self.look()

    def look(self) -> None:
        """Fill the pane."""
        self.screen.set_class(self._tabled, "tabled")
        self.found, self._asking = None, False
        if self._tabled:
            self.lanes.drop("pane")
            self.grid.show_table(self._table)
            return
        self.grid.drop()
        question = self._question(self.view)
        if question is None:
            self.lanes.drop("pane")
            self._shown = None
            self._filled()
            self.drawing.show_drawn(drawn_entry(self.item, self.look_))
            return
        held = self.answers.get(question.key)
        if held is not None:
            self.lanes.drop("pane")
            self._fill(question, held)
            return
        if self._shown != (self.item.key, self.pane):
            self.drawing.show_drawn(drawn_words("…" if self.look_.unicode else "..."))
        self._ask(question)

    def _question(self, view: View) -> Asked | None:
        if self.pane == "table" and self.item.inside:
            return facts_alone(self.item, self.look_)
        return asked(self.pane, self.item, view, self.look_, max(24, self.drawing.size.width))

    def on_grid_refused(self, message: Grid.Refused) -> None:
        """Show in place of the table what the item is."""
        message.stop()
        shown, item = message.shown, self.item
        if self._tabled and (shown.location, shown.path) == (item.location, item.path):
            self._without, focused = item.key, self.grid.has_focus
            self.look()
            if focused:
                self.front.focus()

    def _ask(self, question: Asked) -> None:
        def done(found: Any) -> None:
            self.answers.keep(question.key, found)
            self._fill(question, found)

        self._asking = True
        self.lanes.ask(Question("pane", question.what, question.work, done, self.fail))

    def fail(self, error: H5s3Error) -> None:
        """Say why there is nothing to draw."""
        self._shown, self._asking = None, False
        self._later.clear()
        self.drawing.show_drawn(drawn_error(error))

    def _fill(self, question: Asked, found: Any) -> None:
        here = self.item.key, self.pane
        self.found, self._asking = found, False
        if isinstance(found, Preview):
            self._seen = self.item.key, found
        self.drawing.show_drawn(question.draw(found), stay=self._shown == here)
        self._shown = here
        self.cursor.renew()
        self._filled()
        later, self._later = self._later, []
        for key in later:
            key()

    def _read_ahead(self, view: View | None) -> None:
        """Have the answer for a view that is likely next, in idle time."""
        question = self._question(view) if view is not None else None
        if question is not None:
            self._ask_ahead("frame ahead", question)

    def read_ahead_of(self, item: Item, group: str = "item ahead") -> None:
        """Have the answer for another item, in idle time."""
        width = max(24, self.drawing.size.width)
        question = asked(self.pane, item, self.views.get(item.key, View()), self.look_, width)
        if question is not None:
            self._ask_ahead(group, question)

    def _ask_ahead(self, group: str, question: Asked) -> None:
        key = question.key
        if self.answers.get(key) is not None:
            return

        def done(found: Any) -> None:
            self.answers.keep(key, found)

        self.lanes.ask(Question(group, question.what, question.work, done, idle=True))

    # ------------------------------------------------------------------------------------ looking

    def _last(self) -> Preview | None:
        """The answer that is drawn, or was drawn last of this item: the next one may be on its way."""
        return self._seen[1] if self._seen is not None and self._seen[0] == self.item.key else None

    def seen_plot(self, again: Callable[[], object]) -> Drawn | None:
        """The plot that is seen, and the shape of its array. `again` is done once there is one, where it is
        on its way."""
        drawn = self._last_plot()
        if self.pane not in ("plot", "values"):
            self.tell(NO_PLOT)
        elif drawn is not None:
            return drawn
        elif self._asking:
            self._later.append(again)
        else:
            self.tell("nothing here is drawn")
        return None

    @property
    def plot_now(self) -> Drawn | None:
        """The plot in the pane and the shape of its array, unless one of other dimensions is on its way."""
        return self._last_plot() if self.pane == "plot" else None

    def _last_plot(self) -> Drawn | None:
        """The same, also where the pane shows its values."""
        found = self._last()
        if found is None or found.plot is None or not found.shape:
            return None
        shape = tuple(found.shape)
        return (found.plot, shape) if not self._asking or self.view.suits(found.plot, shape) else None

    def _change(self, view: View | None, end: str) -> bool:
        """Look at it so from now on."""
        if view is None:
            self.tell(end)
            return False
        self.views[self.item.key] = view
        self.tell("")
        self.look()
        return True

    def step(self, by: int) -> None:
        """The next frame or one before; the one after it is read ahead."""
        if self._tabled:
            return self._step_table(by)
        drawn = self.seen_plot(lambda: self.step(by))
        if drawn is not None:
            there = self.view.stepped(*drawn, by)
            if self._change(there, "no more frames") and there is not None:
                self._read_ahead(there.stepped(*drawn, by))

    def zoom(self, factor: float) -> None:
        """Closer, or farther away."""
        drawn = self.seen_plot(lambda: self.zoom(factor))
        if drawn is not None:
            about = self.cursor.at if self.cursor.on else None
            self._change(
                self.view.zoomed(*drawn, factor, about), "that is all of it" if factor > 1 else "no closer"
            )

    def pan(self, right: float, down: float) -> bool:
        """Move the window; whether there is a plot."""
        last = self._last()
        if last is None or last.plot is None or self.pane != "plot":
            return False
        drawn = self.seen_plot(lambda: self.pan(right, down))
        if drawn is not None:
            self._change(self.view.panned(*drawn, right, down), "the end")
        return True

    def tell_value(self, text: str) -> None:
        """What is under the cursor of the plot, for the status."""
        self.post_message(Grid.At(text))

    def toggle_cursor(self) -> None:
        """A cursor that tells exact values, or none."""
        self.cursor.toggle()

    def toggle_log(self) -> None:
        """A logarithmic scale, or not."""
        if self.seen_plot(self.toggle_log) is not None:
            self._change(self.view.changed(log=not self.view.log), "")

    def next_colors(self) -> None:
        """Colours from the 2nd to the 98th percentile, or over all values; then in another palette."""
        if self.seen_plot(self.next_colors) is not None:
            view = self.view.recolored()
            self._change(view, "")
            self.tell(f"colours: {view.palette}, {'all values' if view.full else '2-98 % of the values'}")

    def choose_dimensions(self, text: str) -> None:
        """Draw these two dimensions, such as `0,2`."""
        try:
            display = tuple(int(part) for part in text.split(",")) if text.strip() else None
        except ValueError:
            return self.tell(f"{text!r} is not two numbers such as 0,2")
        shape = self.shape or ()
        if display is not None and (len(set(display)) != 2 or not set(display) <= set(range(len(shape)))):
            there = (
                f", of those from 0 to {len(shape) - 1}" if len(shape) > 1 else f", and {len(shape)} is here"
            )
            return self.tell(f"two dimensions are drawn, such as 0,1{there}")
        self._change(self.view.changed(selection=None, display=display), "")
        if self._tabled:
            self.tell("3 draws them; a table has the last two dimensions of a slice (s)")

    def choose_slice(self, text: str, shape: tuple[int, ...] | None) -> None:
        """Look at a part of it, in NumPy's syntax."""
        try:
            selection = parse_selection(text, shape or ()) if text.strip() else None
        except H5s3Error as error:
            return self.tell(error.cause)
        display = self.view.display
        if selection and display and not all(selection[number].keep for number in display):
            display = None  # one of these dimensions is cut
        self._change(self.view.changed(selection=selection, display=display), "")

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the array that is looked at, where it is known."""
        last = self._last()
        if self._tabled and (known := self.grid.shape) is not None:
            return known
        if last is not None and last.shape is not None:
            return tuple(last.shape)
        shape = getattr(self.item.node, "shape", None)
        return tuple(shape) if isinstance(shape, list) else None

    def choose(self, **changes: Any) -> None:
        """Look at it with these changes of the view."""
        self._change(self.view.changed(**changes), "")

    @property
    def dtype(self) -> str:
        """The type of what is looked at, where it is known."""
        last = self._last()
        found = self.grid.known if self._tabled else last
        return found.dtype if found is not None else str(getattr(self.item.node, "dtype", ""))

    @property
    def names(self) -> list[str]:
        """The names of fields or columns, where they are known."""
        last = self._last()
        if self._tabled or last is None:
            return names_in(self.grid.known) if self._tabled else []
        if last.dtype == "table":
            return [one.path.strip("/") for one in last.columns] if isinstance(last.columns, list) else []
        columns = last.table.columns if last.table is not None else None
        inner = last.inner_fields if isinstance(last.inner_fields, list) else []
        return [*columns, *inner] if isinstance(columns, list) else []

    @property
    def axes(self) -> list[str]:
        """The names of dimensions that have coordinates, where they are known: those that are cut first."""
        last = self._last()
        plot = last.plot if last is not None else None
        at = self.grid.known.at if self._tabled and self.grid.known is not None else UNSET
        at = plot.at if plot is not None and at is UNSET else at
        drawn = [axis.label for axis in (plot.y, plot.x) if axis is not UNSET] if plot is not None else []
        return [*(at if isinstance(at, dict) else ()), *(name for name in drawn if name is not UNSET)]

    @property
    def decoded(self) -> bool:
        """Whether values are others than those that are stored."""
        last, known = self._last(), self.grid.known
        if self._tabled:
            return known is not None and known.decoded
        return last is not None and bool(last.coding)

    @property
    def _table(self) -> Shown:
        """What is to be in the table: the slice of the view."""
        shape = getattr(self.item.node, "shape", None)
        selection = self.view.selection or (whole(tuple(shape)) if isinstance(shape, list) else None)
        return Shown(self.item.location, self.item.path, selection, self.view.raw)

    def _step_table(self, by: int) -> None:
        shape = self.shape or ()
        stepped = self.view.stepped_from(shape, by) if shape else None
        self._change(stepped, "no more frames")

    def _pane_names(self, width: int) -> Line:
        line: Line = []
        gap = "  " if width > WIDE else " "
        for number, name in enumerate(PANES, 1):
            shown = name if width > WIDE or name != "attributes" else "attrs"
            line += [(f"{number} ", "faint"), (shown, "key" if name == self.pane else "faint"), (gap, "")]
        return line
