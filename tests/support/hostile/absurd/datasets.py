"""Dataspaces, values, filters and chunk indexes that declare absurdities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from h5py import h5t

from tests.support.h5files.registry import dataset_plist, new_file, raw_dataset
from tests.support.hostile.absurd.registry import HUGE, Bytes, absurd, header_of, one_dataset


@absurd
def fill_value_of_2_gib(path: Path) -> None:
    """A fill value that has 2 GiB by its message, and one that has none."""
    at = one_dataset(path, data=None, shape=(64,), dtype="<i4", fillvalue=7)
    with Bytes(path) as file:
        place = file.message(at, 5)
        assert file.get(place + 2, "I") == 4
        file.put(place + 2, "I", 0x7FFFFFFF)


@absurd
def large_fill_values(path: Path) -> None:
    """10^12 values that were never written, each a fill value of 60,000 bytes."""
    with new_file(path, "latest") as new:
        plist = dataset_plist()
        kind = np.dtype("V60000")
        plist.set_fill_value(np.frombuffer(b"f" * 60_000, kind))
        raw_dataset(new, "data", h5t.py_create(kind), (10**12,), plist=plist)


@absurd
def values_of_4_gib_each(path: Path) -> None:
    """A dataset of texts whose type has 4 GiB less one byte."""
    at = one_dataset(path, data=np.array([b"abcd"] * 16))
    with Bytes(path) as file:
        file.put(file.message(at, 3) + 4, "I", 0xFFFFFFFF)


@absurd
def extents_whose_product_is_nothing(path: Path) -> None:
    """Thirty-two dimensions of 2^62, whose number of values overflows to nothing."""
    at = one_dataset(path, data=None, shape=(2,) * 32, dtype="<i4", chunks=(1,) * 32)
    with Bytes(path) as file:
        file.put(file.message(at, 1) + 2, "B", 0)
        file.put(file.message(at, 1) + 4, "Q" * 32, *[1 << 62] * 32)


@absurd
def extents_of_contiguous_exabytes(path: Path) -> None:
    """A dataset in one piece, of 2^62 + 8 values."""
    at = one_dataset(path)
    with Bytes(path) as file:
        file.put(file.message(at, 1) + 2, "B", 0)
        file.put(file.message(at, 1) + 4, "Q", HUGE)


@absurd
def rank_of_255(path: Path) -> None:
    """A dataspace of 255 dimensions in a message that has one."""
    at = one_dataset(path)
    with Bytes(path) as file:
        file.put(file.message(at, 1) + 1, "B", 255)


@absurd
def layout_of_exabytes(path: Path) -> None:
    """Values in one piece that have 2^62 bytes, far beyond the file."""
    at = one_dataset(path)
    with Bytes(path) as file:
        file.put(file.message(at, 8) + 2, "QQ", 1 << 61, HUGE)


@absurd
def chunks_of_exabytes(path: Path) -> None:
    """Chunks of 2^32 - 1 by 2^32 - 1 by 2^32 - 1 values."""
    at = one_dataset(path, "earliest", data=np.zeros((4, 4, 4), "<i4"), chunks=(2, 2, 2))
    with Bytes(path) as file:
        file.put(file.message(at, 8) + 11, "III", *[0xFFFFFFFF] * 3)


# ---------------------------------------------------------------------------------------------- filters


def _scaleoffset(path: Path, value: int) -> None:
    """A dataset behind a filter whose own numbers are all another one."""
    at = one_dataset(path, chunks=(32,), scaleoffset=0)
    with Bytes(path) as file:
        place = file.message(at, 11)
        number, _, count = file.get(place + 2, "HHH")
        assert (file.sound[place], number, count > 0) == (2, 6, True)
        file.put(place + 8, "I" * count, *[value] * count)


@absurd
def scaleoffset_of_absurd_numbers(path: Path) -> None:
    """Scale-offset, all of whose parameters are 2^31 - 1."""
    _scaleoffset(path, 0x7FFFFFFF)


@absurd
def scaleoffset_of_large_chunks(path: Path) -> None:
    """Scale-offset, all of whose parameters are 4."""
    _scaleoffset(path, 4)


def _nbit(path: Path, *values: int) -> None:
    plist = dataset_plist()
    plist.set_chunk((32,))
    plist.set_filter(5)
    kind = h5t.STD_I32LE.copy()
    kind.set_precision(17)
    with new_file(path, "latest") as new:
        raw_dataset(new, "data", kind, (64,), bytes(256), plist=plist)
    at = header_of(path, "data")
    with Bytes(path) as file:
        place = file.message(at, 11)
        count = file.get(place + 6, "H")
        assert count >= 8
        assert len(values) == count - 2
        file.put(place + 8, "I" * count, count, 0, *values)


@absurd
def nbit_of_absurd_numbers(path: Path) -> None:
    """N-bit, of 2^31 - 1 values of as many bytes."""
    _nbit(path, 0x7FFFFFFF, 1, 0x7FFFFFFF, 0, 17, 0)


@absurd
def nbit_of_arrays_in_arrays(path: Path) -> None:
    """N-bit, whose parameters describe arrays in arrays, and end there."""
    _nbit(path, 0x7FFFFFFF, 2, 4, 2, 4, 2)


@absurd
def shuffle_of_absurd_size(path: Path) -> None:
    """Shuffle, by values of 4 GiB."""
    at = one_dataset(path, chunks=(32,), shuffle=True)
    with Bytes(path) as file:
        place = file.message(at, 11)
        assert file.get(place + 2, "HHH")[::2] == (2, 1)
        file.put(place + 8, "I", 0xFFFFFFFF)


@absurd
def filter_of_65535_parameters(path: Path) -> None:
    """A filter that has 65,535 parameters in a message of a few."""
    at = one_dataset(path, chunks=(32,), compression="gzip")
    with Bytes(path) as file:
        file.put(file.message(at, 11) + 6, "H", 65535)


@absurd
def pipeline_of_255_filters(path: Path) -> None:
    """A pipeline that counts 255 filters, the first of which has a name of 64 kB."""
    at = one_dataset(path, "earliest", chunks=(32,), compression="gzip")
    with Bytes(path) as file:
        place = file.message(at, 11)
        file.put(place + 1, "B", 255)
        file.put(place + 10, "H", 65535 & ~7)


# ------------------------------------------------------------------------------------------ chunk indexes


@absurd
def fixed_array_of_exabytes(path: Path) -> None:
    """An index of 2^62 chunks in pages of 2^255."""
    one_dataset(path, chunks=(4,))
    with Bytes(path) as file:
        (at,) = file.all(b"FAHD")
        file.put(at + 7, "BQ", 255, HUGE)


@absurd
def fixed_array_of_a_billion(path: Path) -> None:
    """An index of a billion chunks, of a dataset that has sixteen."""
    one_dataset(path, chunks=(4,))
    with Bytes(path) as file:
        (at,) = file.all(b"FAHD")
        file.put(at + 8, "Q", 10**9)


@absurd
def extensible_array_of_exabytes(path: Path) -> None:
    """An index of 2^255 chunks at the most, 255 in its first block."""
    one_dataset(path, chunks=(4,), maxshape=(None,))
    with Bytes(path) as file:
        (at,) = file.all(b"EAHD")
        file.put(at + 7, "BBBBB", 255, 255, 255, 255, 255)


@absurd
def extensible_array_of_billions(path: Path) -> None:
    """An index that counts 2^62 blocks and as many chunks."""
    one_dataset(path, chunks=(4,), maxshape=(None,))
    with Bytes(path) as file:
        (at,) = file.all(b"EAHD")
        file.put(at + 12, "QQQQQQ", *[HUGE] * 6)
