"""Values of small arrays, shown beside their description: the chunks of all of them in one round."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import product

from h5s3.errors import AccessError, DamagedError, RefusedError, UsageError
from h5s3.formats.encoding.json_values import JsonValues
from h5s3.formats.selection import whole
from h5s3.formats.zarr.data.chunks import chunks_of_shard
from h5s3.formats.zarr.data.decode import Decoder, refuse_codecs
from h5s3.formats.zarr.data.in_memory import library
from h5s3.formats.zarr.hierarchy import Hierarchy
from h5s3.formats.zarr.nodes import FEW, ArrayNode, Cell
from h5s3.records import UNSET, DatasetNode, Meta
from h5s3.storage.base import ObjectInfo

LARGEST_STORED = 256 * 1024
MOST_ARRAYS = 20_000
TEXT = 25  # elements of one value, and 16 times as many characters, that are shown

Record = DatasetNode | Meta
Small = tuple[str, ArrayNode, Record]


def add_values(store: Hierarchy, arrays: Sequence[Small]) -> None:
    """Put the values of small arrays into their records. What cannot be read stays without."""
    small = [one for one in arrays if one[1].is_small][:MOST_ARRAYS]
    cells: list[list[Cell]] = [_cells(node) for _, node, _ in small]
    names = [
        f"{path}/{node.name_of(cell)}".lstrip("/")
        for (path, node, _), own in zip(small, cells, strict=True)
        for cell in own
    ]
    found = iter(store.objects.look(names, LARGEST_STORED))
    for (_, node, record), own in zip(small, cells, strict=True):
        answers = {cell: one for cell in own if (one := next(found)) is not None}
        if any(info.size > len(body) for info, body in answers.values()):
            continue
        with suppress(DamagedError, RefusedError):
            _add(node, record, _chunks(node, answers))


def add_value(store: Hierarchy, path: str, node: ArrayNode, record: Meta) -> None:
    """Put the value of a small array into its description, which can do without: where zarr-python is not
    installed, or chunks may not be read."""
    with suppress(AccessError, RefusedError, UsageError):
        library()
        add_values(store, [(path, node, record)])


def _cells(node: ArrayNode) -> list[Cell]:
    each = zip(node.shape, node.objects, strict=True)
    return list(product(*(range(-(-size // part)) for size, part in each)))


def _chunks(node: ArrayNode, stored: dict[Cell, tuple[ObjectInfo, bytes]]) -> dict[Cell, bytes]:
    if node.sharding is None:
        return {cell: body for cell, (_, body) in stored.items()}
    shards = (chunks_of_shard(node, cell, *one) for cell, one in stored.items())
    return {cell: data for chunks in shards for cell, data in chunks.items()}


def _add(node: ArrayNode, record: Record, chunks: dict[Cell, bytes]) -> None:
    refuse_codecs(node)
    dtype = node.kind.dtype
    assert dtype is not None
    (values,) = Decoder(node).read(chunks, [whole(node.shape)])
    converter = JsonValues(most=TEXT, sequences=FEW)
    record.value = converter.array(values, dtype)
    record.nan_count, record.inf_count = converter.nans or UNSET, converter.infs or UNSET
    record.value_truncated = bool(converter.cut) or UNSET
