"""Attributes of an object: bounded in number and in size, each with its value or the reason why not."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5p, h5s

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.cf import NAMES, Coding, coding_of, one
from h5s3.formats.hdf5.fetch.block_file import Miss
from h5s3.formats.hdf5.fetch.safeguards import decoding
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import OpenFile, plain_reason
from h5s3.formats.hdf5.objects.numpy_values import in_order
from h5s3.formats.hdf5.objects.values import Converter, Namer, by_address, memory_dtype
from h5s3.formats.names import names_of
from h5s3.records import Attribute, Json
from h5s3.sizes import MIB

LARGEST = 16 * MIB  # bytes of one attribute that are read
MOST_VALUES = 1000  # elements of one attribute that are shown
MOST_IN_SEQUENCES = 10_000  # likewise, of the sequences that are its elements


def count_attributes(obj: Any) -> int:
    """How many attributes an object has."""
    return int(h5a.get_num_attrs(obj))


def has_attribute(obj: Any, name: bytes) -> bool:
    """Whether an object has an attribute."""
    return bool(h5a.exists(obj, name))


def attribute_names(obj: Any, limit: int = 0) -> list[bytes]:
    """The first `limit` names (0: all), in order of creation where that is tracked, else by name."""
    names: list[bytes] = []
    count = count_attributes(obj)
    if not count:
        return names

    def visit(name: bytes) -> bool | None:
        names.append(name)
        return True if limit and len(names) >= limit else None

    h5a.iterate(obj, visit, index_type=_order(obj) if count > 1 else h5py.h5.INDEX_NAME)
    return names


def _order(obj: Any) -> int:
    try:
        tracked = obj.get_create_plist().get_attr_creation_order() & h5p.CRT_ORDER_TRACKED
    except (AttributeError, TypeError, ValueError, RuntimeError):
        tracked = 0
    return int(h5py.h5.INDEX_CRT_ORDER if tracked else h5py.h5.INDEX_NAME)


def read_attribute(file: Any, obj: Any, name: bytes, namer: Namer = by_address) -> Attribute:
    """One attribute with its value. A value that cannot be read is null beside an `error`."""
    attribute = h5a.open(obj, name)
    space = attribute.get_space()
    shape = None if space.get_simple_extent_type() == h5s.NULL else [int(n) for n in attribute.shape]
    found = Attribute(**names_of(name), value=None, dtype=short(describe(attribute.get_type())), shape=shape)
    if shape is None:
        return found
    try:
        _read_value(found, attribute, file, namer)
    except (RefusedError, DamagedError) as error:
        found.error = error.cause
    except (Miss, H5s3Error):
        raise
    except (OSError, RuntimeError, ValueError, TypeError, KeyError, UnicodeError, MemoryError) as error:
        found.error = plain_reason(error)
    return found


def _read_value(found: Attribute, attribute: Any, file: Any, namer: Namer) -> None:
    values, dtype = attribute_values(attribute, LARGEST)
    if values.size > MOST_VALUES:
        values, found.truncated = values.reshape(-1)[:MOST_VALUES], True
    converter = Converter(file, namer, sequences=MOST_IN_SEQUENCES)
    found.value = converter.array(values, dtype.subdtype[0] if dtype.subdtype else dtype)
    if converter.cut:
        found.truncated = True
    if converter.nans:
        found.nan_count = converter.nans
    if converter.infs:
        found.inf_count = converter.infs
    if converter.raw:
        found.value_b64 = _b64(converter.raw, scalar=not attribute.shape)


def attribute_values(attribute: Any, most: int) -> tuple[np.ndarray[Any, Any], np.dtype[Any]]:
    """All values of an attribute, and h5py's type of them, with its metadata.

    Raises `RefusedError` where they are more than `most` bytes or of a type that is not read here, and what
    h5py raises.
    """
    kind = attribute.get_type()
    dtype = memory_dtype(kind)
    if dtype is None:
        raise RefusedError(f"values of type {short(describe(kind))} cannot be read here")
    if attribute.get_space().get_simple_extent_npoints() * kind.get_size() > most:
        raise RefusedError(f"larger than {most >> 20} MiB")
    values = np.zeros(attribute.shape, dtype=dtype)  # of an array type: gains its dimensions
    with decoding() if dtype.hasobject else nullcontext():
        attribute.read(values, mtype=memory_type(kind, dtype))
    return in_order(values, dtype), dtype


def memory_type(tid: Any, dtype: np.dtype[Any]) -> Any:
    """The HDF5 type to read into. Opaque bytes are read as stored: libhdf5 does not take off their tag."""
    return tid if tid.get_class() == h5py.h5t.OPAQUE else h5py.h5t.py_create(dtype)


def _b64(raw: list[bytes], scalar: bool) -> Json:
    encoded = [base64.b64encode(item).decode() for item in raw]
    return encoded[0] if scalar and len(encoded) == 1 else encoded


def named_values(
    file: OpenFile, obj: Any, names: Sequence[bytes], namer: Namer = by_address
) -> dict[bytes, Json]:
    """Values of those of the attributes that are there and can be read."""

    calls = [partial(named_value, file, obj, name, namer) for name in names]
    values = gather(file.blocks, calls, lambda *_: None)
    return {name: found for name, found in zip(names, values, strict=True) if found is not None}


def named_value(file: OpenFile, obj: Any, name: bytes, namer: Namer = by_address) -> Json:
    """The value of one attribute; None where it is not there. A pure question, for `gather`."""
    return read_attribute(file.h5.id, obj, name, namer).value if h5a.exists(obj, name) else None


def read_coding(file: OpenFile, dataset: Any, dtype: np.dtype[Any], *, raw: bool = False) -> Coding:
    """How the values of a dataset are to be read, from its attributes."""
    values = named_values(file, dataset, [name.encode() for name in NAMES])
    return coding_of({name.decode(): value for name, value in values.items()}, dtype, raw=raw)


def texts(value: Json) -> list[str]:
    """A list of texts: as an array of strings, or one text with the separators of NeXus (`,` and `:`)."""
    found = one(value)
    if isinstance(found, str):
        parts = found.strip().strip("[]").replace(",", ":").split(":")
        return [part.strip() for part in parts if part.strip()]
    if isinstance(found, list):
        return [item.strip() if isinstance(item, str) else "" for item in found]
    return []
