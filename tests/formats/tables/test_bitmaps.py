"""Deletion vectors: what writers of them wrote comes out, what is damaged is refused, and bounds hold."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from pyroaring import BitMap, BitMap64

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.bitmaps import MAGIC, framed_positions, positions
from tests.support import ROOT

DELTA = ROOT.parent / "shared" / "tables" / "delta" / "data" / "table-with-dv-small"


def framed(numbers: BitMap64) -> bytes:
    """As Delta's files of deletion vectors and Puffin files hold them."""
    body = MAGIC + numbers.serialize()
    return struct.pack(">I", len(body)) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize(
    "numbers",
    [[], [0], [0, 9], [2**32 - 1, 2**32, 2**40 + 7], range(65_000, 200_000), range(0, 300_000, 3)],
    ids=["none", "first", "two", "beyond 32 bits", "run", "every third"],
)
def test_positions_come_out(numbers: list[int]) -> None:
    found = framed_positions(framed(BitMap64(numbers)))
    assert found.dtype == np.uint64 and found.tolist() == list(numbers)


@pytest.mark.skipif(not DELTA.exists(), reason="the collection of tables is not on this machine")
def test_one_that_spark_wrote() -> None:
    (file,) = DELTA.glob("*.bin")
    data = file.read_bytes()
    size = int.from_bytes(data[1:5], "big")
    assert framed_positions(data[1 : 1 + size + 8], 10).tolist() == [0, 9]
    assert positions(data[5 : 5 + size], 10).tolist() == [0, 9]


@pytest.mark.parametrize(("order", "magic"), [("<", b"\xd0\xd39d"), (">", b"d9\xd3\xd0")])
def test_the_older_form(order: str, magic: bytes) -> None:
    """Bitmaps of 32 bits, each for the numbers of one upper half."""
    bitmaps = [BitMap([3, 70_000]), BitMap(), BitMap([5])]
    body = magic + struct.pack(f"{order}I", len(bitmaps))
    for one in bitmaps:
        body += struct.pack(f"{order}I", len(one.serialize())) + one.serialize()
    assert positions(body).tolist() == [3, 70_000, 2 * 2**32 + 5]
    for stop in range(4, len(body)):
        with pytest.raises(DamagedError):
            positions(body[:stop])


def test_every_damage_is_told() -> None:
    """A byte that differs, and bytes that are not there, wherever they are."""
    data = framed(BitMap64([1, 5, 70_000]))
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0x41
        with pytest.raises(DamagedError):
            framed_positions(bytes(changed))
        with pytest.raises(DamagedError):
            framed_positions(data[:at])


@pytest.mark.parametrize(
    "container",
    [
        struct.pack("<IIHHI", 12346, 1, 0, 2, 16) + struct.pack("<HHH", 9, 5, 5),
        struct.pack("<IIHHI", 12346, 1, 0, 4999, 16) + b"\xff" * 8192,
        struct.pack("<IBHHH", 12347, 1, 0, 2, 2) + struct.pack("<HHHH", 65000, 65000, 0, 65535),
    ],
    ids=["falling", "more than it says", "past the end"],
)
def test_lies_inside_are_told(container: bytes) -> None:
    with pytest.raises(DamagedError, match="damaged"):
        positions(MAGIC + struct.pack("<QI", 1, 0) + container)


def test_bounds() -> None:
    with pytest.raises(DamagedError, match="row 10 of a file of 10 rows"):
        positions(MAGIC + BitMap64([3, 10]).serialize(), 10)
    many = BitMap64()
    many.add_range(0, 1 << 30)
    many.run_optimize()
    with pytest.raises(RefusedError, match="1073741824"):
        positions(MAGIC + many.serialize())
