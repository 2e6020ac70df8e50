"""`find` over a catalog: the same answers as from the files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import h5s3
from h5s3.errors import UsageError
from tests.explore.catalog.test_build import scan
from tests.explore.find.test_conditions import KINDS
from tests.support import ROOT
from tests.support.reference.random_trees import TREES, write

CONDITIONS: list[dict[str, Any]] = [
    {},
    {"name": "*a*"},
    {"regex": "/.*/", "depth": 3},
    {"type": "dataset", "ndim": ">=1"},
    {"type": "link"},
    {"dtype": "int*", "larger": 600},
    {"filter": "gzip"},
    {"layout": "contiguous", "smaller": 5000},
    {"attrs": "*"},
    {"attrs": "*>0"},
    {"attrs": ("*!=1", "*~a")},
    {"value": "!=7"},
    {"value": ">1", "attrs": "units"},
    {"nxclass": "NX*"},
    {"name": "*e*", "files": True},
]
DAMAGED = (
    ROOT.parent / "shared/corpus/bad/HDFGroup-hdf5/tools/test/h5dump/testfiles/err_attr_dspace.h5"
)  # by an attribute
LARGE = [HealthCheck.data_too_large, HealthCheck.too_slow]


def both(folder: Path, conditions: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the catalog says, and what the files say; but for where it was looked and what was cached."""
    found = [
        h5s3.find(**place, **conditions).to_dict()
        for place in ({"catalog": folder / "out"}, {"locations": folder / "in"})
    ]
    for one in found:
        del one["locations"], one["files"]["cached"], one["files"]["other"]
        for name in ("matches", "files_found", "failures"):
            if name in one:
                one[name].sort(key=lambda item: item["location"])
    return found[0], found[1]


def catalog_of(folder: Path, files: dict[str, bytes]) -> Path:
    (folder / "in").mkdir()
    for name, content in files.items():
        (folder / "in" / f"{name}.h5").write_bytes(content)
    h5s3.catalog_build(folder / "in", folder / "out")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"kinds": KINDS, "scan": scan(2), "damaged": scan(3)[:-300], "none": b"nothing"}
    return catalog_of(tmp_path_factory.mktemp("search"), files)


@pytest.mark.parametrize("conditions", CONDITIONS)
def test_files_of_all_kinds(folder: Path, conditions: dict[str, Any]) -> None:
    from_catalog, from_files = both(folder, conditions)
    assert from_catalog == from_files
    assert len(from_files["failures"]) == 2


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=LARGE, deadline=None)
@given(trees=st.lists(TREES, min_size=1, max_size=3), conditions=st.sampled_from(CONDITIONS))
def test_generated_trees(trees: list[Any], conditions: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = catalog_of(Path(name), {str(n): write(tree, "latest") for n, tree in enumerate(trees)})
        from_catalog, from_files = both(folder, conditions)
        assert from_catalog == from_files


def test_missing_paths(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "links.h5", "w") as new:
        new["a/b/data"] = np.arange(3)
        new["other"] = new["a"]
        new["soft"] = h5py.SoftLink("/other/b")
        new["a/up"] = h5py.SoftLink("b/data")
        new["loop"] = h5py.SoftLink("loop")
        new["dangling"] = h5py.SoftLink("/nowhere")
        new["away"] = h5py.ExternalLink("x.h5", "/y")
        new["through"] = h5py.SoftLink("/away/z")
        new["a/cycle"] = new["/"]
        new["kind"] = np.dtype("S4")
    folder = catalog_of(tmp_path, {"links": (tmp_path / "links.h5").read_bytes()})
    paths = """/ /a /a/b /a/b/data /a/b/data/x /a/none /other /other/b/data /soft /soft/data /soft/none
        a//b/./data /a/up /a/up/x /loop /loop/x /dangling /dangling/x /away /away/x /through /through/x
        /a/cycle/a/cycle/other/up /a/cycle/none /kind /kind/x none"""
    lacking = set()
    for path in paths.split():
        from_catalog, from_files = both(folder, {"missing": path})
        codes = [[one["exit_code"] for one in found.pop("failures")] for found in (from_catalog, from_files)]
        assert from_catalog == from_files and codes[0] == codes[1], path
        lacking |= {path} if from_files["files_found"] else set()
    assert {"/a/none", "/dangling/x", "/a/b/data/x"} <= lacking and "/a/cycle/a/cycle/other/up" not in lacking


def test_no_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h5s3.explore.many.reading.each", None)
    monkeypatch.setattr("h5s3.explore.find.find.each", None)
    assert h5s3.find(catalog=folder / "out", name="temperature").num_matches == 2
    with pytest.raises(UsageError):
        h5s3.find(folder / "in", catalog=folder / "out")
    with pytest.raises(UsageError):
        h5s3.find(name="x")


@pytest.mark.skipif(not DAMAGED.exists(), reason="there is no ../shared/corpus on this machine")
def test_where_attributes_are_damaged_names_are_there(tmp_path: Path) -> None:
    folder = catalog_of(tmp_path, {"damaged": DAMAGED.read_bytes()})
    for conditions in ({"name": "*"}, {"missing": "/x"}):
        from_catalog, from_files = both(folder, conditions)
        assert from_catalog == from_files and not from_files["failures"]
    assert [one["exit_code"] for one in both(folder, {"attrs": "*"})[0]["failures"]] == [6]
