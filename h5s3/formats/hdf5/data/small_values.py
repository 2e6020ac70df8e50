"""Values of small datasets, shown beside their description: scalars, short texts, some elements."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from h5py import h5s

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.data.chunk_sizes import ChunkSizes
from h5s3.formats.hdf5.data.heaps import stored_pointers
from h5s3.formats.hdf5.data.unpacked_size import sizes_are_known
from h5s3.formats.hdf5.fetch.safeguards import decoding
from h5s3.formats.hdf5.objects.attributes import memory_type
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.numpy_values import in_order
from h5s3.formats.hdf5.objects.values import Converter, Namer, by_address, memory_dtype
from h5s3.formats.selection import whole
from h5s3.records import UNSET, DatasetNode, Json, Meta, UnsetType
from h5s3.sizes import MIB

MOST = 16  # elements
LARGEST = 4096  # bytes of all elements
LARGEST_CHUNK = MIB  # decoded bytes
TEXT = 25  # elements of sequences in a value, and 16 times as many characters of a text, that are shown


@dataclass(frozen=True)
class SmallValue:
    """A value as JSON, and what JSON cannot hold of it."""

    value: Json
    nan_count: int | UnsetType
    inf_count: int | UnsetType
    truncated: bool | UnsetType


def is_small(facts: Facts, most: int = MOST, largest: int = LARGEST) -> bool:
    """Whether the values of a dataset are few (`most`) and short (`largest` bytes), and stored in this file.

    libhdf5 itself reads them: only where it can be told before whether a chunk unpacks to all its bytes.
    """
    if not 0 < facts.size <= most or facts.shape is None or facts.nbytes > largest:
        return False
    plain = facts.layout in ("compact", "contiguous", "chunked") and not facts.external
    known = sizes_are_known(facts.filters) and all(item.available for item in facts.filters)
    return plain and known and prod(facts.chunks or ()) * facts.itemsize <= LARGEST_CHUNK


def read_small(
    file: OpenFile, dataset: Any, namer: Namer = by_address, most: int = TEXT
) -> SmallValue | None:
    """The values of a small dataset, `most` elements of one; None where NumPy has no type for them.

    A pure question, for `gather`. Raises what h5py raises, and `DamagedError`.
    """
    kind = dataset.get_type()
    dtype = memory_dtype(kind)
    if dtype is None or not _whole_chunks(file, dataset, kind):
        return None
    values = np.zeros(dataset.shape, dtype=dtype)  # of an array type: gains its dimensions
    with decoding() if dtype.hasobject else nullcontext():
        dataset.read(h5s.ALL, h5s.ALL, values, mtype=memory_type(kind, dtype))
    converter = Converter(file.h5.id, namer, most=most, sequences=MOST)
    found = converter.array(in_order(values, dtype), dtype.subdtype[0] if dtype.subdtype else dtype)
    return SmallValue(found, converter.nans or UNSET, converter.infs or UNSET, bool(converter.cut) or UNSET)


def _whole_chunks(file: OpenFile, dataset: Any, kind: Any) -> bool:
    """Whether all chunks unpack to their size, as far as can be told. Raises `DamagedError` where not."""
    facts = read_facts(dataset)
    if not facts.filters:
        return True
    pointers = stored_pointers(kind)
    if pointers is not None:
        ChunkSizes(file, dataset, facts, pointers[0]).check(whole(facts.shape or ()))
    return pointers is not None


def add_value(record: DatasetNode | Meta, found: SmallValue | None) -> None:
    """Put a value into the record of its dataset."""
    if found is not None:
        record.value, record.value_truncated = found.value, found.truncated
        record.nan_count, record.inf_count = found.nan_count, found.inf_count
