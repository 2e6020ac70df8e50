"""What a walk may cost, as counts: rounds, bytes, requests. On a real server, counted by the proxy too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from h5s3.explore.meta import meta
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import Tree
from h5s3.settings import Settings
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server, rclone_server

MB = 1_000_000
Walk = Callable[[Session, Location], object]


@dataclass(frozen=True)
class Budget:
    """A walk over a file, and the most rounds, requests and bytes it may take when nothing is cached."""

    file: str
    walk: Walk
    rounds: int
    requests: int
    bytes: float


def everything(session: Session, location: Location) -> object:
    return tree(session, location, TreeRequest(depth=0, limit=0))


def one_level(session: Session, location: Location) -> object:
    return tree(session, location)


def four_levels_down(session: Session, location: Location) -> object:
    return meta(session, location, MetaRequest("/scan_0150/instrument/detector/data"))


WIDE_FACTOR = 1.2  # of the file
BUDGETS = {
    "whole scattered v1": Budget("v1.h5", everything, 8, 400, 11 * MB),
    "whole scattered latest": Budget("latest.h5", everything, 10, 340, 6 * MB),
    "whole paged": Budget("paged.h5", everything, 4, 6, 2 * MB),
    "whole wide": Budget("wide.h5", everything, 5, 20, 0),
    "whole deep": Budget("deep.h5", everything, 12, 14, 8.5 * MB),
    "root of scattered v1": Budget("v1.h5", one_level, 7, 250, 6.5 * MB),
    "one dataset of scattered v1": Budget("v1.h5", four_levels_down, 6, 30, 1 * MB),
}


SLOW = {
    "whole scattered latest",
    "root of scattered v1",
    "whole wide",
}  # whole v1 stands for them in the quick run


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    root = tmp_path_factory.mktemp("budgets")
    (root / "shapes").mkdir()
    with rclone_server(root) as running:
        yield running


@pytest.fixture
def stored(server: S3Server, shape: Callable[[str], Path]) -> Callable[[str], Path]:
    """Puts the file of a shape on the server, once, and gives its path."""

    def named(name: str) -> Path:
        path = Path(str(server.root), "shapes", name)
        if not path.exists():
            path.hardlink_to(shape(path.stem))
        return path

    return named


@pytest.fixture
def counted(server: S3Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


def ask(server: S3Server, proxy: Proxy, walk: Walk, file: str, **more: bool) -> tuple[Trace, object]:
    """One command's worth of work, as a new process would do it."""
    settings = Settings(
        endpoint_url=proxy.url,
        access_key=server.access_key,
        secret_key=server.secret_key,
        region=server.region,
        **more,
    )
    proxy.reset()
    with Session(settings) as session:
        return session.trace, walk(session, Location("s3", file, bucket="shapes"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in BUDGETS]
)
def test_walks_stay_within_their_budget(
    name: str, server: S3Server, counted: Proxy, stored: Callable[[str], Path]
) -> None:
    """Cold; then again: one HEAD with `--refresh`, and without it no request at all."""
    budget = BUDGETS[name]
    size = stored(budget.file).stat().st_size
    trace, first = ask(server, counted, budget.walk, budget.file)
    print(f"{name}: {trace.rounds} rounds, {trace.total} requests, {trace.received / MB:.2f} MB")
    assert trace.rounds <= budget.rounds and trace.total <= budget.requests
    assert trace.received <= (budget.bytes or WIDE_FACTOR * size)
    assert trace.total == counted.count()
    assert trace.received == counted.bytes()
    trace, again = ask(server, counted, budget.walk, budget.file, refresh=True)
    assert trace.requests == {"HEAD": 1}
    assert counted.count("HEAD") == counted.count() == 1
    assert again.children == first.children if isinstance(first, Tree) else again.shape == first.shape  # type: ignore[attr-defined]
    trace, _ = ask(server, counted, budget.walk, budget.file)
    assert trace.total == counted.count() == 0


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("v1", 74, 77),
        *(pytest.param(*kind, marks=pytest.mark.slow) for kind in (("latest", 74, 77), ("wide", 5.5, 6.5))),
    ],
)
def test_the_shapes_are_as_named(name: str, least: float, most: float, shape: Callable[[str], Path]) -> None:
    assert least <= shape(name).stat().st_size / MB <= most
