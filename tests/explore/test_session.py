"""What all commands share: answers, HEADs and listings that are kept in the cache."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from h5s3.cache import Cache
from h5s3.errors import ChangedError, NetworkError, NotCachedError, NotFoundError
from h5s3.explore.ls import ls
from h5s3.explore.meta import meta
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import FIRST_BYTES
from h5s3.explore.tree import tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import to_json
from tests.conftest import SERVERS
from tests.support import ROOT
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import hurry, reach
from tests.support.servers.web import WebServer
from tests.support.servers.wire import Seen
from tests.support.sessions import HERE, NEW, OLD, Questions

both = pytest.mark.parametrize("server", SERVERS, indirect=True)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> S3Server:
    """One server; each in turn for the tests marked `both`, which depend on how it answers."""
    found: S3Server = request.getfixturevalue(getattr(request, "param", SERVERS[0]))
    return found


@pytest.fixture
def ask(server: S3Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Questions]:
    """Sessions that reach the server through the proxy; the object holds its old content."""
    write(server, OLD)
    reach(server, monkeypatch, proxy.url)
    hurry(monkeypatch)
    yield Questions()


def write(server: S3Server, data: bytes) -> None:
    time.sleep(0.02)
    server.put("sessions", "folder/file.h5", data)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the clock on the wall go on."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)


def methods(proxy: Proxy) -> list[str]:
    found = [seen.method for seen in proxy.requests]
    proxy.reset()
    return found


# Answers


def test_within_30_seconds_nothing_is_asked(ask: Questions, proxy: Proxy) -> None:
    first = ask(tree)
    assert not first.cached and set(methods(proxy)) == {"GET"}
    again = ask(tree)
    assert again.cached and methods(proxy) == []
    again.cached = False
    assert to_json(again) == to_json(first)
    assert (ask.trace.total, ask.trace.hits) == (0, 2)


@both
def test_refresh_costs_one_head(ask: Questions, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    described, shown = MetaRequest("/group 3"), PreviewRequest("/group 3/data")
    questions: list[tuple[Any, ...]] = [(tree,), (meta, described), (preview, shown)]
    first = [ask(*question) for question in questions]
    proxy.reset()
    for question, found in zip(questions, first, strict=True):
        again = ask(*question, refresh=True)
        assert methods(proxy) == ["HEAD"]
        assert again.cached
        again.cached = False
        assert to_json(again) == to_json(found)
    later(monkeypatch, 31)
    assert ask(tree).cached and methods(proxy) == ["HEAD"]
    assert ask(tree).cached and methods(proxy) == []


def test_another_question_reads_only_what_is_not_here(ask: Questions, proxy: Proxy) -> None:
    ask(tree)
    cold = ask.trace.received
    proxy.reset()
    assert ask(meta, MetaRequest("/group 40")).num_attributes == 1
    assert ask.trace.received < cold and ask.trace.hits > 1
    assert "HEAD" not in methods(proxy)


@both
def test_a_replaced_object_is_shown_after_refresh(ask: Questions, server: S3Server) -> None:
    assert ask.content() == "old"
    write(server, NEW)
    assert ask.content() == "old"  # as of less than 30 s ago
    assert ask.content(refresh=True) == "new" == ask.content()
    write(server, OLD)
    assert ask.content(refresh=True) == "old"
    assert ask.trace.requests == {"HEAD": 1}  # what was learnt of the old content is still right


@both
def test_an_object_that_changed_meanwhile_is_no_failure(ask: Questions, server: S3Server) -> None:
    ask(tree)
    write(server, NEW)
    found = ask(preview, PreviewRequest("/group 49/data"))  # not while this command read it
    assert not found.cached and found.etag == server.client().head_object(
        Bucket="sessions", Key="folder/file.h5"
    )["ETag"].strip('"')
    assert ask.content() == "new"


@both
def test_an_object_replaced_while_it_is_read(ask: Questions, server: S3Server, proxy: Proxy) -> None:
    def replace(seen: Seen) -> None:
        write(server, NEW)

    proxy.fault("call", fn=replace, when=lambda seen: seen.range != (0, FIRST_BYTES), times=1)
    with pytest.raises(ChangedError) as caught:
        ask(tree)
    assert caught.value.location == HERE
    assert ask.content() == "new"


@both
def test_an_object_that_is_gone(ask: Questions, server: S3Server) -> None:
    ask(tree)
    server.client().delete_object(Bucket="sessions", Key="folder/file.h5")
    with pytest.raises(NotFoundError):
        ask(tree, refresh=True)
    assert "old" == ask.content(offline=True)


def test_errors_are_not_remembered(ask: Questions, server: S3Server) -> None:
    with pytest.raises(NotFoundError):
        ask(tree, TreeRequest("/no such group"))
    with pytest.raises(NotFoundError):
        ask(tree, where="s3://sessions/later.h5")
    server.put("sessions", "later.h5", OLD)
    assert "old" == ask.content(where="s3://sessions/later.h5")


# Offline


def test_offline_answers_from_the_cache(
    ask: Questions, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(tree)
    ask(meta, MetaRequest("/group 3"))
    proxy.close()
    later(monkeypatch, 1_000_000)
    assert "old" == ask.content(offline=True)
    assert ask(meta, MetaRequest("/group 3"), offline=True).cached
    for question in ((preview, PreviewRequest("/group 40/data")), (tree, TreeRequest("/no such group"))):
        with pytest.raises((NotCachedError, NotFoundError)) as caught:
            ask(*question, offline=True)
    with pytest.raises(NotCachedError) as caught:
        ask(preview, PreviewRequest("/group 40/data"), offline=True)
    assert caught.value.location == HERE and "--offline" in caught.value.hint
    with pytest.raises(NetworkError, match="cannot connect"):
        ask(tree)


def test_offline_answers_new_questions_from_blocks(ask: Questions, proxy: Proxy) -> None:
    ask(tree, TreeRequest("/"), no_cache=False)
    proxy.close()
    again = ask(lambda session, here: tree(session, here, TreeRequest(limit=3)), offline=True)
    assert again.num_children == 60 and len(again.children) == 3
    assert Cache().info()["answers"] == 1  # offline, the cache is left as it is


def test_offline_without_a_cache(ask: Questions, proxy: Proxy) -> None:
    for question in (tree, meta, ls):
        with pytest.raises(NotCachedError) as caught:
            ask(question, offline=True)
        assert caught.value.exit_code == 5 and caught.value.location == HERE
    assert proxy.count() == 0


def test_local_files_are_never_offline(tmp_path: Path) -> None:
    (tmp_path / "file.h5").write_bytes(OLD)
    ask, where = Questions(), str(tmp_path / "file.h5")
    assert "old" == ask.content(where=where, offline=True)
    assert [e.key for e in ask(ls, where=str(tmp_path), offline=True).entries] == ["file.h5"]
    (tmp_path / "file.h5").write_bytes(NEW)
    assert "new" == ask.content(where=where)
    assert not Cache().directory.exists()


def test_no_cache_reads_and_writes_nothing(ask: Questions, proxy: Proxy) -> None:
    ask(tree, no_cache=True)
    ask(ls, no_cache=True)
    assert not Cache().directory.exists()
    ask(tree)
    proxy.reset()
    assert not ask(tree, no_cache=True).cached and "GET" in methods(proxy)


# Listings


@both
def test_a_listing_lives_for_30_seconds(
    ask: Questions, server: S3Server, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = "s3://sessions/live/"
    keys = lambda **settings: [e.key for e in ask(ls, where=where, **settings).entries]  # noqa: E731
    server.put("sessions", "live/a", b"")
    assert keys() == ["live/a"]
    server.put("sessions", "live/b", b"")
    proxy.reset()
    assert keys() == ["live/a"] and proxy.count() == 0
    assert keys(refresh=True) == ["live/a", "live/b"] == keys() and proxy.count() == 1
    server.put("sessions", "live/c", b"")
    later(monkeypatch, 29)
    assert len(keys()) == 2
    later(monkeypatch, 2)
    assert len(keys()) == 3 and proxy.count() == 2
    later(monkeypatch, 1000)
    proxy.close()
    assert len(keys(offline=True)) == 3
    with pytest.raises(NetworkError):
        keys()
    server.client().delete_objects(
        Bucket="sessions", Delete={"Objects": [{"Key": f"live/{k}"} for k in "abc"]}
    )


# The web


def test_a_url_that_redirects_is_remembered(ask: Questions) -> None:
    with WebServer().running() as web:
        web.pages["/there.h5"], web.redirects["/here.h5"] = OLD, "/there.h5"
        where = f"{web.url}/here.h5"
        assert "old" == ask.content(where=where)
        asked = PreviewRequest("/group 49/data")
        found = ask(preview, asked, where=where)  # without having been redirected in this session
        assert found.shape == [24, 1024]
        web.pages["/there.h5"] = NEW
        assert "new" == ask.content(where=where, refresh=True)


# Several processes

COMMAND = """
import sys
from h5s3.explore.session import Session
from h5s3.formats.requests import TreeRequest
from h5s3.explore.tree import tree
from h5s3.records import to_json
from h5s3.settings import Settings
with Session(Settings()) as session:
    found = tree(session, session.location(sys.argv[1]), TreeRequest(depth=0))
    found.cached = False
    assert session.cache.problem is None, session.cache.problem
print(to_json(found).decode())
"""


def test_processes_give_the_same_answers(ask: Questions) -> None:
    command = [sys.executable, "-c", COMMAND, HERE]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    outs = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0] * 2
    found = ask(lambda session, here: tree(session, here, TreeRequest(depth=0)))
    assert found.cached
    found.cached = False
    assert {json.dumps(json.loads(out)) for out in outs} == {json.dumps(json.loads(to_json(found)))}
