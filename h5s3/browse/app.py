"""The application: all that keys do beside moving and looking."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key

from h5s3.browse.again import ask_again
from h5s3.browse.choosing import choose_field, toggle_raw, type_slice
from h5s3.browse.frame import Frame
from h5s3.browse.keys import drawn_keys
from h5s3.browse.lanes import Question
from h5s3.browse.panes import drawn_error
from h5s3.browse.places.fitting import of_suffixes
from h5s3.browse.places.going import Places, item_named
from h5s3.browse.places.items import Item
from h5s3.browse.places.outline import Outline
from h5s3.browse.places.searching import look_for
from h5s3.browse.taking import (
    TYPES,
    Output,
    command_text,
    output_of,
    place_text,
    python_text,
    seen,
    usual_output,
    write,
    write_question,
)
from h5s3.browse.widgets.drawing import drawn_words
from h5s3.browse.widgets.screens import FoundScreen, TextScreen
from h5s3.errors import H5s3Error
from h5s3.explore.doctor.doctor import doctor
from h5s3.explore.session import Session
from h5s3.records import Doctor
from h5s3.render.doctor.doctor import doctor_lines
from h5s3.render.screen.failures import error_text
from h5s3.render.screen.segments import Drawn, drawn_renderables
from h5s3.render.text import safe
from h5s3.sizes import option_text, parse_size, size_text


class Browse(Frame):
    """What `h5s3 browse` shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", show=False),
        Binding("d", "dimensions", show=False),
        Binding("s", "slice", show=False),
        Binding("v", "field", show=False),
        Binding("u", "raw", show=False),
        Binding("slash", "filter", show=False),
        Binding("f", "find", show=False),
        Binding("g", "go_to", show=False),
        Binding("m", "mark", show=False),
        Binding("apostrophe", "to_mark", show=False),
        Binding("t", "new_tab", show=False),
        Binding("x", "close_tab", show=False),
        Binding("comma", "other_tab(-1)", show=False),
        Binding("full_stop", "other_tab(1)", show=False),
        Binding("y", "copy", show=False),
        Binding("w", "write", show=False),
        Binding("exclamation_mark", "doctor", show=False),
        Binding("b", "budget", show=False),
        Binding("question_mark", "keys", show=False),
    ]

    def __init__(self, session: Session, start: Item, unicode: bool = True) -> None:
        super().__init__(session, start, unicode)
        self.marks: dict[str, Item] = {}

    def on_key(self, event: Key) -> None:
        """Give the prompt what was typed before it had the focus: what comes later the field takes itself."""
        if self.prompt.open and event.key == "enter":
            event.prevent_default()
            self.prompt.complete()
        elif self.prompt.open and event.key == "tab":
            event.prevent_default()
            self.prompt.choose(1)
        elif self.prompt.open and event.character and event.is_printable:
            event.prevent_default()
            self.prompt.typed.insert_text_at_cursor(event.character)

    # ------------------------------------------------------------------------------------ what is looked at

    def action_again(self) -> None:
        """Ask once more what is in the pane, and for what is missing below the row."""
        ask_again(self)

    def action_dimensions(self) -> None:
        """Type which dimensions are drawn."""
        shape = self.side_now().shape
        about = f" of {len(shape)}, such as 0,2" if shape else ""
        self.prompt.ask(f"draw the dimensions{about}:", self.side.choose_dimensions)

    def action_slice(self) -> None:
        """Type which part is looked at."""
        type_slice(self.side_now(), self.prompt)

    def action_field(self) -> None:
        """Choose a field, a column or a part."""
        self.said = ""
        choose_field(self.side_now(), self.prompt)

    def action_raw(self) -> None:
        """Values as stored, or as they are meant."""
        toggle_raw(self.side_now())

    def action_filter(self) -> None:
        """Type a part of the names that are shown."""

        changed = self.tree_view.show_only

        def done(text: str) -> None:
            changed(text)
            self.base.set_focus(self.tree_view)
            self.look()

        before = self.outline.filter
        self.prompt.ask(
            f"filter {self.outline.loaded:,} loaded names:", done, "", changed, lambda: changed(before)
        )

    # ------------------------------------------------------------------------------------ going

    def action_go_to(self) -> None:
        """Type a path or a location."""
        item = self.item

        def left() -> None:
            self.lanes.drop("complete")  # nobody waits for names any more

        def done(text: str) -> None:
            left()
            if not text.strip():
                return

            def work(session: Session) -> Item:
                return item_named(session, text, item)

            self.lanes.ask(Question("go", text, work, self.reveal, self._failed))

        completer = Places(self.lanes, item)
        self.prompt.ask("go to (/path, or location/path):", done, left=left, completer=completer)

    def _failed(self, error: H5s3Error) -> None:
        self.say(error_text(error))

    def action_find(self) -> None:
        """Type a name to look for in the whole file, or in all files below a prefix."""
        item = self.item
        inside = item.inside

        def done(text: str) -> None:
            if not text.strip():
                return
            screen = FoundScreen(
                item, text, self.look_,
                lambda: self.lanes.ask(question), lambda: self.lanes.drop("find"), self.reveal,
            )  # fmt: skip

            def add(items: list[Item]) -> None:
                self.deliver(lambda: screen.add(items) if screen.is_running else None)

            def tell(words: str) -> None:
                self.deliver(lambda: screen.tell(words) if screen.is_running else None)

            question = Question("find", text, lambda session: None, screen.end, failed, verb="looking for")
            question.work = lambda session: look_for(session, item, text, add, lambda: question.dropped, tell)
            self.push_screen(screen)

        def failed(error: H5s3Error) -> None:
            screen = self.screen
            if isinstance(screen, FoundScreen):
                screen.end(error_text(error, place=True))

        where = item.location.name if inside else item.location.display
        self.prompt.ask(f"find in {safe(where, 24)} (groups, datasets, links):", done)

    def action_mark(self) -> None:
        """Mark the row by a letter."""
        item = self.item

        def done(letter: str) -> None:
            if letter.strip():
                self.marks[letter] = item
                self.say(f"marked: {letter}")

        self.prompt.ask_key("mark, by a letter:", done)

    def action_to_mark(self) -> None:
        """Go to a row that was marked."""

        def done(letter: str) -> None:
            found = self.marks.get(letter)
            if found is not None:
                self.reveal(found)
            elif letter.strip():
                self.say(f"no mark {safe(letter)}; marks: {safe(' '.join(sorted(self.marks))) or 'none'}")

        marks = " ".join(sorted(self.marks)) or "none yet"
        self.prompt.ask_key(f"go to the mark ({safe(marks)}):", done)

    # ------------------------------------------------------------------------------------ tabs

    def action_new_tab(self) -> None:
        """A tab with a tree of the row's own."""
        item = self.item
        self.keep_tab()
        self.tabs.append((Outline(item), 0))
        self.show_tab(len(self.tabs) - 1)

    def action_close_tab(self) -> None:
        """Close the tab that is seen, if there are others."""
        if len(self.tabs) > 1:
            del self.tabs[self.tab]
            self.show_tab(min(self.tab, len(self.tabs) - 1))
        else:
            self.say("this is the only tab; q leaves")

    def action_other_tab(self, by: int) -> None:
        """The next tab, or the one before."""
        if len(self.tabs) == 1:
            return self.say("this is the only tab; t opens another one")
        self.keep_tab()
        self.show_tab((self.tab + by) % len(self.tabs))

    # ------------------------------------------------------------------------------------ taking away

    def action_copy(self) -> None:
        """Copy the place, the command, or a line of Python."""
        side, item = self.side_now(), self.item
        texts: dict[str, Callable[[], str]] = {
            "p": lambda: place_text(item),
            "c": lambda: command_text(item, side.pane, side.view, side.dtype == "table"),
            "y": lambda: python_text(item, side.pane, seen(side), side.decoded),
        }

        def done(letter: str) -> None:
            if letter in texts:
                text = texts[letter]()
                self.copy_to_clipboard(text)
                self.say(f"copied: {safe(text, 300)}")

        self.prompt.ask_key("copy: p the path, c the command, y Python:", done)

    def action_write(self) -> None:
        """Type the name of a file for the values or the picture, and options."""
        item, view = self.item, seen(self.side_now())
        if not item.inside:
            return self.say("values of a dataset can be written: choose one")

        usual = usual_output(self.side)

        def done(text: str) -> None:
            try:
                output = output_of(text, usual)
            except H5s3Error as error:
                return self._failed(error)
            if not os.path.exists(output.path):  # also one too long for a name
                return begin(output, False)

            def sure(letter: str) -> None:
                if letter in ("y", "Y"):
                    return begin(output, True)
                self.say(f"{safe(str(output.path), 200)} is as it was")

            self.prompt.ask_key(f"{safe(str(output.path), 40)} is there: overwrite it? y, or n:", sure)

        def begin(output: Output, overwrite: bool) -> None:
            def work(session: Session) -> str:
                return write(session, item, view, output, overwrite)

            self.lanes.ask(Question("write", str(output.path), work, self.say, self._failed, verb="writing"))

        question = write_question(self.side, view, usual)
        self.prompt.ask(question, done, str(usual.path), completer=of_suffixes(TYPES))

    def action_doctor(self) -> None:
        """What is wrong with the file, or the connection."""
        location = self.item.location
        screen = TextScreen(drawn_words(f"looking at {safe(location.display)} …"))

        def done(found: Doctor) -> None:
            def drawn(width: int, height: int) -> Drawn:
                return drawn_renderables(doctor_lines(found, width, self.look_.unicode), width)

            screen.drawing.show_drawn(drawn)

        def failed(error: H5s3Error) -> None:
            screen.drawing.show_drawn(drawn_error(error))

        def work(session: Session) -> Any:
            return doctor(session, None if location.kind == "s3" and not location.bucket else location)

        self.lanes.ask(Question("doctor", location.display, work, done, failed, verb="looking at"))
        self.push_screen(screen, lambda nothing: self.lanes.drop("doctor"))

    def action_budget(self) -> None:
        """Type how many bytes may be read in idle time."""

        def done(text: str) -> None:
            try:
                self.lanes.ahead_budget = parse_size(text)
            except H5s3Error as error:
                return self._failed(error)
            self.say(f"at most {size_text(self.lanes.ahead_budget)} are read ahead")

        spent = size_text(self.lanes.ahead_bytes)
        before = option_text(self.lanes.ahead_budget)
        self.prompt.ask(f"bytes to read ahead, 0 for none ({spent} so far):", done, before)

    def action_keys(self) -> None:
        """Show all keys."""
        self.push_screen(TextScreen(drawn_keys))
