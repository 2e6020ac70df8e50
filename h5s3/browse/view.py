"""What of an array is drawn, and how: a frame, a window that was zoomed into, dimensions, a scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from h5s3.explore.preview.request import ComplexPart, PreviewRequest
from h5s3.formats.selection import Axis, Selection, parse_selection, text_of_selection, whole
from h5s3.records import UNSET, Plot
from h5s3.render.plots.colors import PALETTES
from h5s3.render.plots.plot import goes_up

FEWEST = 4  # elements of an axis that is zoomed into
SMALL, LARGE = 256, 512  # points of an axis
ROWS = 64  # of the first values


@dataclass(frozen=True)
class View:
    """`selection` None: all of it, the dimensions that are not drawn at their middle."""

    selection: Selection | None = None
    display: tuple[int, int] | None = None
    log: bool = False
    full: bool = False  # colours for all values, the extreme ones too
    palette: str = "viridis"
    raw: bool = False  # values as stored
    column: str | None = None  # the field of a compound, or the column of a table, that is drawn
    part: ComplexPart = "abs"  # of complex numbers

    def changed(self, **changes: Any) -> View:
        """The same but for this."""
        return replace(self, **changes)

    def recolored(self) -> View:
        """The next colours."""
        if not self.full:
            return replace(self, full=True)
        names = list(PALETTES)
        return replace(self, full=False, palette=names[(names.index(self.palette) + 1) % len(names)])

    def request(self, path: str, width: int) -> PreviewRequest:
        """The preview that shows it on so many columns."""
        text = None if self.selection is None else text_of_selection(self.selection)
        size = SMALL if width * 2 <= SMALL else LARGE
        return PreviewRequest(
            path, selection=text, display_dims=self.display, max_size=size,
            raw=self.raw, column=self.column, part=self.part, rows=ROWS,
        )  # fmt: skip

    def stepped(self, plot: Plot, shape: tuple[int, ...], by: int) -> View | None:
        """The next frame: another index of the first dimension that is not drawn. None: there is no other."""
        axes = self.axes(plot, shape)
        for number, axis in enumerate(axes):
            if not axis.keep and shape[number] > 1:
                at = min(max(0, axis.start + by), shape[number] - 1)
                moved = (*axes[:number], Axis(at, 1, 1, keep=False), *axes[number + 1 :])
                return None if at == axis.start else replace(self, selection=moved)
        return None

    def stepped_from(self, shape: tuple[int, ...], by: int) -> View | None:
        """The same where no plot tells what is drawn: the last two dimensions that a slice keeps."""
        axes = list(self.selection or whole(shape))
        kept = [number for number, axis in enumerate(axes) if axis.keep][-2:]
        for number, axis in enumerate(axes):
            if shape[number] > 1 and number not in kept:
                now = axis.at(axis.count // 2).start if axis.keep else axis.start
                at = min(max(0, now + by), shape[number] - 1)
                axes[number] = Axis(at, 1, 1, keep=False)
                return None if at == now else replace(self, selection=tuple(axes))
        return None

    def zoomed(
        self, plot: Plot, shape: tuple[int, ...], factor: float, about: Mapping[int, int] | None = None
    ) -> View | None:
        """A window that is so many times as wide, about the same middle, or `about` indices of dimensions.
        None: it is as far as it goes."""

        def changed(number: int, axis: Axis, size: int) -> Axis:
            count = min(size, max(min(FEWEST, size), round(axis.count * factor)))
            middle = (about or {}).get(number, axis.start + axis.count // 2)
            start = axis.start + (axis.count - count) // 2 if not about else middle - count // 2
            return Axis(min(max(0, start), size - count), 1, count)

        return self._windowed(plot, shape, changed)

    def panned(self, plot: Plot, shape: tuple[int, ...], right: float, down: float) -> View | None:
        """The window moved by shares of itself. None: it is at the end."""
        down = -down if goes_up(plot) else down
        x, y = (*drawn_dimensions(plot), None)[:2]

        def changed(number: int, axis: Axis, size: int) -> Axis:
            share = right if number == x else down if number == y else 0.0
            by = round(share * axis.count) or (0 if not share else 1 if share > 0 else -1)
            return replace(axis, start=min(max(0, axis.start + by), size - axis.count))

        return self._windowed(plot, shape, changed)

    def _windowed(self, plot: Plot, shape: tuple[int, ...], change: object) -> View | None:
        axes = self.axes(plot, shape)
        drawn = drawn_dimensions(plot)
        found = tuple(
            change(number, axis, shape[number]) if number in drawn else axis  # type: ignore[operator]
            for number, axis in enumerate(axes)
        )
        return None if found == axes else replace(self, selection=found)

    def suits(self, plot: Plot, shape: tuple[int, ...]) -> bool:
        """Whether a plot that was drawn before shows the same dimensions as this view will."""
        drawn, now = drawn_dimensions(plot), parse_selection(plot.selection, shape)
        held = self.selection or now
        dimensions = self.display is None or sorted(self.display) == sorted(drawn)
        return dimensions and len(held) == len(now) and all(held[n].keep for n in drawn)

    def axes(self, plot: Plot, shape: tuple[int, ...]) -> Selection:
        """What is drawn now: windows along the axes of the plot, indices in all other dimensions."""
        now = parse_selection(plot.selection, shape)
        held = self.selection or whole(shape)
        drawn = drawn_dimensions(plot)
        return tuple(
            replace(held[n], step=1, count=held[n].stop - held[n].start)
            if n in drawn
            else axis
            if held[n].keep
            else held[n]  # what was stepped to since it was drawn
            for n, axis in enumerate(now)
        )


def drawn_dimensions(plot: Plot) -> tuple[int, ...]:
    """The dimensions of the plot: that of x first."""
    return tuple(axis.dimension for axis in (plot.x, plot.y) if axis is not UNSET)
