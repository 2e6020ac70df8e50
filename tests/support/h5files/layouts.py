"""Generated files: storage layouts and chunk indexes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from h5py import h5d, h5s, h5t

from tests.support.h5files.registry import dataset_plist, fixture_file, new_file, raw_dataset, space

EXTERNAL_RAW = "external_raw.bin"
VIRTUAL_SOURCE = "virtual_source.h5"

Piece = tuple[int, tuple[int, ...], str, str]


@fixture_file
def compact(path: Path) -> None:
    """Datasets stored inside their object headers."""
    with new_file(path) as file:
        for name, shape in (("scalar", ()), ("vector", (10,)), ("grid", (3, 4)), ("large", (8000,))):
            plist = dataset_plist()
            plist.set_layout(h5d.COMPACT)
            count = int(np.prod(shape))
            raw_dataset(
                file, name, h5t.STD_I32LE, shape, np.arange(count, dtype="<i4").tobytes(), plist=plist
            )


@fixture_file
def contiguous(path: Path) -> None:
    """Datasets stored in one piece."""
    with new_file(path) as file:
        file["vector"] = np.arange(100, dtype="<f8")
        file["grid"] = np.arange(600, dtype=">i2").reshape(20, 30)
        file["scalar"] = np.float32(1.5)


@fixture_file
def single_chunk_index(path: Path) -> None:
    """One chunk as large as the dataset, plain and filtered: no index at all."""
    with new_file(path, libver="latest") as file:
        data = np.arange(48, dtype="<i4").reshape(6, 8)
        file.create_dataset("plain", data=data, chunks=(6, 8))
        file.create_dataset("filtered", data=data, chunks=(6, 8), compression="gzip")


@fixture_file
def implicit_index(path: Path) -> None:
    """Chunks allocated early one after the other, their places computed."""
    with new_file(path, libver="latest") as file:
        plist = dataset_plist()
        plist.set_chunk((4, 4))
        plist.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        raw_dataset(file, "data", h5t.STD_I32LE, (10, 10), np.arange(100, dtype="<i4").tobytes(), plist=plist)


@fixture_file
def fixed_array_index(path: Path) -> None:
    """Fixed dimensions: a fixed array of chunks, filtered, partly written, and one long enough for pages."""
    with new_file(path, libver="latest") as file:
        data = np.arange(100, dtype="<i4").reshape(10, 10)
        file.create_dataset("plain", data=data, chunks=(4, 4))
        file.create_dataset("filtered", data=data, chunks=(4, 4), compression="gzip", shuffle=True)
        file.create_dataset("paged", shape=(1500,), chunks=(1,), dtype="u1")[1100:1110] = 7


@fixture_file
def extensible_array_index(path: Path) -> None:
    """One unlimited dimension: an extensible array, filtered, and one with secondary blocks."""
    with new_file(path, libver="latest") as file:
        data = np.arange(100, dtype="<i4").reshape(10, 10)
        file.create_dataset("plain", data=data, chunks=(4, 4), maxshape=(None, 10))
        file.create_dataset("filtered", data=data, chunks=(4, 4), maxshape=(10, None), compression="gzip")
        file.create_dataset("long", data=np.arange(300, dtype="u2"), chunks=(1,), maxshape=(None,))


@fixture_file
def btree_v2_index(path: Path) -> None:
    """Two unlimited dimensions: a version 2 B-tree, filtered, and one with more than a leaf."""
    with new_file(path, libver="latest") as file:
        data = np.arange(100, dtype="<i4").reshape(10, 10)
        file.create_dataset("plain", data=data, chunks=(4, 4), maxshape=(None, None))
        file.create_dataset("filtered", data=data, chunks=(4, 4), maxshape=(None, None), compression="gzip")
        many = np.arange(400, dtype="u2").reshape(20, 20)
        file.create_dataset("many", data=many, chunks=(1, 1), maxshape=(None, None))


@fixture_file
def btree_v1_index(path: Path) -> None:
    """The oldest chunk index, a version 1 B-tree: of one level, filtered, and of two levels."""
    with new_file(path) as file:
        data = np.arange(100, dtype="<i4").reshape(10, 10)
        file.create_dataset("plain", data=data, chunks=(4, 4))
        file.create_dataset("filtered", data=data, chunks=(4, 4), maxshape=(None, None), compression="gzip")
        file.create_dataset("many", data=np.arange(200, dtype="u2"), chunks=(1,))


@fixture_file
def edge_chunks(path: Path) -> None:
    """Chunks that reach beyond the edge, in old and new format alike, and a chunk larger than the dataset."""
    with new_file(path) as file:
        data = np.arange(77, dtype="<f4").reshape(7, 11)
        file.create_dataset("plain", data=data, chunks=(4, 4))
        file.create_dataset("filtered", data=data, chunks=(3, 5), compression="gzip")
        file.create_dataset("wider", data=data, chunks=(16, 16), maxshape=(None, None))


def _virtual(file: h5py.File, name: str, shape: tuple[int, ...], fill: int, pieces: list[Piece]) -> None:
    """A virtual dataset of integers over whole datasets: first row, shape, file and path of each."""
    plist = dataset_plist()
    plist.set_fill_value(np.array(fill, dtype="<i4"))
    for row, covered, where, source in pieces:
        region = space(shape)
        region.select_hyperslab((row, *(0 for _ in shape[1:])), covered)
        plist.set_virtual(region, where.encode(), source.encode(), space(covered))
    raw_dataset(file, name, h5t.STD_I32LE, shape, plist=plist)


@fixture_file
def virtual_same_file(path: Path) -> None:
    """A virtual dataset made of two others of its own file."""
    with new_file(path, libver="latest") as file:
        for row in range(2):
            file[f"row{row}"] = np.arange(10, dtype="<i4").reshape(1, 10) + 100 * row
        _virtual(file, "virtual", (2, 10), -1, [(0, (1, 10), ".", "row0"), (1, (1, 10), ".", "/row1")])


@fixture_file
def virtual_other_file(path: Path) -> None:
    """A virtual dataset of which half lies in another file and half is covered by nothing."""
    with new_file(path.parent / VIRTUAL_SOURCE, libver="latest") as source:
        source["data"] = np.arange(20, dtype="<i4").reshape(4, 5)
    with new_file(path, libver="latest") as file:
        _virtual(file, "virtual", (8, 5), -5, [(0, (4, 5), VIRTUAL_SOURCE, "data")])


@fixture_file
def virtual_missing(path: Path) -> None:
    """Virtual datasets whose source file, or whose source dataset, is not there; one has no source at all."""
    with new_file(path, libver="latest") as file:
        file["there"] = np.arange(2, dtype="<i4")
        _virtual(file, "file", (4,), 42, [(0, (2,), "nowhere.h5", "data"), (2, (2,), ".", "there")])
        _virtual(file, "dataset", (4,), 42, [(0, (4,), ".", "absent")])
        plist = dataset_plist()
        plist.set_layout(h5d.VIRTUAL)
        raw_dataset(file, "no_source", h5t.STD_I32LE, (4,), plist=plist)


@fixture_file
def virtual_of_virtual(path: Path) -> None:
    """A virtual dataset over a virtual dataset."""
    with new_file(path, libver="latest") as file:
        file["data"] = np.arange(6, dtype="<i4")
        _virtual(file, "first", (6,), 0, [(0, (6,), ".", "data")])
        _virtual(file, "second", (6,), 0, [(0, (6,), ".", "first")])


@fixture_file
def virtual_cycle(path: Path) -> None:
    """Virtual datasets mapped onto themselves and onto each other: READING ONE OVERFLOWS HDF5'S STACK."""
    with new_file(path, libver="latest") as file:
        for name, source in (("itself", "itself"), ("one", "other"), ("other", "one")):
            _virtual(file, name, (6,), 0, [(0, (6,), ".", source)])
        _virtual(file, "by_name", (6,), 0, [(0, (6,), path.name, "by_name")])


