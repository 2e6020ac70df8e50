"""The file made of blocks: whatever is asked of it, in whatever state, its bytes are the object's."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from h5s3.cache import Cache
from h5s3.errors import NotCachedError
from h5s3.formats.hdf5.fetch import blocks
from h5s3.formats.hdf5.fetch.block_file import BlockFile, Miss
from h5s3.storage.base import ObjectInfo
from h5s3.storage.trace import Trace
from tests.support.servers.memory import MemoryStore

BLOCK = 64
EDGES = [count * BLOCK + beside for count in range(1, 11) for beside in (-1, 0, 1)]
SIZES = st.integers(1, 10 * BLOCK) | st.sampled_from(EDGES)
SEEKS = st.tuples(
    st.integers(-12 * BLOCK, 12 * BLOCK), st.sampled_from([io.SEEK_SET, io.SEEK_CUR, io.SEEK_END])
)
READS = st.integers(-1, 6 * BLOCK)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 64 bytes, joined over gaps of two, at most 8 in one request, nothing beside them."""
    monkeypatch.setattr(blocks, "BLOCK", BLOCK)
    monkeypatch.setattr(blocks, "GAP", 2 * BLOCK)
    monkeypatch.setattr(blocks, "LARGEST", 8 * BLOCK)
    monkeypatch.setattr(blocks, "WHOLE", 0)
    monkeypatch.setattr(blocks, "CARRIED", 0)
    monkeypatch.setattr(blocks, "FEW", 0)


