"""Walks over files on a server, as the tool makes them; what each should say; whether its cache is right."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from h5s3.cache import Cache
from h5s3.formats.hdf5.fetch.blocks import BLOCK
from tests.support.cli import Result, run
from tests.support.scattered import scattered
from tests.support.servers.s3 import S3Server

BUCKET = "walks"
LAST = "/group 59/data"  # in `scattered`: its bytes are far from the first ones
QUESTIONS: dict[str, tuple[str, ...]] = {
    "tree": ("-r", "--attrs"),
    "meta": (LAST,),
    "preview": (LAST, "--slice", "0:4,0:5"),
}


_expected: dict[str, Any] = {}


@dataclass
class Walks:
    """One file behind one server: as an S3 object and as a presigned URL."""

    server: S3Server  # where the tool goes
    key: str
    data: bytes
    expected: dict[str, Any] = field(default_factory=dict)

    @property
    def locations(self) -> dict[str, str]:
        """Both ways to name it."""
        names = {"Bucket": BUCKET, "Key": self.key}
        url: str = self.server.client().generate_presigned_url("get_object", Params=names)
        return {"s3": f"s3://{BUCKET}/{self.key}", "web": url}

    def ask(self, command: str, place: str, *options: str) -> Result:
        """One walk, as JSON."""
        return run(command, self.locations[place], *QUESTIONS[command], "--json", *options, on=self.server)

    def right(self, command: str, result: Result) -> bool:
        """Whether a walk that succeeded says what is in the file."""
        return bool(told(result) == self.expected[command])


def scattered_walks(behind: S3Server, url: str) -> Walks:
    """Walks over a file of 1.5 MB whose metadata lie all over it; what they say was found without a proxy."""
    data = scattered()
    behind.put(BUCKET, "scattered.h5", data)
    if not _expected:
        plain = Walks(behind, "scattered.h5", data)
        _expected.update({command: told(plain.ask(command, "s3", "--no-cache")) for command in QUESTIONS})
    return Walks(behind.at(url), "scattered.h5", data, _expected)


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
    for key in list(cache._opened() or ()):
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
