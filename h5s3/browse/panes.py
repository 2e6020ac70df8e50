"""The panes: what each asks about the item under the cursor, and how its answer is drawn."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, Literal

from h5s3.browse.look import Look
from h5s3.browse.places.items import Item
from h5s3.browse.view import View
from h5s3.browse.widgets.drawing import Draw, Pictured, folded
from h5s3.errors import H5s3Error, NoValuesError
from h5s3.explore.du import du
from h5s3.explore.meta import meta
from h5s3.explore.preview.color_limits import at_limits
from h5s3.explore.preview.preview import preview
from h5s3.explore.session import Session
from h5s3.formats.requests import MetaRequest, UsageRequest
from h5s3.records import DiskUsage, Meta, Preview, replaced
from h5s3.render.columns import Line
from h5s3.render.du import Style, usage_lines
from h5s3.render.meta import meta_lines
from h5s3.render.plots.chunk_map import Grid, chunk_lines, grid_text, stored_sizes
from h5s3.render.plots.plot import plotted
from h5s3.render.preview import preview_lines
from h5s3.render.screen.entries import entry_lines
from h5s3.render.screen.failures import error_text
from h5s3.render.screen.segments import Drawn, drawn_lines, drawn_text
from h5s3.render.text import safe

Pane = Literal["meta", "values", "plot", "table", "layout", "attributes"]
PANES: tuple[Pane, ...] = ("meta", "values", "plot", "table", "layout", "attributes")
LOW = 12  # lines, in which a plot has no notes below
MOST_CHUNKS = 100_000  # that a map shows
ENTRIES = 200  # of what a group takes
ROOMY = 60  # columns that have room for sizes with all their digits
LISTED = 500  # chunks of which a line can be scrolled to
FEW = 4  # lines of them that are in sight below the map


@dataclass(frozen=True)
class Asked:
    """A question of a pane: `key` names its answer, `draw` makes lines of it."""

    key: Hashable
    what: str
    work: Callable[[Session], Any]
    draw: Callable[[Any], Draw]


def asked(pane: Pane, item: Item, view: View, look: Look, width: int) -> Asked | None:
    """What a pane asks about an item; None where the listing told all that there is, and for tables."""
    if not item.inside or pane == "table":
        return None
    return _QUESTIONS[pane](item, view, look, width)


def drawn_entry(item: Item, look: Look) -> Draw:
    """What a listing told."""
    return folded(lambda width: entry_lines(item.location.display, item.word, item.entry))


def drawn_error(error: H5s3Error) -> Draw:
    """Why there is no answer."""
    text = error_text(error, place=True)
    return folded(lambda width: [[(text, "bad")], [("", "")], [("r asks again", "faint")]])


def _meta(item: Item, view: View, look: Look, width: int) -> Asked:
    asking = MetaRequest(item.path)

    def draw(found: Meta) -> Draw:
        def lines(width: int) -> list[Line]:
            head = entry_lines(item.location.display, "file", item.entry)[1:] if item.entry else []
            made = meta_lines(found, width, look.symbols)
            told = {text for line in made for text, _ in line[1:]}  # by the file itself, too
            return made[:1] + [line for line in head if line[1][0] not in told] + made[1:]

        return folded(lines)

    return Asked(
        (item.key, asking), f"meta {item.path}", lambda session: meta(session, item.location, asking), draw
    )


def _attributes(item: Item, view: View, look: Look, width: int) -> Asked:
    asking = MetaRequest(item.path, all_attributes=True)

    def draw(found: Meta) -> Draw:
        none: list[Line] = [[("no attributes", "faint")]]
        return folded(
            lambda width: (
                meta_lines(found, width, look.symbols, True) + (none if not found.num_attributes else [])
            )
        )

    what = f"attributes of {item.path}"
    return Asked((item.key, asking), what, lambda session: meta(session, item.location, asking), draw)


def facts_alone(item: Item, look: Look) -> Asked:
    """The question about what has no values: what it is, and its facts."""
    asking = MetaRequest(item.path)

    def draw(found: Meta) -> Draw:
        return _drawn_facts(found, look)

    def work(session: Session) -> Meta:
        return meta(session, item.location, asking)

    return Asked((item.key, asking), f"meta {item.path}", work, draw)


def _drawn_facts(found: Meta, look: Look) -> Draw:
    kind = found.kind.replace("_", " ")
    word = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind} has no values; below are its facts"
    none: list[Line] = [[(word, "faint")], [("", "")]]
    return folded(lambda width: none + meta_lines(found, width, look.symbols))


def _values(item: Item, view: View, look: Look, width: int) -> Asked:
    def draw(found: Preview | Meta) -> Draw:
        if isinstance(found, Meta):
            return _drawn_facts(found, look)
        table = found.table
        cut = table is not None and (table.rows_truncated or table.columns_truncated)
        more: list[Line] = [[("  4 shows all of them", "faint")]] * cut
        return folded(lambda width: preview_lines(replaced(found, plot=None), width, look.symbols) + more)

    return replace(_plot(item, view, look, width), draw=draw)


def _plot(item: Item, view: View, look: Look, width: int) -> Asked:
    asking = view.request(item.path, width)

    def draw(found: Preview | Meta) -> Draw:
        if isinstance(found, Meta):
            return _drawn_facts(found, look)
        plot = found.plot
        if plot is None:
            return folded(lambda width: preview_lines(found, width, look.symbols))

        def drawn(width: int, height: int) -> Pictured:
            said = "; ".join(
                sorted(found.notes, key=lambda note: note != found.drawn)[:2] if height > LOW else []
            )
            below = drawn_lines([[(safe(said, 2 * width), "faint")]], width)[:2] if said else []
            made = plotted(found, plot, width, height - len(below), look.color, look.unicode, view.palette)
            return Pictured(drawn_text(made.text) + below, made.canvas)

        return drawn

    def work(session: Session) -> Preview | Meta:
        try:
            return _scaled(preview(session, item.location, asking), view)
        except NoValuesError:
            return meta(session, item.location, MetaRequest(item.path))

    return Asked((item.key, asking, view.log, view.full), f"values of {item.path}", work, draw)


def _scaled(found: Preview, view: View) -> Preview:
    """A preview on the scale, and with the limits, that are wished."""
    return at_limits(found, view.log, view.full)


def _layout(item: Item, view: View, look: Look, width: int) -> Asked:
    if item.is_array:
        return _chunks(item, look)
    asking = UsageRequest(item.path, limit=ENTRIES)

    def draw(found: DiskUsage) -> Draw:
        def lines(width: int) -> list[Line]:
            table, remarks = usage_lines(found, Style(width, look.unicode, full=width >= ROOMY))
            return table + remarks

        return folded(lines)

    return Asked(
        (item.key, asking),
        f"sizes below {item.path}",
        lambda session: du(session, item.location, asking),
        draw,
    )


def _chunks(item: Item, look: Look) -> Asked:
    """How a dataset is stored: where its chunks are."""
    asking = MetaRequest(item.path, chunks=MOST_CHUNKS)

    def draw(answer: tuple[Meta, Grid | None]) -> Draw:
        found, grid = answer

        def drawn(width: int, height: int) -> Drawn:
            lines = meta_lines(replaced(found, num_attributes=0), width, look.symbols)
            if not isinstance(found.chunk_index, list) or not found.shape:
                return drawn_lines([*lines, [(f"  {_bytes_of(found)}", "faint")]], width)
            lines.append([(f"  {_bytes_of(found)}", "faint")])
            above = drawn_lines(lines, width)
            below = drawn_lines(chunk_lines(found, width, LISTED, exact=True), width)
            if grid is None:
                return above + below
            room = min(max(10, height - len(above) - FEW), max(10, width // 2))
            return above + drawn_text(grid_text(grid, width, room, look.color, look.unicode)) + below

        return drawn

    def work(session: Session) -> tuple[Meta, Grid | None]:
        try:
            found = meta(session, item.location, asking)
        except NoValuesError:  # it is stored in one piece
            return meta(session, item.location, MetaRequest(item.path)), None
        listed = isinstance(found.chunk_index, list) and found.chunk_index and found.shape
        return found, stored_sizes(found) if listed else None  # of many chunks it takes long

    return Asked((item.key, asking, "map"), f"chunks of {item.path}", work, draw)


def _bytes_of(found: Meta) -> str:
    """The exact sizes of a dataset."""
    stored = f", stored in {found.storage_size:,}" if isinstance(found.storage_size, int) else ""
    at = f", at byte {found.offset:,} of the file" if isinstance(found.offset, int) else ""
    return f"{found.nbytes:,} bytes{stored}{at}" if isinstance(found.nbytes, int) else ""


_QUESTIONS: dict[Pane, Callable[[Item, View, Look, int], Asked]] = {
    "meta": _meta,
    "values": _values,
    "plot": _plot,
    "layout": _layout,
    "attributes": _attributes,
}
