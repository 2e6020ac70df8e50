"""Shards: several chunks in one object, an index behind them.

Source: Zarr v3, "Sharding codec" 1.0; RFC 3720, B.4 (CRC-32C).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import numpy as np

from h5s3.records import Json

NOT_THERE = (1 << 64) - 1
Cell = tuple[int, ...]


def sharding(chunks: Sequence[int], codecs: Sequence[Json]) -> Json:
    """The codec of an array in shards."""
    index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
    options = {
        "chunk_shape": list(chunks),
        "codecs": list(codecs),
        "index_codecs": index,
        "index_location": "end",
    }
    return {"name": "sharding_indexed", "configuration": options}


def cells_in(shard: Sequence[int], chunks: Sequence[int]) -> Iterator[Cell]:
    """The chunks of a shard, counted from its first one, in the order of its index."""
    return product(*(range(size // part) for size, part in zip(shard, chunks, strict=True)))


def assembled(chunks: Sequence[bytes | memoryview | None]) -> bytes | None:
    """A shard of chunks in the order of its index, None for those that are not written; None for no chunk."""
    places = np.full((len(chunks), 2), NOT_THERE, dtype="<u8")
    at = 0
    for number, data in enumerate(chunks):
        if data is not None:
            places[number] = at, len(data)
            at += len(data)
    if not at and all(data is None for data in chunks):
        return None
    index = places.tobytes()
    return b"".join(
        [*(data for data in chunks if data is not None), index, crc32c(index).to_bytes(4, "little")]
    )


def crc32c(data: bytes) -> int:
    """The checksum of Castagnoli."""
    table, found = _table(), 0xFFFFFFFF
    for byte in data:
        found = table[(found ^ byte) & 0xFF] ^ found >> 8
    return found ^ 0xFFFFFFFF


@cache
def _table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table
