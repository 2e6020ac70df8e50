"""Walks with faults at random points: every success is the truth, every failure an honest one.

The seed is printed; H5S3_TEST_SEED sets it, and H5S3_TEST_WALKS the number of the long run's walks.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support import shapes
from tests.support.cli import Result, file, run
from tests.support.reference.walks import assert_cache_is_right, without_passing
from tests.support.scattered import scattered
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry
from tests.support.servers.wire import Seen

SEED = int(os.environ.get("H5S3_TEST_SEED", "20260"))
LONG = int(os.environ.get("H5S3_TEST_WALKS", "250"))
BUCKET = "random"
SECONDS = 3.0  # that a walk is given where the server hangs
HONEST = (4, 5, 7)  # access, network, changed: never 6, for no fault of the wire is damage
XML = b"<Error><Code>%s</Code></Error>"

FAULTS: list[tuple[str, dict[str, Any]]] = [
    *(("status", {"status": status}) for status in (429, 500, 502, 503, 504, 401, 403, 412)),
    ("status", {"status": 503, "body": XML % b"SlowDown", "headers": {"Retry-After": "0"}}),
    ("status", {"status": 400, "body": XML % b"ExpiredToken"}),
    ("status", {"status": 403, "body": XML % b"ExpiredToken"}),
    ("status", {"status": 301, "headers": {"x-amz-bucket-region": "eu-west-3"}}),
    ("redirect", {"location": "http://127.0.0.1:9/elsewhere"}),
    ("reset", {}),
    ("reset_mid_body", {}),
    ("short_body", {}),
    ("short_length", {}),
    ("ignore_range", {}),
    ("drop_if_match", {}),
    ("status_200_for_206", {}),
    ("wrong_content_range", {}),
    ("wrong_content_range", {"value": "bytes 0-262143/300000"}),
    ("wrong_content_range", {"value": "bytes 0-0/1"}),
    ("wrong_etag", {}),
    ("no_etag", {}),
    ("weak_etag", {}),
    ("endless_body", {}),
    ("endless_body", {"chunked": True, "filler": b"z" * 1000}),
    ("flood", {}),
    ("flood", {"raw": b"", "filler": b"HTTP/1.1 100 Continue\r\n\r\n"}),
    ("garbage", {}),
    ("garbage", {"raw": b""}),
    ("body", {"body": b"<html>log in</html>", "status": 200}),
    ("header", {"name": "Content-Length", "value": "7, 8"}),
    ("header", {"name": "Content-Length", "value": "0"}),
    ("header", {"name": "ETag", "value": '"\x1b[31m"'}),
    ("header", {"name": "Last-Modified", "value": "yesterday"}),
    ("header", {"name": "Content-Encoding", "value": "gzip"}),
    ("hang", {"seconds": 20}),
]
RARE = {"hang"}


@dataclass
class Subject:
    """A file, and the dataset that is looked at in it."""

    key: str
    dataset: str
    contents: list[bytes]  # the second one comes in its place, in some walks


@dataclass
class Walk:
    """One command."""

    number: int
    name: str
    subject: Subject
    arguments: list[str]
    target: Path | None = None  # of `get`
    faults: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return f"seed {SEED}, walk {self.number}: {self.arguments} with {self.faults}"


@pytest.fixture
def subjects(rclone: S3Server, tmp_path: Path) -> list[Subject]:
    """Files of several shapes, on the server."""
    deep, wide = shapes.deep(tmp_path / "deep.h5", depth=14), shapes.wide(tmp_path / "wide.h5", count=1500)
    found = [
        Subject("scattered.h5", "/group 59/data", [scattered()]),
        Subject("replaced.h5", "/group 40/data", [scattered(), scattered(kilobytes=25)]),
        Subject("deep.h5", "/level_00/level_01/level_02/values", [deep.read_bytes()]),
        Subject("wide.h5", "/dataset_01234", [wide.read_bytes()]),
        Subject("nexus.h5", "/entry/data/counts", [file("nexus").read_bytes()]),
    ]
    for subject in found:
        rclone.put(BUCKET, subject.key, subject.contents[0])
    return found


class Run:
    """Many walks, one after another, and what became of them."""

    def __init__(
        self, server: S3Server, proxy: Proxy, subjects: list[Subject], folder: Path, seed: int
    ) -> None:
        self.server, self.proxy, self.subjects, self.folder = server, proxy, subjects, folder
        self.there = server.at(proxy.url)
        self.chance = random.Random(seed)
        self.codes: Counter[int] = Counter()
        self.hits = 0
        self._truth: dict[str, list[Any]] = {}

    def walk(self, number: int) -> None:
        """One walk under faults, held against the truth; then, sometimes, the same without faults."""
        walk = self._chosen(number)
        self.proxy.clear()
        self.proxy.reset()
        restore = self._faults(walk)
        hangs = any(fault[0] == "hang" for fault in walk.faults)
        result = run(*walk.arguments, *(["--timeout", str(SECONDS)] if hangs else []), on=self.there)
        self.hits += sum(fault.hits for fault in self.proxy._faults)
        self.proxy.clear()
        self.codes[result.code] += 1
        self._check(walk, result)
        assert_cache_is_right(data for subject in self.subjects for data in subject.contents)
        if restore:
            self.server.put(BUCKET, walk.subject.key, walk.subject.contents[0])
        if restore or self.chance.random() < 0.4:
            again = run(*walk.arguments, on=self.there)
            allowed = (0, 7) if restore else (0,)  # what was remembered may be of the other one
            assert again.code in allowed, f"{again} after {walk}"
            self._check(walk, again)

    def _chosen(self, number: int) -> Walk:
        chance = self.chance
        subject = chance.choice(self.subjects)
        name = chance.choice(["tree", "meta", "preview", "get", "ls"])
        location = f"s3://{BUCKET}/{subject.key}"
        if name != "ls" and chance.random() < 0.4:
            names = {"Bucket": BUCKET, "Key": subject.key}
            location = self.there.client().generate_presigned_url("get_object", Params=names)
        target = self.folder / f"{number}.npy" if name == "get" else None
        rest = {
            "tree": ["-r", "--attrs", "--limit", "0", "--json"],
            "meta": [subject.dataset, "--json"],
            "preview": [subject.dataset, "--json"],
            "get": [subject.dataset, "-o", str(target), "--overwrite"],
            "ls": ["-r", "-l", "--json"],
        }[name]
        if name == "ls":
            location = f"s3://{BUCKET}/"
        arguments = [name, location, *rest]
        arguments += chance.choice([[], [], ["--refresh"], ["--no-cache"]])
        return Walk(number, name, subject, arguments, target)

    def _faults(self, walk: Walk) -> bool:
        """Set the faults of a walk; whether one of them puts another object in its place."""
        chance = self.chance
        for _ in range(chance.randint(1, 4)):
            kind, args = chance.choice(FAULTS)
            if kind in RARE and chance.random() < 0.7:
                continue
            at, many = chance.choice([0, 0, 1, 1, 2, 3, 5, 8, 13, 21]), chance.choice([1, 1, 1, 2, 6])
            self.proxy.fault(kind, when=_from(at), times=many, **args)
            walk.faults.append((kind, args, at, many))
        if walk.name == "ls" or len(walk.subject.contents) == 1 or chance.random() < 0.3:
            return False
        at = chance.choice([0, 1, 2, 3])
        other = walk.subject.contents[1]

        def replace(seen: Seen) -> None:
            with self.proxy.alone():
                self.server.put(BUCKET, walk.subject.key, other)

        self.proxy.fault("call", when=_from(at), times=1, fn=replace)
        walk.faults.append(("replaced", at))
        return True

    def _check(self, walk: Walk, result: Result) -> None:
        if result.code:
            assert result.code in HONEST, f"{result} in {walk}"
            assert "X-Amz" not in result.failed(result.code) and BUCKET in result.err, f"{result} in {walk}"
            assert walk.target is None or not walk.target.exists(), walk
        else:
            assert _said(walk, result) in self._truths(walk), f"{result.out[:500]} in {walk}"

    def _truths(self, walk: Walk) -> list[Any]:
        """What a walk may say: found out without a proxy and a cache, for each content of the file."""
        name = f"{walk.name} {walk.subject.key if walk.name != 'ls' else ''}"
        if name not in self._truth:
            told = []
            for number, data in enumerate(walk.subject.contents if walk.name != "ls" else [b""]):
                path = self.folder / f"truth {number}.h5"
                path.write_bytes(data)
                place = str(path) if data else walk.arguments[1]
                aside = self.folder / "truth.npy" if walk.target else None
                rest = [str(aside) if part == str(walk.target) else part for part in walk.arguments[2:]]
                quiet = [part for part in rest if part not in ("--refresh", "--no-cache")]
                result = run(walk.name, place, *quiet, "--no-cache", on=self.server)
                assert result.code == 0, result
                told.append(_said(Walk(-1, walk.name, walk.subject, [], aside), result))
            self._truth[name] = told
        return self._truth[name]


def _from(at: int) -> Callable[[Seen], bool]:
    """Accepts the requests of a walk from so many on."""
    numbers = itertools.count()
    return lambda seen: next(numbers) >= at


def _said(walk: Walk, result: Result) -> Any:
    """What a walk found out, without when and from where."""
    if walk.target is not None:
        data = walk.target.read_bytes()
        walk.target.unlink()
        return data
    document = without_passing(json.loads(result.out))
    if walk.name == "ls":
        names = [(entry["key"], entry.get("size")) for entry in document["entries"]]
        return [one for one in names if one[0] != "replaced.h5"]  # whose size depends on when it is asked for
    return document


@pytest.fixture
def walking(
    rclone: S3Server, subjects: list[Subject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int, int], Counter[int]]]:
    """A function that makes so many walks from a seed."""
    hurry(monkeypatch)

    def make(count: int, seed: int) -> Counter[int]:
        begun = time.monotonic()
        with Proxy(rclone) as proxy:
            many = Run(rclone, proxy, subjects, tmp_path, seed)
            for number in range(count):
                if number % 8 == 0:  # each cache is shared by eight walks
                    monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path / f"cache {number}"))
                many.walk(number)
        took = time.monotonic() - begun
        codes = dict(sorted(many.codes.items()))
        print(f"seed {seed}: {count} walks in {took:.0f} s, {many.hits} faults met, by exit code {codes}")
        return many.codes

    yield make


def test_some_walks(walking: Callable[[int, int], Counter[int]]) -> None:
    codes = walking(12, SEED)
    assert codes[0] and codes[5], codes


@pytest.mark.slow
def test_many_walks(walking: Callable[[int, int], Counter[int]]) -> None:
    codes = walking(LONG, SEED + 1)
    assert all(codes[code] for code in (0, *HONEST)), codes
