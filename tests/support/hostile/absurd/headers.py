"""Object headers that declare absurdities."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from tests.support.h5files.native import shared_messages
from tests.support.h5files.registry import new_file
from tests.support.hostile.absurd.registry import HUGE, Bytes, absurd, header_of, one_dataset


@absurd
def header_of_65535_messages(path: Path) -> None:
    """An object header that counts 65,535 messages in 4 GiB, used by 2^32 - 1 links."""
    at = one_dataset(path, "earliest")
    with Bytes(path) as file:
        file.put(at + 2, "HII", 65535, 0xFFFFFFFF, 0xFFFFFFF8)


def _continued(path: Path, libver: str) -> tuple[Bytes, list[int]]:
    """A file of one dataset whose header has continuations; where the messages that name them are."""
    at = one_dataset(path, libver)
    with h5py.File(path, "r+") as more:
        for number in range(6):
            more["data"].attrs[f"attribute {number}"] = np.arange(20)
            more.flush()
    file = Bytes(path)
    return file, [place for kind, place, _ in file.messages(at) if kind == 16]


@absurd
def header_continued_in_its_continuation(path: Path) -> None:
    """A new object header whose continuations are all the first one, and that one itself."""
    opened, places = _continued(path, "latest")
    with opened as file:
        first, size = file.get(places[0], "QQ")
        for at in range(first + 4, first + size - 4):
            if file.sound[at] == 16 and file.get(at + 1, "H") == 16:
                file.put(at + 4, "QQ", first, size)
        kinds = [at for at in range(first + 4, first + 20) if file.sound[at] == 12]
        file.put(kinds[0], "BHB", 16, 16, 0)
        file.put(kinds[0] + 4, "QQ", first, size)


@absurd
def header_continued_for_exabytes(path: Path) -> None:
    """An object header whose continuation has 2^62 bytes."""
    opened, places = _continued(path, "latest")
    with opened as file:
        for at in places:
            file.put(at + 8, "Q", HUGE)


@absurd
def header_continued_for_3_gib(path: Path) -> None:
    """An old object header whose continuation has 3 GiB."""
    opened, places = _continued(path, "earliest")
    with opened as file:
        for at in places:
            file.put(at + 8, "Q", 3 << 30)


@absurd
def type_that_is_shared_with_itself(path: Path) -> None:
    """A dataset and a named type that both have the dataset's own type, by its header."""
    with new_file(path, "latest") as new:
        new["type"] = np.dtype([("a", "<i4"), ("b", "<f8")])
        new.create_dataset("data", (4,), dtype=new["type"])
    data, named = header_of(path, "data"), header_of(path, "type")
    with Bytes(path) as file:
        at = file.message(data, 3)
        assert file.get(at + 2, "Q") == named
        file.put(at + 2, "Q", data)


@absurd
def shared_messages_beyond_number(path: Path) -> None:
    """An index of shared messages that counts 65,535 of 4 GiB each, and whose heap is the index."""
    shared_messages(path)
    with Bytes(path) as file:
        (at,) = file.all(b"SMTB")
        assert file.get(at + 4, "B") == 0
        file.put(at + 12, "HHH", 65535, 0, 65535)
        file.put(at + 18, "QQ", at, at)


@absurd
def shared_messages_in_lists_of_64_kib(path: Path) -> None:
    """A table of shared messages that has 65,535 indexes by the superblock's extension."""
    shared_messages(path)
    with Bytes(path) as file:
        extension = file.get(20, "Q")
        at = file.message(extension, 15)
        file.put(at + 9, "B", 255)
        (table,) = file.all(b"SMTB")
        file.put(table + 5, "HI", 65535, 0)
