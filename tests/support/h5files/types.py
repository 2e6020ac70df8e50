"""Generated files: compound, array, variable-length and reference types, committed datatypes."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np
from h5py import h5r, h5s, h5t

from tests.support.h5files.registry import (
    fixture_file,
    new_file,
    raw_attribute,
    raw_dataset,
    string_type,
    vlen_items,
)

SCALAR_TYPES: dict[str, np.dtype] = {
    "integer": np.dtype("<i4"),
    "float": np.dtype("<f8"),
    "boolean": np.dtype(bool),
    "complex": np.dtype("<c16"),
    "fixed_string": np.dtype("S6"),
    "variable_string": h5py.string_dtype(),
    "enum": h5py.enum_dtype({"RED": 0, "GREEN": 1}, basetype="u1"),
    "compound": np.dtype([("a", "<i2"), ("b", "<f4")]),
    "array": np.dtype(("<i4", (2, 3))),
    "vlen": h5py.vlen_dtype(np.dtype("<i4")),
    "opaque": h5py.opaque_dtype(np.dtype("<M8[us]")),
    "object_reference": h5py.ref_dtype,
    "region_reference": h5py.regionref_dtype,
}


@fixture_file
def compounds(path: Path) -> None:
    """Compound types: plain, nested, padded, big-endian, of one member, of many, with odd member names."""
    inner = np.dtype([("x", "<f4"), ("y", "<f4")])
    nested = np.dtype([("id", "<i4"), ("point", inner), ("deep", [("deeper", [("deepest", "<u1")])])])
    padded = np.dtype({"names": ["a", "b"], "formats": ["u1", "<f8"], "offsets": [3, 16], "itemsize": 40})
    with new_file(path) as file:
        file["plain"] = np.array([(1, 2.5), (-3, 4.5)], dtype=[("a", "<i4"), ("b", "<f8")])
        file["nested"] = np.ones(3, dtype=nested)
        raw_dataset(file, "padded", h5t.py_create(padded), (2,), bytes(80))
        file["big_endian"] = np.ones((2, 2), dtype=[("a", ">i8"), ("b", ">f4")])
        file["one"] = np.ones(2, dtype=[("only", "<i4")])
        file["many"] = np.ones(2, dtype=[(f"column_{number:03d}", "<i2") for number in range(200)])
        file["odd_names"] = np.ones(
            1, dtype=[("a b", "<i4"), ("größe", "<i4"), ("a.b", "<i4"), ("a/b", "<i4")]
        )
        file["scalar"] = np.array((1, 2.0), dtype=[("a", "<i4"), ("b", "<f8")])


@fixture_file
def compound_of_everything(path: Path) -> None:
    """A compound with a member of each kind of type."""
    kind = np.dtype(list(SCALAR_TYPES.items()))
    with new_file(path) as file:
        target = file.create_dataset("target", data=np.arange(10))
        rows = np.zeros(2, dtype=kind)
        for row, word in zip(rows, ("first", "second"), strict=True):
            row["variable_string"], row["fixed_string"] = word, word.encode()
            row["vlen"] = np.arange(len(word), dtype="<i4")
            row["object_reference"] = target.ref
            row["region_reference"] = target.regionref[2:5]
        file.create_dataset("table", data=rows, dtype=kind)
        file.create_dataset(
            "chunked", data=rows, dtype=kind, chunks=(1,), maxshape=(None,), compression="gzip"
        )


@fixture_file
def compound_unmappable(path: Path) -> None:
    """A compound with a member that h5py cannot map, beside members that it can."""
    kind = h5t.create(h5t.COMPOUND, 24)
    kind.insert(b"number", 0, h5t.STD_I32LE)
    kind.insert(b"time", 4, h5t.UNIX_D32LE)
    kind.insert(b"flags", 8, h5t.STD_B16LE)
    kind.insert(b"padded", 10, string_type(5, h5t.CSET_UTF8, h5t.STR_SPACEPAD))
    kind.insert(b"last\xff", 16, h5t.IEEE_F64BE)
    with new_file(path) as file:
        rows = [struct.pack("<iiH5sx", n, 0, n + 1, b"ab   ") + struct.pack(">d", n / 2) for n in (7, 8)]
        raw_dataset(file, "table", kind, (2,), b"".join(rows))
        raw_attribute(file, "row", kind, (), bytes(24))


@fixture_file
def arrays(path: Path) -> None:
    """Array types: 1-D, 3-D, of strings, of compounds, of arrays, inside a compound."""
    compound = np.dtype([("matrix", "<f8", (2, 2)), ("words", "S3", (2,))])
    with new_file(path) as file:
        file.create_dataset("one_dim", shape=(2,), dtype=np.dtype(("<i4", (3,))))[...] = np.arange(6).reshape(
            2, 3
        )
        file.create_dataset("three_dims", shape=(2,), dtype=np.dtype((">i2", (2, 1, 3))))
        file.create_dataset("of_strings", shape=(2,), dtype=np.dtype(("S4", (2,))))
        file["of_compounds"] = np.zeros(2, dtype=[("rows", compound, (2,))])
        nested = h5t.array_create(h5t.array_create(h5t.STD_U8LE, (2,)), (3,))
        raw_dataset(file, "of_arrays", nested, (2,), bytes(range(12)))
        variable = h5t.array_create(string_type(None), (2,))
        raw_dataset(file, "of_variable_strings", variable, (2,))
        file.create_dataset("scalar", shape=(), dtype=np.dtype(("<f4", (2, 2))))


@fixture_file
def vlens(path: Path) -> None:
    """Variable-length sequences of integers, floats, booleans and strings; empty and never written."""
    with new_file(path) as file:
        for name, kind in (("ints", "<i4"), ("big_endian", ">i8"), ("floats", "<f8"), ("bytes", "u1")):
            dataset = file.create_dataset(name, shape=(3,), dtype=h5py.vlen_dtype(np.dtype(kind)))
            for row, length in enumerate((3, 0, 5)):
                dataset[row] = np.arange(length, dtype=kind)
        file.create_dataset("never_written", shape=(2,), dtype=h5py.vlen_dtype(np.dtype("<i4")))
        grid = file.create_dataset(
            "chunked", shape=(2, 2), chunks=(1, 2), dtype=h5py.vlen_dtype(np.dtype("<u2"))
        )
        grid[0, 0] = np.arange(4, dtype="<u2")
        large = file.create_dataset("large", shape=(1,), dtype=h5py.vlen_dtype(np.dtype("<f8")))
        large[0] = np.linspace(0, 1, 2000)
        values = np.empty(2, dtype=h5py.vlen_dtype(np.dtype("<i4")))
        values[:] = [np.arange(3, dtype="<i4"), np.zeros(0, dtype="<i4")]
        file.attrs.create("ints", values, dtype=values.dtype)


@fixture_file
def vlens_nested(path: Path) -> None:
    """Variable-length sequences of compounds, strings, references, arrays and of sequences."""
    point = np.dtype([("x", "<i4"), ("y", "<f4")])
    with new_file(path) as file:
        of_compounds = file.create_dataset("of_compounds", shape=(2,), dtype=h5py.vlen_dtype(point))
        of_compounds[0] = np.ones(2, dtype=point)
        of_strings = file.create_dataset("of_strings", shape=(2,), dtype=h5py.vlen_dtype(h5py.string_dtype()))
        of_strings[0] = np.array(["one", "two"], dtype=object)
        of_references = file.create_dataset(
            "of_references", shape=(1,), dtype=h5py.vlen_dtype(h5py.ref_dtype)
        )
        of_references[0] = np.array([file.ref, of_compounds.ref], dtype=h5py.ref_dtype)
        _raw_vlens(file)


def _raw_vlens(file: h5py.File) -> None:
    """Sequences that h5py's own conversion does not write."""
    kept: list[object] = []
    numbers = [np.arange(length, dtype="<i4") for length in (3, 0, 1)]
    inner = [vlen_items([value.tobytes() for value in row], kept) for row in numbers]
    of_vlens = h5t.vlen_create(h5t.vlen_create(h5t.STD_I32LE))
    raw_dataset(file, "of_vlens", of_vlens, (2,), vlen_items(inner[:2], kept) + vlen_items(inner[2:], kept))
    pairs = h5t.vlen_create(h5t.array_create(h5t.STD_I32LE, (2,)))
    raw_dataset(file, "of_arrays", pairs, (1,), vlen_items([bytes(8), b"\1\0\0\0\2\0\0\0"], kept))
    words = h5t.vlen_create(string_type(3, pad=h5t.STR_NULLPAD))
    raw_dataset(file, "of_fixed_strings", words, (1,), vlen_items([b"one", b"ab\0"], kept))
    moments = h5t.vlen_create(h5t.UNIX_D64BE)
    raw_dataset(file, "of_times", moments, (1,), vlen_items([bytes(8)] * 2, kept))
    points = h5t.create(h5t.COMPOUND, 24)
    points.insert(b"id", 0, h5t.STD_I32LE)
    points.insert(b"track", 8, h5t.vlen_create(h5t.IEEE_F32LE))
    track = vlen_items([np.float32(value).tobytes() for value in (1.5, 2.5)], kept)
    row = (7).to_bytes(8, "little") + track
    raw_dataset(file, "of_compounds_of_vlens", h5t.vlen_create(points), (1,), vlen_items([row, row], kept))


