"""The metadata of a file in a new layout, as `h5repack -S PAGE` writes it: what a copy would be, without one.

Groups, datasets and attributes are made in a sparse file in memory. Raw data takes its place there, and that
is all it does: it is neither read nor written. h5repack makes new groups but copies datasets, headers and
all, which come out smaller than new ones do: here they are made in another file, a stage, in the
format that they are in, and copied from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from math import prod
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5o, h5p, h5s, h5t

from h5s3.errors import RefusedError
from h5s3.formats.base import Facts, has_pointers
from h5s3.formats.hdf5.data.chunk_index import read_index
from h5s3.formats.hdf5.layout.header_facts import IndexKind, index_kind, keeps_time
from h5s3.formats.hdf5.layout.sparse_file import SparseFile
from h5s3.formats.hdf5.objects.attributes import attribute_names
from h5s3.formats.hdf5.objects.datasets import read_facts, space_of
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile, plain_reason
from h5s3.formats.hdf5.objects.links import Link, address_of, kind_of, list_links, open_link
from h5s3.formats.hdf5.objects.values import memory_dtype
from h5s3.sizes import MIB

DEEPEST = 200
MOST_ATTRIBUTES = 1000  # of one object
LARGEST_ATTRIBUTE = 1 * MIB
TEXT, MOST_TEXTS = b"x" * 16, 10_000  # that stand for those of a dataset or an attribute
LARGEST_CHUNK = 1 << 31
CLASS = b"NX_class"  # whose values a walk reads
KEPT_FILTERS = frozenset({1, 2, 3})  # that every libhdf5 has; one of these stands for any other


@dataclass
class RepackedCopy:
    """The file, and what could not be made in it."""

    file: SparseFile
    objects: int = 0

    @property
    def size(self) -> int:
        """Bytes of the copy."""
        return self.file.size


def make_repacked_copy(source: OpenFile, page: int, *, latest: bool, until: float) -> RepackedCopy:
    """Lay a file out in pages of so many bytes. `latest`: in the format of HDF5 1.10, as `h5repack --low=2`
    does, and not in that of the earliest.

    Raises `RefusedError` where it takes longer than `until` (of `time.monotonic`) or more memory than is
    granted, or where libhdf5 cannot do it, and what reading the source raises.
    """
    try:
        return _make(source, page, latest, until)
    except FAILURES as error:
        raise RefusedError(f"the file cannot be repacked: {plain_reason(error)}") from None


def _make(source: OpenFile, page: int, latest: bool, until: float) -> RepackedCopy:
    made = RepackedCopy(SparseFile())
    fcpl = source.h5.id.get_create_plist()
    fcpl.set_link_creation_order(source.root.get_create_plist().get_link_creation_order())
    fcpl.set_file_space_strategy(h5f.FSPACE_STRATEGY_PAGE, False, 1)
    fcpl.set_file_space_page_size(page)
    with ExitStack() as files:
        low = h5f.LIBVER_V110 if latest else h5f.LIBVER_EARLIEST
        target = files.enter_context(closing(_create(made.file, low, fcpl)))
        stages = [
            files.enter_context(closing(_create(SparseFile(), low, h5p.create(h5p.FILE_CREATE))))
            for low in (h5f.LIBVER_EARLIEST, h5f.LIBVER_V18, h5f.LIBVER_V110)
        ]
        _Copy(source, made, stages, until).run(target)
    return made


def _create(sparse: SparseFile, low: int, fcpl: Any) -> Any:
    fapl = h5p.create(h5p.FILE_ACCESS)
    fapl.set_fileobj_driver(h5py.h5fd.fileobj_driver, sparse)
    fapl.set_fclose_degree(h5f.CLOSE_STRONG)
    fapl.set_libver_bounds(low, h5f.LIBVER_LATEST)
    return h5f.create(b"copy", h5f.ACC_TRUNC, fcpl, fapl)


class _Copy:
    def __init__(self, source: OpenFile, made: RepackedCopy, stages: list[Any], until: float) -> None:
        self._source = source
        self._made = made
        self._stages = stages
        self._until = until
        self._done: dict[int, Any] = {}  # by address: the groups and datasets that were made
        self._zeros = np.zeros(0, dtype="u1")

    def run(self, target: Any) -> None:
        """Depth first, in the order of the links, as h5repack goes."""
        root, top = self._source.root, h5g.open(target, b"/")
        self._attributes(root, top)
        self._done[address_of(root)] = address_of(top)
        stack = [self._children(root, top)]
        while stack:
            below = next(stack[-1], None)
            if below is None:
                stack.pop()
            elif len(stack) < DEEPEST:
                stack.append(self._children(*below))

    def _children(self, group: Any, target: Any) -> Iterator[tuple[Any, Any]]:
        """Make what a group holds; the groups among it, each with its copy."""
        for link in self._links(group):
            if time.monotonic() > self._until:
                raise RefusedError("repacking the file takes too long")
            try:
                below = self._child(group, target, link)
            except FAILURES:
                continue
            if below is not None:
                yield below

    def _links(self, group: Any) -> Sequence[Link]:
        try:
            return list_links(group)
        except FAILURES:
            return []

    def _child(self, group: Any, target: Any, link: Link) -> tuple[Any, Any] | None:
        if link.link_class == "soft":
            target.links.create_soft(link.name, link.target)
        elif link.link_class == "external":
            target.links.create_external(link.name, link.target_file, link.target)
        if link.link_class != "hard" or link.address is None:
            return None
        if link.address in self._done:
            self._alias(target, link)
            return None
        found = open_link(group, link)
        kind = kind_of(found)
        made = getattr(self, f"_{kind}")(found, target, link.name)
        self._done[link.address] = address_of(made)
        self._made.objects += 1
        if kind != "group":
            return None
        self._attributes(found, made)
        return found, made

    def _alias(self, target: Any, link: Link) -> None:
        """Another name of an object takes up a link; which object it leads to makes no difference."""
        target.links.create_hard(link.name, target, b".")

    def _group(self, group: Any, target: Any, name: bytes) -> Any:
        """Of the properties of a group only the order of creation makes it larger."""
        plist = group.get_create_plist()
        tracked = plist.get_link_creation_order() & h5p.CRT_ORDER_TRACKED
        return h5g.create(target, name, None, plist if tracked else None)

    def _datatype(self, tid: Any, target: Any, name: bytes) -> Any:
        made = tid.copy()
        made.commit(target, name)
        return made

    def _dataset(self, dataset: Any, target: Any, name: bytes) -> Any:
        facts, size = read_facts(dataset), self._source.info.size
        stage, staged = self._stages[self._format(dataset, facts)], b"%d" % self._made.objects
        plist = _creation(dataset, facts)
        plist.set_obj_track_times(keeps_time(self._source, address_of(dataset)))
        copy = h5d.create(stage, staged, dataset.get_type().copy(), space_of(dataset), plist)
        if has_raw_data(dataset, facts, size):
            _write_texts(copy, dataset.get_type(), facts.shape or ())
        self._attributes(dataset, copy)
        h5o.copy(stage, staged, target, name)
        made = h5o.open(target, name)
        if facts.layout == "chunked" and facts.chunks:
            self._chunks(dataset, made, facts)
        elif has_raw_data(dataset, facts, size) and not has_pointers(facts.type):
            _write_first(made, facts)
        return made

    def _format(self, dataset: Any, facts: Facts) -> int:
        """Which of the stages has headers of the version (IV.A.1) and indexes of the kind that are there."""
        address = address_of(dataset)
        self._source.blocks.seek(self._source.superblock_offset + address)
        if self._source.blocks.read(4) != b"OHDR":
            return 0
        old = not facts.chunks or index_kind(self._source, address, facts) == IndexKind.BTREE_V1
        return 1 if old else 2

    def _chunks(self, dataset: Any, made: Any, facts: Facts) -> None:
        """Have each chunk take its place. Their bytes are zeros that nobody looks at."""
        index = read_index(dataset, facts, self._source)
        sizes = index.table[:, -2].tolist()
        if not sizes or max(sizes) > min(LARGEST_CHUNK, self._source.info.size):
            return
        if max(sizes) > self._zeros.size:
            self._zeros = np.zeros(max(sizes), dtype="u1")  # memory that is never touched takes none
            self._made.file.ignore(self._zeros)
        offsets = (index.table[:, :-3] * np.array(facts.chunks, dtype="<u8")).tolist()
        for number, (offset, size) in enumerate(zip(offsets, sizes, strict=True)):
            if not number % 1000 and time.monotonic() > self._until:
                raise RefusedError("repacking the file takes too long")
            made.write_direct_chunk(tuple(offset), self._zeros[:size], 0)

    def _attributes(self, found: Any, made: Any) -> None:
        for name in attribute_names(found, MOST_ATTRIBUTES):
            try:
                _attribute(found, made, name)
            except FAILURES:
                continue


def _creation(dataset: Any, facts: Facts) -> Any:
    """How to make a dataset so that it takes the place that it takes, and its raw data are not touched."""
    plist = dataset.get_create_plist()
    if facts.external or facts.layout == "virtual" or any(f.id not in KEPT_FILTERS for f in facts.filters):
        plist = h5p.create(h5p.DATASET_CREATE)
        if facts.chunks:
            plist.set_chunk(facts.chunks)
            plist.set_shuffle()
    if facts.layout == "chunked":
        plist.set_alloc_time(h5d.ALLOC_TIME_INCR)
    elif facts.layout != "compact":
        _never_fill(plist, facts)
    return plist


def _never_fill(plist: Any, facts: Facts) -> None:
    """Raw data are there once they are written, and never filled: of pointers libhdf5 insists on it."""
    if not has_pointers(facts.type):
        plist.set_fill_time(h5d.FILL_TIME_NEVER)
    plist.set_alloc_time(h5d.ALLOC_TIME_LATE)


def has_raw_data(dataset: Any, facts: Facts, size: int) -> bool:
    """Whether a contiguous dataset has raw data in a file of so many bytes, no more than are believed.

    Of pointers only texts take theirs, which are all written. Others would be copied as they are found in
    memory: where no fill value is defined, libhdf5 does not clear it, and follows what it takes for lengths.
    """
    return facts.layout == "contiguous" and 0 < facts.nbytes <= size and dataset.get_offset() is not None


def _write_first(made: Any, facts: Facts) -> None:
    """Write one element: the dataset takes its place."""
    space = made.get_space()
    if facts.shape:
        space.select_elements(np.zeros((1, facts.ndim), dtype="u8"))
    one = np.zeros(1, dtype=f"V{facts.itemsize}")
    made.write(h5s.create_simple((1,)), space, one, made.get_type())


def _attribute(found: Any, made: Any, name: bytes) -> None:
    """An attribute without its value, but for the one whose value a walk reads."""
    attribute = h5a.open(found, name)
    tid, space = attribute.get_type(), attribute.get_space()
    if tid.get_size() * space.get_simple_extent_npoints() > LARGEST_ATTRIBUTE:
        raise ValueError("too large")
    copy = h5a.create(made, name, tid.copy(), space)
    dtype = memory_dtype(tid) if name == CLASS else None
    if dtype is not None and dtype.subdtype is None:
        values = np.zeros(attribute.shape, dtype=dtype)
        attribute.read(values, mtype=h5t.py_create(dtype))
        copy.write(values, mtype=h5t.py_create(dtype))
    elif space.get_simple_extent_type() != h5s.NULL:
        _write_texts(copy, tid, attribute.shape)


def _write_texts(made: Any, tid: Any, shape: tuple[int, ...]) -> None:
    """Texts of variable length are stored in heaps among the raw data (III.E): some stand for a source's.

    How long these are is not known: they are not read, as that would cost too much.
    """
    if tid.get_class() != h5t.STRING or not tid.is_variable_str() or not 0 < prod(shape) <= MOST_TEXTS:
        return
    texts = np.full(shape, TEXT, dtype=h5py.string_dtype())
    mtype = h5t.py_create(texts.dtype, logical=True)
    if isinstance(made, h5d.DatasetID):
        made.write(h5s.ALL, h5s.ALL, texts, mtype)
    else:
        made.write(texts, mtype=mtype)
