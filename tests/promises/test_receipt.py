"""What `--stats` says was requested is what a proxy in front of the server counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from h5s3.explore.ls import ls
from h5s3.explore.meta import meta
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.questions import Question
from h5s3.explore.session import FIRST_BYTES, Session
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.settings import Settings
from h5s3.storage.location import Location
from h5s3.storage.trace import Trace
from tests.support.scattered import scattered
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry, reach
from tests.support.servers.wire import Seen

HERE = "s3://traced/folder/file.h5"
Counts = dict[str, Any]


def method(seen: Seen) -> str:
    """HEAD, GET or LIST."""
    names_object = "/" in seen.path.strip("/")
    return "LIST" if seen.method == "GET" and not names_object else seen.method


def seen_by(proxy: Proxy) -> Counts:
    methods = [method(seen) for seen in proxy.requests]
    return {
        "requests": {name: methods.count(name) for name in sorted(set(methods))},
        "bytes": proxy.bytes(),
        "rounds": proxy.rounds(),
    }


def told_by(trace: Trace) -> Counts:
    return {"requests": dict(sorted(trace.requests.items())), "bytes": trace.received, "rounds": trace.rounds}


@pytest.fixture
def compare(
    server: S3Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Counts]]:
    """Asks one question in a session of its own and holds its trace against the proxy's."""
    server.put("traced", "folder/file.h5", scattered())
    server.put("traced", "folder/more/x.h5", b"")
    reach(server, monkeypatch, proxy.url)
    hurry(monkeypatch)
    proxy.delay, proxy.jitter = 0.06, 0.25

    def ask(question: Callable[[Session, Location], object], where: str = HERE, **settings: Any) -> Counts:
        proxy.reset()
        with Session(Settings(**settings)) as session:
            question(session, session.location(where))
        told = told_by(session.trace)
        assert told == seen_by(proxy)
        assert session.trace.total == proxy.count()
        return told

    yield ask


def test_first_and_second_look(compare: Callable[..., Counts]) -> None:
    first = compare(lambda session, here: tree(session, here, TreeRequest(depth=0)))
    assert first["requests"].keys() == {"GET"} and first["rounds"] > 1
    assert first["bytes"] > FIRST_BYTES
    assert compare(lambda session, here: tree(session, here, TreeRequest(depth=0)))["requests"] == {}
    refreshed = compare(lambda session, here: tree(session, here, TreeRequest(depth=0)), refresh=True)
    assert refreshed == {"requests": {"HEAD": 1}, "bytes": 0, "rounds": 1}


def test_values_and_details(compare: Callable[..., Counts]) -> None:
    compare(lambda session, here: meta(session, here, MetaRequest("/group 30")))
    found = compare(
        lambda session, here: preview(session, here, PreviewRequest("/group 50/data")), refresh=True
    )
    assert found["requests"]["HEAD"] == 1 and found["requests"]["GET"] >= 1
    found = compare(lambda session, here: meta(session, here, MetaRequest("/group 31/data")), no_cache=True)
    assert found["requests"]["GET"] >= 1


def test_listings(compare: Callable[..., Counts]) -> None:
    listed = compare(lambda session, here: ls(session, here), "s3://traced/folder/")
    assert (listed["requests"], listed["rounds"]) == ({"LIST": 1}, 1)
    assert compare(lambda session, here: ls(session, here), "s3://traced/folder/")["requests"] == {}
    question = Question(recursive=True)
    assert compare(lambda session, here: ls(session, here, question), "s3://traced/")["rounds"] == 1
    assert compare(lambda session, here: ls(session, here), "s3://")["requests"] == {"LIST": 1}


def test_each_page_of_a_listing_is_a_round(compare: Callable[..., Counts], server: S3Server) -> None:
    keys = [f"pages/{letter}" for letter in "abcde"]
    for key in keys:
        server.put("traced", key, b"x")

    def in_pages(session: Session, here: Location) -> None:
        store: Any = session.store(here)
        presign = store._presign
        store._presign = lambda place, operation, names: presign(place, operation, {**names, "MaxKeys": 2})
        assert [entry.key for entry in ls(session, here).entries] == keys

    counts = compare(in_pages, "s3://traced/pages/")
    assert (counts["requests"], counts["rounds"]) == ({"LIST": 3}, 3)


def test_retries_count_as_requests(compare: Callable[..., Counts], proxy: Proxy) -> None:
    for ask, where in ((lambda s, here: tree(s, here), HERE), (lambda s, here: ls(s, here), "s3://traced/")):
        proxy.clear()
        fault = proxy.fault("status", status=503, body=b"<Error><Code>SlowDown</Code></Error>", times=2)
        proxy.reset()
        with Session(Settings(refresh=True)) as session:
            ask(session, session.location(where))
        assert session.trace.retries == fault.hits == 2
        assert told_by(session.trace) | {"rounds": 0} == seen_by(proxy) | {"rounds": 0}


def test_what_fails_is_counted(compare: Callable[..., Counts], proxy: Proxy) -> None:
    def fails(session: Session, here: Location) -> None:
        with pytest.raises(Exception, match="no such"):
            tree(session, here)

    found = compare(fails, "s3://traced/missing.h5")["requests"]
    assert found == {"GET": 1, "HEAD": 1, "LIST": 1}
    found = compare(fails, "s3://traced/missing")["requests"]
    assert found == {"GET": 1 + 5, "HEAD": 1, "LIST": 1}  # five: what would stand there in a Zarr store
    assert compare(fails, "s3://not-there/missing.h5")["requests"]["GET"] == 1


def test_a_chain_of_arrivals_is_as_many_rounds(server: S3Server, proxy: Proxy, compare: Any) -> None:
    proxy.delay = 0.1
    with Session(Settings()) as session:
        location = session.location(HERE)
        store = session.store(location)
        info = store.head(location)
        proxy.reset()
        before = session.trace.rounds
        after = {(0, 10): [(20, 30)], (20, 30): [(40, 50), (60, 70)]}
        store.get_ranges(info, [(0, 10)], lambda wanted, data: after.get(wanted, []))
        assert session.trace.rounds - before == proxy.rounds() == 3


def test_the_receipt(compare: Callable[..., Counts]) -> None:
    with Session(Settings()) as session:
        tree(session, session.location(HERE))
    receipt = session.trace.receipt()
    assert receipt["requests"] == sum(session.trace.requests.values())
    assert (receipt["bytes"], receipt["rounds"]) == (session.trace.received, session.trace.rounds)
    assert receipt["seconds_waiting"] >= 0.02 * receipt["rounds"]
    assert receipt["retries"] == receipt["cache_hits"] == 0
