"""HDF5 files made to exhaust their reader: small to store, and absurd in what they declare or hold.

Each maker writes one file, in a few seconds at the most.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5r, h5t

from tests.support.h5files.registry import dataset_plist, group_plist, new_file, raw_dataset, space

Maker = Callable[[Path], None]
BOMBS: dict[str, Maker] = {}
"""By name: makers of files that any reading command must survive."""
LARGE: dict[str, Maker] = {}
"""The same, of those that take long to make or to read."""


def bomb(maker: Maker) -> Maker:
    """Register a maker under its name."""
    BOMBS[maker.__name__] = maker
    return maker


def large_bomb(maker: Maker) -> Maker:
    """Register a maker of a large one."""
    LARGE[maker.__name__] = maker
    return maker


# ------------------------------------------------------------------------------------------------- bytes


PIECE = 1 << 24


def patched(content: bytearray, at: int, new: bytes) -> bytearray:
    """The content with other bytes at a place."""
    assert 0 <= at and at + len(new) <= len(content)
    content[at : at + len(new)] = new
    return content


def repeated(item: bytes | bytearray, count: int) -> bytes:
    """The same bytes many times."""
    return bytes(item) * count


def inflating(size: int) -> bytes:
    """A zlib stream that decompresses to so many zeros, made from the stream of a few."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(PIECE)) + packer.flush(zlib.Z_FULL_FLUSH)
    whole, rest = divmod(size, PIECE)
    tail = packer.compress(bytes(rest)) + packer.flush()
    return head + piece * whole + tail[:-4] + (1 + (size % 65521 << 16)).to_bytes(4, "big")


# ------------------------------------------------------------------------------------------------ groups


def nest(path: Path, levels: int, libver: str, name: bytes = b"g") -> None:
    """Groups in groups, with a dataset at the bottom."""
    with new_file(path, libver) as file:
        group = file.id
        for _ in range(levels):
            group = h5g.create(group, name, gcpl=group_plist())
        h5py.Group(group)["data"] = 1


@bomb
def ten_thousand_levels(path: Path) -> None:
    """Ten thousand groups, each in the one before."""
    nest(path, 10_000, "latest")


@bomb
def ten_thousand_levels_old(path: Path) -> None:
    """The same in the oldest format."""
    nest(path, 10_000, "earliest")


def fill_group(path: Path, count: int, kind: str, libver: str) -> None:
    """One group of many links, all to the same target."""
    with new_file(path, libver) as file:
        file["target"] = np.arange(3)
        group = file.create_group("many")
        links = group.id.links
        for number in range(count):
            name = b"%07d" % number
            if kind == "soft":
                links.create_soft(name, b"/target")
            elif kind == "external":
                links.create_external(name, b"elsewhere.h5", b"/target")
            else:
                links.create_hard(name, file.id, b"target")


@bomb
def many_soft_links(path: Path) -> None:
    """100,000 soft links in a group."""
    fill_group(path, 100_000, "soft", "latest")


@bomb
def many_hard_links(path: Path) -> None:
    """100,000 names of one dataset, in the oldest format."""
    fill_group(path, 100_000, "hard", "earliest")


@large_bomb
def million_soft_links(path: Path) -> None:
    """A million soft links in a group."""
    fill_group(path, 1_000_000, "soft", "latest")


@large_bomb
def million_hard_links(path: Path) -> None:
    """A million names of one dataset."""
    fill_group(path, 1_000_000, "hard", "earliest")


@bomb
def million_groups_by_doubling(path: Path) -> None:
    """Forty groups, each holding the next under two names: a path for each of 2^40 ways."""
    with new_file(path, "latest") as file:
        group: Any = file
        for _ in range(40):
            below = group.create_group("one")
            group["two"] = below
            group = below
        group["data"] = 1


@bomb
def every_group_in_every_group(path: Path) -> None:
    """Sixty groups that all hold each other."""
    with new_file(path, "latest") as file:
        groups = [file.create_group(f"g{number}") for number in range(60)]
        for group in groups:
            for number, other in enumerate(groups):
                group.id.links.create_hard(b"to%d" % number, other.id, b".")