def content(size: int) -> bytes:
    """Bytes that tell where they stand."""
    return bytes((index * 7 + index // 251) % 256 for index in range(size))


def make(data: bytes, cache: Cache | None = None) -> tuple[BlockFile, MemoryStore]:
    store = MemoryStore(data)
    return BlockFile(store, cache, store.info, Trace()), store


def offline(info: ObjectInfo, cache: Cache | None) -> BlockFile:
    return BlockFile(None, cache, info, Trace())


@given(size=SIZES, steps=st.lists(st.tuples(SEEKS, READS), max_size=30))
def test_reads_equal_bytesio(size: int, steps: list[tuple[tuple[int, int], int]]) -> None:
    (file, _), model = make(content(size)), io.BytesIO(content(size))
    assert file.readable() and file.seekable()
    for (offset, whence), length in steps:
        target = {io.SEEK_SET: 0, io.SEEK_CUR: model.tell(), io.SEEK_END: size}[whence] + offset
        if target < 0:
            with pytest.raises(ValueError):
                file.seek(offset, whence)
        else:
            assert file.seek(offset, whence) == model.seek(target) == file.tell()
        assert file.read(length) == model.read(length)
        assert file.tell() == model.tell()


@given(size=SIZES, reads=st.lists(st.tuples(st.integers(0, 640), READS), max_size=20))
def test_a_read_is_at_most_one_round_of_whole_blocks(size: int, reads: list[tuple[int, int]]) -> None:
    file, store = make(content(size))
    for start, length in reads:
        before = len(store.rounds)
        file.seek(start)
        file.read(length)
        assert len(store.rounds) <= before + 1
    assert all(low % BLOCK == 0 and (high % BLOCK == 0 or high == size) for low, high in store.ranges)
    with file.suspended():  # all of it is still here
        for start, length in reads:
            file.seek(start)
            assert file.read(length) == io.BytesIO(content(size)[start:]).read(length)


@given(size=SIZES, here=st.sets(st.integers(0, 9)), start=st.integers(0, 640), length=st.integers(1, 300))
def test_suspended_reads_never_wait(size: int, here: set[int], start: int, length: int) -> None:
    file, store = make(content(size))
    file.prefetch(here)
    have = {index for low, high in store.ranges for index in range(low // BLOCK, -(-high // BLOCK))}
    rounds = len(store.rounds)
    file.seek(start)
    wanted = content(size)[start : start + length]
    missing = {index for index in range(start // BLOCK, -(-(start + len(wanted)) // BLOCK))} - have
    if not wanted:
        missing = set()
    with file.suspended() as missed:
        if missing:
            with pytest.raises(Miss):
                file.read(length)
            assert file.tell() == start
        else:
            assert file.read(length) == wanted
    assert (missed, file.ever_missed, len(store.rounds)) == (missing, bool(missing), rounds)
    file.seek(start)
    assert file.read(length) == wanted


def test_suspension_nests_and_ends() -> None:
    file, store = make(content(500))
    with file.suspended():
        with pytest.raises(Miss), file.suspended():
            file.read(1)
        with pytest.raises(Miss):
            file.read(1)
    assert file.read(500) == content(500)
    assert len(store.rounds) == 1


def test_a_restarted_file_waits_and_keeps_its_blocks() -> None:
    file, store = make(content(500))
    file.prefetch([1])
    with file.suspended(), pytest.raises(Miss):
        file.read(1)
    assert file.waves
    file.restart()
    assert not file.waves and not file.ever_missed and file.tell() == 0
    file.seek(BLOCK)
    assert file.read(BLOCK) == content(500)[BLOCK : 2 * BLOCK]
    assert len(store.rounds) == 1


@given(size=SIZES, wanted=st.lists(st.integers(-5, 15)))
def test_prefetch_is_one_round(size: int, wanted: list[int]) -> None:
    file, store = make(content(size))
    inside = {index for index in wanted if 0 <= index * BLOCK < size}
    for _ in range(2):
        file.prefetch(wanted)
        assert len(store.rounds) == bool(inside)
    with file.suspended():
        for index in inside:
            file.seek(index * BLOCK)
            assert file.read(BLOCK) == content(size)[index * BLOCK : (index + 1) * BLOCK]


@given(size=SIZES, length=st.integers(0, 640))
def test_seeded_bytes_are_not_fetched(size: int, length: int) -> None:
    file, store = make(content(size))
    file.seed(content(size)[:length])
    whole = size if length >= size else length // BLOCK * BLOCK
    with file.suspended():
        assert file.read(whole) == content(size)[:whole]
    assert file.read() == content(size)[whole:]
    assert all(start >= whole for start, _ in store.ranges)


EXTENTS = st.lists(st.tuples(st.integers(0, 600), st.integers(1, 200)), min_size=1, max_size=6)


@given(ranges=EXTENTS, reads=st.lists(st.tuples(st.integers(0, 700), st.integers(1, 200)), max_size=10))
def test_exact_ranges_are_served(ranges: list[tuple[int, int]], reads: list[tuple[int, int]]) -> None:
    size = 800
    file, store = make(content(size))
    file.fetch_exact((start, start + length) for start, length in ranges)
    assert store.rounds == [list(dict.fromkeys((start, start + length) for start, length in ranges))]
    for start, length in reads:
        file.seek(start)
        assert file.read(length) == content(size)[start : start + length]
    file.drop_exact()
    for start, length in [*ranges, *reads]:
        file.seek(start)
        assert file.read(length) == content(size)[start : start + length]


def test_exact_ranges_spare_the_blocks() -> None:
    file, store = make(content(1000))
    file.fetch_exact([(10, 30), (500, 700)])
    file.fetch_exact([(10, 30), (15, 20)])
    assert store.rounds == [[(10, 30), (500, 700)]]
    with file.suspended():
        for start, stop in ((10, 30), (12, 13), (500, 700), (699, 700)):
            file.seek(start)
            assert file.read(stop - start) == content(1000)[start:stop]
        file.seek(10)
        with pytest.raises(Miss):
            file.read(21)
        file.drop_exact()
        with pytest.raises(Miss):
            file.read(1)


@given(size=SIZES, reads=st.lists(st.tuples(st.integers(0, 640), READS), max_size=5))
def test_round_trip_through_the_cache(size: int, reads: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder) / "cache")
        file, store = make(content(size), cache)
        for start, length in reads:
            file.seek(start)
            file.read(length)
        file.save()
        again = offline(store.info, cache)
        for start, length in reads:
            again.seek(start)
            with again.suspended():
                assert again.read(length) == io.BytesIO(content(size)[start:]).read(length)
        cache.close()


def test_another_object_has_other_blocks(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    file, store = make(content(300), cache)
    file.read()
    file.save()
    assert offline(store.info, cache).read() == content(300)
    for info in (
        replace(store.info, etag="two"),
        replace(store.info, etag=None),
        replace(store.info, size=299),
    ):
        with pytest.raises(NotCachedError):
            offline(info, cache).read(1)


@pytest.mark.parametrize("wrong", [b"", b"x" * (BLOCK - 1), b"x" * (BLOCK + 1)])
def test_entries_of_the_wrong_length_are_ignored(tmp_path: Path, wrong: bytes) -> None:
    cache = Cache(tmp_path / "cache")
    file, store = make(content(300), cache)
    contents = {0: wrong, 4: wrong, 1: b"y" * BLOCK}
    cache.set_many({file._blocks._key(index): data for index, data in contents.items()}, "block")
    assert file.read(2 * BLOCK) == content(300)[:BLOCK] + b"y" * BLOCK
    file.seek(4 * BLOCK)
    assert file.read() == content(300)[4 * BLOCK :]
    assert store.ranges == [(0, BLOCK), (4 * BLOCK, 300)]


@given(size=SIZES, most=st.integers(0, 4), reads=st.lists(st.tuples(st.integers(0, 640), READS), max_size=20))
def test_right_bytes_in_little_memory(size: int, most: int, reads: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "MEMORY", most * BLOCK)
        file, _ = make(content(size))
        for start, length in reads:
            file.seek(start)
            assert file.read(length) == io.BytesIO(content(size)[start:]).read(length)
            assert len(file._blocks.here) <= most


def test_the_oldest_blocks_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MEMORY", 3 * BLOCK)
    file, _ = make(content(640))
    for _ in range(6):
        file.read(BLOCK)
    assert sorted(file._blocks.here) == [3, 4, 5]


def test_what_waits_to_be_saved_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "UNSAVED", 2 * BLOCK)
    cache = Cache(tmp_path / "cache")
    file, _ = make(content(640), cache)
    for _ in range(10):
        file.read(BLOCK)
        assert len(file._blocks._unsaved) <= 2
    file.save()
    assert cache.info()["blocks"] == 10


def test_a_small_file_is_fetched_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "WHOLE", 500)
    file, store = make(content(500))
    file.seek(3 * BLOCK)
    file.read(1)
    file.seek(0)
    assert file.read() == content(500)
    assert store.ranges == [(0, 500)]


def test_a_file_that_takes_many_rounds_is_fetched_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CARRIED", 4 * BLOCK)
    data = content(20 * BLOCK)
    for most, rounds in ((20 * BLOCK, 5), (20 * BLOCK - 1, 20)):
        monkeypatch.setattr(blocks, "MOST_WHOLE", most)
        file, store = make(data)
        for index in range(20):
            file.seek(index * BLOCK)
            assert file.read(1) == data[index * BLOCK : index * BLOCK + 1]
        assert len(store.rounds) == rounds
        assert sum(stop - start for start, stop in store.ranges) == len(data)


def test_a_limit_on_values_is_not_used_up_by_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "WHOLE", 500)
    file, store = make(content(500))
    with file.limited(BLOCK):
        assert file.read(1) == content(1)
    assert store.fetched <= BLOCK


def test_few_blocks_come_with_the_window_around_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "WINDOW", 4 * BLOCK)
    monkeypatch.setattr(blocks, "FEW", 1)
    file, store = make(content(20 * BLOCK))
    file.seek(9 * BLOCK)
    assert file.read(1) == content(20 * BLOCK)[9 * BLOCK : 9 * BLOCK + 1]
    file.seek(16 * BLOCK)
    file.read(2 * BLOCK)
    assert store.ranges == [(8 * BLOCK, 12 * BLOCK), (16 * BLOCK, 18 * BLOCK)]
