"""Damage that a mutation fuzz found to confuse, each built anew here."""

from __future__ import annotations

import io
import time
from pathlib import Path

import h5py
import pytest
from h5py import h5f, h5p

from h5s3.errors import DamagedError
from h5s3.explore.tree import tree
from tests.support.cli import spawn
from tests.support.memory import LOCATION, MemoryStore, memory_session


def with_endless_heap(width: int = 8) -> bytes:
    """A file with an attribute whose string lies in a heap of zeros; lengths are of so many bytes."""
    stream, plist = io.BytesIO(), h5p.create(h5p.FILE_CREATE)
    plist.set_sizes(width, width)
    access = h5p.create(h5p.FILE_ACCESS)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, stream)
    with h5py.File(h5f.create(b"new", h5f.ACC_TRUNC, plist, access)) as file:
        file["data"] = [1, 2, 3]
        file["data"].attrs["title"] = "a string"
        file["data"].attrs["plain"] = 7
    data = bytearray(stream.getvalue())
    heap = data.index(b"GCOL") + 8 + width
    data[heap : heap + 64] = bytes(64)
    return bytes(data)


def test_a_heap_without_end_costs_what_lies_in_it(tmp_path: Path) -> None:
    """libhdf5 would step over objects of length 0 for ever."""
    path = tmp_path / "endless.h5"
    path.write_bytes(with_endless_heap())
    result = spawn("tree", path, "-r", "--attrs", "--json", "--no-cache", "--timeout", "20")
    (node,) = result.json["children"]
    found = {item["name"]: item.get("error", item["value"]) for item in node["attributes"]}
    assert found == {"plain": 7, "title": "the file is damaged: a global heap that does not end"}


def test_a_hang_inside_libhdf5_ends_in_time(tmp_path: Path) -> None:
    """The same where lengths have 4 bytes: of those heaps only libhdf5 knows."""
    path = tmp_path / "endless.h5"
    path.write_bytes(with_endless_heap(4))
    begin = time.monotonic()
    result = spawn("tree", path, "-r", "--attrs", "--no-cache", "--timeout", "2")
    assert result.failed(5) == f"{path}: not done within 2 s; raise --timeout"
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("user_block", [0, 512])
def test_a_superblock_that_is_cut_is_never_read(libver: str, user_block: int) -> None:
    """libhdf5 decodes what is missing from memory that it did not write."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver=libver, userblock_size=user_block):
        pass
    whole = stream.getvalue()
    size = 96 if libver == "earliest" else 48
    for length in range(9, size):
        with memory_session(MemoryStore(whole[: user_block + length])) as session:
            with pytest.raises(DamagedError, match=f"truncated: {user_block + length} bytes are fewer"):
                tree(session, LOCATION)
