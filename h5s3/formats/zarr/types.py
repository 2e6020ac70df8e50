"""Data types of Zarr as the records name them, and as values are given out.

Sources: Zarr v2 specification (NumPy's array interface strings); Zarr v3 core specification, "Data types";
the types of zarr-extensions that zarr-python writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from h5s3.errors import DamagedError
from h5s3.records import Member, TypeInfo

TEXT = np.dtype("O", metadata={"vlen": str})  # as h5py has it
BYTES = np.dtype("O", metadata={"vlen": bytes})
LARGEST = (1 << 31) - 1  # bytes of one value
MOST_FIELDS, DEEPEST = 1000, 8
PLAIN = re.compile(r"[<>|=]?([biufcSUVmM])([0-9]{1,12})?(\[([0-9]{0,9})([a-zA-Zμ]{1,7})\])?")
NAMED = re.compile(r"(bool|(?:int|uint)(?:8|16|32|64)|float(?:16|32|64)|complex(?:64|128))")
TIMES = {
    "D": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds",
    "us": "microseconds", "ns": "nanoseconds",
}  # fmt: skip
LENGTHS = {  # v3 types of fixed length, by NumPy's letter
    "fixed_length_utf32": "U", "null_terminated_bytes": "S", "raw_bytes": "V",
}  # fmt: skip
VARIABLE = {"string": TEXT, "variable_length_bytes": BYTES, "bytes": BYTES}
OBJECTS = {"vlen-utf8": TEXT, "vlen-bytes": BYTES}  # v2: what a filter makes of objects
Endianness = Literal["little-endian", "big-endian"]


@dataclass(frozen=True)
class Kind:
    """A data type. `dtype`: NumPy's, as values are given out; None where it has none."""

    info: TypeInfo
    name: str  # as it is shown
    itemsize: int  # bytes of one value; of variable length those of a pointer
    dtype: np.dtype[Any] | None
    stored: np.dtype[Any] | None = None  # as zarr gives them, where that is another one
    unit: str = ""  # of times, as they are given out: one of `TIMES`

    @property
    def variable(self) -> bool:
        """Whether values have no length of their own."""
        return self.dtype is not None and self.dtype.hasobject

    @property
    def units(self) -> str:
        """Of times, as CF has them."""
        if self.unit not in TIMES or self.stored is None:
            return ""
        return TIMES[self.unit] + (" since 1970-01-01" if self.stored.kind == "M" else "")

    def given_out(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Values of zarr's type as values of `dtype`."""
        if self.dtype is not None and self.dtype.hasobject:
            found = np.empty(values.shape, dtype=object)
            found[...] = np.frompyfunc(_as_bytes, 1, 1)(values.astype(object))
            return found
        if self.dtype is None or values.dtype == self.dtype:
            return values
        if values.dtype.kind == "U":
            return np.char.encode(values, "utf-8").astype(self.dtype)
        if values.dtype.kind in "mM":
            unit = f"[{self.unit}]" if self.unit else values.dtype.str[3:]
            return values.astype(f"={values.dtype.kind}8{unit}").view("i8")
        return values.astype(self.dtype)


def _as_bytes(value: Any) -> bytes:
    """A text as h5py gives it; what was never written may be none."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value or b"")


def kind_of_v2(dtype: Any, filters: list[str]) -> Kind:
    """The type of an array of version 2, whose objects are what its filters make of them."""
    if dtype in ("|O", "O", "|O8"):
        made = next((OBJECTS[name] for name in filters if name in OBJECTS), None)
        if made is None:
            return _unknown(f"objects ({'+'.join(filters) or 'no filter'})")
        return _variable(made)
    return _of_numpy(dtype, 0)


def kind_of_v3(named: Any, endian: Endianness) -> Kind:
    """The type of an array of version 3; `endian`: how its numbers are stored."""
    name = named.get("name") if isinstance(named, dict) else named
    options = named.get("configuration") or {} if isinstance(named, dict) else {}
    if not isinstance(name, str) or not isinstance(options, dict):
        raise DamagedError("its data type is not a name")
    if NAMED.fullmatch(name):
        found = np.dtype(name)
        return Kind(_number(found, endian), name, found.itemsize, found)
    if name in VARIABLE:
        return _variable(VARIABLE[name])
    if name in LENGTHS and isinstance(size := options.get("length_bytes"), int):
        return _of_numpy(f"|{LENGTHS[name]}{size // (4 if LENGTHS[name] == 'U' else 1)}", 0)
    if re.fullmatch("r[0-9]{1,10}", name) and not int(name[1:]) % 8:
        return _of_numpy(f"|V{int(name[1:]) // 8}", 0)
    if name in ("numpy.datetime64", "numpy.timedelta64"):
        letter = "M" if name == "numpy.datetime64" else "m"
        return _of_numpy(f"<{letter}8[{options.get('scale_factor', 1)}{options.get('unit')}]", 0)
    if name in ("structured", "struct") and isinstance(fields := options.get("fields"), list):
        return _structured(fields, lambda inner, _: kind_of_v3(inner, endian), 0)
    return _unknown(name)


def _variable(made: np.dtype[Any]) -> Kind:
    if made is TEXT:
        return Kind(TypeInfo(class_="string", charset="UTF-8", variable=True), "str", 8, made)
    base = TypeInfo(class_="opaque", size=1)
    return Kind(TypeInfo(class_="vlen", base=base), "bytes", 8, made)


def _unknown(name: str) -> Kind:
    return Kind(TypeInfo(class_="unknown", note="not a type that is known here"), name[:200], 1, None)


def _number(found: np.dtype[Any], endian: Endianness) -> TypeInfo:
    order: Any = endian if found.itemsize > 1 else "none"
    if found.kind == "b":
        return TypeInfo(class_="boolean", size=1)
    if found.kind == "c":
        part = TypeInfo(class_="float", size=found.itemsize // 2, endianness=endian)
        return TypeInfo(class_="complex", size=found.itemsize, base=part)
    if found.kind == "f":
        return TypeInfo(class_="float", size=found.itemsize, endianness=order)
    signed = found.kind == "i"
    return TypeInfo(class_="integer", size=found.itemsize, signed=signed, endianness=order)


def _of_numpy(text: Any, depth: int) -> Kind:
    """A type of NumPy's array interface: text, or a list of fields."""
    if isinstance(text, list):
        return _structured(text, _of_numpy, depth)
    match = PLAIN.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[2] or 1) * (4 if match[1] == "U" else 1) > LARGEST:
        return _unknown(str(text))
    try:
        found = np.dtype(text)
    except (TypeError, ValueError):
        return _unknown(text)
    if found.kind in "mM":
        return _time(found)
    if found.kind in "SUV":
        return _fixed(found)
    endian: Endianness = "big-endian" if found.str[0] == ">" else "little-endian"
    shown = found.str if found.str[0] == ">" and found.itemsize > 1 else found.name
    return Kind(_number(found, endian), shown, found.itemsize, found)


