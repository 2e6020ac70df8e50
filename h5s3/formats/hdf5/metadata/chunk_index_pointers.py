"""Where the index of a dataset's chunks points: its nodes stand between the chunks, written when these were.

Sections are of the HDF5 File Format Specification, version 3.0; appendix VII.C has the indexes of chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import unpack_from

from h5s3.formats.hdf5.metadata.node import COUNT, UNDEFINED, Node, Sizes

PREFIX = 14  # signature, version, client, address of the header: the start of every block of an array
CHECKSUM = 4
SMALL = 256 * 1024  # bytes of an array's block that are fetched whole, whichever pages were written
RUN = 1 << 20  # bytes of pages that make one node
MOST_PAGES = 1 << 16  # of one block that are believed
INDEX_INFO = {3: 1, 4: 5, 5: 6}  # bytes between the kind of an index and its address, IV.A.2.i


def layout(body: bytes, sizes: Sizes) -> Iterator[Node]:
    """Data layout message, IV.A.2.i: the index of the chunks. A single chunk and implicit ones have none."""
    version = body[0]
    if version in (1, 2) and body[2] == 2:
        yield sizes.chunks(unpack_from("<Q", body, 8)[0], body[1])
    elif version == 3 and body[1] == 2:
        yield sizes.chunks(unpack_from("<Q", body, 3)[0], body[2])
    elif version in (4, 5) and body[1] == 2:
        at = 5 + body[3] * body[4]
        kind = body[at]
        if kind in INDEX_INFO:
            address = unpack_from("<Q", body, at + 1 + INDEX_INFO[kind])[0]
            yield (_fixed_header, _extensible_header, _tree_header)[kind - 3](address)


def _fixed_header(address: int) -> Node:
    return Node("fixed", address, 28, COUNT)


def _extensible_header(address: int) -> Node:
    return Node("extensible", address, 72, COUNT)


def _tree_header(address: int) -> Node:
    return Node("btree2", address, 38, COUNT)


def _chunks(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Version 1 B-tree node of chunks, III.A.1.

    How many entries nodes have room for may stand where it was not looked for: a node with more than
    expected is taken to be half full, and is asked for again with those below it.
    """
    if data[:4] != b"TREE" or data[4] != 1:
        return
    key = node.extra[0]
    entries = unpack_from("<H", data, 6)[0]
    if 24 + entries * (key + 8) + key > node.length:
        yield node._replace(length=24 + 2 * entries * (key + 8) + key)
    elif data[5]:
        for number in range(entries):
            address = unpack_from("<Q", data, 24 + key + number * (key + 8))[0]
            yield node._replace(address=address)


def _fixed(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Fixed array header, VII.C.1: one block, whose pages each have a bit if they are many."""
    if data[:4] != b"FAHD":
        return
    size, page = data[6], 1 << data[7]
    count, address = unpack_from("<QQ", data, 8)
    pages = -(-count // page) if count > page else 0
    prefix = PREFIX + -(-pages // 8) + CHECKSUM
    length = prefix + count * size + pages * CHECKSUM
    if not pages or length <= SMALL:
        yield Node("data", address, length, COUNT)
    elif pages <= MOST_PAGES:
        yield Node("fixed_block", address, prefix, COUNT, (pages, page * size + CHECKSUM, length))


def _fixed_block(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Fixed array data block, VII.C.1: the pages that were written."""
    pages, stride, length = node.extra
    if data[:4] == b"FADB":
        flags, end = _flags(data[PREFIX:-CHECKSUM]), node.address + length
        yield from _pages(flags[:pages], stride, node.address + node.length, end)


def _flags(bits: bytes) -> str:
    """Bits as ones and zeros, the highest of a byte first."""
    return f"{int.from_bytes(bits, 'big'):0{8 * len(bits)}b}"


def _pages(flags: str, stride: int, start: int, end: int) -> Iterator[Node]:
    """Runs of pages whose flags are ones."""
    many = max(1, RUN // stride)
    for run in re.finditer(f"1{{1,{many}}}", flags):
        first = start + run.start() * stride
        yield Node("data", first, min(start + run.end() * stride, end) - first, COUNT)


def _extensible(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Extensible array header, VII.C.2. What its numbers mean: elements' size, bits of the largest index,
    elements in the index block, those of the least data block, pointers of the least secondary block,
    bits of the elements of a page.
    """
    if data[:4] != b"EAHD":
        return
    size, bits, direct, least, pointers, page_bits = data[6:12]
    if not (_power(least) and _power(pointers) and bits <= 64 and page_bits <= 32):
        return
    blocks = 1 + bits - (least.bit_length() - 1)
    pointing = 2 * (pointers - 1) + max(0, blocks - _direct_rows(pointers))
    length = PREFIX + direct * size + 8 * pointing + CHECKSUM
    extra = (size, bits, direct, least, pointers, page_bits)
    yield Node("extensible_index", unpack_from("<Q", data, 60)[0], length, COUNT, extra)


def _power(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def _direct_rows(pointers: int) -> int:
    """How many secondary blocks' worth of data blocks the index block points to itself."""
    return 2 * (pointers.bit_length() - 1)


def _extensible_index(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Index block of an extensible array, VII.C.2: first data blocks, then secondary blocks, ever larger."""
    if data[:4] != b"EAIB":
        return
    size, bits, direct, least, pointers, page_bits = node.extra
    offset = -(-bits // 8)  # bytes of the offset that each block begins with
    at = PREFIX + direct * size
    rows = _direct_rows(pointers)
    for row in range(1 + bits - (least.bit_length() - 1)):
        count, elements = 1 << (row // 2), least << ((row + 1) // 2)
        for _number in range(count if row < rows else 1):
            address = unpack_from("<Q", data, at)[0]
            at += 8
            if row < rows:
                yield Node("data", address, PREFIX + offset + elements * size + CHECKSUM, COUNT)
                continue
            mask = -(-(elements >> page_bits) // 8) if elements > 1 << page_bits else 0
            length = PREFIX + offset + count * (mask + 8) + CHECKSUM
            extra = (offset, count, elements * size, mask, (size << page_bits) + CHECKSUM)
            yield Node("extensible_more", address, length, COUNT, extra)


def _extensible_more(node: Node, data: bytes, _: Sizes) -> Iterator[Node]:
    """Secondary block of an extensible array, VII.C.2: bits for the pages of its data blocks, and these."""
    if data[:4] != b"EASB":
        return
    offset, count, length, mask, stride = node.extra
    prefix = PREFIX + offset + CHECKSUM
    at = PREFIX + offset + count * mask
    pages = length // (stride - CHECKSUM) if mask else 0
    flags = _flags(data[PREFIX + offset : at])  # one after another, though there is room for whole bytes
    for number in range(count):
        address = unpack_from("<Q", data, at + number * 8)[0]
        if address == UNDEFINED:
            continue
        yield Node("data", address, prefix if mask else prefix + length, COUNT)
        start = address + prefix
        written = flags[number * pages : (number + 1) * pages]
        yield from _pages(written, stride, start, start + pages * stride)


PARSERS = {
    "chunks": _chunks,
    "fixed": _fixed,
    "fixed_block": _fixed_block,
    "extensible": _extensible,
    "extensible_index": _extensible_index,
    "extensible_more": _extensible_more,
}
