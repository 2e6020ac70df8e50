"""All arrays of a file as Zarr version 2 describes them, with the places of their chunks.

One walk over everything; the indexes of chunks in shared rounds; then the bytes that are inlined.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.hdf5.data.chunk_index import MOST_CHUNKS, ChunkIndex, read_indexes
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.metadata.node import walk
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import address_of, count_links, kind_of, list_links, open_link
from h5s3.formats.hdf5.references.assemble import MOST_PLACES, Assembly
from h5s3.formats.hdf5.references.attributes import FILL, MOST_TOLD, Attributes, read_attributes
from h5s3.formats.hdf5.references.found import FoundArray, FoundGroup
from h5s3.formats.hdf5.references.inline import Budget, Decoding, fetch, stored_bytes
from h5s3.formats.hdf5.references.joining import prepare_joining
from h5s3.formats.hdf5.references.kinds import (
    Kind,
    LeftOutError,
    fill_as_json,
    fill_value_of,
    kind_of_type,
    packed_type,
)
from h5s3.formats.hdf5.references.places import chunked_places, contiguous_places
from h5s3.formats.hdf5.walk import DEEPEST, Group, Listing, Step, Walk, unreadable
from h5s3.formats.requests import ReferencesRequest
from h5s3.records import FileReferences
from h5s3.sizes import MIB

MOST_OBJECTS = 200_000  # links of one file
MOST_TEXT = 32 * MIB  # bytes of their paths
MOST_ENDED = 64 * 1024  # bytes of texts that are inlined without what stands behind their end
PENDING = 4_000  # datasets whose indexes and small values share rounds
RESERVED = (".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json", "..", ".")
_Answer = FoundGroup | FoundArray | None


def read_references(file: OpenFile, asked: ReferencesRequest) -> FileReferences:
    """What references say of a file. Objects that they cannot hold are named beside the reason.

    Raises `RefusedError` for a file with more objects than are looked at.
    """
    return _References(file, asked).read()


class _References(Walk[FoundGroup, _Answer]):
    at_once = 20_000

    def __init__(self, file: OpenFile, asked: ReferencesRequest) -> None:
        super().__init__(file, levels=DEEPEST, links=MOST_OBJECTS, text=MOST_TEXT)
        self._asked, self._budget = asked, Budget(asked.max_bytes)
        self._found = Assembly(self.met)
        self._pending: list[FoundArray] = []
        self._told = MOST_TOLD  # bytes of attributes that may still be read
        self._kinds: dict[bytes, Kind] = {}  # by encoded types: most files have few

    def read(self) -> FileReferences:
        """The walk, and all that follows."""
        root = self.file.root
        self.met.first(address_of(root), b"/")
        self.file.prefetch_objects([address_of(root)], walk(DEEPEST))
        (top,) = gather(self.file.blocks, [partial(self._group, b"/", root)], _failed)
        self._found.groups.append(top)
        left = self.descend(top, b"/", root)
        if self.cut is not None:
            raise RefusedError(f"it has more than {MOST_OBJECTS:,} objects: too many to refer to")
        for group in left:
            self._found.leave_out(group.path, f"it is deeper than {DEEPEST} levels")
        self._settle()
        found = self._found.document(self.file.info)
        if self._asked.concat is not None:
            prepare_joining(self.file, self._found.made, self._asked.concat, self._budget)
        return found

    # ------------------------------------------------------------------------------------------ the walk

    def links_of(self, group: Group[FoundGroup]) -> Listing:
        links = list_links(group.owner.id, MOST_OBJECTS + 1)
        return Listing(group.owner.id, group.owner.links, len(links), links)

    def wants(self, step: Step[FoundGroup]) -> bool:
        """Whether an object was not met before, under a name that is a key in Zarr."""
        link = step.link
        if link.link_class in ("external", "other"):
            self._found.leave_out(step.path, f"a link that is not followed ({link.link_class})")
        elif not _is_key(link.name):
            self._found.leave_out(step.path, "its name is no key in Zarr")
        elif link.link_class == "soft":
            self._found.soft.append((step.path, _absolute(step.owner.path, link.target)))
        elif self.met.first(link.address or 0, step.path) is step.path:
            return True
        else:
            self._found.aliases.append((step.path, link.address or 0))
        return False

    def describe(self, step: Step[FoundGroup]) -> _Answer:
        found = open_link(step.group, step.link)
        kind = kind_of(found)
        if kind == "group":
            return self._group(step.path, found)
        return self._array(step.path, found, step.link.address or 0) if kind == "dataset" else None

    def meet(self, step: Step[FoundGroup], answer: _Answer | Exception) -> FoundGroup | None:
        if isinstance(answer, Exception):
            self._found.leave_out(step.path, f"it cannot be read: {plain_reason(answer)}")
        elif isinstance(answer, FoundGroup):
            self._found.groups.append(answer)
            return answer
        elif answer is not None:
            self._found.arrays.append(answer)
            self._pending.append(answer)
        return None

    def unlisted(self, group: Group[FoundGroup], error: Exception) -> None:
        if group.path == b"/":
            raise unreadable(group.path, error)
        self._found.leave_out(group.path, f"its links cannot be read: {plain_reason(error)}")

    def wave_ended(self) -> None:
        if len(self._pending) >= PENDING:
            self._settle()

    def _group(self, path: bytes, group: Any) -> FoundGroup:
        return FoundGroup(path, group, self._attributes(group), count_links(group))

    def _attributes(self, found: Any) -> Attributes:
        made = read_attributes(self.file.h5.id, found, self._told)
        self._told -= min(made.size, self._told)
        return made

    def _array(self, path: bytes, dataset: Any, address: int) -> FoundArray:
        made = FoundArray(path, address, dataset, read_facts(dataset), self._attributes(dataset))
        try:
            if made.facts.shape is None:
                raise LeftOutError("it has no elements (a null dataspace)")
            made.kind = self._kind(dataset.get_type())
        except LeftOutError as error:
            made.reason = str(error)
        return made

    def _kind(self, tid: Any) -> Kind:
        encoded = tid.encode()
        found = self._kinds.get(encoded)
        if found is None:
            found = self._kinds[encoded] = kind_of_type(tid)
        return found

    # -------------------------------------------------------------------------------- indexes and values

    def _settle(self) -> None:
        """Find the chunks of the datasets that wait for it, and inline what must be, in shared rounds."""
        wanted = [one for one in self._pending if not one.reason]
        self._pending = []
        chunked = [one for one in wanted if one.facts.layout == "chunked"]
        found = read_indexes(self.file, [(one.id, one.facts) for one in chunked], MOST_PLACES)
        indexes = dict(zip(map(id, chunked), found, strict=True))
        decodings: list[tuple[FoundArray, Decoding, ChunkIndex | None]] = []
        for one in wanted:
            index = indexes.get(id(one))
            if isinstance(index, Exception):
                one.reason = f"its chunk index cannot be read: {plain_reason(index)}"
                continue
            why = self._place(one, index)
            if why and one.kind is not None:
                decoding = Decoding(self.file, one.id, one.facts, one.kind, one.places, why)
                decodings.append((one, decoding, index))
        self._decode(decodings)
        self._inline([one for one in wanted if one.places is not None and not one.reason])
        for one in wanted:
            self._check_fill(one)
            if self._asked.concat is None:
                one.id = None
        self.file.blocks.indexes.bound(MOST_CHUNKS)

    def _place(self, one: FoundArray, index: ChunkIndex | None) -> str:
        """Find the chunks of a dataset; why something of it must be decoded, if so."""
        assert one.kind is not None
        if one.kind.text:
            return "it has texts of variable length"
        try:
            if not one.kind.direct:
                raise LeftOutError("its type is converted when it is read")
            if one.kind.ends_early and one.facts.nbytes <= MOST_ENDED:
                raise LeftOutError("its texts end early")
            if index is not None:
                one.places = chunked_places(one.facts, index, self.file.info.size, one.facts.itemsize)
            elif one.facts.layout == "contiguous":
                one.places = contiguous_places(one.id, one.facts, self.file.info.size)
            else:
                raise LeftOutError(f"its layout is {one.facts.layout}")
            one.never = None if one.places.written else fill_value_of(one.id, one.kind)
            self._found.places += len(one.places.table)
            if self._found.places > MOST_PLACES:
                raise RefusedError(f"it has more than {MOST_PLACES:,} chunks: too many to refer to")
        except LeftOutError as error:
            one.places = None
            return str(error)
        return "some of its chunks skipped filters" if len(one.places.odd) else ""

    def _decode(self, decodings: list[tuple[FoundArray, Decoding, ChunkIndex | None]]) -> None:
        ready = []
        for one, decoding, index in decodings:
            try:
                ready.append((one, decoding, decoding.ranges(index, self._budget)))
            except LeftOutError as error:
                one.reason = str(error)
        with ExitStack() as stack:
            if ready:
                fetch(self.file, [(decoding, ranges) for _, decoding, ranges in ready], stack)
            for one, decoding, _ in ready:
                try:
                    one.inlined, filters = decoding.read(self._budget)
                    one.decoded = filters if one.places is None else None
                except LeftOutError as error:
                    one.reason = str(error)
                except (DamagedError, RefusedError) as error:
                    one.reason = error.cause

    def _inline(self, arrays: list[FoundArray]) -> None:
        """Take the stored bytes of small arrays."""
        places = [one.places for one in arrays if one.places is not None]
        most = 0 if self._asked.concat is not None else self._asked.inline
        for one, chunks in zip(arrays, stored_bytes(self.file, places, most), strict=True):
            if chunks and one.places is not None:
                one.inlined, none = chunks, np.zeros((0, one.places.table.shape[1]), dtype="<u8")
                one.places = replace(one.places, table=none)

    def _check_fill(self, one: FoundArray) -> None:
        """Choose the fill value: xarray takes it for missing values, as it does `_FillValue`.

        What was never written must read as HDF5 has it. A fill value of 0 is told only where `_FillValue` is
        the same: Zarr's own is 0.
        """
        if one.reason or one.kind is None:
            return
        if one.kind.ends_early and one.decoded is None:
            self._found.note(one.path, "texts keep what stands behind their end")
        written, never = one.places is None or one.places.written, one.never
        told = _as_fill(one.attributes.fill, one.kind)
        zero = np.zeros((), dtype=packed_type(one.kind.dtype))
        if told is not None and (written or told.tobytes() == (zero if never is None else never).tobytes()):
            one.attributes.values.pop(FILL, None)
            one.fill, one.masked = fill_as_json(told), True
        elif never is not None:
            one.fill = fill_as_json(never)
            reason = "xarray takes its fill value for missing values"
            self._found.note(one.path, reason)


def _failed(_: int, error: Exception) -> Any:
    raise unreadable(b"/", error)


def _is_key(name: bytes) -> bool:
    """Whether a name can be part of a key in Zarr: UTF-8 without control characters or separators."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.isprintable() and not set(text) & set("/\\") and text not in RESERVED and bool(text.strip())


def _absolute(parent: bytes, target: bytes) -> bytes:
    """Where a soft link leads, by its text."""
    parts = [] if target.startswith(b"/") else [part for part in parent.split(b"/") if part]
    parts += [part for part in target.split(b"/") if part not in (b"", b".")]
    return b"/" + b"/".join(parts)


def _as_fill(value: np.ndarray[Any, Any] | None, kind: Kind) -> np.ndarray[Any, Any] | None:
    """The attribute as a value of the array's type, if it is one exactly."""
    dtype = kind.dtype
    if value is None or kind.inner or dtype.kind not in "iuf" or value.dtype.kind not in "iuf":
        return None
    with np.errstate(all="ignore"):
        cast = value.astype(dtype.str)
        return cast if np.array_equal(cast, value, equal_nan=value.dtype.kind == "f") else None
