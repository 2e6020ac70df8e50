"""Superblocks, pages and free space that declare absurdities."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.h5files.registry import new_file
from tests.support.hostile.absurd.registry import HUGE, UNDEFINED, Bytes, absurd, one_dataset


@absurd
def superblock_extended_by_itself(path: Path) -> None:
    """A superblock whose extension is the header of the root."""
    one_dataset(path)
    with Bytes(path) as file:
        file.put(20, "Q", file.get(36, "Q"))


@absurd
def superblock_far_away(path: Path) -> None:
    """A superblock with the addresses of exabytes: its base, its extension, its end."""
    one_dataset(path)
    with Bytes(path) as file:
        file.put(12, "QQQ", HUGE, HUGE, UNDEFINED - 1)


@absurd
def superblock_of_wide_addresses(path: Path) -> None:
    """A superblock whose addresses and lengths have 255 bytes."""
    one_dataset(path)
    with Bytes(path) as file:
        file.put(9, "BB", 255, 255)


@absurd
def driver_of_exabytes(path: Path) -> None:
    """An old superblock whose driver's information has 4 GiB, in place of the root."""
    one_dataset(path, "earliest")
    with Bytes(path) as file:
        root = file.get(64, "Q")
        file.put(48, "Q", root)
        file.put(root, "IIQ", 0, 0xFFFFFFFF, int.from_bytes(b"NCSAmult", "little"))


def _paged(path: Path) -> Bytes:
    options = {"fs_strategy": "page", "fs_page_size": 4096, "fs_persist": True, "fs_threshold": 1}
    with new_file(path, "latest", **options) as file:
        for number in range(20):
            file[f"data {number}"] = np.arange(300)
        for number in range(0, 20, 2):
            del file[f"data {number}"]
        file["data"] = np.arange(4)
    return Bytes(path)


@absurd
def pages_of_exabytes(path: Path) -> None:
    """A paged file whose pages have 2^62 bytes, and whose managers of space are the superblock."""
    with _paged(path) as file:
        place = file.message(file.get(20, "Q"), 23)
        assert file.get(place + 11, "Q") == 4096
        file.put(place + 11, "Q", 1 << 62)


@absurd
def pages_of_a_gib(path: Path) -> None:
    """A paged file whose pages have 1 GiB."""
    with _paged(path) as file:
        place = file.message(file.get(20, "Q"), 23)
        assert file.get(place + 11, "Q") == 4096
        file.put(place + 11, "Q", 1 << 30)


@absurd
def free_space_of_exabytes(path: Path) -> None:
    """Managers of free space that count 2^62 sections in 2^62 bytes, beyond the file."""
    with _paged(path) as file:
        for at in file.all(b"FSHD"):
            file.put(at + 6, "QQQQ", *[HUGE] * 4)
            file.put(at + 44, "HQQQQ", 64, HUGE, HUGE, HUGE, HUGE)


@absurd
def free_space_of_2_gib(path: Path) -> None:
    """Managers of free space whose lists have 2 GiB."""
    with _paged(path) as file:
        for at in file.all(b"FSHD"):
            file.put(at + 62, "QQ", 2 << 30, 2 << 30)


@absurd
def user_block_of_a_terabyte(path: Path) -> None:
    """A file that begins after 1 TiB of nothing, which takes no place on the disk."""
    one_dataset(path)
    content = path.read_bytes()
    with open(path, "wb") as file:
        file.seek(1 << 40)
        file.write(content)
