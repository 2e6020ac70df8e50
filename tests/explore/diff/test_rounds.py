"""What a comparison costs: two walks that wait at the same time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from h5s3.cell.host import Cell
from h5s3.explore.diff.diff import diff
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import TreeRequest
from h5s3.settings import Settings
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server


@pytest.mark.slow
def test_both_wait_at_the_same_time(shape: Callable[[str], Path], tmp_path: Path) -> None:
    """Requests are those of two cold walks, rounds those of one; warm there are none."""
    (tmp_path / "bucket").mkdir()
    for name in ("a.h5", "b.h5"):
        shutil.copy(shape("paged"), tmp_path / "bucket" / name)
    with rclone_server(tmp_path) as server, Proxy(server) as proxy:
        everything = TreeRequest(depth=0, limit=0, attributes=True, all_attributes=True)
        with _session(server, proxy) as session:
            tree(session, Location("s3", "a.h5", bucket="bucket"), everything)
        walk = session.trace
        cold, warm = (_compared(server, proxy) for _ in range(2))
        assert cold.total <= 2 * walk.total and cold.rounds <= walk.rounds + 1
        assert cold.total == proxy.count() - walk.total
        assert warm.total == 0


def _session(server: S3Server, proxy: Proxy, no_cache: bool = True) -> Session:
    settings = Settings(
        endpoint_url=proxy.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
        no_cache=no_cache,
    )
    return Session(settings, cell=Cell())


def _compared(server: S3Server, proxy: Proxy) -> Trace:
    with _session(server, proxy, no_cache=False) as session:
        places = (Location("s3", name, bucket="bucket") for name in ("a.h5", "b.h5"))
        assert diff(session, *places).identical
        return session.trace
