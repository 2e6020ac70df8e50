"""What the tests of `bench` share: an object, a way to it through the proxy, and looks at a result."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from h5s3.explore.session import Session
from h5s3.records import Bench, Check, Samples
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.wire import Seen

KIB, MIB = 1024, 1 << 20
DATA = random.Random(1).randbytes(3 * MIB)
BUCKET, KEY = "bench", "folder/a b+c#d%e.bin"
THERE = Location("s3", KEY, BUCKET)
FEW: dict[str, Any] = {"sizes": [4 * KIB, 256 * KIB], "count": 6, "concurrency": [1, 4]}


def settings_for(server: S3Server, proxy: Proxy) -> Settings:
    """Those of a session that reaches the server through the proxy; the object is put there."""
    server.put(BUCKET, KEY, DATA)
    return Settings(
        endpoint_url=proxy.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
    )


@pytest.fixture
def settings(server: S3Server, proxy: Proxy) -> Settings:
    """Those of a session that reaches the server through the proxy; the object is there."""
    return settings_for(server, proxy)


@pytest.fixture
def session(settings: Settings) -> Iterator[Session]:
    """A session that reaches the server through the proxy; the object is there."""
    with Session(settings) as opened:
        yield opened


def by_name(document: Bench) -> dict[str, Check]:
    """The checks."""
    return {check.name: check for check in document.checks}


def reads(document: Bench) -> list[Samples]:
    """The samples that are ranged reads."""
    return [samples for samples in document.samples if samples.operation.startswith("GET")]


def one(
    document: Bench, size: int, concurrency: int = 1, *, new: bool = False, pattern: str = "random"
) -> Samples:
    """The only series of ranged reads of such a kind."""
    (found,) = [
        samples
        for samples in reads(document)
        if (samples.size, samples.concurrency, samples.pattern) == (size, concurrency, pattern)
        and (samples.connection == "new") == new
    ]
    return found


def ranged(seen: Seen) -> bool:
    """Whether a request is a read of a sample, not of a check: a check asks for 64 KiB."""
    return seen.range is not None and seen.range[1] - seen.range[0] in FEW["sizes"]
