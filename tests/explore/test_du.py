"""`du` adds up the sizes that h5py gives for every dataset, each once, in few rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from h5py import h5d, h5g, h5o, h5s

from h5s3.errors import NotFoundError, UsageError
from h5s3.explore.du import du
from h5s3.explore.session import Session
from h5s3.explore.tree import tree
from h5s3.formats.hdf5 import du as module
from h5s3.formats.requests import TreeRequest, UsageRequest
from h5s3.records import UNSET, DiskUsage, Usage
from h5s3.storage.location import Location
from tests.support import shapes
from tests.support.bench import settings_for
from tests.support.h5files import make as h5files
from tests.support.servers.memory import LOCATION, MemoryStore, in_blocks, memory_session
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

Sums = tuple[int, int, int]  # stored, logical, datasets


def ask(data: bytes, path: str = "/", **options: Any) -> DiskUsage:
    return du(
        memory_session(MemoryStore(data)),
        LOCATION,
        UsageRequest(path, **({"depth": 0, "limit": 0} | options)),
    )


def by_path(found: DiskUsage) -> dict[str, Usage]:
    return {entry.path: entry for entry in found.entries}


# ------------------------------------------------------------------------------------------------ by h5py


def told_by_h5py(path: Path) -> Sums:
    """Every dataset that hard links lead to, once; what lies elsewhere is stored nowhere."""
    with h5py.File(path) as file:
        root = h5g.open(file.id, b"/")
        return _sums(root, {int(h5o.get_info(root).addr)})


def _sums(group: Any, seen: set[int]) -> Sums:
    links: list[tuple[bytes, int]] = []
    group.links.iterate(
        lambda name, info: links.append((name, info.u)) if info.type == 0 else None, info=True
    )
    sums = (0, 0, 0)
    for name, address in links:
        if address in seen:
            continue
        seen.add(address)
        try:
            found = h5o.open(group, name)
        except (OSError, KeyError, RuntimeError):
            continue
        more = _sums(found, seen) if isinstance(found, h5g.GroupID) else _dataset(found)
        sums = (sums[0] + more[0], sums[1] + more[1], sums[2] + more[2])
    return sums


def _dataset(found: Any) -> Sums:
    if not isinstance(found, h5d.DatasetID):
        return 0, 0, 0
    space, plist = found.get_space(), found.get_create_plist()
    if space.get_simple_extent_type() == h5s.NULL:
        return 0, 0, 1
    elsewhere = plist.get_external_count() or plist.get_layout() == h5d.VIRTUAL
    stored = 0 if elsewhere else int(found.get_storage_size())
    return stored, space.get_simple_extent_npoints() * found.get_type().get_size(), 1


@pytest.mark.parametrize("name", sorted(h5files.FILES))
def test_the_sums_are_those_of_h5py(name: str, files: dict[str, Path]) -> None:
    """Of the file in small blocks; and again in blocks as they are, one level of it."""
    data = files[name].read_bytes()
    with in_blocks(512):
        found = ask(data)
    assert (found.stored, found.logical, found.num_datasets) == told_by_h5py(files[name])
    datasets = [entry for entry in found.entries if entry.type == "dataset" and entry.alias_of is UNSET]
    assert sum(entry.stored or 0 for entry in datasets) == found.stored
    assert sum(entry.logical for entry in datasets) == found.logical
    shown = ask(data, depth=1)
    assert sum(entry.stored or 0 for entry in shown.entries) == found.stored
    assert (shown.stored, shown.num_datasets, shown.notes) == (found.stored, found.num_datasets, found.notes)
    if not found.unknown:
        assert found.other == len(data) - found.stored >= 0


# ------------------------------------------------------------------------------------------------ meaning


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Groups of known sizes, hard links within and across them, a cycle, and what has no bytes."""
    path = tmp_path_factory.mktemp("mixed") / "mixed.h5"
    with h5py.File(path, "w") as file:
        file["a/big"] = np.zeros(1000, "u1")
        file["a/deep/inner"] = np.zeros(200, "u1")
        file["b/small"] = np.zeros(50, "u1")
        file.create_dataset("b/packed", data=np.zeros(4000, "u1"), chunks=(1000,), compression="gzip")
        file["b/again"] = file["a/big"]
        file["b/cycle"] = file["/"]
        file["b/soft"] = h5py.SoftLink("/a/big")
        file["b/out"] = h5py.ExternalLink("other.h5", "/")
        file["b/type"] = np.dtype("f4")
        file["b/type2"] = file["b/type"]
        file["null"] = h5py.Empty("f4")
        file.create_dataset("never", (10, 10), "f8")
        file.create_dataset("text", data=["a", "bc"])
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        file["b"].create_dataset("compact", data=np.zeros(10, "u1"), dcpl=plist)
    return path.read_bytes()


