"""Where version 2 B-trees and fractal heaps point: the homes of many links or attributes.

Sections are of the HDF5 File Format Specification, version 3.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack_from

from h5s3.formats.hdf5.metadata.node import Node, Sizes, below, read_link

MOST_ENTRIES = 4096  # of one block
DEEPEST = 16  # levels of a B-tree that are believed


def _btree2(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Version 2 B-tree header, III.A.2."""
    if data[:4] != b"BTHD":
        return
    size, record, depth = unpack_from("<IHH", data, 6)
    root, records = unpack_from("<QH", data, 16)
    if size <= 1 << 16 and depth <= DEEPEST:
        yield Node("btree2_node", root, size, node.level, (record, depth, records))


def _btree2_node(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Internal node of a version 2 B-tree, III.A.2: the width of its counts follows from what fits."""
    record, depth, records = node.extra
    if depth == 0 or node.level < 0 or data[:4] != b"BTIN":
        return
    most = (node.length - 10) // record
    width = most.bit_length() // 8 + (1 if most.bit_length() % 8 else 0)
    total, total_width = most, 0
    for _level in range(1, depth):
        fits = (node.length - 10 - 8 - width - total_width) // (record + 8 + width + total_width)
        total = (fits + 1) * total + fits
        total_width = -(-total.bit_length() // 8)
    at = 6 + records * record
    for number in range(records + 1):
        place = at + number * (8 + width + total_width)
        address = unpack_from("<Q", data, place)[0]
        below = int.from_bytes(data[place + 8 : place + 8 + width], "little")
        yield Node("btree2_node", address, node.length, node.level, (record, depth - 1, below))


def _fractal(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Fractal heap header, III.G."""
    if data[:4] != b"FRHP" or unpack_from("<H", data, 7)[0]:
        return
    checked = data[9] & 2
    width, start, most, bits, _rows, root, rows = unpack_from("<HQQHHQH", data, 110)
    extra = (width, start, most, bits, checked)
    level = 0 if node.limit and unpack_from("<Q", data, 70)[0] > node.limit else node.level
    if rows == 0:
        yield Node("direct", root, start, level, extra)
    elif rows <= 64 and width <= 64:
        yield _indirect_node(root, rows, level, extra)


def _indirect_node(address: int, rows: int, level: int, extra: tuple[int, ...]) -> Node:
    width, _, _, bits, _ = extra
    return Node("indirect", address, 13 + -(-bits // 8) + rows * width * 8 + 4, level, (*extra, rows))


def _indirect(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Indirect block of a fractal heap, III.G: rows of direct blocks, ever larger, then of indirect ones."""
    if data[:4] != b"FHIB" or node.level < 0:
        return
    width, start, most, bits, checked, rows = node.extra
    direct_rows = most.bit_length() - start.bit_length() + 2
    at = 13 + -(-bits // 8)
    for row in range(rows):
        size = start << max(0, row - 1)
        for column in range(width):
            address = unpack_from("<Q", data, at + (row * width + column) * 8)[0]
            extra = (width, start, most, bits, checked)
            if row < direct_rows:
                yield Node("direct", address, size, node.level, extra)
            else:
                first = (start * width).bit_length()
                yield _indirect_node(address, max(1, size.bit_length() - first + 1), node.level, extra)


def _direct(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    """Direct block of a fractal heap, III.G, taken for a row of link messages, as writing them leaves it."""
    if data[:4] != b"FHDB" or node.level < 1:
        return
    _, _, _, bits, checked = node.extra
    at = 13 + -(-bits // 8) + (4 if checked else 0)
    for _number in range(MOST_ENTRIES):
        if at + 2 > len(data) or data[at] != 1:
            return
        address, at = read_link(data, at)
        if address is not None:
            yield below(node, address)


PARSERS = {
    "btree2": _btree2,
    "btree2_node": _btree2_node,
    "fractal": _fractal,
    "indirect": _indirect,
    "direct": _direct,
}
