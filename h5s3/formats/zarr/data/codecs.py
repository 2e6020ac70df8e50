"""The codecs between stored bytes and the bytes of a chunk, undone here within bounds.

What is left (byte order, transposition, strings, filters of numbers) zarr-python undoes: it does not grow.

Sources: the documentation of numcodecs; RFC 1950 to 1952 (zlib, gzip), RFC 8878 (zstd), the header of
c-blosc 1.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numcodecs

from h5s3.errors import DamagedError
from h5s3.formats.encoding.zstd import zstd_content, zstd_most
from h5s3.formats.zarr.data.in_memory import checked_crc32c
from h5s3.formats.zarr.nodes import Version
from h5s3.records import Codec
from h5s3.sizes import MIB

CHECKSUMS = ("adler32", "crc32", "fletcher32", "jenkins_lookup3", "shuffle")
LARGEST_DICTIONARY = 256 * MIB  # that lzma may take memory for
SLACK = 64  # bytes that checksums may add
FAILURES = (ValueError, RuntimeError, TypeError, OSError, EOFError, zlib.error, lzma.LZMAError, KeyError)
Step = Callable[[bytes, int], Any]  # stored bytes, and to how many they may unpack


class TooLongError(Exception):
    """A stream goes on beyond the size that it may have."""


def steps_of(codecs: Sequence[Codec], version: Version) -> tuple[list[Step], tuple[Codec, ...]]:
    """How to undo the last of these codecs, in the order in which that is done; and those that are left."""
    left, steps = list(codecs), []
    while left and (step := _step(left[-1], version)) is not None:
        steps.append(step)
        left.pop()
    return steps, tuple(left)


def undone(stored: bytes, steps: Sequence[Step], most: int) -> bytes:
    """The bytes of a chunk. Raises `DamagedError` where they are more than `most`, or cannot be had."""
    data: Any = stored
    try:
        for step in steps:
            data = step(bytes(data), most + SLACK)
    except TooLongError:
        raise DamagedError(f"a chunk unpacks to more than its {most} bytes") from None
    except FAILURES as error:
        raise DamagedError(f"a chunk cannot be decoded ({error})"[:300]) from None
    return bytes(data)


def _step(codec: Codec, version: Version) -> Step | None:
    name = codec.name.removeprefix("numcodecs.") if version == 3 else codec.name
    if name in BOUNDED:
        return BOUNDED[name]
    options = codec.configuration if isinstance(codec.configuration, dict) else {}
    if name == "lzma":
        return _lzma(options)
    if name in CHECKSUMS:
        return lambda data, _: numcodecs.get_codec({**options, "id": name}).decode(data)
    if name == "crc32c":
        return lambda data, _: checked_crc32c(data)
    return None


def _deflated(window: int) -> Step:
    """Streams of deflate: zlib's, or gzip's, of which several may follow each other."""

    def step(data: bytes, most: int) -> bytes:
        found = b""
        while data:
            stream = zlib.decompressobj(window)
            found += stream.decompress(data, most + 1 - len(found))
            if len(found) > most:
                raise TooLongError
            if not stream.eof:
                raise EOFError("it is cut short")
            data = stream.unused_data if window > 15 else b""
        return found

    return step


def _bz2(data: bytes, most: int) -> bytes:
    return _streamed(bz2.BZ2Decompressor(), data, most)


def _lzma(options: dict[str, Any]) -> Step:
    kind, filters = options.get("format", lzma.FORMAT_XZ), options.get("filters")
    raw = kind == lzma.FORMAT_RAW
    made = {"filters": filters} if raw else {"memlimit": LARGEST_DICTIONARY}

    def step(data: bytes, most: int) -> bytes:
        for one in filters or [] if raw else []:
            if int(one.get("dict_size", 0)) > LARGEST_DICTIONARY:
                raise ValueError("its dictionary is too large")
        return _streamed(lzma.LZMADecompressor(format=kind, **made), data, most)

    return step


def _streamed(stream: Any, data: bytes, most: int) -> bytes:
    found: bytes = stream.decompress(data, most + 1)
    if len(found) > most:
        raise TooLongError
    if not stream.eof:
        raise EOFError("it is cut short")
    return found


def _zstd(data: bytes, most: int) -> Any:
    told = zstd_content(memoryview(data))
    if told is None:
        told = (zstd_most(memoryview(data)) or 0) - SLACK_OF_BLOCKS
    if told > most:
        raise TooLongError
    return numcodecs.get_codec({"id": "zstd"}).decode(data)


SLACK_OF_BLOCKS = 128 * 1024  # that the last block of a zstd frame may be shorter


def _blosc(data: bytes, most: int) -> Any:
    if int.from_bytes(data[4:8], "little") > most:
        raise TooLongError
    if len(data) < 16 or int.from_bytes(data[12:16], "little") != len(data):
        raise EOFError("it is cut short")
    return numcodecs.get_codec({"id": "blosc"}).decode(data)


def _lz4(data: bytes, most: int) -> Any:
    if int.from_bytes(data[:4], "little") > most:
        raise TooLongError
    return numcodecs.get_codec({"id": "lz4"}).decode(data)


BOUNDED: dict[str, Step] = {
    "gzip": _deflated(31),
    "zlib": _deflated(15),
    "bz2": _bz2,
    "zstd": _zstd,
    "blosc": _blosc,
    "lz4": _lz4,
}
