"""HDF5 datatypes in the standard's words, from the file's own type, not from NumPy's idea of it."""

from __future__ import annotations

from typing import Any

from h5py import h5t

from h5s3.formats.names import names_of, text_of
from h5s3.records import Member, TypeInfo

DEEPEST = 16  # nested types described; a file may nest far deeper
MANY, MOST_KNOWN = 64, 16  # members of a type that is remembered; such types
LONGEST = 1000  # characters of a type in a few words
_known: dict[bytes, TypeInfo] = {}  # by encoding
ORDERS: dict[int, str] = {h5t.ORDER_LE: "little-endian", h5t.ORDER_BE: "big-endian", h5t.ORDER_VAX: "mixed"}
PADDINGS: dict[int, Any] = {
    h5t.STR_NULLTERM: "null-terminated",
    h5t.STR_NULLPAD: "null-padded",
    h5t.STR_SPACEPAD: "space-padded",
}
IEEE_FIELDS = {  # size: (sign, exponent position, exponent size, mantissa position, mantissa size), bias
    2: ((15, 10, 5, 0, 10), 15),
    4: ((31, 23, 8, 0, 23), 127),
    8: ((63, 52, 11, 0, 52), 1023),
}


def describe(tid: h5t.TypeID, depth: int = 0) -> TypeInfo:
    """A datatype and the types inside it."""
    if depth > DEEPEST:
        return TypeInfo(class_="unknown", note=f"nested more than {DEEPEST} deep")
    kind = tid.get_class()
    if depth == 0 and kind in (h5t.COMPOUND, h5t.ENUM) and tid.get_nmembers() > MANY:
        return _remembered(tid)
    return _DESCRIBE.get(kind, _unknown)(tid, depth)


def _remembered(tid: Any) -> TypeInfo:
    """A type of many members, described once: each of a million datasets may have it."""
    key = tid.encode()
    if key not in _known:
        while len(_known) >= MOST_KNOWN:
            del _known[next(iter(_known))]
        _known[key] = _DESCRIBE[tid.get_class()](tid, 0)
    return _known[key]


def _order(tid: Any) -> Any:
    return ORDERS.get(tid.get_order())


def _integer(tid: Any, _: int) -> TypeInfo:
    size, precision = tid.get_size(), tid.get_precision()
    return TypeInfo(
        class_="integer",
        size=size,
        signed=tid.get_sign() == h5t.SGN_2,
        endianness=_order(tid),
        precision=precision if precision != size * 8 else None,
    )


def _float(tid: Any, _: int) -> TypeInfo:
    size, precision = tid.get_size(), tid.get_precision()
    _, _, exponent, _, mantissa = tid.get_fields()
    odd = size <= 8 and (tid.get_fields(), tid.get_ebias()) != IEEE_FIELDS.get(size)
    note = f"not IEEE 754: {exponent} bits of exponent, {mantissa} of mantissa" if odd else None
    return TypeInfo(
        class_="float",
        size=size,
        endianness=_order(tid),
        precision=precision if precision != size * 8 else None,
        note=note,
    )


def _time(tid: Any, _: int) -> TypeInfo:
    return TypeInfo(class_="time", size=tid.get_size())


def _string(tid: Any, _: int) -> TypeInfo:
    variable = bool(tid.is_variable_str())
    return TypeInfo(
        class_="string",
        size=None if variable else tid.get_size(),
        charset="UTF-8" if tid.get_cset() == h5t.CSET_UTF8 else "ASCII",
        padding=PADDINGS.get(tid.get_strpad()),
        variable=variable,
    )


def _bitfield(tid: Any, _: int) -> TypeInfo:
    return TypeInfo(class_="bitfield", size=tid.get_size(), endianness=_order(tid))


def _opaque(tid: Any, _: int) -> TypeInfo:
    return TypeInfo(class_="opaque", size=tid.get_size(), tag=text_of(tid.get_tag()) or None)


def _compound(tid: Any, depth: int) -> TypeInfo:
    members = [
        Member(
            **names_of(tid.get_member_name(i)),
            offset=tid.get_member_offset(i),
            type=describe(tid.get_member_type(i), depth + 1),
        )
        for i in range(tid.get_nmembers())
    ]
    return TypeInfo(class_="compound", size=tid.get_size(), members=members)


def _reference(tid: Any, _: int) -> TypeInfo:
    if tid.equal(h5t.STD_REF_OBJ):
        return TypeInfo(class_="reference", size=tid.get_size(), reference="object")
    if tid.equal(h5t.STD_REF_DSETREG):
        return TypeInfo(class_="reference", size=tid.get_size(), reference="region")
    return TypeInfo(class_="reference", size=tid.get_size(), note="of any kind (H5T_STD_REF, HDF5 1.12)")


