"""HDF5's filters in the words of Zarr: the codecs that undo what the filters of a dataset did.

A chunk that went through all its filters can be handed to Zarr as it is stored, undecoded. HDF5's gzip filter
writes zlib streams (RFC 1950), so its codec is `zlib` and never `gzip`. Without a codec are filters whose
bytes are framed in another way (lz4, whose blocks stand behind their own lengths; lzf, bitshuffle, blosc2) or
that change numbers (scaleoffset, nbit, szip, zfp).

Sources: HDF5 File Format Specification 3.0, IV.A.2.l; of the filters from others, the "Registered Filter
Plugins" of The HDF Group; the documentation of numcodecs; the Zarr v3 specifications of `blosc` and `zstd`.
Codecs that v3 does not specify have zarr-python's names (`numcodecs.…`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from h5s3.records import Filter

BLOSC_CODECS = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")  # by the number that the filter keeps
BLOSC_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")
HIGHEST_ZSTD, DEFAULT_ZSTD = 22, 3
SHUFFLE, FLETCHER32, CHECKSUM = 2, 3, 4  # two filters, and the bytes that the second adds
Configuration = dict[str, Any]
Pair = tuple[Configuration, Configuration]  # for version 2 and for version 3


@dataclass(frozen=True)
class ZarrCodecs:
    """Codecs in the order in which they are applied on writing, of both versions of Zarr.

    `v2`: numcodecs' configurations, for `filters` (with `compressor` null). `v3`: codecs from bytes to bytes,
    which stand behind `bytes`.
    """

    v2: tuple[Configuration, ...] = ()
    v3: tuple[Configuration, ...] = ()


def zarr_codecs(filters: Sequence[Filter], size: int) -> ZarrCodecs | None:
    """The codecs for chunks of `size` bytes that went through all of these filters.

    None where one of the filters has no codec (`unmapped` names them). A chunk that skipped filters (its mask
    is not 0) is not stored in the way that these codecs undo.
    """
    found = _codecs(filters, size)
    if any(pair is None for pair in found):
        return None
    pairs = [pair for pair in found if pair]
    return ZarrCodecs(tuple(v2 for v2, _ in pairs), tuple(v3 for _, v3 in pairs))


def unmapped(filters: Sequence[Filter], size: int) -> list[Filter]:
    """Those of the filters that no codec undoes."""
    return [item for item, pair in zip(filters, _codecs(filters, size), strict=True) if pair is None]


def _codecs(filters: Sequence[Filter], size: int) -> list[Pair | tuple[()] | None]:
    """The codec of each filter; nothing (`()`) for one that changes nothing, None where there is none."""
    found: list[Pair | tuple[()] | None] = []
    left: int | None = size  # bytes that come to a filter; None: they differ from chunk to chunk
    for item in filters:
        make = CODECS.get(item.id)
        found.append(None if make is None else make(item.options, left))
        if item.id == FLETCHER32:
            left = None if left is None else left + CHECKSUM
        elif item.id != SHUFFLE:
            left = None
    return found


def _gzip(options: Sequence[int], _: int | None) -> Pair:
    return _numcodecs("zlib", level=min(_option(options, 0, 6), 9))


def _shuffle(options: Sequence[int], size: int | None) -> Pair | tuple[()] | None:
    """HDF5 leaves bytes that make no whole element as they are; numcodecs knows no such chunks."""
    width = _option(options, 0, 0)
    if width == 1:
        return ()
    if width == 0 or size is None:
        return None
    if width > size:
        return ()
    return _numcodecs("shuffle", elementsize=width) if size % width == 0 else None


def _fletcher32(_options: Sequence[int], _size: int | None) -> Pair:
    return _numcodecs("fletcher32")


def _bzip2(options: Sequence[int], _: int | None) -> Pair:
    return _numcodecs("bz2", level=min(max(_option(options, 0, 9), 1), 9))


def _zstd(options: Sequence[int], _: int | None) -> Pair:
    """The filter keeps a level below 0 as a large number."""
    level = _option(options, 0, DEFAULT_ZSTD)
    level = level if level <= HIGHEST_ZSTD else DEFAULT_ZSTD
    native = {"name": "zstd", "configuration": {"level": level, "checksum": False}}
    return {"id": "zstd", "level": level}, native


def _blosc(options: Sequence[int], _: int | None) -> Pair | None:
    """Options: two versions, bytes of an element, bytes of a chunk, level, shuffle, codec.

    numcodecs has no snappy.
    """
    width, level = min(max(_option(options, 2, 1), 1), 255), min(_option(options, 4, 5), 9)
    shuffle, codec = _option(options, 5, 1), _option(options, 6, 0)
    if shuffle >= len(BLOSC_SHUFFLES) or codec >= len(BLOSC_CODECS) or BLOSC_CODECS[codec] == "snappy":
        return None
    common = {"cname": BLOSC_CODECS[codec], "clevel": level, "blocksize": 0}
    native = {**common, "shuffle": BLOSC_SHUFFLES[shuffle], "typesize": width}
    return {"id": "blosc", **common, "shuffle": shuffle}, {"name": "blosc", "configuration": native}


def _option(options: Sequence[int], number: int, default: int) -> int:
    return options[number] if len(options) > number else default


def _numcodecs(name: str, **configuration: int) -> Pair:
    return {"id": name, **configuration}, {"name": f"numcodecs.{name}", "configuration": configuration}


CODECS: dict[int, Callable[[Sequence[int], int | None], Pair | tuple[()] | None]] = {
    1: _gzip,
    SHUFFLE: _shuffle,
    FLETCHER32: _fletcher32,
    307: _bzip2,
    32001: _blosc,
    32015: _zstd,
}
