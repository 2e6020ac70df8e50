"""References as xarray opens them, with its own engine and with kerchunk's, held against h5netcdf's view."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.support.reference.references import written

pytestmark = pytest.mark.slow
xarray = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def by_references(output: Path, engine: str, group: str | None = None, **more: bool):  # type: ignore[no-untyped-def]
    """The dataset that references give."""
    if engine == "kerchunk":
        pytest.importorskip("kerchunk")
        return xarray.open_dataset(str(output), engine="kerchunk")
    options = {"consolidated": True, "storage_options": {"fo": str(output), "skip_instance_cache": True}}
    return xarray.open_dataset("reference://", engine="zarr", group=group, backend_kwargs=options, **more)


@pytest.mark.parametrize(
    "engine,name,group",
    [
        ("zarr", "climate_2024.nc", None),
        ("kerchunk", "climate_2024.nc", None),
        ("zarr", "paged_run.h5", "snapshot_007"),
    ],
)
def test_datasets_of_samples(
    engine: str, name: str, group: str | None, samples: Path, tmp_path: Path
) -> None:
    path, output = samples / "demo" / name, tmp_path / "refs.json"
    written(path, output)
    wanted = xarray.open_dataset(path, engine="h5netcdf", phony_dims="sort", group=group)
    found = by_references(output, engine, group)
    assert set(found.variables) == set(wanted.variables)
    for name_, variable in wanted.variables.items():
        assert np.array_equal(found[name_].values, variable.values, equal_nan=variable.dtype.kind == "f"), (
            name_
        )
        assert {**variable.attrs} == {**found[name_].attrs}
        if not any(dimension.startswith("phony") for dimension in variable.dims):
            assert found[name_].dims == variable.dims
    assert found.attrs == wanted.attrs


@pytest.mark.parametrize("name", ["netcdf4", "fill_values", "partly_written", "never_written"])
def test_masks_and_dimensions_of_generated_files(name: str, files: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "refs.json"
    told = written(files[name], output)
    filled = {note.path.strip("/") for note in told.notes}
    wanted = xarray.open_dataset(files[name], engine="h5netcdf", phony_dims="sort", decode_times=False)
    found = by_references(output, "zarr", decode_times=False)
    for one, variable in wanted.variables.items():
        if one in found.variables and one not in filled:
            equal_nan = variable.dtype.kind == "f"
            assert np.array_equal(found[one].values, variable.values, equal_nan=equal_nan), one
            assert found[one].dtype.kind in (variable.dtype.kind, "T"), one


def test_references_in_parquet(samples: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastparquet")  # fsspec reads with nothing else
    path, output = samples / "demo" / "climate_2024.nc", tmp_path / "refs.parq"
    written(path, output)
    options = {"fo": str(output), "skip_instance_cache": True, "remote_protocol": "file"}
    found = xarray.open_dataset(
        "reference://", engine="zarr", backend_kwargs={"consolidated": True, "storage_options": options}
    )
    wanted = xarray.open_dataset(path, engine="h5netcdf")
    assert np.array_equal(found["t2m"].values, wanted["t2m"].values, equal_nan=True)
    assert np.array_equal(found["time"].values, wanted["time"].values)


def test_trees_of_groups(samples: Path, tmp_path: Path) -> None:
    path, output = samples / "demo" / "scan_0042.nxs", tmp_path / "refs.json"
    written(path, output)
    options = {"fo": str(output), "skip_instance_cache": True}
    tree = xarray.open_datatree("reference://", engine="zarr", consolidated=True, storage_options=options)
    with h5py.File(path) as file:
        assert np.array_equal(tree["entry/data/data"].values, file["entry/data/data"][()])
    assert "entry/instrument/detector" in {node.path.strip("/") for node in tree.subtree}
