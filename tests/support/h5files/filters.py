"""Generated files: filters, those of HDF5 itself, those of hdf5plugin, and one nobody has."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from h5py import h5t, h5z

from tests.support.h5files.registry import dataset_plist, fixture_file, new_file, raw_dataset

UNKNOWN_FILTER = 40000

PLUGINS: dict[str, tuple[str, dict[str, Any]]] = {
    "Bitshuffle": ("<i4", {}),
    "Blosc": ("<f4", {"cname": "zstd"}),
    "Blosc2": ("<f4", {}),
    "BZip2": ("<i4", {}),
    "FciDecomp": ("<u2", {}),
    "Htj2k": ("<u2", {}),
    "LZ4": ("<i4", {}),
    "Sperr": ("<f4", {}),
    "SZ": ("<f4", {"absolute": 0.01}),
    "SZ3": ("<f4", {"absolute": 0.01}),
    "Zfp": ("<f4", {}),
    "Zstd": ("<i4", {}),
}
"""What hdf5plugin can encode: its class, a type that it takes, its options."""


def smooth(kind: str, shape: tuple[int, ...] = (24, 32)) -> np.ndarray:
    """Data that every compressor can do something with."""
    rows, columns = np.indices(shape, dtype="f8")
    return (100 + 50 * np.sin(rows / 5) * np.cos(columns / 7)).astype(kind)


@fixture_file
def gzip(path: Path) -> None:
    """The deflate filter alone, at its levels, with shuffle, with a checksum, and with both."""
    with new_file(path) as file:
        for level in (0, 1, 9):
            _chunked(file, f"level{level}", compression="gzip", compression_opts=level)
        _chunked(file, "shuffled", compression="gzip", shuffle=True)
        _chunked(file, "checked", compression="gzip", fletcher32=True)
        _chunked(file, "all", compression="gzip", shuffle=True, fletcher32=True)


def _chunked(file: h5py.File, name: str, **options: Any) -> h5py.Dataset:
    return file.create_dataset(name, data=smooth("<i4"), chunks=(12, 16), **options)


@fixture_file
def shuffle(path: Path) -> None:
    """The shuffle filter with nothing after it."""
    with new_file(path) as file:
        _chunked(file, "data", shuffle=True)


@fixture_file
def fletcher32(path: Path) -> None:
    """The checksum filter with nothing before it, and one whose checksum is wrong."""
    with new_file(path) as file:
        _chunked(file, "data", fletcher32=True)
        wrong = file.create_dataset("wrong", shape=(4,), dtype="<i4", chunks=(4,), fletcher32=True)
        wrong.id.write_direct_chunk((0,), bytes(16) + b"\1\2\3\4")


@fixture_file
def lzf(path: Path) -> None:
    """h5py's own compression."""
    with new_file(path) as file:
        _chunked(file, "data", compression="lzf")
        _chunked(file, "shuffled", compression="lzf", shuffle=True)


if h5z.get_filter_info(h5z.FILTER_SZIP) & h5z.FILTER_CONFIG_ENCODE_ENABLED:

    @fixture_file
    def szip(path: Path) -> None:
        """The szip filter with each of its codings; only where this build of HDF5 can encode it."""
        with new_file(path) as file:
            _chunked(file, "nearest", compression="szip", compression_opts=("nn", 8))
            _chunked(file, "entropy", compression="szip", compression_opts=("ec", 16))


@fixture_file
def scaleoffset(path: Path) -> None:
    """The scale-offset filter on integers of known and unknown width, and, lossy, on floats."""
    with new_file(path) as file:
        _chunked(file, "integers", scaleoffset=0)
        _chunked(file, "eight_bits", scaleoffset=8)
        file.create_dataset("floats", data=smooth("<f8"), chunks=(12, 16), scaleoffset=2)
        file.create_dataset("filled", data=smooth(">i2"), chunks=(12, 16), scaleoffset=0, fillvalue=-1)


