"""Where the nodes of an HDF5 file point: read for look-ahead alone, never for an answer.

Layouts are those of the HDF5 File Format Specification, version 3.0, with addresses and lengths of 8 bytes;
its sections are named beside each parser. The unexpected yields no pointers: libhdf5 finds out for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from struct import error as StructError
from struct import unpack_from

from h5s3.formats.hdf5.metadata.chunk_index_pointers import PARSERS as CHUNKS
from h5s3.formats.hdf5.metadata.chunk_index_pointers import layout
from h5s3.formats.hdf5.metadata.node import COUNT, OBJECT, UNDEFINED, Goal, Index, Node, Sizes, header

FEW = 4  # links that are all followed, where just one is looked for
MOST_POINTERS = 1 << 16  # of one node that are believed
MOST_ENTRIES = 4096  # of one block of a fractal heap
DEEPEST_TREE = 16  # levels of a version 2 B-tree that are believed


def pointers(node: Node, data: bytes, sizes: Sizes) -> list[Node]:
    """What a node points to. `data` begins at its address and is as long as it, or ends with the file."""
    found: list[Node] = []
    with suppress(StructError, IndexError, OverflowError, ZeroDivisionError):
        found.extend(islice(_PARSERS[node.kind](node, data, sizes), MOST_POINTERS))
    return [item for item in found if item.address != UNDEFINED]


def _header(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    """Object header, IV.A.1: longer ones than expected are asked for whole."""
    if data[:4] == b"OHDR":
        flags = data[5]
        at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        start = at + width
        stop = start + int.from_bytes(data[at:start], "little")
        wanted = stop + 4
        messages = _messages_v2(data, start, stop, flags)
    elif data[0] == 1:
        stop = 16 + unpack_from("<I", data, 8)[0]
        wanted = stop
        messages = _messages_v1(data, 16, stop)
    else:
        return
    if len(data) < wanted <= 1 << 20 and node.length < wanted:
        yield node._replace(length=wanted)
        return
    yield from _message_pointers(messages, node, sizes, 1 if data[0] == 1 else 2)


def _more_v1(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    return _message_pointers(_messages_v1(data, 0, len(data)), node, sizes, 1)


def _more_v2(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    if data[:4] != b"OCHK":
        return iter(())
    return _message_pointers(_messages_v2(data, 4, len(data) - 4, node.extra[0]), node, sizes, 2)


Message = tuple[int, bytes, int]  # type, body, flags of the header it stands in


def _messages_v1(data: bytes, at: int, stop: int) -> Iterator[Message]:
    while at + 8 <= min(stop, len(data)):
        kind, size = unpack_from("<HH", data, at)
        yield kind, data[at + 8 : at + 8 + size], 0
        at += 8 + size


def _messages_v2(data: bytes, at: int, stop: int, flags: int) -> Iterator[Message]:
    lead = 6 if flags & 4 else 4
    while at + lead <= min(stop, len(data)):
        kind, size = data[at], unpack_from("<H", data, at + 1)[0]
        yield kind, data[at + lead : at + lead + size], flags
        at += lead + size


def _message_pointers(messages: Iterator[Message], node: Node, sizes: Sizes, version: int) -> Iterator[Node]:
    goal = node.goal
    below = goal.below
    for kind, body, flags in messages:
        if kind == 0x11:  # symbol table, IV.A.2.r
            tree, heap = unpack_from("<QQ", body)
            yield from _symbol_table(tree, heap, goal, sizes)
        elif kind == 0x10:  # continuation, IV.A.2.q
            address, length = unpack_from("<QQ", body)
            if length <= 1 << 20:
                yield Node(f"more_v{version}", address, length, goal, (flags,), 0, node.chunk_index)
        elif kind == 0x02:  # link info, IV.A.2.c
            at = 2 + (8 if body[1] & 1 else 0)
            yield from _dense(body, at, body[1] & 2, goal)
        elif kind == 0x06 and goal.levels:  # link, IV.A.2.g
            address, _ = _read_link(body, 0)
            if address is not None:
                yield header(address, below)
        elif kind == 0x15 and goal == OBJECT:  # attribute info, IV.A.2.v
            yield from _dense(body, 2 + (2 if body[1] & 1 else 0), body[1] & 2, goal)
        elif kind == 0x08 and goal == OBJECT and node.chunk_index is not Index.NEVER:  # data layout, IV.A.2.i
            yield from layout(body, sizes)


def _read_link(data: bytes, at: int) -> tuple[int | None, int]:
    """Link message, IV.A.2.g: the address of a hard link (None for others), and where it ends."""
    version, flags = data[at], data[at + 1]
    if version != 1:
        raise IndexError
    at += 2
    kind = 0
    if flags & 8:
        kind, at = data[at], at + 1
    at += (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
    width = 1 << (flags & 3)
    length = int.from_bytes(data[at : at + width], "little")
    at += width + length
    if kind == 0:
        return unpack_from("<Q", data, at)[0], at + 8
    return None, at + 2 + unpack_from("<H", data, at)[0]


# ------------------------------------------------------------------------------- groups of old libraries


def _symbol_table(tree: int, heap: int, goal: Goal, sizes: Sizes) -> Iterator[Node]:
    yield sizes.tree(tree, goal)
    if goal != COUNT:
        yield Node("heap", heap, 32, goal)


def _tree(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    """Version 1 B-tree node of a group, III.A.1."""
    if data[:4] != b"TREE" or data[4] != 0:
        return
    depth, entries = data[5], unpack_from("<H", data, 6)[0]
    if node.goal.finding and entries > FEW:
        return
    fill = sizes.leaf_k * (sizes.internal_k if depth else 1)  # links below each entry, at the least
    for number in range(min(entries, 2 * sizes.internal_k)):
        address = unpack_from("<Q", data, 24 + 8 + number * 16)[0]
        left = node.limit - number * fill  # a later entry begins after as many links, or more
        goal = COUNT if node.limit and left <= 0 else node.goal
        below = sizes.tree(address, goal) if depth else sizes.leaf(address, goal)
        yield below._replace(limit=max(0, left))


def _leaf(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    """Symbol table node, III.B: an entry may carry the addresses of its group's own B-tree and heap."""
    entries = unpack_from("<H", data, 6)[0]
    if data[:4] != b"SNOD" or not node.goal.levels or (node.goal.finding and entries > FEW):
        return
    below = node.goal.below
    for number in range(min(entries, 2 * sizes.leaf_k)):
        _, address, cached, _, tree, heap = unpack_from("<QQIIQQ", data, 8 + number * 40)
        if cached == 2:
            continue
        yield header(address, below)
        if cached == 1:
            yield from _symbol_table(tree, heap, below, sizes)