@fixture_file
def virtual_unlimited(path: Path) -> None:
    """Virtual datasets of unlimited size: along one source, and over numbered sources with a pattern."""
    with new_file(path, libver="latest") as file:
        file.create_dataset("source", data=np.arange(12, dtype="<i4"), maxshape=(None,), chunks=(5,))
        for block in range(3):
            file[f"block{block}"] = np.arange(4, dtype="<i4") + 10 * block
        endless = space((0,), (None,))
        endless.select_hyperslab((0,), (1,), (1,), (h5s.UNLIMITED,))
        plist = dataset_plist()
        plist.set_virtual(endless, b".", b"source", endless)
        raw_dataset(file, "grows", h5t.STD_I32LE, (12,), maxshape=(None,), plist=plist)
        blocks = space((0,), (None,))
        blocks.select_hyperslab((0,), (h5s.UNLIMITED,), (4,), (4,))
        plist = dataset_plist()
        plist.set_virtual(blocks, b".", b"block%b", space((4,)))
        raw_dataset(file, "blocks", h5t.STD_I32LE, (12,), maxshape=(None,), plist=plist)


@fixture_file
def external_storage(path: Path) -> None:
    """Raw data in a file beside this one, in two pieces of it, and in a file that is not there."""
    path.parent.joinpath(EXTERNAL_RAW).write_bytes(np.arange(20, dtype="<i4").tobytes())
    with new_file(path) as file:
        _external(file, "whole", [(EXTERNAL_RAW, 0, 80)])
        _external(file, "pieces", [(EXTERNAL_RAW, 40, 40), (EXTERNAL_RAW, 0, 40)])
        _external(file, "missing", [("nowhere.bin", 0, 80)])
        _external(file, "parent", [(f"../{EXTERNAL_RAW}", 0, 80)])


def external_storage_at(path: Path, target: Path) -> None:
    """A file whose dataset keeps its raw data in the target, which is named by its absolute path."""
    with new_file(path) as file:
        _external(file, "absolute", [(str(target.resolve()), 0, 80)])


def _external(file: h5py.File, name: str, pieces: list[tuple[str, int, int]]) -> None:
    """A dataset of 20 integers over pieces (file, offset, size), which are not touched."""
    plist = dataset_plist()
    for where, offset, size in pieces:
        plist.set_external(where.encode(), offset, size)
    raw_dataset(file, name, h5t.STD_I32LE, (20,), plist=plist)
