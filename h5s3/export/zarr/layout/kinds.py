"""Which Zarr type has the values of an HDF5 type, and how fill values are written.

Sources: Zarr v2 specification, "Data type encoding" and "Fill value encoding"; Zarr v3 core specification,
"Data types"; types of zarr-extensions as zarr-python names them.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from h5s3.formats.base import Facts
from h5s3.formats.dtypes import enum_names, flat_type
from h5s3.formats.names import field_text
from h5s3.records import Json

MOST_FIELDS = 1000
TEXT = np.dtype("O")
V3_NAMES = {"b1": "bool", "c8": "complex64", "c16": "complex128"}
V3_NAMES |= {f"i{n}": f"int{8 * n}" for n in (1, 2, 4, 8)} | {f"u{n}": f"uint{8 * n}" for n in (1, 2, 4, 8)}
V3_NAMES |= {f"f{n}": f"float{8 * n}" for n in (2, 4, 8)}


class NoCounterpartError(Exception):
    """Zarr has nothing for it: why."""


@dataclass(frozen=True)
class Kind:
    """A type of Zarr. `dtype`: of the values as they are encoded; objects are texts of variable length."""

    dtype: np.dtype[Any]
    inner: tuple[int, ...] = ()  # dimensions of an array type, which become the array's last
    enum: dict[str, int] | None = None
    references: bool = False  # written as the paths of what they point to

    @property
    def text(self) -> bool:
        """Whether values are texts of variable length."""
        return self.dtype.kind == "O"

    @property
    def big(self) -> bool:
        """Whether numbers are stored with the high byte first."""
        return self.dtype.str[0] == ">"

    @property
    def itemsize(self) -> int:
        """Bytes of one value; of texts, of a pointer to one."""
        return self.dtype.itemsize

    def name(self, version: int) -> Json:
        """The type as the document of an array has it."""
        if version == 2:
            return "|O" if self.text else _v2(self.dtype)
        return "string" if self.text else _v3(self.dtype)

    def fill(self, value: Any, version: int) -> Json:
        """A fill value as the document of an array has it."""
        if self.text:
            return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value or "")
        if self.dtype.kind in "SV":
            return base64.b64encode(np.asarray(value, dtype=self.dtype).tobytes()).decode()
        if self.dtype.kind in "mM":
            return int(np.asarray(value, dtype=self.dtype).view("i8"))
        if self.dtype.kind == "c":
            return [_float(value.real), _float(value.imag)]
        if self.dtype.kind == "f":
            return _float(value)
        return bool(value) if self.dtype.kind == "b" else int(value)

    def value(self, fill: Json) -> Any:
        """The other way."""
        if self.text:
            return fill
        if self.dtype.kind in "SV":
            return np.frombuffer(base64.b64decode(fill), dtype=self.dtype)[0]
        if self.dtype.kind == "c":
            return self.dtype.type(complex(float(fill[0]), float(fill[1])))
        if self.dtype.kind in "mM":
            return np.array(fill, dtype="i8").astype(self.dtype.byteorder + "i8").view(self.dtype)[()]
        return np.array(float(fill) if self.dtype.kind == "f" else fill).astype(self.dtype)[()]

    def default(self) -> Any:
        """The value of what was never written, where the file does not define one."""
        return "" if self.text else np.zeros((), dtype=self.dtype)[()]


def kind_of(facts: Facts, dtype: np.dtype[Any] | None, version: int) -> Kind:
    """The type for a dataset of h5py's `dtype`. Raises `NoCounterpartError`."""
    if facts.type.class_ == "reference" and facts.type.reference:
        return Kind(TEXT, references=True)
    if dtype is None:
        raise NoCounterpartError(f"values of type {facts.dtype}")
    base, inner = flat_type(dtype)
    if base.kind == "O":
        if h5py.check_string_dtype(base) is None:
            raise NoCounterpartError(f"values of type {facts.dtype}")
        return Kind(TEXT, inner)
    enum = enum_names(base) if base.kind in "iu" else None
    found = _plain(base)
    if version == 2:
        found = _flat(found)
    if base.names is not None and version == 3:
        found = found.newbyteorder("<")  # structures there have no byte order of their own
    if found.itemsize == 0 or (found.names is not None and len(found.names) > MOST_FIELDS):
        raise NoCounterpartError(f"values of type {facts.dtype[:80]}")
    return Kind(found, inner, enum)


