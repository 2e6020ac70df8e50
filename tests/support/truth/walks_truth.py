"""What a walk ought to say, and whether a cache holds right bytes alone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from h5s3.cache import Cache
from h5s3.formats.hdf5.fetch.blocks import BLOCK
from tests.support.cli import Result

PASSING = ("cached", "location", "key", "etag", "last_modified", "target")


def told(result: Result) -> Any:
    """What a JSON document says of a file, without what differs between two ways to ask for it."""
    assert result.code == 0, result
    return without_passing(json.loads(result.out))


def without_passing(document: Any) -> Any:
    """The document without where it came from and when."""
    return {name: value for name, value in document.items() if name not in PASSING}


def cached_blocks() -> dict[str, dict[int, bytes]]:
    """The blocks in the cache by what they are said to be of: number and bytes."""
    found: dict[str, dict[int, bytes]] = defaultdict(dict)
    cache = Cache()
    for key in list(cache._open() or ()):
        if key.startswith("block:"):
            _, identity, size, index = key.split(":")
            value = cache.get(key)
            assert value is not None and int(size) == BLOCK, key
            found[identity][int(index)] = value
    cache.close()
    return found


def assert_cache_is_right(contents: Iterable[bytes]) -> int:
    """All blocks under one identity are of one of these contents, byte by byte; how many there are."""
    whole = list(contents)
    count = 0
    for identity, blocks in cached_blocks().items():
        count += len(blocks)
        fits = [
            data
            for data in whole
            if all(block == data[index * BLOCK :][:BLOCK] for index, block in blocks.items())
        ]
        assert fits, f"blocks that no content has, under {identity}: {_strange(blocks, whole)}"
    return count


def _strange(blocks: dict[int, bytes], whole: list[bytes]) -> dict[int, tuple[int, list[int]]]:
    """Of each block its length and in which of the contents it has its place, where that is not in all."""
    places = {
        index: (len(block), [n for n, data in enumerate(whole) if block == data[index * BLOCK :][:BLOCK]])
        for index, block in blocks.items()
    }
    return {index: found for index, found in places.items() if len(found[1]) < len(whole)}
