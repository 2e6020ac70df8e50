"""Views say what the packages of their communities read, from files that these packages carry or write."""

from __future__ import annotations

import importlib.util
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import h5s3
from h5s3.records import UNSET, Convention, Item
from tests.support.reference.sdists import LARGE, SMALL, Unreachable, fetch, unpack

pytestmark = pytest.mark.slow
SDISTS = {sdist.name: sdist for sdist in (*SMALL, *LARGE)}


def files(name: str, folder: Path, request: pytest.FixtureRequest) -> list[Path]:
    """The HDF5 files of a package's source distribution."""
    if importlib.util.find_spec("unearth") is None:
        pytest.skip("unearth, which asks the package index, is not installed")
    try:
        return unpack(fetch(SDISTS[name], request.config.cache.mkdir("sdists")), folder)
    except Unreachable as error:
        pytest.skip(str(error))


def view(path: Path, word: str) -> Convention:
    found = h5s3.tree(path, limit=0, view=word, no_cache=True).convention
    assert found is not UNSET and found.view == word
    return found


def named(items: Any, *kinds: str) -> dict[str, Item]:
    return {item.name: item for item in (items or ()) if item.kind in kinds or not kinds}


# ---------------------------------------------------------------------------------------------- NetCDF


def same_group(group: Any, items: list[Item]) -> int:
    """A group of netCDF4 and the items of ours; how many variables were compared."""
    dimensions, variables = named(items, "dimension"), named(items, "variable")
    assert {name: (len(one), one.isunlimited()) for name, one in group.dimensions.items()} == {
        name: (one.shape[0], one.unlimited is True) for name, one in dimensions.items()
    }
    for name, variable in group.variables.items():
        shown = variables[name]
        assert tuple(shown.dimensions) == variable.dimensions, name
        assert tuple(shown.shape) == variable.shape, name
        if "units" in variable.ncattrs():
            assert shown.units == str(variable.units).strip(), name
        assert [one.name for one in shown.attributes] == variable.ncattrs() or sorted(
            one.name for one in shown.attributes
        ) == sorted(variable.ncattrs())
    groups = named(items, "group")
    assert groups.keys() == group.groups.keys()
    return len(group.variables) + sum(
        same_group(one, groups[name].items) for name, one in group.groups.items()
    )


