"""Waves of suspended reads: the answers of a plain walk, in few rounds, whatever goes wrong on the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import h5s3.explore.session
from h5s3.errors import DamagedError, NotCachedError
from h5s3.explore.meta import meta
from h5s3.explore.tree import tree
from h5s3.formats.hdf5.fetch import blocks
from h5s3.formats.hdf5.fetch.block_file import BlockFile, Miss
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import GroupNode, to_json
from h5s3.storage.trace import Trace
from tests.support import examples
from tests.support.h5files import make as h5files
from tests.support.reference.random_trees import TREES, TREES_WITHOUT_ALIASES, Item, write
from tests.support.servers.memory import (
    LOCATION,
    MemoryStore,
    in_blocks,
    memory_session,
    offline_session,
    one_file_session,
)

LIBVERS = st.sampled_from(["earliest", "latest"])
LARGE = [HealthCheck.data_too_large, HealthCheck.too_slow]  # trees are
SIZES = st.sampled_from([512, 1000, 2048, 4096, 16384, 65536])  # of blocks, in bytes


@pytest.fixture(autouse=True)
def nothing_for_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bytes but those asked for: small files are not fetched whole, nor blocks with their neighbours."""
    monkeypatch.setattr(blocks, "WHOLE", 0)
    monkeypatch.setattr(blocks, "CARRIED", 0)
    monkeypatch.setattr(blocks, "FEW", 0)


def answers(store: MemoryStore, *, plain: bool) -> tuple[bytes, list[bytes]]:
    """The whole tree, and the description of some objects, each of a file opened for it alone."""
    with one_file_session(LOCATION, store, plain=plain) as session:
        document = tree(session, LOCATION, TreeRequest(depth=0, limit=0, attributes=True))
    described = []
    for path in ["/", *(node.path for node in document.children)][:6]:
        with one_file_session(LOCATION, store, plain=plain) as session:
            described.append(to_json(meta(session, LOCATION, MetaRequest(path, all_attributes=True))))
    return to_json(document), described


@given(TREES, LIBVERS, SIZES, st.booleans())
@settings(max_examples=examples(40), suppress_health_check=LARGE)
def test_suspended_walks_equal_plain_ones(item: Item, libver: str, size: int, ahead: bool) -> None:
    data = write(item, libver)
    with in_blocks(size, ahead=False):
        plain = answers(MemoryStore(data), plain=True)
    with in_blocks(size, ahead=ahead):
        assert answers(MemoryStore(data), plain=False) == plain


@pytest.mark.parametrize(("libver", "ahead"), [("earliest", True), ("latest", False), ("latest", True)])
def test_rounds_do_not_grow_with_the_number_of_siblings(libver: str, ahead: bool) -> None:
    def rounds(count: int, plain: bool) -> int:
        leaves = {f"{n:04d}": Item("dataset", {"n": n}, size=300) for n in range(count)}
        store = MemoryStore(write(Item("group", {}, {"group": Item("group", {}, leaves)}), libver))
        with (
            in_blocks(1000, ahead=ahead and not plain),
            one_file_session(LOCATION, store, plain=plain) as session,
        ):
            document = tree(session, LOCATION, TreeRequest(depth=0, limit=0, attributes=True))
            assert document.children[0].num_children == count
            assert ahead or session.file.blocks.ever_missed is not plain
        return len(store.rounds)

    assert rounds(400, plain=True) > 400
    assert rounds(400, plain=False) < rounds(40, plain=True)


# -------------------------------------------------------------------------------------------- offline


class Blocks(dict[str, bytes]):
    """A cache in memory."""

    def get_many(self, keys: Any) -> dict[str, bytes]:
        return {key: self[key] for key in keys if key in self}

    def set_many(self, items: dict[str, bytes], tag: str) -> None:
        self.update(items)


def holds(found: dict[str, Any], whole: dict[str, Any]) -> int:
    """Check what an offline walk found against the whole tree; how much of it is marked as not there."""
    if found.get("type") == "unresolved" != whole["type"]:
        assert found["reason"] == "not in the cache" and found["path"] == whole["path"]
        return 1
    lists, marked = {"children", "children_truncated", "error"}, 0
    if "attributes_error" in found:
        assert found["attributes_error"] == "not in the cache"
        lists |= {"attributes", "num_attributes", "attributes_truncated", "attributes_error"}
        marked = 1
    assert {k: v for k, v in found.items() if k not in lists} == {
        k: v for k, v in whole.items() if k not in lists
    }
    if "error" in found:
        assert found["error"] == "not in the cache" and found["children"] == []
        assert found.get("children_truncated", False) == bool(whole["children"])
        return marked + 1
    below = zip(found.get("children", ()), whole.get("children", ()), strict=True)
    return marked + sum(holds(child, same) for child, same in below)


