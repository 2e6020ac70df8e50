"""Small HDF5 files whose metadata declares absurdities, with checksums that vouch for them.

Each maker writes one file in a fraction of a second: a sound file, a few bytes of which are others now.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5t

from tests.support.h5files.native import shared_messages
from tests.support.h5files.registry import dataset_plist, new_file, raw_dataset
from tests.support.hostile.mutate import lookup3, summed_regions

ABSURD: dict[str, Callable[[Path], None]] = {}
"""By name: makers of files that any reading command must survive."""
HUGE = (1 << 62) + 8
UNDEFINED = (1 << 64) - 1


def absurd(maker: Callable[[Path], None]) -> Callable[[Path], None]:
    """Register a maker under its name."""
    ABSURD[maker.__name__] = maker
    return maker


class Bytes:
    """The bytes of a sound file, to be changed in places; its checksums are made right at the end."""

    def __init__(self, path: Path) -> None:
        self.path, self.sound = path, path.read_bytes()
        self.now = bytearray(self.sound)
        self._changed: list[int] = []

    def __enter__(self) -> Bytes:
        return self

    def __exit__(self, *failed: object) -> None:
        if failed[0] is not None:
            return
        assert self.now != self.sound and len(self.now) == len(self.sound)
        for start, stop in summed_regions(self.sound):
            if any(start <= at < stop for at in self._changed):
                self.now[stop : stop + 4] = lookup3(bytes(self.now[start:stop])).to_bytes(4, "little")
        self.path.write_bytes(self.now)

    def all(self, signature: bytes) -> list[int]:
        """Where structures of a kind are."""
        found = [match.start() for match in re.finditer(re.escape(signature), self.sound)]
        assert found, signature
        return found

    def put(self, at: int, kinds: str, *values: int) -> None:
        """Write integers, as `struct` has them."""
        new = struct.pack("<" + kinds, *values)
        assert 0 <= at and at + len(new) <= len(self.now)
        self.now[at : at + len(new)] = new
        self._changed.append(at)

    def get(self, at: int, kinds: str) -> Any:
        """The integers at a place."""
        found = struct.unpack_from("<" + kinds, self.sound, at)
        return found if len(found) > 1 else found[0]

    def message(self, header: int, kind: int) -> int:
        """Where the body of a message of an object header begins, of any version."""
        for found, at, _ in self.messages(header):
            if found == kind:
                return at
        raise KeyError(kind)

    def messages(self, header: int) -> Iterator[tuple[int, int, int]]:
        """Kind, place and size of the messages in the first piece of an object header."""
        if self.sound[header : header + 4] != b"OHDR":
            at, end = header + 16, header + 16 + self.get(header + 8, "I")
            while at < end:
                kind, size = self.get(at, "HH")
                yield kind, at + 8, size
                at += 8 + size
            return
        flags = self.sound[header + 5]
        at = header + 6 + 16 * bool(flags & 0x20) + 4 * bool(flags & 0x10)
        width = 1 << (flags & 3)
        end = at + width + int.from_bytes(self.sound[at : at + width], "little")
        at += width
        while at + 4 <= end:
            kind, size = self.get(at, "BH")
            at += 4 + 2 * bool(flags & 4)
            yield kind, at, size
            at += size


def header_of(path: Path, name: str) -> int:
    """The address of an object's header."""
    with h5py.File(path) as file:
        return int(h5py.h5o.get_info(file[name].id).addr)


# ------------------------------------------------------------------------------- version-2 B-trees, heaps


def _dense(path: Path, links: int = 40) -> Bytes:
    """A group of links, and one of attributes, in fractal heaps."""
    with new_file(path, "latest") as file:
        file["data"] = np.arange(4)
        for number in range(links):
            file.id.links.create_soft(b"link %d" % number, b"/data")
            file["data"].attrs[f"attribute {number}"] = number
    return Bytes(path)


