"""The engine of xarray: the same as its engine `h5netcdf` on a local copy, lazily."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import h5s3.explore.session
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach

xarray = pytest.importorskip("xarray", reason="needs the extra xarray")
pytest.importorskip("h5netcdf", reason="needs the extra xarray")
WHERE = "s3://arrays/climate.nc"


@pytest.fixture
def local(tmp_path: Path, rclone: S3Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A netCDF-4 file with packed values, times, texts and a group, which lies in a bucket, too."""
    path = tmp_path / "climate.nc"
    times = np.array(["2023-01-01", "2023-01-02"], "datetime64[ns]")
    values = np.arange(2 * 300 * 400.0).reshape(2, 300, 400)
    values[0, 0, 0] = np.nan
    made = xarray.Dataset(
        {"t": (("time", "y", "x"), values, {"units": "K"}), "names": ("y", [f"é{n}" for n in range(300)])},
        {"time": times, "x": np.arange(400)},
        {"title": "a title"},
    )
    packed = {"dtype": "i4", "scale_factor": 0.5, "_FillValue": -1, "zlib": True, "chunksizes": (1, 100, 100)}
    made.to_netcdf(path, engine="h5netcdf", encoding={"t": packed})
    made[["t"]].to_netcdf(path, engine="h5netcdf", group="inner/group", mode="a")
    rclone.put("arrays", "climate.nc", path.read_bytes())
    reach(rclone, monkeypatch)
    return path


def same(found: Any, expected: Any) -> None:
    xarray.testing.assert_identical(found, expected)
    for name in expected.variables:
        mine, theirs = dict(found[name].encoding), dict(expected[name].encoding)
        assert ("source" in mine) == ("source" in theirs)
        assert mine.pop("source", "climate.nc").endswith("climate.nc")
        theirs.pop("source", None)
        assert repr(mine) == repr(theirs)
        assert found[name].dtype == expected[name].dtype


@pytest.mark.parametrize(
    "options", [{}, {"group": "inner/group"}, {"mask_and_scale": False, "decode_times": False}], ids=str
)
def test_datasets_equal_those_of_a_local_copy(local: Path, options: dict[str, Any]) -> None:
    with (
        xarray.open_dataset(WHERE, engine="h5s3", **options) as found,
        xarray.open_dataset(local, engine="h5netcdf", **options) as expected,
    ):
        same(found, expected)


def test_trees_equal_those_of_a_local_copy(local: Path) -> None:
    with (
        xarray.open_datatree(WHERE, engine="h5s3") as found,
        xarray.open_datatree(local, engine="h5netcdf") as expected,
    ):
        assert found.identical(expected)


def test_chunks_are_those_of_the_file(local: Path) -> None:
    pytest.importorskip("dask", reason="needs dask")
    with (
        xarray.open_dataset(WHERE, engine="h5s3", chunks={}) as found,
        xarray.open_dataset(local, engine="h5netcdf", chunks={}) as expected,
    ):
        assert found.t.chunks == expected.t.chunks == ((1, 1), (100,) * 3, (100,) * 4)
        assert found.t.mean().compute() == expected.t.mean().compute()


def test_settings_are_keyword_arguments(
    local: Path, rclone: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(rclone) as proxy:
        options = {"endpoint_url": proxy.url, "no_cache": True}
        with xarray.open_dataset(WHERE, engine="h5s3", **options) as found:
            assert proxy.count("GET")
            assert found.t.shape == (2, 300, 400)
    with pytest.raises(TypeError, match="regoin"):
        xarray.open_dataset(WHERE, engine="h5s3", regoin="eu")


def test_closing_closes_everything(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr(h5s3.explore.session.Session, "close", lambda self: closed.append(self))
    found = xarray.open_dataset(WHERE, engine="h5s3")
    assert closed == [] and found.t[0, 0, 1] == 1
    found.close()
    assert len(closed) == 1


def test_another_process_opens_it_anew(local: Path) -> None:
    with xarray.open_dataset(WHERE, engine="h5s3") as found:
        again = pickle.loads(pickle.dumps(found))  # noqa: S301
        assert again.t[1, 1, 1] == found.t[1, 1, 1]
        again.close()


def test_the_interpreter_ends_well(local: Path) -> None:
    code = f"import xarray; d = xarray.open_dataset({WHERE!r}, engine='h5s3'); t = d.t[0]; t.values"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_is_not_hdf5_is_left_to_others(local: Path) -> None:
    from h5s3.xarray_backend import H5s3BackendEntrypoint

    guess = H5s3BackendEntrypoint().guess_can_open
    assert guess(WHERE) and guess("s3a://bucket/a.h5")
    assert not any(map(guess, ["s3://bucket/a.zarr", "/a.nc", "https://host/a.nc", local, b"", None]))
    with h5py.File(local) as file:
        assert not guess(file)
