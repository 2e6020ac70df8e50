"""The screen: a tree, a pane beside it, a line of what is under way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Event, Key
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from h5s3.browse.details import Details
from h5s3.browse.lanes import Lanes, Question
from h5s3.browse.look import Look, look_of
from h5s3.browse.panes import PANES
from h5s3.browse.places.children import Children, Page
from h5s3.browse.places.going import MOST_PAGES, leads_to, name_towards
from h5s3.browse.places.items import Item, parent_of
from h5s3.browse.places.outline import Outline
from h5s3.browse.places.pins import pinned
from h5s3.browse.places.rows import EMPTY, MORE, WAITING, Row
from h5s3.browse.side import Side
from h5s3.browse.widgets.drawing import Bar
from h5s3.browse.widgets.grid import Grid
from h5s3.browse.widgets.outline_view import OutlineView
from h5s3.browse.widgets.prompt import Prompt
from h5s3.browse.widgets.status import State, Status
from h5s3.errors import H5s3Error
from h5s3.explore.session import Session
from h5s3.render.columns import Line
from h5s3.render.preview import load
from h5s3.render.screen.entries import trail
from h5s3.render.text import redacted, safe

SETTLED = 0.12  # seconds at one row, after which its pane is filled
TICK = 0.25  # seconds between looks at what is under way


class Delivered(Message):
    """A function that a thread wants called here."""

    def __init__(self, call: Callable[[], object]) -> None:
        super().__init__()
        self.call = call


class Frame(App[int]):
    """The screen: what is opened, and what is shown of it."""

    CSS_PATH = "browse.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"pane({number})", show=False) for number in range(1, len(PANES) + 1)),
        Binding("escape", "to_tree", show=False),
        Binding("z", "whole", show=False),
        Binding("n", "tree('sibling', 1)", show=False),
        Binding("p", "tree('sibling', -1)", show=False),
        Binding("backspace", "tree('parent')", show=False),
        Binding("left_square_bracket", "side('step', -1)", show=False),
        Binding("right_square_bracket", "side('step', 1)", show=False),
        Binding("plus,equals_sign", "side('zoom', 0.5)", show=False),
        Binding("minus", "side('zoom', 2)", show=False),
        Binding("i", "side('toggle_cursor')", show=False),
        Binding("l", "side('toggle_log')", show=False),
        Binding("c", "side('next_colors')", show=False),
        Binding("q", "leave(0)", show=False),
        Binding("ctrl+c", "leave(130)", show=False, priority=True),
    ]

    def __init__(self, session: Session, start: Item, unicode: bool = True) -> None:
        super().__init__(ansi_color=True)  # the terminal's own colours, light or dark
        self.theme = "ansi-dark"
        self.session = session
        self.look_: Look = look_of(self, unicode)
        self.pins = pinned(session)
        self.lanes = Lanes(session, self.deliver)
        self.outline = Outline(start)
        self.tabs: list[tuple[Outline, int]] = [(self.outline, 0)]  # with the row of each
        self.tab = 0
        self.said = ""  # in the status line, until the next key
        self.told = ""  # the same, of the value under the cursor of a pane
        self._settling: Timer | None = None
        self.interrupted = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self.goal = start  # where the cursor is at first
        self._way: Item | None = None  # where the cursor is on its way to
        self._pages = 0  # that were fetched on it
        self.tree_view = OutlineView(self.outline, self.look_)
        self.details = Details(self.tree_view, lambda: self.lanes, self.look, self.say)
        self.side = Side(start, self.look_, lambda: self.lanes, self.say, self.read_ahead)
        self.crumbs = Bar("crumbs", self._crumbs, self.go_to_crumb)
        self.status = Status(self._state, self.look_.unicode)
        self.prompt = Prompt()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What changes every line before it is shown."""
        return [*super().get_line_filters(), *self.look_.filters]

    def compose(self) -> ComposeResult:
        """The screen."""
        yield self.crumbs
        with Horizontal(id="body"):
            yield self.tree_view
            yield self.side
        yield self.status
        yield self.prompt
        yield self.prompt.choices

    def on_mount(self) -> None:
        """Open the first row."""
        self.loop = asyncio.get_running_loop()
        if self.interrupted:
            return self.action_leave(130)
        threading.Thread(target=load, daemon=True).start()
        self.set_interval(TICK, self.status.refresh)
        self.tree_view.focus()
        self.open(self.outline.top)
        if self.goal.kind == "node":
            self.reveal(self.goal)
        self.look()

    @property
    def base(self) -> Screen[Any]:
        """The screen below all that may stand over it."""
        return self.screen_stack[0]

    @property
    def item(self) -> Item:
        """What is under the cursor, or where it is on its way to; of a word about what is missing, what it is
        missing below."""
        return self._way or self.tree_view.row.item

    def deliver(self, call: Callable[[], object]) -> None:
        """Have a function called by the thread that draws. To be called by others."""
        self.post_message(Delivered(call))

    def on_delivered(self, message: Delivered) -> None:
        """Call it."""
        message.call()
        self.status.refresh()

    # ------------------------------------------------------------------------------------ the tree

    def open(self, row: Row) -> None:
        """Open a row."""
        if not row.opens:
            return
        children = self.outline.begin(row)
        self.tree_view.rows_changed()
        if children is not None:
            self._fetch(row, children)
        else:
            self.tree_view.show_below(row)
            self._walk_on(row)

    def _fetch(self, row: Row, children: Children) -> None:
        """Have the next children of a row fetched."""

        def done(page: Page) -> None:
            view = self.tree_view
            at, to_end = view.row, view.to_end
            self.outline.add(row, page)
            if at.note and at.parent is row and len(row.rows):  # what it stood for begins there
                at = row.rows[min(at.number, len(row.rows) - 1)]
            view.keep_at(at)
            view.show_below(row)
            if to_end:
                view.action_move_to(-1)
            view.went_on(row)
            self._walk_on(row)

        def failed(error: H5s3Error) -> None:
            self._way = None
            self.outline.fail(row, redacted(error.cause))  # the row says where
            self.tree_view.keep_at(row)

        what = row.item.path if row.item.inside else row.item.location.display
        self.lanes.ask(Question(f"tree {id(row)}", what, children.next, done, failed))

    def on_outline_view_moved(self, message: OutlineView.Moved) -> None:
        """Fill the pane once the cursor rests."""
        self.told = ""
        self.crumbs.refresh()
        self.lanes.drop("pane")
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLED, self.look)

    def on_outline_view_opening(self, message: OutlineView.Opening) -> None:
        """Open a row, fetch what it stands for, or go to the pane of an array."""
        row = message.row
        if row.note and row.parent is not None:
            self.fetch_again(row.parent)
        elif row is self.outline.top and row.state != "closed":
            self.climb()
        elif row.state == "waiting":  # two keys came before it began
            self.tree_view.goes_on = row
        elif row.opens:
            self.open(row)
        elif row.item.inside:
            if self.side.pane == "meta" and row.item.is_array:
                self.action_pane(PANES.index("table") + 1)
            self.side.front.focus()

    def on_outline_view_wanted(self, message: OutlineView.Wanted) -> None:
        """Fetch the next rows."""
        above = message.row.parent
        if above is not None and message.row.note == MORE:
            self._fetch_more(above)
        elif not message.row.item.known:
            self.details.want()

    def _fetch_more(self, row: Row) -> None:
        if row.children is not None:
            self.outline.note(row, WAITING)
            self._fetch(row, row.children)

    def fetch_again(self, row: Row) -> None:
        """Ask once more for children that could not be had."""
        if row.rows.note is not None and row.rows.note.note in (WAITING, EMPTY):
            return
        if row.children is not None and row.fetched:
            self.outline.note(row, WAITING)
            self._fetch(row, row.children)
        else:
            row.state, row.fetched = "closed", False
            self.open(row)

    def on_outline_view_leaving(self, message: OutlineView.Leaving) -> None:
        """Go up from the first row."""
        self.climb()

    def climb(self) -> None:
        """Show what holds the first row, with the cursor where it was."""
        above = parent_of(self.outline.top.item)
        if above is not None:
            self._way, self._pages = self.outline.top.item, 0
            self.show_outline(Outline(above))

    def show_outline(self, outline: Outline) -> None:
        """Show another tree."""
        self.outline = outline
        self.tree_view.show_outline(outline)
        self.open(outline.top)

    def reveal(self, goal: Item) -> None:
        """Go to a place: along the rows that lead there, or, where none does, in a tree of its own."""
        self._way, self._pages = goal, 0
        if self.outline.filter:
            self.outline.filter = ""
            self.outline.refresh()
        if leads_to(self.outline.top.item, goal):
            self._walk_on(self.outline.top)
        else:
            top = Item("file", goal.location.name, goal.location) if goal.inside else goal
            self.show_outline(Outline(top))
            self._walk_on(self.outline.top)
        self.look()

    def _walk_on(self, row: Row) -> None:
        """Go on towards where the cursor is on its way to, from a row that leads there."""
        while (goal := self._way) is not None and leads_to(row.item, goal):
            if row.item.key == goal.key and row.item.inside == goal.inside:
                self._way = None
                self.tree_view.keep_at(row)
                self.tree_view.go(row)
                self.tree_view.show_around()
                if not self.prompt.open:
                    self.base.set_focus(self._front)  # now: later it may be taken from the prompt
                return
            if row.state != "open":
                self.open(row)
                if not row.fetched:
                    self._way = goal if row.state == "waiting" else None
                    return
            below = self.outline.below(row, name_towards(row.item, goal), lambda one: leads_to(one, goal))
            if below is not None:
                row = below
                continue
            self._pages += 1
            if row.children is None or self._pages > MOST_PAGES:
                self._way = None
                if goal.inside:  # one of very many
                    self.show_outline(Outline(goal))
            elif row.rows.note is not None and row.rows.note.note == MORE:
                self._fetch_more(row)
            return

    # ------------------------------------------------------------------------------------ tabs

    def keep_tab(self) -> None:
        """Remember what is seen as the tab that it is."""
        self.tabs[self.tab] = self.outline, self.tree_view.cursor

    def show_tab(self, number: int) -> None:
        """Show a tab."""
        self.tab, self._way = number, None
        self.outline, cursor = self.tabs[number]
        self.tree_view.show_outline(self.outline, cursor)
        if self.outline.top.state == "closed":
            self.open(self.outline.top)
        self.crumbs.refresh()
        self.look()

    # ------------------------------------------------------------------------------------ the pane

    @property
    def busy(self) -> bool:
        """Whether something is to come that was asked for."""
        soon = self._settling is not None or self.details.busy
        return soon or any(not one.idle for one in self.lanes.under_way())

    def look(self) -> None:
        """Fill the pane with what is under the cursor."""
        self._settling = None
        self.side.show_item(self.item)

    def side_now(self) -> Side:
        """The panes, with what is under the cursor also where it has not rested there yet: for keys."""
        if self._settling is not None:
            self._settling.stop()
            self.look()
        return self.side

    def read_ahead(self) -> None:
        """Have read in idle time what is likely wanted next: what is below the row, and those beside it."""
        view, row = self.tree_view, self.tree_view.row
        if row.opens and row.item.known and row.state == "closed" and not row.fetched and row.ahead is None:
            children = Children(row.item)

            def done(page: Page) -> None:
                if row.state == "closed":
                    row.ahead = children, page

            what = row.item.path if row.item.inside else row.item.location.display
            self.lanes.ask(Question("children ahead", what, children.next, done, idle=True))
        for by, group in ((view.direction, "item ahead"), (-view.direction, "item behind")):
            beside = view.row_beside(by)
            if beside is not None:
                self.side.read_ahead_of(beside.item, group)

    def say(self, text: str) -> None:
        """Show a line in the status, until something else is done."""
        self.said = text
        self.status.refresh()

    def on_grid_at(self, message: Grid.At) -> None:
        """The cursor of the table is at a value."""
        self.told = message.text
        self.status.refresh()

    # ------------------------------------------------------------------------------------ keys

    async def on_event(self, event: Event) -> None:
        """What was said is gone with the next key, but not with one that comes back from a widget."""
        if isinstance(event, Key) and not event.is_forwarded:
            self.said = ""
        await super().on_event(event)

    def action_pane(self, number: int) -> None:
        """Show another pane."""
        self.told = ""
        self.side_now().show_pane(number)

    def action_side(self, name: str, *arguments: Any) -> None:
        """Have the panes do something."""
        getattr(self.side_now(), name)(*arguments)

    def action_tree(self, name: str, *arguments: Any) -> None:
        """Move in the tree, also from a pane."""
        getattr(self.tree_view, f"action_{name}")(*arguments)

    def action_to_tree(self) -> None:
        """Without the cursor of a plot; back to the tree; there, show all names again."""
        if self.side.cursor.leave():
            return
        if self.tree_view.has_focus and self.outline.filter:
            self.tree_view.show_only("")
            self.status.refresh()
            return
        self.base.remove_class("whole")
        self.tree_view.focus()

    def action_whole(self) -> None:
        """The pane alone, or beside the tree."""
        self.base.toggle_class("whole")
        self._front.focus()

    @property
    def _front(self) -> Widget:
        """The tree, or the pane where it stands alone."""
        return self.side.front if self.base.has_class("whole") else self.tree_view

    def action_leave(self, code: int) -> None:
        """Leave."""
        self.lanes.close()
        self.exit(code)

    def interrupt(self) -> None:
        """Leave soon: for signals, which come in the middle of anything."""
        self.interrupted = True
        if self.loop and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.action_leave, 130)

    # ------------------------------------------------------------------------------------ lines

    def _crumbs(self, width: int) -> Line:
        row: Row | None = self.tree_view.row
        names: list[str] = []
        while row is not None:
            if not row.note:
                names.insert(0, row.item.name)
            row = row.parent
        top = self.outline.top.item
        if top.kind != "account":
            names[0] = top.location.display + (f" {top.path}" if top.kind == "node" else "")
        tab = f"{self.tab + 1}/{len(self.tabs)} " if len(self.tabs) > 1 else ""
        line = trail(names, width - len(tab), "›" if self.look_.unicode else ">")
        return [(tab, "dtype"), *line]

    def go_to_crumb(self, line: Line, part: int) -> None:
        """Go to the row of a name in the trail; from the number of the tab to the next one."""
        if line[part][1] == "dtype":
            self.keep_tab()
            return self.show_tab((self.tab + 1) % len(self.tabs))
        row = self.tree_view.row
        row = row.parent if row.note and row.parent is not None else row
        for _ in [text for text, style in line[part + 1 :] if style != "faint"]:
            row = row.parent or row
        self.tree_view.go(row)
        self.tree_view.focus()

    def _state(self) -> State:
        """What there is to be said in the last line."""
        text = self.outline.filter
        which = "only names" if len(self.outline.shown) > 1 else "no name"
        of = f"{which} of {self.outline.loaded:,} loaded" if text else ""
        kept = f"{of} with {safe(text, 40)}; Esc shows all" if text else ""
        ahead = (self.lanes.ahead_bytes, self.lanes.ahead_budget)
        asked, receipt = self.lanes.under_way(), self.session.trace.receipt()
        return State(self.said, self.told, kept, asked, receipt, ahead)
