"""Files that are not HDF5, or are no longer: none opens and walks cleanly."""

from __future__ import annotations

import gzip as gzip_module
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from tests.support.h5files.registry import bad_file, new_file

SIGNATURE = b"\x89HDF\r\n\x1a\n"


def _good(path: Path, libver: str = "earliest") -> bytearray:
    """The bytes of a sound file, which is written to the path on the way."""
    with new_file(path, libver) as file:
        group = file.create_group("group")
        group.create_dataset("data", data=np.arange(200), chunks=(50,))
        group["data"].attrs["unit"] = "m"
        file.create_dataset("other", data=np.arange(50))
        file.attrs["title"] = "sound"
    return bytearray(path.read_bytes())


def _spoil(path: Path, libver: str, change: Callable[[bytearray], object]) -> None:
    """Write a sound file, then its bytes after a change made to them in place."""
    content = _good(path, libver)
    change(content)
    path.write_bytes(content)


def _flip(content: bytearray, position: int) -> None:
    content[position] ^= 0xFF


@bad_file
def not_hdf5(path: Path) -> None:
    """A text file."""
    path.write_text(
        "time,value\n" + "".join(f"{number},{number**2}\n" for number in range(200)), encoding="utf-8"
    )


@bad_file
def empty_file(path: Path) -> None:
    """A file of no bytes."""
    path.write_bytes(b"")


@bad_file
def zeros(path: Path) -> None:
    """A file of zeros, as an upload that was allocated and never filled leaves."""
    path.write_bytes(bytes(4096))


@bad_file
def random_bytes(path: Path) -> None:
    """Noise."""
    path.write_bytes(np.random.default_rng(0).bytes(4096))


@bad_file
def html_error_page(path: Path) -> None:
    """The error page of a web server, saved in place of the file."""
    path.write_text("<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head><body></body></html>\n")


@bad_file
def xml_error(path: Path) -> None:
    """The error of an object store, saved in place of the file."""
    path.write_text('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>\n')


@bad_file
def lfs_pointer(path: Path) -> None:
    """The pointer that Git LFS leaves in place of the file."""
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n")


@bad_file
def gzipped(path: Path) -> None:
    """A sound file that was compressed as a whole."""
    path.write_bytes(gzip_module.compress(bytes(_good(path)), mtime=0))


@bad_file
def netcdf_classic(path: Path) -> None:
    """The header of a netCDF-3 file, which is another format under the same extension."""
    path.write_bytes(b"CDF\x01" + bytes(28))


@bad_file
def hdf4(path: Path) -> None:
    """The beginning of an HDF4 file."""
    path.write_bytes(b"\x0e\x03\x13\x01" + bytes(508))


@bad_file
def short_signature(path: Path) -> None:
    """The first four bytes of the signature, and no more."""
    path.write_bytes(SIGNATURE[:4])


@bad_file
def signature_only(path: Path) -> None:
    """The signature, and no more."""
    path.write_bytes(SIGNATURE)


@bad_file
def signature_at_512_only_garbage(path: Path) -> None:
    """Noise, with the signature where one may be after a user block."""
    content = bytearray(np.random.default_rng(1).bytes(4096))
    content[512 : 512 + len(SIGNATURE)] = SIGNATURE
    path.write_bytes(content)


@bad_file
def truncated(path: Path) -> None:
    """The first half of a sound file."""
    content = _good(path)
    path.write_bytes(content[: len(content) // 2])


@bad_file
def cut_tail(path: Path) -> None:
    """A sound file without its last 100 bytes."""
    path.write_bytes(_good(path)[:-100])


@bad_file
def text_mode_transfer(path: Path) -> None:
    """A file that lost its carriage returns in a transfer as text."""
    path.write_bytes(_good(path).replace(b"\r\n", b"\n"))


@bad_file
def flipped_superblock(path: Path) -> None:
    """A superblock that its checksum disagrees with."""
    _spoil(path, "latest", lambda content: _flip(content, 30))


@bad_file
def future_superblock(path: Path) -> None:
    """A superblock of a version there is none of."""
    _spoil(path, "latest", lambda content: content.__setitem__(8, 9))


@bad_file
def corrupted_btree(path: Path) -> None:
    """A root group whose B-tree is none: the file opens, its links cannot be listed."""
    _spoil(path, "earliest", lambda content: _flip(content, content.index(b"TREE")))


@bad_file
def corrupted_local_heap(path: Path) -> None:
    """A root group whose heap of names is none."""
    _spoil(path, "earliest", lambda content: _flip(content, content.index(b"HEAP")))


@bad_file
def corrupted_object_header(path: Path) -> None:
    """A root group whose object header its checksum disagrees with."""
    _spoil(path, "latest", lambda content: _flip(content, content.index(b"OHDR") + 12))


@bad_file
def corrupted_child_header(path: Path) -> None:
    """A dataset whose object header its checksum disagrees with: all but that dataset can be read."""

    def change(content: bytearray) -> None:
        with h5py.File(path, "r") as file:
            address = h5py.h5o.get_info(file.id, b"other").addr
        _flip(content, address + 12)

    _spoil(path, "latest", change)


@bad_file
def swmr_left_open(path: Path) -> None:
    """What a single-writer, multiple-reader writer that never closed the file leaves behind."""
    unfinished = path.with_name(f"{path.name}.writing")
    with new_file(unfinished, "latest") as file:
        file.create_dataset("log", data=np.arange(20), maxshape=(None,), chunks=(8,))
        file.swmr_mode = True
        file.flush()
        path.write_bytes(unfinished.read_bytes())
    unfinished.unlink()
