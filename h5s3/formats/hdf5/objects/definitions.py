"""How datasets are defined and what attributes hold, in the form in which `diff` compares it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5s

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.base import Facts, has_pointers, has_references
from h5s3.formats.encoding.digests import digest_of, digest_of_bytes
from h5s3.formats.hdf5.fetch.block_file import Miss
from h5s3.formats.hdf5.objects.attributes import LARGEST, attribute_values
from h5s3.formats.hdf5.objects.datasets import LARGEST_FILL, virtual_source
from h5s3.formats.hdf5.objects.datatypes import describe, short
from h5s3.formats.hdf5.objects.file import plain_reason
from h5s3.formats.hdf5.objects.links import address_of
from h5s3.formats.hdf5.objects.reference_names import renamed
from h5s3.formats.hdf5.objects.values import Converter, by_address, memory_dtype
from h5s3.formats.names import names_of, text_of
from h5s3.records import UNSET, OutlinedDataset, OutlinedType, OutlinedValue, TypeInfo, to_json
from h5s3.sizes import MIB

SHOWN = 1000  # elements of one value that are told beside its digest
MOST_VALUES = 64 * MIB  # bytes of all such, as JSON
MOST_REFERENCES = 100_000  # of one attribute
MOST_SOURCES = 10_000  # of one virtual dataset


@dataclass
class Outlined:
    """A value, and the addresses in it that are still to be named."""

    value: OutlinedValue
    pointed: set[int] = field(default_factory=set)

    def name(self, namer: Callable[[int], str]) -> None:
        """Put names in place of addresses."""
        names = {by_address(address): namer(address) for address in self.pointed}
        found = renamed(self.value.value, names)
        self.value.digest = digest_of_bytes(to_json(found))
        self.value.value = found
        if isinstance(found, list) and len(found) > SHOWN:
            self.value.value, self.value.truncated = found[:SHOWN], True


class Definitions:
    """Of the objects of one file, whose types stand in one table."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.types: list[OutlinedType] = []
        self._numbers: dict[bytes, int] = {}
        self._left = MOST_VALUES

    def number(self, info: TypeInfo) -> int:
        """Of a type in the table."""
        key = to_json(info)
        if key not in self._numbers:
            self._numbers[key] = len(self.types)
            self.types.append(OutlinedType(words=short(info), info=info))
        return self._numbers[key]

    # ------------------------------------------------------------------------------------------ datasets

    def dataset(self, dataset: h5d.DatasetID, facts: Facts) -> OutlinedDataset:
        """The definition of a dataset."""
        made = OutlinedDataset(
            shape=None if facts.shape is None else list(facts.shape),
            maxshape=None if facts.maxshape is None else list(facts.maxshape),
            type=self.number(facts.type),
            dtype=facts.dtype,
            layout=facts.layout,
            chunks=list(facts.chunks) if facts.chunks else UNSET,
            filters=facts.filters or UNSET,
            fill_value=self._fill(dataset, facts),
            nbytes=facts.nbytes,
        )
        if facts.external:
            made.external_files = [f"{one.name} {one.offset} {one.size}" for one in facts.external]
        if facts.layout == "virtual":
            made.virtual_sources = _sources(dataset)
        if facts.layout == "contiguous" and facts.shape is not None:
            place = dataset.get_offset()
            made.place = UNSET if place is None else int(place)
        return made

    def type_at(self, dataset: h5d.DatasetID) -> int | None:
        """The address of the named type of a dataset."""
        kind = dataset.get_type()
        return address_of(kind) if kind.committed() else None

    def _fill(self, dataset: h5d.DatasetID, facts: Facts) -> OutlinedValue | Any:
        dcpl, dtype = dataset.get_create_plist(), memory_dtype(dataset.get_type())
        if dcpl.fill_value_defined() == h5d.FILL_VALUE_UNDEFINED or dtype is None or dtype.hasobject:
            return UNSET
        if dtype.itemsize > LARGEST_FILL:
            return UNSET
        value = np.zeros((), dtype=dtype)
        if dtype.subdtype is None:
            dcpl.get_fill_value(value)
        made = OutlinedValue(name="fill_value", value=None, dtype=facts.dtype, shape=[])
        self._show(made, value, dtype)
        made.digest = digest_of(value, dtype)
        return made

    # ---------------------------------------------------------------------------------------- attributes

    def attribute(self, obj: Any, name: bytes) -> Outlined:
        """One attribute. A value that cannot be read is null beside an `error`."""
        attribute = h5a.open(obj, name)
        space, info = attribute.get_space(), describe(attribute.get_type())
        null = space.get_simple_extent_type() == h5s.NULL
        made = Outlined(
            OutlinedValue(
                **names_of(name),
                value=None,
                dtype=short(info),
                shape=None if null else [int(n) for n in attribute.shape],
                type=self.number(info),
            )
        )
        if null:
            made.value.digest = ""
            return made
        try:
            self._read(made, attribute, info)
        except (RefusedError, DamagedError) as error:
            made.value.error = error.cause
            self._read_raw(made.value, attribute, info)
        except (Miss, H5s3Error):
            raise
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, UnicodeError, MemoryError) as error:
            made.value.error = plain_reason(error)
            with suppress(OSError, RuntimeError, ValueError, TypeError):
                self._read_raw(made.value, attribute, info)
        return made

    def unread(self, name: bytes, error: Exception) -> Outlined:
        """What stands for an attribute that cannot be read."""
        made = OutlinedValue(**names_of(name), value=None, dtype="unknown", shape=None)
        made.error = plain_reason(error)
        return Outlined(made)

    def _read(self, made: Outlined, attribute: Any, info: TypeInfo) -> None:
        values, dtype = attribute_values(attribute, LARGEST)
        if has_references(info):
            if values.size > MOST_REFERENCES:
                raise RefusedError(f"more than {MOST_REFERENCES:,} references")
            converter = Converter(self._file, lambda address: self._noted(made, address))
            plain = dtype.subdtype[0] if dtype.subdtype else dtype
            made.value.value = converter.array(values, plain)
            made.value.digest = digest_of_bytes(to_json(made.value.value))
            return
        made.value.digest = digest_of(values, dtype)
        self._show(made.value, values, dtype)

    def _noted(self, made: Outlined, address: int) -> str:
        made.pointed.add(address)
        return by_address(address)

    def _show(self, made: OutlinedValue, values: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> None:
        """Tell the first elements, as long as all that is told is not too much."""
        if self._left <= 0:
            made.truncated = True
            return
        if values.size > SHOWN:
            values, made.truncated = values.reshape(-1)[:SHOWN], True
        converter = Converter(self._file, most=SHOWN, sequences=SHOWN)
        made.value = converter.array(values, dtype.subdtype[0] if dtype.subdtype else dtype)
        self._left -= len(to_json(made.value)) if values.size > 1 or dtype.kind in "OSV" else 8
        if converter.cut:
            made.truncated = True
        made.nan_count, made.inf_count = converter.nans or UNSET, converter.infs or UNSET

    def _read_raw(self, made: OutlinedValue, attribute: Any, info: TypeInfo) -> None:
        """The digest of a value of a type that nobody here knows, if all of it is in its place."""
        kind = attribute.get_type()
        size = kind.get_size() * attribute.get_space().get_simple_extent_npoints()
        if has_pointers(info) or size > LARGEST:
            return
        values = np.zeros(attribute.shape, dtype=np.dtype((np.void, kind.get_size())))
        attribute.read(values, mtype=kind)
        made.digest = digest_of_bytes(values.tobytes())


def _sources(dataset: h5d.DatasetID) -> list[str]:
    dcpl = dataset.get_create_plist()
    count = int(dcpl.get_virtual_count())
    found = []
    for number in range(min(count, MOST_SOURCES)):
        file, path = virtual_source(dcpl, number)
        places = (_bounds(dcpl.get_virtual_vspace(number)), _bounds(dcpl.get_virtual_srcspace(number)))
        found.append(text_of(f"{file}:{path} {' of '.join(places)}".encode("utf-8", "surrogateescape")))
    return [*found, f"and {count - len(found)} more"] if count > len(found) else found


def _bounds(space: Any) -> str:
    if space.get_select_type() == h5s.SEL_ALL:
        return "all"
    if space.get_select_type() != h5s.SEL_HYPERSLABS or not space.is_regular_hyperslab():
        return f"{space.get_select_npoints()} elements"
    start, stride, count, block = space.get_regular_hyperslab()
    unlimited = h5py.h5s.UNLIMITED
    axes = zip(start, stride, count, block, strict=True)
    return ",".join(f"{a}+{'∞' if n == unlimited else n}×{b}/{s}" for a, s, n, b in axes)