@bomb
def soft_links_in_circles(path: Path) -> None:
    """Soft links to themselves and to each other, and one whose target has 20,000 steps."""
    with new_file(path, "latest") as file:
        group = file.create_group("g")
        group["g"] = group
        file["itself"], file["one"], file["two"] = (h5py.SoftLink(f"/{n}") for n in ("itself", "two", "one"))
        group["up"] = h5py.SoftLink("/g/up/up")
        file["steps"] = h5py.SoftLink("/g" * 20_000)
        file["fan"] = h5py.SoftLink("/g" + "/fan" * 1000)
        group["fan"] = h5py.SoftLink("/g" + "/fan" * 1000)


@bomb
def long_paths(path: Path) -> None:
    """Two hundred levels whose names have 60,000 bytes, fifty links in each: paths of gigabytes."""
    with new_file(path, "latest") as file:
        group = file.id
        for _ in range(200):
            below = h5g.create(group, b"n" * 60_000, gcpl=group_plist())
            for number in range(50):
                group.links.create_soft(b"%d" % number, b"x")
            group = below


# -------------------------------------------------------------------------------------------- attributes


def large_attributes(owner: Any, count: int, size: int) -> None:
    """Attributes of so many bytes each."""
    value = np.frombuffer(b"v" * size, dtype="S1").view(f"S{size}")[0]
    for number in range(count):
        owner.attrs.create(f"a{number:04d}", value)


@bomb
def thousand_attributes(path: Path) -> None:
    """A thousand attributes of 60,000 bytes on a dataset."""
    with new_file(path, "latest") as file:
        file["data"] = np.arange(4)
        large_attributes(file["data"], 1000, 60_000)


@bomb
def thousand_attributes_old(path: Path) -> None:
    """A thousand attributes of 60,000 bytes in the header of the root."""
    with new_file(path) as file:
        large_attributes(file, 1000, 60_000)


@bomb
def attributes_of_aliases(path: Path) -> None:
    """Five thousand names of one dataset with twenty attributes of 60,000 bytes."""
    with new_file(path, "latest") as file:
        file["data"] = np.arange(4)
        large_attributes(file["data"], 20, 60_000)
        for number in range(50):
            group = file.create_group(f"g{number}")
            for other in range(100):
                group.id.links.create_hard(b"%d" % other, file.id, b"data")


@bomb
def attribute_of_one_string(path: Path) -> None:
    """An attribute of 4,000 strings that are all the same 8 MB in the file."""
    with new_file(path) as file:
        texts = ["x" * 8_000_000] + ["y"] * 3999
        file.attrs.create("texts", texts, dtype=h5py.string_dtype())
        file["data"] = 1
    content = bytearray(path.read_bytes())
    at = content.index((8_000_000).to_bytes(4, "little"), 0)
    path.write_bytes(patched(content, at, repeated(content[at : at + 16], 4000)))


# -------------------------------------------------------------------------------------------- data types


def compound_of(members: int) -> Any:
    """A compound of many one-byte members."""
    tid = h5t.create(h5t.COMPOUND, members)
    for number in range(members):
        tid.insert(b"%x" % number, number, h5t.STD_U8LE)
    return tid


@bomb
def wide_type_shared(path: Path) -> None:
    """A hundred datasets of one compound type with 2,500 members."""
    with new_file(path, "latest") as file:
        tid = compound_of(2500)
        tid.commit(file.id, b"type")
        group = file.create_group("many").id
        for number in range(100):
            h5d.create(group, b"%d" % number, tid, space((2,)), dataset_plist())


@bomb
def deep_type(path: Path) -> None:
    """Sequences of sequences, 1,500 deep; compounds in compounds, 300 deep; arrays of arrays."""
    with new_file(path, "latest") as file:
        tid = h5t.STD_I8LE
        for _ in range(1500):
            tid = h5t.vlen_create(tid)
        raw_dataset(file, "sequences", tid, (1,))
        tid = h5t.STD_I8LE
        for _ in range(300):
            outer = h5t.create(h5t.COMPOUND, 1)
            outer.insert(b"m", 0, tid)
            tid = outer
        raw_dataset(file, "compounds", tid, (1,))
        h5a.create(file.id, b"compounds", tid, space((1,)))
        tid = h5t.STD_I8LE
        for _ in range(25):
            tid = h5t.array_create(tid, (2,))
        raw_dataset(file, "arrays", tid, (1,))