@absurd
def btree2_of_65535_levels(path: Path) -> None:
    """B-trees that are 65,535 levels deep by their own account."""
    with _dense(path) as file:
        for at in file.all(b"BTHD"):
            file.put(at + 12, "H", 65535)


@absurd
def btree2_with_nodes_of_4_gib(path: Path) -> None:
    """B-trees whose nodes have 4 GiB."""
    with _dense(path) as file:
        for at in file.all(b"BTHD"):
            file.put(at + 6, "I", 0xFFFFFFFF)


@absurd
def btree2_with_records_of_64_kib(path: Path) -> None:
    """B-trees whose records are larger than their nodes, or have nothing."""
    with _dense(path) as file:
        for number, at in enumerate(file.all(b"BTHD")):
            file.put(at + 10, "H", 0 if number % 2 else 65535)


@absurd
def btree2_with_records_beyond_number(path: Path) -> None:
    """B-trees of 2^64 - 1 records, 65,535 of them in the root."""
    with _dense(path) as file:
        for at in file.all(b"BTHD"):
            file.put(at + 24, "HQ", 65535, UNDEFINED)


@absurd
def btree2_of_itself(path: Path) -> None:
    """A deep B-tree whose every child is its root."""
    with _dense(path, 150) as file:
        for at in file.all(b"BTHD"):
            if file.get(at + 12, "H"):
                root = file.get(at + 16, "Q")
                file.put(at + 12, "H", 4)
                leaves = {leaf.to_bytes(8, "little") for leaf in file.all(b"BTLF") + file.all(b"BTIN")}
                for place in range(root + 6, root + 500):
                    if bytes(file.now[place : place + 8]) in leaves:
                        file.put(place, "Q", root)


def _heaps(path: Path, offset: int, kinds: str, *values: int) -> None:
    """Fractal heaps with other numbers in their headers."""
    with _dense(path, 150) as file:
        for at in file.all(b"FRHP"):
            file.put(at + offset, kinds, *values)


@absurd
def heap_tables_65535_wide(path: Path) -> None:
    """Heaps whose rows have 65,535 blocks."""
    _heaps(path, 110, "H", 65535)


@absurd
def heap_tables_32768_wide(path: Path) -> None:
    """The same with a power of two."""
    _heaps(path, 110, "H", 32768)


@absurd
def heap_blocks_of_exabytes(path: Path) -> None:
    """Heaps whose blocks have 2^62 bytes, from the first."""
    _heaps(path, 112, "QQ", 1 << 62, 1 << 63)


@absurd
def heap_blocks_of_2_gib(path: Path) -> None:
    """Heaps whose blocks have 2 GiB, from the first."""
    _heaps(path, 112, "QQ", 1 << 31, 1 << 31)


@absurd
def heaps_of_65535_bits(path: Path) -> None:
    """Heaps that may grow to 2^65535 bytes."""
    _heaps(path, 128, "H", 65535)


@absurd
def heaps_of_65535_rows(path: Path) -> None:
    """Heaps whose root has 65,535 rows, and is the heap's own header."""
    with _dense(path, 150) as file:
        for at in file.all(b"FRHP"):
            file.put(at + 132, "QH", at, 65535)


@absurd
def heaps_with_filters_beyond_number(path: Path) -> None:
    """Heaps whose filters take 64 kB of a header that has none; the names in them are long, too."""
    _heaps(path, 5, "HHBI", 65535, 65535, 3, 0xFFFFFFFF)


@absurd
def heap_that_is_its_own_list_of_space(path: Path) -> None:
    """Heaps whose manager of free space is the heap."""
    with _dense(path, 150) as file:
        for at in file.all(b"FRHP"):
            file.put(at + 30, "QQQQ", HUGE, at, HUGE, HUGE)


