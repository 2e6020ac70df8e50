"""Samples of a large dataset that one NumPy expression names: planes, evenly spread."""

from __future__ import annotations

from dataclasses import replace

from h5s3.formats.hdf5.data.sample import Sampler
from h5s3.formats.selection import Selection


def spread(sampler: Sampler, selection: Selection, plane: Selection, most: int) -> Selection | None:
    """As many planes like `plane` as fit into `most` stored bytes, this one among them; None if not even it.

    `plane` stands at one index in some of the dimensions of `selection`. There every n-th index is taken,
    with n as small as the budget allows, first where least is known.
    """
    if not sampler.fits(plane):
        return None
    counts = {n: 1 for n, axis in enumerate(selection) if axis.keep and not plane[n].keep and axis.count > 1}
    found = plane
    open_ = dict(counts)
    while open_:
        number = max(open_, key=lambda n: selection[n].count / counts[n])
        tried = {**counts, number: min(counts[number] * 2, selection[number].count)}
        wider = _planes(selection, plane, tried)
        cost = sampler.cost(wider)
        if cost is None or cost > most:
            del open_[number]
            continue
        counts, found = tried, wider
        if counts[number] == selection[number].count:
            del open_[number]
    return found


def _planes(selection: Selection, plane: Selection, counts: dict[int, int]) -> Selection:
    """Planes at so many indices of each dimension; those of `plane` are among them."""
    chosen = list(plane)
    for number, count in counts.items():
        if count == 1:
            continue
        axis = selection[number]
        every = -(-axis.count // count)
        position = (plane[number].start - axis.start) // axis.step
        first = position % every
        chosen[number] = replace(
            axis,
            start=axis.start + first * axis.step,
            step=axis.step * every,
            count=-(-(axis.count - first) // every),
        )
    return tuple(chosen)
