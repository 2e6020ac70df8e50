"""An array of a store: its header, what its numbers mean, where it is stored, and its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np

from h5s3.errors import NoValuesError, RefusedError
from h5s3.formats.base import Array, Coordinate, Overview, StoredCells
from h5s3.formats.encoding.json_values import JsonValues
from h5s3.formats.grid import NOWHERE, Cell, Grid, cells_along
from h5s3.formats.names import shown_by
from h5s3.formats.selection import Axis, Selection
from h5s3.formats.zarr.attributes import for_conventions
from h5s3.formats.zarr.data.chunks import Chunks
from h5s3.formats.zarr.data.decode import Decoder, refuse_codecs
from h5s3.formats.zarr.data.overviews import level_of
from h5s3.formats.zarr.hierarchy import Hierarchy
from h5s3.formats.zarr.nodes import ArrayNode
from h5s3.formats.zarr.stored import stored_cells
from h5s3.storage.base import Range

Values = np.ndarray[Any, Any]
MOST_LISTED = 999  # objects of an array that are listed before values are read: one page, with its documents
MOST_CELLS = 1_000_000  # chunks of one read


def open_array(store: Hierarchy, path: str) -> ZarrArray:
    """The array at a path. Raises `NoValuesError` for a group."""
    inside = path.strip("/")
    node = store.node(inside)
    if not isinstance(node, ArrayNode):
        raise NoValuesError(f"/{inside} is a group, not an array", hint=shown_by("/" + inside))
    return ZarrArray(store, inside, node)


class ZarrArray(Array):
    """Chunks are fetched when they are read: those of one read at once."""

    def __init__(self, store: Hierarchy, path: str, node: ArrayNode) -> None:
        self._store, self._inside, self._node = store, path, node
        self.path, self.facts = "/" + path, node.facts
        self.dtype = self.readable = node.kind.dtype
        self.attributes = for_conventions(node)
        self._stored: dict[Cell, int] | None = None

    def refuse(self) -> None:
        """Raise `RefusedError` for values that cannot be decoded here, or are unsafe to."""
        node = self._node
        if node.unread:
            raise RefusedError(node.unread)
        if node.kind.dtype is None:
            raise RefusedError(f"values of type {node.kind.name} cannot be read here")
        refuse_codecs(node)

    def converter(self, most: int = 0, *, exact: bool = False) -> JsonValues:
        """For values of all types."""
        return JsonValues(most=most, exact=exact)

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(self._node)

    @cached_property
    def _chunks(self) -> Chunks:
        return Chunks(self._store.objects, self._inside, self._node, self._decoder.most)

    def fill(self) -> Any:
        """What was never written has this value."""
        found = self._decoder.fill
        return 0 if found is None else found

    @property
    def num_objects(self) -> int:
        """Objects that chunks or shards may be stored in."""
        sizes = zip(self._node.shape, self._node.objects, strict=True)
        return prod(-(-size // part) for size, part in sizes)

    def take_stored(self, entries: Sequence[tuple[str, int]]) -> None:
        """Take note of all objects that are there, by their names, and of their bytes."""
        cells = ((self._node.cell_of(name), size) for name, size in entries)
        self._stored = {cell: size for cell, size in cells if cell is not None}

    def stored_cells(self) -> StoredCells | None:
        """The objects that hold chunks or shards, where they were listed: not what is in them."""
        if self._stored is None:
            return None
        rows = [(*cell, 0, size, 0) for cell, size in sorted(self._stored.items())]
        table = np.array(rows, dtype="<u8").reshape(len(rows), self.facts.ndim + 3)
        return StoredCells(self._node.objects, table, whole=False)

    def grid(self) -> Grid:
        """The chunks: which are stored is told by a listing where that is short, else taken for granted."""
        node, piece = self._node, prod(self._node.chunks) * self._node.kind.itemsize
        found = None
        if node.sharding is None:
            found = stored_cells(self._store, self._inside, node, MOST_LISTED)
        if found is None:
            return Grid(node.chunks, _Guessed(piece), False, piece)
        places = {cell: (0, size) for cell, size in found.items()}
        return Grid(node.chunks, places or NOWHERE, True, piece)

    def read(self, selection: Selection) -> Values:
        """The values of one selection."""
        return self.read_many([selection])[0]

    def read_many(self, selections: Sequence[Selection]) -> list[Values]:
        """Of several, their chunks fetched in one round."""
        cells = list(dict.fromkeys(cell for one in selections for cell in self._cells(one)))
        return self._decoder.read(self._chunks.fetch(cells), selections)

    def _cells(self, selection: Selection) -> product[Cell]:
        along = [cells_along(axis, size) for axis, size in zip(selection, self._node.chunks, strict=True)]
        if prod(map(len, along)) > MOST_CELLS:
            raise RefusedError(
                f"more than {MOST_CELLS:,} chunks in one read", hint="take a part with --slice"
            )
        return product(*along)

    def overview(self, selection: Selection, least: int) -> Overview | None:
        """From arrays of minima, maxima and means that stand below `overview`."""
        kept = [number for number, axis in enumerate(selection) if axis.keep]
        first, shape = len(selection) - len(kept), self._node.shape
        if not 1 <= len(kept) <= 2 or kept != [*range(first, len(selection))]:
            return None
        axes = selection[first:]
        if any(axis.step != 1 or not axis.count for axis in axes):
            return None
        shares = [axis.count / size for axis, size in zip(axes, shape[first:], strict=True)]
        wanted = ceil(least / max(shares))
        found = level_of(self._store, self._inside, self._node, wanted, prod(shares), image=len(kept) == 2)
        if found is None:
            return None
        (down, every), arrays = found
        parts = tuple(map(_stretches, axes, (down, every)[-len(axes) :]))
        if min(shares) < 1 and max(part.count for part in parts) < least:
            return None  # closer than the finest level: few values
        values = []
        for path, node in arrays:
            array = ZarrArray(self._store, path, node)
            array.refuse()
            values.append(array.read((*selection[:first], *parts)).reshape([part.count for part in parts]))
        low, high, mean = values
        top = parts[0].start * down if len(kept) == 2 else 0
        return Overview(every, low, high, mean, down, parts[-1].start * every, top)

    def coordinates(self) -> tuple[str, list[Coordinate]]:
        """Dimensions are named; an array of that name, in the same group or above, holds coordinates."""
        store, above = self._store, self._inside.rpartition("/")[0]
        groups = ["/".join(above.split("/")[:depth]) for depth in range(above.count("/") + 2)][::-1]
        groups = list(dict.fromkeys([above, *groups, ""])) if self._inside else []
        own = self._inside.rpartition("/")[2]
        names = [name for name in self._node.dimensions if name and name != own and _plain(name)]
        store.fetch(f"{group}/{name}".lstrip("/") for name in names for group in groups)
        found = []
        for name, size in zip(self._node.dimensions, self._node.shape, strict=True):
            array = None
            for group in groups if name in names else []:
                node = store.known(f"{group}/{name}".lstrip("/"))
                if isinstance(node, ArrayNode):
                    fits = node.shape == (size,) and node.kind.dtype is not None
                    array = ZarrArray(store, f"{group}/{name}".lstrip("/"), node) if fits else None
                    break
            found.append(Coordinate(name or "", array, name=name or ""))
        return "", found


def _stretches(axis: Axis, every: int) -> Axis:
    """The stretches that a part of an axis touches."""
    first = axis.start // every
    return Axis(first, 1, -(-axis.stop // every) - first)


def _plain(name: str) -> bool:
    return "/" not in name and "\0" not in name and name not in (".", "..")


@dataclass(frozen=True)
class _Guessed:
    """Where nobody told which chunks are stored: each may be, in no more bytes than it has decoded."""

    size: int

    def get(self, cell: Cell, /) -> Range | None:
        """As if each stood at the start of an object of its own."""
        return 0, self.size
