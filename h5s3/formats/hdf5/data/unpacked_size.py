"""To how many bytes a chunk unpacks, found without libhdf5 and mostly without unpacking it.

Of a chunk that unpacks to less than its size libhdf5 (2.0) shows the rest as what was in memory before.

Sources: HDF5 File Format Specification 3.0, IV.A.2.l; H5Zszip.c, H5Znbit.c and H5Zscaleoffset.c of HDF5 for
their options; the format of LibLZF (lzf_d.c); bshuf_h5filter.c of bitshuffle.
"""

from __future__ import annotations

import bz2
from collections.abc import Callable, Sequence

from h5s3.formats.encoding.zstd import zstd_content
from h5s3.formats.hdf5.data.decode import (
    BLOSC,
    CHECKSUM,
    FLETCHER32,
    GZIP,
    LZ4,
    SHUFFLE,
    ZSTD,
    LeftError,
    inflated,
)
from h5s3.records import Filter

SZIP, NBIT, SCALEOFFSET, BZIP2, LZF, BITSHUFFLE = 4, 5, 6, 307, 32000, 32008
Measure = Callable[[Sequence[int], memoryview, int], int | None]  # options, stored bytes, the most to expect


def sizes_are_known(filters: Sequence[Filter]) -> bool:
    """Whether `unpacked_size` can tell of the chunks that these filters were applied to."""
    compressing = [item.id for item in filters if item.id not in (SHUFFLE, FLETCHER32)]
    return not compressing or (len(compressing) == 1 and compressing[0] in MEASURES)


def unpacked_size(filters: Sequence[Filter], stored: memoryview, size: int) -> int | None:
    """Bytes that a chunk has once these filters are undone; None where only libhdf5 can tell, or complains.

    `filters`: those that were applied to it. `size`: bytes that it should have. Raises `DamagedError` for a
    stream of deflate that goes on beyond them.
    """
    for number, item in reversed(list(enumerate(filters))):
        inner = [other.id for other in filters[:number]]
        if item.id == FLETCHER32:
            stored = stored[:-CHECKSUM] if len(stored) >= CHECKSUM else stored[:0]
        elif item.id != SHUFFLE:
            added = CHECKSUM * inner.count(FLETCHER32)
            if not sizes_are_known(filters):
                return None
            found = MEASURES[item.id](item.options or (), stored, size + added)
            return None if found is None else found - added
    return len(stored)


def _gzip(options: Sequence[int], stored: memoryview, most: int) -> int | None:
    try:
        return memoryview(inflated(most, stored)).nbytes
    except LeftError:
        return None


def _bzip2(options: Sequence[int], stored: memoryview, most: int) -> int | None:
    try:
        return len(bz2.BZ2Decompressor().decompress(stored, most + 1))
    except (OSError, ValueError):
        return None


def _lzf(options: Sequence[int], stored: memoryview, most: int) -> int | None:
    """Runs, each behind a control byte: below 32 so many bytes and one as they are, else a copy of earlier
    ones, whose length is in the upper three bits (7: and in the next byte), less two.
    """
    data, at, found = bytes(stored), 0, 0
    try:
        while at < len(data):
            control = data[at]
            if control < 32:
                found += control + 1
                at += control + 2
            elif control < 224:
                found += (control >> 5) + 2
                at += 2
            else:
                found += data[at + 1] + 9
                at += 3
    except IndexError:
        return None
    return found


def _of_elements(options: Sequence[int], stored: memoryview, most: int) -> int | None:
    """Nbit and scale-offset: the number of elements and the bytes of one are options."""
    return options[2] * options[4] if len(options) > 4 else None


def _nbit(options: Sequence[int], stored: memoryview, most: int) -> int | None:
    unchanged = len(options) > 1 and options[1]
    return len(stored) if unchanged else _of_elements(options, stored, most)


def _number(start: int, stop: int, order: str) -> Measure:
    """Of filters whose streams begin with the length of the content."""

    def measure(options: Sequence[int], stored: memoryview, most: int) -> int | None:
        field = bytes(stored[start:stop])
        return int.from_bytes(field, order) if len(field) == stop - start else None  # type: ignore[arg-type]

    return measure


def _bitshuffle(options: Sequence[int], stored: memoryview, most: int) -> int | None:
    """Without compression (its option is 0 or missing) nothing stands before the content."""
    compressed = len(options) > 4 and options[4]
    return _number(0, 8, "big")(options, stored, most) if compressed else len(stored)


MEASURES: dict[int, Measure] = {
    GZIP: _gzip,
    SZIP: _number(0, 4, "little"),
    NBIT: _nbit,
    SCALEOFFSET: _of_elements,
    BZIP2: _bzip2,
    LZF: _lzf,
    BLOSC: _number(4, 8, "little"),
    LZ4: _number(0, 8, "big"),
    BITSHUFFLE: _bitshuffle,
    ZSTD: lambda options, stored, most: zstd_content(stored),
}
