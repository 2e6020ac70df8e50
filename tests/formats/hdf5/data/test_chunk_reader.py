"""Chunks that are decoded in threads: into the right places, checked once, and what is left to libhdf5."""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

from h5s3.errors import DamagedError, NetworkError
from h5s3.formats.boxes import BoxReader
from h5s3.formats.hdf5.data import threads
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.data.decode import Decoder
from h5s3.formats.sampling import Sampler
from h5s3.formats.selection import parse_selection
from tests.support.chunked import opened
from tests.support.get import boxes_of, take
from tests.support.servers.memory import MemoryStore

DATA = (np.arange(500 * 600).reshape(500, 600) // 5).astype("<i4")
CHUNKS = (64, 128)  # 32 KiB; those at both edges stand out
PLAIN: dict[str, Any] = {"compression": None, "shuffle": False}
GZIP: dict[str, Any] = {"compression": "gzip", "shuffle": True}
SELECTIONS = (":,:", "3:499:7,5:590", "::130,::300", "100,:", ":,599", "70:71,130:131", "5:5,:", "499,599")


def file_of(data: Any = DATA, **options: Any) -> MemoryStore:
    target = io.BytesIO()
    with h5py.File(target, "w") as h5:
        h5.create_dataset("data", data=data, **({"chunks": CHUNKS} | GZIP | options))
    return MemoryStore(target.getvalue())


@contextmanager
def array_of(store: MemoryStore) -> Iterator[Hdf5Array]:
    with opened(store) as (file, dataset, _):
        array = Hdf5Array(file, dataset)
        yield array
        del array, dataset


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that decoded chunks."""
    names: list[str] = []
    real = Decoder.decode

    def decode(self: Decoder, stored: memoryview) -> Any:
        names.append(threading.current_thread().name)
        return real(self, stored)

    monkeypatch.setattr(Decoder, "decode", decode)
    return names


def read(array: Hdf5Array, text: str = ":,:") -> Any:
    selection = parse_selection(text, array.facts.shape or ())
    with array.fetched([place for place in array.grid().places.values()]):  # type: ignore[union-attr]
        return array.read(selection)


def by_h5py(store: MemoryStore, text: str = ":,:") -> Any:
    with h5py.File(io.BytesIO(store.data)) as h5:
        selection = parse_selection(text, h5["data"].shape)
        return h5["data"][tuple(axis.as_slice for axis in selection)]


@pytest.mark.parametrize("text", SELECTIONS)
@pytest.mark.parametrize("options", [GZIP, {"shuffle": False}, PLAIN])
def test_values_stand_where_they_belong(text: str, options: dict[str, Any], decoded: list[str]) -> None:
    store = file_of(**options)
    with array_of(store) as array:
        found = read(array, text)
    assert (found == by_h5py(store, text)).all() and found.dtype == np.dtype("<i4")
    assert bool(decoded) == bool(found.size) and set(decoded) <= {"h5s3-decode"}


TYPES = {
    "big endian": DATA.astype(">f8"),
    "boolean": DATA % 2 == 0,
    "string": DATA.astype("S7"),
    "compound": np.rec.fromarrays([DATA.astype("<i2"), DATA.astype(">f4")], names="a,b"),
    "complex": DATA.astype("<c16"),
    "array": np.zeros((500, 600), dtype=[("a", "<i4", (3,))]),
}


@pytest.mark.parametrize("name", TYPES)
def test_types(name: str, decoded: list[str]) -> None:
    store = file_of(TYPES[name])
    with array_of(store) as array:
        found, expected = read(array), by_h5py(store)
    assert found.dtype == expected.dtype and found.dtype.metadata == expected.dtype.metadata
    assert found.tobytes() == expected.tobytes() and decoded


def test_an_enum_keeps_its_names(decoded: list[str]) -> None:
    kind = h5py.enum_dtype({"RED": 0, "BLUE": 1}, "i4")
    with array_of(file_of((DATA % 2).astype(kind), dtype=kind)) as array:
        assert h5py.check_enum_dtype(read(array).dtype) == {"RED": 0, "BLUE": 1} and decoded


@pytest.mark.parametrize("fill", [None, 7])
def test_what_was_never_written(fill: int | None, decoded: list[str]) -> None:
    target = io.BytesIO()
    with h5py.File(target, "w") as h5:
        data = h5.create_dataset("data", DATA.shape, "<i4", chunks=CHUNKS, fillvalue=fill, **GZIP)
        data[100:300, 200:] = DATA[100:300, 200:]
    store = MemoryStore(target.getvalue())
    with array_of(store) as array:
        assert (read(array) == by_h5py(store)).all() and decoded


def test_chunks_that_skipped_a_filter_are_left(decoded: list[str]) -> None:
    store = file_of()
    with h5py.File(target := io.BytesIO(store.data), "r+") as h5:
        h5["data"].id.write_direct_chunk((64, 128), DATA[64:128, 128:256].tobytes(), 0b11)
    with array_of(MemoryStore(target.getvalue())) as array:
        assert (read(array) == DATA).all()
    assert len(decoded) == 8 * 5 - 1


def test_edges_that_may_have_skipped_a_filter_are_left(decoded: list[str]) -> None:
    """Nothing shows in the bytes whether they were shuffled."""
    with array_of(file_of(compression=None)) as array:
        assert (read(array) == DATA).all()
    assert len(decoded) == 7 * 4


# ------------------------------------------------------------------------------------------ what is wrong


def test_where_libhdf5_reads_something_else_it_reads_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = np.zeros(4 * CHUNKS[0] * CHUNKS[1], dtype="u1")
    monkeypatch.setattr(Decoder, "decode", lambda self, stored: wrong)
    store = file_of(DATA + 1)
    with array_of(store) as array:
        assert (read(array) == DATA + 1).all()
        assert array._chunks is not None and array._chunks.decoder is None
        assert (read(array) == DATA + 1).all()


def test_one_chunk_of_a_dataset_is_read_twice(decoded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    twice = []
    real = Hdf5Array._stored_unchecked
    monkeypatch.setattr(
        Hdf5Array, "_stored_unchecked", lambda self, part: twice.append(part) or real(self, part)
    )
    with array_of(file_of()) as array:
        for _ in range(3):
            read(array)
    assert len(twice) == 1 and len(decoded) == 3 * 40


def damaged(content: bytes, mask: int = 0) -> MemoryStore:
    target = io.BytesIO(file_of().data)
    with h5py.File(target, "r+") as h5:
        h5["data"].id.write_direct_chunk((64, 128), content, mask)
    return MemoryStore(target.getvalue())


def test_a_bomb_is_named(tmp_path: Path) -> None:
    store = damaged(zlib.compress(bytes(100 << 20)))
    with pytest.raises(DamagedError, match="unpacks to more than its 32768 bytes"):
        take(store, tmp_path / "a.npy")
    assert not list(tmp_path.iterdir())


SHORT = {  # stored bytes of a chunk of 32 KiB, and its mask
    "gzip": (zlib.compress(bytes(1000)), 0, "unpacks to 1000 bytes"),
    "no filter": (bytes(1000), 3, "unpacks to 1000 bytes"),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_chunk_that_is_too_short_is_not_filled_up(name: str, tmp_path: Path) -> None:
    content, mask, words = SHORT[name]
    with pytest.raises(DamagedError, match=words):
        take(damaged(content, mask), tmp_path / "a.npy")
    assert not list(tmp_path.iterdir())


def test_a_broken_chunk_is_libhdf5s_to_name(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="values cannot be read"):
        take(damaged(b"\x5a" * 100), tmp_path / "a.npy")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), NetworkError("not done within 1 s"), MemoryError()])
def test_the_first_failure_ends_the_work(raised: BaseException) -> None:
    done = []

    def work(number: int) -> None:
        if number == 3:
            raise raised
        done.append(number)

    with pytest.raises(type(raised)):
        threads.work_on(work, range(100_000), 2)
    assert len(done) < 100_000


def test_without_threads_the_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    done: list[int] = []
    threads.work_on(done.append, range(10), 2)
    assert done == list(range(10))


# ------------------------------------------------------------------------------------------ fetched ahead


class Wire(MemoryStore):
    """Knows the threads that asked, and fails from a call on."""

    def __init__(self, data: bytes, fails: int | None = None) -> None:
        super().__init__(data)
        self.fails, self.threads = fails, set[str]()

    def get_ranges(self, obj: Any, ranges: Any, on_arrival: Any = None) -> Any:
        self.threads.add(threading.current_thread().name)
        if self.fails is not None and len(self.rounds) >= self.fails:
            raise NetworkError("the line is cut")
        return super().get_ranges(obj, ranges, on_arrival)


def noise(rows: int = 2048) -> Any:
    return np.random.default_rng(3).integers(0, 1 << 30, (rows, 1024), dtype="<i4")


@pytest.mark.parametrize(
    "options, ahead", [(GZIP, True), (PLAIN, True), (PLAIN | dict(hdf5plugin.Bitshuffle()), False)]
)
def test_boxes_are_fetched_ahead(options: dict[str, Any], ahead: bool, tmp_path: Path) -> None:
    """Where libhdf5 decodes, each box is fetched when it is wanted."""
    data = noise()
    store = Wire(file_of(data, chunks=(16, 1024), **options).data)
    with boxes_of(1 << 20):
        take(store, tmp_path / "a.npy")
    assert (np.load(tmp_path / "a.npy") == data).all()
    assert ("h5s3-ahead" in store.threads) == ahead


def test_no_more_is_fetched_ahead_than_a_box_may_take(tmp_path: Path) -> None:
    data = noise(4096)
    store = Wire(file_of(data, chunks=(16, 1024), **PLAIN).data)
    used, most = [0], [0]
    with boxes_of(1 << 20), opened(store) as (file, dataset, _):
        array = Hdf5Array(file, dataset)
        reader = BoxReader(array, parse_selection(":,:", data.shape))
        start = store.fetched
        for _, values in reader.read_all(reader.boxes(ordered=False)):
            file.blocks._ahead.settle()
            used[0] += values.nbytes
            most[0] = max(most[0], store.fetched - start - used[0])
        del array, reader, dataset
    assert used[0] == data.nbytes and 0 < most[0] <= 1 << 20


def test_a_failure_ahead_is_raised_as_ever(tmp_path: Path) -> None:
    data = noise()
    store = Wire(file_of(data, chunks=(16, 1024)).data, fails=4)
    with boxes_of(1 << 20), pytest.raises(NetworkError, match="the line is cut"):
        take(store, tmp_path / "a.npy")
    assert not list(tmp_path.iterdir())


def test_a_sample_is_decoded_in_threads_too(decoded: list[str]) -> None:
    store = file_of()
    with array_of(store) as array:
        sample = Sampler(array, max_bytes=60_000).read(parse_selection(":,:", DATA.shape))
    assert sample.present is not None and (sample.values[sample.present] == DATA[sample.present]).all()
    assert len(decoded) == sample.pieces_read > 1