def _enum(tid: Any, depth: int) -> TypeInfo:
    mapping = {text_of(tid.get_member_name(i)): tid.get_member_value(i) for i in range(tid.get_nmembers())}
    base = describe(tid.get_super(), depth + 1)
    named = "boolean" if mapping in ({"FALSE": 0, "TRUE": 1}, {"TRUE": 1, "FALSE": 0}) else "enum"
    return TypeInfo(class_=named, size=tid.get_size(), base=base, mapping=mapping)


def _vlen(tid: Any, depth: int) -> TypeInfo:
    return TypeInfo(class_="vlen", base=describe(tid.get_super(), depth + 1))


def _array(tid: Any, depth: int) -> TypeInfo:
    dims = [int(n) for n in tid.get_array_dims()]
    return TypeInfo(class_="array", size=tid.get_size(), dims=dims, base=describe(tid.get_super(), depth + 1))


def _complex(tid: Any, depth: int) -> TypeInfo:
    return TypeInfo(class_="complex", size=tid.get_size(), base=describe(tid.get_super(), depth + 1))


def _unknown(tid: Any, _: int) -> TypeInfo:
    return TypeInfo(class_="unknown", size=tid.get_size(), note=f"HDF5 type class {tid.get_class()}")


_DESCRIBE = {
    h5t.INTEGER: _integer,
    h5t.FLOAT: _float,
    h5t.TIME: _time,
    h5t.STRING: _string,
    h5t.BITFIELD: _bitfield,
    h5t.OPAQUE: _opaque,
    h5t.COMPOUND: _compound,
    h5t.REFERENCE: _reference,
    h5t.ENUM: _enum,
    h5t.VLEN: _vlen,
    h5t.ARRAY: _array,
    h5t.COMPLEX: _complex,
}


def short(info: TypeInfo) -> str:
    """A datatype in one word or a few: NumPy's name for plain numbers, the standard's for the rest."""
    found = _SHORT.get(info.class_, _short_unknown)(info)
    return found if len(found) <= LONGEST else found[: LONGEST - 1] + "…"


def _prefixed(info: TypeInfo, letter: str, word: str) -> str:
    size = info.size or 0
    text = f">{letter}{size}" if info.endianness == "big-endian" and size > 1 else f"{word}{size * 8}"
    if info.endianness == "mixed":
        text = f"{word}{size * 8} VAX"
    if info.precision:
        text += f" ({info.precision} bits)"
    return text


def _short_integer(info: TypeInfo) -> str:
    return _prefixed(info, "i" if info.signed else "u", "int" if info.signed else "uint")


def _short_float(info: TypeInfo) -> str:
    if info.size == 16:  # x87 or quadruple: NumPy calls both float128, and the precision tells
        return ">f16" if info.endianness == "big-endian" else "float128"
    return _prefixed(info, "f", "float") + (" (not IEEE)" if info.note and not info.precision else "")


def _short_string(info: TypeInfo) -> str:
    return "str" if info.variable else f"str[{info.size}]"


def _short_compound(info: TypeInfo) -> str:
    members = info.members or []
    if is_complex(info):
        base = members[0].type
        size = info.size or 0
        return f">c{size}" if base.endianness == "big-endian" else f"complex{size * 8}"
    return "{" + ", ".join(f"{m.name}: {short(m.type)}" for m in members) + "}"


def is_complex(info: TypeInfo) -> bool:
    """Whether h5py reads a compound as complex: two floats of one kind named r and i."""
    members = info.members or []
    return (
        [m.name for m in members] == ["r", "i"]
        and members[0].type == members[1].type
        and members[0].type.class_ == "float"
    )


def _short_complex(info: TypeInfo) -> str:
    big = info.base is not None and info.base.endianness == "big-endian"
    return f">c{info.size}" if big else f"complex{(info.size or 0) * 8}"


def _short_enum(info: TypeInfo) -> str:
    return f"enum({short(info.base)})" if info.base else "enum"


def _short_base(info: TypeInfo) -> str:
    return short(info.base) if info.base else "?"


def _short_unknown(info: TypeInfo) -> str:
    return f"{info.class_}{(info.size or 0) * 8 or ''}"


_SHORT = {
    "integer": _short_integer,
    "float": _short_float,
    "string": _short_string,
    "bitfield": lambda info: _prefixed(info, "b", "bitfield"),
    "opaque": lambda info: f"opaque[{info.size}]",
    "compound": _short_compound,
    "reference": lambda info: f"ref({info.reference})" if info.reference else "ref",
    "boolean": lambda info: "bool",
    "enum": _short_enum,
    "vlen": lambda info: f"vlen({_short_base(info)})",
    "array": lambda info: f"{_short_base(info)}[{','.join(map(str, info.dims or []))}]",
    "complex": _short_complex,
}
