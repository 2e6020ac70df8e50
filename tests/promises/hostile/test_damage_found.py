"""Kinds of damage that fuzzing found and that once gave wrong answers, each made here by hand."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5f, h5p
from msgspec import UNSET

from h5s3.errors import DamagedError
from h5s3.explore.meta import meta
from h5s3.explore.preview.preview import preview
from h5s3.explore.preview.request import PreviewRequest
from h5s3.explore.tree import tree
from h5s3.formats.hdf5.fetch.block_file import BlockFile
from h5s3.formats.requests import MetaRequest, TreeRequest
from h5s3.records import DatasetNode, GroupNode
from h5s3.storage.trace import Trace
from tests.support.cli import run, spawn
from tests.support.h5files import make as h5files
from tests.support.hostile.mutate import lookup3, summed_regions
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session


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
    result = spawn("tree", path, "-r", "--attrs", "--no-cache", "--timeout", "1")
    assert result.failed(5) == f"{path}: not done within 1 s; raise --timeout"


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


def test_beyond_the_end_there_are_zeros(tmp_path: Path) -> None:
    """As from files on disk: h5py hands libhdf5 whatever memory a short read leaves unfilled."""
    path = tmp_path / "driver.h5"
    with h5py.File(path, "w") as file:
        file["data"] = [1, 2, 3]
    content = bytearray(path.read_bytes())
    content[48:56] = (len(content) + (1 << 50)).to_bytes(8, "little")  # of a block of the driver's
    path.write_bytes(content)
    with h5py.File(path) as file:
        assert list(file) == ["data"]
    for _ in range(5):
        with memory_session(MemoryStore(bytes(content))) as session:
            assert [child.name for child in tree(session, LOCATION).children] == ["data"]
    store = MemoryStore(b"0123456789")
    blocks = BlockFile(store, None, store.info, Trace())
    for start, read in ((4, b"456789" + bytes(4)), (10, bytes(10)), (1 << 60, bytes(10))):
        blocks.seek(start)
        buffer = bytearray(b"\xaa" * 10)
        assert blocks.readinto(memoryview(buffer)) == max(0, 10 - start) and buffer == read


def test_a_region_that_cannot_be_told_spares_the_others() -> None:
    """A selection that begins outside of its dataset."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        data = file.create_dataset("data", data=np.arange(12).reshape(3, 4))
        regions = [data.regionref[0:2, 1:3], data.regionref[1:3, 0:2]]
        file.attrs.create("regions", regions, dtype=h5py.regionref_dtype)
    content = bytearray(stream.getvalue())
    content[content.index(b"GCOL") + 64] = 32  # the first row of the first region
    with memory_session(MemoryStore(bytes(content))) as session:
        (attribute,) = meta(session, LOCATION).attributes
    assert attribute.value == ["dangling", "/data[1:3,0:2]"]


def test_a_chunk_that_is_nowhere_is_damage() -> None:
    """An index with an undefined address: h5py has no place to tell of."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        data = file.create_dataset("data", data=np.arange(8, dtype="<i4"), chunks=(4,))
        address = data.id.get_chunk_info(1).byte_offset.to_bytes(8, "little")
    content = stream.getvalue()
    assert content.count(address) == 1
    content = content.replace(address, b"\xff" * 8)
    with memory_session(MemoryStore(content)) as session:
        with pytest.raises(DamagedError, match="its index has a chunk without an address"):
            preview(session, LOCATION, PreviewRequest("/data"))
        document = meta(session, LOCATION, MetaRequest("/data"))
        assert document.shape == [8] and document.num_chunks is None


def test_a_group_whose_order_is_hidden_is_listed() -> None:
    """Its properties cannot be read as a whole, though its links can."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", libver="latest") as file:
        file["first"], file["second"] = 1, 2
    content = bytearray(stream.getvalue())
    start, stop = next(region for region in summed_regions(bytes(content)) if content[region[0]] == ord("O"))
    message = content.index(b"\x0a\x02\x00\x01\x00\x00", start, stop)
    content[message + 4] = 16  # the version of its group info
    content[stop : stop + 4] = lookup3(bytes(content[start:stop])).to_bytes(4, "little")
    with memory_session(MemoryStore(bytes(content))) as session:
        assert [child.name for child in tree(session, LOCATION).children] == ["first", "second"]
        document = meta(session, LOCATION)
    assert document.num_children == 2 and document.creation_order is UNSET


def test_a_file_that_cannot_be_closed_is_damaged(tmp_path: Path) -> None:
    """libhdf5 loses count of what it holds, and says so when it is to let go of it."""
    content = bytearray(h5files.make("attributes_many", tmp_path).read_bytes())
    heap = content.index(b"FRHP")
    start, stop = next(region for region in summed_regions(bytes(content)) if region[0] == heap)
    content[start + 23] ^= 0x20  # of the address of the free space in the heap, of which there is none
    content[stop : stop + 4] = lookup3(bytes(content[start:stop])).to_bytes(4, "little")
    path = tmp_path / "damaged.h5"
    path.write_bytes(content)
    assert "the file is damaged: Pinned entry count" in run("tree", path, "-r", "--attrs").failed(6)
    with memory_session(MemoryStore(bytes(content))) as session, pytest.raises(DamagedError):
        tree(session, LOCATION, TreeRequest(depth=0, attributes=True))


def test_attributes_that_cannot_be_told_leave_their_object(tmp_path: Path) -> None:
    """The names of the dataset's attributes lead nowhere; the dataset is there, and so is the group."""
    content = bytearray(h5files.make("attributes_many", tmp_path).read_bytes())
    start, stop = next(region for region in summed_regions(bytes(content)) if region[0] <= 13276 < region[1])
    content[13276:13284] = (0xBF91).to_bytes(8, "little")
    content[stop : stop + 4] = lookup3(bytes(content[start:stop])).to_bytes(4, "little")
    path = tmp_path / "damaged.h5"
    path.write_bytes(content)
    shown = run("tree", path, "-r", "--attrs")
    assert shown.code == 0 and "@… unreadable: can't locate attribute" in shown.out
    with memory_session(MemoryStore(bytes(content))) as session:
        data, group = tree(session, LOCATION, TreeRequest(attributes=True)).children
    assert isinstance(data, DatasetNode) and isinstance(group, GroupNode)
    assert data.shape == [2] and data.attributes_error == "can't locate attribute in name index"
    assert data.attributes is UNSET and group.num_attributes == 300
