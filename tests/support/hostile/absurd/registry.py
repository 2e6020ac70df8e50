"""How small HDF5 files are made whose metadata declare absurdities, with valid checksums.

Each maker writes one file in a fraction of a second: a sound file, a few bytes of which are others now.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.support.h5files.registry import new_file
from tests.support.hostile.mutate import lookup3, summed_regions

ABSURD: dict[str, Callable[[Path], None]] = {}
"""By name: makers of files that any reading command must survive."""
HUGE = (1 << 62) + 8
UNDEFINED = (1 << 64) - 1


def absurd(maker: Callable[[Path], None]) -> Callable[[Path], None]:
    """Register a maker under its name."""
    ABSURD[maker.__name__] = maker
    return maker


class Bytes:
    """The bytes of a sound file, to be changed in places; its checksums are made right at the end."""

    def __init__(self, path: Path) -> None:
        self.path, self.sound = path, path.read_bytes()
        self.now = bytearray(self.sound)
        self._changed: list[int] = []

    def __enter__(self) -> Bytes:
        return self

    def __exit__(self, *failed: object) -> None:
        if failed[0] is not None:
            return
        assert self.now != self.sound and len(self.now) == len(self.sound)
        for start, stop in summed_regions(self.sound):
            if any(start <= at < stop for at in self._changed):
                self.now[stop : stop + 4] = lookup3(bytes(self.now[start:stop])).to_bytes(4, "little")
        self.path.write_bytes(self.now)

    def all(self, signature: bytes) -> list[int]:
        """Where structures of a kind are."""
        found = [match.start() for match in re.finditer(re.escape(signature), self.sound)]
        assert found, signature
        return found

    def put(self, at: int, kinds: str, *values: int) -> None:
        """Write integers, as `struct` has them."""
        new = struct.pack("<" + kinds, *values)
        assert 0 <= at and at + len(new) <= len(self.now)
        self.now[at : at + len(new)] = new
        self._changed.append(at)

    def get(self, at: int, kinds: str) -> Any:
        """The integers at a place."""
        found = struct.unpack_from("<" + kinds, self.sound, at)
        return found if len(found) > 1 else found[0]

    def message(self, header: int, kind: int) -> int:
        """Where the body of a message of an object header begins, of any version."""
        for found, at, _ in self.messages(header):
            if found == kind:
                return at
        raise KeyError(kind)

    def messages(self, header: int) -> Iterator[tuple[int, int, int]]:
        """Kind, place and size of the messages in the first piece of an object header."""
        if self.sound[header : header + 4] != b"OHDR":
            at, end = header + 16, header + 16 + self.get(header + 8, "I")
            while at < end:
                kind, size = self.get(at, "HH")
                yield kind, at + 8, size
                at += 8 + size
            return
        flags = self.sound[header + 5]
        at = header + 6 + 16 * bool(flags & 0x20) + 4 * bool(flags & 0x10)
        width = 1 << (flags & 3)
        end = at + width + int.from_bytes(self.sound[at : at + width], "little")
        at += width
        while at + 4 <= end:
            kind, size = self.get(at, "BH")
            at += 4 + 2 * bool(flags & 4)
            yield kind, at, size
            at += size


def header_of(path: Path, name: str) -> int:
    """The address of an object's header."""
    with h5py.File(path) as file:
        return int(h5py.h5o.get_info(file[name].id).addr)


def one_dataset(path: Path, libver: str = "latest", **options: Any) -> int:
    """A file of one dataset; the address of its header."""
    with new_file(path, libver) as file:
        options = {"data": np.arange(64, dtype="<i4"), **options}
        data = file.create_dataset("data", **options)
        return int(h5py.h5o.get_info(data.id).addr)