@absurd
def huge_objects_of_exabytes(path: Path) -> None:
    """Attributes too large for their heap, which by its index have 2^62 bytes each."""
    with new_file(path, "latest") as new:
        for number in range(20):
            new.attrs[f"attribute {number}"] = np.zeros(9000)
        new["data"] = 1
    with Bytes(path) as file:
        (leaf,) = (at for at in file.all(b"BTLF") if file.sound[at + 5] in (1, 3))
        size = 24 if file.sound[leaf + 5] == 1 else 16
        for number in range(20):
            file.put(leaf + 6 + number * size + 8, "Q", HUGE)


@absurd
def huge_objects_of_4_gib(path: Path) -> None:
    """The same, of 4 GiB each."""
    huge_objects_of_exabytes(path)
    with Bytes(path) as file:
        (leaf,) = (at for at in file.all(b"BTLF") if file.sound[at + 5] in (1, 3))
        size = 24 if file.sound[leaf + 5] == 1 else 16
        for number in range(20):
            file.put(leaf + 6 + number * size + 8, "Q", 1 << 32)


# --------------------------------------------------------------------------------- older trees, and heaps


def _old(path: Path) -> Bytes:
    """Groups and chunks in the oldest format."""
    with new_file(path) as file:
        for number in range(40):
            file.create_group(f"group {number}")
        file.create_dataset("data", data=np.arange(400), chunks=(4,))
    return Bytes(path)


@absurd
def btree1_with_65535_children(path: Path) -> None:
    """B-trees of groups and of chunks that count 65,535 children, and symbol tables as many entries."""
    with _old(path) as file:
        for at in file.all(b"TREE") + file.all(b"SNOD"):
            file.put(at + 6, "H", 65535)


@absurd
def btree1_of_255_levels(path: Path) -> None:
    """B-trees of groups and of chunks 255 levels deep, each node its own child and neighbour."""
    with _old(path) as file:
        for at in file.all(b"TREE"):
            chunks, entries = file.get(at + 4, "B"), file.get(at + 6, "H")
            file.put(at + 5, "B", 255)
            file.put(at + 8, "QQ", at, at)
            step = 32 if chunks else 16
            for number in range(entries):
                file.put(at + 24 + (24 if chunks else 8) + number * step, "Q", at)


@absurd
def chunks_of_4_gib_stored(path: Path) -> None:
    """A B-tree of chunks that have 4 GiB each, at addresses far beyond the file."""
    with _old(path) as file:
        for at in file.all(b"TREE"):
            if file.get(at + 4, "B"):
                for number in range(file.get(at + 6, "H")):
                    file.put(at + 24 + number * 32, "I", 0xFFFFFFFF)
                    file.put(at + 24 + number * 32 + 24, "Q", HUGE)


@absurd
def local_heap_of_exabytes(path: Path) -> None:
    """Local heaps that have 2^62 bytes, whose first free block is the next one after itself."""
    with _old(path) as file:
        for at in file.all(b"HEAP"):
            file.put(at + 8, "QQ", HUGE, 8)


@absurd
def local_heap_whose_space_goes_in_circles(path: Path) -> None:
    """Local heaps whose list of free blocks has no end."""
    with _old(path) as file:
        for at in file.all(b"HEAP"):
            free, data = file.get(at + 16, "Q"), file.get(at + 24, "Q")
            if free != 1:
                file.put(data + free, "QQ", free, 16)


@absurd
def local_heap_of_3_gib(path: Path) -> None:
    """Local heaps of 3 GiB."""
    with _old(path) as file:
        for at in file.all(b"HEAP"):
            file.put(at + 8, "Q", 3 << 30)


def _texts(path: Path) -> Bytes:
    with new_file(path) as file:
        texts = [f"text {number}" for number in range(50)]
        file.create_dataset("data", data=texts, dtype=h5py.string_dtype())
        file.attrs.create("texts", texts, dtype=h5py.string_dtype())
    return Bytes(path)


