"""What the records should say of types and values, worked out from h5py alone.

It shares no code with the package: types are read with h5py's getters, values with h5py's own reading.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import h5py
import numpy as np
from h5py import h5o, h5r, h5t

from tests.support.reference.h5py_walk import FAILURES

ORDERS = {h5t.ORDER_LE: "little-endian", h5t.ORDER_BE: "big-endian", h5t.ORDER_VAX: "mixed"}
PADDINGS = {
    h5t.STR_NULLTERM: "null-terminated",
    h5t.STR_NULLPAD: "null-padded",
    h5t.STR_SPACEPAD: "space-padded",
}

UNTOLD = "@?"  # an object is there, so damaged that h5py does not tell its address or region


def shown(raw: bytes) -> str:
    """Bytes as text, what is no UTF-8 escaped."""
    return raw.decode("utf-8", "backslashreplace")


# ---------------------------------------------------------------------------------------------- types


def type_record(tid: Any) -> dict[str, Any]:
    """A datatype as the JSON of its record, without notes."""
    found = _TYPES[tid.get_class()](tid)
    return {name: value for name, value in found.items() if value is not None}


def _sized(kind: str, tid: Any, **more: Any) -> dict[str, Any]:
    return {"class": kind, "size": tid.get_size()} | more


def _number(tid: Any) -> dict[str, Any]:
    odd = tid.get_precision() != 8 * tid.get_size()
    return _order(tid) | {"size": tid.get_size(), "precision": tid.get_precision() if odd else None}


def _order(tid: Any) -> dict[str, Any]:
    return {"endianness": ORDERS.get(tid.get_order())}


def _base(tid: Any) -> dict[str, Any]:
    return {"base": type_record(tid.get_super())}


def _string(tid: Any) -> dict[str, Any]:
    variable = bool(tid.is_variable_str())
    found = {"class": "string", "variable": variable, "padding": PADDINGS[tid.get_strpad()]}
    found["charset"] = "UTF-8" if tid.get_cset() == h5t.CSET_UTF8 else "ASCII"
    return found if variable else found | {"size": tid.get_size()}


def _members(tid: Any) -> list[dict[str, Any]]:
    found = []
    for index in range(tid.get_nmembers()):
        member = {"name": shown(tid.get_member_name(index)), "offset": tid.get_member_offset(index)}
        found.append(member | {"type": type_record(tid.get_member_type(index))})
    return found


def _enum(tid: Any) -> dict[str, Any]:
    members = range(tid.get_nmembers())
    mapping = {shown(tid.get_member_name(index)): tid.get_member_value(index) for index in members}
    boolean = sorted(mapping.items()) == [("FALSE", 0), ("TRUE", 1)]
    return _sized("boolean" if boolean else "enum", tid, mapping=mapping) | _base(tid)


def _target_kind(tid: Any) -> str | None:
    if tid.equal(h5t.STD_REF_OBJ):
        return "object"
    return "region" if tid.equal(h5t.STD_REF_DSETREG) else None


_TYPES: dict[int, Callable[[Any], dict[str, Any]]] = {
    h5t.INTEGER: lambda tid: {"class": "integer", "signed": tid.get_sign() == h5t.SGN_2} | _number(tid),
    h5t.FLOAT: lambda tid: {"class": "float"} | _number(tid),
    h5t.STRING: _string,
    h5t.COMPOUND: lambda tid: _sized("compound", tid, members=_members(tid)),
    h5t.ENUM: _enum,
    h5t.VLEN: lambda tid: {"class": "vlen"} | _base(tid),
    h5t.ARRAY: lambda tid: _sized("array", tid, dims=[int(n) for n in tid.get_array_dims()]) | _base(tid),
    h5t.COMPLEX: lambda tid: _sized("complex", tid) | _base(tid),
    h5t.REFERENCE: lambda tid: _sized("reference", tid, reference=_target_kind(tid)),
    h5t.TIME: lambda tid: _sized("time", tid),
    h5t.BITFIELD: lambda tid: _sized("bitfield", tid) | _order(tid),
    h5t.OPAQUE: lambda tid: _sized("opaque", tid, tag=shown(tid.get_tag()) or None),
}


def without_notes(record: Any) -> Any:
    """A type record as JSON without its notes, which are prose, and without base64 of names."""
    if isinstance(record, dict):
        kept = {key: value for key, value in record.items() if key not in ("note", "name_b64")}
        return {key: value if key == "mapping" else without_notes(value) for key, value in kept.items()}
    return [without_notes(item) for item in record] if isinstance(record, list) else record


def plain_number(tid: Any) -> bool:
    """Whether a type is a number that NumPy has just so: of full precision, in IEEE's formats if a float."""
    if tid.get_class() not in (h5t.INTEGER, h5t.FLOAT) or tid.get_precision() != 8 * tid.get_size():
        return False
    if tid.get_order() not in ORDERS or tid.get_order() == h5t.ORDER_VAX:
        return False
    if tid.get_class() == h5t.INTEGER:
        return tid.get_size() in (1, 2, 4, 8)
    return any(
        tid.equal(getattr(h5t, f"IEEE_F{bits}{order}")) for bits in (16, 32, 64) for order in ("LE", "BE")
    )


