"""`get / --metadata-only`: no data, and `tree` and `meta` say what they say of the original."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.support import ROOT
from tests.support.cli import file, run, spawn
from tests.support.h5files import make  # noqa: F401 - registers the files
from tests.support.h5files.registry import FILES

VARYING = {"location", "key", "etag", "cached", "storage_size", "offset", "num_chunks", "compression_ratio"}
VALUES = {"value", "value_b64", "value_truncated", "nan_count", "inf_count"}  # of a dataset
LOSING = {  # files of which something cannot be copied, and what is said of it
    "external_storage": "the external files of its values are left out",
    "dimension_scales_broken": "attribute DIMENSION_LIST: 1 references lead nowhere",
    "user_defined_link": "/link: a link that is not followed",
    "fill_values": "/variable_string: the fill value is left out",
}
OTHERWISE = {"superblock_v1", "plugins", "plugins_codecs"}  # a newer version; options that filters set anew


def told(item: Any) -> Any:
    """A document without what depends on stored data, or on where the file or an object is."""
    if isinstance(item, dict):
        of_file = "superblock_version" in item
        varying = VARYING | VALUES if "layout" in item else VARYING
        kept = {name: value for name, value in item.items() if name not in varying}
        return {name: told(value) for name, value in kept.items() if not (name == "size" and of_file)}
    if isinstance(item, list):
        return [told(part) for part in item]
    return re.sub(r"@\d+", "@", item) if isinstance(item, str) else item


def paths(node: Any) -> list[str]:
    """Of all objects of a tree."""
    found = [node["path"]] if node.get("type", "group") in ("group", "dataset", "datatype") else []
    return found + [path for child in node.get("children", []) for path in paths(child)]


def document(*args: Any) -> Any:
    found = run(*args, "--json", "--no-cache")
    return told(json.loads(found.out)) if found.code == 0 else found.code


def copied(source: Path, folder: Path) -> tuple[Path, str]:
    """The copy, and what is said on standard error."""
    target = folder / "copy.h5"
    done = run("get", source, "/", "-o", target, "--metadata-only", "--overwrite")
    assert done.code == 0, done
    return target, done.err


LARGE = "many_datasets"
COPIED = sorted(FILES.keys() - LOSING.keys() - OTHERWISE)
QUICK = [name for name in COPIED[::3] if name != LARGE]
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in COPIED if name not in QUICK]


@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_tree_and_meta_say_the_same(name: str, tmp_path: Path) -> None:
    source = file(name)
    copy, said = copied(source, tmp_path)
    before = document("tree", source, "-r", "--attrs", "--limit", 0)
    assert document("tree", copy, "-r", "--attrs", "--limit", 0) == before
    for path in paths(before)[:20]:
        assert document("meta", copy, path, "--all-attrs") == document("meta", source, path, "--all-attrs")
    assert said == "" or name in ("unknown_filter",), said


@pytest.mark.parametrize("name", sorted(LOSING))
def test_what_cannot_be_copied_is_named(name: str, tmp_path: Path) -> None:
    _, said = copied(file(name), tmp_path)
    assert said.startswith("not copied: ") and LOSING[name] in said and said.count("\n") == 1


@pytest.mark.parametrize("name", sorted(OTHERWISE))
def test_the_tree_is_the_same_where_details_are_not(name: str, tmp_path: Path) -> None:
    copy, said = copied(file(name), tmp_path)
    assert paths(document("tree", copy, "-r")) == paths(document("tree", file(name), "-r"))
    assert said == "" or "the filters are left out" in said


def references(h5: h5py.File) -> None:
    kind = np.dtype([("dataset", h5py.ref_dtype), ("dimension", "i4")])
    data, scale = (
        h5.create_dataset("z/data", data=np.arange(6).reshape(2, 3)),
        h5.create_dataset("a", data=[1, 2]),
    )
    scale.make_scale("a")
    data.dims[0].attach_scale(scale)
    h5.attrs["one"], h5.attrs["region"] = data.ref, data.regionref[1, :2]
    h5.attrs.create("pairs", np.array([(scale.ref, 1), (h5.ref, 2)], dtype=kind))
    h5.attrs.create("none", h5py.Reference(), dtype=h5py.ref_dtype)


def test_references_point_to_the_same_objects(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        references(h5)
    copy, said = copied(tmp_path / "a.h5", tmp_path)
    with h5py.File(copy) as h5:
        assert said == "" and h5[h5.attrs["one"]].name == "/z/data" and not h5.attrs["none"]
        assert [h5[item["dataset"]].name for item in h5.attrs["pairs"]] == ["/a", "/"]
        region = h5.attrs["region"]
        assert h5[region].name == "/z/data" and h5["z/data"].regionref.selection(region) == (1, 2)
        assert h5["z/data"].dims[0][0].name == "/a" and h5["a"].attrs["REFERENCE_LIST"][0][1] == 0
        assert h5[h5["a"].attrs["REFERENCE_LIST"][0][0]].name == "/z/data"
        assert (h5["z/data"][()] == 0).all()


def test_nothing_of_the_data_is_there(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        h5.create_dataset("large", data=np.ones(1 << 20), chunks=(1 << 16,), fillvalue=7)
        h5.create_dataset("declared", (10**9, 10**6), "f8", chunks=(1000, 1000))
    copy, _ = copied(tmp_path / "a.h5", tmp_path)
    assert copy.stat().st_size < 10_000
    with h5py.File(copy) as h5:
        assert h5["large"].id.get_num_chunks() == 0 and h5["large"][5] == 7


def test_no_other_file_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine.bin").write_bytes(b"x" * 80)
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        properties.set_external(str(tmp_path / "mine.bin").encode(), 0, 80)
        h5py.h5d.create(h5.id, b"data", h5py.h5t.STD_I64LE, h5py.h5s.create_simple((10,)), properties)
    _, said = copied(tmp_path / "a.h5", tmp_path)
    assert "external files" in said and (tmp_path / "mine.bin").read_bytes() == b"x" * 80


def test_the_receipt(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as h5:
        references(h5)
    line = run("get", tmp_path / "a.h5", "/", "-o", tmp_path / "b.h5", "--metadata-only").lines[0]
    assert ": 1 group, 2 datasets, 8 attributes, without data, " in line
    found = run("get", tmp_path / "a.h5", "/", "-o", tmp_path / "c.h5", "--metadata-only", "--json").json
    assert found["structure"] == {"groups": 1, "datasets": 2, "datatypes": 0, "links": 0, "attributes": 8}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("/grid", "-o", "a.h5"), "copies a whole file; give the path /"),
        (("/", "-o", "a.csv"), "writes an HDF5 file"),
        (("/",), "writes an HDF5 file"),
        (("/", "-o", "-"), "writes an HDF5 file"),
        (("/", "-o", "a.h5", "--slice", "1"), "goes with no choice of values"),
        (("/", "-o", "a.h5", "--decode"), "goes with no choice of values"),
    ],
)
def test_usage(args: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in run("get", file("contiguous"), *args, "--metadata-only").failed(2)
    assert not list(tmp_path.iterdir())


def test_exports_of_a_dataset_keep_such_values_too(tmp_path: Path) -> None:
    assert run("get", file("fill_values"), "/fixed_string", "-o", tmp_path / "a.h5").code == 0
    assert run("get", file("shared_messages"), "/data_05", "-o", tmp_path / "b.h5").code == 0
    with h5py.File(tmp_path / "a.h5") as one, h5py.File(tmp_path / "b.h5") as other:
        assert one["fixed_string"].fillvalue == b"none" and other["data_05"].attrs["shared"]


@pytest.mark.parametrize("name", ["cve-2024-29166", "cve-2025-2924"])
def test_damage_is_not_taken_for_an_output_that_cannot_be_written(name: str, tmp_path: Path) -> None:
    source = ROOT.parent / f"shared/corpus/bad/HDFGroup-cve_hdf5/cvefiles/{name}.h5"
    if not source.exists():
        pytest.skip("the corpus is not here")
    done = spawn("get", source, "/", "-o", tmp_path / "a.h5", "--metadata-only")
    assert "the file is damaged" in done.failed(6) and not list(tmp_path.iterdir())
