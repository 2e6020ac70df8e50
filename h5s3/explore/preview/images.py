"""Pictures in colour."""

from __future__ import annotations

import numpy as np

from h5s3.explore.preview.context import PreviewJob, count_of
from h5s3.explore.preview.plot_data import read_plane
from h5s3.explore.preview.statistics import Reading, statistics
from h5s3.explore.preview.table import table
from h5s3.formats.base import Coordinate
from h5s3.formats.images import Picture
from h5s3.formats.selection import Selection, text_of_selection
from h5s3.records import Axis, Plot


def draw_picture(job: PreviewJob, picture: Picture) -> None:
    """A picture, every n-th pixel of it, with statistics of the values that were read."""
    document = job.document
    rows, columns = picture.plane(len(job.selection))
    drawn = _thinned(job, picture, rows, columns)
    plane = tuple(axis if cut.keep else cut for axis, cut in zip(job.selection, drawn, strict=True))
    values, _ = read_plane(job, [Coordinate()] * len(drawn), plane, drawn)
    document.selection = text_of_selection(values.selection)
    reading = Reading(job.dtype, job.coding)
    document.stats = statistics(values.all, job.array.facts.size, reading)
    document.table = table(job, values.corner_values, values.corner, values.present)
    shown, flags = values.drawn, values.present
    if picture.channels is not None:
        kept = [number for number, axis in enumerate(drawn) if axis.keep]
        shown = np.moveaxis(shown, kept.index(picture.channels), -1)
        flags = None if flags is None else np.moveaxis(flags, kept.index(picture.channels), -1)[..., 0]
    colors = picture.colors(shown).astype(object)
    if flags is not None:
        colors[~flags] = None
    pixels = [[None if pixel[0] is None else list(pixel) for pixel in row] for row in colors.tolist()]
    axes = [Axis(dimension=n, start=a.start, step=a.step, count=a.count) for n, a in enumerate(drawn)]
    document.preview_type = "image"
    document.plot = Plot(
        type="image",
        data=pixels,
        vmin=None,
        vmax=None,
        downsampled=(drawn[rows].count, drawn[columns].count)
        != (job.selection[rows].count, job.selection[columns].count),
        selection=text_of_selection(drawn),
        x=axes[columns],
        y=axes[rows],
    )


def _thinned(job: PreviewJob, picture: Picture, rows: int, columns: int) -> Selection:
    """Every n-th row and column, with one n for both; of further dimensions the middle."""
    most, selection = job.asked.max_size, job.selection
    every = max(-(-selection[rows].count // most), -(-selection[columns].count // most))
    drawn = []
    for number, axis in enumerate(selection):
        if number in (rows, columns):
            drawn.append(axis.thinned(-(-axis.count // every)))
        elif number == picture.channels or not axis.keep:
            drawn.append(axis)
        else:
            drawn.append(axis.at(axis.count // 2))
    return tuple(drawn)


def is_shown_as_picture(job: PreviewJob, picture: Picture | None) -> bool:
    """Whether the selection leaves the picture whole enough to be one."""
    if picture is None or job.asked.display_dims is not None or not count_of(job.selection):
        return False
    rows, columns = picture.plane(len(job.selection))
    needed = [rows, columns] + ([] if picture.channels is None else [picture.channels])
    if not all(job.selection[number].keep for number in needed):
        return False
    channels = None if picture.channels is None else job.selection[picture.channels]
    return channels is None or (channels.count >= 3 and channels.step == 1 and channels.start == 0)