@pytest.mark.network
def test_netcdf4(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    netcdf = pytest.importorskip("netCDF4")
    compared = 0
    for path in files("netCDF4", tmp_path, request):
        with netcdf.Dataset(path) as plain:
            compared += same_group(plain, view(path, "netcdf").items)
    assert compared > 10


def test_xarray(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    path = tmp_path / "written.nc"
    made = xarray.Dataset(
        {"t": (("time", "y", "x"), np.zeros((3, 4, 5)), {"units": "K", "long_name": "temperature"})},
        {
            "time": np.arange(3),
            "y": ("y", np.arange(4.0), {"units": "m"}),
            "lon": (("y", "x"), np.ones((4, 5))),
        },
    )
    made.to_netcdf(path, engine="h5netcdf", unlimited_dims=["time"])
    found = view(path, "netcdf")
    variables = named(found.items, "variable")
    with xarray.open_dataset(path, engine="h5netcdf") as plain:
        assert plain.sizes == {one.name: one.shape[0] for one in found.items if one.kind == "dimension"}
        assert variables.keys() == set(plain.variables)
        for name, variable in plain.variables.items():
            assert tuple(variables[name].dimensions) == variable.dims
            assert variables[name].units == variable.attrs.get("units", UNSET)
        assert named(found.items)["time"].name == "time"


# ---------------------------------------------------------------------------------------------- AnnData


def same_frame(frame: Any, item: Item) -> None:
    columns = named(item.items, "column")
    assert list(columns) == list(frame.columns)
    assert item.shape == [len(frame), len(frame.columns)]
    for name in frame.columns:
        if hasattr(frame[name], "cat"):
            assert columns[name].type == "categorical", name
            assert columns[name].facts["categories"] == len(frame[name].cat.categories)
            assert columns[name].facts.get("ordered", False) == frame[name].cat.ordered


def same_anndata(path: Path, anndata: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = anndata.read_h5ad(path)
    found = view(path, "anndata")
    parts = named(found.items)
    assert (found.facts["n_obs"], found.facts["n_vars"]) == plain.shape
    same_frame(plain.obs, parts["obs"])
    same_frame(plain.var, parts["var"])
    old = found.version is UNSET  # anndata moves what lies elsewhere in old files
    for name in ("obsm", "varm") if old else ("layers", "obsm", "varm", "obsp", "uns"):
        shown = named(parts[name].items) if name in parts else {}
        assert shown.keys() == getattr(plain, name).keys(), name
        for key in getattr(plain, name) if name != "uns" else ():
            assert tuple(shown[key].shape) == getattr(plain, name)[key].shape
    if plain.X is not None:
        assert tuple(parts["X"].shape) == plain.X.shape
        if hasattr(plain.X, "nnz"):
            assert parts["X"].facts["nnz"] == plain.X.nnz


@pytest.mark.network
def test_files_of_anndata(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    anndata = pytest.importorskip("anndata")
    compared = 0
    for path in files("anndata", tmp_path, request):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                anndata.read_h5ad(path)
        except Exception:  # noqa: BLE001 - what it cannot read itself tells nothing
            continue
        same_anndata(path, anndata)
        compared += 1
    assert compared


def test_a_file_that_anndata_writes(tmp_path: Path) -> None:
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    obs = pandas.DataFrame(
        {
            "kind": pandas.Categorical(list("abcde")),
            "grade": pandas.Categorical([1, 2, 1, 2, 1], ordered=True),
            "count": pandas.array([1, None, 3, 4, 5], dtype="Int64"),
            "name": list("vwxyz"),
        },
        index=[f"cell{number}" for number in range(5)],
    )
    made = anndata.AnnData(sparse.random(5, 4, 0.5, format="csr"), obs=obs)
    made.layers["counts"], made.obsm["X_pca"] = sparse.csc_matrix(made.X), np.zeros((5, 2))
    made.obsp["near"], made.uns["method"] = sparse.csr_matrix((5, 5)), {"name": "umap", "k": 15}
    made.write_h5ad(tmp_path / "made.h5ad")
    same_anndata(tmp_path / "made.h5ad", anndata)


# ---------------------------------------------------------------------------------------------- NWB


def all_items(items: Any) -> dict[str, Item]:
    found = {}
    for item in items or ():
        found |= ({item.path: item} if item.path is not UNSET else {}) | all_items(item.items or None)
    return found


@pytest.mark.network
def test_files_of_pynwb(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    pynwb = pytest.importorskip("pynwb")
    compared = 0
    for path in files("pynwb", tmp_path, request):
        with warnings.catch_warnings(), ExitStack() as stack:
            warnings.simplefilter("ignore")
            try:
                session = stack.enter_context(pynwb.NWBHDF5IO(path, "r", load_namespaces=True)).read()
            except Exception:  # noqa: BLE001 - what it cannot read itself tells nothing
                continue
            compared += same_session(session, view(path, "nwb"), pynwb)
    assert compared > 20


def same_session(plain: Any, found: Convention, pynwb: Any) -> int:
    assert found.facts["session_description"] == plain.session_description
    assert found.facts["identifier"] == plain.identifier
    if plain.subject is not None and plain.subject.subject_id:
        assert found.facts["subject id"] == plain.subject.subject_id
    items, compared = all_items(found.items), 1
    for one in plain.objects.values():
        path = one.get_source_path() if hasattr(one, "get_source_path") else ""
        shown = next(
            (item for item in items.values() if item.name == one.name and item.type == type(one).__name__),
            None,
        )
        if isinstance(one, pynwb.TimeSeries) and shown is not None:
            shape = getattr(one.data, "shape", None)
            if shape is not None and shown.shape is not UNSET:
                assert tuple(shown.shape) == tuple(shape), (path, one.name)
            assert one.unit in (shown.units, "unknown"), one.name
            if one.rate is not None:
                assert shown.facts["rate"] == one.rate
            compared += 1
        elif shown is not None and hasattr(one, "colnames"):
            assert shown.shape == [len(one), len(one.colnames)]
            assert tuple(named(shown.items)) == tuple(one.colnames)
            compared += 1
    return compared
