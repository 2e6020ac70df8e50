"""The places of a dataset's chunks: as h5py tells them, read once, and never believed unchecked."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.cache import Cache
from h5s3.formats.grid import NOWHERE
from h5s3.formats.hdf5.data import chunk_index as chunkindex
from h5s3.formats.hdf5.data.chunk_grid import make_grid
from h5s3.formats.hdf5.data.chunk_index import ChunkIndex, count_storage, read_index, read_indexes
from h5s3.formats.hdf5.objects.datasets import read_facts
from tests.support.chunked import KINDS, PARTLY, content, opened, places, write
from tests.support.servers.memory import MemoryStore, in_blocks

TREES = [name for name in KINDS if "B-tree" in name]


# --------------------------------------------------------------------------------------------- as h5py


@pytest.mark.parametrize("name", KINDS | PARTLY)
def test_places_are_those_of_h5py(name: str) -> None:
    kind = (KINDS | PARTLY)[name]
    store = MemoryStore(write(kind))
    expected = places(kind, store.data)
    with opened(store) as (file, dataset, facts):
        grid = make_grid(dataset, facts, file)
        stored, count = count_storage(dataset, facts, file)
        assert grid.places == expected and len(read_index(dataset, facts)) == len(expected)
    assert grid.complete and grid.never_written == (not expected)
    assert count == len(expected) and stored == sum(stop - start for start, stop in expected.values())


def test_filters_that_were_not_applied_are_told() -> None:
    kind = KINDS["version 1 B-tree, filtered"]
    data = write(kind)
    with opened(MemoryStore(data)) as (file, dataset, facts):
        table = read_index(dataset, facts, file).table
        offsets = [tuple(n * c for n, c in zip(row[:-3], kind.chunks, strict=True)) for row in table.tolist()]
        masks = [dataset.get_chunk_info_by_coord(offset).filter_mask for offset in offsets[:200]]
        named = [content(kind, tuple(row[:-3]))[1] for row in table.tolist()]
    assert table[:, -1].tolist() == named and named[:200] == masks and set(masks) == {0, 1, 3}


def test_no_more_chunks_are_listed_than_asked_for(cache: Cache, iterations: list[int]) -> None:
    store = MemoryStore(write(KINDS["version 2 B-tree"]))
    with opened(store, cache) as (file, dataset, facts):
        first = read_index(dataset, facts, file, 10)
        assert (len(first), first.complete) == (10, False)
        assert read_index(dataset, facts, file, 10) is first
        assert read_index(dataset, facts, file, 20).places.items() >= first.places.items()
    with opened(store, cache) as (file, dataset, facts):
        assert read_index(dataset, facts, file).complete
    assert iterations == [10, 20, 3000]


@pytest.mark.parametrize("name", ["extensible array, its beginning", "version 1 B-tree, its first row"])
def test_cells_of_which_libhdf5_may_have_told_wrongly(name: str, iterations: list[int]) -> None:
    """It is looked at where one chunk is read, without a request; without a file all are uncertain."""
    kind = PARTLY[name]
    store = MemoryStore(write(kind))
    with in_blocks(512, ahead=True), opened(store) as (file, dataset, facts):
        store.rounds.clear()
        index = read_index(dataset, facts, file)
        assert index.certain and index.places == places(kind, store.data) and not store.rounds
        assert not file.blocks.misses
        alone = make_grid(dataset, facts)
        assert not alone.complete and all(alone.written(cell) for cell in np.ndindex(*kind.grid))
        assert count_storage(dataset, facts) == (3 * 512, 3)


# --------------------------------------------------------------------------------------------- once


def test_an_index_is_read_once_in_a_command(iterations: list[int]) -> None:
    with opened(MemoryStore(write(KINDS["extensible array"]))) as (file, dataset, facts):
        counted = count_storage(dataset, facts, file)
        first, second = (make_grid(dataset, facts, file) for _ in range(2))
    assert iterations == [3000] and counted == (3000 * 512, 3000)
    assert first.places is second.places


@pytest.mark.parametrize("name", KINDS | PARTLY)
def test_an_index_is_read_once_ever(name: str, cache: Cache, iterations: list[int]) -> None:
    kind = (KINDS | PARTLY)[name]
    store = MemoryStore(write(kind))
    with opened(store, cache) as (file, dataset, facts):
        expected = count_storage(dataset, facts, file)
    with opened(store, cache) as (file, dataset, facts):
        assert count_storage(dataset, facts, file) == expected
        grid = make_grid(dataset, facts, file)
    assert grid.places == places(kind, store.data) and len(iterations) == 1
    assert (grid.places is NOWHERE) == (not grid.places)


@pytest.mark.parametrize("name", TREES)
def test_nodes_of_a_known_index_are_not_fetched(name: str, cache: Cache) -> None:
    store = MemoryStore(write(KINDS[name]))
    with in_blocks(512, ahead=True):
        with opened(store, cache) as (file, dataset, facts):
            expected = count_storage(dataset, facts, file)
        cache._opened().evict("block")
        store.rounds.clear()
        with opened(store, cache) as (file, dataset, facts):
            assert count_storage(dataset, facts, file) == expected
    assert store.fetched <= 3 * 512


def test_what_libhdf5_looks_up_in_a_known_index_is_fetched_at_once(cache: Cache) -> None:
    kind = KINDS["version 2 B-tree"]
    store = MemoryStore(write(kind))
    with in_blocks(512, ahead=True):
        with opened(store, cache) as (file, dataset, facts):
            make_grid(dataset, facts, file)
        cache._opened().evict("block")
        with opened(store, cache) as (file, dataset, facts):
            store.rounds.clear()
            found = make_grid(dataset, facts, file).places
            assert isinstance(found, dict)
            file.blocks.fetch_exact(found.values())
            values = h5py.Dataset(dataset)[...]
    assert len(store.rounds) == 2
    assert values[7, 512 * 3 :].tobytes().startswith(b"<7,3>.")


def test_a_changed_object_has_an_index_of_its_own(cache: Cache) -> None:
    kind = KINDS["fixed array, filtered"]
    for seed in (1, 2):
        store = MemoryStore(write(kind, seed), etag=f"seed {seed}")
        with opened(store, cache) as (file, dataset, facts):
            assert make_grid(dataset, facts, file).places == places(kind, store.data)


def test_without_an_identity_nothing_is_stored(cache: Cache, iterations: list[int]) -> None:
    store = MemoryStore(write(KINDS["fixed array"]), etag=None)
    for _ in range(2):
        with opened(store, cache) as (file, dataset, facts):
            count_storage(dataset, facts, file)
    assert len(iterations) == 2


def test_an_index_that_is_too_long_is_not_stored(
    cache: Cache, iterations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunkindex, "LARGEST_STORED", 1000)
    store = MemoryStore(write(KINDS["fixed array"]))
    for _ in range(2):
        with opened(store, cache) as (file, dataset, facts):
            count_storage(dataset, facts, file)
    assert len(iterations) == 2


# --------------------------------------------------------------------------------------------- missed


def test_a_miss_passes_through_and_leaves_nothing(cache: Cache) -> None:
    kind = KINDS["version 1 B-tree"]
    store = MemoryStore(write(kind))
    with in_blocks(512), opened(store, cache) as (file, dataset, facts):
        with file.blocks.suspended(), pytest.raises(Exception) as raised:
            read_index(dataset, facts, file)
        assert file.blocks.misses, raised
        assert not file.blocks.indexes._read and not file.blocks.indexes._unsaved
        assert read_index(dataset, facts, file).places == places(kind, store.data)


def test_an_index_of_which_a_part_was_missed_is_not_kept(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MemoryStore(write(KINDS["fixed array"]))
    with opened(store, cache) as (file, dataset, facts):
        real = chunkindex._iterate

        def swallowed(*arguments: Any) -> Any:
            file.blocks.misses += 1
            return real(*arguments)

        monkeypatch.setattr(chunkindex, "_iterate", swallowed)
        read_index(dataset, facts, file)
        assert not file.blocks.indexes._read and not file.blocks.indexes._unsaved


def siblings(broken: bool = False) -> MemoryStore:
    """A signal and its axes, written a chunk of each in turn."""
    target = io.BytesIO()
    with h5py.File(target, "w") as h5:
        made = [h5.create_dataset(name, (64 * 800,), "f8", chunks=(64,)) for name in "dxyz"]
        h5.create_dataset("whole", data=np.arange(10))
        for number in range(800):
            for dataset in made:
                dataset[number * 64 : number * 64 + 64] = number + 1
    data = target.getvalue()
    if broken:
        data = data.replace(b"TREE\1\0", b"NODE\1\0", 1)
    return MemoryStore(data)


def test_indexes_of_siblings_share_their_rounds() -> None:
    store = siblings()
    with in_blocks(512, ahead=True), opened(store, path=b"/d") as (file, _, _):
        datasets = [file.find(b"/" + name).object for name in (b"d", b"x", b"y", b"z")]
        wanted = [(dataset, read_facts(dataset)) for dataset in datasets]
        store.rounds.clear()
        found = read_indexes(file, wanted)
        assert len(store.rounds) <= 1
        store.rounds.clear()
        for (dataset, facts), index in zip(wanted, found, strict=True):
            assert isinstance(index, ChunkIndex) and len(index) == 800
            assert make_grid(dataset, facts, file).places is index.places
        assert not store.rounds
        del datasets, wanted, dataset


def test_without_looking_ahead_siblings_share_their_rounds_too() -> None:
    store = siblings()
    rounds = []
    for names in (b"d", b"dxyz"):
        with in_blocks(512), opened(store, path=b"/d") as (file, _, _):
            datasets = [file.find(b"/%c" % name).object for name in names]
            wanted = [(dataset, read_facts(dataset)) for dataset in datasets]
            store.rounds.clear()
            assert all(isinstance(index, ChunkIndex) for index in read_indexes(file, wanted))
            rounds.append(len(store.rounds))
            del datasets, wanted
    assert rounds[1] <= rounds[0] + 2


def test_a_damaged_index_is_left_to_who_reads_it() -> None:
    store = siblings(broken=True)
    with opened(store, path=b"/d") as (file, _, _):
        datasets = [file.find(b"/" + name).object for name in (b"d", b"x", b"y", b"z")]
        wanted = [(dataset, read_facts(dataset)) for dataset in datasets]
        found = read_indexes(file, wanted)
        (error,) = [index for index in found if isinstance(index, Exception)]
        dataset, facts = wanted[found.index(error)]
        with pytest.raises(type(error)):
            make_grid(dataset, facts, file)
        del datasets, wanted, dataset