def _plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A type without h5py's metadata and without gaps. Arrays in a compound become a field for each element:
    zarr-python has none. Raises `NoCounterpartError`."""
    if dtype.names is None:
        wide = {"f": 8, "c": 16}.get(dtype.kind, dtype.itemsize)
        if dtype.kind not in "biufcSVmM" or dtype.itemsize > wide:
            what = (
                "floats of 80 or 128 bits"
                if dtype.kind in "fc"
                else "compounds with values of variable length"
            )
            raise NoCounterpartError(what)
        return np.dtype(dtype.str)
    fields: list[tuple[str, np.dtype[Any]]] = []
    for name in dtype.names:
        base, inner = flat_type(dtype.fields[name][0])  # type: ignore[index]
        if len(fields) + math.prod(inner) > MOST_FIELDS:
            raise NoCounterpartError("compounds of very many values")
        own, plain = field_text(name), _plain(base)
        each = [own + "".join(f"_{n}" for n in at) for at in np.ndindex(*inner)] if inner else [own]
        fields += [(one, plain) for one in each]
    try:
        return np.dtype(fields)
    except ValueError:
        raise NoCounterpartError("compounds with several fields of one name") from None


def _flat(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A compound with the fields of compounds in it as its own: zarr-python reads no others of version 2."""
    if dtype.names is None:
        return dtype
    fields: list[tuple[str, np.dtype[Any]]] = []
    for name in dtype.names:
        part = _flat(dtype.fields[name][0])  # type: ignore[index]
        if part.names is None:
            fields.append((name, part))
        else:
            fields += [(f"{name}.{one}", part.fields[one][0]) for one in part.names]  # type: ignore[index]
    try:
        return np.dtype(fields)
    except ValueError:
        raise NoCounterpartError("compounds with several fields of one name") from None


def packed(dtype: np.dtype[Any], made: np.dtype[Any]) -> bool:
    """Whether the values of h5py's type are the bytes of the other as they stand."""
    base, _ = flat_type(dtype)
    return base.itemsize == made.itemsize and _bytes_of(base) == _bytes_of(made)


def _bytes_of(dtype: np.dtype[Any]) -> list[tuple[int, str]]:
    """Where in a value which number stands."""
    if dtype.names is None:
        return [(0, dtype.str)]
    found = []
    for name in dtype.names:
        field, at = dtype.fields[name][:2]  # type: ignore[index]
        base, inner = flat_type(field)
        for number in range(math.prod(inner)):
            found += [(at + number * base.itemsize + inside, kind) for inside, kind in _bytes_of(base)]
    return found


def _v2(dtype: np.dtype[Any]) -> Json:
    if dtype.names is None:
        return dtype.str
    return [[name, _v2(dtype.fields[name][0])] for name in dtype.names]  # type: ignore[index]


def _v3(dtype: np.dtype[Any]) -> Json:
    if dtype.names is not None:
        fields = [[name, _v3(dtype.fields[name][0])] for name in dtype.names]  # type: ignore[index]
        return {"name": "structured", "configuration": {"fields": fields}}
    if dtype.kind == "S":
        return {"name": "null_terminated_bytes", "configuration": {"length_bytes": dtype.itemsize}}
    if dtype.kind == "V":
        return {"name": "raw_bytes", "configuration": {"length_bytes": dtype.itemsize}}
    if dtype.kind in "mM":
        unit, many = np.datetime_data(dtype)
        name = f"numpy.{'datetime' if dtype.kind == 'M' else 'timedelta'}64"
        return {"name": name, "configuration": {"unit": unit, "scale_factor": many}}
    return V3_NAMES[dtype.str[1:]]


def _float(value: Any) -> Json:
    number = float(value)
    if math.isnan(number):
        return "NaN"
    return number if math.isfinite(number) else "Infinity" if number > 0 else "-Infinity"