@bomb
def large_enum(path: Path) -> None:
    """An enum of 7,000 names, of a dataset of many values and of an attribute."""
    with new_file(path, "latest") as file:
        tid = h5t.enum_create(h5t.STD_U16LE)
        for number in range(7000):
            tid.enum_insert(b"n%x" % number, number)
        raw_dataset(file, "data", tid, (1000, 1000))
        raw_dataset(file, "written", tid, (100, 100), np.arange(10_000, dtype="<u2").tobytes())


# ------------------------------------------------------------------------------------------------ spaces


@bomb
def declared_giants(path: Path) -> None:
    """80 TB never written: in one piece, in small chunks, in chunks of 2 GiB, and of variable length."""
    with new_file(path, "latest") as file:
        for name, kind in (("f8", "<f8"), ("texts", h5py.string_dtype())):
            file.create_dataset(f"contiguous_{name}", (10**13,), kind)
            file.create_dataset(f"chunked_{name}", (10**7, 10**6), kind, chunks=(1, 16))
            file.create_dataset(f"chunks_{name}", (10**13,), kind, chunks=(2**27,))
        file.create_dataset("rank_32", (3,) * 32, "u1", chunks=(1,) * 31 + (3,))


@bomb
def gzip_stream(path: Path) -> None:
    """A chunk that is to have 1 MiB, and whose stream decompresses to 8 GiB."""
    with new_file(path, "latest") as file:
        data = file.create_dataset("data", (1 << 20,), "u1", chunks=(1 << 20,), compression="gzip")
        data.id.write_direct_chunk((0,), inflating(8 << 30))


@bomb
def gzip_chunk(path: Path) -> None:
    """A chunk that honestly has 2 GiB, of 2 MB."""
    with new_file(path, "latest") as file:
        data = file.create_dataset("data", (2**31 - 1,), "u1", chunks=(2**31 - 1,), compression="gzip")
        data.id.write_direct_chunk((0,), inflating(2**31 - 1))


@bomb
def filters_in_a_row(path: Path) -> None:
    """A chunk behind thirty filters, each of them deflate."""
    with new_file(path, "latest") as file:
        plist = dataset_plist()
        plist.set_chunk((1 << 20,))
        for _ in range(30):
            plist.set_filter(1, 0, (9,))
        raw_dataset(file, "data", h5t.STD_U8LE, (1 << 20,), bytes(1 << 20), plist=plist)


@bomb
def lying_filters(path: Path) -> None:
    """Chunks whose own headers promise terabytes: lzf, lz4, zstd, blosc, blosc2, bitshuffle, szip, nbit."""
    import hdf5plugin

    with new_file(path, "latest") as file:
        values = np.zeros(1 << 16, dtype="<i4")
        named = {"lz4": hdf5plugin.LZ4(), "zstd": hdf5plugin.Zstd(), "blosc": hdf5plugin.Blosc()}
        named |= {"blosc2": hdf5plugin.Blosc2(), "bitshuffle": hdf5plugin.Bitshuffle()}
        for name, options in named.items():
            data = file.create_dataset(name, data=values, chunks=(1 << 16,), **options)
            file.flush()
            _, chunk = data.id.read_direct_chunk((0,), out=np.empty(data.id.get_chunk_info(0).size, "u1"))
            lie = {
                "lz4": (0, (1 << 40).to_bytes(8, "big")),
                "zstd": (4, b"\xe0" + b"\xff" * 7),
                "blosc": (4, (2**31 - 1).to_bytes(4, "little")),
                "blosc2": (20, (1 << 40).to_bytes(8, "big")),
                "bitshuffle": (0, (1 << 40).to_bytes(8, "big")),
            }[name]
            data.id.write_direct_chunk((0,), bytes(patched(bytearray(chunk), *lie)))
        data = file.create_dataset("lzf", data=values, chunks=(1 << 16,), compression="lzf")
        file.flush()
        _, chunk = data.id.read_direct_chunk((0,), out=np.empty(data.id.get_chunk_info(0).size, "u1"))
        data.id.write_direct_chunk((0,), bytes(chunk)[:4] + bytes(chunk)[4:] * 20_000)


