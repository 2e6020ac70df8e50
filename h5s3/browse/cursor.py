"""A cursor in a plot: at which sample it is, which ones its cell of the screen stands for, what is there."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from h5s3.browse.answers import Answers
from h5s3.browse.lanes import Lanes, Question
from h5s3.browse.look import Look
from h5s3.browse.places.items import Item
from h5s3.browse.view import View, drawn_dimensions
from h5s3.browse.widgets.drawing import Drawing, Marks
from h5s3.errors import H5s3Error
from h5s3.explore.preview.exact.point import PointRequest, point
from h5s3.explore.session import Session
from h5s3.formats.selection import Axis, text_of_selection, whole
from h5s3.records import UNSET, Plot, Point
from h5s3.render.plots.canvas import Canvas
from h5s3.render.screen.failures import error_text
from h5s3.render.screen.points import point_text, waiting_text

FAST = 10  # cells
GROUP = "value"
Drawn = tuple[Plot, tuple[int, ...]]  # a plot, and the shape of its array


class Panes(Protocol):
    """Where the cursor is."""

    item: Item
    look_: Look
    answers: Answers
    drawing: Drawing

    @property
    def view(self) -> View:
        """How the array is looked at."""

    @property
    def lanes(self) -> Lanes:
        """Who is asked."""

    @property
    def plot_now(self) -> Drawn | None:
        """The plot that is seen."""

    @property
    def path_of_values(self) -> str:
        """Of what it is."""

    def seen_plot(self, again: Callable[[], object], /) -> Drawn | None:
        """The plot that is seen; `again` is done once there is one."""

    def tell(self, text: str, /) -> None:
        """Say something in the status, until the next key."""

    def tell_value(self, text: str, /) -> None:
        """Say what is under the cursor, as long as it is there."""


@dataclass(frozen=True)
class Cells:
    """One axis of a plot as cells of the screen. `places`: the cell of each value that is drawn, in order;
    `drawn`: their indices in the array; `whole`: all indices between the ends."""

    places: Sequence[int]
    drawn: Axis
    whole: Axis
    paired: bool = False  # each two values are the extremes of what both stand for

    def number(self, index: int) -> int:
        """Which of the drawn values stands for an index of the array."""
        return min(max(0, (index - self.drawn.start) // self.drawn.step), len(self.places) - 1)

    def _same(self, number: int) -> tuple[int, int]:
        """The first and the last of the drawn values that are in one cell with this one."""
        first = last = number
        while first > 0 and self.places[first - 1] == self.places[number]:
            first -= 1
        while last + 1 < len(self.places) and self.places[last + 1] == self.places[number]:
            last += 1
        return first, last

    def span(self, index: int) -> Axis:
        """The indices that the cell of one stands for."""
        first, last = self._same(self.number(index))
        if self.paired:
            first, last = first - first % 2, last | 1
        start = self.drawn.start + first * self.drawn.step
        stop = min(self.drawn.start + (last + 1) * self.drawn.step, self.whole.stop)
        count = max(1, -(-(stop - start) // self.whole.step))
        return Axis(start, self.whole.step, count)

    def moved(self, index: int, by: int) -> int:
        """The index at which the cursor is so many cells further on the screen."""
        if not by:
            return index
        known = sorted(set(self.places))
        at = known.index(self.places[self.number(index)])
        return self._first(known[min(max(0, at + by), len(known) - 1)])

    def at(self, place: int) -> int:
        """The first index of the cell nearest to a place."""
        return self._first(min(self.places, key=lambda one: abs(one - place)))

    def _first(self, place: int) -> int:
        return self.drawn.start + self.places.index(place) * self.drawn.step


class Cursor:
    """The cursor of the plot in the pane. `at`: its index along each dimension that is drawn."""

    def __init__(self, side: Panes) -> None:
        self._side = side
        self.on = False
        self.at: dict[int, int] = {}
        self._asked: Hashable = None  # what is on its way

    # ------------------------------------------------------------------------------------ moving

    def toggle(self) -> None:
        """Turn it on, at first in the middle, or off."""
        if self.on:
            self.leave()
            return
        drawn = self._side.seen_plot(self.toggle)
        if drawn is None:
            return
        if self._side.drawing.canvas is None or not drawn_dimensions(drawn[0]):
            self._side.tell("3 shows the plot of an array, i a cursor in it")
            return
        self.on = True
        self._side.drawing.focus()
        self.renew()

    def leave(self) -> bool:
        """Turn it off; whether it was on."""
        was, self.on, self._asked = self.on, False, None
        if was:
            self._side.lanes.drop(GROUP)
            self._side.tell_value("")
            self._side.drawing.refresh()
        return was

    def forget(self) -> None:
        """Something else is looked at."""
        self.at.clear()
        self.leave()

    def move(self, right: int, down: int) -> bool:
        """So many cells on; whether there is a cursor."""
        return self._go(lambda cells, index: cells.moved(index, right), lambda c, i: c.moved(i, down))

    def page(self, by: int) -> bool:
        """Fast, along a line or down an image."""
        last = self._side.plot_now
        line = last is not None and last[0].type == "line"
        return self.move(by * FAST * line, by * FAST * (not line))

    def end(self, last: bool) -> bool:
        """To the first or the last place along x."""

        def ended(cells: Cells, index: int) -> int:
            return cells.at(max(cells.places) if last else min(cells.places))

        return self._go(ended, lambda cells, index: index)

    def put(self, x: int, y: int) -> None:
        """At a place of the drawing, by the mouse."""
        canvas = self._side.drawing.canvas
        if canvas is None or self._side.plot_now is None:
            return
        column, line = x - canvas.left, (y - canvas.top) * canvas.per_line
        if 0 <= column < canvas.columns and 0 <= y - canvas.top < canvas.lines:
            self.on = True
            self._go(lambda cells, index: cells.at(column), lambda cells, index: cells.at(line))

    def _go(self, along: Callable[[Cells, int], int], down: Callable[[Cells, int], int]) -> bool:
        axes = self._axes() if self.on else None
        if axes is None:
            return self.on
        for (number, cells), move in zip(axes.items(), (along, down), strict=False):
            self.at[number] = move(cells, self._index(number, cells))
        self.renew()
        return True

    def renew(self) -> None:
        """Say what is under it in the plot as it is now."""
        axes = self._axes() if self.on else None
        if axes is None:
            return
        self.at = {number: self._index(number, cells) for number, cells in axes.items()}
        self._side.drawing.refresh()
        self._ask({number: cells.span(self.at[number]) for number, cells in axes.items()})

    def _index(self, number: int, cells: Cells) -> int:
        """Where it is along a dimension, within what is drawn now."""
        index = self.at.get(number, cells.drawn.start + len(cells.places) // 2 * cells.drawn.step)
        return min(max(index, cells.whole.start), cells.whole.stop - 1)

    def _axes(self) -> dict[int, Cells] | None:
        """The axes of the plot that is seen, x first."""
        drawn, canvas = self._side.plot_now, self._side.drawing.canvas
        if drawn is None or canvas is None:
            return None
        plot, shape = drawn
        selection = self._side.view.selection or whole(shape)
        paired = plot.type == "line" and plot.downsampled
        found = {}
        downs = [] if plot.type == "line" else [place for place in canvas.down if place is not None]
        for axis, places in ((plot.x, list(canvas.across)), (plot.y, downs)):
            if axis is not UNSET and places:
                held = selection[axis.dimension]
                held = held if held.keep else Axis(0, 1, shape[axis.dimension])
                shown = Axis(axis.start, axis.step, axis.count)
                found[axis.dimension] = Cells(places, shown, _between(shown, held), paired)
        return found

    # ------------------------------------------------------------------------------------ asking

    def _ask(self, spans: dict[int, Axis]) -> None:
        side = self._side
        drawn = side.plot_now
        if drawn is None:
            return
        asking = self._request(spans, *drawn)
        key, unicode = (side.item.key, asking), side.look_.unicode
        held = side.answers.get(key)
        if held is not None:
            side.lanes.drop(GROUP)
            self._asked = None
            side.tell_value(point_text(held, spans, unicode))
            return
        side.tell_value(waiting_text(asking.at, spans, unicode))
        if key == self._asked:
            return
        self._asked = key
        location = side.item.location

        def work(session: Session) -> Point:
            return point(session, location, asking)

        def done(found: Point) -> None:
            side.answers.keep(key, found)
            if self._asked == key:
                self._asked = None
                side.tell_value(point_text(found, spans, unicode))

        def failed(error: H5s3Error) -> None:
            if self._asked == key:
                self._asked = None
                side.tell_value(error_text(error, place=True))

        side.lanes.ask(Question(GROUP, f"the value at {asking.at}", work, done, failed))

    def _request(self, spans: dict[int, Axis], plot: Plot, shape: tuple[int, ...]) -> PointRequest:
        side, view = self._side, self._side.view
        many = any(axis.count > 1 for axis in spans.values()) and plot.type != "image"
        at = tuple(self._cut(number, axis, plot) for number, axis in enumerate(view.axes(plot, shape)))
        near = tuple(spans.get(number, axis) for number, axis in enumerate(at)) if many else None
        path = side.path_of_values
        return PointRequest(
            path,
            text_of_selection(at),
            None if near is None else text_of_selection(near),
            raw=view.raw,
            column=view.column if path == side.item.path else None,
            part=view.part,
        )

    def _cut(self, number: int, axis: Axis, plot: Plot) -> Axis:
        """The index along a dimension, but all of the channels of a picture."""
        if number in self.at:
            return Axis(self.at[number], 1, 1, keep=False)
        if plot.type == "image" and axis.keep and axis.count > 1:
            return axis
        return replace(axis, step=1, count=1, keep=False)

    # ------------------------------------------------------------------------------------ drawing

    def marks(self, canvas: Canvas) -> Marks:
        """What stands at columns and lines of the drawing to show where it is: characters and styles."""
        axes = self._axes() if self.on else None
        if axes is None or not self.at:
            return {}
        numbers = [cells.number(self._index(number, cells)) for number, cells in axes.items()]
        column = canvas.left + canvas.across[numbers[0]]
        down = canvas.down[numbers[-1]]
        bar = "│" if self._side.look_.unicode else "|"
        found: Marks = {}
        if len(numbers) == 1:
            found = {(column, canvas.top + line): (bar, "under") for line in range(canvas.lines)}
        else:
            found[canvas.left - 1, canvas.top + (down or 0) // canvas.per_line] = (">", "reverse")
        found[column, canvas.top + canvas.lines] = ("^", "reverse")
        if down is not None:
            found[column, canvas.top + down // canvas.per_line] = ("+", "reverse")
        return found


def _between(drawn: Axis, held: Axis) -> Axis:
    """All indices that a drawn axis stands for, of those that are looked at."""
    stop = min(drawn.start + drawn.count * drawn.step, held.stop)
    step = held.step if drawn.step % held.step == 0 else 1
    return Axis(drawn.start, step, max(1, -(-(stop - drawn.start) // step)))