@absurd
def global_heap_of_exabytes(path: Path) -> None:
    """Collections of the global heap of 2^62 bytes."""
    with _texts(path) as file:
        for at in file.all(b"GCOL"):
            file.put(at + 8, "Q", HUGE)


@absurd
def global_heap_of_2_gib(path: Path) -> None:
    """Collections of the global heap of 2 GiB."""
    with _texts(path) as file:
        for at in file.all(b"GCOL"):
            file.put(at + 8, "Q", 2 << 30)


@absurd
def global_heap_of_endless_objects(path: Path) -> None:
    """Objects of the global heap of 2^62 bytes, or of none and one number: a list that does not advance."""
    with _texts(path) as file:
        for number, at in enumerate(file.all(b"GCOL")):
            file.put(at + 24, "Q", 0 if number else HUGE)
            file.put(at + 16, "H", 1)


@absurd
def texts_of_4_gib_each(path: Path) -> None:
    """Strings that have 4 GiB each by the dataset that refers to them."""
    with new_file(path) as new:
        new.create_dataset("data", data=[f"text {n}" for n in range(50)], dtype=h5py.string_dtype())
        at = new["data"].id.get_offset()
    with Bytes(path) as file:
        for number in range(50):
            file.put(at + 16 * number, "I", 0xFFFFFFFF)


# --------------------------------------------------------------------------------------- object headers


def _one(path: Path, libver: str = "latest", **options: Any) -> int:
    """A file of one dataset; the address of its header."""
    with new_file(path, libver) as file:
        options = {"data": np.arange(64, dtype="<i4"), **options}
        data = file.create_dataset("data", **options)
        return int(h5py.h5o.get_info(data.id).addr)


@absurd
def header_of_65535_messages(path: Path) -> None:
    """An object header that counts 65,535 messages in 4 GiB, used by 2^32 - 1 links."""
    at = _one(path, "earliest")
    with Bytes(path) as file:
        file.put(at + 2, "HII", 65535, 0xFFFFFFFF, 0xFFFFFFF8)


def _continued(path: Path, libver: str) -> tuple[Bytes, list[int]]:
    """A file of one dataset whose header has continuations; where the messages that name them are."""
    at = _one(path, libver)
    with h5py.File(path, "r+") as more:
        for number in range(6):
            more["data"].attrs[f"attribute {number}"] = np.arange(20)
            more.flush()
    file = Bytes(path)
    return file, [place for kind, place, _ in file.messages(at) if kind == 16]


@absurd
def header_continued_in_its_continuation(path: Path) -> None:
    """A new object header whose continuations are all the first one, and that one itself."""
    opened, places = _continued(path, "latest")
    with opened as file:
        first, size = file.get(places[0], "QQ")
        for at in range(first + 4, first + size - 4):
            if file.sound[at] == 16 and file.get(at + 1, "H") == 16:
                file.put(at + 4, "QQ", first, size)
        kinds = [at for at in range(first + 4, first + 20) if file.sound[at] == 12]
        file.put(kinds[0], "BHB", 16, 16, 0)
        file.put(kinds[0] + 4, "QQ", first, size)


@absurd
def header_continued_for_exabytes(path: Path) -> None:
    """An object header whose continuation has 2^62 bytes."""
    opened, places = _continued(path, "latest")
    with opened as file:
        for at in places:
            file.put(at + 8, "Q", HUGE)


@absurd
def header_continued_for_3_gib(path: Path) -> None:
    """An old object header whose continuation has 3 GiB."""
    opened, places = _continued(path, "earliest")
    with opened as file:
        for at in places:
            file.put(at + 8, "Q", 3 << 30)


@absurd
def type_that_is_shared_with_itself(path: Path) -> None:
    """A dataset and a named type that both have the dataset's own type, by its header."""
    with new_file(path, "latest") as new:
        new["type"] = np.dtype([("a", "<i4"), ("b", "<f8")])
        new.create_dataset("data", (4,), dtype=new["type"])
    data, named = header_of(path, "data"), header_of(path, "type")
    with Bytes(path) as file:
        at = file.message(data, 3)
        assert file.get(at + 2, "Q") == named
        file.put(at + 2, "Q", data)


