"""What comes from a cell is as untrusted as the file: whatever it sends, the command ends in one sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from h5s3.cell import host, process
from h5s3.cell.host import Cell
from h5s3.errors import DamagedError, H5s3Error, NetworkError, RefusedError, StoppedError
from h5s3.explore.meta import meta
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.session import Session
from h5s3.explore.tree import stream, tree
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import DatasetNode, nodes_of
from h5s3.settings import Settings
from h5s3.storage.location import Location
from tests.support.cli import file
from tests.support.servers.memory import MemoryStore

pytestmark = pytest.mark.slow

HERE = Location("s3", "file.h5", "memory")
LIAR = """
import json, os, socket, sys
sys.path[:] = json.loads(sys.argv[2])
from h5s3.cell import wire
facts = json.loads(sys.argv[1])
line = wire.Line(socket.socket(fileno=facts["control"]), wire.FromHost)
line.send(wire.Ready(["files"]))
line.receive()
{lie}
line.receive()
"""
ANSWER = "line.send(wire.Answer(0, 0.0), {!r})"
NONSENSE = {
    "another record": ANSWER.format(b'{"schema":"h5s3/meta/1"}'),
    "no JSON": ANSWER.format(b"\x00"),
    "no message": "line._end.sendall(b'x' * 100)",
    "a message of another kind": "line.send(wire.More([(0, 1)]))",
    "bytes beyond the object": "line.send(wire.Ranges([(0, 1 << 60)], False))",
    "negative bytes": "line.send(wire.Ranges([(-8, 8)], False))",
    "no bytes": "line.send(wire.Ranges([(8, 8)], False))",
    "another object in the cache": "line.send(wire.Look(['block:' + 'a' * 40 + ':8192:0']))",
    "answers in the cache": "line.send(wire.Look(['answer:x']))",
    "to store for another object": "line.send(wire.Keep('block', [('block:other:8192:0', 3)]), b'abc')",
    "to store under another label": "line.send(wire.Keep('answer', []))",
    "sizes that do not add up": "line.send(wire.Keep('block', [('block:{identity}:8192:0', 9)]), b'abc')",
    "negative sizes": "line.send(wire.Keep('block', [('block:{identity}:8192:0', -3)]))",
    "a call of nothing": "line.send(wire.Call(7), b'1')",
    "a length beyond all": "line._end.sendall(wire.LENGTHS.pack(4, 1 << 62) + b'abcd')",
    "a message beyond all": "line._end.sendall(wire.LENGTHS.pack(1 << 31, 0))",
}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(file("nexus").read_bytes())


@pytest.fixture
def session(store: MemoryStore) -> Iterator[Session]:
    with Session(Settings(), stores={"s3": store}, cell=Cell()) as found:
        yield found
        cell = found.cell
    assert cell is not None and cell._process is None


def lying(monkeypatch: pytest.MonkeyPatch, lie: str, store: MemoryStore) -> None:
    told = lie.replace("{identity}", store.info.identity or "")
    monkeypatch.setattr(process, "START", LIAR.replace("{lie}", told))


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, session: Session, store: MemoryStore
) -> None:
    lying(monkeypatch, NONSENSE[name], store)
    with pytest.raises(DamagedError, match="sent what makes no sense") as found:
        tree(session, HERE)
    assert found.value.location == HERE.display


ENDS = {
    "os._exit(3)": "crashed while it read this (code 3)",
    "os._exit(0)": "crashed while it read this (code 0)",
    f"os.kill(os.getpid(), {int(signal.SIGBUS)})": "crashed while it read this (Bus error)",
    f"os.kill(os.getpid(), {int(signal.SIGKILL)})": "was killed, as the system does when memory runs out",
}


@pytest.mark.parametrize("lie", ENDS)
def test_an_end_is_named(
    lie: str, monkeypatch: pytest.MonkeyPatch, session: Session, store: MemoryStore
) -> None:
    lying(monkeypatch, lie, store)
    with pytest.raises(DamagedError) as found:
        tree(session, HERE)
    assert ENDS[lie] in found.value.cause


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("RefusedError", RefusedError), ("SystemExit", H5s3Error), ("__name__", H5s3Error)],
)
def test_errors_are_those_of_the_table(
    kind: str,
    expected: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    session: Session,
    store: MemoryStore,
) -> None:
    lying(monkeypatch, f"line.send(wire.Failure({kind!r}, 'c' * 100_000, '', 0, 0, 0.0))", store)
    with pytest.raises(H5s3Error) as found:
        tree(session, HERE)
    assert type(found.value) is expected and len(found.value.cause) == host.LONGEST_TEXT


def test_an_error_of_ours_says_where(
    monkeypatch: pytest.MonkeyPatch, session: Session, store: MemoryStore
) -> None:
    lying(
        monkeypatch, "line.send(wire.Failure('ZeroDivisionError', '', '', 0, 0, 0.0), b'a traceback')", store
    )
    with pytest.raises(RuntimeError, match="ZeroDivisionError") as found:
        tree(session, HERE)
    assert found.value.__notes__ == ["a traceback"]


def test_what_a_store_raises_comes_back(session: Session, files: dict[str, Path]) -> None:
    class Broken(MemoryStore):
        def get_ranges(self, *args: Any, **more: Any) -> Any:
            raise NetworkError("the line is cut", hint="try again")

    session.stores["s3"] = Broken(files["many_datasets"].read_bytes())
    with pytest.raises(NetworkError, match="the line is cut") as found:
        tree(session, HERE, TreeRequest(depth=0, limit=0))
    assert found.value.hint == "try again"


def test_strict_refuses_where_a_wall_is_missing(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    lying(monkeypatch, ANSWER.format(b"{}"), store)
    with Session(Settings(), stores={"s3": store}, cell=Cell(strict=True)) as session:
        with pytest.raises(RefusedError, match="no wall for privileges, network, signals, calls"):
            tree(session, HERE)


# ------------------------------------------------------------------------------------------ what it answers


@pytest.mark.parametrize("name", ["nexus", "netcdf4", "plugins", "many_datasets", "variable_strings"])
def test_it_answers_as_this_process_does(name: str, session: Session, files: dict[str, Path]) -> None:
    """The same records, for the same requests, bytes and rounds."""
    asked = TreeRequest(depth=0, limit=0, attributes=True, values=True)
    found = []
    for cell in (session.cell, None):
        store = MemoryStore(files[name].read_bytes())
        with Session(Settings(no_cache=True), stores={"s3": store}, cell=cell) as own:
            document = tree(own, HERE, asked)
            paths = [node.path for node in nodes_of(document) if isinstance(node, DatasetNode)][:3]
            more = [meta(own, HERE, MetaRequest(path)) for path in paths]
            seen = [preview(own, HERE, PreviewRequest(path)) for path in paths]
            found.append((document, more, seen, store.rounds, own.trace.total, own.trace.rounds))
    assert found[0] == found[1]


def test_nodes_come_while_it_walks(session: Session, files: dict[str, Path]) -> None:
    session.stores["s3"] = MemoryStore(files["many_datasets"].read_bytes())
    parts: list[int] = []
    stream(session, HERE, TreeRequest(depth=0, limit=0), lambda nodes: parts.append(len(nodes)))
    assert sum(parts) > 1500


def test_a_cell_that_was_interrupted_is_started_anew(session: Session) -> None:
    """Whether it was busy then or not: nobody takes its end for one by lack of memory."""
    cell = session.cell
    assert cell is not None
    with pytest.raises(StoppedError):
        stream(session, HERE, TreeRequest(), lambda nodes: cell.interrupt())
    assert tree(session, HERE, TreeRequest()).num_children
    cell.interrupt()
    assert meta(session, HERE, MetaRequest("/")).path == "/"


def test_a_cell_that_was_killed_while_nobody_asked_is_started_anew(session: Session) -> None:
    before = _children()
    assert tree(session, HERE, TreeRequest()).num_children
    started = _children() - before
    assert started
    for number in started:
        os.kill(number, signal.SIGKILL)
        with suppress(ChildProcessError):  # its end was noticed; /proc tells Z before its threads have ended
            os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)
    assert meta(session, HERE, MetaRequest("/")).path == "/"


def _children() -> set[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that ended
            found |= {int(number) for number in (task / "children").read_text().split()}
    return found


def test_what_a_callback_raises_ends_the_cell(session: Session) -> None:
    def closed(nodes: Any) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        stream(session, HERE, TreeRequest(depth=0), closed)
    assert session.cell is not None and session.cell._process is None


def test_a_second_question_is_answered_from_the_cache_without_a_cell(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("H5S3_CACHE_DIR", str(tmp_path / "cache"))
    for cell in (Cell(), None):
        with Session(Settings(), stores={"s3": store}, cell=cell or Cell()) as session:
            if cell is None:
                monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process"))
            assert tree(session, HERE).cached is (cell is None)


def test_its_environment_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert set(process.environment(False)) <= {*process.PASSED, *process.ALLOCATOR}
    assert sys.executable


def test_it_is_told_no_signature(monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    """Of a presigned URL, or one with a password or a token."""
    told: list[bytes] = []
    real = host.pack
    monkeypatch.setattr(host, "pack", lambda question: told.append(real(question)[0]) or real(question))
    url = "https://user:word@host/file.h5?X-Amz-Credential=a&X-Amz-Signature=signed&token=given"
    place = Location("web", url)
    web = MemoryStore(store.data)
    monkeypatch.setattr(web, "first", lambda location, length: (replace(store.info, location=place), b""))
    with Session(Settings(no_cache=True), stores={"web": web}, cell=Cell()) as session:
        found = tree(session, place)
    assert found.num_children == 1 and found.location == place.display
    assert told and not any(word in told[0] for word in (b"signed", b"given", b"word", b"user"))
