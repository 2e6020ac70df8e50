"""A virtual dataset put together by us: which elements come from where, read from each file by its own bytes.

As HDF5 does it: sources that are not there leave the fill value, of mappings that overlap the last one
counts, and dimensions without end are as long as the sources make them (`H5D_VDS_LAST_AVAILABLE`, no gap of
missing ones).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import h5py
import numpy as np

from h5s3.errors import DamagedError, H5s3Error, NotFoundError, RefusedError
from h5s3.formats.base import Facts, has_references
from h5s3.formats.hdf5.data.virtual.forms import Form
from h5s3.formats.hdf5.data.virtual.mappings import (
    MOST_MAPPINGS,
    SAME_FILE,
    Mapping,
    Overlaps,
    read_mappings,
)
from h5s3.formats.hdf5.data.virtual.parts import parts_of
from h5s3.formats.hdf5.data.virtual.sides import Regular, Side, whole
from h5s3.formats.hdf5.follow.places import Place, find
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import address_of
from h5s3.formats.names import text_of
from h5s3.formats.selection import Selection
from h5s3.storage.siblings import MOST_FILES

Values = np.ndarray[Any, Any]
MOST_NESTED = 8  # virtual datasets, each made of the next
MOST_LEAVES = 32  # sources that stay open
MOST_NAMED = 3  # missing files that are named
FIRST_PROBE, MOST_PROBED = 8, 256  # files of a pattern that are looked for at once
Chain = tuple[tuple[object, int], ...]  # file and address of each virtual dataset on the way


class Leaf(Protocol):
    """A dataset that is a source."""

    file: OpenFile

    @property
    def facts(self) -> Facts:
        """Its header."""

    def refuse(self) -> None:
        """Raise `RefusedError` where its values are not to be read."""

    def as_source(self, selection: Selection, form: Form, kind: Any, left: list[int]) -> Values:
        """Its values for a virtual dataset of the type `kind`; what is fetched is taken off `left` bytes."""


OpenLeaf = Callable[[Place, Chain], Leaf]


class Virtual:
    """The sources of one virtual dataset. `chain`: the virtual datasets that it is itself a source of."""

    def __init__(
        self,
        file: OpenFile,
        dataset: Any,
        shape: Sequence[int],
        chain: Chain,
        open_leaf: OpenLeaf,
    ) -> None:
        here = (file.info.location, address_of(dataset))
        if here in chain:
            raise RefusedError("a virtual dataset that is made of itself")
        if len(chain) >= MOST_NESTED:
            raise RefusedError(f"a virtual dataset made of more than {MOST_NESTED} others, one after another")
        self._file, self._type, self._chain = file, dataset.get_type(), (*chain, here)
        self._open_leaf, self._header = open_leaf, tuple(shape)
        self._mappings = read_mappings(dataset.get_create_plist())
        self._leaves: OrderedDict[tuple[bytes, bytes], Leaf | None] = OrderedDict()
        self._blocks: dict[Mapping, list[Mapping]] = {}
        self.missing: dict[tuple[bytes, bytes], str] = {}  # sources that are not there, and why
        self.sources = 0  # that were looked for

    # ------------------------------------------------------------------------------------------- shape

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """As the sources make it."""
        least = [0] * len(self._header)
        found: list[int | None] = [None] * len(self._header)
        for mapping in self._mappings:
            for dimension, (_, high) in enumerate(mapping.virtual.bounds):
                if dimension != mapping.endless:
                    least[dimension] = max(least[dimension], high)
            if mapping.endless is not None:
                extent = self._extent(mapping)
                found[mapping.endless] = max(found[mapping.endless] or 0, extent)
        return tuple(
            stored if extent is None else max(extent, low)
            for stored, extent, low in zip(self._header, found, least, strict=True)
        )

    def _extent(self, mapping: Mapping) -> int:
        """How long a mapping without end makes its dimension."""
        parts = [one.virtual for one in self._ended(mapping)]
        along = mapping.endless or 0
        ends = [part.combs[along] for part in parts if isinstance(part, Regular)]
        return max((comb.stop for comb in ends if comb.size), default=0)

    def _ended(self, mapping: Mapping) -> list[Mapping]:
        """The mapping with an end where its sources have one: of a pattern one for each of them."""
        if mapping not in self._blocks:
            self._blocks[mapping] = self._pattern(mapping) if mapping.pattern else self._matched(mapping)
        return self._blocks[mapping]

    def _matched(self, mapping: Mapping) -> list[Mapping]:
        virtual, source, dimension = mapping.virtual, mapping.source, mapping.endless
        leaf = self._leaf(mapping)
        if leaf is None or not isinstance(source, Regular) or not isinstance(virtual, Regular):
            return []
        along = source.endless
        shape = leaf.facts.shape or ()
        if along is None or dimension is None or len(shape) != len(source.combs):
            raise DamagedError(f"a virtual dataset whose source {self._name(mapping)} has another shape")
        cut = source.combs[along].below(shape[along])
        comb = replace(virtual.combs[dimension], size=cut.size)
        return [replace(mapping, virtual=virtual.cut(dimension, comb), source=source.cut(along, cut))]

    def _pattern(self, mapping: Mapping) -> list[Mapping]:
        found: list[Mapping] = []
        size = FIRST_PROBE
        while True:
            blocks = [mapping.block(len(found) + number) for number in range(size)]
            self._look(blocks)
            for block in blocks:
                if self._leaf(block) is None:
                    self.missing.pop((block.file, block.path), None)  # it is the end
                    self.sources -= 1
                    return found
                found.append(block)
            most = MOST_FILES if found[0].file != found[1].file else MOST_MAPPINGS
            if len(found) > most:
                raise RefusedError(f"a virtual dataset made of more than {most:,} parts")
            size = min(2 * size, MOST_PROBED)

    # ------------------------------------------------------------------------------------------ values

    def read(
        self, selection: Selection, form: Form, fill: Values, left: list[int], kind: Any = None
    ) -> Values:
        """The values of a selection, in all dimensions. `fill`: that of unmapped elements, in this form.

        `left`: bytes that may still be fetched, which it counts. Raises `RefusedError` where they are more.
        `kind`: the type of the virtual dataset that this one is a source of.
        """
        kind = self._type if kind is None else kind
        values: Values = np.empty(tuple(axis.count for axis in selection) + fill.shape, dtype=fill.dtype)
        values[...] = fill
        if values.size:
            mappings = [one for mapping in self._touched(selection) for one in self._ended_or_same(mapping)]
            self._look(mappings)
            for mapping in mappings:
                self._take(mapping, selection, form, values, (kind, left))
        return values

    @cached_property
    def _overlaps(self) -> Overlaps:
        return Overlaps(self._mappings)

    def _touched(self, selection: Selection) -> list[Mapping]:
        return self._overlaps.of([axis.start for axis in selection], [axis.stop for axis in selection])

    def _ended_or_same(self, mapping: Mapping) -> list[Mapping]:
        return [mapping] if mapping.endless is None else self._ended(mapping)

    def _take(
        self, mapping: Mapping, selection: Selection, form: Form, values: Values, more: tuple[Any, list[int]]
    ) -> None:
        if not _meet(mapping, selection):
            return
        leaf = self._leaf(mapping)
        if leaf is None:
            return
        shape = leaf.facts.shape or ()
        source = self._source(mapping, leaf)
        for part in parts_of(mapping.virtual, source, selection):
            if any(axis.stop > extent for axis, extent in zip(part.source, shape, strict=True)):
                raise DamagedError(f"the source {self._name(mapping)} of a virtual dataset is too small")
            with self._file.files.using(leaf.file):
                part.put(values, leaf.as_source(part.source, form, *more))

    def _source(self, mapping: Mapping, leaf: Leaf) -> Side:
        shape = leaf.facts.shape or ()
        source = whole(shape) if mapping.source is None else mapping.source
        if len(source.bounds) != len(shape):
            raise DamagedError(f"a virtual dataset whose source {self._name(mapping)} has another shape")
        return source

    # ----------------------------------------------------------------------------------------- sources

    def piece(self) -> tuple[int, ...] | None:
        """The chunk of the first source that is there, where it has as many dimensions."""
        for mapping in self._mappings[:1]:
            for one in self._ended_or_same(mapping)[:1]:
                leaf = self._leaf(one)
                chunks = leaf.facts.chunks if leaf is not None else None
                if chunks and len(chunks) == len(self._header):
                    return chunks
        return None

    def _look(self, mappings: Sequence[Mapping]) -> None:
        """Find out about the files of these mappings in one round."""
        self._file.files.look(self._file, [one.file for one in mappings if one.file != SAME_FILE])

    def _leaf(self, mapping: Mapping) -> Leaf | None:
        """The dataset that a mapping leads to; None where it is not there."""
        key = mapping.file, mapping.path
        if key not in self._leaves:
            self._let_go(MOST_LEAVES - 1)
            self.sources += 1
            leaf = self._opened(mapping)
            self._leaves[key] = leaf
            if leaf is not None:
                self._file.files.keep(leaf.file)
        self._leaves.move_to_end(key)
        return self._leaves[key]

    def _let_go(self, most: int) -> None:
        open_ones = [key for key, leaf in self._leaves.items() if leaf is not None]
        for key in open_ones[: max(0, len(open_ones) - most)]:
            leaf = self._leaves.pop(key)
            self.sources -= 1
            if leaf is not None:
                self._file.files.release(leaf.file)
        self._file.files.trim()

    def _opened(self, mapping: Mapping) -> Leaf | None:
        try:
            file = self._file
            if mapping.file != SAME_FILE:
                file = file.files.sibling(file, mapping.file)
            with self._file.files.using(file):
                place = find(file, b"/" + mapping.path.lstrip(b"/"))
                if not isinstance(place.found.object, h5py.h5d.DatasetID):
                    raise DamagedError(f"{text_of(mapping.path)} is no dataset")
                leaf = self._open_leaf(place, self._chain)
        except NotFoundError as error:
            self.missing[mapping.file, mapping.path] = error.cause
            return None
        except H5s3Error as error:
            raise self._because(mapping, error) from None
        self._check(mapping, leaf)
        return leaf

    def _check(self, mapping: Mapping, leaf: Leaf) -> None:
        """Raise what keeps the values of a source from being read."""
        try:
            leaf.refuse()
        except H5s3Error as error:
            raise self._because(mapping, error) from None
        if leaf.file is not self._file and has_references(leaf.facts.type):
            raise self._because(mapping, RefusedError("it has references, to objects of its own"))

    def _because(self, mapping: Mapping, error: H5s3Error) -> H5s3Error:
        cause = f"a virtual dataset's source {self._name(mapping)}: {error.cause}"
        return type(error)(cause, hint="" if "{location}" in error.hint else error.hint)

    def _name(self, mapping: Mapping) -> str:
        return f"{text_of(mapping.file)}:{text_of(mapping.path)}"

    def problems(self) -> Iterator[str]:
        """What is to be said of sources that are not there."""
        if not self.missing:
            return
        named = [f"{text_of(file)} ({why})" for (file, _), why in list(self.missing.items())[:MOST_NAMED]]
        more = len(self.missing) - len(named)
        shown = ", ".join(named) + (f" and {more:,} more" if more else "")
        are = "1 source is" if len(self.missing) == 1 else f"{len(self.missing):,} sources are"
        yield f"{are} missing, whose values are the fill value: {shown}"


def _meet(mapping: Mapping, selection: Selection) -> bool:
    return all(
        low < axis.stop and high > axis.start
        for (low, high), axis in zip(mapping.virtual.bounds, selection, strict=True)
    )