# --------------------------------------------------------------------------------------------- values


class Expected:
    """JSON values from h5py's values. `raw` gathers the byte strings that are no UTF-8."""

    def __init__(self, file: h5py.File, name: Callable[[int], str] = "@{}".format) -> None:
        self.file = file
        self.name = name
        self.nans = self.infs = 0
        self.raw: list[bytes] = []

    def array(self, values: Any, dtype: np.dtype[Any], ndim: int) -> Any:
        """Values as lists nested `ndim` deep; the elements may be arrays themselves."""
        if ndim == 0:
            return self.one(values, dtype)
        return [self.array(values[index], dtype, ndim - 1) for index in range(len(values))]

    def one(self, value: Any, dtype: np.dtype[Any]) -> Any:
        """One element."""
        if dtype.subdtype:
            return self.array(value, dtype.subdtype[0], len(dtype.shape))
        if dtype.names is not None:
            return {shown(os_bytes(name)): self.one(value[name], dtype[name]) for name in dtype.names}
        names = h5py.check_enum_dtype(dtype)
        if names is not None and value in names.values():
            name = next(name for name, number in names.items() if number == value)
            return shown(name) if isinstance(name, bytes) else name
        if dtype.kind == "O":
            return self._object(value, dtype)
        return self._plain(value, dtype)

    def _plain(self, value: Any, dtype: np.dtype[Any]) -> Any:
        if dtype.kind == "c":
            return [self._plain(value.real, np.dtype("f8")), self._plain(value.imag, np.dtype("f8"))]
        if dtype.kind == "f":
            self.nans += bool(np.isnan(value))
            self.infs += bool(np.isinf(value))
            return float(value) if math.isfinite(value) else None
        if dtype.kind == "S":
            return self._text(bytes(value))
        if dtype.kind == "V":
            return base64.b64encode(value.tobytes()).decode()
        if dtype.kind in "mM":
            return str(value)
        return value.item() if hasattr(value, "item") else value

    def _text(self, value: bytes) -> str:
        if shown(value).encode() != value:
            self.raw.append(value)
        return shown(value)

    def _object(self, value: Any, dtype: np.dtype[Any]) -> Any:
        if isinstance(value, h5py.RegionReference | h5py.Reference):
            return self._reference(value)
        if isinstance(value, str | bytes):
            return self._text(value if isinstance(value, bytes) else os_bytes(value))
        base = h5py.check_vlen_dtype(dtype)
        if base is not None and value is not None:
            return [self.one(item, np.dtype(base)) for item in _in_order(value, np.dtype(base))]
        return []

    def _reference(self, value: Any) -> str | None:
        if not value:
            return None
        try:
            reached = h5r.dereference(value, self.file.id)
        except FAILURES:
            return "dangling"
        try:
            target = self.name(h5o.get_info(reached).addr)
            if not isinstance(value, h5py.RegionReference):
                return target
            region = h5r.get_region(value, self.file.id)
            if not region.get_select_npoints():
                return f"{target}[]"
            bounds = zip(*region.get_select_bounds(), strict=True)
        except FAILURES:
            return UNTOLD
        return f"{target}[{','.join(f'{low}:{high + 1}' for low, high in bounds)}]"


def _in_order(value: Any, base: np.dtype[Any]) -> Any:
    """A sequence as it is meant: h5py 3.16 labels big-endian numbers as if they were this machine's."""
    if base.kind in "iuf" and not base.isnative and _wrong_labels():
        return np.asarray(value).view(base)
    return value


@cache
def _wrong_labels() -> bool:
    with h5py.File(io.BytesIO(), "w") as file:
        data = file.create_dataset("data", (1,), dtype=h5py.vlen_dtype(">u2"))
        data[0] = np.array([1], dtype=">u2")
        return int(data[0][0]) == 256


def os_bytes(text: str) -> bytes:
    """The bytes of a name or string as h5py hands it out."""
    return text.encode("utf-8", "surrogateescape")
