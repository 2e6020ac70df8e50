"""The view of MATLAB 7.3: classes and sizes as MATLAB has them, not as HDF5 stores them."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from tests.support.cli import file, run


def named(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items}


def test_variables() -> None:
    document = run("tree", file("matlab73"), "--view", "matlab", "--json").json["convention"]
    assert document["name"] == "MATLAB 7.3"
    found = named(document["items"])
    assert list(found) == ["cell", "empty", "flags", "matrix", "sparse", "struct", "text"]
    with h5py.File(file("matlab73")) as plain:
        for name in ("flags", "matrix", "text"):
            assert found[name]["shape"] == list(reversed(plain[name].shape))
            assert found[name]["type"] == plain[name].attrs["MATLAB_class"].decode()
    assert found["text"]["value"] == "héllo" and found["flags"]["value"] == [True, False, True]
    assert found["empty"]["shape"] == [0, 0] and "value" not in found["empty"]
    assert found["sparse"]["shape"] == [3, 2] and found["sparse"]["facts"] == {"sparse": True, "nnz": 2}
    fields = named(found["struct"]["items"])
    assert (fields["x"]["value"], fields["y"]["type"]) == (1.5, "int32")


def test_cells() -> None:
    lines = run("tree", file("matlab73"), "--view", "matlab").lines
    assert lines[1] == "├── cell/  cell  1 × 2"
    assert [line.split()[2:] for line in lines[2:4]] == [
        ["{1}", "double", "1", "×", "1", "=", "1"], ["{2}", "char", "1", "×", "2", "=", "hi"]
    ]  # fmt: skip


def test_arrays_of_structures_and_complex_numbers(tmp_path: Any) -> None:
    path = tmp_path / "more.mat"
    with h5py.File(path, "w") as new:
        one = new.create_dataset("#refs#/a", data=np.array([[1.0]]))
        many = new.create_group("many")
        many.attrs["MATLAB_class"] = np.bytes_(b"struct")
        many["field"] = np.array([[one.ref], [one.ref], [one.ref]], dtype=h5py.ref_dtype)
        pair = np.array([[(1.0, -2.0)]], dtype=[("real", "<f8"), ("imag", "<f8")])
        new["z"] = pair
        new["z"].attrs["MATLAB_class"] = np.bytes_(b"double")
        new["huge"] = np.zeros((40, 30))
        new["huge"].attrs["MATLAB_class"] = np.bytes_(b"double")
    found = named(run("tree", path, "--view", "matlab", "--json").json["convention"]["items"])
    assert found["many"]["shape"] == [1, 3] and found["many"]["items"] == [
        {"kind": "field", "name": "field", "path": "/many/field"}
    ]
    assert found["z"]["value"] == [1.0, -2.0] and found["z"]["facts"] == {"complex": True}
    assert found["huge"]["shape"] == [30, 40] and "value" not in found["huge"]