@absurd
def shared_messages_beyond_number(path: Path) -> None:
    """An index of shared messages that counts 65,535 of 4 GiB each, and whose heap is the index."""
    shared_messages(path)
    with Bytes(path) as file:
        (at,) = file.all(b"SMTB")
        assert file.get(at + 4, "B") == 0
        file.put(at + 12, "HHH", 65535, 0, 65535)
        file.put(at + 18, "QQ", at, at)


@absurd
def shared_messages_in_lists_of_64_kib(path: Path) -> None:
    """A table of shared messages that has 65,535 indexes by the superblock's extension."""
    shared_messages(path)
    with Bytes(path) as file:
        extension = file.get(20, "Q")
        at = file.message(extension, 15)
        file.put(at + 9, "B", 255)
        (table,) = file.all(b"SMTB")
        file.put(table + 5, "HI", 65535, 0)


# -------------------------------------------------------------------------------------- spaces and values


@absurd
def fill_value_of_2_gib(path: Path) -> None:
    """A fill value that has 2 GiB by its message, and one that has none."""
    at = _one(path, data=None, shape=(64,), dtype="<i4", fillvalue=7)
    with Bytes(path) as file:
        place = file.message(at, 5)
        assert file.get(place + 2, "I") == 4
        file.put(place + 2, "I", 0x7FFFFFFF)


@absurd
def large_fill_values(path: Path) -> None:
    """10^12 values that were never written, each a fill value of 60,000 bytes."""
    with new_file(path, "latest") as new:
        plist = dataset_plist()
        kind = np.dtype("V60000")
        plist.set_fill_value(np.frombuffer(b"f" * 60_000, kind))
        raw_dataset(new, "data", h5t.py_create(kind), (10**12,), plist=plist)


@absurd
def values_of_4_gib_each(path: Path) -> None:
    """A dataset of texts whose type has 4 GiB less one byte."""
    at = _one(path, data=np.array([b"abcd"] * 16))
    with Bytes(path) as file:
        file.put(file.message(at, 3) + 4, "I", 0xFFFFFFFF)


@absurd
def extents_whose_product_is_nothing(path: Path) -> None:
    """Thirty-two dimensions of 2^62, whose number of values overflows to nothing."""
    at = _one(path, data=None, shape=(2,) * 32, dtype="<i4", chunks=(1,) * 32)
    with Bytes(path) as file:
        file.put(file.message(at, 1) + 2, "B", 0)
        file.put(file.message(at, 1) + 4, "Q" * 32, *[1 << 62] * 32)


@absurd
def extents_of_contiguous_exabytes(path: Path) -> None:
    """A dataset in one piece, of 2^62 + 8 values."""
    at = _one(path)
    with Bytes(path) as file:
        file.put(file.message(at, 1) + 2, "B", 0)
        file.put(file.message(at, 1) + 4, "Q", HUGE)


@absurd
def rank_of_255(path: Path) -> None:
    """A dataspace of 255 dimensions in a message that has one."""
    at = _one(path)
    with Bytes(path) as file:
        file.put(file.message(at, 1) + 1, "B", 255)


@absurd
def layout_of_exabytes(path: Path) -> None:
    """Values in one piece that have 2^62 bytes, far beyond the file."""
    at = _one(path)
    with Bytes(path) as file:
        file.put(file.message(at, 8) + 2, "QQ", 1 << 61, HUGE)


@absurd
def chunks_of_exabytes(path: Path) -> None:
    """Chunks of 2^32 - 1 by 2^32 - 1 by 2^32 - 1 values."""
    at = _one(path, "earliest", data=np.zeros((4, 4, 4), "<i4"), chunks=(2, 2, 2))
    with Bytes(path) as file:
        file.put(file.message(at, 8) + 11, "III", *[0xFFFFFFFF] * 3)


