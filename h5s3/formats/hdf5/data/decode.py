"""One chunk from its stored bytes, for the filters that are met most.

libhdf5 decodes one chunk at a time, in whatever thread; these libraries let go of Python's lock as they work.

libhdf5 stays the authority: what is not decoded here for certain (another filter, a stream that is cut short)
is left to it, and with it the words for what is wrong. Nothing here touches h5py.

Sources: HDF5 File Format Specification 3.0, IV.A.2.l (filter pipeline); of the filters from others, the
"Registered Filter Plugins" of The HDF Group; RFC 1950 (zlib), RFC 8878 (zstd), the header of c-blosc 1.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from h5s3.errors import DamagedError
from h5s3.formats.encoding.zstd import zstd_content
from h5s3.records import Filter

GZIP, SHUFFLE, FLETCHER32, BLOSC, LZ4, ZSTD = 1, 2, 3, 32001, 32004, 32015
CHECKSUM = 4  # bytes that fletcher32 adds
FEW_PLANES = 64  # bytes of an element that are put in their places plane by plane
LARGEST = (1 << 31) - 1  # bytes of a chunk that the libraries take
Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Step = Callable[[memoryview], Any]


class LeftError(Exception):
    """A chunk that is left to libhdf5."""


class WrongSizeError(LeftError):
    """A chunk that unpacks to another size than its own: libhdf5 fills up what is short with old memory."""

    def __init__(self, found: int, size: int) -> None:
        super().__init__(f"a chunk unpacks to {found} bytes instead of its {size}")


@dataclass(frozen=True)
class Decoder:
    """How the chunks of a dataset are decoded: `steps` in the order in which they are undone.

    `size`: bytes of a chunk. `planes`: the elements come as so many planes of bytes, the first bytes of all
    first (1: as they are). `certain`: bytes that did not pass the filters would be noticed.
    """

    steps: tuple[Step, ...]
    size: int
    planes: int
    certain: bool

    def decode(self, stored: memoryview) -> Bytes:
        """The bytes of the chunk, `size` of them, in planes. Not to be written to.

        Raises `LeftError` for what libhdf5 is to look at, `DamagedError` for what grows beyond its size.
        """
        for step in self.steps:
            stored = memoryview(step(stored))
        if stored.nbytes != self.size:
            raise WrongSizeError(stored.nbytes, self.size)
        return np.frombuffer(stored, dtype="u1")


def make_decoder(filters: Sequence[Filter], size: int, itemsize: int) -> Decoder | None:
    """A decoder for chunks of `size` bytes that went through these filters; None: libhdf5 has to do it."""
    if not 0 < size <= LARGEST:
        return None
    steps: list[Step] = []
    planes, known, certain = 1, size, not filters
    for number, item in enumerate(filters):
        if item.id == SHUFFLE:
            width = item.options[0] if item.options else 0
            if number == 0 and width == itemsize and not size % itemsize:
                planes = width
            elif width > 1:
                steps.append(partial(_unshuffled, width))
        elif item.id == FLETCHER32:
            steps.append(_checked)
            known, certain = known + CHECKSUM, True
        elif item.id in COMPRESSIONS and not any(other.id in COMPRESSIONS for other in filters[:number]):
            steps.append(partial(COMPRESSIONS[item.id], known))
            certain = True
        else:
            return None
    return Decoder(tuple(reversed(steps)), size, planes, certain)


# ------------------------------------------------------------------------------------------ filters of HDF5


def inflated(size: int, stored: memoryview) -> Any:
    """A zlib stream (RFC 1950). One that goes on beyond `size` bytes is noticed, not unpacked."""
    import deflate

    try:
        return deflate.zlib_decompress(stored, size)
    except deflate.DeflateError:
        pass
    # libdeflate does not tell which it is: a stream that is broken, or one that is too long.
    try:
        longer = len(zlib.decompressobj().decompress(stored, size + 1)) > size
    except zlib.error:
        longer = False
    if longer:
        raise DamagedError(f"a chunk unpacks to more than its {size} bytes")
    raise LeftError


def _unshuffled(width: int, stored: memoryview) -> Bytes:
    """Elements of `width` bytes from their planes; bytes left over stand behind them as they are."""
    planes = np.frombuffer(stored, dtype="u1")
    count = planes.size // width
    found = np.empty(planes.size, dtype="u1")
    elements = found[: count * width].reshape(count, width)
    if width > FEW_PLANES:  # a file may name any width
        elements[:] = planes[: count * width].reshape(width, count).T
    else:  # several times faster
        for number in range(width):
            elements[:, number] = planes[number * count : (number + 1) * count]
    found[count * width :] = planes[count * width :]
    return found


def _checked(stored: memoryview) -> memoryview:
    """Without the checksum, which is right. Of a wrong one libhdf5 knows more: some versions turned it."""
    data, told = stored[:-CHECKSUM], bytes(stored[-CHECKSUM:])
    if len(stored) < CHECKSUM or fletcher32(data) != int.from_bytes(told, "little"):
        raise LeftError
    return data


def fletcher32(data: memoryview) -> int:
    """The checksum as libhdf5 makes it: of 16-bit numbers, high byte first; a last odd byte is a high one."""
    first = second = 0
    padded = np.frombuffer(bytes(data) + b"\0" if len(data) % 2 else data, dtype=">u2")
    for start in range(0, padded.size, 1 << 16):
        part = padded[start : start + (1 << 16)].astype("u8")
        weights = np.arange(part.size, 0, -1, dtype="u8")
        second = _folded(second + part.size * first + int(part @ weights))
        first = _folded(first + int(part.sum()))
    return second << 16 | first


def _folded(total: int) -> int:
    """Modulo 65,535 as adding high and low half gives it: never 0 but for 0."""
    return (total - 1) % 65535 + 1 if total else 0


# ------------------------------------------------------------------------------------------ filters of others


def _zstd(size: int, stored: memoryview) -> Any:
    """A zstd frame that says how long its content is, as libzstd writes it in one go."""
    from numcodecs import zstd

    told = zstd_content(stored)
    if told != size:
        raise LeftError if told is None else WrongSizeError(told, size)
    return _into(zstd.decompress, stored, size)


def _lz4(size: int, stored: memoryview) -> Any:
    """Content's length (8 bytes) and a block's (4 bytes), high byte first; then the blocks.

    Each stands behind its length (4 bytes); one that did not become smaller is stored as it is.
    """
    from numcodecs import lz4

    block = min(int.from_bytes(stored[8:12], "big"), size)
    told = int.from_bytes(stored[:8], "big")
    if len(stored) < 12 or not block:
        raise LeftError
    if told != size:
        raise WrongSizeError(told, size)
    found, at = np.empty(size, dtype="u1"), 12
    for start in range(0, size, block):
        target = found[start : start + block]
        length = int.from_bytes(stored[at : at + 4], "big")
        data = stored[at + 4 : at + 4 + length]
        at += 4 + length
        if len(data) != length or not length:
            raise LeftError
        if length == target.size:
            target[:] = np.frombuffer(data, dtype="u1")
        else:
            _decompressed(lz4.decompress, target.size.to_bytes(4, "little") + bytes(data), target)
    return found


def _blosc(size: int, stored: memoryview) -> Any:
    """A buffer of c-blosc 1: its header of 16 bytes tells the length before and after."""
    from numcodecs import blosc

    lengths = [int.from_bytes(stored[at : at + 4], "little") for at in (4, 12)]
    if len(stored) < 16 or lengths[1] != len(stored):
        raise LeftError
    if lengths[0] != size:
        raise WrongSizeError(lengths[0], size)
    return _into(blosc.decompress, stored, size)


def _into(decompress: Any, stored: Any, size: int) -> Bytes:
    found = np.empty(size, dtype="u1")
    _decompressed(decompress, stored, found)
    return found


def _decompressed(decompress: Any, stored: Any, target: Bytes) -> None:
    try:
        decompress(stored, target)
    except (RuntimeError, ValueError):
        raise LeftError from None


COMPRESSIONS: dict[int, Callable[[int, memoryview], Any]] = {
    GZIP: inflated,
    BLOSC: _blosc,
    LZ4: _lz4,
    ZSTD: _zstd,
}
