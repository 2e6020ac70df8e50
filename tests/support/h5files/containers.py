"""Generated files: what surrounds the objects, that is superblocks, file spaces, how the file was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5f, h5p

from tests.support.h5files.registry import fixture_file, new_file

PAGE = 4096


def _content(file: h5py.File) -> None:
    """A little of everything, the same in each file here."""
    file.attrs["title"] = "container"
    group = file.create_group("group")
    group.create_dataset("chunked", data=np.arange(100).reshape(10, 10), chunks=(4, 4), compression="gzip")
    group.create_dataset("contiguous", data=np.arange(10, dtype="<f8")).attrs["unit"] = "m"
    file["soft"] = h5py.SoftLink("/group/chunked")


def _written(path: Path, libver: str | tuple[str, str] = "earliest", **options: Any) -> None:
    with new_file(path, libver, **options) as file:
        _content(file)


@fixture_file
def empty_root(path: Path) -> None:
    """A file with nothing in it."""
    new_file(path).close()


@fixture_file
def empty_root_latest(path: Path) -> None:
    """A file of the newest format with nothing in it."""
    new_file(path, "latest").close()


@fixture_file
def libver_earliest(path: Path) -> None:
    """The oldest format: superblock version 0."""
    _written(path)


@fixture_file
def libver_v108(path: Path) -> None:
    """The format of 1.8: superblock version 2, object headers with checksums."""
    _written(path, ("v108", "v108"))


@fixture_file
def libver_v110(path: Path) -> None:
    """The format of 1.10: superblock version 3."""
    _written(path, ("v110", "v110"))


@fixture_file
def libver_v112(path: Path) -> None:
    """The format of 1.12."""
    _written(path, ("v112", "v112"))


@fixture_file
def libver_v114(path: Path) -> None:
    """The format of 1.14."""
    _written(path, ("v114", "v114"))


@fixture_file
def libver_v200(path: Path) -> None:
    """The format of 2.0."""
    _written(path, ("v200", "v200"))


@fixture_file
def libver_latest(path: Path) -> None:
    """Whatever the newest format is."""
    _written(path, "latest")


@fixture_file
def user_block(path: Path) -> None:
    """512 bytes of something else before the HDF5 signature."""
    _written(path, userblock_size=512)
    _fill_user_block(path, 512)


@fixture_file
def user_block_large(path: Path) -> None:
    """A user block of 8 KiB before a file of the newest format."""
    _written(path, "latest", userblock_size=8192)
    _fill_user_block(path, 8192)


def _fill_user_block(path: Path, size: int) -> None:
    with path.open("r+b") as stream:
        stream.write((b"#!/bin/sh\n# user block\n" * size)[:size])


@fixture_file
def space_page(path: Path) -> None:
    """The file space strategy page, of 4,096 bytes."""
    _written(path, "latest", fs_strategy="page", fs_page_size=PAGE)


@fixture_file
def space_page_persistent(path: Path) -> None:
    """The strategy page with its free space kept in the file."""
    _written(path, "latest", fs_strategy="page", fs_page_size=PAGE, fs_persist=True, fs_threshold=1)
    with h5py.File(path, "r+", libver="latest") as file:
        del file["group/chunked"]


@fixture_file
def space_page_large(path: Path) -> None:
    """The strategy page of 64 KiB, as a file prepared for object storage has."""
    _written(path, "latest", fs_strategy="page", fs_page_size=65536)


@fixture_file
def space_aggregator(path: Path) -> None:
    """The file space strategy aggregate."""
    _written(path, "latest", fs_strategy="aggregate")


@fixture_file
def space_manager(path: Path) -> None:
    """The file space strategy of free-space managers, with the free space kept in the file."""
    _written(path, "latest", fs_strategy="fsm", fs_persist=True)
    with h5py.File(path, "r+", libver="latest") as file:
        del file["group/contiguous"]


@fixture_file
def space_none(path: Path) -> None:
    """The file space strategy none."""
    _written(path, "latest", fs_strategy="none")


@fixture_file
def swmr_written(path: Path) -> None:
    """A file that was appended to in single-writer, multiple-reader mode, and closed."""
    with new_file(path, "latest") as file:
        _content(file)
        log = file.create_dataset("log", shape=(0,), maxshape=(None,), chunks=(8,), dtype="<i4")
        file.swmr_mode = True
        for number in range(5):
            log.resize((4 * (number + 1),))
            log[-4:] = number
            log.flush()


@fixture_file
def small_sizes(path: Path) -> None:
    """A file whose addresses and lengths take four bytes instead of eight."""
    _with_plist(path, h5f.LIBVER_EARLIEST, sizes=(4, 4))


@fixture_file
def small_sizes_latest(path: Path) -> None:
    """A file of the newest format whose addresses take four bytes and whose lengths eight."""
    _with_plist(path, h5f.LIBVER_LATEST, sizes=(4, 8))


def _with_plist(path: Path, low: int, sizes: tuple[int, int]) -> None:
    """A file made with the low-level interface, which alone sets the size of addresses and lengths."""
    creation = h5p.create(h5p.FILE_CREATE)
    creation.set_sizes(*sizes)
    creation.set_obj_track_times(False)
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_libver_bounds(low, h5f.LIBVER_LATEST)
    access.set_fclose_degree(h5f.CLOSE_STRONG)
    with h5py.File(h5f.create(str(path).encode(), h5f.ACC_TRUNC, creation, access)) as file:
        _content(file)


@fixture_file
def aligned(path: Path) -> None:
    """Every object at an address that is a multiple of 4,096, with gaps between them."""
    with h5py.File(path, "w", libver="earliest", alignment_threshold=1, alignment_interval=PAGE) as file:
        _content(file)


@fixture_file
def track_times(path: Path) -> None:
    """Objects with the time of their making; the only file whose bytes differ from run to run."""
    with new_file(path, "latest", track_times=True) as file:
        file.create_dataset("data", data=np.arange(3), track_times=True)
        file.create_group("group", track_times=True)


@fixture_file
def trailing_bytes(path: Path) -> None:
    """A whole file with something appended to it, which HDF5 does not mind."""
    _written(path)
    with path.open("ab") as stream:
        stream.write(b"trailing" * 64)
