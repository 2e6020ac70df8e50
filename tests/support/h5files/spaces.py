"""Generated files: dataspaces, fill values and storage that was never allocated."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from h5py import h5d, h5t

from tests.support.h5files.registry import dataset_plist, fixture_file, new_file, raw_attribute, raw_dataset
from tests.support.h5files.types import SCALAR_TYPES

BILLION = 10**9


@fixture_file
def null_spaces(path: Path) -> None:
    """Datasets and attributes with no dataspace extent at all, of each kind of type."""
    with new_file(path) as file:
        for name, kind in SCALAR_TYPES.items():
            file.create_dataset(name, data=h5py.Empty(kind))
            raw_attribute(file, name, h5t.py_create(kind, logical=True), None)


@fixture_file
def scalars(path: Path) -> None:
    """A scalar dataset of each kind of type, never written, and written ones of the common types."""
    with new_file(path) as file:
        for name, kind in SCALAR_TYPES.items():
            raw_dataset(file, name, h5t.py_create(kind, logical=True), ())
        written = {
            "integer": -7,
            "float": 2.5,
            "string": "text",
            "boolean": True,
            "complex": 1 - 1j,
            "bytes": b"raw",
        }
        for name, value in written.items():
            file[f"written_{name}"] = value
        file["written_reference"] = file["written_integer"].ref


@fixture_file
def empty_dimensions(path: Path) -> None:
    """Datasets of zero elements: contiguous, chunked, resizable, of several ranks and types."""
    with new_file(path) as file:
        file.create_dataset("contiguous", shape=(0,), dtype="<f8")
        file.create_dataset("first", shape=(0, 4), dtype="<i4")
        file.create_dataset("middle", shape=(3, 0, 2), dtype="<i4")
        file.create_dataset("resizable", shape=(0, 3), maxshape=(None, 3), chunks=(8, 3), dtype="<i4")
        file.create_dataset(
            "compressed", shape=(0,), maxshape=(None,), chunks=(8,), dtype="<f4", compression="gzip"
        )
        file.create_dataset("strings", shape=(0,), dtype=h5py.string_dtype())
        file.create_dataset("compound", shape=(0,), dtype=[("a", "<i4"), ("b", "S3")])
        raw_attribute(file, "none", h5t.STD_I32LE, (0,))


@fixture_file
def ranks(path: Path) -> None:
    """Datasets of rank 1 to 8 and of 32, the most HDF5 allows; contiguous and chunked."""
    with new_file(path) as file:
        for rank in (*range(1, 9), 32):
            shape = (2,) * min(rank, 8) + (1,) * (rank - 8)
            data = np.arange(np.prod(shape), dtype="<u2").reshape(shape)
            file.create_dataset(f"contiguous_{rank:02d}", data=data)
            file.create_dataset(
                f"chunked_{rank:02d}", data=data, chunks=(1, *shape[1:]), maxshape=(None, *shape[1:])
            )


@fixture_file
def resizable(path: Path) -> None:
    """Unlimited and bounded maximum shapes, and a dataset that was made smaller after it was written."""
    with new_file(path) as file:
        file.create_dataset("unlimited", data=np.arange(10), maxshape=(None,), chunks=(4,))
        file.create_dataset("bounded", data=np.arange(10), maxshape=(50,), chunks=(4,))
        file.create_dataset("both", data=np.ones((3, 4)), maxshape=(None, 8), chunks=(2, 3))
        shrunk = file.create_dataset("shrunk", data=np.arange(20), maxshape=(None,), chunks=(4,))
        shrunk.resize((6,))
        grown = file.create_dataset("grown", data=np.arange(6), maxshape=(None,), chunks=(4,), fillvalue=-1)
        grown.resize((30,))


@fixture_file
def never_written(path: Path) -> None:
    """Datasets declared and never written: contiguous, chunked, early, late and incremental allocation."""
    times = {"late": h5d.ALLOC_TIME_LATE, "early": h5d.ALLOC_TIME_EARLY, "incremental": h5d.ALLOC_TIME_INCR}
    with new_file(path) as file:
        file.create_dataset("contiguous", shape=(10,), dtype="<f8")
        file.create_dataset("chunked", shape=(10,), chunks=(4,), dtype="<f8")
        file.create_dataset("strings", shape=(4,), dtype="S5")
        for name, when in times.items():
            for chunks in (None, (4,)):
                if chunks is None and name == "incremental":
                    continue
                plist = dataset_plist()
                plist.set_alloc_time(when)
                if chunks:
                    plist.set_chunk(chunks)
                raw_dataset(
                    file, f"{name}_{'chunked' if chunks else 'contiguous'}", h5t.STD_I32LE, (10,), plist=plist
                )


@fixture_file
def partly_written(path: Path) -> None:
    """Chunked datasets of which only some chunks exist."""
    with new_file(path) as file:
        corner = file.create_dataset("corner", shape=(100, 100), chunks=(10, 10), dtype="<i4", fillvalue=9)
        corner[:5, :5] = 1
        diagonal = file.create_dataset(
            "diagonal", shape=(40, 40), chunks=(10, 10), dtype="<f4", compression="gzip"
        )
        for step in range(0, 40, 10):
            diagonal[step, step] = step


@fixture_file
def fill_values(path: Path) -> None:
    """Fill values: user-defined of several types, undefined, and each time they may be written."""
    with new_file(path) as file:
        file.create_dataset("integer", shape=(5,), dtype=">i4", fillvalue=-999)
        file.create_dataset("float", shape=(5,), dtype="<f8", fillvalue=np.nan, chunks=(2,))
        file.create_dataset("fixed_string", shape=(5,), dtype="S4", fillvalue=b"none")
        file.create_dataset("variable_string", shape=(5,), dtype=h5py.string_dtype(), fillvalue="nothing")
        compound = np.dtype([("a", "<i4"), ("b", "<f4")])
        file.create_dataset(
            "compound", shape=(5,), dtype=compound, fillvalue=np.array((7, 2.5), dtype=compound)
        )
        file.create_dataset("enum", shape=(5,), dtype=h5py.enum_dtype({"A": 3, "B": 4}, "u1"), fillvalue=4)
        moments = {"ifset": h5d.FILL_TIME_IFSET, "alloc": h5d.FILL_TIME_ALLOC, "never": h5d.FILL_TIME_NEVER}
        for name, when in moments.items():
            plist = dataset_plist()
            plist.set_fill_time(when)
            plist.set_fill_value(np.array(5, dtype="<i2"))
            raw_dataset(file, f"time_{name}", h5t.STD_I16LE, (4,), plist=plist)


@fixture_file
def billion_elements(path: Path) -> None:
    """A billion declared elements and more in a tiny file: contiguous, chunked, and with one chunk there."""
    with new_file(path) as file:
        file.create_dataset("contiguous", shape=(BILLION,), dtype="<f8")
        file.create_dataset("chunked", shape=(BILLION,), chunks=(10**6,), dtype="<f8")
        square = file.create_dataset(
            "square", shape=(10**6, 10**6), chunks=(10, 10), dtype="<i4", fillvalue=3
        )
        square[500_000, 500_000] = 1
        file.create_dataset("strings", shape=(BILLION,), dtype=h5py.string_dtype())
        file.create_dataset("most", shape=(2**63 - 1,), chunks=(2**20,), maxshape=(None,), dtype="<i8")


@fixture_file
def billion_elements_latest(path: Path) -> None:
    """A billion declared elements with the newest format's chunk indexes."""
    with new_file(path, libver="latest") as file:
        file.create_dataset("contiguous", shape=(BILLION,), dtype="<f8")
        file.create_dataset("fixed_array", shape=(BILLION,), chunks=(10**6,), dtype="<f8")
        grown = file.create_dataset(
            "extensible", shape=(BILLION,), chunks=(10**6,), maxshape=(None,), dtype="<f8"
        )
        bytes_ = file.create_dataset(
            "written", shape=(BILLION,), chunks=(10**6,), dtype="u1", compression="gzip"
        )
        bytes_[BILLION // 2] = 1
        grown.attrs["note"] = "never written"
