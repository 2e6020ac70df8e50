"""How a file lies in its object, as a record: which bytes are metadata, data, or neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from h5s3.records import UNSET
from h5s3.records.doctor import Extent, FileLayout
from h5s3.storage.ranges import GAP

if TYPE_CHECKING:
    from h5s3.formats.hdf5.layout.inventory import Inventory
    from h5s3.formats.hdf5.objects.file import OpenFile

MOST_EXTENTS = 512  # that are told exactly
CELLS = 170  # parts of a file that are told of otherwise, each by up to three extents
KINDS = ("metadata", "data")


def file_layout(file: OpenFile, found: Inventory) -> FileLayout:
    """The record of a surveyed file."""
    from h5s3.formats.hdf5.file_space import file_space

    size, space = file.info.size, file_space(file)
    data = clipped(found.data, size)
    metadata = without(clipped(np.array(found.metadata, dtype="i8").reshape(-1, 2), size), data)
    starts, stops = metadata[:, 0], metadata[:, 1]
    return FileLayout(
        size=size,
        superblock_version=space.superblock_version,
        userblock_size=space.userblock_size,
        file_space_strategy=space.strategy,
        page_size=space.page_size,
        open_for_write=space.open_for_write or UNSET,
        num_groups=found.groups,
        num_datasets=len(found.datasets),
        num_chunks=found.num_chunks,
        metadata_bytes=int((stops - starts).sum()),
        metadata_extents=int((starts[1:] - stops[:-1] > GAP).sum()) + bool(len(metadata)),
        data_bytes=sum(item.stored or 0 for item in found.datasets),
        extents=extents(size, metadata, data),
        complete=not found.cut,
    )


def clipped(runs: Any, size: int) -> Any:
    """Runs within the object: a damaged file may name bytes beyond its end."""
    runs = np.clip(runs, 0, size)
    return runs[runs[:, 1] > runs[:, 0]]


def without(runs: Any, others: Any) -> Any:
    """Runs without the bytes of others; both in order and free of overlaps."""
    if not len(runs) or not len(others):
        return runs
    from h5s3.formats.hdf5.layout.inventory import join_table

    edges = np.unique(np.concatenate([runs.ravel(), others.ravel()]))
    starts, stops = edges[:-1], edges[1:]
    kept = _inside(starts, runs) & ~_inside(starts, others)
    return join_table(np.stack([starts[kept], stops[kept]], axis=1))


def _inside(points: Any, runs: Any) -> Any:
    at = np.searchsorted(runs[:, 0], points, side="right") - 1
    return (at >= 0) & (points < runs[np.maximum(at, 0), 1])


def extents(size: int, metadata: Any, data: Any) -> list[Extent]:
    """All of the object in order. Of many runs, parts of the file tell how much of each kind they hold."""
    if 2 * (len(metadata) + len(data)) > MOST_EXTENTS:
        metadata, data = _thinned(size, metadata, data)
    runs = [(*run, kind) for kind, some in zip(KINDS, (metadata, data), strict=True) for run in some.tolist()]
    found: list[Extent] = []
    at = 0
    for start, stop, kind in [*sorted(runs), (size, size, "unknown")]:
        if start > at:
            found.append(Extent(start=at, stop=start, kind="unknown"))
        if stop > start:
            found.append(Extent(start=start, stop=stop, kind=kind))
        at = max(at, stop)
    return found


def _thinned(size: int, metadata: Any, data: Any) -> tuple[Any, Any]:
    edges = np.linspace(0, size, CELLS + 1).astype("i8")
    meta, raw = (_amounts(edges, runs) for runs in (metadata, data))
    first = np.stack([edges[:-1], edges[:-1] + meta], axis=1)
    second = np.stack([edges[:-1] + meta, np.minimum(edges[:-1] + meta + raw, edges[1:])], axis=1)
    return first[meta > 0], second[second[:, 1] > second[:, 0]]


def _amounts(edges: Any, runs: Any) -> Any:
    """How many bytes of runs lie between each two edges."""
    if not len(runs):
        return np.zeros(len(edges) - 1, dtype="i8")
    before = np.r_[0, np.cumsum(runs[:, 1] - runs[:, 0])]
    at = np.searchsorted(runs[:, 0], edges, side="right")
    over = np.where(at > 0, np.maximum(0, runs[np.maximum(at - 1, 0), 1] - edges), 0)
    return np.diff(before[at] - over)
