"""One chunk: what is decoded here, what is left to libhdf5, and that no stream grows beyond its chunk."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib
from collections.abc import Sequence

import deflate
import numpy as np
import pytest
from numcodecs import blosc, zstd

from h5s3.errors import DamagedError
from h5s3.formats.hdf5.data.decode import Decoder, LeftError, fletcher32, make_decoder
from h5s3.records import Filter

PLAIN = (np.arange(4096) // 7).astype("<i4").tobytes()
SIZE = len(PLAIN)
MIB = 1 << 20
GZIP_BOMB = zlib.compress(bytes(64 * MIB), 1)


def filters(*pipeline: int | tuple[int, Sequence[int]]) -> list[Filter]:
    """A pipeline of filters by their numbers, with options where a pair is given."""
    pairs = [item if isinstance(item, tuple) else (item, ()) for item in pipeline]
    return [Filter(id=code, name=str(code), options=list(options), available=True) for code, options in pairs]


def decoder(*pipeline: int | tuple[int, Sequence[int]], size: int = SIZE) -> Decoder:
    found = make_decoder(filters(*pipeline), size, 4)
    assert found is not None
    return found


def lz4_frames(*sizes: int) -> bytes:
    """A chunk that says it holds SIZE bytes in blocks of the first size, and whose blocks are zeros."""
    return struct.pack(">QI", SIZE, sizes[0]) + b"".join(struct.pack(">I", n) + bytes(n) for n in sizes)


STORED = {
    (1,): zlib.compress(PLAIN),
    (32015,): zstd.compress(PLAIN),
    (32001,): blosc.compress(PLAIN, b"lz4", 5, 1),
    (32004,): struct.pack(">QII", SIZE, SIZE, SIZE) + PLAIN,
}


@pytest.mark.parametrize("pipeline", STORED)
def test_a_chunk(pipeline: tuple[int]) -> None:
    assert decoder(*pipeline).decode(memoryview(STORED[pipeline])).tobytes() == PLAIN


def test_planes_are_those_of_elements_alone() -> None:
    assert decoder((2, [4]), 1).planes == 4
    other = decoder((2, [8]), size=16)  # as if the elements had eight bytes
    planes = np.arange(16, dtype="u1").reshape(2, 8).T.tobytes()
    assert other.planes == 1 and other.decode(memoryview(planes)).tobytes() == bytes(range(16))
    behind = decoder((2, [4]), size=18)
    assert behind.decode(memoryview(bytes(18))).size == 18


@pytest.mark.parametrize(
    "pipeline", [(4,), (5,), (32008,), (40000,), (1, 1), (1, 32015), (32000,)], ids=lambda codes: str(codes)
)
def test_other_pipelines_are_left(pipeline: tuple[int, ...]) -> None:
    assert make_decoder(filters(*pipeline), SIZE, 4) is None


@pytest.mark.parametrize("size", [0, 1 << 31])
def test_other_sizes_are_left(size: int) -> None:
    assert make_decoder([], size, 4) is None


def test_the_checksum_is_that_of_libhdf5() -> None:
    assert fletcher32(memoryview(bytes(100))) == 0
    assert fletcher32(memoryview(b"\xff\xff" * 70_000)) == 0xFFFF_FFFF
    data = memoryview(PLAIN + fletcher32(memoryview(PLAIN)).to_bytes(4, "little"))
    assert decoder(3).decode(data).tobytes() == PLAIN
    with pytest.raises(LeftError):
        decoder(3).decode(memoryview(PLAIN + b"\1\2\3\4"))


# ------------------------------------------------------------------------------------------ damage, bombs


BOMBS = {
    "gzip": ((1,), GZIP_BOMB),
    "gzip, by a byte": ((1,), zlib.compress(PLAIN + b"x")),
    "gzip, shuffled": (((2, [4]), 1), GZIP_BOMB),
    "zstd": ((32015,), zstd.compress(bytes(64 * MIB))),
    "zstd, another frame": ((32015,), zstd.compress(PLAIN) + zstd.compress(bytes(64 * MIB))),
    "blosc": ((32001,), blosc.compress(bytes(64 * MIB), b"lz4", 5, 1)),
    "lz4": ((32004,), struct.pack(">QI", 64 * MIB, 64 * MIB) + bytes(100)),
    "lz4, a block": ((32004,), struct.pack(">QI", SIZE, 1 << 31) + bytes(100)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_stream_does_not_grow_beyond_its_chunk(name: str) -> None:
    pipeline, stored = BOMBS[name]
    made = decoder(*pipeline)
    tracemalloc.start()
    with pytest.raises(DamagedError if name.startswith("gzip") else LeftError) as raised:
        made.decode(memoryview(stored))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB
    assert not isinstance(raised.value, DamagedError) or f"more than its {SIZE} bytes" in raised.value.cause


@pytest.mark.parametrize("pipeline", STORED)
def test_what_is_cut_or_empty_is_left(pipeline: tuple[int]) -> None:
    stored = STORED[pipeline]
    for length in (0, 1, 3, 11, 13, 15, 17, len(stored) // 2, len(stored) - 1):
        with pytest.raises(LeftError):
            decoder(*pipeline).decode(memoryview(stored[:length]))


def test_blocks_of_lz4_that_do_not_add_up_are_left() -> None:
    for stored in (lz4_frames(SIZE // 2), lz4_frames(SIZE // 2, 0), lz4_frames(0)):
        with pytest.raises(LeftError):
            decoder(32004).decode(memoryview(stored))
    half = SIZE // 2
    assert decoder(32004).decode(memoryview(lz4_frames(half, half))).tobytes() == bytes(SIZE)


def test_too_few_bytes_are_left() -> None:
    for pipeline in ((1,), ((2, [4]), 1), (32015,)):
        short = zstd.compress(PLAIN[:-4]) if 32015 in pipeline else zlib.compress(PLAIN[:-4])
        with pytest.raises(LeftError):
            decoder(*pipeline).decode(memoryview(short))
    for stored in (PLAIN[:-1], PLAIN + b"x"):
        with pytest.raises(LeftError):
            decoder().decode(memoryview(stored))


@pytest.mark.parametrize("pipeline", STORED)
def test_flipped_bytes_end_plainly(pipeline: tuple[int]) -> None:
    chance = random.Random(7)
    made = decoder(*pipeline)
    for _ in range(300):
        stored = bytearray(STORED[pipeline])
        for _ in range(chance.randint(1, 4)):
            stored[chance.randrange(len(stored))] = chance.randrange(256)
        try:
            assert made.decode(memoryview(stored)).size == SIZE
        except (LeftError, DamagedError):
            continue


def test_the_library_takes_a_bound() -> None:
    """What makes a bomb harmless: the output is never longer than what was asked for."""
    with pytest.raises(deflate.DeflateError):
        deflate.zlib_decompress(zlib.compress(bytes(1000)), 999)