def test_each_object_counts_once(mixed: bytes) -> None:
    found = ask(mixed)
    entries = by_path(found)
    packed = entries["/b/packed"].stored or 0
    assert 0 < packed < 400 and entries["/b/packed"].logical == 4000
    assert entries["/b/packed"].ratio == float(f"{4000 / packed:.6g}")
    assert entries["/a"].stored == 1200 and entries["/a"].num_datasets == 2
    assert entries["/a/deep"].stored == 200
    assert entries["/b"].stored == 50 + packed + 10 and entries["/b"].num_datasets == 3
    assert (entries["/b/again"].alias_of, entries["/b/again"].stored) == ("/a/big", 0)
    assert (entries["/b/cycle"].alias_of, entries["/b/cycle"].type) == ("/", "group")
    assert entries["/b"].note == "2 hard links left out"  # that to the type counts for nothing
    assert (entries["/null"].stored, entries["/null"].logical) == (0, 0)
    assert (entries["/never"].stored, entries["/never"].logical, entries["/never"].ratio) == (0, 800, None)
    assert (entries["/text"].stored, entries["/text"].ratio) == (32, None)
    assert entries["/text"].note == "variable length"
    assert entries["/b/compact"].stored == 10
    assert not {"/b/soft", "/b/out", "/b/type", "/b/type2"} & set(entries)
    assert any("hard links left out" in note for note in found.notes)
    assert any("1 dataset of variable length" in note for note in found.notes)


def test_depth_limit_and_order(mixed: bytes) -> None:
    one = ask(mixed, depth=1)
    assert [entry.path for entry in one.entries][:2] == ["/a", "/b"]
    assert {entry.path.count("/") for entry in one.entries} == {1}
    two = ask(mixed, depth=2, sort="name")
    names = [entry.path for entry in two.entries if entry.alias_of is UNSET]
    assert names == sorted(names) and "/a/deep" in names and "/a/deep/inner" not in names
    few = ask(mixed, limit=2, depth=1)
    assert (len(few.entries), few.num_entries, few.entries_truncated) == (2, len(one.entries), True)
    assert (few.stored, few.num_datasets) == (one.stored, one.num_datasets)
    assert ask(mixed, sort="ratio").entries[0].path == "/b/packed"
    assert ask(mixed, sort="logical", depth=1).entries[0].path == "/b"
    for wrong in ({"sort": "size"}, {"depth": -1}, {"limit": -1}):
        with pytest.raises(UsageError):
            ask(mixed, **wrong)


def test_below_a_path(mixed: bytes) -> None:
    below = ask(mixed, "/a", depth=1)
    assert (below.path, below.stored, below.other) == ("/a", 1200, UNSET)
    assert [entry.path for entry in below.entries] == ["/a/big", "/a/deep"]
    alone = ask(mixed, "/b/packed")
    assert [entry.path for entry in alone.entries] == ["/b/packed"]
    assert (alone.stored, alone.logical, alone.num_datasets) == (alone.entries[0].stored, 4000, 1)
    assert ask(mixed, "/b/soft").stored == ask(mixed, "/a/big").stored == 1000
    assert ask(mixed, "/text").entries[0].note == "variable length"
    with pytest.raises(UsageError, match="/b/type is a datatype: it holds no data"):
        ask(mixed, "/b/type")
    with pytest.raises(UsageError, match="/b/out is a link that is not followed"):
        ask(mixed, "/b/out")
    with pytest.raises(NotFoundError, match="no /nothing"):
        ask(mixed, "/nothing")


