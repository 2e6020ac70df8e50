"""What is told of a store, and its values, equal what zarr-python reads."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import h5s3
from h5s3.errors import H5s3Error
from tests.support import ROOT
from tests.support.cli import run
from tests.support.zarr_stores import TEMPERATURE, made, on_disk, quiet

SHARED = ROOT.parent / "shared" / "tables"


@pytest.fixture(scope="module", params=[(2, False), (2, True), (3, False), (3, True)], ids=str)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated store of each version, with and without consolidated metadata."""
    version, consolidated = request.param
    return on_disk(made(version, consolidated=consolidated), tmp_path_factory.mktemp("zarr") / "made.zarr")


def as_given_out(values: Any) -> Any:
    """Values of zarr-python's types in those of this tool: times as integers, texts as bytes or objects."""
    values = np.asarray(values)
    if values.dtype.kind in "mM":
        unit = {"Y": "D", "M": "D", "W": "D"} if values.dtype.kind == "M" else {}
        name = np.datetime_data(values.dtype)[0]
        return values.astype(f"{values.dtype.kind}8[{unit.get(name, name)}]").view("i8")
    if values.dtype.kind == "U":
        return np.char.encode(values, "utf-8").astype(f"S{values.dtype.itemsize}")
    if values.dtype.kind == "T":
        texts = values.astype(object)
        return np.array([text.encode() for text in texts.reshape(-1)], dtype=object).reshape(texts.shape)
    return values


def read(where: Path, path: str) -> Any:
    """All values, as `h5s3` reads them from Python."""
    from h5s3.explore.session import Session
    from h5s3.formats.selection import whole
    from h5s3.settings import Settings

    def question(contents: Any) -> Any:
        array = contents.values(path)
        array.refuse()
        return array.read(whole(array.facts.shape))

    with Session(Settings()) as session:
        return session.read(session.location(where), question)


def same(found: Any, wanted: Any) -> bool:
    """Equal in shape, type and every value."""
    wanted = as_given_out(wanted)
    kinds = found.dtype == wanted.dtype
    nans = {"equal_nan": True} if wanted.dtype.kind in "fc" else {}
    return kinds and found.shape == wanted.shape and np.array_equal(found, wanted, **nans)


def compare(where: Path, path: str, array: Any) -> None:
    """One array: its header, its attributes, its values."""
    told = h5s3.meta(where, path)
    assert told.kind == "dataset" and told.shape == list(array.shape)
    assert told.chunks == list(array.chunks) or not array.shape
    assert getattr(told, "shards", None) == (list(array.shards) if array.shards else h5s3.records.UNSET)
    assert told.num_attributes == len(dict(array.attrs))
    assert {one.name: one.value for one in h5s3.meta(where, path, all_attributes=True).attributes} == dict(
        array.attrs
    )
    names = array.metadata.dimension_names if array.metadata.zarr_format == 3 else None
    names = names or array.attrs.get("_ARRAY_DIMENSIONS") or [None] * array.ndim
    assert [getattr(one, "label", None) or None for one in told.dimensions] == list(names)
    counted = array.nchunks_initialized if not array.shards else None
    assert told.num_chunks == counted or counted is None
    with quiet():
        assert same(read(where, path), array[...]), path


def arrays(group: Any) -> dict[str, Any]:
    """All arrays below a group of zarr-python, by their paths."""
    return {
        f"/{name}": member for name, member in group.members(max_depth=None) if isinstance(member, zarr.Array)
    }


def test_generated_stores(store: Path) -> None:
    with quiet():
        root = zarr.open_group(store, mode="r")
        wanted = arrays(root)
        found = h5s3.tree(store, depth=0, limit=0)
        members = {f"/{name}" for name, _ in root.members(max_depth=None)}
        assert {node.path for node in h5s3.records.nodes_of(found)} == members | {"/"}
        for path, array in wanted.items():
            compare(store, path, array)
        assert dict(root.attrs) == {one.name: one.value for one in h5s3.meta(store).attributes}


def test_slices_of_all_kinds(store: Path) -> None:
    array = zarr.open_group(store, mode="r")["temperature"]
    for text, index in {
        "1:5:2,::3": np.s_[1:5:2, ::3],
        "-1,2": np.s_[-1, 2],
        "...,7": np.s_[..., 7],
        "2:2,:": np.s_[2:2, :],
    }.items():
        assert np.array_equal(h5s3.get(store, "temperature", selection=text), array[index]), text