@fixture_file
def nbit(path: Path) -> None:
    """The n-bit filter on an integer of 12 bits, a reduced float, and a compound with many parameters."""
    twelve = h5t.STD_U16LE.copy()
    twelve.set_precision(12)
    twelve.set_offset(2)
    reduced = h5t.IEEE_F32LE.copy()
    reduced.set_fields(26, 20, 6, 7, 13)
    reduced.set_offset(7)
    reduced.set_precision(20)
    reduced.set_size(4)
    reduced.set_ebias(31)
    compound = h5t.create(h5t.COMPOUND, 12)
    for number, name in enumerate((b"a", b"b", b"c", b"d")):
        compound.insert(name, 2 * number, twelve)
    compound.insert(b"e", 8, h5t.STD_I32BE)
    data = (np.arange(40, dtype="<u2") << 2).tobytes()
    with new_file(path) as file:
        for name, type_id, content in (
            ("integer", twelve, data),
            ("float", reduced, bytes(160)),
            ("compound", compound, bytes(480)),
        ):
            plist = dataset_plist()
            plist.set_chunk((16,))
            plist.set_filter(h5z.FILTER_NBIT, h5z.FLAG_OPTIONAL)
            raw_dataset(file, name, type_id, (40,), content, plist=plist)


@fixture_file
def plugins(path: Path) -> None:
    """A dataset for every filter that hdf5plugin encodes, named for the filter."""
    with new_file(path) as file:
        for name, (kind, options) in PLUGINS.items():
            plugin = getattr(hdf5plugin, name)
            file.create_dataset(plugin.filter_name, data=smooth(kind), chunks=(24, 32), **plugin(**options))


@fixture_file
def plugins_codecs(path: Path) -> None:
    """The codecs inside the filters that have several."""
    with new_file(path) as file:
        for codec in ("blosclz", "lz4", "lz4hc", "zlib", "zstd"):
            _chunked(
                file, f"blosc_{codec}", **hdf5plugin.Blosc(cname=codec, shuffle=hdf5plugin.Blosc.BITSHUFFLE)
            )
            _chunked(file, f"blosc2_{codec}", **hdf5plugin.Blosc2(cname=codec))
        for codec in ("none", "lz4", "zstd"):
            _chunked(file, f"bitshuffle_{codec}", **hdf5plugin.Bitshuffle(cname=codec))
        for name, option in (("rate", 8), ("precision", 16), ("accuracy", 0.1), ("reversible", True)):
            values = smooth("<f8")
            file.create_dataset(
                f"zfp_{name}", data=values, chunks=(24, 32), **hdf5plugin.Zfp(**{name: option})
            )


@fixture_file
def unknown_filter(path: Path) -> None:
    """A chunk that went through a filter nobody has, alone and after a known one; reading it fails."""
    with new_file(path) as file:
        for name, before in (("data", False), ("after_gzip", True)):
            plist = dataset_plist()
            plist.set_chunk((8,))
            if before:
                plist.set_deflate(4)
            plist.set_filter(UNKNOWN_FILTER, h5z.FLAG_OPTIONAL, (3, 1, 4))
            dataset = raw_dataset(file, name, h5t.STD_I32LE, (8,), plist=plist)
            dataset.id.write_direct_chunk((0,), b"\xa5" * 11)
        file["readable"] = np.arange(3)


@fixture_file
def skipped_filters(path: Path) -> None:
    """Chunks that left out one filter of the pipeline, or all of them, as their masks say."""
    with new_file(path) as file:
        plain = np.arange(8, dtype="<i4").tobytes()
        options = {"shape": (24,), "chunks": (8,), "dtype": "<i4", "shuffle": True, "compression": "gzip"}
        dataset = file.create_dataset("data", **options)
        dataset[:8] = np.arange(8)
        dataset.id.write_direct_chunk((8,), zlib.compress(plain), filter_mask=0b01)
        dataset.id.write_direct_chunk((16,), plain, filter_mask=0b11)


@fixture_file
def broken_chunks(path: Path) -> None:
    """Chunks that cannot be decoded: not deflate, cut short, and decoded to fewer bytes than a chunk has.

    HDF5 reports nothing of the last, named short: what it reads after the decoded bytes is random memory.
    """
    plain = zlib.compress(np.arange(8, dtype="<i4").tobytes())
    broken = {"garbage": b"\x5a" * 20, "cut": plain[: len(plain) // 2], "short": zlib.compress(bytes(4))}
    with new_file(path) as file:
        for name, content in broken.items():
            dataset = file.create_dataset(name, shape=(8,), chunks=(8,), dtype="<i4", compression="gzip")
            dataset.id.write_direct_chunk((0,), content)
