"""What files need that are to be joined along a dimension: its coordinates, and digests of all without it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex, read_index
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.references.found import FoundArray
from h5s3.formats.hdf5.references.inline import LARGEST_DECODED, Budget, Decoding, fetch
from h5s3.formats.hdf5.references.kinds import LeftOutError
from h5s3.records import ArrayReferences
from h5s3.sizes import MIB
from h5s3.storage.base import Range

LARGEST = 64 * MIB  # stored bytes of all arrays that are compared
Pair = tuple[FoundArray, ArrayReferences]


def prepare_joining(file: OpenFile, pairs: Sequence[Pair], dimension: str, budget: Budget) -> None:
    """Decode the coordinates of a dimension, and name the stored values of what does not have it.

    Of a dimension that no array has, the coordinates of others alone are to be the same.
    """
    new = not any(dimension in record.dimensions for _, record in pairs)
    coordinates = [
        (one, record)
        for one, record in pairs
        if record.dimensions == [dimension]
        and one.kind is not None
        and not one.kind.text
        and one.facts.nbytes <= LARGEST_DECODED
    ]
    _decode(file, coordinates, budget)
    without = [record for _, record in pairs if dimension not in record.dimensions]
    if new:
        without = [one for one in without if one.dimensions == [one.path.rpartition("/")[2]]]
    _digest(file, without)


def _decode(file: OpenFile, coordinates: Sequence[Pair], budget: Budget) -> None:
    ready: list[tuple[ArrayReferences, Decoding, list[Range]]] = []
    for one, record in coordinates:
        assert one.kind is not None
        decoding = Decoding(file, one.id, one.facts, one.kind, None, "it is a coordinate")
        index: ChunkIndex | None = None
        if one.facts.layout == "chunked":
            index = read_index(one.id, one.facts, file)
        try:
            ready.append((record, decoding, decoding.ranges(index, budget)))
        except LeftOutError:
            continue  # its chunks are joined as they are, if they can be
    with ExitStack() as stack:
        if ready:
            fetch(file, [(decoding, ranges) for _, decoding, ranges in ready], stack)
        for record, decoding, _ in ready:
            try:
                inlined, _filters = decoding.read(budget)
            except (LeftOutError, DamagedError, RefusedError):
                continue
            record.inlined, record.places, record.filters, record.decoded = inlined, b"", [], True
            record.chunks = [max(1, n) for n in record.shape]


def _digest(file: OpenFile, records: Sequence[ArrayReferences]) -> None:
    left, wanted = LARGEST, []
    for record in records:
        ranges = _ranges(record)
        size = sum(high - low for low, high in ranges)
        if size <= left:
            left -= size
            wanted.append((record, ranges))
    try:
        file.blocks.fetch_exact(one for _, ranges in wanted for one in ranges)
        for record, ranges in wanted:
            found = hashlib.sha256(repr((record.dtype, record.filters, record.fill_value)).encode())
            for key, data in sorted(record.inlined.items()):
                found.update(f"{key} {len(data)}:".encode() + data)
            for start, stop in ranges:
                data_ = file.blocks.stored(start, stop)
                found.update(b"?" if data_ is None else bytes(data_))
            record.digest = found.hexdigest()
    finally:
        file.blocks.drop_exact()


def _ranges(record: ArrayReferences) -> list[Range]:
    """The bytes of the chunks in the order of their cells."""
    table = np.frombuffer(record.places, dtype="<u8").reshape(-1, len(record.shape) + 2)
    order = np.lexsort(table[:, :-2].T[::-1]) if len(record.shape) else np.arange(len(table))
    return [(start, start + size) for start, size in table[order][:, -2:].tolist()]
