"""A note on the places of chunks that somebody changed, or that belongs elsewhere, is never believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from h5s3.cache import Cache
from h5s3.formats.hdf5.data import chunk_index as chunkindex
from h5s3.formats.hdf5.data.chunk_grid import make_grid
from h5s3.formats.hdf5.data.chunk_index import read_index
from tests.support.chunked import Chunked, opened, places, write
from tests.support.servers.memory import MemoryStore


def rows(note: bytes, columns: int) -> np.ndarray:
    count = int(np.frombuffer(note[:-1], "<u8", 1, 8 + 8 * (2 * (columns - 3) + 2))[0])
    return np.frombuffer(note, "<u8")[-count * columns :].reshape(count, columns).copy()


def changed(change: Callable[[np.ndarray], Any]) -> Callable[[bytes], bytes]:
    def apply(note: bytes) -> bytes:
        table = rows(note, 4)
        replaced = change(table)
        table = table if replaced is None else replaced
        return note[: len(note) - rows(note, 4).nbytes] + table.tobytes()

    return apply


def put(row: int, column: int, value: int) -> Callable[[np.ndarray], None]:
    return lambda table: table.__setitem__((row, column), value)


def other(kind: Chunked) -> Callable[[bytes], bytes]:
    """The note on another dataset, of this very shape or not."""

    def apply(note: bytes) -> bytes:
        store = MemoryStore(write(kind))
        with opened(store) as (_, dataset, facts):
            packed = chunkindex._pack(read_index(dataset, facts), facts, store.info.size)
        assert packed
        return packed

    return apply


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda note: b"",
    "cut": lambda note: note[:-1],
    "a row less": lambda note: note[:-32],
    "a row more": lambda note: note + bytes(32),
    "another version": lambda note: b"chunks 9" + note[8:],
    "not ours": lambda note: b"\x80\x04K\x01." * 100,
    "a chunk beyond the object": changed(put(5, 1, 1 << 40)),
    "a chunk that ends beyond it": changed(put(5, 2, 1 << 63)),
    "a chunk around the end of numbers": changed(put(5, 1, (1 << 64) - 8)),
    "a cell outside": changed(put(5, 0, 700)),
    "a cell twice": changed(put(5, 0, 6)),
    "of another shape": other(Chunked("latest", (699,))),
    "of other chunks": other(Chunked("latest", (1400,), chunk=256)),
    "of another object": other(Chunked("latest", (700,), userblock=512)),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_entry_is_not_believed(name: str, cache: Cache, iterations: list[int]) -> None:
    kind = Chunked("latest", (700,), cells=tuple((n,) for n in range(0, 700, 3)))
    store = MemoryStore(write(kind))
    with opened(store, cache) as (file, dataset, facts):
        make_grid(dataset, facts, file)
        (address,) = file.blocks.indexes._read
        key = file.blocks.indexes._key(address)
    note = cache.get(key)
    assert note is not None and len(rows(note, 4)) == 234
    bad = TAMPERED[name](note)
    assert bad != note
    cache.set_many({key: bad}, "index")
    iterations.clear()
    with opened(store, cache) as (file, dataset, facts):
        assert make_grid(dataset, facts, file).places == places(kind, store.data)
    assert iterations == [234]
    assert cache.get(key) == note  # and the entry is mended


def test_a_damaged_index_is_not_stored(cache: Cache) -> None:
    kind = Chunked("earliest", (1,))
    store = MemoryStore(write(kind))
    (place,) = places(kind, store.data).values()
    damaged = MemoryStore(store.data.replace(place[0].to_bytes(8, "little"), (10**6).to_bytes(8, "little")))
    with opened(damaged, cache) as (file, dataset, facts):
        assert read_index(dataset, facts, file).places == {(0,): (10**6, 10**6 + 512)}
        assert not file.blocks.indexes._unsaved
