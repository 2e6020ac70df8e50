"""What the process that read a file says of it, before anything is written.

That process has no keys and may write nothing; what a damaged file made of it may say anything.
"""

from __future__ import annotations

from math import prod
from typing import Any

from h5s3.errors import DamagedError
from h5s3.export.zarr.documents import is_possible
from h5s3.export.zarr.layout.wishes import LARGEST
from h5s3.export.zarr.objects import Cell, Chunk, grid_of, rows_of
from h5s3.records import ConversionPlan, PlannedArray

DOCUMENTS = {2: {".zarray", ".zattrs", ".zgroup"}, 3: {"zarr.json"}}
MOST_DIMENSIONS = 64
MOST = 1 << 63
NONSENSE = "the plan of its conversion makes no sense: the file is damaged, or made to do that"


class Checked:
    """A plan that was looked at: of which objects the store is made. Raises `DamagedError` for nonsense."""

    def __init__(self, plan: ConversionPlan, version: int) -> None:
        self.grids: dict[str, Cell] = {}  # of arrays, overviews among them, by path
        for path, documents in plan.nodes.items():
            _require(not path or all(map(is_possible, path.split("/"))))
            _require(documents.keys() <= DOCUMENTS[version] and bool(documents))
            layout = _layout(documents, version)
            if layout is not None:
                self.grids[path] = grid_of(*layout)
        for array in plan.arrays:
            _check(array, plan.size)
            _require(self.grids.get(array.path) == _grid(array))
        for one in plan.overviews:
            _require(0 <= one.array < len(plan.arrays))
            _require(len(one.factors) == len(plan.arrays[one.array].shape))

    def require(self, chunk: Chunk) -> None:
        """Raise `DamagedError` for a chunk that no array has."""
        grid = self.grids.get(chunk.path, ())
        known = chunk.path in self.grids and len(chunk.cell) == len(grid)
        if not known or not all(at < count for at, count in zip(chunk.cell, grid, strict=True)):
            raise DamagedError(NONSENSE)


def _grid(array: PlannedArray) -> Cell:
    return grid_of(tuple(array.shape), tuple(array.shards or array.chunks))


def _check(array: PlannedArray, size: int) -> None:
    shape, chunks, shards = array.shape, array.chunks, array.shards
    _require(len(shape) == len(chunks) <= MOST_DIMENSIONS and _are_lengths(shape, 0))
    _require(_are_lengths(chunks, 1) and len(shards) in (0, len(shape)))
    _require(all(n >= 1 and n % part == 0 for n, part in zip(shards, chunks, strict=False)))
    _require(not shards or prod(shards) * max(1, len(array.fill)) <= 2 * LARGEST)
    _require(0 <= array.stored < MOST)
    columns = len(shape) + 2
    _require(len(array.copied) % (8 * columns) == 0)
    rows = rows_of(array)
    counts = grid_of(tuple(shape), tuple(chunks))
    _require(all((rows[:, axis] < count).all() for axis, count in enumerate(counts)))
    starts, sizes = rows[:, -2], rows[:, -1]
    _require(bool((starts <= size).all() and (sizes <= size - starts).all()))


def _layout(documents: dict[str, Any], version: int) -> tuple[Cell, Cell] | None:
    """Shape and chunks (or shards) that the documents of an array say; None for a group."""
    document = documents.get(".zarray" if version == 2 else "zarr.json", {})
    if version == 3 and document.get("node_type") != "array":
        return None
    if version == 2 and ".zarray" not in documents:
        return None
    try:
        if version == 3:
            chunks = document["chunk_grid"]["configuration"]["chunk_shape"]
        else:
            chunks = document["chunks"]
        shape = document["shape"]
    except (KeyError, TypeError):
        raise DamagedError(NONSENSE) from None
    _require(isinstance(shape, list) and isinstance(chunks, list) and len(shape) == len(chunks))
    _require(_are_lengths(shape, 0) and _are_lengths(chunks, 1))
    return tuple(shape), tuple(chunks)


def _are_lengths(found: list[Any], least: int) -> bool:
    return all(type(length) is int and least <= length < MOST for length in found)


def _require(sense: bool) -> None:
    if not sense:
        raise DamagedError(NONSENSE)