def test_without_the_extra_only_values_are_missing(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    assert h5s3.tree(store, depth=0).num_children == 3
    assert h5s3.meta(store, "/temperature").shape == [6, 8]
    for command in ("preview", "get"):
        where = [store, "/temperature", *(["-o", "-.json"] if command == "get" else [])]
        assert (
            run(command, *where)
            .failed(2)
            .endswith("values of Zarr arrays need zarr; pip install 'h5s3[zarr]'")
        )


def test_values_of_small_arrays(store: Path) -> None:
    with quiet():
        for path, array in arrays(zarr.open_group(store, mode="r")).items():
            told = h5s3.meta(store, path)
            shown = 0 < array.size <= 16
            assert (told.value is not h5s3.records.UNSET) == shown, path
            if shown and array.dtype.kind in "biu":
                assert told.value == array[...].tolist(), path
    half = h5s3.meta(store, "/group/types/half")
    assert (half.value, half.nan_count, half.inf_count) == ([1, None, None, 0, 0, 0], 1, 1)
    assert h5s3.meta(store, "/group/types/unicode").value == ["ab", "é", "日本", "", "", ""]
    found = h5s3.tree(store, "/group/types", values=True)
    told = {node.name: h5s3.meta(store, node.path).value for node in found.children}
    assert {node.name: node.value for node in found.children} == told
    assert "value       [0, 12, 24, 36, 48, 60]" in run("meta", store, "/time").out


@pytest.mark.parametrize("location", ["start", "end"])
def test_values_of_small_arrays_in_shards(location: str, tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "small.zarr")
    codec = zarr.codecs.ShardingCodec(chunk_shape=(2, 3), index_location=location)
    data = np.arange(15, dtype="<i4").reshape(5, 3)
    array = group.create_array(
        "sharded", shape=(5, 3), chunks=(4, 6), serializer=codec, dtype="<i4", compressors=None, fill_value=-1
    )
    array[:2], array[4:] = data[:2], data[4:]  # one chunk of the first shard was never written
    data[2:4] = -1
    assert h5s3.meta(tmp_path / "small.zarr", "/sharded").value == data.tolist()
    found = h5s3.tree(tmp_path / "small.zarr", values=True).children[0]
    assert found.value == data.tolist()
    (tmp_path / "small.zarr/sharded/c/1/0").write_bytes(b"short")
    assert h5s3.meta(tmp_path / "small.zarr", "/sharded").value is h5s3.records.UNSET


def test_a_large_chunk_of_a_small_array_is_not_read(tmp_path: Path) -> None:
    """What stands in a chunk that is too large to be looked at is not taken for the fill value."""
    group = zarr.create_group(tmp_path / "wide.zarr")
    group.create_array("wide", shape=(3,), chunks=(100_000,), dtype="<i8", compressors=None)[:] = 7
    assert h5s3.meta(tmp_path / "wide.zarr", "/wide").value is h5s3.records.UNSET
    assert h5s3.get(tmp_path / "wide.zarr", "/wide").tolist() == [7, 7, 7]


def test_a_description_can_do_without_a_value(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(store, tmp_path / "copy.zarr")
    for path in copy.glob("time/**/*"):
        if path.is_file() and not path.name.startswith(("z", ".z")):
            path.write_bytes(b"\x00")
    told = h5s3.meta(copy, "/time")
    assert told.value is h5s3.records.UNSET and told.num_chunks == 2
    monkeypatch.setitem(sys.modules, "zarr", None)
    half = run("meta", store, "/group/types/half", "--json").json
    assert "value" not in half and half["shape"] == [6]


def test_what_is_of_hdf5_alone(store: Path) -> None:
    assert "--view netcdf shows HDF5 files" in run("tree", store, "--view", "netcdf").failed(2)
    assert "its format is zarr" in failure(lambda: h5s3.open(store))
    assert "only an HDF5 file" in run(
        "get", store, "/", "--metadata-only", "-o", store.parent / "x.h5"
    ).failed(8)
    assert "objects of their own" in run("meta", store, "/temperature", "--chunks").failed(2)
    assert "is a group" in run("preview", store, "/group").failed(2)
    assert "did you mean /temperature?" in run("meta", store, "/temprature").failed(3)
    assert "nothing is below it" in run("meta", store, "/temperature/x").failed(3)


def failure(ask: Any) -> str:
    with pytest.raises(H5s3Error) as caught:
        ask()
    return str(caught.value)


def test_conventions_are_those_of_netcdf(store: Path) -> None:
    found = h5s3.preview(store, "/temperature")
    assert found.units == "K" and found.coding.scale_factor == 0.01 and found.coding.missing == [-1]
    picked = h5s3.get(store, "/temperature", sel="time=2020-01-02T00:00:2020-01-02T13:00", decode=True)
    assert np.allclose(picked, TEMPERATURE[2:4], atol=0.006)
    assert np.isnan(h5s3.get(store, "/temperature", decode=True)[0, 0])
    times = h5s3.get(store, "/group/types/times", decode=True)
    wanted = zarr.open_group(store, mode="r")["group/types/times"][...]
    assert np.array_equal(times, wanted, equal_nan=True) and times.dtype == wanted.dtype


@pytest.mark.skipif(
    not (SHARED / "index.csv").exists(), reason="there is no ../shared/tables on this machine"
)
def test_stores_that_others_wrote() -> None:
    """All that zarr-python reads is the same here; what it does not read is refused here, too."""
    with open(SHARED / "index.csv") as lines:
        places = [SHARED / row["path"] for row in csv.DictReader(lines) if row["format"] == "zarr"]
    assert len(places) > 20
    refused = []
    for top in places:
        where = top / "array" if (top / "array").is_dir() else top
        with quiet():
            try:
                array = zarr.open_array(where, mode="r")
                array[...]
            except Exception:  # noqa: BLE001 - whatever it says
                with pytest.raises(H5s3Error) as caught:
                    read(where, "/")
                assert caught.value.exit_code in (6, 8)
                refused.append(top.name)
                continue
            compare(where, "/", array)
    assert all("pcodec" in name or "optional" in name for name in refused), refused