@fixture_file
def object_references(path: Path) -> None:
    """References to a dataset, a group and a datatype; null ones; ones to an object since deleted."""
    with new_file(path) as file:
        file["data"] = np.arange(4)
        file.create_group("group/child")
        file["type"] = np.dtype("<f4")
        file["gone"] = 1
        values = [file["data"].ref, file["group/child"].ref, file["type"].ref, file.ref, h5py.Reference()]
        kept = file.create_dataset("references", shape=(6,), dtype=h5py.ref_dtype)
        for number, value in enumerate([*values, file["gone"].ref]):
            kept[number] = value
        del file["gone"]
        file.attrs["one"] = file["data"].ref
        file.attrs.create("several", np.array(values[:4], dtype=h5py.ref_dtype), dtype=h5py.ref_dtype)
        file.attrs.create("null", h5py.Reference(), dtype=h5py.ref_dtype)
        raw_dataset(file, "nowhere", h5t.STD_REF_OBJ, (2,), (2**40).to_bytes(8, "little") + b"\xff" * 8)


@fixture_file
def region_references(path: Path) -> None:
    """Region references: hyperslab, points, all, none, to an object since deleted, null."""
    with new_file(path) as file:
        grid = file.create_dataset("grid", data=np.arange(60).reshape(6, 10))
        gone = file.create_dataset("gone", data=np.arange(5))
        chosen = [
            grid.regionref[1:3, 2:8:2],
            grid.regionref[...],
            _points(grid),
            _nothing(grid),
            gone.regionref[1:2],
        ]
        kept = file.create_dataset("references", shape=(len(chosen) + 1,), dtype=h5py.regionref_dtype)
        for number, value in enumerate(chosen):
            kept[number] = value
        file.attrs["region"] = chosen[0]
        del file["gone"]


