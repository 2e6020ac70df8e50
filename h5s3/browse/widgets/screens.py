"""What stands over the screen for a while: keys, matches of a search, a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.actions import parse
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen

from h5s3.browse.look import Look
from h5s3.browse.places.items import Item
from h5s3.browse.places.outline import Outline
from h5s3.browse.places.rows import Row
from h5s3.browse.widgets.drawing import Bar, Draw, Drawing
from h5s3.browse.widgets.outline_view import OutlineView
from h5s3.render.text import safe


class TextScreen(ModalScreen[None]):
    """A text, such as the keys or a report."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter,exclamation_mark", "dismiss", show=False)
    ]

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self.drawing = Drawing("text")
        self.drawing.show_drawn(draw)

    def compose(self) -> ComposeResult:
        """One drawing."""
        yield self.drawing


ACTIONS = {
    key: parse(binding.action)
    for binding in OutlineView.BINDINGS
    if isinstance(binding, Binding)
    for key in binding.key.split(",")
}


class FoundList(OutlineView):
    """The matches. Its keys are taken in their order and at once: what comes behind Enter is for who has the
    focus then."""

    def __init__(self, outline: Outline, look: Look, go: Callable[[Item], object]) -> None:
        super().__init__(outline, look)
        self._go = go
        self._left = False

    def on_key(self, event: Key) -> None:
        """Take the key now: what comes next may be here already."""
        if self._left:
            event.stop().prevent_default()
            screen = self.app.screen
            (screen.focused or screen).post_message(Key(event.key, event.character))
        elif event.key in ("escape", "q"):
            event.stop().prevent_default()
            self._leave()
        elif event.key in ACTIONS:
            event.stop().prevent_default()
            _, name, arguments = ACTIONS[event.key]
            getattr(self, f"action_{name}")(*arguments)

    def action_open(self) -> None:
        """Go to the row."""
        if self.outline.shown:
            item = self.row.item
            self._leave()
            self._go(item)

    def action_parent(self) -> None:
        """There is nothing above: leave."""
        self._leave()

    def _leave(self) -> None:
        self._left = True
        self.screen.dismiss()


class FoundScreen(ModalScreen[None]):
    """Matches of a search, as they come; `begin` has it begun once they can be shown, `ended` is called when
    nobody looks any more, `go` takes the one that is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", show=False)]

    def __init__(
        self,
        top: Item,
        what: str,
        look: Look,
        begin: Callable[[], object],
        ended: Callable[[], object],
        go: Callable[[Item], object],
    ) -> None:
        super().__init__()
        self.outline = Outline(top)
        self.outline.top.state = "open"
        self.outline.found = []
        self._what, self._begin, self._ended = what, begin, ended
        self.state = self._dots = "…" if look.unicode else "..."
        self.count = 0
        self.heading = Bar("found-heading", lambda width: [(self._text(), "key")])
        self.list = FoundList(self.outline, look, go)

    def compose(self) -> ComposeResult:
        """A heading and the matches."""
        with Vertical(id="found"):
            yield self.heading
            yield self.list

    def on_mount(self) -> None:
        """Keys go to the list, which is there from now on."""
        self.list.focus()
        self._begin()

    def on_unmount(self) -> None:
        """The search is no longer wanted."""
        self._ended()

    def _text(self) -> str:
        return f"{self.count:,} found: {safe(self._what, 60)}  {self.state}"

    def add(self, items: Sequence[Item]) -> None:
        """More matches."""
        rows = [Row(item) for item in items]
        self.count += len(rows)
        self.outline.found = [*(self.outline.found or ()), *rows]
        self.list.rows_changed()
        self.heading.refresh()

    def tell(self, words: str) -> None:
        """How far the search is."""
        self.end(f"{words} {self._dots}")

    def end(self, words: str) -> None:
        """There are no more."""
        self.state = words
        self.heading.refresh()

    def on_outline_view_moved(self, message: OutlineView.Moved) -> None:
        """Nothing is looked at meanwhile."""
        message.stop()