# ---------------------------------------------------------------------------------------------- filters


def _scaleoffset(path: Path, value: int) -> None:
    """A dataset behind a filter whose own numbers are all another one."""
    at = _one(path, chunks=(32,), scaleoffset=0)
    with Bytes(path) as file:
        place = file.message(at, 11)
        number, _, count = file.get(place + 2, "HHH")
        assert (file.sound[place], number, count > 0) == (2, 6, True)
        file.put(place + 8, "I" * count, *[value] * count)


@absurd
def scaleoffset_of_absurd_numbers(path: Path) -> None:
    """Scale-offset, all of whose parameters are 2^31 - 1."""
    _scaleoffset(path, 0x7FFFFFFF)


@absurd
def scaleoffset_of_large_chunks(path: Path) -> None:
    """Scale-offset, all of whose parameters are 4."""
    _scaleoffset(path, 4)


def _nbit(path: Path, *values: int) -> None:
    plist = dataset_plist()
    plist.set_chunk((32,))
    plist.set_filter(5)
    kind = h5t.STD_I32LE.copy()
    kind.set_precision(17)
    with new_file(path, "latest") as new:
        raw_dataset(new, "data", kind, (64,), bytes(256), plist=plist)
    at = header_of(path, "data")
    with Bytes(path) as file:
        place = file.message(at, 11)
        count = file.get(place + 6, "H")
        assert count >= 8
        assert len(values) == count - 2
        file.put(place + 8, "I" * count, count, 0, *values)


@absurd
def nbit_of_absurd_numbers(path: Path) -> None:
    """N-bit, of 2^31 - 1 values of as many bytes."""
    _nbit(path, 0x7FFFFFFF, 1, 0x7FFFFFFF, 0, 17, 0)


@absurd
def nbit_of_arrays_in_arrays(path: Path) -> None:
    """N-bit, whose parameters describe arrays in arrays, and end there."""
    _nbit(path, 0x7FFFFFFF, 2, 4, 2, 4, 2)


@absurd
def shuffle_of_absurd_size(path: Path) -> None:
    """Shuffle, by values of 4 GiB."""
    at = _one(path, chunks=(32,), shuffle=True)
    with Bytes(path) as file:
        place = file.message(at, 11)
        assert file.get(place + 2, "HHH")[::2] == (2, 1)
        file.put(place + 8, "I", 0xFFFFFFFF)


@absurd
def filter_of_65535_parameters(path: Path) -> None:
    """A filter that has 65,535 parameters in a message of a few."""
    at = _one(path, chunks=(32,), compression="gzip")
    with Bytes(path) as file:
        file.put(file.message(at, 11) + 6, "H", 65535)


@absurd
def pipeline_of_255_filters(path: Path) -> None:
    """A pipeline that counts 255 filters, the first of which has a name of 64 kB."""
    at = _one(path, "earliest", chunks=(32,), compression="gzip")
    with Bytes(path) as file:
        place = file.message(at, 11)
        file.put(place + 1, "B", 255)
        file.put(place + 10, "H", 65535 & ~7)


# ------------------------------------------------------------------------------------------ chunk indexes


@absurd
def fixed_array_of_exabytes(path: Path) -> None:
    """An index of 2^62 chunks in pages of 2^255."""
    _one(path, chunks=(4,))
    with Bytes(path) as file:
        (at,) = file.all(b"FAHD")
        file.put(at + 7, "BQ", 255, HUGE)


@absurd
def fixed_array_of_a_billion(path: Path) -> None:
    """An index of a billion chunks, of a dataset that has sixteen."""
    _one(path, chunks=(4,))
    with Bytes(path) as file:
        (at,) = file.all(b"FAHD")
        file.put(at + 8, "Q", 10**9)


