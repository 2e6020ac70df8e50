"""Zarr stores against each other, and against the file that they were made of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import zarr

from h5s3.explore.convert.convert import ConvertRequest, convert
from h5s3.explore.diff.diff import DiffRequest, diff
from h5s3.explore.session import Session
from h5s3.records import Diff
from h5s3.settings import Settings
from h5s3.storage.location import Location


def compared(a: Path, b: Path, **more: Any) -> Diff:
    with Session(Settings(no_cache=True)) as session:
        return diff(session, Location("local", str(a)), Location("local", str(b)), DiffRequest(**more))


def told(found: Diff) -> set[tuple[str, str]]:
    changes = {
        (one.path, f"@{one.attribute}" if isinstance(one.attribute, str) else one.field)
        for one in found.changed
    }
    added = {(one.path, "+" if one.type != "attribute" else f"+@{one.name}") for one in found.added}
    return (
        changes
        | added
        | {(one.path, "-") for one in found.removed}
        | {(one.a, one.b) for one in found.renamed}
    )


@pytest.fixture(scope="module", params=[2, 3])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zarr") / "a.zarr"
    root = zarr.open_group(str(path), mode="w", zarr_format=request.param)
    root.attrs["title"] = "text"
    group = root.create_group("group")
    group.attrs["list"] = [1, 2.5, None]
    data = group.create_array("data", shape=(40, 30), chunks=(10, 10), dtype="f4", fill_value=np.nan)
    data[:20] = np.arange(600).reshape(20, 30)
    data.attrs["units"] = "K"
    root.create_array("words", shape=(3,), chunks=(3,), dtype=str)[:] = np.array(
        ["a", "bb", "ü"], dtype=object
    )
    return path


def test_a_copy_is_alike(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.zarr"
    shutil.copytree(store, copy)
    found = compared(store, copy, data=True)
    assert found.identical and found.num_objects == 4 and found.num_values == 1203
    assert found.a.format == found.b.format == "zarr"


def test_each_change_is_named(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.zarr"
    shutil.copytree(store, copy)
    root = zarr.open_group(str(copy), mode="r+")
    root["group"].attrs["list"] = [1, 2.5, 3]
    root["group/data"].attrs["more"] = 5
    root["group/data"][5, 5] = -1
    root["words"][1] = "xx"
    root.create_group("new")
    found = compared(store, copy, data=True)
    assert told(found) == {
        ("/group", "@list"),
        ("/group/data", "+@more"),
        ("/group/data", "data"),
        ("/words", "data"),
        ("/new", "+"),
    }
    by_path = {one.path: one for one in found.changed if one.field == "data"}
    assert by_path["/group/data"].first == [5, 5] and by_path["/group/data"].a == 155.0
    assert (by_path["/words"].a, by_path["/words"].b) == ("bb", "xx")
    assert told(compared(store, copy)) == told(found) - {("/group/data", "data"), ("/words", "data")}


def test_definitions(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.zarr"
    shutil.copytree(store, copy)
    new = zarr.open_group(str(copy), mode="r").metadata.zarr_format == 3
    name = copy / "group/data" / ("zarr.json" if new else ".zarray")
    document = json.loads(name.read_text())
    document["fill_value"] = 0.0
    name.write_text(json.dumps(document))
    assert told(compared(store, copy)) == {("/group/data", "fill_value")}
    assert told(compared(store, copy, data=True)) == {("/group/data", "fill_value"), ("/group/data", "data")}


@pytest.fixture
def converted(tmp_path: Path) -> tuple[Path, Path]:
    """A file, and the store that `convert` made of it."""
    path, store = tmp_path / "file.h5", tmp_path / "file.zarr"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "g/data", data=np.arange(600.0).reshape(20, 30), chunks=(7, 9), compression="gzip"
        )
        data.attrs["units"], data.attrs["n"], data.attrs["nan"] = "K", np.int16(5), np.nan
        data.attrs["one"], data.attrs["big"] = np.array([1.5]), np.arange(3, dtype=">i4")
        file["g/x"] = np.arange(30, dtype=">i2")
        file["g/x"].make_scale()
        data.dims[1].attach_scale(file["g/x"])
        file["words"] = ["a", "größe"]
        file["flag"] = np.array([True, False])
        file["rows"] = np.zeros(3, dtype=[("a", "<i4"), ("b", "<f8")])
        colour = h5py.enum_dtype({"RED": 0, "BLUE": 1}, basetype="u1")
        file.create_dataset("colour", data=[0, 1], dtype=colour)
        file["points"] = np.array([data.ref], dtype=h5py.ref_dtype)
        file["pairs"] = np.zeros(4, dtype=np.dtype(("<i2", (2,))))
    with Session(Settings(no_cache=True)) as session:
        convert(session, Location("local", str(path)), ConvertRequest("/", str(store)))
    return path, store


def test_a_store_against_its_file(converted: tuple[Path, Path]) -> None:
    found = compared(*converted, data=True)
    assert told(found) == set() and not [one for one in found.not_compared if one.path != "/pairs"]
    assert found.num_values is not None and found.num_attributes == 5
    root = zarr.open_group(str(converted[1]), mode="r+")
    root["g/data"][3, 3] = 0
    root["g/data"].attrs["units"] = "m"
    root["words"][0] = "b"
    zarr.consolidate_metadata(str(converted[1]))
    expected = {("/g/data", "data"), ("/g/data", "@units"), ("/words", "data")}
    assert told(compared(*converted, data=True)) == expected
    assert told(compared(*converted[::-1], data=True)) == expected


def test_what_zarr_does_not_have_is_not_called_alike(converted: tuple[Path, Path]) -> None:
    with h5py.File(converted[0], "a") as file:
        file["soft"], file["hard"] = h5py.SoftLink("/g"), file["g"]
    found = compared(*converted)
    assert not found.identical and not found.changed and not found.removed
    assert {one.path for one in found.not_compared} == {"/soft", "/hard"}
