"""Every chunk that is decoded without libhdf5 holds what libhdf5 makes of it, bit for bit."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from h5s3.errors import H5s3Error
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.data.decode import Decoder
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.hdf5.objects.file import OpenFile, open_hdf5
from h5s3.formats.selection import Selection, whole
from h5s3.storage.trace import Trace
from tests.support import ROOT
from tests.support.h5files.make import FILES
from tests.support.servers.memory import MemoryStore

CORPUS = ROOT.parent / "shared" / "corpus"
SOME = 5  # one file of so many
LARGEST = 64 << 20  # decoded bytes of a dataset
DECODED = {  # datasets of the fixtures of which at least one chunk must be decoded here
    "gzip": {"level0", "level1", "level9", "shuffled", "checked", "all"},
    "shuffle": {"data"},
    "fletcher32": {"data"},
    "plugins": {"blosc", "lz4", "zstd"},
    "plugins_codecs": {f"blosc_{codec}" for codec in ("blosclz", "lz4", "lz4hc", "zlib", "zstd")},
    "skipped_filters": {"data"},
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all chunks that were decoded here."""
    sizes: list[int] = []
    real = Decoder.decode

    def decode(self: Decoder, stored: memoryview) -> Any:
        found = real(self, stored)
        sizes.append(found.size)
        return found

    monkeypatch.setattr(Decoder, "decode", decode)
    return sizes


def arrays(file: OpenFile) -> Iterator[tuple[str, Hdf5Array]]:
    """The chunked datasets of a file that may be read at all."""
    names: list[str] = []
    file.h5.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    for name in names:
        array = Hdf5Array(file, file.h5[name].id)
        size = array.facts.nbytes
        if array.facts.layout == "chunked" and array.facts.shape and size <= LARGEST:
            yield name, array


def compare(array: Hdf5Array, selection: Selection) -> bool:
    """Whether both ways gave the same; False where there is but one."""
    if array.facts.type_has_pointers or array._chunks is None:
        return False
    try:
        expected = array._stored(selection)
    except (H5s3Error, OSError, RuntimeError, ValueError):
        return False
    places = array.grid().places
    if array._chunks.decoder is None or not places:
        return False
    array._chunks._checked = True  # a difference is to be seen here, not evaded
    found = array._chunks.read([selection])
    if found is None:
        return False
    assert found[0].tobytes() == expected.tobytes()
    if array._plain:
        (values,) = array.read_many([selection])
        assert values.dtype == array.dtype and values.tobytes() == expected.tobytes()
        assert np.asarray(array._read(selection)).tobytes() == values.tobytes()
    return True


def selections(shape: tuple[int, ...]) -> list[Selection]:
    """All of an array, and every third index of the middle of each dimension."""
    inside = tuple(axis.within(size // 4, size)[0].thinned(max(1, size // 3)) for axis, size in both(shape))
    return [whole(shape), inside]


def both(shape: tuple[int, ...]) -> Any:
    return zip(whole(shape), shape, strict=True)


def decoded_both_ways(path: Path, counted: list[int]) -> dict[str, int]:
    """The chunks that were decoded here, by dataset. Nothing for a file that cannot be read."""
    store = MemoryStore(path.read_bytes())
    blocks = BlockFile(store, None, store.info, Trace())
    found: dict[str, int] = {}
    with open_hdf5(blocks, store.info) as file:
        for name, array in arrays(file):
            before = len(counted)
            compared = [compare(array, selection) for selection in selections(array.facts.shape or ())]
            if any(compared):
                found[name] = len(counted) - before
            del array
    return found


@pytest.mark.parametrize("name", sorted(FILES))
def test_chunks_of_the_fixtures(name: str, files: dict[str, Path], counted: list[int]) -> None:
    if name not in files:
        pytest.skip("not made on this machine")
    found = decoded_both_ways(files[name], counted)
    assert {dataset for dataset, count in found.items() if count} >= DECODED.get(name, set())


@pytest.mark.skipif(
    not (CORPUS / "index.csv").exists(), reason="there is no ../shared/corpus on this machine"
)
@pytest.mark.parametrize("every", [SOME, pytest.param(1, marks=pytest.mark.slow)])
def test_chunks_of_the_corpus(every: int, counted: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    with (CORPUS / "index.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["path"].startswith("files/")]
    names = [
        row["path"] for row in rows if row["opens_with_h5py"] == "yes" and (CORPUS / row["path"]).exists()
    ]
    datasets = 0
    for name in names[::every]:
        datasets += len(decoded_both_ways(CORPUS / name, counted))
    with capsys.disabled():
        print(f"\n{len(counted)} chunks of {datasets} datasets of the corpus are the same both ways")
    assert datasets > 100 / every and len(counted) > datasets