@given(TREES_WITHOUT_ALIASES, LIBVERS, st.sampled_from([512, 1000]), st.data())
@settings(max_examples=examples(30), suppress_health_check=LARGE)
def test_offline_walks_mark_what_is_not_there(item: Item, libver: str, size: int, data: Any) -> None:
    store = MemoryStore(write(item, libver))
    cache = Blocks()
    with in_blocks(size):
        file = BlockFile(store, cache, store.info, Trace())  # type: ignore[arg-type]
        file.read()
        file.save()
        with offline_session(store.info, cache) as session:
            whole = json.loads(to_json(tree(session, LOCATION, TreeRequest(depth=0, attributes=True))))
        for key in data.draw(st.sets(st.sampled_from(sorted(cache)), max_size=4), label="lost"):
            del cache[key]
        try:
            with offline_session(store.info, cache) as session:
                found = json.loads(to_json(tree(session, LOCATION, TreeRequest(depth=0, attributes=True))))
        except NotCachedError:
            return  # the root itself
    assert holds(found, whole) or found == whole


def test_offline_walk_of_siblings_of_which_some_are_there() -> None:
    leaves = {f"{n:02d}": Item("dataset", {}, size=500) for n in range(12)}
    store = MemoryStore(write(Item("group", {}, leaves), "latest"))
    cache = Blocks()
    with in_blocks(512):
        file = BlockFile(store, cache, store.info, Trace())  # type: ignore[arg-type]
        with one_file_session(LOCATION, store) as session:
            last = h5py.h5o.get_info(session.file.root, b"11").addr
        file.read()
        file.save()
        del cache[file._blocks._key(last // 512)]
        with offline_session(store.info, cache) as session:
            found = tree(session, LOCATION)
    kinds = [type(node).__name__ for node in found.children]
    assert found.num_children == 12
    assert kinds[-1] == "UnresolvedNode" and kinds.count("DatasetNode") >= 8


def test_offline_walk_of_links_that_are_not_there() -> None:
    leaves = {f"{n:03d}": Item("soft", {}, size=20) for n in range(100)}
    store = MemoryStore(write(Item("group", {}, {"group": Item("group", {}, leaves)}), "latest"))
    cache = Blocks()
    with in_blocks(512):
        file = BlockFile(store, cache, store.info, Trace())  # type: ignore[arg-type]
        file.read()
        file.save()
        del cache[file._blocks._key(store.data.index(b"FHDB") // 512)]
        with offline_session(store.info, cache) as session:
            (group,) = tree(session, LOCATION, TreeRequest(depth=0)).children
            with pytest.raises(NotCachedError):
                tree(session, LOCATION, TreeRequest("/group"))
    assert isinstance(group, GroupNode) and group.error == "not in the cache"
    assert (group.num_children, group.children, group.children_truncated) == (100, [], True)


# ------------------------------------------------------------------------------------- the way out


@pytest.mark.parametrize("outside", [False, True])
def test_a_file_that_a_miss_confused_is_read_again(outside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """libhdf5 fails after a miss, within a wave or later; once the file is opened again it does not."""
    monkeypatch.setattr(h5s3.explore.session, "FIRST_BYTES", 0)
    store = MemoryStore(write(Item("group", {}, {"data": Item("dataset", {}, size=800)}), "latest"))
    plain: list[bool] = []

    def ask(file: OpenFile) -> list[int]:
        plain.append(file.blocks.plain)
        calls = [lambda: fails_once(file), lambda: fails_once(file)]
        found = gather(file.blocks, calls, None) if not outside or file.blocks.plain else []
        if not found:
            with file.blocks.suspended(), pytest.raises(Miss):
                file.blocks.seek(store.info.size - 1)
                file.blocks.read(1)
            h5py.h5o.open(file.root, b"absent")
        return found

    def fails_once(file: OpenFile) -> int:
        file.blocks.seek(store.info.size - 1)
        file.blocks.read(1)
        if not file.blocks.plain:
            raise RuntimeError("unusable")
        return int(file.root.get_num_objs())

    with in_blocks(512), memory_session(store) as session:
        assert session.read(LOCATION, lambda contents: ask(contents.file)) == [1, 1]
    assert plain == [False, True]


def test_damage_that_nobody_caught_is_told_as_such() -> None:
    store = MemoryStore(write(Item("group", {}), "latest"))
    with memory_session(store) as session:
        with pytest.raises(DamagedError, match="absent"):
            session.read(LOCATION, lambda contents: h5py.h5o.open(contents.file.root, b"absent"))
        with pytest.raises(KeyError):  # a mistake of ours
            session.read(LOCATION, lambda contents: {}["absent"])


def test_a_metadata_cache_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "metadata_cache_image" not in h5files.FILES:
        pytest.skip("not to be made with this build of h5py")
    data = h5files.make("metadata_cache_image", tmp_path).read_bytes()
    monkeypatch.setattr(h5s3.explore.session, "FIRST_BYTES", 0)
    with in_blocks(512), memory_session(MemoryStore(data)) as session:
        found = tree(session, LOCATION, TreeRequest(depth=0, attributes=True))
        with one_file_session(LOCATION, MemoryStore(data), plain=True) as plain:
            assert to_json(found) == to_json(tree(plain, LOCATION, TreeRequest(depth=0, attributes=True)))
