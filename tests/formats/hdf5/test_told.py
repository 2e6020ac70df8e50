"""Trees that are told while they are walked: the nodes of the record, early, once each, in little memory."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import h5py
import pytest

import h5s3.formats.hdf5.told
import h5s3.formats.hdf5.tree
from h5s3.errors import DamagedError
from h5s3.explore.tree import Once, stream, tree
from h5s3.formats.base import AskAgainError
from h5s3.formats.hdf5.format import Hdf5Contents
from h5s3.formats.hdf5.objects.packed import Met, Packed, sorted_order
from h5s3.formats.requests import TreeRequest
from h5s3.records import DatatypeNode, TreeNode, nodes_of, to_json_lines
from tests.support.h5files.make import FILES
from tests.support.servers.memory import LOCATION, MemoryStore, in_blocks, memory_session

ALL = TreeRequest(depth=0, limit=0, attributes=True)
LARGE = {"many_datasets"}  # `wide` has as many, and is walked below
LARGE_IN_SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in LARGE]
OTHERS = [TreeRequest(depth=2, limit=3), TreeRequest(), TreeRequest("/group")]


def told(store: MemoryStore, asked: TreeRequest = ALL) -> list[TreeNode]:
    found: list[TreeNode] = []
    with memory_session(store) as session:
        stream(session, LOCATION, asked, found.extend)
    return found


def record(store: MemoryStore, asked: TreeRequest = ALL) -> list[TreeNode]:
    with memory_session(store) as session:
        return list(nodes_of(tree(session, LOCATION, asked)))


def wide(groups: int, datasets: int, libver: str = "latest") -> MemoryStore:
    data = io.BytesIO()
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    with h5py.File(data, "w", libver=libver) as h5:
        for number in range(groups):
            group = h5.create_group(f"group_{number:03d}")
            for place in range(datasets):
                h5py.h5d.create(group.id, b"data_%05d" % place, h5py.h5t.IEEE_F64LE, space)
        h5["again"] = h5["group_000/data_00000"]
        h5["soft"] = h5py.SoftLink("/group_000")
    return MemoryStore(data.getvalue())


@pytest.mark.parametrize("asked", [ALL, *(pytest.param(one, marks=pytest.mark.slow) for one in OTHERS)])
@pytest.mark.parametrize("name", [*sorted(FILES.keys() - LARGE), *LARGE_IN_SLOW])
def test_what_is_told_is_what_the_record_holds(name: str, asked: TreeRequest, files: dict[str, Path]) -> None:
    store = MemoryStore(files[name].read_bytes())
    try:
        wanted = record(store, asked)
    except Exception as error:  # noqa: BLE001 - the same is told
        with pytest.raises(type(error), match=None):
            told(store, asked)
        return
    assert to_json_lines(told(store, asked)) == to_json_lines(wanted)
    with in_blocks(512):
        assert to_json_lines(told(store, asked)) == to_json_lines(wanted)
        with pytest.MonkeyPatch.context() as patch:  # too many links to look ahead to all of them
            patch.setattr(h5s3.formats.hdf5.tree._Tree, "at_once", 2)
            assert to_json_lines(told(store, asked)) == to_json_lines(wanted)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_waves_and_parts_of_few_tell_the_same(libver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = wide(5, 40, libver)
    wanted = record(store)
    for name, number in (("MOST_KEPT", 30), ("MOST_KEPT", 0)):
        monkeypatch.setattr(h5s3.formats.hdf5.told, name, number)
        monkeypatch.setattr(h5s3.formats.hdf5.tree._Tree, "at_once", 7)
        monkeypatch.setattr("h5s3.formats.hdf5.walk.LISTED", 50)
        monkeypatch.setattr("h5s3.formats.hdf5.objects.links.MANY", 20)
        monkeypatch.setattr("h5s3.formats.hdf5.objects.packed.RECENT", 9)
        for ahead in (False, True):
            with in_blocks(512, ahead=ahead):
                assert to_json_lines(told(store)) == to_json_lines(wanted)


def test_the_first_are_told_before_the_last_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h5s3.formats.hdf5.tree._Tree, "at_once", 100)
    store = wide(3, 400)
    requests: list[int] = []
    with in_blocks(512), memory_session(store) as session:
        stream(session, LOCATION, ALL, lambda _: requests.append(len(store.ranges)))
    assert requests[0] < requests[len(requests) // 2] < requests[-1]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_walk() -> None:
    """9,000 objects as a record take some 9 MB."""
    store = wide(3, 3000)
    count = 0

    def take(nodes: Sequence[TreeNode]) -> None:
        nonlocal count
        count += len(nodes)

    with memory_session(store) as session:
        tracemalloc.start()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(h5s3.formats.hdf5.told, "MOST_KEPT", 1000)
                patch.setattr(h5s3.formats.hdf5.tree._Tree, "at_once", 1000)
                stream(session, LOCATION, ALL, take)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    print(f"{peak / 1e6:.1f} MB, of a file of {store.info.size / 1e6:.1f} MB")
    assert count == 9_006 and peak < store.info.size + 7e6


def test_asked_again_it_tells_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    store = wide(3, 40)
    wanted = record(store)
    monkeypatch.setattr(h5s3.formats.hdf5.tree._Tree, "at_once", 20)
    whole, asked = Hdf5Contents.stream, []

    def fails_once(self: Hdf5Contents, question: TreeRequest, take: object) -> object:
        asked.append(question)
        count = 0

        def some(nodes: Sequence[TreeNode]) -> None:
            nonlocal count
            count += 1
            if len(asked) == 1 and count == 4:
                raise AskAgainError
            take(nodes)  # type: ignore[operator]

        return whole(self, question, some)

    monkeypatch.setattr(Hdf5Contents, "stream", fails_once)
    assert to_json_lines(told(store)) == to_json_lines(wanted) and len(asked) == 2


def test_what_was_told_wrongly_is_said() -> None:
    nodes: list[TreeNode] = [DatatypeNode(name=name, path=f"/{name}", dtype="x") for name in "abcd"]
    found: list[TreeNode] = []
    once = Once(found.extend)
    once.take(nodes[:3])
    once.begin()
    once.take(nodes[:1])
    once.take(nodes[1:])
    assert found == nodes
    once.begin()
    with pytest.raises(DamagedError):
        once.take(nodes[::-1])
    assert found == nodes


def test_where_objects_were_met(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h5s3.formats.hdf5.objects.packed.RECENT", 3)
    met, paths = Met(), {address * 7 % 101: b"/%d" % address for address in range(50)}
    for address, path in paths.items():
        assert met.first(address, path) is path
    assert all(met.first(address, b"other") == path for address, path in paths.items())


def test_packed_strings(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = Packed()
    for item in (b"b", b"", b"ab\xff", b"a"):
        packed.add(item)
    assert (
        list(packed) == [b"b", b"", b"ab\xff", b"a"] and packed.size == 5 and packed[1:3] == [b"", b"ab\xff"]
    )
    assert list(sorted_order(packed)) == [1, 3, 2, 0]
    monkeypatch.setattr("h5s3.formats.hdf5.objects.packed.MOST_SORTED", 0)
    assert list(sorted_order(packed)) == [1, 3, 2, 0]
