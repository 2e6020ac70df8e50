"""Numbers drawn as a line or a heatmap, with statistics of all that was read for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.explore.preview.axes import Ruler, add_coordinates, axis_record, rulers, stands_at
from h5s3.explore.preview.color_limits import set_limits
from h5s3.explore.preview.context import Array, Look, count_of, pick
from h5s3.explore.preview.statistics import Reading, as_floats, mean_of, statistics
from h5s3.explore.preview.table import table
from h5s3.formats.hdf5.conventions.coordinates import Coordinate
from h5s3.formats.hdf5.data.sample import Part, Plan
from h5s3.formats.hdf5.data.spread import spread
from h5s3.formats.hdf5.objects.values import enum_names
from h5s3.formats.selection import Selection, text_of_selection
from h5s3.records import UNSET, Plot, Sampling

SHARE = 2  # planes beside the one that is drawn may take the budget over this


@dataclass
class Values:
    """What was read: of one selection, or, where `parts` are given, piece by piece."""

    selection: Selection
    drawn: Array  # of what is drawn
    present: Array | None  # of `drawn`: what was read (None: all)
    corner: Selection  # what the table is of
    corner_values: Array
    all: list[Array]
    parts: list[Part] | None = None


def draw(look: Look, reading: Reading, coordinates: list[Coordinate]) -> None:
    """Statistics, a table and a plot of one plane."""
    document = look.document
    plane = look.sampler.nearest_written(plane_of(look), look.selection)
    drawn = thinned(look, plane)
    values, found = read_plane(look, coordinates, plane, drawn)
    document.selection = text_of_selection(values.selection)
    document.stats = statistics(values.all, look.facts.size, reading)
    document.table = table(look, values.corner_values, values.corner, values.present)
    if values.corner != values.selection:
        document.table.selection = text_of_selection(values.corner)
    kept = [(number, axis) for number, axis in enumerate(values.corner) if axis.keep]
    add_coordinates(document.table, kept, found, bool(look.dtype.names))
    _plot(look, reading, values, plane, drawn, found)


def plane_of(look: Look) -> Selection:
    """The one or two dimensions that are drawn; the others at the middle of what is selected."""
    selection, display = look.selection, look.options["display"]
    kept = [number for number, axis in enumerate(selection) if axis.keep]
    chosen = kept[-2:]
    if display is not None:
        chosen = [number + len(selection) if number < 0 else number for number in display]
        if len(set(chosen)) != len(chosen) or not set(chosen) <= set(kept):
            raise UsageError(f"--display-dims are two of {kept} for the shape {look.facts.shape}")
    return tuple(
        axis if number in chosen or not axis.keep else axis.at(axis.count // 2)
        for number, axis in enumerate(selection)
    )


def thinned(look: Look, plane: Selection) -> Selection:
    """Every n-th index of a plane, so that no more than `max_size` squared are drawn, or fit into memory.

    A line may have that many points where all of them are read anyway: thinned, it would hide its peaks.
    """
    most = look.options["max_size"]
    if sum(axis.keep for axis in plane) == 1 and look.sampler.fits(plane):
        most *= most
    while True:
        drawn = tuple(axis.thinned(most) if axis.keep else axis for axis in plane)
        if most == 1 or count_of(drawn) * look.dtype.itemsize <= look.sampler.most_decoded // SHARE:
            return drawn
        most = max(1, most // 2)


def read_plane(
    look: Look, coordinates: list[Coordinate], plane: Selection, drawn: Selection
) -> tuple[Values, dict[int, Ruler]]:
    """Values and coordinates, fetched in one round."""
    blocks, sampler = look.file.blocks, look.sampler
    plan, base = _plan(look, plane, drawn)
    found = rulers(look.file, coordinates, plane, drawn)
    wanted = sampler.ranges(plan)
    for ruler in found.values():
        wanted += ruler.ranges()
    try:
        blocks.fetch_exact(wanted)
        values = _taken(look, plan, base, drawn)
        for ruler in found.values():
            ruler.take(look.converter)
    finally:
        blocks.drop_exact()
    _say_what_was_read(look, plan, values)
    return values, found


def _say_what_was_read(look: Look, plan: Plan, values: Values) -> None:
    document, sampler = look.document, look.sampler
    if not sampler.complete_index:
        document.notes.append("the chunk index is longer than what was looked at")
    if sampler.unit is None or sampler.never_written:
        return
    stored, touched = sampler.pieces(look.selection)
    by_piece = sampler.unit == "chunk" or not plan.complete
    read = len(plan.cells) if by_piece else sampler.pieces(plan.selection)[0]
    document.sample = Sampling(unit=sampler.unit, read=read, total=stored)
    if values.parts is not None:
        document.sample.parts = [text_of_selection(part.selection) for part in values.parts]
        if values.present is not None:
            document.notes.append("what was not read is left out of the plot and the table")
    if stored < touched:
        share = f"{stored:,} of {touched:,} chunks were ever written; the others have the fill value"
        document.notes.append(share)


def _plan(look: Look, plane: Selection, drawn: Selection) -> tuple[Plan, Selection | None]:
    """What to read, and what of it the table shows (None: only what is drawn).

    All of the selection where it fits; else the plane that is drawn, and others evenly spread; else pieces,
    first those that are drawn. Where nothing is stored in pieces, or ever was, what is drawn is enough.
    """
    sampler, selection = look.sampler, look.selection
    if sampler.fits(selection):
        return sampler.plan(selection), plane
    planes = spread(sampler, selection, plane, sampler.max_bytes // SHARE)
    alone = planes == plane and count_of(plane) < count_of(selection)
    if planes is not None and not (alone and sampler.unit == "chunk" and not sampler.never_written):
        return sampler.plan(planes), plane
    if sampler.unit is None or sampler.never_written:
        return sampler.plan(drawn), drawn
    return sampler.plan(selection, first=plane if alone else drawn), None


def _taken(look: Look, plan: Plan, base: Selection | None, drawn: Selection) -> Values:
    if base is None and not plan.complete:
        return _from_parts(look, plan, drawn)
    base = drawn if base is None else base
    sample = look.sampler.take(plan)
    values, chosen = sample.values, plan.selection
    present = None if sample.present is None else pick(sample.present, chosen, drawn)
    return Values(
        chosen,
        pick(values, chosen, drawn),
        present,
        base if present is None else drawn,
        pick(values, chosen, base if present is None else drawn),
        [values if sample.present is None else values[sample.present]],
    )


def _from_parts(look: Look, plan: Plan, drawn: Selection) -> Values:
    """What is drawn, put together from pieces of a selection that is too large to lay out."""
    parts = look.sampler.parts(plan)
    values, present = look.sampler.laid_out(plan, parts, drawn)
    flags = None if present.all() else present
    return Values(plan.selection, values, flags, drawn, values, [part.values for part in parts], parts)


def _plot(
    look: Look, reading: Reading, values: Values, plane: Selection, drawn: Selection, found: dict[int, Ruler]
) -> None:
    numbers = as_floats(*reading.numbers(values.drawn))
    if values.present is not None:
        numbers[~values.present] = np.nan
    axes = [axis_record(n, axis, found.get(n)) for n, axis in enumerate(drawn) if axis.keep]
    display = look.options["display"]
    if display is not None and display[0] % len(drawn) > display[1] % len(drawn) and len(axes) == 2:
        numbers, axes = numbers.T, axes[::-1]
    plot = Plot(
        type="line" if len(axes) == 1 else "heatmap",
        data=as_json(numbers),
        vmin=None,
        vmax=None,
        downsampled=count_of(drawn) != count_of(plane),
        selection=text_of_selection(drawn),
        x=axes[-1],
    )
    if len(axes) == 2:
        plot.y = axes[0]
    _describe(look, reading, plot)
    where = stands_at(plane, found)
    if where:
        plot.at = where
    set_limits(plot)
    dates = look.coding.dates([plot.vmin, plot.vmax]) if plot.vmin is not None else None
    if dates:
        plot.texts = dates
    if plot.type == "line" and plot.downsampled and plot.x is not UNSET:
        look.document.drawn = f"drawn: every {ordinal(plot.x.step)} value; peaks between are not seen"
        look.document.notes.append(look.document.drawn)
    look.document.plot, look.document.preview_type = plot, plot.type
    if numbers.ndim == 2:
        look.document.profile = [mean_of(row) for row in numbers]


def _describe(look: Look, reading: Reading, plot: Plot) -> None:
    """What the numbers are."""
    if reading.of:
        plot.label = reading.of
    if reading.dtype.kind == "c" and reading.part == "phase":
        plot.units = "rad"
    elif look.coding.units:
        plot.units = look.coding.units
    if plot.type == "line" and not reading.of and look.coding.title:
        plot.label = look.coding.title
    names = enum_names(reading.dtype)
    if names:
        plot.categories = names


def ordinal(number: int) -> str:
    """`2nd`, `3rd`, `40th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number:,}{ending}"


def as_json(numbers: Array) -> list[Any]:
    """Nested lists with None for what is not finite."""
    shown = numbers.astype(object)
    shown[~np.isfinite(numbers)] = None
    nested: list[Any] = shown.tolist()
    return nested
