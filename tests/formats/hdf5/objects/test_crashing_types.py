"""Types whose values crash h5py when they are read are described, and never read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5a, h5d, h5s, h5t

import h5s3
from tests.support.cli import run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Sequences of region references: a dataset, and attributes, alone, in a compound and in an array."""
    path = tmp_path / "regions.h5"
    sequence = h5t.vlen_create(h5t.STD_REF_DSETREG)
    compound = h5t.create(h5t.COMPOUND, 32)
    compound.insert(b"number", 0, h5t.NATIVE_INT32)
    compound.insert(b"regions", 8, sequence)
    types = {b"alone": sequence, b"compound": compound, b"array": h5t.array_create(sequence, (2,))}
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=np.arange(10))
        data.attrs["fine"] = 5
        regions = np.empty(2, dtype=h5py.vlen_dtype(h5py.regionref_dtype))
        for place in range(2):
            regions[place] = np.array([data.regionref[2:5]] * (place + 1), dtype=h5py.regionref_dtype)
        for name, kind in types.items():
            attribute = h5a.create(data.id, name, kind, h5s.create_simple((2,)))
            if name == b"alone":
                attribute.write(regions)
        h5d.create(file.id, b"values", sequence, h5s.create_simple((2,)))
        file["values"].id.write(h5s.ALL, h5s.ALL, regions)
    return path


def test_attributes(path: Path) -> None:
    found = {one.name: one for one in h5s3.meta(path, "/data").attributes}
    assert found["fine"].value == 5
    for name in ("alone", "compound", "array"):
        assert found[name].value is None and str(found[name].error).endswith("cannot be read here")
    assert run("tree", path, "-r", "--attrs").code == 0


def test_datasets(path: Path) -> None:
    assert h5s3.meta(path, "/values").shape == [2]
    assert h5s3.preview(path, "/values").notes == ["values of type vlen(ref(region)) cannot be read here"]
    assert run("get", path, "/values", "-o", path.with_name("out.json")).code == 8
