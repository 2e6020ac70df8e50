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
from h5s3.formats.hdf5.metadata.dense_pointers import PARSERS as DENSE
from h5s3.formats.hdf5.metadata.node import KNOWN, UNDEFINED, Node, Sizes, below, read_link

FEW = 4  # links that are all followed, where just one is looked for
MOST_POINTERS = 1 << 16  # of one node that are believed


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
    known = (KNOWN,) if KNOWN in node.extra else ()
    for kind, body, flags in messages:
        if kind == 0x11:  # symbol table, IV.A.2.r
            tree, heap = unpack_from("<QQ", body)
            yield from _symbol_table(tree, heap, node.level, sizes)
        elif kind == 0x10:  # continuation, IV.A.2.q
            address, length = unpack_from("<QQ", body)
            if length <= 1 << 20:
                yield Node(f"more_v{version}", address, length, node.level, (flags, *known))
        elif kind == 0x02:  # link info, IV.A.2.c
            at = 2 + (8 if body[1] & 1 else 0)
            yield from _dense(body, at, body[1] & 2, node.level)
        elif kind == 0x06 and node.level not in (0, -1):  # link, IV.A.2.g
            address, _ = read_link(body, 0)
            if address is not None:
                yield below(node, address)
        elif kind == 0x15 and node.level == -1:  # attribute info, IV.A.2.v
            yield from _dense(body, 2 + (2 if body[1] & 1 else 0), body[1] & 2, node.level)
        elif kind == 0x08 and node.level == -1 and KNOWN not in node.extra:  # data layout, IV.A.2.i
            yield from layout(body, sizes)


def _dense(body: bytes, at: int, ordered: int, level: int) -> Iterator[Node]:
    """A fractal heap and the version 2 B-trees over it, of links or of attributes."""
    heap, names = unpack_from("<QQ", body, at)
    yield Node("btree2", names, 38, level)
    if ordered:
        yield Node("btree2", unpack_from("<Q", body, at + 16)[0], 38, level)
    if level:
        yield Node("fractal", heap, 146, level)


def _symbol_table(tree: int, heap: int, level: int, sizes: Sizes) -> Iterator[Node]:
    yield sizes.tree(tree, level)
    if level:
        yield Node("heap", heap, 32, level)


def _tree(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    """Version 1 B-tree node of a group, III.A.1."""
    if data[:4] != b"TREE" or data[4] != 0:
        return
    depth, entries = data[5], unpack_from("<H", data, 6)[0]
    if node.level < 0 and entries > FEW:
        return
    fill = sizes.leaf_k * (sizes.internal_k if depth else 1)  # links below each entry, at the least
    for number in range(min(entries, 2 * sizes.internal_k)):
        address = unpack_from("<Q", data, 24 + 8 + number * 16)[0]
        left = node.limit - number * fill  # a later entry begins after as many links, or more
        level = 0 if node.limit and left <= 0 else node.level
        below = sizes.tree(address, level) if depth else sizes.leaf(address, level)
        yield below._replace(limit=max(0, left))


def _leaf(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    """Symbol table node, III.B: an entry may carry the addresses of its group's own B-tree and heap."""
    entries = unpack_from("<H", data, 6)[0]
    if data[:4] != b"SNOD" or node.level in (0, -1) or (node.level < 0 and entries > FEW):
        return
    for number in range(min(entries, 2 * sizes.leaf_k)):
        _, address, cached, _, tree, heap = unpack_from("<QQIIQQ", data, 8 + number * 40)
        if cached == 2:
            continue
        child = below(node, address)
        yield child
        if cached == 1:
            yield from _symbol_table(tree, heap, child.level, sizes)


def _heap(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Local heap, III.D: its data segment holds the names."""
    if data[:4] == b"HEAP":
        length, _, address = unpack_from("<QQQ", data, 8)
        if length <= 1 << 22:
            yield Node("data", address, length, node.level)


def _nothing(node: Node, data: bytes, sizes: Sizes) -> Iterator[Node]:
    return iter(())


_PARSERS: dict[str, Callable[[Node, bytes, Sizes], Iterator[Node]]] = {
    **CHUNKS,
    **DENSE,
    "header": _header,
    "more_v1": _more_v1,
    "more_v2": _more_v2,
    "tree": _tree,
    "leaf": _leaf,
    "heap": _heap,
    "data": _nothing,
}
