"""Generated files: attributes of every type, size, number and storage."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from h5py import h5t

from tests.support.h5files.registry import fixture_file, new_file, raw_attribute, string_type
from tests.support.h5files.types import SCALAR_TYPES


@fixture_file
def attribute_types(path: Path) -> None:
    """An attribute of each kind of type, scalar and of two elements, on a group, a dataset and a datatype."""
    with new_file(path) as file:
        file["data"] = np.arange(3)
        file["type"] = np.dtype("<f4")
        file.create_group("group")
        for owner in (file["data"], file["type"], file["group"]):
            for name, kind in SCALAR_TYPES.items():
                type_id = h5t.py_create(kind, logical=True)
                raw_attribute(owner, name, type_id)
                raw_attribute(owner, f"{name}_2", type_id, (2,))


@fixture_file
def attribute_values(path: Path) -> None:
    """Attributes with values in them, of each type that h5py writes."""
    compound = np.dtype([("a", "<i2"), ("b", "<f4"), ("c", "S4")])
    with new_file(path) as file:
        data = file.create_dataset("data", data=np.arange(10))
        attributes = file.attrs
        attributes["integer"], attributes["float"], attributes["negative"] = np.int64(7), 2.5, np.int8(-1)
        attributes["special"] = np.array([np.nan, np.inf, -np.inf, -0.0])
        attributes["boolean"], attributes["complex"] = np.bool_(True), 1 + 2j
        attributes["text"], attributes["bytes"] = "größe", np.bytes_(b"fixed")
        attributes["texts"] = ["one", "zwei", "три", ""]
        attributes["fixed_texts"] = np.array([b"one", b"two"], dtype="S5")
        attributes["compound"] = np.array((1, 2.5, b"abc"), dtype=compound)
        attributes["compounds"] = np.zeros(3, dtype=compound)
        attributes["reference"], attributes["region"] = data.ref, data.regionref[2:4]
        attributes.create("enum", 1, dtype=h5py.enum_dtype({"OFF": 0, "ON": 1}, basetype="i1"))
        array = h5t.array_create(h5t.STD_I32LE, (2, 3))
        raw_attribute(file, "array", array, (), np.arange(6, dtype="<i4").tobytes())
        attributes["grid"] = np.arange(12, dtype=">i2").reshape(3, 4)


@fixture_file
def attribute_unmappable(path: Path) -> None:
    """Attributes of types that h5py cannot map, beside one that it can."""
    with new_file(path) as file:
        raw_attribute(file, "time", h5t.UNIX_D32LE, (), bytes(4))
        raw_attribute(file, "times", h5t.array_create(h5t.UNIX_D64LE, (2,)), (), bytes(16))
        raw_attribute(file, "bits", h5t.STD_B32BE, (2,), bytes(8))
        raw_attribute(file, "quad", h5t.IEEE_F128LE, (), bytes(16))
        file.attrs["plain"] = 1


@fixture_file
def attribute_spaces(path: Path) -> None:
    """Attributes that are null, that have no elements, of one element and of eight dimensions."""
    with new_file(path) as file:
        file.attrs["null"] = h5py.Empty("<f8")
        file.attrs["null_text"] = h5py.Empty(h5py.string_dtype())
        raw_attribute(file, "no_elements", h5t.IEEE_F64LE, (0, 3))
        raw_attribute(file, "no_strings", string_type(None), (0,))
        file.attrs["one"] = np.array([5])
        file.attrs["eight_dimensions"] = np.arange(256, dtype="u1").reshape((2,) * 8)


@fixture_file
def attributes_many(path: Path) -> None:
    """300 attributes on a group and on a dataset, kept apart from the object headers."""
    with new_file(path, libver="latest") as file:
        for owner in (file.create_group("group"), file.create_dataset("data", data=np.arange(2))):
            for number in range(300):
                owner.attrs[f"attribute_{(number * 7) % 300:03d}"] = number


@fixture_file
def attributes_many_old_style(path: Path) -> None:
    """300 attributes on a dataset in the oldest format, all of them in its object header."""
    with new_file(path) as file:
        data = file.create_dataset("data", data=np.arange(2))
        for number in range(300):
            data.attrs[f"attribute_{(number * 7) % 300:03d}"] = number


@fixture_file
def attribute_big(path: Path) -> None:
    """Attributes of 50 kB: numbers, one fixed string, many strings."""
    with new_file(path) as file:
        file.attrs["numbers"] = np.arange(6250, dtype="<i8")
        data = file.create_dataset("data", data=np.arange(2))
        raw_attribute(data, "text", string_type(50_000, pad=h5t.STR_NULLPAD), (), b"word " * 10_000)
        data.attrs["texts"] = [f"string number {number:04d}" for number in range(2500)]


@fixture_file
def attribute_huge(path: Path) -> None:
    """Attributes larger than the 64 kB an object header message holds, in dense storage."""
    with new_file(path, libver="latest") as file:
        file.attrs["numbers"] = np.arange(10_000, dtype="<i8")
        text = string_type(70_000, pad=h5t.STR_NULLPAD)
        raw_attribute(file, "text", text, (), b"0123456789" * 7000)


@fixture_file
def dimension_scales(path: Path) -> None:
    """Dimension scales of HDF5's own convention: named, shared, several on one dimension, labels, none."""
    with new_file(path) as file:
        for name, size in (("time", 3), ("height", 4), ("altitude", 4)):
            file[name] = np.arange(size, dtype="<f8")
            file[name].make_scale(f"the {name}")
        data = file.create_dataset("data", data=np.ones((3, 4, 2)))
        for number, label in enumerate(("t", "", "channel")):
            data.dims[number].label = label
        data.dims[0].attach_scale(file["time"])
        data.dims[1].attach_scale(file["height"])
        data.dims[1].attach_scale(file["altitude"])
        other = file.create_dataset("other", data=np.ones(3))
        other.dims[0].attach_scale(file["time"])
        data.attrs["coordinates"] = "time height"


@fixture_file
def dimension_scales_broken(path: Path) -> None:
    """A list of dimension scales of which one is null, one was deleted and one is no scale."""
    with new_file(path) as file:
        file["plain"] = np.arange(3)
        file["gone"] = np.arange(4)
        data = file.create_dataset("data", data=np.ones((3, 4, 5)))
        value = np.empty(3, dtype=h5py.vlen_dtype(h5py.ref_dtype))
        references = ([file["plain"].ref], [file["gone"].ref], [h5py.Reference()])
        value[:] = [np.array(row, dtype=h5py.ref_dtype) for row in references]
        data.attrs.create("DIMENSION_LIST", value, dtype=value.dtype)
        del file["gone"]
