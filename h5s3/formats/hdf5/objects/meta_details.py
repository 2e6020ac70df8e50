"""What `meta` tells beyond the tree: storage of datasets, links of groups, facts of the file."""

from __future__ import annotations

from functools import partial
from typing import Any

from h5py import h5f

from h5s3.formats.hdf5.conventions.detect import conventions
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.datasets import count_storage, fill_value, read_facts, virtual_sources
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.filters import compression
from h5s3.formats.hdf5.objects.links import count_links, list_links, tracks_creation
from h5s3.formats.hdf5.objects.named_attributes import named_values
from h5s3.formats.hdf5.objects.values import Namer
from h5s3.records import Dimension, FileFacts, LinkCounts, Meta, TypeInfo

MOST_LINKS = 10_000  # of one group that are counted by class
STRATEGIES = {
    h5f.FSPACE_STRATEGY_FSM_AGGR: "aggregate",
    h5f.FSPACE_STRATEGY_PAGE: "page",
    h5f.FSPACE_STRATEGY_AGGR: "aggregate without free-space managers",
    h5f.FSPACE_STRATEGY_NONE: "none",
}


def add_group(document: Meta, group: Any) -> None:
    """Number of links, by class."""
    document.num_children = count_links(group)
    counts = LinkCounts()
    for link in list_links(group, MOST_LINKS):
        setattr(counts, link.link_class, getattr(counts, link.link_class) + 1)
    document.links = counts
    if document.num_children > MOST_LINKS:
        document.links_truncated = True
    tracked = tracks_creation(group)
    if tracked is not None:
        document.creation_order = tracked


def add_file(document: Meta, file: OpenFile) -> None:
    """Superblock, user block, file space, and the conventions the file follows."""
    plist = file.h5.id.get_create_plist()
    strategy, _, _ = plist.get_file_space_strategy()
    paged = strategy == h5f.FSPACE_STRATEGY_PAGE
    document.file = FileFacts(
        size=file.info.size,
        superblock_version=_superblock_version(file),
        userblock_size=int(plist.get_userblock()),
        file_space_strategy=STRATEGIES.get(strategy),
        page_size=int(plist.get_file_space_page_size()) if paged else None,
        conventions=conventions(file),
    )


def _superblock_version(file: OpenFile) -> int | None:
    """The byte after the signature (HDF5 File Format Specification, II.A)."""
    file.blocks.seek(file.superblock_offset + 8)
    data = file.blocks.read(1)
    return data[0] if data else None


def add_datatype(document: Meta, tid: Any) -> None:
    """A committed datatype."""
    document.type = describe(tid)
    document.dtype = short(document.type)
    document.raw_type = raw_type(document.type, tid)


def raw_type(info: TypeInfo, tid: Any) -> dict[str, Any]:
    """The type as HDF5's own codes, in the form h5grove gives it to viewers."""
    raw: dict[str, Any] = {"class": int(tid.get_class()), "size": int(tid.get_size())}
    try:
        raw["dtype"] = tid.dtype.str if tid.dtype.names is None else "compound"
    except (TypeError, ValueError, NotImplementedError, RuntimeError, KeyError):
        raw["dtype"] = None
    if info.class_ in ("integer", "float", "bitfield"):
        raw["order"] = int(tid.get_order())
    if info.class_ == "integer":
        raw["sign"] = int(tid.get_sign())
    if info.class_ == "string":
        raw |= {"cset": int(tid.get_cset()), "strpad": int(tid.get_strpad())}
        raw["vlen"] = bool(tid.is_variable_str())
    return raw


def add_dataset(document: Meta, file: OpenFile, dataset: Any, namer: Namer) -> None:
    """Shape, type, layout, filters, storage, dimension scales."""
    facts = read_facts(dataset)
    document.shape = None if facts.shape is None else list(facts.shape)
    document.maxshape = None if facts.maxshape is None else list(facts.maxshape)
    document.type, document.dtype = facts.type, facts.dtype
    document.raw_type = raw_type(facts.type, dataset.get_type())
    document.size, document.ndim, document.nbytes = facts.size, facts.ndim, facts.nbytes
    document.layout = facts.layout
    document.filters = facts.filters
    document.fill_value = fill_value(dataset, file.h5.id)
    counting = partial(count_storage, dataset, facts, file)
    ((document.storage_size, chunks),) = gather(file.blocks, [counting], lambda *_: (None, None))
    if facts.chunks:
        document.chunks, document.num_chunks = list(facts.chunks), chunks
    packed, options = compression(facts.filters)
    if packed:
        document.compression, document.compression_opts = packed, options
    if document.storage_size and facts.nbytes:
        document.compression_ratio = round(facts.nbytes / document.storage_size, 4)
    if facts.external:
        document.external_files = facts.external
    if facts.layout == "virtual":
        document.virtual_sources, document.virtual_sources_truncated = virtual_sources(dataset)
    document.dimensions = dimensions(file, dataset, facts.shape or (), namer)
    document.is_scale = named_values(file, dataset, [b"CLASS"]).get(b"CLASS") == "DIMENSION_SCALE"


def dimensions(file: OpenFile, dataset: Any, shape: tuple[int, ...], namer: Namer) -> list[Dimension]:
    """Labels and scales of each dimension (HDF5 Dimension Scale Specification: two attributes)."""
    names = (b"DIMENSION_LABELS", b"DIMENSION_LIST")
    values = named_values(file, dataset, names, namer)
    labels, scales = (v if isinstance(v, list) else [] for v in map(values.get, names))
    found = []
    for index, size in enumerate(shape):
        dimension = Dimension(size=size)
        if index < len(labels) and isinstance(labels[index], str) and labels[index]:
            dimension.label = labels[index]
        if index < len(scales) and isinstance(scales[index], list):
            dimension.scales = [name for name in scales[index] if isinstance(name, str)]
        found.append(dimension)
    return found
