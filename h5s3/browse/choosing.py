"""Which slice, field, column or part of complex numbers is looked at; whether as stored."""

from __future__ import annotations

from typing import get_args

from h5s3.browse.lanes import Question
from h5s3.browse.panes import asked
from h5s3.browse.places.fitting import of_names
from h5s3.browse.side import Side
from h5s3.browse.view import View
from h5s3.browse.widgets.prompt import Prompt
from h5s3.errors import H5s3Error
from h5s3.explore.preview.exact.labels import selection_of
from h5s3.explore.preview.request import ComplexPart
from h5s3.explore.session import Session
from h5s3.formats.selection import text_of_selection
from h5s3.records import Preview
from h5s3.render.screen.failures import error_text
from h5s3.render.text import safe

PARTS: tuple[ComplexPart, ...] = get_args(ComplexPart)
SHOWN = 60  # characters of names in the prompt


def type_slice(side: Side, prompt: Prompt) -> None:
    """Type which part is looked at, by indices or by coordinates."""
    shape, selection = side.shape, side.view.selection
    before = text_of_selection(selection) if selection else ""
    about = f" of {' × '.join(map(str, shape))}" if shape else ""
    name = next(iter(side.axes), "")
    label = f"slice{about}, or {safe(name, 20)}=…:" if name else f"slice{about}:"

    def done(text: str) -> None:
        if "=" in text:
            _look_up(side, text, shape)
        else:
            side.choose_slice(text, shape)

    prompt.ask(label, done, before)


def _look_up(side: Side, labels: str, shape: tuple[int, ...] | None) -> None:
    """Look at what coordinates choose, such as `time=2024-07-07,lat=40:50`."""
    item = side.item

    def work(session: Session) -> str:
        return selection_of(session, item.location, item.path, labels)

    def done(found: str) -> None:
        if side.item.key == item.key:
            side.choose_slice(found, shape)

    def failed(error: H5s3Error) -> None:
        if side.item.key == item.key:
            side.tell(error_text(error))

    side.lanes.ask(Question("slice", safe(labels, SHOWN), work, done, failed, verb="looking for"))


def choose_field(side: Side, prompt: Prompt) -> None:
    """Type the field of a compound, or the column of a table; take the next part of complex numbers."""
    dtype, names = side.dtype, side.names
    has_parts = "complex" in dtype
    if dtype.startswith("{") or dtype == "table":
        told = ", ".join(names)
        told = told if len(told) <= SHOWN else told[:SHOWN].rpartition(",")[0] + ", …"
        what = "column" if dtype == "table" else "field"
        label = f"{what} ({safe(told, SHOWN)})" if told else what
        more = f", and {', '.join(PARTS)}" if has_parts else ""
        completer = of_names(names) if names else None
        prompt.ask(f"{label}{more}:", lambda text: _take(side, text, names), completer=completer)
    elif has_parts:
        part = PARTS[(PARTS.index(side.view.part) + 1) % len(PARTS)]
        side.choose(part=part)
        side.tell(f"drawn: {part}")
    else:
        side.tell("no fields are here, and no complex numbers")


def _take(side: Side, text: str, names: list[str]) -> None:
    """A name, and a part behind it, or one of the two; nothing: as it was at first."""
    view, name = side.view, text.strip()
    first, _, last = name.rpartition(" ")
    part = next((one for one in PARTS if one == last and name not in names), "abs")
    name = first.strip() if part == last else name
    kept = view.column if part == last and not name else name or None
    if kept is not None and names and kept not in names:
        whole = kept.partition(".")[0]
        inner = whole in names and whole != kept
        why = f"{whole} is chosen whole" if inner else f"no field {kept} is here"
        return side.tell(safe(f"{why}; there are {', '.join(names)}", 300))
    if side.pane != "table" or kept is None:
        return _draw(side, view.changed(column=kept, part=part))
    column = names.index(kept) if kept in names else 0
    side.grid.go_to_column(column)
    value = side.grid.value(side.grid.row, column)[1]
    if isinstance(value, int | float) and not isinstance(value, bool):  # so that plots draw it as well
        side.choose(column=kept, part=part)


def _draw(side: Side, view: View) -> None:
    """Look at a field, if it can be drawn."""
    item = side.item
    pane = side.pane if side.pane in ("plot", "values") else "values"
    question = asked(pane, item, view, side.look_, max(24, side.drawing.size.width))
    if question is None:
        return
    key = question.key

    def done(found: Preview) -> None:
        side.answers.keep(key, found)
        if side.item.key == item.key:
            side.choose(column=view.column, part=view.part)

    def failed(error: H5s3Error) -> None:
        if side.item.key == item.key:
            side.tell(error_text(error))

    what = f"values of {safe(view.column or item.path, SHOWN)}"
    side.lanes.ask(Question("field", what, question.work, done, failed))


def toggle_raw(side: Side) -> None:
    """Values as they are stored, or as they are meant."""
    raw = not side.view.raw
    side.choose(raw=raw)
    side.tell("values as they are stored" if raw else "values as they are meant")
