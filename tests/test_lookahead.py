"""What hostile pointers may cost: look-ahead believes only so much."""

from __future__ import annotations

from struct import pack

from h5s3.reader.lookahead import LONGEST, Lookahead
from h5s3.reader.node import Node, Sizes
from h5s3.reader.nodes import pointers


def test_an_absurdly_deep_tree_is_not_followed() -> None:
    def tree(depth: int) -> bytes:
        return b"BTHD\0\5" + pack("<IHHBBQHQI", 512, 11, depth, 100, 40, 4096, 3, 3, 0)

    node = Node("btree2", 0, 38, 1)
    assert len(pointers(node, tree(2), Sizes())) == 1
    assert pointers(node, tree(65535), Sizes()) == []


def test_an_absurdly_long_node_is_not_asked_for() -> None:
    asked: list[tuple[int, int]] = []

    def missing(start: int, stop: int) -> list[int]:
        asked.append((start, stop))
        return [start]

    look = Lookahead(lambda start, stop: None, missing, 0, 1 << 40, Sizes())
    assert look.expect([Node("direct", 64, LONGEST + 1, 1)]) == set()
    assert look.expect([Node("direct", 64, LONGEST, 1)]) == {64}
    assert asked == [(64, 64 + LONGEST)]


def test_a_node_that_points_to_itself_is_read_once() -> None:
    data = b"TREE\0\1" + pack("<H", 1) + b"\xff" * 16 + pack("<QQ", 0, 0) + bytes(500)
    peeks: list[int] = []

    def peek(start: int, stop: int) -> bytes:
        peeks.append(start)
        return data

    look = Lookahead(peek, lambda start, stop: [], 0, 4096, Sizes())
    assert look.expect([Sizes().tree(0, 1)]) == set()
    assert peeks == [0]