@bomb
def one_string_everywhere(path: Path) -> None:
    """100,000 strings that are all the same 16 MB of the file."""
    with new_file(path) as file:
        data = file.create_dataset("data", (100_000,), h5py.string_dtype())
        data[0] = "x" * 16_000_000
        data[1:] = "y"
        at = data.id.get_offset()
    content = bytearray(path.read_bytes())
    path.write_bytes(patched(content, at, repeated(content[at : at + 16], 100_000)))


@bomb
def regions(path: Path) -> None:
    """Three hundred region references that are all the same one, of 200,000 points."""
    with new_file(path) as file:
        target = file.create_dataset("target", (1000, 1000), "u1")
        chosen = target.id.get_space()
        points = np.stack(np.divmod(np.arange(200_000, dtype="u8") * 5, 1000), axis=1)
        chosen.select_elements(points)
        reference = h5r.create(file.id, b"target", h5r.DATASET_REGION, chosen)
        data = file.create_dataset("data", (300,), h5py.regionref_dtype)
        data[0] = reference
        at, size = data.id.get_offset(), data.id.get_type().get_size()
    content = bytearray(path.read_bytes())
    path.write_bytes(patched(content, at, repeated(content[at : at + size], 300)))


@bomb
def scales(path: Path) -> None:
    """A dimension with a million scales, all the same."""
    with new_file(path, "latest") as file:
        data, scale = file.create_dataset("data", (4, 4), "f4"), file.create_dataset("scale", (4,), "f4")
        scale.make_scale("s")
        kind = h5py.vlen_dtype(h5py.ref_dtype)
        value = np.empty(2, dtype=kind)
        value[:] = [np.array([scale.ref] * 1_000_000, dtype=h5py.ref_dtype)] * 2
        data.attrs.create("DIMENSION_LIST", value, dtype=kind)


@bomb
def virtual_mappings(path: Path) -> None:
    """A virtual dataset of 5,000 mappings."""
    with new_file(path, "latest") as file:
        file["source"] = np.arange(10)
        layout = h5py.VirtualLayout((5000, 10), "i8")
        for number in range(5000):
            layout[number] = h5py.VirtualSource(".", "source", (10,))
        file.create_virtual_dataset("data", layout)


@bomb
def billion_chunks(path: Path) -> None:
    """Chunk indexes with room for a billion chunks, one of them written: array, B-tree, extensible array."""
    with new_file(path, "latest") as file:
        for name, maxshape in (("fixed", None), ("one", (None,)), ("tree", (None, None))):
            shape = (10**9,) if name != "tree" else (10**5, 10**4)
            data = file.create_dataset(name, shape, "u1", chunks=(1,) * len(shape), maxshape=maxshape)
            data[(0,) * len(shape)] = 1
            data[tuple(n - 1 for n in shape)] = 1


# ----------------------------------------------------------------------------------------------- damage


def _old_group(path: Path) -> bytearray:
    with new_file(path) as file:
        for number in range(200):
            file.create_group(f"g{number:03d}")
    return bytearray(path.read_bytes())


@bomb
def tree_of_itself(path: Path) -> None:
    """A B-tree of groups, 200 levels deep by its own account, whose every child is the root of it."""
    content = _old_group(path)
    at = content.rindex(b"TREE")
    content[at + 5] = 200
    for number in range(int.from_bytes(content[at + 6 : at + 8], "little")):
        patched(content, at + 32 + 16 * number, at.to_bytes(8, "little"))
    path.write_bytes(content)


@bomb
def absurd_fan_out(path: Path) -> None:
    """A superblock by which every node of a B-tree of groups has 131,068 children."""
    content = _old_group(path)
    path.write_bytes(patched(content, 16, b"\xfe\x7f\xfe\x7f"))


@bomb
def header_that_continues_in_itself(path: Path) -> None:
    """An object header whose continuation is the header's own block."""
    with new_file(path) as file:
        for number in range(30):
            file.attrs[f"attribute {number}"] = np.arange(30)
        at = h5py.h5o.get_info(file.id).addr
    content = bytearray(path.read_bytes())
    for kind in range(at + 16, at + 2000, 8):
        if content[kind : kind + 4] == b"\x10\0\x10\0":
            patched(content, kind + 8, (kind).to_bytes(8, "little"))
    path.write_bytes(content)


__all__ = ["BOMBS", "LARGE", "fill_group", "nest"]
