"""Chunks as HDF5 stores them, undone by the codecs that Zarr is told of."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numcodecs
import numpy as np
import pytest

from h5s3.formats.encoding.zarr_codecs import unmapped, zarr_codecs
from h5s3.formats.hdf5.objects.filters import list_filters
from h5s3.records import Filter

SHAPE, CHUNKS = (30, 10), (12, 4)
MAPPED: dict[str, dict[str, Any]] = {
    "plain": {},
    "gzip": {"compression": "gzip", "compression_opts": 4},
    "shuffle": {"shuffle": True},
    "fletcher32": {"fletcher32": True},
    "all of HDF5": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "bzip2": dict(hdf5plugin.BZip2(blocksize=3)),
    "zstd": {**hdf5plugin.Zstd(clevel=9), "shuffle": True},
    "zstd below 0": dict(hdf5plugin.Zstd(clevel=-3)),
    "blosc": dict(hdf5plugin.Blosc(cname="lz4", shuffle=hdf5plugin.Blosc.SHUFFLE)),
    "blosc bits": dict(hdf5plugin.Blosc(cname="zstd", shuffle=hdf5plugin.Blosc.BITSHUFFLE)),
    "blosc checked": {**hdf5plugin.Blosc(cname="zlib"), "fletcher32": True},
}
LEFT: dict[str, dict[str, Any]] = {
    "lzf": {"compression": "lzf", "shuffle": True},
    "scaleoffset": {"scaleoffset": 0},
    "lz4": dict(hdf5plugin.LZ4()),
    "bitshuffle": dict(hdf5plugin.Bitshuffle()),
    "blosc2": dict(hdf5plugin.Blosc2()),
}


def _made(path: Path, options: dict[str, Any]) -> tuple[np.ndarray, list[Filter], dict[str, bytes]]:
    """Values, filters and stored chunks by their keys in Zarr."""
    values = (1000 * np.sin(np.arange(300.0) / 30)).astype(">i4").reshape(SHAPE)
    with h5py.File(path, "w") as file:
        made = file.create_dataset("data", data=values, chunks=CHUNKS, **options)
        cells = [made.id.get_chunk_info(number) for number in range(made.id.get_num_chunks())]
        assert not any(cell.filter_mask for cell in cells)
        stored = {
            ".".join(str(n // c) for n, c in zip(cell.chunk_offset, CHUNKS, strict=True)): bytes(
                made.id.read_direct_chunk(cell.chunk_offset)[1]
            )
            for cell in cells
        }
        return values, list_filters(made.id.get_create_plist()), stored


def _padded(values: np.ndarray, key: str) -> np.ndarray:
    """The part of the values that is in a chunk, which may reach beyond them."""
    parts = (slice(int(n) * c, (int(n) + 1) * c) for n, c in zip(key.split("."), CHUNKS, strict=True))
    return values[tuple(parts)]


@pytest.mark.parametrize("name", MAPPED)
def test_chunks_decode_with_the_codecs_of_version_2(name: str, tmp_path: Path) -> None:
    values, filters, stored = _made(tmp_path / "data.h5", MAPPED[name])
    codecs = zarr_codecs(filters, 4 * 12 * 4)
    assert codecs is not None and not unmapped(filters, 4 * 12 * 4)
    assert len(codecs.v2) == len(codecs.v3) == len(filters)
    for key, data in stored.items():
        found: Any = data
        for configuration in reversed(json.loads(json.dumps(codecs.v2))):
            found = numcodecs.get_codec(configuration).decode(found)
        part = _padded(values, key)
        chunk = np.frombuffer(bytes(found), dtype=">i4").reshape(CHUNKS)
        assert np.array_equal(chunk[: part.shape[0], : part.shape[1]], part)


@pytest.mark.parametrize("name", MAPPED)
def test_zarr_reads_stored_chunks_by_the_codecs_of_version_3(name: str, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    values, filters, stored = _made(tmp_path / "data.h5", MAPPED[name])
    codecs = zarr_codecs(filters, 4 * 12 * 4)
    assert codecs is not None
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": SHAPE,
        "data_type": "int32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": CHUNKS}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "big"}}, *codecs.v3],
        "attributes": {},
    }
    store = tmp_path / "data.zarr"
    store.mkdir()
    (store / "zarr.json").write_text(json.dumps(document))
    for key, data in stored.items():
        (store / f"c.{key}").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that codecs of numcodecs are not in the specification
        assert np.array_equal(zarr.open_array(store, mode="r")[:], values)


@pytest.mark.parametrize("name", LEFT)
def test_filters_without_a_codec_are_named(name: str, tmp_path: Path) -> None:
    _, filters, _ = _made(tmp_path / "data.h5", LEFT[name])
    assert zarr_codecs(filters, 4 * 12 * 4) is None
    assert [item.name for item in unmapped(filters, 4 * 12 * 4)] == [name]


def test_bytes_shuffled_after_they_were_compressed_have_no_codec() -> None:
    """Some files have their filters in this order: what comes to be shuffled makes no whole elements."""
    gzip = Filter(id=1, name="gzip", options=[1], available=True)
    shuffle = Filter(id=2, name="shuffle", options=[4], available=True)
    assert zarr_codecs([shuffle, gzip], 44) is not None
    assert unmapped([gzip, shuffle], 44) == [shuffle]


@pytest.mark.parametrize(
    "code,options,known",
    [
        (2, [4], True),
        (2, [], False),  # it does not say how long an element is
        (2, [8], False),  # 44 bytes are no whole elements
        (2, [1000], True),  # no element fits in: HDF5 changes nothing
        (32001, [2, 2, 4, 44, 9, 1, 3], False),  # snappy
        (32001, [2, 2, 1 << 31, 44, 1 << 31, 1, 1], True),
        (32001, [2, 2, 4, 44, 9, 77, 1], False),
        (1, [1 << 31], True),
        (307, [], True),
        (32015, [(1 << 32) - 5], True),
        (40_000, [], False),
    ],
)
def test_options_that_a_file_may_hold(code: int, options: list[int], known: bool) -> None:
    found = zarr_codecs([Filter(id=code, name="", options=options, available=True)], 44)
    assert (found is not None) == known
    for configuration in found.v2 if found else ():
        made = numcodecs.get_codec(configuration)
        assert bytes(made.decode(made.encode(bytes(range(44))))) == bytes(range(44))