def test_what_is_cut_is_said(mixed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINKS", 6)
    found = ask(mixed)
    assert not found.complete and found.other is UNSET
    assert found.notes[0] == "stopped after 6 links: what lies beyond is not counted"
    monkeypatch.setattr(module, "MOST_LINKS", 1_000_000)
    monkeypatch.setattr(module, "DEEPEST", 1)
    found = ask(mixed)
    assert found.notes[0] == "stopped after 1 levels: what lies beyond is not counted"


def test_slices_change_nothing(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    data = files["nexus"].read_bytes()
    whole = ask(data)
    monkeypatch.setattr(module._Usage, "at_once", 2)
    monkeypatch.setattr(module, "PENDING", 1)
    monkeypatch.setattr(module, "MOST_CHUNKS", 0)
    assert ask(data).entries == whole.entries


@pytest.mark.slow
def test_more_chunks_than_are_counted(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "many.h5", "w", libver="latest") as file:
        data = file.create_dataset("g/data", (200_100,), "u1", chunks=(1,), compression="gzip")
        for index in range(200_100):
            data.id.write_direct_chunk((index,), b"12345678")
    found = ask((tmp_path / "many.h5").read_bytes())
    entries = by_path(found)
    assert entries["/g/data"].stored is None and "200,000 chunks" in str(entries["/g/data"].note)
    assert (found.stored, found.unknown, found.other) == (8 * 200_000, 1, UNSET)
    assert entries["/g"].unknown == 1 and "1 unknown" in str(entries["/g"].note)


def test_damage_costs_what_is_damaged(files: dict[str, Path], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file["good"] = np.zeros(100, "u1")
        chunked = file.create_dataset("bad", data=np.zeros(100, "u1"), chunks=(10,))
        address = h5o.get_info(file["good"].id).addr
        assert chunked.id.get_storage_size() == 100
    data = bytearray((tmp_path / "file.h5").read_bytes())
    broken = data.index(b"TREE\x01")  # the index of chunks
    data[broken : broken + 4] = b"XXXX"
    found = by_path(ask(bytes(data)))
    assert found["/good"].stored == 100
    assert found["/bad"].stored is None and "chunk index cannot be read" in str(found["/bad"].note)
    data[address : address + 1] = b"\xff"
    result = ask(bytes(data))
    found = by_path(result)
    assert found["/good"].type == "unresolved" and found["/good"].stored is None
    assert result.unknown == 2 and "the least" in result.notes[0]


# ------------------------------------------------------------------------------------------ what it costs


@pytest.mark.slow
@pytest.mark.parametrize("name", shapes.SHAPES)
def test_indexes_of_siblings_share_rounds(name: str, shape: Callable[[str], Path]) -> None:
    data = shape(name).read_bytes()
    walked, used = MemoryStore(data), MemoryStore(data)
    tree(memory_session(walked), LOCATION, TreeRequest(depth=0, limit=0))
    found = du(memory_session(used), LOCATION, UsageRequest(depth=0, limit=0))
    assert (found.stored, found.logical, found.num_datasets) == told_by_h5py(shape(name))
    assert len(used.rounds) <= len(walked.rounds) + 1 <= 4
    assert len(used.ranges) <= len(walked.ranges) + 60
    assert used.fetched <= walked.fetched + 2_000_000


def test_the_counts_are_the_proxys_and_again_costs_one_head(
    server: S3Server, proxy: Proxy, shape: Callable[[str], Path]
) -> None:
    server.put_file("usage", "chunked.h5", shape("chunked_v1"))
    settings, place = settings_for(server, proxy), Location("s3", "chunked.h5", "usage")
    proxy.reset()
    with Session(settings) as session:
        first = du(session, place)
        assert (session.trace.total, session.trace.received) == (proxy.count(), proxy.bytes())
        assert session.trace.rounds <= 5
    proxy.reset()
    with Session(settings) as session:
        again = du(session, place, UsageRequest(limit=7))
    assert proxy.count() == 0 and again.cached and again.entries == first.entries[:7]
    with Session(replace(settings, refresh=True)) as session:
        du(session, place)
        assert session.trace.requests == {"HEAD": 1} and proxy.count("HEAD") == proxy.count() == 1
