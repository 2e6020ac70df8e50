"""The view of AnnData: sizes, columns with their types and categories, matrices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.support.cli import file, run


def view(path: Path, *args: object) -> Any:
    return run("tree", path, *args, "--view", "anndata", "--json").json["convention"]


def named(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items}


def test_sizes_and_matrices() -> None:
    found = view(file("anndata"))
    assert (found["name"], found["facts"]) == ("AnnData", {"n_obs": 4, "n_vars": 3})
    parts = named(found["items"])
    assert list(parts) == ["X", "layers", "obs", "obsm", "var", "uns"]
    assert (parts["X"]["type"], parts["X"]["shape"]) == ("csr_matrix", [4, 3])
    with h5py.File(file("anndata")) as plain:
        assert parts["X"]["facts"]["nnz"] == len(plain["X/data"])
        assert parts["X"]["dtype"] == plain["X/data"].dtype
        assert parts["obs"]["shape"] == [4, len(plain["obs"].attrs["column-order"])]
        assert parts["obsm"]["items"][0]["shape"] == list(plain["obsm/X_umap"].shape)


def test_columns() -> None:
    columns = named(named(view(file("anndata"))["items"])["obs"]["items"])
    assert list(columns) == ["_index", "kind", "score"]
    assert columns["_index"]["kind"] == "index"
    assert columns["kind"]["type"] == "categorical" and columns["kind"]["facts"] == {"categories": 2}
    assert columns["score"]["dtype"] == "float64"
    lines = run("tree", file("anndata"), "--view", "anndata").lines
    assert lines[1:3] == ["n_obs   4", "n_vars  3"]
    assert any(line.split()[-2:] == ["2", "categories"] for line in lines)
    assert any("4 nnz, density 0.333333" in line for line in lines)


def test_a_frame_by_itself_and_the_number_of_columns_shown() -> None:
    assert [item["name"] for item in view(file("anndata"), "/obs")["items"]] == ["_index", "kind", "score"]
    obs = named(view(file("anndata"), "--limit", 2)["items"])["obs"]
    assert len(obs["items"]) == 2 and obs["num_items"] == 3 and obs["shape"] == [4, 2]


def test_before_there_were_encodings() -> None:
    found = view(file("anndata_old_style"))
    assert found["facts"] == {"n_obs": 3, "n_vars": 2}
    parts = named(found["items"])
    assert (parts["X"]["type"], parts["X"]["shape"]) == ("csr_matrix", [3, 2])
    assert [(item["kind"], item["name"]) for item in parts["obs"]["items"]] == [
        ("index", "index"), ("column", "score")
    ]  # fmt: skip
    assert parts["obs"]["shape"] == [3, 1]


def marked(parent: h5py.Group, name: str, kind: str, **more: Any) -> h5py.Group:
    group = parent.require_group(name)
    group.attrs["encoding-type"], group.attrs["encoding-version"] = kind, "0.2.0"
    for key, value in more.items():
        group.attrs[key.replace("_order", "-order") if key == "column_order" else key] = value
    return group


def test_mudata_and_old_categories(tmp_path: Path) -> None:
    """Two modalities; categories in a group beside the columns (0.1.0); a nullable column; a lost one."""
    path = tmp_path / "two.h5mu"
    with h5py.File(path, "w") as new:
        new.attrs["encoding-type"] = "MuData"
        for name, size in (("rna", 3), ("atac", 2)):
            part = marked(new, f"mod/{name}", "anndata")
            marked(part, "var", "dataframe", _index="_index", column_order=np.array([], "S1"))
            part["var/_index"] = np.arange(5)
            obs = marked(part, "obs", "dataframe", _index="cell", column_order=["batch", "age", "lost"])
            obs["cell"], obs["batch"] = np.arange(size), np.zeros(size, "i1")
            obs["__categories/batch"] = np.array([b"a", b"b", b"c"])
            age = marked(obs, "age", "nullable-integer")
            age["values"], age["mask"] = np.zeros(size, "<i8"), np.zeros(size, "?")
    found = view(path)
    assert found["name"] == "MuData"
    rna, atac = named(named(found["items"])["mod"]["items"])["rna"], 2
    assert rna["type"] == "anndata" and rna["facts"] == {"n_obs": 3, "n_vars": 5}
    columns = named(named(rna["items"])["obs"]["items"])
    assert columns["batch"]["type"] == "categorical" and columns["batch"]["facts"] == {"categories": 3}
    assert columns["age"]["type"] == "nullable-integer" and columns["age"]["dtype"] == "int64"
    assert columns["lost"]["facts"] == {"missing": True}
    assert view(path, "/mod/atac")["facts"] == {"n_obs": atac, "n_vars": 5}
