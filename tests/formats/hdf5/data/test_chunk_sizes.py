"""A chunk that unpacks to too little is an error, whoever reads it: libhdf5 would show old memory."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest

from h5s3.errors import DamagedError
from h5s3.explore.meta import meta
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.formats.hdf5.data import chunk_places
from h5s3.formats.hdf5.data.chunk_index import read_index
from h5s3.formats.hdf5.data.heaps import stored_pointers
from h5s3.formats.hdf5.data.unpacked_size import unpacked_size
from h5s3.formats.hdf5.objects.filters import list_filters
from h5s3.formats.requests import MetaRequest
from h5s3.records import UNSET
from h5s3.storage.location import Location
from tests.support.get import take
from tests.support.servers.memory import MemoryStore, one_file_session

HERE = Location("s3", "file.h5", "memory")
FILTERS: dict[str, dict[str, Any]] = {
    "gzip": {"compression": "gzip"},
    "gzip, checked": {"compression": "gzip", "fletcher32": True, "shuffle": True},
    "lzf": {"compression": "lzf", "shuffle": True},
    "bzip2": dict(hdf5plugin.BZip2()),
    "bitshuffle": dict(hdf5plugin.Bitshuffle()),
    "blosc": dict(hdf5plugin.Blosc()),
    "lz4": dict(hdf5plugin.LZ4()),
    "zstd": dict(hdf5plugin.Zstd()),
}
ALSO = {"nbit", "scaleoffset", "szip", "shuffle", "fletcher32"}  # whose lengths are options or do not change


def chunk_of(values: Any, **options: Any) -> tuple[int, bytes]:
    """Values as one stored chunk: the mask of filters that were not applied, and its bytes."""
    with h5py.File(io.BytesIO(), "w") as h5:
        data = h5.create_dataset("data", data=values, chunks=values.shape, **options)
        mask, stored = data.id.read_direct_chunk((0,) * values.ndim)
        return mask, bytes(stored)


def file_of(values: Any, chunks: int, short: int, **options: Any) -> MemoryStore:
    """A dataset whose second chunk is that of so few values."""
    target = io.BytesIO()
    with h5py.File(target, "w") as h5:
        data = h5.create_dataset("data", data=values, chunks=(chunks,), **options)
        mask, stored = chunk_of(values[:short], **options)
        data.id.write_direct_chunk((chunks,), stored, mask)
    return MemoryStore(target.getvalue())


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("chunk", [8, 8192])
def test_get_and_preview_refuse_it(name: str, chunk: int, tmp_path: Path) -> None:
    store = file_of(np.arange(2 * chunk, dtype="<i4"), chunk, chunk // 2, **FILTERS[name])
    words = f"unpacks to {2 * chunk} bytes instead of its {4 * chunk}"
    with pytest.raises(DamagedError, match=words):
        take(store, tmp_path / "a.npy")
    assert not list(tmp_path.iterdir())
    with one_file_session(HERE, store) as session, pytest.raises(DamagedError, match=words):
        preview(session, HERE, PreviewRequest("/data"))


@pytest.mark.parametrize("name", FILTERS)
def test_a_small_value_is_shown_where_it_is_whole(name: str) -> None:
    values = np.arange(16, dtype="<i4")
    for short, expected in ((8, list(range(8)) * 2), (4, UNSET)):
        with one_file_session(HERE, file_of(values, 8, short, **FILTERS[name])) as session:
            assert meta(session, HERE, MetaRequest("/data")).value == expected


@pytest.mark.parametrize("small", [True, False])
def test_strings_of_variable_length(small: bool, tmp_path: Path) -> None:
    """What libhdf5 fills up with would be pointers."""
    count = 8 if small else 800
    target = io.BytesIO()
    with h5py.File(target, "w") as h5:
        texts = [f"text {number}" for number in range(2 * count)]
        data = h5.create_dataset("data", data=texts, chunks=(count,), compression="gzip")
        half = h5.create_dataset("half", data=texts[: count // 2], chunks=(count // 2,), compression="gzip")
        data.id.write_direct_chunk((count,), half.id.read_direct_chunk((0,))[1])
    store = MemoryStore(target.getvalue())
    with pytest.raises(DamagedError, match=f"unpacks to {8 * count} bytes instead of its {16 * count}"):
        take(store, tmp_path / "a.json")
    with one_file_session(HERE, store) as session:
        assert meta(session, HERE, MetaRequest("/data")).value is UNSET


def test_of_more_chunks_than_are_looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(chunk_places, "read_index", partial(read_index, most=1))
    short = file_of(np.arange(64), 8, 4, compression="gzip")
    with pytest.raises(DamagedError, match="unpacks to 32 bytes"):
        take(short, tmp_path / "a.npy")
    whole = file_of(np.arange(64), 8, 8, compression="gzip")
    take(whole, tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").tolist()[:20] == [*range(8), *range(8), *range(16, 20)]


def test_every_chunk_of_the_fixtures_has_its_size(files: dict[str, Path]) -> None:
    met: set[str] = set()
    for path in files.values():
        try:
            with h5py.File(path) as h5:
                h5.visititems(lambda _, item: met.update(names_of_whole(item)))
        except OSError:
            continue  # a broken file
    missing = (set(FILTERS) - {"gzip, checked"} | ALSO) - met
    assert not missing - {"szip"}, missing  # which not every libhdf5 has


def names_of_whole(item: Any) -> set[str]:
    """Names of the filters of a dataset, whose chunks all have their size; none where that is not known."""
    if not isinstance(item, h5py.Dataset) or not item.chunks or not item.shape:
        return set()
    filters, names = list_filters(item.id.get_create_plist()), set[str]()
    pointers = stored_pointers(item.id.get_type())
    size = int(np.prod(item.chunks)) * (pointers[0] if pointers else item.id.get_type().get_size())
    places: list[Any] = []
    item.id.chunk_iter(lambda place: places.append(place) or (len(places) > 20 or None))
    for place in places:
        try:
            mask, stored = item.id.read_direct_chunk(place.chunk_offset)
        except (RuntimeError, ValueError):
            continue  # of some indexes libhdf5 names the wrong place
        applied = [one for index, one in enumerate(filters) if not mask >> index & 1]
        try:
            found = unpacked_size(applied, memoryview(stored), size)
        except DamagedError:
            continue
        if found is not None and not item.file.filename.count("broken"):
            assert found == size, (item.file.filename, item.name)
            names.update(one.name for one in applied)
    return names
