"""The line in which something is typed: a filter, a name, a place, a slice."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.actions import parse
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input

from h5s3.browse.places.fitting import NOTHING, Completer, Fitting
from h5s3.browse.widgets.choices import Choices
from h5s3.browse.widgets.drawing import Bar
from h5s3.render.columns import width_of

Taken = Callable[[str], object]
EDITS = {
    key: parse(binding.action)
    for binding in Input.BINDINGS
    if isinstance(binding, Binding)
    for key in binding.key.split(",")
}


class Typed(Input):
    """The text itself; Tab goes through what may follow it.

    Keys are taken in their order: what came behind Enter, or while nothing was asked any more, is for who has
    the focus then.
    """

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(id="typed", compact=True)
        self._prompt = prompt

    def on_key(self, event: Key) -> None:
        """Keys that are not for the text; the field takes all others."""
        if not self._prompt.open:
            event.stop().prevent_default()
            (self.screen.focused or self.screen).post_message(Key(event.key, event.character))
        elif event.key == "enter":
            event.stop().prevent_default()
            self._prompt.complete()
        elif event.key == "escape":
            event.stop().prevent_default()
            self._prompt.action_leave()
        elif event.key in ("tab", "shift+tab"):
            event.stop().prevent_default()
            self._prompt.choose(1 if event.key == "tab" else -1)
        elif event.key == "right" and self.cursor_position == len(self.value):
            event.stop().prevent_default()
            self._prompt.go_on()
        elif event.key in EDITS:  # now: what is typed next may be here already
            event.stop().prevent_default()
            _, name, arguments = EDITS[event.key]
            getattr(self, f"action_{name}")(*arguments)


class Prompt(Horizontal):
    """A question in the last line, and what is typed behind it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.display = False
        self._label = ""
        self._done: Taken = lambda text: None
        self._changed: Taken | None = None
        self._left: Callable[[], object] | None = None
        self._before: Widget | None = None
        self._completer: Completer | None = None
        self._chosen: str | None = None  # of the choices, which stay while it is the text
        self._told: str | None = None  # the text that the choices go on
        self._to_choose = 0  # steps that were asked for before there were choices
        self.choices = Choices(self.choose)
        self.label_bar = Bar("label", lambda width: [(self._label, "key")])
        self.typed = Typed(self)

    def compose(self) -> ComposeResult:
        """A label and a field."""
        yield self.label_bar
        yield self.typed

    @property
    def open(self) -> bool:
        """Whether something is asked."""
        return self.display

    def ask(
        self,
        label: str,
        done: Taken,
        value: str = "",
        changed: Taken | None = None,
        left: Callable[[], object] | None = None,
        completer: Completer | None = None,
    ) -> None:
        """Ask for a text. `changed` takes it while it is typed; `left` is called where it is given up.
        `completer` tells what may follow."""
        self._label, self._done, self._changed, self._left = label + " ", done, changed, left
        self._before = self.screen.focused
        self.label_bar.styles.width = width_of([(self._label, "")])
        self._completer, self._chosen, self._to_choose = completer, None, 0
        self._told = None
        self.choices.show_choices(NOTHING)
        self.screen.add_class("asking")
        self.display = True  # at once, as the focus: the next key may be here already
        self.typed.value = value
        self.typed.cursor_position = len(value)
        self.label_bar.refresh()
        self.screen.set_focus(self.typed)

    def ask_key(self, label: str, done: Taken) -> None:
        """Ask for one letter, which needs no Enter."""

        def changed(text: str) -> None:
            if text:
                self._close()
                done(text[-1])

        self.ask(label, done, changed=changed)

    def _close(self) -> None:
        self._changed, self._completer = None, None
        self.choices.show_choices(NOTHING)
        self.screen.remove_class("asking")
        self.display = False
        self.screen.set_focus(self._before)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Something was typed."""
        event.stop()
        if self._changed is not None:
            self._changed(event.value)
        if self.typed.value != self._chosen:  # as it is now: several may have been chosen meanwhile
            self.go_on()

    def go_on(self) -> None:
        """Find out what may follow the text as it is now."""
        text, self._chosen = self.typed.value, None
        if self._completer is None:
            return

        def take(found: Fitting) -> None:
            if not self.open or self._completer is None or self.typed.value != text:
                return
            self._told = text
            self.choices.show_choices(found)
            steps, self._to_choose = self._to_choose, 0
            for _ in range(abs(steps)):
                self.choose(1 if steps > 0 else -1)

        self._completer(text, take)

    def choose(self, by: int) -> None:
        """Have the next of the choices as the text, or the one before; of one alone also what follows."""
        if self._completer is None:
            return
        if self.typed.value not in (self._told, self._chosen):  # it is asked what follows, or soon
            self._to_choose += by
            return
        text = self.choices.choose(by)
        if text is None:
            return
        self._chosen = self.typed.value = text
        self.typed.cursor_position = len(text)
        if len(self.choices.texts) == 1:
            self.go_on()

    def complete(self) -> None:
        """It is typed whole."""
        self._close()
        self._done(self.typed.value)

    def action_leave(self) -> None:
        """Nothing is to be done."""
        self._close()
        if self._left is not None:
            self._left()
