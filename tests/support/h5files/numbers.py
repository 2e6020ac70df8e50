"""Generated files: numeric types and the types stored as plain bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5t

from tests.support.h5files.registry import fixture_file, new_file, raw_attribute, raw_dataset

ORDERS = {"le": h5t.ORDER_LE, "be": h5t.ORDER_BE}


def _bytes(values: Any, kind: str, size: int, order: str) -> bytes:
    """The values as stored: numpy kind and size, little- or big-endian."""
    return np.array(values, dtype=f"{'<' if order == 'le' else '>'}{kind}{size}").tobytes()


@fixture_file
def integers(path: Path) -> None:
    """Every standard integer: 8 to 64 bits, signed and unsigned, both byte orders, with its extremes."""
    with new_file(path) as file:
        for bits in (8, 16, 32, 64):
            for sign, low, high in (("I", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1), ("U", 0, 2**bits - 1)):
                for order in ORDERS:
                    kind = "i" if sign == "I" else "u"
                    data = _bytes([low, 0, 1, high], kind, bits // 8, order)
                    type_id = getattr(h5t, f"STD_{sign}{bits}{order.upper()}")
                    raw_dataset(file, f"{kind}{bits}_{order}", type_id, (4,), data)


@fixture_file
def floats(path: Path) -> None:
    """Half, single and double precision in both byte orders, with the special values."""
    values = [0.0, -0.0, 1.5, -2.25, np.inf, -np.inf, np.nan]
    with new_file(path) as file:
        for bits in (16, 32, 64):
            for order in ORDERS:
                data = _bytes([*values, np.finfo(f"f{bits // 8}").max], "f", bits // 8, order)
                type_id = getattr(h5t, f"IEEE_F{bits}{order.upper()}")
                raw_dataset(file, f"f{bits}_{order}", type_id, (8,), data)


@fixture_file
def long_doubles(path: Path) -> None:
    """The 80-bit extended precision of x86 (padded to 16 bytes) and the 128-bit IEEE quad."""
    one_and_half = {"x87": (0x3FFF << 64) | (3 << 62), "quad": (0x3FFF << 112) | (1 << 111)}
    with new_file(path) as file:
        for order in ORDERS:
            little = order == "le"
            extended = h5t.LDOUBLE_LE if little else h5t.LDOUBLE_BE
            quad = h5t.IEEE_F128LE if little else h5t.IEEE_F128BE
            for name, type_id in (("x87", _x87(order)), ("quad", quad), ("platform", extended)):
                bits = one_and_half["quad" if type_id.get_precision() == 128 else "x87"]
                data = bits.to_bytes(type_id.get_size(), "little" if little else "big")
                if name == "platform" and type_id.get_precision() not in (80, 128):
                    continue
                raw_dataset(file, f"{name}_{order}", type_id, (2,), data * 2)


def _x87(order: str) -> Any:
    type_id = h5t.IEEE_F64LE.copy()
    type_id.set_size(16)
    type_id.set_precision(80)
    type_id.set_fields(79, 64, 15, 0, 64)
    type_id.set_ebias(16383)
    type_id.set_norm(h5t.NORM_NONE)
    type_id.set_order(ORDERS[order])
    return type_id


@fixture_file
def odd_integers(path: Path) -> None:
    """Integers of unusual size, precision, bit offset or padding."""
    shapes = [
        ("STD_U16LE", 2, 12, 2),
        ("STD_I32LE", 4, 17, 5),
        ("STD_I32BE", 4, 20, 12),
        ("STD_U8LE", 1, 1, 3),
    ]
    shapes += [
        ("STD_U8LE", 3, 24, 0),
        ("STD_I16BE", 3, 24, 0),
        ("STD_I32LE", 5, 40, 0),
        ("STD_U64LE", 16, 128, 0),
    ]
    with new_file(path) as file:
        for base, size, precision, offset in shapes:
            type_id = getattr(h5t, base).copy()
            type_id.set_size(size)
            type_id.set_precision(precision)
            type_id.set_offset(offset)
            order = "little" if base.endswith("LE") else "big"
            data = b"".join((value << offset).to_bytes(size, order) for value in (0, 1, 1 << (precision - 1)))
            raw_dataset(file, f"{base}_{size}_{precision}_{offset}", type_id, (3,), data)
        padded = h5t.STD_I16LE.copy()
        padded.set_precision(9)
        padded.set_pad(h5t.PAD_ONE, h5t.PAD_BACKGROUND)
        raw_dataset(file, "padded_with_ones", padded, (2,), b"\x01\xff\x02\xff")


@fixture_file
def custom_floats(path: Path) -> None:
    """Floats no C type has: bfloat16, the 8-bit ones of machine learning, 19-bit."""
    with new_file(path) as file:
        for order in ORDERS:
            bfloat16 = _float(2, 16, (15, 7, 8, 0, 7), 127, order)
            raw_dataset(file, f"bfloat16_{order}", bfloat16, (2,), _bytes([0x3FC0, 0xC000], "u", 2, order))
        raw_dataset(file, "f8e4m3", _float(1, 8, (7, 3, 4, 0, 3), 7, "le"), (2,), b"\x38\xc0")
        raw_dataset(file, "f8e5m2", _float(1, 8, (7, 2, 5, 0, 2), 15, "le"), (2,), b"\x3c\xc0")
        raw_dataset(file, "tf32", _float(4, 19, (18, 10, 8, 0, 10), 127, "le"), (1,), b"\x00\xfe\x01\x00")


def _float(size: int, precision: int, fields: tuple[int, int, int, int, int], bias: int, order: str) -> Any:
    """A float type; its fields are set while it is still wide enough for any of them."""
    type_id = h5t.IEEE_F64LE.copy()
    type_id.set_fields(*fields)
    type_id.set_ebias(bias)
    type_id.set_precision(precision)
    type_id.set_size(size)
    type_id.set_order(ORDERS[order])
    return type_id


@fixture_file
def vax_floats(path: Path) -> None:
    """A float in the byte order of a VAX, which h5py cannot map; and one whose file no longer says so.

    Only version 3 of the datatype message can name that order. The library writes version 1 unless the type
    was decoded from a newer one, and what it then reads back is big-endian.
    """
    lost = h5t.IEEE_F32LE.copy()
    lost.set_order(h5t.ORDER_VAX)
    lost.set_ebias(129)
    encoded = bytearray(lost.encode())
    encoded[2] = 0x31
    with new_file(path) as file:
        for name, type_id in (("vax", h5t.decode(bytes(encoded))), ("lost", lost)):
            raw_dataset(file, name, type_id, (2,), b"\x80\x40\x00\x00\x40\xc1\x00\x00")


@fixture_file
def booleans(path: Path) -> None:
    """Booleans the way h5py stores them, an enum with FALSE and TRUE, and the ways it does not."""
    with new_file(path) as file:
        file["scalar"] = np.bool_(True)
        file["array"] = np.array([[True, False], [False, True]])
        file.attrs["flag"] = np.bool_(False)
        wide = h5t.enum_create(h5t.STD_I32BE)
        wide.enum_insert(b"FALSE", 0)
        wide.enum_insert(b"TRUE", 1)
        raw_dataset(file, "wide", wide, (2,), _bytes([0, 1], "i", 4, "be"))


@fixture_file
def enums(path: Path) -> None:
    """Enums over signed, unsigned and big-endian bases, with many members, with values without a name."""
    with new_file(path) as file:
        for base in ("STD_I8LE", "STD_U8LE", "STD_I16BE", "STD_U32BE", "STD_I64LE", "STD_U64LE"):
            type_id = h5t.enum_create(getattr(h5t, base))
            top = 2 ** (8 * type_id.get_size() - 1) - 1
            for name, value in (("zero", 0), ("größte", top), ("[red]two[/red]", 2)):
                type_id.enum_insert(name.encode(), value)
            order = "le" if base.endswith("LE") else "be"
            kind = "i" if "I" in base[4] else "u"
            raw_dataset(file, base, type_id, (4,), _bytes([0, top, 2, 77], kind, type_id.get_size(), order))
        many = {f"member_{number:03d}": number for number in range(300)}
        file.create_dataset("many", data=np.arange(5), dtype=h5py.enum_dtype(many, basetype="<u2"))
        negative = h5py.enum_dtype({"BELOW": -1, "ABOVE": 1}, basetype="<i4")
        file.create_dataset("negative", data=np.array([-1, 1, 0], dtype="<i4"), dtype=negative)


@fixture_file
def bitfields(path: Path) -> None:
    """Bit fields of every size in both byte orders."""
    with new_file(path) as file:
        for bits in (8, 16, 32, 64):
            for order in ORDERS:
                data = _bytes([0, 1, 2**bits - 1], "u", bits // 8, order)
                type_id = getattr(h5t, f"STD_B{bits}{order.upper()}")
                raw_dataset(file, f"b{bits}_{order}", type_id, (3,), data)


@fixture_file
def opaques(path: Path) -> None:
    """Opaque bytes with a tag, without one, with a tag as long as it may be, and h5py's dates."""
    tags = {
        "tagged": b"application/x-demo",
        "untagged": b"",
        "long_tag": b"t" * 255,
        "odd_tag": b"\xff[/x]\x1b",
    }
    with new_file(path) as file:
        for name, tag in tags.items():
            type_id = h5t.create(h5t.OPAQUE, 5)
            type_id.set_tag(tag)
            raw_dataset(file, name, type_id, (3,), bytes(range(15)))
        dates = np.array(["2020-02-29T12:00:00", "1969-12-31T23:59:59"], dtype="<M8[s]")
        file["dates"] = dates.astype(h5py.opaque_dtype(dates.dtype))
        one = h5t.create(h5t.OPAQUE, 1)
        raw_attribute(file, "one", one, (2,), b"\x00\xff")


