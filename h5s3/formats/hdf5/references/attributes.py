"""Attributes as the JSON of Zarr has them: numbers exact (NaN too), lists of one value that value.

What netCDF and dimension scales keep in attributes for themselves is left out: names of dimensions say it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from h5py import h5a, h5r, h5s, h5t

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.hdf5.fetch.block_file import Miss
from h5s3.formats.hdf5.objects.attributes import attribute_names, attribute_values
from h5s3.formats.hdf5.objects.file import FAILURES, plain_reason
from h5s3.formats.hdf5.objects.links import address_of
from h5s3.formats.hdf5.objects.values import Converter, by_address
from h5s3.formats.names import text_of
from h5s3.records import Json

MOST = 1000  # attributes of one object
LARGEST = 1 << 20  # bytes of one
MOST_TOLD, EACH = 32 << 20, 64  # bytes of all attributes of a file, and of each beside its value
OF_SCALES = {b"CLASS", b"NAME"}
HIDDEN = {
    b"DIMENSION_LIST", b"REFERENCE_LIST", b"DIMENSION_LABELS", b"_NCProperties", b"_nc3_strict",
    b"_Netcdf4Dimid", b"_Netcdf4Coordinates",
}  # fmt: skip
FILL = "_FillValue"
MOST_DIMENSIONS = 32


@dataclass
class Attributes:
    """The attributes of an object. `left_out`: names and reasons."""

    values: dict[str, Json] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0  # bytes of the values, and some for each
    fill: np.ndarray[Any, Any] | None = None  # `_FillValue`, of one element
    pointing: set[int] = field(default_factory=set)  # addresses that stand for what references point to
    with_pointers: set[str] = field(default_factory=set)  # names of the attributes in which they stand
    scales: list[int | None] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    scale_name: str | None = None  # of a dimension scale
    number: int | None = None
    numbers: list[int] = field(default_factory=list)


@dataclass
class _Exact(Converter):
    """Numbers as they are: NaN and infinities stay, enums are numbers."""

    def _float(self, value: Any) -> float:
        return float(value)

    def _integer(self, value: Any, dtype: np.dtype[Any]) -> int:
        return int(value)


def read_attributes(file: Any, found: Any, most: int) -> Attributes:
    """All attributes of an object, of `most` bytes together. A pure question. Raises what h5py raises."""
    names = attribute_names(found, MOST + 1)
    made = Attributes()
    is_scale = b"CLASS" in names and _text(found, b"CLASS") == "DIMENSION_SCALE"
    for name in names[:MOST]:
        if name not in HIDDEN and not (is_scale and name in OF_SCALES):
            _add(made, file, found, name, most)
    if len(names) > MOST:
        made.left_out.append(("", f"it has more than {MOST:,} attributes"))
    if is_scale:
        made.scale_name = _text(found, b"NAME") if b"NAME" in names else ""
        made.number = next(iter(_integers(found, b"_Netcdf4Dimid", names)), None)
    made.numbers = _integers(found, b"_Netcdf4Coordinates", names)
    if b"DIMENSION_LIST" in names:
        made.scales = _scales(file, found)
    if b"DIMENSION_LABELS" in names:
        values, _ = attribute_values(h5a.open(found, b"DIMENSION_LABELS"), LARGEST)
        made.labels = [_as_text(one) for one in values.reshape(-1)[:MOST_DIMENSIONS]]
    return made


def _add(made: Attributes, file: Any, found: Any, name: bytes, most: int) -> None:
    attribute, shown = h5a.open(found, name), text_of(name)
    if attribute.get_space().get_simple_extent_type() == h5s.NULL:
        made.values[shown] = "" if attribute.get_type().get_class() == h5t.STRING else None
        return
    made.size += attribute.get_space().get_simple_extent_npoints() * attribute.get_type().get_size() + EACH
    try:
        if made.size > most:
            raise RefusedError("the attributes of the file are too large to be copied, from here on")
        values, dtype = attribute_values(attribute, LARGEST)
    except (RefusedError, DamagedError) as error:
        made.left_out.append((shown, error.cause))
        return
    except (Miss, H5s3Error):
        raise
    except (*FAILURES, UnicodeError) as error:
        made.left_out.append((shown, plain_reason(error)))
        return
    if shown == FILL and values.size == 1 and dtype.kind in "biufcS" and dtype.subdtype is None:
        made.fill = values.reshape(())
    if values.size == 1:
        values = values.reshape(())
    if dtype.hasobject:
        made.size += sum(len(one) for one in values.reshape(-1) if isinstance(one, str | bytes | np.ndarray))

    def namer(address: int) -> str:
        made.pointing.add(address)
        made.with_pointers.add(shown)
        return by_address(address)

    made.values[shown] = _Exact(file, namer).array(values, dtype.subdtype[0] if dtype.subdtype else dtype)


def _text(found: Any, name: bytes) -> str:
    """A short text attribute; nothing for what is none."""
    attribute = h5a.open(found, name)
    if (
        attribute.get_type().get_class() != h5t.STRING
        or attribute.get_space().get_simple_extent_npoints() != 1
    ):
        return ""
    return _as_text(attribute_values(attribute, LARGEST)[0].reshape(-1)[0])


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return text_of(value)
    return text_of(value.encode("utf-8", "surrogateescape")) if isinstance(value, str) else ""


def _integers(found: Any, name: bytes, names: list[bytes]) -> list[int]:
    if name not in names:
        return []
    values, dtype = attribute_values(h5a.open(found, name), LARGEST)
    return [int(one) for one in values.reshape(-1)[:MOST_DIMENSIONS]] if dtype.kind in "iu" else []


def _scales(file: Any, found: Any) -> list[int | None]:
    """The address of the first scale of each dimension."""
    attribute = h5a.open(found, b"DIMENSION_LIST")
    tid = attribute.get_type()
    if tid.get_class() != h5t.VLEN or len(attribute.shape) != 1 or attribute.shape[0] > MOST_DIMENSIONS:
        return []
    values, _ = attribute_values(attribute, LARGEST)
    return [_address(file, next(iter(one), None) if one is not None else None) for one in values]


def _address(file: Any, reference: Any) -> int | None:
    if not isinstance(reference, h5r.Reference) or not reference:
        return None
    return address_of(h5r.dereference(reference, file))
