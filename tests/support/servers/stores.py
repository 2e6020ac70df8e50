"""S3 stores that reach a server through the proxy, and retry at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from h5s3.settings import Settings
from h5s3.storage.http import client as http
from h5s3.storage.stores.s3 import S3Store
from h5s3.storage.trace import Trace
from tests.support.servers.s3 import S3Server

Opening = Callable[..., S3Store]


def reach(server: S3Server, monkeypatch: pytest.MonkeyPatch, url: str = "") -> None:
    """Have the environment lead to the server, by another address where one is given."""
    for variable, value in (server.at(url) if url else server).env().items():
        monkeypatch.setenv(variable, value)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once."""
    monkeypatch.setattr(http, "BACKOFF", 0.001)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)


@contextmanager
def stores(server: S3Server, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opening]:
    """Gives a function that opens stores under settings; they are closed in the end."""
    reach(server, monkeypatch, url)
    hurry(monkeypatch)
    opened: list[S3Store] = []

    def opening(trace: Trace | None = None, **settings: Any) -> S3Store:
        opened.append(S3Store(Settings(**settings).started(), trace or Trace()))
        return opened[-1]

    try:
        yield opening
    finally:
        for store in opened:
            store.close()
