"""Types of HDF5 as those of Zarr version 2, where stored bytes mean the same to both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h5py import h5d, h5t

from h5s3.formats.dtypes import flat_type, is_text
from h5s3.formats.hdf5.objects.numpy_values import same_bits
from h5s3.formats.hdf5.objects.values import memory_dtype
from h5s3.records import Json

TEXT, BYTES = {"id": "vlen-utf8"}, {"id": "vlen-bytes"}
LARGEST_FILL = 64 * 1024  # bytes
NO_FILL = "some of its chunks were never written, and Zarr has no counterpart for its fill value"


class LeftOutError(Exception):
    """Something that references cannot hold; the reason in plain words."""


@dataclass(frozen=True)
class Kind:
    """The type of an array. `inner`: dimensions of an array type, which come behind those of the dataset.

    `direct`: stored bytes are the values; what is not direct can only be decoded and inlined. `ends_early`:
    texts of a fixed length that end with a null character: libhdf5 cuts off what stands behind it.
    """

    dtype: np.dtype[Any]
    name: Json  # of the type in Zarr
    inner: tuple[int, ...] = ()
    direct: bool = True
    text: bool = False  # of variable length
    ends_early: bool = False


def kind_of_type(tid: Any) -> Kind:
    """The type that values of an HDF5 type have in Zarr. Raises `LeftOutError` where there is none."""
    found = memory_dtype(tid)
    if found is None:
        raise LeftOutError("Zarr has no such type")
    dtype, inner = flat_type(found)
    if dtype.hasobject:
        if is_text(dtype) and not inner:
            return Kind(dtype, "|O", direct=False, text=True)
        raise LeftOutError("sequences of variable length and references have no counterpart in Zarr 2")
    name = _name(dtype)
    if _ends_early(tid):
        return Kind(dtype, name, inner, ends_early=True)
    return Kind(dtype, name, inner, direct=_is_packed(dtype) and same_bits(tid, found))


def packed_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A type without gaps between its fields."""
    if dtype.names is None or dtype.fields is None:
        return np.dtype(dtype.str)
    return np.dtype([(name, packed_type(dtype.fields[name][0])) for name in dtype.names])


def fill_value_of(dataset: Any, kind: Kind) -> np.ndarray[Any, Any] | None:
    """The value of elements that were never written; None where it is 0 in all its bytes.

    Raises `LeftOutError` for one that Zarr or xarray do not take.
    """
    dcpl, dtype = dataset.get_create_plist(), kind.dtype
    if _has_other_zero(dtype):
        raise LeftOutError(NO_FILL)
    user = dcpl.fill_value_defined() == h5d.FILL_VALUE_USER_DEFINED
    if not user or dcpl.get_fill_time() == h5d.FILL_TIME_NEVER:
        return None
    if kind.inner or dtype.itemsize > LARGEST_FILL:
        raise LeftOutError(NO_FILL)
    value = np.zeros((), dtype=kind.dtype)
    dcpl.get_fill_value(value)
    if not any(value.tobytes()):
        return None
    if dtype.kind not in "biuf":
        raise LeftOutError(NO_FILL)
    return value.astype(packed_type(dtype))


def _has_other_zero(dtype: np.dtype[Any]) -> bool:
    """Whether what zarr-python makes up is not 0 in all its bytes: `NaT`, the text `0` in compounds."""
    fields = [dtype.fields[name][0] for name in dtype.names] if dtype.names and dtype.fields else []
    return dtype.kind in "Mm" or any(one.kind == "S" for one in fields)


def fill_as_json(value: np.ndarray[Any, Any] | None) -> Json:
    """A fill value as the metadata of version 2 has it."""
    if value is None:
        return None
    if value.dtype.kind in "biu":
        return value.item()
    number = float(value)
    if number != number:
        return "NaN"
    return ("-Infinity" if number < 0 else "Infinity") if number in (np.inf, -np.inf) else number


def _name(dtype: np.dtype[Any]) -> Json:
    """The name of a type, or the names and types of its fields."""
    if dtype.subdtype is not None or dtype.hasobject:
        raise LeftOutError(
            "arrays and texts of variable length inside compounds have no counterpart in Zarr 2"
        )
    if dtype.names is not None and dtype.fields is not None:
        if not all(name.isprintable() and name for name in dtype.names):
            raise LeftOutError("the name of a field is not plain text")
        fields = [dtype.fields[name][0] for name in dtype.names]
        if any(one.names is not None for one in fields):
            raise LeftOutError("compounds inside compounds have no counterpart in Zarr 2")
        return [[name, _name(one)] for name, one in zip(dtype.names, fields, strict=True)]
    if dtype.kind not in "biufcSVMm" or (
        dtype.kind in "fc" and dtype.itemsize > (8 if dtype.kind == "f" else 16)
    ):
        raise LeftOutError(f"Zarr has no counterpart for {dtype.name}")
    if not dtype.itemsize:
        raise LeftOutError("its elements are empty")
    return f"|{dtype.kind}{dtype.itemsize}" if dtype.kind in "SV" else dtype.str


def _is_packed(dtype: np.dtype[Any]) -> bool:
    """Whether there are no gaps between the fields of a type."""
    return packed_type(dtype).itemsize == dtype.itemsize


def _ends_early(tid: Any) -> bool:
    """Whether elements are texts of a fixed length that end with a null character."""
    return bool(
        tid.get_class() == h5t.STRING
        and not tid.is_variable_str()
        and tid.get_strpad() == h5t.STR_NULLTERM
        and tid.get_size() > 1
    )
