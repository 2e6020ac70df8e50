"""Statistics are of every value in the chunks that were decoded; nothing more is fetched for it."""

from __future__ import annotations

import io
import itertools
import tracemalloc
from math import prod
from typing import Any

import h5py
import numpy as np
import pytest

import h5s3.explore.session
from h5s3.records import Preview
from tests.support.reference.previews import (
    as_numbers,
    check_places,
    check_stats,
    index_of,
    look,
    stored,
    stored_array,
)
from tests.support.servers.memory import MemoryStore

KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture(autouse=True)
def nothing_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a file is fetched with its identity."""
    monkeypatch.setattr(h5s3.explore.session, "FIRST_BYTES", 0)


def chunks_of(store: MemoryStore) -> dict[tuple[int, ...], tuple[int, int]]:
    """Where the chunks of `/data` are stored, by the index of their first element."""
    with h5py.File(io.BytesIO(store.data)) as h5:
        data = h5["data"].id
        infos = [data.get_chunk_info(number) for number in range(data.get_num_chunks())]
    return {one.chunk_offset: (one.byte_offset, one.byte_offset + one.size) for one in infos}


def marked(shape: tuple[int, ...], found: Preview) -> np.ndarray:
    """Which values the statistics are of, by the preview's own account; none is counted twice."""
    assert found.sample
    count = np.zeros(shape, dtype=int)
    for part in found.sample.parts or [found.selection]:
        count[index_of(part)] += 1
    assert count.max() == 1
    return count == 1


def check_whole_chunks(
    array: np.ndarray, store: MemoryStore, found: Preview, chunk: tuple[int, ...], selection: Any = ...
) -> None:
    """The values are those of whole chunks that were fetched, as far as they are selected."""
    asked = np.zeros(array.shape, dtype=bool)
    asked[selection] = True
    union, read = np.zeros(array.shape, dtype=bool), 0
    values = marked(array.shape, found)
    places, fetched = chunks_of(store), np.zeros(len(store.data), dtype=bool)
    for low, high in store.ranges:
        fetched[low:high] = True
    for origin in itertools.product(*(range(0, n, c) for n, c in zip(array.shape, chunk, strict=True))):
        box = tuple(slice(at, at + size) for at, size in zip(origin, chunk, strict=True))
        if values[box].any():
            union[box] = asked[box]
            assert fetched[slice(*places[origin])].all()
            read += 1
    assert (values == union).all() and values.any()
    assert found.sample and found.sample.read == read < found.sample.total
    check_stats(found, array[union], array.size)
    check_places(found, array)
    assert found.stats and all(
        union[tuple(one)] for one in (found.stats.min_index, found.stats.max_index) if one
    )
    assert found.plot and found.plot.data == as_numbers(array[index_of(found.plot.selection)])


SHAPES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], Any]] = [
    ((60, 100, 80), (6, 50, 40), {}, ...),
    ((61, 101, 81), (6, 50, 40), {}, ...),  # chunks at the edges
    ((60, 100, 80), (6, 100, 80), {"selection": "7:59,:,:"}, np.s_[7:59]),
    ((60, 100, 80), (6, 50, 40), {"selection": "::2,:,:"}, np.s_[::2]),
    ((60, 100, 80), (6, 50, 40), {"selection": ":,50:,:"}, np.s_[:, 50:]),
    ((12, 20, 50, 40), (3, 4, 50, 40), {}, ...),
    ((60, 40, 30), (6, 5, 30), {"display_dims": (0, 2)}, ...),
]