@fixture_file
def times(path: Path) -> None:
    """HDF5's time type, which no version can convert and h5py cannot map."""
    with new_file(path) as file:
        for name in ("UNIX_D32LE", "UNIX_D32BE", "UNIX_D64LE", "UNIX_D64BE"):
            type_id = getattr(h5t, name)
            raw_dataset(file, name, type_id, (2,), bytes(2 * type_id.get_size()))
            raw_attribute(file, name, type_id, (), bytes(type_id.get_size()))


@fixture_file
def complex_compounds(path: Path) -> None:
    """Complex numbers the way h5py stores them, a compound of r and i; and of other member names."""
    with new_file(path) as file:
        for kind in ("<c8", ">c8", "<c16", ">c16"):
            name = f"{'le' if kind[0] == '<' else 'be'}_{kind[1:]}"
            file.create_dataset(name, data=np.array([1 + 2j, -0.5j, np.inf], dtype=kind))
        file["named_otherwise"] = np.array([(1.0, 2.0)], dtype=[("real", "<f8"), ("imag", "<f8")])
        file["integers"] = np.array([(1, 2)], dtype=[("r", "<i4"), ("i", "<i4")])
        file.attrs["scalar"] = 3 - 4j


@fixture_file
def complex_native(path: Path) -> None:
    """The complex type class that HDF5 2.0 brought, in its three sizes and both byte orders."""
    with new_file(path, libver="latest") as file:
        for bits in (16, 32, 64):
            for order in ORDERS:
                type_id = getattr(h5t, f"COMPLEX_IEEE_F{bits}{order.upper()}")
                raw_dataset(
                    file, f"c{2 * bits}_{order}", type_id, (2,), _bytes([1, 2, 3, -4], "f", bits // 8, order)
                )
        raw_attribute(file, "scalar", h5t.COMPLEX_IEEE_F64LE, (), _bytes([1, -1], "f", 8, "le"))