def _fixed(found: np.dtype[Any]) -> Kind:
    size = found.itemsize
    if found.kind == "V":
        return Kind(TypeInfo(class_="opaque", size=size), f"opaque[{size}]", size, found)
    if found.kind == "S":
        info = TypeInfo(class_="string", size=size, charset="ASCII", padding="null-padded")
        return Kind(info, f"str[{size}]", size, found)
    info = TypeInfo(
        class_="string", size=size, charset="UTF-8", padding="null-padded", note="stored as UTF-32"
    )
    return Kind(info, f"str[{size // 4}]", size, np.dtype(f"S{size}"), found)  # UTF-8 takes no more


def _time(found: np.dtype[Any]) -> Kind:
    """Times are given out as integers in a unit of steady length: the one that is stored, or days."""
    unit, many = np.datetime_data(found)
    steady = {"Y": "D", "M": "D", "W": "D"}.get(unit, unit) if found.kind == "M" else unit
    every = f"[{many if many > 1 else ''}{unit}]" if unit != "generic" else ""
    name = f"{'datetime' if found.kind == 'M' else 'timedelta'}64{every}"
    info = TypeInfo(class_="time", size=8, note=name)
    return Kind(info, name, 8, np.dtype("i8"), found, steady if steady in TIMES else "")


def _structured(fields: list[Any], kind_of: Any, depth: int) -> Kind:
    """Fields one after another, without gaps."""
    if depth > DEEPEST or not 0 < len(fields) <= MOST_FIELDS:
        return _unknown("a structure with too many fields")
    members, types, offset = [], [], 0
    for one in fields:
        if not (isinstance(one, list) and len(one) in (2, 3) and isinstance(one[0], str)):
            return _unknown("a structure")
        kind = kind_of(one[1], depth + 1)
        dims = one[2] if len(one) == 3 else []
        plain = isinstance(dims, list) and all(isinstance(n, int) and 0 < n < 1 << 20 for n in dims)
        stored = kind.stored or kind.dtype
        if stored is None or kind.variable or not plain:
            return _unknown("a structure with " + kind.name)
        size = int(np.prod([kind.itemsize, *dims], dtype=object))
        if offset + size > LARGEST:
            return _unknown("a structure")
        info = TypeInfo(class_="array", size=size, dims=dims, base=kind.info) if dims else kind.info
        members.append(Member(name=one[0], offset=offset, type=info))
        types.append((one[0], stored, tuple(dims)))
        offset += size
    try:
        found = np.dtype(types)
    except (TypeError, ValueError):
        return _unknown("a structure")
    shown = "{" + ", ".join(f"{m.name}: {m.type.class_}" for m in members) + "}"
    return Kind(TypeInfo(class_="compound", size=offset, members=members), shown[:1000], offset, found)