@pytest.mark.parametrize(("shape", "chunk", "options", "selection"), SHAPES)
def test_statistics_are_of_whole_chunks(
    shape: tuple[int, ...], chunk: tuple[int, ...], options: dict[str, Any], selection: Any
) -> None:
    array = np.random.default_rng(7).integers(0, 2**31, shape, dtype="<i4")
    store = stored_array(array, chunks=chunk)
    found = look(store, max_bytes=array[selection].nbytes * 9 // 10, **options)
    check_whole_chunks(array, store, found, chunk, selection)
    assert store.fetched <= array[selection].nbytes * 9 // 10 + 64 * KIB


def test_nothing_more_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same ranges in the same rounds as when only planes are summed up, which are far fewer values."""
    from h5s3.formats.sampling import Sampler

    array = np.random.default_rng(7).normal(size=(60, 100, 80)).astype("f4")
    store, plain = (stored_array(array, chunks=(6, 50, 40)) for _ in range(2))
    found = look(store, max_bytes=array.nbytes * 9 // 10)
    monkeypatch.setattr(Sampler, "decoded_with", lambda self, planes, selection: [planes])
    before = look(plain, max_bytes=array.nbytes * 9 // 10)
    assert (store.ranges, store.rounds) == (plain.ranges, plain.rounds)
    assert found.stats and before.stats and found.stats.coverage > 5 * before.stats.coverage
    assert (found.plot, found.table, found.profile) == (before.plot, before.table, before.profile)


def test_packed_values_with_gaps() -> None:
    """Decoded by their attributes, and not counted where missing."""
    array = np.random.default_rng(3).integers(-100, 100, (60, 50, 40), dtype="<i2")

    def fill(h5: h5py.File) -> None:
        data = h5.create_dataset("data", data=array, chunks=(6, 50, 40))
        data.attrs.update(scale_factor=0.5, add_offset=10.0, _FillValue=np.int16(7))

    found = look(stored(fill), max_bytes=array.nbytes * 9 // 10)
    chosen = array[marked(array.shape, found)]
    meant = chosen[chosen != 7] * 0.5 + 10
    stats = found.stats
    assert stats and stats.missing_count == (chosen == 7).sum() > 0
    assert (stats.min, stats.max, stats.sample_size) == (meant.min(), meant.max(), chosen.size)
    assert stats.mean == pytest.approx(meant.mean(), rel=1e-12) and stats.std == pytest.approx(meant.std())


def test_chunks_that_were_never_written_do_not_fill_the_memory() -> None:
    """Where the chunks of a plane hold more than may be decoded, because few are stored: the planes alone."""

    def fill(h5: h5py.File) -> None:
        data = h5.create_dataset("data", (2000, 512, 512), "<i4", chunks=(2000, 16, 16), compression="gzip")
        data[:, :16, :16] = np.arange(2000)[:, None, None]
        data[:, 16:32, :16] = 5

    store = stored(fill)
    tracemalloc.start()
    found = look(store, max_bytes=MIB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.stats and found.stats.sample_size * 4 <= 4 * MIB
    assert peak < 40 * MIB
    assert found.plot and found.plot.data[0][0] == 1000
    assert prod((2000, 512, 512)) * found.stats.coverage == found.stats.sample_size


def test_what_was_not_read_of_the_table_is_said_apart() -> None:
    """Parts that were read do not mean that the plane has gaps."""
    array = np.random.default_rng(7).normal(size=(60, 100, 80)).astype("f4")
    whole = look(stored_array(array, chunks=(6, 100, 80)), max_bytes=array.nbytes * 9 // 10)
    gaps = look(stored_array(array, chunks=(6, 10, 10)), max_bytes=20 * KIB)
    assert whole.sample and whole.sample.parts and not whole.sample.gaps
    assert gaps.sample and gaps.sample.parts and gaps.sample.gaps


@pytest.mark.parametrize(
    ("inner", "kind", "values"),
    [((3,), "<f4", [np.nan, 2.5, np.inf]), ((2, 2), ">i2", [-5, 7, 30000]), ((2,), "<c8", [3 + 4j, 1])],
)
def test_elements_that_are_arrays_of_numbers(inner: tuple[int, ...], kind: str, values: list[Any]) -> None:
    """Statistics are of the numbers in all elements, of which only the first are listed."""
    array = np.random.default_rng(5).integers(-9, 9, (400, 30, *inner)).astype(kind)
    array.reshape(-1)[-len(values) :] = values

    def fill(h5: h5py.File) -> None:
        h5.create_dataset("data", (400, 30), np.dtype((kind, inner)), chunks=(50, 30))[...] = array

    store = stored(fill)
    found = look(store)
    assert found.preview_type == "table" and found.table and len(found.table.rows) == 10
    check_stats(found, array, array.size)
    part = look(store, selection="5:9,3")
    check_stats(part, array[5:9, 3], array.size)
    some = look(store, max_bytes=array.nbytes // 5)
    assert some.stats and 0 < some.stats.coverage < 1
    check_stats(some, array[index_of(some.selection)], array.size)
