"""What the parsers of metadata find in nodes, and what they do not believe."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack

import pytest

from h5s3.formats.hdf5.fetch.lookahead import LONGEST
from h5s3.formats.hdf5.metadata import pointers as nodes
from h5s3.formats.hdf5.metadata.chunk_index_pointers import layout
from h5s3.formats.hdf5.metadata.node import COUNT, OBJECT, Index, Node, Sizes, header, walk
from h5s3.formats.hdf5.metadata.pointers import MOST_POINTERS, pointers
from tests.support.chunked import KINDS, write
from tests.support.servers.memory import LOCATION, MemoryStore, one_file_session


def test_versions_of_the_layout() -> None:
    seen: dict[str, bytes] = {}
    for name, kind in KINDS.items():
        with pytest.MonkeyPatch.context() as patch:

            def noted(body: bytes, sizes: Sizes, name: str = name) -> Iterator[Node]:
                seen[name] = body
                return iter(())

            patch.setattr(nodes, "layout", noted)
            with one_file_session(LOCATION, MemoryStore(write(kind))) as session:
                session.file.find(b"/data")
    assert {body[0] for body in seen.values()} >= {3, 4}  # and 5, of libhdf5 2.0
    followed = {name: [node.kind for node in layout(body, Sizes())] for name, body in seen.items()}
    expected = {"fixed": "fixed", "extensible": "extensible", "version": "chunks", "one": "", "implicit": ""}
    for name, kinds in followed.items():
        word = "btree2" if "version 2" in name else expected[name.split(",")[0].split()[0]]
        assert kinds == [word] * bool(word), name
    old = b"\1\2\2" + bytes(5) + pack("<QIIII", 4096, 8, 8, 4, 0)
    assert list(layout(old, Sizes())) == [Sizes().chunks(4096, 2)]


def test_the_size_of_nodes_stands_in_the_superblock() -> None:
    start = bytes(8) + b"\1" + bytes(15) + pack("<H", 128)
    assert Sizes().with_chunks(start).chunk_k == 128
    assert Sizes().with_chunks(b"\0".join((start[:8], start[9:]))).chunk_k == 32
    assert Sizes().with_chunks(start[:20]) == Sizes().with_chunks(b"") == Sizes()


def test_nodes_larger_than_expected_are_asked_for_again() -> None:
    node = Sizes().chunks(0, 2)
    data = b"TREE\1\0" + pack("<H", 100) + bytes(node.length - 8)
    assert pointers(node, data, Sizes()) == [node._replace(length=24 + 200 * 32 + 24)]


def test_an_absurdly_deep_tree_is_not_followed() -> None:
    def tree(depth: int) -> bytes:
        return b"BTHD\0\5" + pack("<IHHBBQHQI", 512, 11, depth, 100, 40, 4096, 3, 3, 0)

    node = Node("btree2", 0, 38, walk(1))
    assert len(pointers(node, tree(2), Sizes())) == 1
    assert pointers(node, tree(65535), Sizes()) == []


def test_absurd_arrays_are_not_followed() -> None:
    huge = (1 << 64) - 2

    def fixed(size: int, bits: int, count: int) -> list[Node]:
        data = b"FAHD\0\1" + bytes([size, bits]) + pack("<QQI", count, 4096, 0)
        return pointers(Node("fixed", 0, 28, COUNT), data, Sizes())

    def extensible(*numbers: int) -> list[Node]:
        data = b"EAHD\0\1" + bytes(numbers) + bytes(48) + pack("<QI", 4096, 0)
        return pointers(Node("extensible", 0, 72, COUNT), data, Sizes())

    assert [node.length for node in fixed(8, 10, 1000)] == [14 + 8000 + 4]
    assert [node.kind for node in fixed(8, 10, 1_000_000)] == ["fixed_block"]
    assert fixed(8, 10, huge) == fixed(8, 0, 1_000_000) == []
    assert all(node.length > LONGEST for node in fixed(8, 255, huge))
    assert [node.kind for node in extensible(8, 32, 4, 16, 4, 10)] == ["extensible_index"]
    for numbers in (
        (8, 255, 4, 16, 4, 10),
        (8, 32, 4, 0, 4, 10),
        (8, 32, 4, 16, 3, 10),
        (8, 32, 4, 16, 4, 99),
    ):
        assert extensible(*numbers) == []


def test_pages_and_blocks_without_end() -> None:
    pages = Node("fixed_block", 64, 14 + 8192 + 4, COUNT, (65536, 12, 1 << 30))
    alternating = b"FADB\0\1" + bytes(8) + b"\xaa" * 8192 + bytes(4)
    assert len(pointers(pages, alternating, Sizes())) == 32768
    count = 40_000
    more = Node("extensible_more", 64, 18 + count * 16 + 4, COUNT, (4, count, 64, 8, 5))
    data = b"EASB\0\1" + bytes(12) + b"\xaa" * (8 * count) + pack("<Q", 4096) * count + bytes(4)
    assert len(pointers(more, data, Sizes())) == MOST_POINTERS


def test_a_known_index_is_not_followed() -> None:
    message = b"\3\2\2" + pack("<QII", 4096, 8, 8)
    data = b"\1\0\1\0" + pack("<II", 1, 64) + bytes(4) + pack("<HHI", 8, len(message), 0) + message
    data = data.ljust(512, b"\0")
    assert Sizes().chunks(4096, 2) in pointers(header(0, OBJECT), data, Sizes())
    known = header(0, OBJECT, chunk_index=Index.NEVER)
    assert Sizes().chunks(4096, 2) not in pointers(known, data, Sizes())
