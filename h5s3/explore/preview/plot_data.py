"""Numbers drawn as a line or a heatmap, with statistics of all that was read for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from h5s3.errors import UsageError
from h5s3.explore.preview.axes import Ruler, add_coordinates, add_extremes, axis_record, rulers, stands_at
from h5s3.explore.preview.color_limits import set_limits
from h5s3.explore.preview.context import PreviewJob, Values, count_of, pick
from h5s3.explore.preview.peaks import line_of_parts, line_with_peaks, plane_with_peaks
from h5s3.explore.preview.statistics import Reading, as_floats, mean_of, statistics
from h5s3.explore.preview.table import table
from h5s3.formats.base import Coordinate
from h5s3.formats.dtypes import enum_names
from h5s3.formats.sampling import Part, Plan, dropped, spread
from h5s3.formats.selection import Selection, text_of_selection
from h5s3.records import UNSET, Plot, Sampling

SHARE = 2  # planes beside the one that is drawn may take the budget over this


@dataclass
class Read:
    """What was read: of one selection, or, where `parts` are given, piece by piece."""

    selection: Selection
    drawn: Values  # of what is drawn
    present: Values | None  # of `drawn`: what was read (None: all)
    corner: Selection  # what the table is of
    corner_values: Values
    all: list[Part]
    parts: list[Part] | None = None
    corner_present: Values | None = field(init=False)  # of the corner: what was read (None: all)

    def __post_init__(self) -> None:
        self.corner_present = self.present


def draw(job: PreviewJob, reading: Reading, coordinates: list[Coordinate]) -> None:
    """Statistics, a table and a plot of one plane."""
    document = job.document
    plane = job.sampler.nearest_written(plane_of(job), job.selection)
    drawn = thinned(job, plane)
    values, found = read_plane(job, coordinates, plane, drawn)
    document.selection = text_of_selection(values.selection)
    document.stats = statistics(values.all, job.array.facts.size, reading)
    add_extremes(document.stats, found)
    document.table = table(job, values.corner_values, values.corner, values.corner_present)
    document.table.rows_truncated |= job.array.table and count_of(values.corner) < count_of(plane)
    if values.corner != values.selection:
        document.table.selection = text_of_selection(values.corner)
    kept = [(number, axis) for number, axis in enumerate(values.corner) if axis.keep]
    add_coordinates(document.table, kept, found, bool(job.dtype.names))
    _plot(job, reading, values, plane, drawn, found)


def plane_of(job: PreviewJob) -> Selection:
    """The one or two dimensions that are drawn; the others at the middle of what is selected."""
    selection, display = job.selection, job.asked.display_dims
    kept = [number for number, axis in enumerate(selection) if axis.keep]
    chosen = kept[-2:]
    if display is not None:
        chosen = [number + len(selection) if number < 0 else number for number in display]
        if len(set(chosen)) != len(chosen) or not set(chosen) <= set(kept):
            raise UsageError(f"--display-dims are two of {kept} for the shape {job.array.facts.shape}")
    return tuple(
        axis if number in chosen or not axis.keep else axis.at(axis.count // 2)
        for number, axis in enumerate(selection)
    )


def thinned(job: PreviewJob, plane: Selection) -> Selection:
    """Every n-th index of a plane, so that no more than `max_size` squared are drawn, or fit into memory.

    A line may have that many points where all of them are read anyway: thinned, it would hide its peaks.
    """
    most = job.asked.max_size
    if sum(axis.keep for axis in plane) == 1 and job.sampler.fits(plane):
        most *= most
    while True:
        drawn = tuple(axis.thinned(most) if axis.keep else axis for axis in plane)
        if most == 1 or count_of(drawn) * job.dtype.itemsize <= job.sampler.most_decoded // SHARE:
            return drawn
        most = max(1, most // 2)


def read_plane(
    job: PreviewJob, coordinates: list[Coordinate], plane: Selection, drawn: Selection
) -> tuple[Read, dict[int, Ruler]]:
    """Read and coordinates, fetched in one round."""
    plan, base = _plan(job, plane, drawn)
    found = rulers(coordinates, job.selection, drawn)
    wanted = job.sampler.ranges(plan)
    for ruler in found.values():
        wanted += ruler.ranges()
    with job.array.fetched(wanted):
        values = _taken(job, plan, base, drawn)
        for ruler in found.values():
            ruler.take(job.converter)
    _say_what_was_read(job, plan, values)
    return values, found


def _say_what_was_read(job: PreviewJob, plan: Plan, values: Read) -> None:
    document, sampler = job.document, job.sampler
    if sampler.unit is None or sampler.never_written:
        return
    stored, touched = sampler.pieces(job.selection)
    by_piece = sampler.unit == "chunk" or not plan.complete
    read = len(plan.cells) if by_piece else sampler.pieces(plan.selection)[0]
    document.sample = Sampling(unit=sampler.unit, read=read, total=stored)
    unknown = sampler.unknown(whole=read >= stored)
    if unknown:
        document.notes.append(unknown)
    if values.parts is not None:
        document.sample.parts = [text_of_selection(part.selection) for part in values.parts]
        if values.present is not None:
            document.sample.gaps = True
            document.notes.append("what was not read is left out of the plot and the table")
    if stored < touched:
        share = f"{stored:,} of {touched:,} chunks were ever written; the others have the fill value"
        document.notes.append(share)


def _plan(job: PreviewJob, plane: Selection, drawn: Selection) -> tuple[Plan, Selection | None]:
    """What to read, and what of it the table shows (None: only what is drawn).

    All of the selection where it fits; else the plane that is drawn, and others evenly spread; else pieces,
    first those that are drawn. Where nothing is stored in pieces, or ever was, what is drawn is enough.
    """
    sampler, selection = job.sampler, job.selection
    if sampler.fits(selection):
        return sampler.plan(selection), plane
    planes = spread(sampler, selection, plane, sampler.max_bytes // SHARE)
    alone = planes == plane and count_of(plane) < count_of(selection)
    if planes is not None and not (alone and sampler.unit == "chunk" and not sampler.never_written):
        return sampler.plan(planes), plane
    if sampler.unit is None or sampler.never_written:
        return sampler.plan(drawn), drawn
    return sampler.plan(selection, first=plane if alone else drawn), None


def _taken(job: PreviewJob, plan: Plan, base: Selection | None, drawn: Selection) -> Read:
    if base is None and not plan.complete:
        return _from_parts(job, plan, drawn)
    base = drawn if base is None else base
    boxes = job.sampler.decoded_with(plan.selection, job.selection)
    if boxes != [plan.selection]:
        return _from_boxes(job, boxes, base, drawn)
    sample = job.sampler.take(plan)
    values, chosen = sample.values, plan.selection
    present = None if sample.present is None else pick(sample.present, chosen, drawn)
    return Read(
        chosen,
        pick(values, chosen, drawn),
        present,
        base if present is None else drawn,
        pick(values, chosen, base if present is None else drawn),
        [Part(chosen, values, sample.present)],
    )


def _from_boxes(job: PreviewJob, boxes: list[Selection], base: Selection, drawn: Selection) -> Read:
    """What is drawn and tabled stands in one of the boxes; statistics are of all."""
    parts = job.sampler.boxes(boxes)
    at = next(number for number, box in enumerate(boxes) if _within(base, box))
    values = dropped(parts[at].values, boxes[at])
    one = len(boxes) == 1
    return Read(
        boxes[0] if one else job.selection,
        pick(values, boxes[at], drawn),
        None,
        base,
        pick(values, boxes[at], base),
        parts,
        None if one else parts,
    )


def _within(plane: Selection, box: Selection) -> bool:
    """Whether a plane, which goes through all boxes or stands in one, begins in this one."""
    return all(held.start <= axis.start < held.stop for axis, held in zip(plane, box, strict=True))


def _from_parts(job: PreviewJob, plan: Plan, drawn: Selection) -> Read:
    """What is drawn, put together from pieces of a selection that is too large to lay out."""
    parts = job.sampler.parts(plan)
    values, present = job.sampler.laid_out(plan, parts, drawn)
    flags = None if present.all() else present
    found = Read(plan.selection, values, flags, drawn, values, parts, parts)
    if job.array.table:  # its first rows say more than rows here and there
        first = tuple(replace(axis, count=min(axis.count, job.rows)) for axis in plan.selection)
        rows, known = job.sampler.laid_out(plan, parts, first)
        if known.all():
            found.corner, found.corner_values, found.corner_present = first, rows, None
    return found


def _plot(
    job: PreviewJob,
    reading: Reading,
    values: Read,
    plane: Selection,
    drawn: Selection,
    found: dict[int, Ruler],
) -> None:
    whole = values.present is None and values.corner == plane  # all of the plane is known
    numbers = _drawn(reading, values, plane, drawn, whole)
    axes = [axis_record(n, axis, found.get(n)) for n, axis in enumerate(drawn) if axis.keep]
    display = job.asked.display_dims
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
    _describe(job, reading, plot)
    where = stands_at(plane, found)
    if where:
        plot.at = where
    set_limits(plot)
    dates = job.coding.dates([plot.vmin, plot.vmax]) if plot.vmin is not None else None
    if dates:
        plot.texts = dates
    if plot.downsampled and whole and not enum_names(reading.dtype):
        plot.peaks = True
    elif plot.downsampled:
        of_parts = _of_parts(reading, values, drawn)
        job.document.drawn = _parts_note(plot) if of_parts else _thinned_note(plot)
        job.document.notes.append(job.document.drawn)
    job.document.plot, job.document.preview_type = plot, plot.type
    if numbers.ndim == 2:
        job.document.profile = [mean_of(row) for row in numbers]


def _drawn(reading: Reading, values: Read, plane: Selection, drawn: Selection, whole: bool) -> Values:
    """The numbers to draw, with the peaks between them where all of the plane is known (`whole`)."""

    def floats(some: Values) -> Values:
        return as_floats(*reading.numbers(some))

    numbers = floats(values.drawn)
    if values.present is not None:
        numbers[~values.present] = np.nan
    every = [a.step // b.step for a, b in zip(drawn, plane, strict=True) if a.keep]
    if _of_parts(reading, values, drawn) and every[0] > 1:
        at = next(number for number, axis in enumerate(drawn) if axis.keep)
        read = [(part.selection[at], part.values.reshape(-1)) for part in values.parts or ()]
        return line_of_parts(numbers, drawn[at], read, floats)
    if not whole or max(every) == 1 or enum_names(reading.dtype):
        return numbers
    if len(every) == 1:
        return line_with_peaks(values.corner_values, every[0], floats)
    return plane_with_peaks(numbers, values.corner_values, (every[0], every[1]), floats)


def _of_parts(reading: Reading, values: Read, drawn: Selection) -> bool:
    """Whether a line is drawn, of which pieces were read."""
    alone = sum(axis.count > 1 for axis in values.selection) == 1
    line = sum(axis.keep for axis in drawn) == 1 and alone
    return line and values.parts is not None and values.present is not None and not enum_names(reading.dtype)


def _thinned_note(plot: Plot) -> str:
    """What was left out between the values that are drawn."""
    steps = [(axis.step, name) for axis, name in ((plot.y, "row"), (plot.x, "column")) if axis is not UNSET]
    if plot.type == "line":
        steps = [(step, "value") for step, _ in steps[-1:]]
    words = " and ".join(f"every {ordinal(step)} {name}" for step, name in steps if step > 1)
    return f"drawn: {words or 'some values'}; peaks between are not seen"


def _parts_note(plot: Plot) -> str:
    """The same, where all that was read is drawn."""
    step = 2 * plot.x.step if plot.x is not UNSET else 0
    return f"drawn: the lowest and the highest of each {step:,} values, of those that were read"


def _describe(job: PreviewJob, reading: Reading, plot: Plot) -> None:
    """What the numbers are."""
    if reading.of:
        plot.label = reading.of
    if reading.dtype.kind == "c" and reading.part == "phase":
        plot.units = "rad"
    elif job.coding.units:
        plot.units = job.coding.units
    if plot.type == "line" and not reading.of and job.coding.title:
        plot.label = job.coding.title
    names = enum_names(reading.dtype)
    if names:
        plot.categories = names


def ordinal(number: int) -> str:
    """`2nd`, `3rd`, `40th`."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number % 100 not in (11, 12, 13) else 0, "th")
    return f"{number:,}{ending}"


def as_json(numbers: Values) -> list[Any]:
    """Nested lists with None for what is not finite."""
    shown = numbers.astype(object)
    shown[~np.isfinite(numbers)] = None
    nested: list[Any] = shown.tolist()
    return nested