def _heap(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Local heap, III.D: its data segment holds the names."""
    if data[:4] == b"HEAP":
        length, _, address = unpack_from("<QQQ", data, 8)
        if length <= 1 << 22:
            yield Node("data", address, length, node.goal)


# ------------------------------------------------------------- dense storage: many links or attributes


def _dense(body: bytes, at: int, ordered: int, goal: Goal) -> Iterator[Node]:
    """A fractal heap and the version 2 B-trees over it, of links or of attributes."""
    heap, names = unpack_from("<QQ", body, at)
    yield Node("btree2", names, 38, goal)
    if ordered:
        yield Node("btree2", unpack_from("<Q", body, at + 16)[0], 38, goal)
    if goal != COUNT:
        yield Node("fractal", heap, 146, goal)


def _btree2(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Version 2 B-tree header, III.A.2."""
    if data[:4] != b"BTHD":
        return
    size, record, depth = unpack_from("<IHH", data, 6)
    root, records = unpack_from("<QH", data, 16)
    if size <= 1 << 16 and depth <= DEEPEST_TREE:
        yield Node("btree2_node", root, size, node.goal, (record, depth, records))


def _btree2_node(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Internal node of a version 2 B-tree, III.A.2: the width of its counts follows from what fits."""
    record, depth, records = node.extra
    if depth == 0 or node.goal.finding or data[:4] != b"BTIN":
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
        count = int.from_bytes(data[place + 8 : place + 8 + width], "little")
        yield Node("btree2_node", address, node.length, node.goal, (record, depth - 1, count))


def _fractal(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Fractal heap header, III.G."""
    if data[:4] != b"FRHP" or unpack_from("<H", data, 7)[0]:
        return
    checked = data[9] & 2
    width, start, most, bits, _rows, root, rows = unpack_from("<HQQHHQH", data, 110)
    extra = (width, start, most, bits, checked)
    goal = COUNT if node.limit and unpack_from("<Q", data, 70)[0] > node.limit else node.goal
    if rows == 0:
        yield Node("direct", root, start, goal, extra)
    elif rows <= 64 and width <= 64:
        yield _indirect_node(root, rows, goal, extra)


def _indirect_node(address: int, rows: int, goal: Goal, extra: tuple[int, ...]) -> Node:
    width, _, _, bits, _ = extra
    return Node("indirect", address, 13 + -(-bits // 8) + rows * width * 8 + 4, goal, (*extra, rows))


def _indirect(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Indirect block of a fractal heap, III.G: rows of direct blocks, ever larger, then of indirect ones."""
    if data[:4] != b"FHIB" or node.goal.finding:
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
                yield Node("direct", address, size, node.goal, extra)
            else:
                first = (start * width).bit_length()
                yield _indirect_node(address, max(1, size.bit_length() - first + 1), node.goal, extra)


def _direct(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    """Direct block of a fractal heap, III.G, taken for a row of link messages, as writing them leaves it."""
    if data[:4] != b"FHDB" or node.goal.finding or not node.goal.levels:
        return
    _, _, _, bits, checked = node.extra
    at = 13 + -(-bits // 8) + (4 if checked else 0)
    below = node.goal.below
    for _number in range(MOST_ENTRIES):
        if at + 2 > len(data) or data[at] != 1:
            return
        address, at = _read_link(data, at)
        if address is not None:
            yield header(address, below)


def _nothing(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    return iter(())


_PARSERS: dict[str, Callable[[Node, bytes, Sizes], Iterator[Node]]] = {
    **CHUNKS,
    "header": _header,
    "more_v1": _more_v1,
    "more_v2": _more_v2,
    "tree": _tree,
    "leaf": _leaf,
    "heap": _heap,
    "btree2": _btree2,
    "btree2_node": _btree2_node,
    "fractal": _fractal,
    "indirect": _indirect,
    "direct": _direct,
    "data": _nothing,
}
