"""The stored bytes of chunks, fetched together as they are asked for: objects, or parts of shards."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.zarr.data.in_memory import decoded_bytes
from h5s3.formats.zarr.nodes import ArrayNode, Cell, Sharding
from h5s3.sizes import MIB
from h5s3.storage.base import ObjectInfo, Range
from h5s3.storage.objects import Objects
from h5s3.storage.ranges import GAP, LARGEST, join_ranges

Index = np.ndarray[Any, Any]
HELD = 64 * MIB  # bytes of chunks that are kept for the next read
FIRST = 256 * 1024  # bytes of a shard that are fetched to learn how long it is: of a small one, all
LARGEST_INDEX = 64 * MIB
NOWHERE = (1 << 64) - 1  # offset and length of a chunk that was never written
OVERHEAD = 1 << 16  # bytes that a codec may add to what does not become smaller, and an 8th of them


class Chunks:
    """The chunks of one array. `most`: bytes that one may have, decoded."""

    def __init__(self, objects: Objects, path: str, node: ArrayNode, most: int) -> None:
        self._objects, self._path, self._node = objects, path, node
        self._most = most + most // 8 + OVERHEAD
        self._held: dict[Cell, bytes | None] = {}
        self._bytes = 0
        self._shards: dict[Cell, tuple[ObjectInfo, Index] | None] = {}

    def fetch(self, cells: Iterable[Cell]) -> dict[Cell, bytes]:
        """Those of these chunks that are stored: one round, of shards up to three."""
        wanted = list(dict.fromkeys(cells))
        missing = [cell for cell in wanted if cell not in self._held]
        if self._bytes > HELD:
            self._held, self._bytes = {}, 0
            missing = wanted
        if missing:
            sharding = self._node.sharding
            found = self._in_shards(missing, sharding) if sharding else self._whole(missing)
            self._held.update(found)
            self._bytes += sum(len(data) for data in found.values() if data)
        return {cell: data for cell in wanted if (data := self._held[cell]) is not None}

    def _whole(self, cells: Sequence[Cell]) -> dict[Cell, bytes | None]:
        """Chunks that are objects of their own."""
        found = self._objects.look([self._name(cell) for cell in cells], self._most)
        for one in found:
            if one is not None and one[0].size > len(one[1]):
                raise DamagedError(f"a chunk is stored in {one[0].size} bytes, more than its values take")
        return {cell: one and one[1] for cell, one in zip(cells, found, strict=True)}

    def _name(self, cell: Cell) -> str:
        return f"{self._path}/{self._node.name_of(cell)}".lstrip("/")

    # ---------------------------------------------------------------------------------------- shards

    def _in_shards(self, cells: Sequence[Cell], sharding: Sharding) -> dict[Cell, bytes | None]:
        """Chunks by the indexes of their shards, neighbours fetched together."""
        per = _per_shard(self._node, sharding)
        shard_of = {cell: tuple(n // many for n, many in zip(cell, per, strict=True)) for cell in cells}
        self._read_indexes([shard for shard in dict.fromkeys(shard_of.values())], per, sharding)
        places: dict[Cell, tuple[ObjectInfo, Range]] = {}
        for cell, shard in shard_of.items():
            known = self._shards[shard]
            place = known and _place(known, tuple(n % many for n, many in zip(cell, per, strict=True)))
            if known and place:
                if place[1] - place[0] > self._most:
                    raise DamagedError("a chunk in a shard is longer than its values take")
                places[cell] = known[0], place
        return {**dict.fromkeys(cells), **self._parts(places)}

    def _parts(self, places: dict[Cell, tuple[ObjectInfo, Range]]) -> dict[Cell, bytes]:
        by_object: dict[ObjectInfo, list[Range]] = {}
        for info, place in places.values():
            by_object.setdefault(info, []).append(place)
        joined = {info: join_ranges(many, GAP, LARGEST) for info, many in by_object.items()}
        wanted = [(info, one) for info, many in joined.items() for one in many]
        bodies = dict(zip(wanted, self._objects.read(wanted), strict=True))
        found = {}
        for cell, (info, (start, stop)) in places.items():
            one = joined[info][bisect_right(joined[info], (start, NOWHERE)) - 1]
            found[cell] = bodies[info, one][start - one[0] : stop - one[0]]
        return found

    def _read_indexes(self, shards: Sequence[Cell], per: tuple[int, ...], sharding: Sharding) -> None:
        """Have the indexes of these shards here: what is not at the start is found once its size is known."""
        missing = [shard for shard in shards if shard not in self._shards]
        length = _index_length(per, sharding)
        seen = self._objects.look(
            [self._name(shard) for shard in missing], length if not sharding.at_end else FIRST
        )
        bodies: dict[Cell, bytes] = {}
        later: list[tuple[Cell, tuple[ObjectInfo, Range]]] = []
        for shard, one in zip(missing, seen, strict=True):
            if one is None:
                self._shards[shard] = None
                continue
            info, start = one
            at = info.size - length if sharding.at_end else 0
            if at < 0 or info.size < length:
                raise DamagedError("a shard is shorter than its index")
            if at + length <= len(start):
                bodies[shard] = start[at : at + length]
            else:
                later.append((shard, (info, (at, at + length))))
        rest = self._objects.read([place for _, place in later])
        bodies.update(zip((shard for shard, _ in later), rest, strict=True))
        infos = {shard: one[0] for shard, one in zip(missing, seen, strict=True) if one}
        for shard, body in bodies.items():
            self._shards[shard] = infos[shard], _index(body, per, sharding)


def chunks_of_shard(node: ArrayNode, shard: Cell, info: ObjectInfo, body: bytes) -> dict[Cell, bytes]:
    """The chunks of a shard that is here whole, as far as they are in the array. Raises `DamagedError`."""
    sharding = node.sharding
    assert sharding is not None
    per = _per_shard(node, sharding)
    length = _index_length(per, sharding)
    if len(body) < length:
        raise DamagedError("a shard is shorter than its index")
    index = _index(body[len(body) - length :] if sharding.at_end else body[:length], per, sharding)
    found = {}
    each = zip(shard, per, node.shape, node.chunks, strict=True)
    for cell in product(
        *(range(n * many, min((n + 1) * many, -(-size // part))) for n, many, size, part in each)
    ):
        place = _place((info, index), tuple(n % many for n, many in zip(cell, per, strict=True)))
        if place is not None:
            found[cell] = body[place[0] : place[1]]
    return found


def _per_shard(node: ArrayNode, sharding: Sharding) -> tuple[int, ...]:
    """Chunks of a shard along each dimension."""
    return tuple(whole // part for whole, part in zip(sharding.shape, node.chunks, strict=True))


def _index_length(per: tuple[int, ...], sharding: Sharding) -> int:
    """Bytes of the index. Raises `RefusedError` where they cannot be told."""
    length = 16 * prod(per)
    for codec in sharding.index_codecs:
        name = codec.get("name") if isinstance(codec, dict) else codec
        if name not in ("bytes", "crc32c"):
            raise RefusedError(f"the index of its shards went through the codec {str(name)[:80]}")
        length += 4 * (name == "crc32c")
    if length > LARGEST_INDEX:
        raise RefusedError(f"the index of one shard is longer than {LARGEST_INDEX // MIB} MiB")
    return length


def _index(body: bytes, per: tuple[int, ...], sharding: Sharding) -> Index:
    try:
        numbers = decoded_bytes(body, 2 * prod(per), "uint64", sharding.index_codecs)
    except (DamagedError, ValueError, RuntimeError) as error:
        raise DamagedError(f"the index of a shard is damaged ({error})"[:300]) from None
    return numbers.reshape(*per, 2)


def _place(shard: tuple[ObjectInfo, Index], cell: Cell) -> Range | None:
    """Where a chunk lies in its shard; None where it was never written."""
    info, index = shard
    offset, length = (int(number) for number in index[cell])
    if offset == length == NOWHERE:
        return None
    if offset + length > info.size:
        raise DamagedError("the index of a shard points beyond its end")
    return offset, offset + length