def _points(dataset: h5py.Dataset) -> h5py.RegionReference:
    region = h5s.create_simple(dataset.shape)
    region.select_elements(np.array([[0, 0], [5, 9], [2, 3]], dtype="u8"))
    return h5r.create(dataset.id, b".", h5r.DATASET_REGION, region)


def _nothing(dataset: h5py.Dataset) -> h5py.RegionReference:
    region = h5s.create_simple(dataset.shape)
    region.select_none()
    return h5r.create(dataset.id, b".", h5r.DATASET_REGION, region)


@fixture_file
def committed_types(path: Path) -> None:
    """Datatypes with a name, used by datasets and attributes, with attributes of their own, and unlinked."""
    with new_file(path) as file:
        file["types/point"] = np.dtype([("x", "<f4"), ("y", "<f4")])
        file["types/colour"] = h5py.enum_dtype({"RED": 0, "GREEN": 1}, basetype="i1")
        file["types/unused"] = np.dtype("S12")
        file["types/gone"] = np.dtype(">u2")
        file["types/point"].attrs["unit"] = "m"
        h5t.UNIX_D32LE.copy().commit(file.id, b"time")
        file.create_dataset("points", shape=(3,), dtype=file["types/point"])
        file.create_dataset("colours", data=np.zeros(3, "i1"), dtype=file["types/colour"])
        file.create_dataset("orphan", shape=(2,), dtype=file["types/gone"])
        file.attrs.create("origin", np.zeros((), dtype=file["types/point"].dtype), dtype=file["types/point"])
        del file["types/gone"]
