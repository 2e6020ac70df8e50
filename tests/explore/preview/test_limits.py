"""A preview reads no more than it may, says what it left out, and refuses what it must not read."""

from __future__ import annotations

import io
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import h5s3.explore.session
from h5s3.errors import DamagedError, NotFoundError, RefusedError, UsageError
from h5s3.formats.hdf5.data import chunk_grid as pieces
from h5s3.formats.hdf5.data import chunk_index
from h5s3.records import Preview
from h5s3.sizes import parse_size
from tests.support.h5files import make as h5files
from tests.support.reference.previews import (
    as_numbers,
    check_limits,
    check_stats,
    drawn_of,
    index_of,
    look,
    stored,
    stored_array,
)
from tests.support.servers.memory import MemoryStore

KIB, MIB = 1 << 10, 1 << 20
METADATA = 512 * KIB  # blocks that may be fetched beside the values: headers, chunk indexes, small gaps


@pytest.fixture(autouse=True)
def nothing_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a file is fetched with its identity."""
    monkeypatch.setattr(h5s3.explore.session, "FIRST_BYTES", 0)


def generated(name: str, folder: Path) -> MemoryStore:
    return MemoryStore(h5files.make(name, folder).read_bytes())


def pieces_read(found: Preview) -> tuple[int, int]:
    """Pieces read, and pieces there are."""
    assert found.sample
    return found.sample.read, found.sample.total


def sampled(array: np.ndarray, found: Preview) -> np.ndarray:
    """The values that a preview was made of, by its own account."""
    if not found.sample or not found.sample.parts:
        return array[index_of(found.selection)].reshape(-1)
    return np.concatenate([array[index_of(part)].reshape(-1) for part in found.sample.parts])


# ------------------------------------------------------------------------------------ little or nothing


def test_nothing_to_show(tmp_path: Path) -> None:
    store = generated("null_spaces", tmp_path)
    found = look(store, "/float")
    assert (found.shape, found.preview_type, found.stats, found.table) == (None, "empty", None, None)
    assert "null" in found.notes[0]
    for shape in [(0,), (0, 4), (3, 0, 2)]:
        found = look(stored_array(np.zeros(shape)))
        assert (found.shape, found.preview_type, found.table) == (list(shape), "empty", None)
        assert found.notes == ["no values"]


@pytest.mark.parametrize("selection", ["2:2", "5:3,:", "0,9:", ":,:,3:0"])
@pytest.mark.parametrize("dtype", ["f8", "S3"])
def test_a_selection_of_nothing(selection: str, dtype: str) -> None:
    found = look(stored_array(np.zeros((4, 5, 6), dtype=dtype)), selection=selection)
    assert found.preview_type == "empty" and found.table is found.plot is found.stats is None
    assert np.zeros((4, 5, 6))[index_of(found.selection)].size == 0 and found.notes


@pytest.mark.parametrize("options", [{}, {"chunks": (4, 5)}, {"chunks": (4, 5), "compression": "gzip"}])
@pytest.mark.parametrize("dtype", ["<i2", ">f4", "S2", "?"])
def test_never_written_values_are_the_fill_value(options: dict[str, Any], dtype: str) -> None:
    fill = {"<i2": 7, ">f4": 1.5, "S2": b"no", "?": True}[dtype]
    store = stored(lambda h5: h5.create_dataset("data", (20, 30), dtype, fillvalue=fill, **options))
    found = look(store)
    shown = fill.decode() if isinstance(fill, bytes) else fill
    assert found.table and found.table.rows == [[shown] * 8] * 10
    if found.stats:
        assert (found.stats.min, found.stats.max, found.stats.coverage) == (fill, fill, 1.0)


def test_partly_written_values() -> None:
    def fill(h5: h5py.File) -> None:
        h5.create_dataset("data", (40, 40), "<i4", chunks=(10, 10), fillvalue=9)[5:25, 12] = 1

    found = look(stored(fill))
    wanted = np.full((40, 40), 9)
    wanted[5:25, 12] = 1
    assert found.plot and found.plot.data == wanted.tolist()


@pytest.mark.parametrize("rank", [8, 32])
@pytest.mark.parametrize("chunked", [True, False])
def test_many_dimensions(rank: int, chunked: bool) -> None:
    shape = (3, 2, 2, 2, 1, 2, 4, 5) if rank == 8 else (2,) * 6 + (1,) * 24 + (3, 4)
    array = np.arange(int(np.prod(shape))).reshape(shape)
    found = look(stored_array(array, **({"chunks": (1, *shape[1:])} if chunked else {})))
    check_stats(found, array, array.size)
    assert found.plot and found.plot.x and found.plot.y and found.ndim == rank
    assert (found.plot.y.dimension, found.plot.x.dimension) == (rank - 2, rank - 1)
    assert found.plot.data == as_numbers(array[tuple(size // 2 for size in shape[:-2])])


# ------------------------------------------------------------------------------------------- too much

LARGE = ["contiguous", "chunked", "square", "strings", "most", "fixed_array", "extensible", "written"]


def test_a_billion_elements_cost_little(tmp_path: Path) -> None:
    shown = []
    for name in ("billion_elements", "billion_elements_latest"):
        store = generated(name, tmp_path)
        with h5py.File(tmp_path / f"{name}.h5") as h5:
            paths = list(h5)
        for path in paths:
            tracemalloc.start()
            found = look(store, f"/{path}")
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 100 * MIB, path
            assert found.table and found.table.rows
            assert found.stats is None or found.stats.coverage < 0.1
            shown.append(path)
        assert store.fetched < len(paths) * MIB
    assert set(shown) >= set(LARGE)


ARRAY = np.random.default_rng(0).integers(0, 2**31, (1000, 2000), dtype="<i4")


@pytest.mark.slow
@pytest.mark.parametrize("max_bytes", [100 * KIB, MIB, 4 * MIB])
@pytest.mark.parametrize("options", [{}, {"chunks": (50, 100)}, {"chunks": (50, 100), "compression": "gzip"}])
def test_within_the_budget(options: dict[str, Any], max_bytes: int) -> None:
    store = stored_array(ARRAY, **options)
    found = look(store, max_bytes=max_bytes)
    assert store.fetched <= max_bytes + METADATA
    assert found.stats and found.plot and found.table
    wanted = as_numbers(drawn_of(ARRAY, found))
    drawn = [value for row in found.plot.data for value in row]
    same = [value for row in wanted for value in row]
    assert all(value in (None, other) for value, other in zip(drawn, same, strict=True))
    read = sampled(ARRAY, found)
    assert np.unique(read).size > 0.99 * read.size  # no piece is counted twice
    check_stats(found, read, ARRAY.size)
    check_limits(found)
    corner = [row[:8] for row in found.plot.data[:10]]
    assert found.table.rows == corner
    some, all_ = pieces_read(found)
    assert 0 < some < all_ and None in drawn
    assert set(np.array([v for v in drawn if v is not None])) <= set(read.tolist())


def test_a_line_within_the_budget() -> None:
    """Of what was read the lowest and the highest are drawn, in pairs."""
    array = np.random.default_rng(5).normal(size=10**6)
    found = look(stored_array(array, chunks=(5000,)), max_bytes=400_000)
    assert found.plot and found.plot.x and found.stats and found.sample and found.sample.parts
    assert len(found.plot.data) == 256 and None in found.plot.data
    known = np.full(array.size, np.nan)
    for part in found.sample.parts:
        start, stop = map(int, part.split(":"))
        known[start:stop] = array[start:stop]
    for pair in range(128):
        here = known[pair * 2 * found.plot.x.step :][: 2 * found.plot.x.step]
        drawn = found.plot.data[2 * pair : 2 * pair + 2]
        here = here[~np.isnan(here)]
        assert sorted(drawn) == [here.min(), here.max()] if here.size else drawn == [None, None]
    assert found.drawn == "drawn: the lowest and the highest of each 7,814 values, of those that were read"
    assert pieces_read(found) == (10, 200)
    check_stats(found, sampled(array, found), array.size)
    assert found.stats.sample_size == 50_000


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 1, 50, 40)}, {"chunks": (1, 2, 30, 40)}])
def test_planes_are_spread(options: dict[str, Any]) -> None:
    """Of a cube that does not fit: the plane that is drawn, whole, and others like it."""
    cube = np.random.default_rng(1).integers(0, 2**31, (3, 60, 200, 160), dtype="<i4")
    store = stored_array(cube, **options)
    found = look(store, max_bytes=4 * MIB)
    assert store.fetched <= 4 * MIB + METADATA
    assert found.plot and found.plot.data == as_numbers(cube[1, 30])
    parts = [index_of(part) for part in ((found.sample and found.sample.parts) or [found.selection])]
    assert all(part[2:] == (slice(0, 200), slice(0, 160)) for part in parts)
    chosen = [
        {n for part in parts for n in (range(size)[part[d]] if isinstance(part[d], slice) else [part[d]])}
        for d, size in ((0, 3), (1, 60))
    ]
    assert 1 in chosen[0] and 30 in chosen[1] and len(chosen[0]) * len(chosen[1]) > 4
    starts = sorted(chosen[1])[:: options.get("chunks", (1, 1))[1]]
    steps = np.diff(starts)
    assert len(set(steps.tolist())) == 1 and starts[0] < steps[0] and 60 - starts[-1] <= steps[0]
    check_stats(found, sampled(cube, found), cube.size)
    assert pieces_read(found)[0] < pieces_read(found)[1]


def test_of_records_that_were_not_read_no_field_is_shown() -> None:
    array = np.zeros(100_000, dtype=[("a", "<f8"), ("b", "<i4")])
    array["a"], array["b"] = np.arange(100_000), 7
    found = look(stored_array(array, chunks=(100,)), max_bytes=60_000)
    assert found.table and None in column_of(found, 0)
    assert [a is None for a in column_of(found, 0)] == [b is None for b in column_of(found, 1)]


def column_of(found: Preview, number: int) -> list[Any]:
    assert found.table
    return [row[number] for row in found.table.rows]


def test_pieces_are_spread() -> None:
    found = look(stored_array(np.arange(10**6, dtype="<f8"), chunks=(5000,)), max_bytes=800_000)
    assert found.plot
    halves = [found.plot.data[:128], found.plot.data[128:]]
    counts = [sum(value is not None for value in half) for half in halves]
    assert min(counts) > 0.7 * max(counts)


def test_whole_values_are_fetched_once() -> None:
    array = np.arange(10 * MIB // 8, dtype="<f8")
    store = stored_array(array)
    found = look(store)
    assert found.stats and found.stats.coverage == 1.0
    assert store.fetched <= array.nbytes + METADATA


def test_what_is_decoded_is_bounded() -> None:
    """Chunks that are tiny as stored and large once decoded, of each of which few elements are drawn."""
    array = np.zeros((100, 64 * KIB), dtype="u1")
    found = look(stored_array(array, chunks=(1, 64 * KIB), compression="gzip"), max_bytes=64 * KIB)
    assert 0 < pieces_read(found)[0] * 64 * KIB <= 4 * 64 * KIB


def test_a_chunk_index_that_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_CHUNKS", 5)
    array = np.arange(400).reshape(20, 20)
    found = look(stored_array(array, chunks=(2, 2), compression="gzip"))
    assert found.plot and found.plot.data == array.tolist()
    assert any("chunk index" in note for note in found.notes)


def test_a_chunk_index_that_is_not_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    """All chunks are read all the same. Where some are left out, the count may be wrong."""
    monkeypatch.setattr(chunk_index, "_correct_cells", lambda *given: False)
    array = np.arange(400).reshape(20, 20)
    store = stored_array(array, chunks=(5, 5), compression="gzip")
    assert look(store).notes == []
    few = look(store, max_bytes=800)
    assert pieces_read(few)[0] < pieces_read(few)[1] == 16
    assert any("not certain" in note for note in few.notes)


def test_only_the_strings_that_are_shown_are_read() -> None:
    def fill(h5: h5py.File) -> None:
        strings = h5.create_dataset("data", (100,), dtype=h5py.string_dtype())
        for number in range(100):
            strings[number] = f"{number}" + "x" * 50_000

    store = stored(fill)
    found = look(store)
    assert found.selection == "0:10" and found.table and found.table.rows_truncated
    assert [row[0][:2] for row in found.table.rows] == [f"{number}x" for number in range(10)]
    assert store.fetched <= 10 * 50_001 + METADATA


def test_chunks_beyond_the_end_of_the_file() -> None:
    """What a damaged index promises is not asked for."""
    store = stored_array(np.arange(1000, dtype="<i4"), chunks=(1000,))
    with h5py.File(io.BytesIO(store.data)) as h5:
        place = struct.pack("<Q", h5["data"].id.get_chunk_info(0).byte_offset)
    assert store.data.count(place) == 1
    damaged = MemoryStore(store.data.replace(place, struct.pack("<Q", len(store.data) - 100)))
    with pytest.raises(DamagedError):
        look(damaged)


# --------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("name", "path", "why"),
    [
        ("external_storage", "/whole", "external_raw.bin"),
        ("external_storage", "/parent", "external_raw.bin"),
        ("virtual_other_file", "/virtual", "virtual_source.h5"),
        ("virtual_missing", "/file", "nowhere.h5"),
        ("virtual_of_virtual", "/second", "first"),
        ("virtual_cycle", "/itself", "itself"),
        ("virtual_cycle", "/one", "other"),
        ("virtual_cycle", "/by_name", "virtual_cycle.h5"),
        ("unknown_filter", "/data", "40000"),
        ("unknown_filter", "/after_gzip", "40000"),
    ],
)
def test_refusals(tmp_path: Path, name: str, path: str, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        look(generated(name, tmp_path), path)


def test_values_of_the_same_file_are_read_through_a_virtual_dataset(tmp_path: Path) -> None:
    found = look(generated("virtual_same_file", tmp_path), "/virtual")
    assert found.plot and found.plot.data == [list(range(10)), list(range(100, 110))]
    store = generated("virtual_missing", tmp_path)
    for path in ("/dataset", "/no_source"):
        assert (missing := look(store, path).table) and len(missing.rows) == 4


def test_a_huge_chunk_is_refused_until_it_is_allowed() -> None:
    store = stored_array(np.ones(8 * MIB, dtype="u1"), chunks=(8 * MIB,), compression="gzip")
    with pytest.raises(RefusedError, match="one chunk decodes to 8 MiB") as caught:
        look(store, max_bytes=MIB)
    assert store.fetched < METADATA
    allowed = parse_size(caught.value.hint.rpartition(" ")[2])
    found = look(store, max_bytes=allowed)
    assert allowed == 2 * MIB and found.stats and found.stats.max == 1


def test_a_piece_larger_than_the_limit_is_refused_until_it_is_allowed() -> None:
    store = stored_array(np.random.default_rng(0).integers(0, 255, 10**5, dtype="u1"), chunks=(10**5,))
    with pytest.raises(RefusedError) as caught:
        look(store, max_bytes=50_000)
    found = look(store, max_bytes=parse_size(caught.value.hint.rpartition(" ")[2]))
    assert found.stats and found.stats.coverage == 1.0


@pytest.mark.parametrize(("path", "kind"), [("/", "group"), ("/type", "datatype")])
def test_what_is_no_dataset(path: str, kind: str) -> None:
    def fill(h5: h5py.File) -> None:
        h5["type"] = np.dtype("f4")

    with pytest.raises(UsageError, match=kind):
        look(stored(fill), path)


@pytest.mark.parametrize(
    ("link", "error", "why"),
    [
        (h5py.SoftLink("/nowhere"), NotFoundError, "leads nowhere"),
        (h5py.SoftLink("/data"), NotFoundError, "leads nowhere"),
        (h5py.ExternalLink("/etc/passwd", "/x"), RefusedError, "not followed"),
    ],
)
def test_links_that_lead_to_no_dataset(link: Any, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        look(stored(lambda h5: h5.__setitem__("data", link)))
