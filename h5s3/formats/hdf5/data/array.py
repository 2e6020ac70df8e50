"""A dataset as an array: its header, what its numbers mean, where it is stored, and its values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5s, h5t

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.base import Array, Facts, StoredCells
from h5s3.formats.boxes import Cut
from h5s3.formats.cf import Coding
from h5s3.formats.grid import Grid
from h5s3.formats.hdf5.data.byte_ranges import Runs, StoredChunks, count_runs, run_cells
from h5s3.formats.hdf5.data.chunk_grid import make_grid
from h5s3.formats.hdf5.data.chunk_index import read_index
from h5s3.formats.hdf5.data.chunk_reader import ChunkReader
from h5s3.formats.hdf5.data.heaps import fetch_heaps, stored_pointers
from h5s3.formats.hdf5.data.refuse import LARGEST_SOURCE, refuse_unsafe
from h5s3.formats.hdf5.data.virtual.dataset import Chain, Virtual
from h5s3.formats.hdf5.data.virtual.forms import Form, fill_in
from h5s3.formats.hdf5.data.virtual.raw import Raw
from h5s3.formats.hdf5.data.virtual.sides import ENDLESS
from h5s3.formats.hdf5.follow.places import Place
from h5s3.formats.hdf5.objects.attributes import read_coding
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import Found
from h5s3.formats.hdf5.objects.numpy_values import as_numpy, in_order, same_bits
from h5s3.formats.hdf5.objects.reference_names import name_targets
from h5s3.formats.hdf5.objects.values import (
    Converter,
    by_address,
    compound_type,
    memory_dtype,
    readable_dtype,
)
from h5s3.formats.names import text_of
from h5s3.formats.selection import Selection
from h5s3.records import UNSET
from h5s3.sizes import MIB
from h5s3.storage.base import Range

Values = np.ndarray[Any, Any]
MOST_ONE_BY_ONE = 4  # elements with pointers that libhdf5 follows alone
PACKED = 4  # times that chunks of sources are guessed to be smaller than their values
MOST_IN_BOX = 4096  # chunks that libhdf5 is let look at for one read


class Hdf5Array(Array):
    """A dataset of an open file. `found`: how it was come to, where that is known."""

    def __init__(self, file: OpenFile, dataset: Any, found: Found | None = None, chain: Chain = ()) -> None:
        """`chain`: the virtual datasets that it is a source of."""
        self.file, self.dataset, self.found, self._chain = file, dataset, found, chain
        self._left = [ENDLESS]  # bytes that sources may still take
        self.path, self.etag = text_of(found.path) if found is not None else "", file.info.etag
        self._type = dataset.get_type()
        self.dtype = memory_dtype(self._type)
        self.readable = readable_dtype(self._type)

    @cached_property
    def facts(self) -> Facts:  # type: ignore[override]
        """The header."""
        header, made = self._header, self.elsewhere
        return (
            header
            if made is None or header.shape is None
            else replace(header, shape=made.shape, size=prod(made.shape))
        )

    @cached_property
    def _header(self) -> Facts:
        return read_facts(self.dataset)

    @cached_property
    def elsewhere(self) -> Virtual | Raw | None:
        """The other files that its values are in, where these are followed."""
        here = self.file.files is None or self._header.shape is None
        if here or self._header.layout not in ("virtual", "external"):
            return None
        if self._header.layout == "external":
            return Raw(self.file, self.dataset, self._header)
        return Virtual(self.file, self.dataset, self._header.shape or (), self._chain, _source)

    @cached_property
    def _data(self) -> h5py.Dataset:
        return h5py.Dataset(self.dataset)

    @cached_property
    def _offset(self) -> int | None:
        """Where contiguous values begin in the object; None where none were written."""
        contiguous = self.facts.layout == "contiguous" and self.facts.shape
        return self.dataset.get_offset() if contiguous else None

    def refuse(self) -> None:
        """Raise `RefusedError` for data in other files, or that this machine cannot decode."""
        if isinstance(self.elsewhere, Raw):
            self.elsewhere.refuse()
        elif self.elsewhere is None:
            refuse_unsafe(self.file, self.dataset, self.facts)

    def converter(self, most: int = 0, *, exact: bool = False) -> Converter:
        """References are named by paths where the array was found by its path."""
        namer = by_address if self.found is None else name_targets(self.file, self.found)
        return Converter(self.file.h5.id, namer, most=most, exact=exact)

    def coding(self, *, raw: bool = False) -> Coding:
        """From the attributes."""
        return read_coding(self.file, self.dataset, self.readable or np.dtype("V1"), raw=raw)

    @cached_property
    def pointers(self) -> tuple[int, list[int]] | None:
        """Bytes of a stored element, and where in it there are pointers; None where that is not known."""
        return stored_pointers(self._type) if self.facts.type_has_pointers else None

    @property
    def _stored_size(self) -> int:
        return self.facts.itemsize if self.pointers is None else self.pointers[0]

    # ------------------------------------------------------------------------------------ where it is

    def grid(self) -> Grid:
        """Chunks, or runs of contiguous bytes."""
        return make_grid(self.dataset, self.facts, self.file)

    def stored(self, selection: Selection) -> StoredChunks | None:
        """The chunks of a selection."""
        if self.facts.layout != "chunked" or not self.facts.chunks:
            return None
        found = StoredChunks(self.file, self.dataset, self.facts, self.facts.chunks, selection)
        found.largest = min(found.largest, self.file.info.size)
        return found

    def runs(self, selection: Selection, most: int | None = None) -> Runs | None:
        """Of contiguous values that were written."""
        shape = self.facts.shape or ()
        if self._offset is None or not shape:
            return None
        if most is not None:
            direct = self.dtype is not None and not self.facts.type_has_pointers
            if not direct or not all(a.count for a in selection) or count_runs(shape, selection) > most:
                return None
        return Runs(shape, self._stored_size, int(self._offset), selection)

    @cached_property
    def streams(self) -> bool:
        """Of values that come without libhdf5."""
        if self.facts.type_has_pointers:
            return False
        return self._offset is not None or (self._chunks is not None and self._chunks.decoder is not None)

    def fetch_ahead(self, ranges: Iterable[Range]) -> None:
        """Exact ranges."""
        self.file.blocks.fetch_ahead(ranges)

    def drop_ahead(self) -> None:
        """Those that were not asked for."""
        self.file.blocks.drop_ahead()

    @contextmanager
    def fetched(self, ranges: Iterable[Range]) -> Iterator[None]:
        """Exact ranges of the object, kept for the block."""
        try:
            self.file.blocks.fetch_exact(ranges)
            yield
        finally:
            self.file.blocks.drop_exact()

    @contextmanager
    def decoding(self, most: int, piece: int, *, again: bool | None = None) -> Iterator[None]:
        """What h5py raises of values becomes `DamagedError`, or `AskAgainError` where it may be our doing."""
        blocks = self.file.blocks
        try:
            self._left = [most]
            with nullcontext() if self.elsewhere is not None else blocks.limited(most, piece):
                yield
        except EOFError as error:
            raise DamagedError(f"{self._says}: {error}") from None
        except FAILURES as error:
            if again is None and isinstance(error, MemoryError | KeyError):
                raise
            if again:
                blocks.raise_if_confused(error)
            raise DamagedError(f"{self._says}: {plain_reason(error)}") from None

    @property
    def _says(self) -> str:
        where = "" if self.followed is UNSET else f" of {self.followed.location}:{self.followed.path}"
        return f"the values{where} cannot be read"

    def stored_cells(self) -> StoredCells | None:
        """Chunks, or runs of contiguous bytes."""
        facts, whole = self.facts, not self.facts.type_has_pointers
        if facts.layout == "contiguous" and facts.shape:
            return run_cells(facts.shape, self._stored_size, self._offset, whole)
        if facts.layout != "chunked" or not facts.chunks or not facts.shape:
            return None
        index = read_index(self.dataset, facts, self.file)
        return StoredCells(facts.chunks, index.table, whole) if index.complete and index.certain else None

    def stored_bytes(self, start: int, stop: int) -> memoryview | None:
        """As they are in the file."""
        return self.file.blocks.stored(start, stop)

    # ------------------------------------------------------------------------------------------ values

    def fill(self) -> Any:
        """As the file defines it."""
        return self._data.fillvalue

    def read(self, selection: Selection) -> Values:
        """Values as h5py gives them; of types it cannot convert whole, what can be read of them."""
        return self.read_many([selection])[0]

    def read_many(self, selections: Sequence[Selection]) -> list[Values]:
        """The same of several selections, their chunks shared among threads."""
        if self.elsewhere is not None:
            return [self._put_together(selection, "read") for selection in selections]
        found = self._decoded(selections) if self._plain else None
        if found is not None:
            assert self.dtype is not None
            return [values.view(self.dtype) for values in found]
        self._fetch_elsewhere(selections)
        with self.file.blocks.bounded():
            return [self._read(selection) for selection in selections]

    def _read(self, selection: Selection) -> Values:
        self._check_sizes(selection)
        opaque = self.facts.type.class_ in ("opaque", "bitfield")
        dtype = self._data.dtype if self.readable is None else self.readable
        if not opaque and self.dtype is not None:
            values = np.asarray(self._data[tuple(axis.as_slice for axis in selection)])
            return in_order(values, dtype)
        kind = self._type if opaque else compound_type(dtype)
        return in_order(self._hyperslab(selection, dtype, kind), dtype)

    def read_runs(self, runs: Any, selection: Selection) -> Values:
        """Values from the bytes themselves: libhdf5 would read much around each of them."""
        assert self.dtype is not None
        return as_numpy(self._bytes(runs, selection), self._type, self.dtype, self.facts.itemsize)

    def exact(self, part: Selection) -> Values:
        """Converted from the stored bytes; by h5py where values are stored outside the elements."""
        if self.dtype is None:
            raise TypeError(f"values of type {self.facts.dtype}")
        if self.elsewhere is not None:
            return self._put_together(part, "exact")
        if self.facts.type_has_pointers:
            self._fetch_elsewhere([part])
            self._check_sizes(part)
            read = self._by_libhdf5(part, self.dtype, h5t.py_create(self.dtype))
            return in_order(read, self.dtype)
        return as_numpy(self.raw(part), self._type, self.dtype, self.facts.itemsize)

    def raw(self, part: Selection) -> Values:
        """The stored bytes of each element, filters undone."""
        if self.elsewhere is not None:
            return self._put_together(part, "raw")
        runs = self.runs(part)
        if runs is not None:
            return self._bytes(runs, part)
        found = self._decoded([part])
        return self._stored(part) if found is None else found[0]

    # ----------------------------------------------------------------------------------------- virtual

    @property
    def notes(self) -> Sequence[str]:
        """What is to be said of sources that were not there."""
        return [] if self.elsewhere is None else list(self.elsewhere.problems())

    def piece(self) -> tuple[int, ...] | None:
        """Of a virtual dataset the chunks of its sources."""
        return None if self.elsewhere is None else self.elsewhere.piece()

    def cost(self, selection: Selection) -> int | None:
        """Of a virtual dataset a guess: sources tell where their chunks are when they are read."""
        if self.elsewhere is None:
            return None
        if isinstance(self.elsewhere, Raw):
            return prod(axis.count for axis in selection) * self.facts.itemsize
        return prod(axis.count for axis in selection) * self.facts.itemsize // PACKED

    def _put_together(self, selection: Selection, how: str) -> Values:
        form = self._form(how)
        assert self.elsewhere is not None
        return self.elsewhere.read(selection, form, fill_in(form, self.dataset, self.dtype), self._left)

    def _form(self, how: str) -> Form:
        if how == "raw":
            return Form(how, np.dtype((np.void, self.facts.itemsize)), self._type)
        dtype = self.dtype if how == "exact" else self.readable
        assert dtype is not None
        opaque = self.facts.type.class_ in ("opaque", "bitfield")
        whole = self.dtype is not None
        memory = self._type if opaque else h5t.py_create(dtype) if whole else compound_type(dtype)
        return Form(how, dtype, memory)

    def as_source(self, selection: Selection, form: Form, kind: Any, left: list[int]) -> Values:
        """Its values for a virtual dataset of the type `kind`; of `left` bytes what is fetched is taken off.

        Raises `RefusedError` where they are used up.
        """
        if self.elsewhere is not None:
            return self.elsewhere.read(selection, form, fill_in(form, self.dataset, self.dtype), left, kind)
        stored, runs = self.stored(selection), self.runs(selection)
        ranges = stored.ranges(selection) if stored is not None else runs.ranges() if runs else []
        left[0] -= sum(stop - start for start, stop in ranges)
        if left[0] < 0:
            raise RefusedError("the values are larger than the limit", hint="raise --max-bytes")
        chunk = prod(self.facts.chunks or ()) * self.facts.itemsize
        if chunk > LARGEST_SOURCE:
            raise RefusedError(f"one chunk of a source is of {chunk >> 20} MiB")
        with self.fetched(ranges), self.decoding(left[0] + MIB, chunk):
            if self._type.equal(kind):
                found: Values = getattr(self, form.how)(selection)
                return found
            self._fetch_elsewhere([selection])
            self._check_sizes(selection)
            return in_order(self._by_libhdf5(selection, form.dtype, form.memory), form.dtype)

    # ---------------------------------------------------------------------------------------- decoding

    @cached_property
    def _chunks(self) -> ChunkReader | None:
        """Who decodes chunks without libhdf5; None for other layouts."""
        if self.facts.layout != "chunked" or not self.facts.shape or not self.facts.chunks:
            return None
        size = self._stored_size
        fill = self._fill_bytes()
        return ChunkReader(self.file, self.dataset, self.facts, size, fill, self._stored_unchecked)

    @cached_property
    def _plain(self) -> bool:
        """Whether stored values are h5py's as they stand."""
        dtype = self.dtype
        direct = dtype is not None and dtype.subdtype is None and not self.facts.type_has_pointers
        return direct and dtype is not None and same_bits(self._type, dtype)

    def _fill_bytes(self) -> bytes | None:
        """How elements that were never written would be stored; None where only libhdf5 knows."""
        dcpl = self.dataset.get_create_plist()
        if dcpl.get_fill_time() == h5d.FILL_TIME_NEVER:
            return None
        defined = dcpl.fill_value_defined()
        if defined == h5d.FILL_VALUE_DEFAULT:
            return bytes(self.facts.itemsize)
        if defined != h5d.FILL_VALUE_USER_DEFINED or not self._plain:
            return None
        value = np.zeros((), dtype=self.dtype)
        dcpl.get_fill_value(value)
        return value.tobytes()

    def _decoded(self, parts: Sequence[Selection]) -> list[Values] | None:
        """The stored bytes of the elements of each part; None where libhdf5 has to read them."""
        if self._chunks is None or self.facts.type_has_pointers:
            return None
        return self._chunks.read(parts)

    def _check_sizes(self, part: Selection) -> None:
        """Before libhdf5 reads: raise `DamagedError` where a chunk unpacks to less than its size."""
        size_known = not self.facts.type_has_pointers or self.pointers is not None
        if self._chunks is not None and size_known:
            self._chunks.sizes.check(part)

    def _fetch_elsewhere(self, parts: Sequence[Selection]) -> None:
        """Have here what the elements of these parts point to: libhdf5 would fetch it one after another."""
        if self.pointers is None or self.facts.size < MOST_ONE_BY_ONE:
            return
        found = [elements for part in parts if (elements := self.elements(part)) is not None]
        if found:
            flat = np.concatenate([elements.reshape(-1) for elements in found])
            fetch_heaps(self.file, flat, self.pointers[1])

    def elements(self, part: Selection) -> Values | None:
        """Elements with pointers as they are stored, if that can be told without libhdf5."""
        if not all(axis.count for axis in part):
            return None
        runs = self.runs(part)
        if runs is not None:
            self.file.blocks.fetch_exact(runs.ranges())
            return self._bytes(runs, part)
        return None if self._chunks is None else self._chunks.stored_values(part)

    # --------------------------------------------------------------------------------------- by libhdf5

    def _stored(self, part: Selection) -> Values:
        """The stored bytes of each element."""
        self._check_sizes(part)
        return self._stored_unchecked(part)

    def _stored_unchecked(self, part: Selection) -> Values:
        """The same of chunks whose sizes are known to be right."""
        return self._by_libhdf5(part, np.dtype((np.void, self.facts.itemsize)), self._type)

    def _bytes(self, runs: Runs, selection: Selection) -> Values:
        kind = np.dtype((np.void, self._stored_size))
        flat = runs.read(self.file.blocks).reshape(-1).view(kind)
        return flat.reshape(tuple(axis.count for axis in selection))

    def _by_libhdf5(self, part: Selection, kind: np.dtype[Any], memory: Any) -> Values:
        reads = list(self._reads(part))
        with self.file.blocks.bounded():
            if len(reads) == 1:
                return self._hyperslab(part, kind, memory)
            values = np.zeros(tuple(axis.count for axis in part), dtype=kind)
            for target, source in reads:
                values[target] = self._hyperslab(source, kind, memory)
        return values

    def _hyperslab(self, part: Selection, kind: np.dtype[Any], memory: Any) -> Values:
        shape = tuple(axis.count for axis in part)
        space, target = self.dataset.get_space(), h5s.create(h5s.SCALAR)
        if shape:
            starts, steps = tuple(axis.start for axis in part), tuple(axis.step for axis in part)
            space.select_hyperslab(starts, shape, steps)
            target = h5s.create_simple(shape)
        values = np.zeros(shape, dtype=kind)  # of an array type: gains its dimensions
        self.dataset.read(target, space, values, mtype=memory)
        return values

    def _reads(self, part: Selection) -> Iterator[tuple[Any, Selection]]:
        """A part at once, or chunk by chunk where libhdf5 would look at too many between them."""
        chunks = self.facts.chunks if self.facts.layout == "chunked" else None
        between = [
            (axis.stop - 1) // size - axis.start // size + 1
            for axis, size in zip(part, chunks or (), strict=False)
        ]
        if chunks is None or prod(between) <= MOST_IN_BOX:
            yield (), part
            return
        one = Cut(part, chunks, 1, 1, limit=1)
        for box in one.boxes(ordered=False):
            yield tuple(slice(low, high) for low, high in box.bounds), box.part(part)


def _source(place: Place, chain: Chain) -> Hdf5Array:
    """A dataset that a virtual one is made of."""
    return Hdf5Array(place.file, place.found.object, place.found, chain)