@absurd
def extensible_array_of_exabytes(path: Path) -> None:
    """An index of 2^255 chunks at the most, 255 in its first block."""
    _one(path, chunks=(4,), maxshape=(None,))
    with Bytes(path) as file:
        (at,) = file.all(b"EAHD")
        file.put(at + 7, "BBBBB", 255, 255, 255, 255, 255)


@absurd
def extensible_array_of_billions(path: Path) -> None:
    """An index that counts 2^62 blocks and as many chunks."""
    _one(path, chunks=(4,), maxshape=(None,))
    with Bytes(path) as file:
        (at,) = file.all(b"EAHD")
        file.put(at + 12, "QQQQQQ", *[HUGE] * 6)


# --------------------------------------------------------------------------------------------- superblock


@absurd
def superblock_extended_by_itself(path: Path) -> None:
    """A superblock whose extension is the header of the root."""
    _one(path)
    with Bytes(path) as file:
        file.put(20, "Q", file.get(36, "Q"))


@absurd
def superblock_far_away(path: Path) -> None:
    """A superblock with the addresses of exabytes: its base, its extension, its end."""
    _one(path)
    with Bytes(path) as file:
        file.put(12, "QQQ", HUGE, HUGE, UNDEFINED - 1)


@absurd
def superblock_of_wide_addresses(path: Path) -> None:
    """A superblock whose addresses and lengths have 255 bytes."""
    _one(path)
    with Bytes(path) as file:
        file.put(9, "BB", 255, 255)


@absurd
def driver_of_exabytes(path: Path) -> None:
    """An old superblock whose driver's information has 4 GiB, in place of the root."""
    _one(path, "earliest")
    with Bytes(path) as file:
        root = file.get(64, "Q")
        file.put(48, "Q", root)
        file.put(root, "IIQ", 0, 0xFFFFFFFF, int.from_bytes(b"NCSAmult", "little"))


def _paged(path: Path) -> Bytes:
    options = {"fs_strategy": "page", "fs_page_size": 4096, "fs_persist": True, "fs_threshold": 1}
    with new_file(path, "latest", **options) as file:
        for number in range(20):
            file[f"data {number}"] = np.arange(300)
        for number in range(0, 20, 2):
            del file[f"data {number}"]
        file["data"] = np.arange(4)
    return Bytes(path)


@absurd
def pages_of_exabytes(path: Path) -> None:
    """A paged file whose pages have 2^62 bytes, and whose managers of space are the superblock."""
    with _paged(path) as file:
        place = file.message(file.get(20, "Q"), 23)
        assert file.get(place + 11, "Q") == 4096
        file.put(place + 11, "Q", 1 << 62)


@absurd
def pages_of_a_gib(path: Path) -> None:
    """A paged file whose pages have 1 GiB."""
    with _paged(path) as file:
        place = file.message(file.get(20, "Q"), 23)
        assert file.get(place + 11, "Q") == 4096
        file.put(place + 11, "Q", 1 << 30)


@absurd
def free_space_of_exabytes(path: Path) -> None:
    """Managers of free space that count 2^62 sections in 2^62 bytes, beyond the file."""
    with _paged(path) as file:
        for at in file.all(b"FSHD"):
            file.put(at + 6, "QQQQ", *[HUGE] * 4)
            file.put(at + 44, "HQQQQ", 64, HUGE, HUGE, HUGE, HUGE)


@absurd
def free_space_of_2_gib(path: Path) -> None:
    """Managers of free space whose lists have 2 GiB."""
    with _paged(path) as file:
        for at in file.all(b"FSHD"):
            file.put(at + 62, "QQ", 2 << 30, 2 << 30)


@absurd
def user_block_of_a_terabyte(path: Path) -> None:
    """A file that begins after 1 TiB of nothing, which takes no place on the disk."""
    _one(path)
    content = path.read_bytes()
    with open(path, "wb") as file:
        file.seek(1 << 40)
        file.write(content)


__all__ = ["ABSURD"]
