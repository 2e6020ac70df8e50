"""How many chunks of an array are stored, and their bytes: counted in listings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from h5s3.formats.zarr.hierarchy import Hierarchy
from h5s3.formats.zarr.nodes import ArrayNode, Cell

MOST_OBJECTS = 100_000  # of one array that are counted


@dataclass(frozen=True)
class Stored:
    """Objects that hold chunks (or shards) of an array, and their bytes."""

    objects: int
    stored: int


def stored_sizes(store: Hierarchy, arrays: Sequence[tuple[str, ArrayNode]]) -> list[Stored | None]:
    """Of each array, all listed at once; None where that would be too long, or cannot be told."""
    if not store.objects.listed:
        return [None] * len(arrays)
    found: list[Stored | None] = []
    for (_, node), entries in zip(
        arrays, store.objects.entries([path for path, _ in arrays], MOST_OBJECTS), strict=True
    ):
        sizes = [size for name, size in entries if node.cell_of(name) is not None]
        found.append(Stored(len(sizes), sum(sizes)) if len(entries) <= MOST_OBJECTS else None)
    return found


def stored_cells(store: Hierarchy, path: str, node: ArrayNode, most: int) -> dict[Cell, int] | None:
    """Bytes of each object of an array, by its place; None where there are more, or it cannot be told."""
    if not store.objects.listed:
        return None
    (entries,) = store.objects.entries([path], most)
    if len(entries) > most:
        return None
    found = ((node.cell_of(name), size) for name, size in entries)
    return {cell: size for cell, size in found if cell is not None}
