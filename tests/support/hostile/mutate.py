"""Damage for HDF5 files, the same for the same seed and number.

libhdf5 checks the checksums of newer metadata before it believes a byte of it; so damage to what they cover
is mostly covered up by new ones.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

SUMMED = rb"OHDR|OCHK|BTHD|BTIN|BTLF|FRHP|FHIB|FSHD|FSSE|SMTB|SMLI|FAHD|FADB|EAHD|EAIB|EASB|EADB"
STRUCTURES = rb"TREE|FHDB|SNOD|HEAP|GCOL|\x89HDF\r\n\x1a\n|" + SUMMED
LENGTHS = (8, 80, 300, 2100)  # bytes under one checksum: the short ones are looked for first
INTERESTING = (0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 1 << 31)
INTERESTING += (0xFFFFFFFF, 1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
U = np.uint32


@dataclass(frozen=True)
class Damage:
    """A damaged file, and what was done to it."""

    data: bytes
    done: str


def damaged(base: bytes, other: bytes, chance: random.Random) -> Damage:
    """One to four random changes to a file; `other` is a file to take pieces from."""
    if chance.random() < 0.5 and (regions := summed_regions(base)):
        return _under_checksums(base, regions, chance)
    data, done = bytearray(base), []
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        change = chance.choices(list(CHANGES), CHANGES.values())[0]
        done.append(change(data, other, chance) if data else "nothing is left")
    if len(data) == len(base) and chance.random() < 0.5:
        done.append(f"{_sum_again(base, data)} checksums made right")
    return Damage(bytes(data), ", ".join(done))


def _under_checksums(base: bytes, regions: list[tuple[int, int]], chance: random.Random) -> Damage:
    """Changes to what checksums cover, and checksums that agree."""
    data, done = bytearray(base), []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        start, stop = chance.choice(regions)
        at = chance.randrange(start + 4, stop)
        change = chance.choice((_flip, _flip, _set_bytes, _set_integer, _set_integer))
        done.append(change(data, b"", chance, at))
    done.append(f"{_sum_again(base, data)} checksums made right")
    return Damage(bytes(data), ", ".join(done))


def _sum_again(base: bytes, data: bytearray) -> int:
    """Put new checksums where the bytes below them have changed; how many."""
    count = 0
    for start, stop in summed_regions(base):
        if data[start : stop + 4] != base[start : stop + 4]:
            data[stop : stop + 4] = lookup3(bytes(data[start:stop])).to_bytes(4, "little")
            count += 1
    return count


# ---------------------------------------------------------------------------------------- the changes


def _somewhere(data: bytearray, chance: random.Random) -> int:
    """A position: mostly at or behind the beginning of a structure, for there the pointers are."""
    if chance.random() < 0.7 and (starts := structures(bytes(data))):
        return min(chance.choice(starts) + int(chance.expovariate(1 / 40)), len(data) - 1)
    return chance.randrange(len(data))


def _flip(data: bytearray, other: bytes, chance: random.Random, at: int | None = None) -> str:
    at = _somewhere(data, chance) if at is None else at
    bits = chance.choice((1, 2, 4, 8, 16, 32, 64, 128, 255))
    data[at] ^= bits
    return f"bits {bits:#x} of byte {at} flipped"


def _set_bytes(data: bytearray, other: bytes, chance: random.Random, at: int | None = None) -> str:
    at = _somewhere(data, chance) if at is None else at
    length = min(chance.choice((1, 2, 4, 8, 16, 64, 200)), len(data) - at)
    name = chance.choice(("zeros", "ones", "noise"))
    filling = {"zeros": bytes(length), "ones": b"\xff" * length, "noise": chance.randbytes(length)}
    data[at : at + length] = filling[name]
    return f"{length} bytes at {at} made {name}"


def _set_integer(data: bytearray, other: bytes, chance: random.Random, at: int | None = None) -> str:
    size = chance.choice((1, 2, 4, 8))
    at = _somewhere(data, chance) if at is None else at
    at = max(0, min(at - at % min(size, 4), len(data) - size))
    places = structures(bytes(data)) or [0]
    number = chance.choice((*INTERESTING, len(data), len(data) - 1, *chance.choices(places, k=8)))
    number %= 1 << 8 * size
    data[at : at + size] = number.to_bytes(size, "little")[: len(data) - at]
    return f"{number:#x} in {size} bytes at {at}"


def _add(data: bytearray, other: bytes, chance: random.Random) -> str:
    """An integer that is off by a little."""
    at = _somewhere(data, chance)
    amount = chance.choice((-16, -8, -4, -1, 1, 4, 8, 16))
    data[at] = (data[at] + amount) % 256
    return f"{amount:+} to byte {at}"


def _cut(data: bytearray, other: bytes, chance: random.Random) -> str:
    length = chance.choice((chance.randrange(len(data)), len(data) - 1, _somewhere(data, chance)))
    del data[length:]
    return f"cut to {length} bytes"


def _insert(data: bytearray, other: bytes, chance: random.Random) -> str:
    at, length = _somewhere(data, chance), chance.choice((1, 3, 8, 64, 512))
    data[at:at] = chance.choice((bytes(length), chance.randbytes(length)))
    return f"{length} bytes inserted at {at}"


def _remove(data: bytearray, other: bytes, chance: random.Random) -> str:
    at, length = _somewhere(data, chance), chance.choice((1, 3, 8, 64, 512))
    del data[at : at + length]
    return f"{length} bytes removed at {at}"


def _splice(data: bytearray, other: bytes, chance: random.Random) -> str:
    at, start = _somewhere(data, chance), chance.randrange(len(other))
    piece = other[start : start + chance.choice((8, 64, 512, 4096, len(other)))]
    data[at : at + len(piece)] = piece
    return f"{len(piece)} bytes of another file's {start} at {at}"


def _duplicate(data: bytearray, other: bytes, chance: random.Random) -> str:
    """A block copied over another."""
    start, at, length = _somewhere(data, chance), _somewhere(data, chance), chance.choice((8, 64, 512))
    piece = data[start : start + length]
    length = min(len(piece), len(data) - at)
    data[at : at + length] = piece[:length]
    return f"{length} bytes of {start} copied to {at}"


def _swap(data: bytearray, other: bytes, chance: random.Random) -> str:
    one, two = sorted((_somewhere(data, chance), _somewhere(data, chance)))
    length = min(chance.choice((1, 8, 64, 512)), two - one, len(data) - two)
    first, second = data[one : one + length], data[two : two + length]
    data[one : one + length], data[two : two + length] = second, first
    return f"{length} bytes at {one} and {two} swapped"


CHANGES: dict[Callable[[bytearray, bytes, random.Random], str], int] = {
    _flip: 5,
    _set_bytes: 4,
    _set_integer: 6,
    _add: 3,
    _cut: 1,
    _insert: 1,
    _remove: 1,
    _splice: 2,
    _duplicate: 2,
    _swap: 2,
}
"""Each with its weight."""


# -------------------------------------------------------------------------------------- the checksums


@lru_cache(512)
def structures(data: bytes) -> list[int]:
    """Where structures begin that have a signature."""
    return [match.start() for match in re.finditer(STRUCTURES, data)]


@lru_cache(512)
def summed_regions(data: bytes) -> list[tuple[int, int]]:
    """The ranges of bytes that are followed by a checksum of them, superblocks among them."""
    found = []
    for match in re.finditer(SUMMED + rb"|\x89HDF\r\n\x1a\n[\x02\x03]", data):
        length = _summed(data[match.start() : match.start() + LENGTHS[-1]])
        if length is not None:
            found.append((match.start(), match.start() + length))
    return found


def _summed(piece: bytes) -> int | None:
    """How many bytes at the beginning of a piece are followed by a checksum of them."""
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(piece + bytes(4), "u1"), 4)
    stored = np.ascontiguousarray(windows).view("<u4")[:, 0]
    for shortest, longest in pairwise(LENGTHS):
        lengths = np.arange(shortest, min(longest, len(piece) - 3))
        if lengths.size:
            agree = lengths[lookup3_of_each(piece, lengths) == stored[lengths]]
            if agree.size:
                return int(agree[0])
    return None


def lookup3(data: bytes) -> int:
    """The checksum of HDF5's metadata, which is Bob Jenkins' lookup3 (`hashlittle`) from 0."""
    return int(lookup3_of_each(data, np.array([len(data)]))[0])


def lookup3_of_each(data: bytes, lengths: np.ndarray) -> np.ndarray:
    """The checksums of the first bytes of some data, for each of these lengths, which are not 0."""
    padded = np.frombuffer(data + bytes(24), "u1")
    state = np.tile((lengths + 0xDEADBEEF).astype(U), (3, 1))
    for start in range(0, int(lengths.max()), 12):
        here = np.flatnonzero(lengths > start)
        left = np.minimum(lengths[here] - start, 12)
        piece = padded[start : start + 12] * (np.arange(12) < left[:, None])
        a, b, c = state[:, here] + piece.astype("u1").view("<u4").T
        last = left + start == lengths[here]
        mixed, final = _mix(a, b, c), _final(a, b, c)
        state[:, here] = np.where(last, final, mixed)
    return state[2]


def _rot(value: np.ndarray, bits: int) -> np.ndarray:
    return (value << U(bits)) | (value >> U(32 - bits))


def _mix(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    for bits in ((4, 6, 8), (16, 19, 4)):
        a = (a - c) ^ _rot(c, bits[0])
        c = c + b
        b = (b - a) ^ _rot(a, bits[1])
        a = a + c
        c = (c - b) ^ _rot(b, bits[2])
        b = b + a
    return a, b, c


def _final(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    c = (c ^ b) - _rot(b, 14)
    a = (a ^ c) - _rot(c, 11)
    b = (b ^ a) - _rot(a, 25)
    c = (c ^ b) - _rot(b, 16)
    a = (a ^ c) - _rot(c, 4)
    b = (b ^ a) - _rot(a, 14)
    c = (c ^ b) - _rot(b, 24)
    return a, b, c
