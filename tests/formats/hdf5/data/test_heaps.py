"""Strings and sequences of variable length, fetched together before libhdf5 follows their pointers."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.explore.preview.request import PreviewRequest
from h5s3.formats.hdf5.data import heaps
from h5s3.formats.hdf5.data.heaps import stored_pointers
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from tests.support.get import take
from tests.support.servers.memory import MemoryStore

STRING, SEQUENCE = h5py.string_dtype(), h5py.vlen_dtype("<i4")
LAYOUTS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": (5000,)},
    "gzip": {"chunks": (5000,), "compression": "gzip"},
    "shuffled in vain": {"chunks": (5000,), "compression": "gzip", "shuffle": True},
    "contiguous": {},
}


def file_of(values: Any, dtype: Any, userblock: int = 0, **options: Any) -> MemoryStore:
    target = io.BytesIO()
    with h5py.File(target, "w", userblock_size=userblock) as h5:
        h5.create_dataset("data", data=values, dtype=dtype, **options)
    return MemoryStore(target.getvalue())


def values(folder: Path) -> Any:
    return json.loads((folder / "a.json").read_text())["data"]


def strings(count: int) -> list[str]:
    return [f"name {number} " * (number % 4) for number in range(count)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_hundred_thousand_strings_in_few_rounds(layout: str, tmp_path: Path) -> None:
    expected = strings(200_000)
    store = file_of(expected, STRING, userblock=512 * (layout == "gzip"), **LAYOUTS[layout])
    take(store, tmp_path / "a.json")
    assert values(tmp_path) == expected
    assert len(store.rounds) <= 10


def test_members_and_sequences(tmp_path: Path) -> None:
    kind = np.dtype([("a", "<i2"), ("s", STRING), ("v", SEQUENCE), ("z", "<f8"), ("t", STRING, (2,))])
    data = np.zeros(20_000, dtype=kind)
    data["s"], data["z"] = strings(20_000), np.arange(20_000)
    data["v"] = [np.arange(number % 5, dtype="<i4") for number in range(20_000)]
    data["t"] = np.array([["one", "two"]] * 20_000, dtype=object)
    store = file_of(data, kind, **LAYOUTS["chunks"])
    take(store, tmp_path / "a.json")
    assert len(store.rounds) <= 8
    found = values(tmp_path)
    assert found[9] == {"a": 0, "s": "name 9 ", "v": [0, 1, 2, 3], "z": 9.0, "t": ["one", "two"]}


def test_collections_that_are_longer(tmp_path: Path) -> None:
    store = file_of(["x" * 10_000 + str(number) for number in range(300)], STRING)
    take(store, tmp_path / "a.json")
    assert len(store.rounds) <= 4 and len(values(tmp_path)) == 300


def test_where_pointers_stand() -> None:
    with h5py.File(io.BytesIO(), "w") as h5:
        for dtype, expected in (
            (STRING, (16, [0])),
            (SEQUENCE, (16, [0])),
            (np.dtype("<f8"), (8, [])),
            (np.dtype([("a", "<i2"), ("s", STRING), ("v", SEQUENCE), ("t", STRING)]), (50, [2, 18, 34])),
            (np.dtype([("t", STRING, (2,))]), (32, [0, 16])),
            (np.dtype([("t", STRING, (65,))]), None),
            (h5py.ref_dtype, None),
        ):
            data = h5.create_dataset(None, (1,), dtype)
            assert stored_pointers(data.id.get_type()) == expected


def test_a_wrong_hint_costs_a_fetch_and_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = strings(20_000)
    store = file_of(expected, STRING, **LAYOUTS["chunks"])
    wrong = np.array([0, 5, len(store.data) - 20, len(store.data) + 5, 1 << 62], dtype="u8")
    monkeypatch.setattr(heaps, "_addresses", lambda *_: wrong)
    take(store, tmp_path / "a.json")
    assert values(tmp_path) == expected


def test_no_more_is_fetched_ahead_than_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = BlockFile.hint

    def hint(self: BlockFile, ranges: Any) -> None:
        asked.extend(stop - start for start, stop in ranges)
        real(self, ranges)

    monkeypatch.setattr(BlockFile, "hint", hint)
    monkeypatch.setattr(heaps, "MOST", 1 << 20)
    expected = strings(100_000)
    store = file_of(expected, STRING, **LAYOUTS["chunks"])
    take(store, tmp_path / "a.json")
    assert values(tmp_path) == expected
    assert 4096 * 2 < sum(asked) <= 1 << 20 < len(store.data) / 2


def test_a_preview_needs_few_rounds_too() -> None:
    from h5s3.explore.preview.preview import preview
    from tests.support.servers.memory import LOCATION, memory_session

    store = file_of(strings(20_000), STRING, **LAYOUTS["gzip"])
    with memory_session(store) as session:
        preview(session, LOCATION, PreviewRequest("/data"))
    assert len(store.rounds) <= 5
