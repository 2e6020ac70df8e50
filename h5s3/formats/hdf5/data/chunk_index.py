"""Where the chunks of a dataset are stored: read once with `chunk_iter`, kept by the object's identity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from h5s3.errors import DamagedError, NotCachedError
from h5s3.formats.hdf5.fetch.block_file import Miss
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.metadata.node import OBJECT, Index, header
from h5s3.formats.hdf5.objects.links import address_of
from h5s3.sizes import MIB
from h5s3.storage.base import Range

if TYPE_CHECKING:
    from h5s3.formats.base import Facts
    from h5s3.formats.hdf5.objects.file import OpenFile

MOST_CHUNKS = 200_000  # of one dataset whose places are looked up
LARGEST_STORED = 16 * MIB  # bytes of an index in the cache
MAGIC = b"chunks 1"  # raise the number when the meaning of what follows changes
STOPPED = (Miss, NotCachedError, OSError, RuntimeError, ValueError)  # what a read that is stopped may raise
Cell = tuple[int, ...]  # number of a chunk along each dimension
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ChunkIndex:
    """The chunks that were written, a row of `table` for each: its cell, where it starts in the object (the
    user block included), its stored bytes, the mask of filters that were not applied to it.
    """

    table: Array  # of unsigned 64-bit numbers
    complete: bool = True  # False: there are more chunks than were looked up
    certain: bool = True  # False: the cells may be wrong, though the number of chunks and their sizes are not
    from_cache: bool = False  # libhdf5 has not seen the index

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def places(self) -> dict[Cell, Range]:
        """The range of the object that holds each chunk."""
        *cells, starts, sizes, _ = self.table.T.tolist()
        ranges = zip(starts, map(add, starts, sizes), strict=True)
        return dict(zip(zip(*cells, strict=True), ranges, strict=True))

    @property
    def stored(self) -> int:
        """Stored bytes of all chunks."""
        return sum(self.table[:, -2].tolist())


def read_index(
    dataset: Any, facts: Facts, file: OpenFile | None = None, most: int = MOST_CHUNKS
) -> ChunkIndex:
    """The first `most` chunks of a chunked dataset. With a `file`, each index is read once, ever.

    Raises what h5py raises, a `Miss` among it: an index of which something was missed is never kept.
    """
    if file is None:
        return _iterate(dataset, facts, most)
    address, indexes = address_of(dataset), file.blocks.indexes
    found: ChunkIndex | None = indexes.get(address)
    if found is not None and (found.complete or len(found) >= most):
        return found
    packed = indexes.stored(address)
    found = None if packed is None else _unpack(packed, facts, file.info.size)
    if found is None:
        misses = file.blocks.misses
        found = _iterate(dataset, facts, most, file)
        if file.blocks.misses != misses:
            return found
        packed = _pack(found, facts, file.info.size)
        if packed is not None:
            indexes.store(address, packed)
    indexes.put(address, found)
    return found


def read_indexes(
    file: OpenFile, wanted: Sequence[tuple[Any, Facts]], most: int = MOST_CHUNKS
) -> list[ChunkIndex | Exception]:
    """The indexes of several chunked datasets, `most` chunks of each, in shared rounds; or why they cannot be
    read."""
    file.prefetch_objects([address_of(dataset) for dataset, _ in wanted], OBJECT)
    calls: list[Callable[[], ChunkIndex | Exception]]
    calls = [partial(read_index, dataset, facts, file, most) for dataset, facts in wanted]
    return gather(file.blocks, calls, lambda _, error: error)


def count_storage(dataset: Any, facts: Facts, file: OpenFile | None = None) -> tuple[int | None, int | None]:
    """Stored bytes and number of allocated chunks; None where not known or beyond counting.

    With a `file`, the index of the chunks is kept for whoever wants it next.
    """
    if facts.shape is None:
        return 0, None
    if facts.layout != "chunked":
        return int(dataset.get_storage_size()), None
    index = read_index(dataset, facts, file)
    return (index.stored, len(index)) if index.complete else (None, None)


def fetch_index(file: OpenFile, dataset: Any) -> None:
    """Have the nodes of an index here, in one round at the most: libhdf5 looks up in them what it reads."""
    file.blocks.chase([header(address_of(dataset), OBJECT, chunk_index=Index.ALWAYS)])


def _iterate(dataset: Any, facts: Facts, most: int, file: OpenFile | None = None) -> ChunkIndex:
    rows: list[tuple[int, ...]] = []

    def visit(chunk: Any) -> bool | None:
        offset, mask, start, size = chunk
        if offset is None:  # h5py's word for one without an address, which no library keeps in an index
            raise DamagedError("the file is damaged: its index has a chunk without an address")
        rows.append((*offset, start, size, mask))
        return True if len(rows) > most else None

    dataset.chunk_iter(visit)
    complete = len(rows) <= most
    del rows[most:]
    chunks = facts.chunks or ()
    table = np.array(rows, dtype="<u8").reshape(len(rows), len(chunks) + 3)
    table[:, :-3] //= np.array(chunks, dtype="<u8")
    certain = _correct_cells(table, dataset, facts, file)
    return ChunkIndex(table, complete, certain)


def _correct_cells(table: Array, dataset: Any, facts: Facts, file: OpenFile | None) -> bool:
    """Correct the cells of an extensible array whose unlimited dimension is not the first; whether all
    cells are certain now.

    Its elements are numbered with that dimension first (VII.C.2). libhdf5 (2.0 at least) counts them in the
    order of the dataset's dimensions all the same, and names cells where no chunk is: the unlimited dimension
    runs on, those before it stay at 0. Other indexes may look so too: then one chunk decides.
    """
    unlimited = [d for d, n in enumerate(facts.maxshape or ()) if n is None]
    if len(unlimited) != 1 or unlimited == [0] or not len(table):
        return True
    given = table[:, :-3]
    if given[:, : unlimited[0]].any():
        return True
    cells = _renumbered(given, unlimited[0], facts)
    moved = np.flatnonzero((cells != given).any(axis=1))
    if not moved.size:
        return True
    if not (cells < _grid(facts)).all():
        return bool((given < _grid(facts)).all())
    certain = wrong = bool((given >= _grid(facts)).any())
    if file is not None and not wrong:
        row = int(moved[table[moved, -2].argmin()])
        wrong = _is_stored_at(file, dataset, facts, cells[row], table[row])
        certain = wrong or _is_stored_at(file, dataset, facts, given[row], table[row])
    if wrong:
        table[:, :-3] = cells
    return certain


def _is_stored_at(file: OpenFile, dataset: Any, facts: Facts, cell: Array, row: Array) -> bool:
    """Whether the chunk of a cell is stored where a row of the table says: by where libhdf5 goes to read it.

    Asked where a chunk is stored, it goes through the index as `chunk_iter` does, and errs alike. Nothing is
    fetched for it: the read is stopped, or its bytes are here.
    """
    offset = tuple(n * c for n, c in zip(cell.tolist(), facts.chunks or (), strict=True))
    file.blocks.seek(0)
    with file.blocks.probing(), suppress(*STOPPED):
        dataset.read_direct_chunk(offset)
    start, size = row[-3:-1].tolist()
    return file.blocks.tell() in (start, start + size)


def _renumbered(given: Array, unlimited: int, facts: Facts) -> Array:
    """The cells of elements of an extensible array from those that libhdf5 named."""
    most = [max(1, -(-(n or 0) // c)) for n, c in zip(facts.maxshape or (), facts.chunks or (), strict=True)]
    number = given[:, unlimited].copy()
    for dimension in range(unlimited + 1, len(most)):
        number = number * np.uint64(most[dimension]) + given[:, dimension]
    cells = np.empty_like(given)
    for dimension in reversed(range(len(most))):
        if dimension != unlimited:
            number, cells[:, dimension] = np.divmod(number, np.uint64(most[dimension]))
    cells[:, unlimited] = number
    return cells


def _grid(facts: Facts) -> Array:
    """The number of chunks along each dimension."""
    sizes = zip(facts.shape or (), facts.chunks or (), strict=True)
    return np.array([-(-n // c) for n, c in sizes], dtype="<u8")


def _pack(index: ChunkIndex, facts: Facts, size: int) -> bytes | None:
    """The index as bytes; None where it should not be stored: cut short, too large, or damaged."""
    whole = index.complete and index.certain
    if not whole or index.table.nbytes > LARGEST_STORED or not _sound(index, facts, size):
        return None
    return _head(facts, size, len(index)) + index.table.tobytes()


def _unpack(packed: bytes, facts: Facts, size: int) -> ChunkIndex | None:
    """The index from bytes that anybody may have written; None where they do not fit this very dataset."""
    columns = facts.ndim + 3
    head = len(_head(facts, size, 0))
    rows, rest = divmod(len(packed) - head, 8 * columns)
    if rows < 0 or rest or packed[:head] != _head(facts, size, rows):
        return None
    table = np.frombuffer(packed, dtype="<u8", offset=head).reshape(rows, columns)
    index = ChunkIndex(table, from_cache=True)
    return index if _sound(index, facts, size) else None


def _head(facts: Facts, size: int, rows: int) -> bytes:
    """What an index belongs to: the shapes of the dataset and of its chunks, the size of the object."""
    numbers = [facts.ndim, *(facts.shape or ()), *(facts.chunks or ()), size, rows]
    return MAGIC + np.array(numbers, dtype="<u8").tobytes()


def _sound(index: ChunkIndex, facts: Facts, size: int) -> bool:
    """Whether all chunks are inside the dataset and the object, and none is there twice."""
    cells, starts, sizes = index.table[:, :-3], index.table[:, -3], index.table[:, -2]
    inside = (cells < _grid(facts)).all() and (starts <= size).all()
    return bool(inside and (sizes <= size - starts).all() and len(index.places) == len(index))
