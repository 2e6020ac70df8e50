"""Groups that are tables by a convention: written by hand as AnnData, pandas and NeXus write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest

from h5s3.errors import DamagedError, RefusedError, UsageError
from tests.support.cli import file, run
from tests.support.get import boxes_of, read_csv, read_json, stream, take
from tests.support.reference.previews import stored

TEXT = h5py.string_dtype()


def encoded(owner: Any, kind: str, version: str = "0.2.0", **attributes: Any) -> Any:
    owner.attrs.update({"encoding-type": kind, "encoding-version": version, **attributes})
    return owner


def frame(h5: h5py.Group, columns: list[str], index: str = "_index", rows: int = 4) -> h5py.Group:
    """A data frame of AnnData without its columns."""
    group = encoded(h5.create_group("obs"), "dataframe", _index=index)
    group.attrs.create("column-order", columns, dtype=TEXT)
    group.create_dataset(index, data=[f"cell{number}" for number in range(rows)], dtype=TEXT)
    return group


def categorical(group: h5py.Group, name: str, codes: list[int], categories: Any) -> None:
    column = encoded(group.create_group(name), "categorical", ordered=False)
    column["codes"] = np.array(codes, "i1")
    column.create_dataset(
        "categories", data=categories, dtype=TEXT if isinstance(categories[0], str) else None
    )


def nullable(group: h5py.Group, name: str, kind: str, values: Any, mask: list[bool]) -> None:
    column = encoded(group.create_group(name), kind, "0.1.0")
    column["values"], column["mask"] = values, np.array(mask)


def cells(h5: h5py.File) -> None:
    group = frame(h5, ["kind", "score", "n", "flag", "word", "level", "matrix"])
    categorical(group, "kind", [0, 1, -1, 0], ["A", "B,b"])
    group.create_dataset("score", data=np.linspace(0, 1.5, 4), chunks=(3,), compression="gzip")
    nullable(group, "n", "nullable-integer", [1, 0, 3, 4], [False, True, False, False])
    nullable(
        group, "flag", "nullable-boolean", np.array([True, False, False, True]), [False, False, True, False]
    )
    group.create_dataset("word", data=["x", "", "y,z", "ü"], dtype=TEXT)
    categorical(group, "level", [1, 0, 1, 0], [10, 30])
    group["matrix"] = np.zeros((4, 2))


ROWS = [
    ["index", "kind", "score", "n", "flag", "word", "level"],
    ["cell0", "A", "0.0", "1", "true", "x", "30"],
    ["cell1", "B,b", "0.5", "", "false", "", "10"],
    ["cell2", "", "1.0", "3", "", "y,z", "30"],
    ["cell3", "A", "1.5", "4", "true", "ü", "10"],
]


def csv(fill: Callable[[h5py.File], None], path: str = "/obs", **wish: Any) -> list[list[str]]:
    return read_csv(stream(stored(fill), path, format="csv", **wish))


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_data_frame(size: int) -> None:
    with boxes_of(size, batch=3):
        assert csv(cells) == ROWS
    assert csv(cells, selection="1::2") == [ROWS[0], ROWS[2], ROWS[4]]


def test_a_data_frame_in_other_formats(tmp_path: Path) -> None:
    store = stored(cells)
    document = read_json(stream(store, "/obs", format="json"))
    assert document["data"][1] == {
        "index": "cell1", "kind": "B,b", "score": 0.5, "n": None, "flag": False, "word": "", "level": 10
    }  # fmt: skip
    assert document["path"] == "/obs" and document["shape"] == [4]
    receipt = take(store, tmp_path / "a.parquet", "/obs")
    assert receipt.notes == ["columns left out: matrix"]
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert table.column("kind").to_pylist() == ["A", "B,b", None, "A"]
    assert table.column("n").to_pylist() == [1, None, 3, 4] and str(table.schema.field("n").type) == "int64"
    assert table.column("flag").to_pylist() == [True, False, None, True]


def test_a_named_index_and_no_columns() -> None:
    found = csv(lambda h5: frame(h5, [], "gene", 2) and None)
    assert found == [["gene"], ["cell0"], ["cell1"]]


def test_categories_of_old_files() -> None:
    def fill(h5: h5py.File) -> None:
        group = frame(h5, ["kind"], rows=2)
        group.create_dataset("__categories/kind", data=["A", "B"], dtype=TEXT)
        group["kind"] = np.array([1, -1], "i1")
        group["kind"].attrs["categories"] = group["__categories/kind"].ref

    assert csv(fill) == [["index", "kind"], ["cell0", "B"], ["cell1", ""]]


def test_damaged_frames() -> None:
    def codes(h5: h5py.File) -> None:
        categorical(frame(h5, ["kind"], rows=1), "kind", [7], ["A"])

    def lengths(h5: h5py.File) -> None:
        frame(h5, ["x"])["x"] = [1, 2]

    with pytest.raises(DamagedError, match="a code stands for no category"):
        csv(codes)
    with pytest.raises(DamagedError, match="the columns of /obs are not of one length"):
        csv(lengths)


def test_giant_categories_are_refused() -> None:
    def fill(h5: h5py.File) -> None:
        column = encoded(frame(h5, ["kind"], rows=1).create_group("kind"), "categorical")
        column["codes"] = np.array([0], "i1")
        column.create_dataset("categories", (1 << 40,), "f8", chunks=(1 << 20,))

    with pytest.raises(RefusedError, match="the categories are larger than 64 MiB"):
        csv(fill)


def pickled(*names: str) -> np.bytes_:
    """A list of texts as PyTables stores it."""
    return np.bytes_(b"(lp0\n" + b"".join(b"V%s\np1\na" % name.encode() for name in names) + b".")


def hdf_store(h5: h5py.File) -> None:
    """What pandas writes for a frame of numbers, times, texts and a categorical."""
    kinds = [("index", "<i8"), ("values_block_0", "<f8", (2,)), ("values_block_1", "<i8", (1,))]
    kinds += [("values_block_2", "S3", (1,)), ("values_block_3", "i1", (1,)), ("ok", "u1")]
    rows = np.zeros(3, dtype=kinds)
    rows["index"] = np.array(["2000-01-01", "2000-01-02", "2000-01-03"], "M8[ns]").view("i8")
    rows["values_block_0"] = [[1, 1.5], [2, np.nan], [3, 3.5]]
    rows["values_block_1"][:, 0] = np.array(["2020-01-01", "NaT", "2020-01-03"], "M8[ns]").view("i8")
    rows["values_block_2"][:, 0], rows["values_block_3"][:, 0] = [b"a", b"nan", b"c"], [0, 1, -1]
    rows["ok"] = [1, 0, 1]
    group = h5.create_group("df")
    group.attrs.update({"pandas_type": np.bytes_(b"frame_table"), "nan_rep": np.bytes_(b"nan"), "levels": 1})
    group.attrs["non_index_axes"] = np.bytes_(
        b"(lp0\n(I1\n(lp1\nVa\np2\naVt\np3\naVb\np4\naVs\np5\naVc\naVok\natp6\na."
    )
    table = group.create_dataset("table", data=rows, chunks=(2,))
    names = {0: ("a", "b"), 1: ("t",), 2: ("s",), 3: ("c",)}
    for number, columns in names.items():
        table.attrs[f"values_block_{number}_kind"] = pickled(*columns)
    table.attrs.update({"index_kind": np.bytes_(b"datetime64[ns]"), "ok_kind": pickled("ok")})
    table.attrs.update({"values_block_1_dtype": np.bytes_(b"datetime64[ns]"), "ok_dtype": np.bytes_(b"bool")})
    table.attrs["values_block_3_meta"] = np.bytes_(b"category")
    words = np.array([(0, b"u"), (1, b"v")], dtype=[("index", "<i8"), ("values", "S1")])
    group["meta/values_block_3/meta/table"] = words


def test_a_table_of_pandas(tmp_path: Path) -> None:
    end = "T00:00:00.000000000"
    assert csv(hdf_store, "/df") == [
        ["index", "a", "t", "b", "s", "c", "ok"],
        ["2000-01-01" + end, "1.0", "2020-01-01" + end, "1.5", "a", "u", "true"],
        ["2000-01-02" + end, "2.0", "", "nan", "", "v", "false"],
        ["2000-01-03" + end, "3.0", "2020-01-03" + end, "3.5", "c", "", "true"],
    ]
    take(stored(hdf_store), tmp_path / "a.parquet", "/df")
    schema = pyarrow.parquet.read_schema(tmp_path / "a.parquet")
    assert str(schema.field("t").type) == "timestamp[ns]" and str(schema.field("ok").type) == "bool"


def test_units_of_time_and_missing_texts_as_columns_say() -> None:
    """Since pandas 3 times have units, and each column tells what a missing text is stored as."""

    def fill(h5: h5py.File) -> None:
        kinds = [("index", "<i8"), ("t", "<i8"), ("d", "<i8"), ("s", "S5"), ("w", "S5")]
        rows = np.zeros(2, dtype=kinds)
        rows["index"] = np.array(["2000-01-01", "2000-01-02"], "M8[us]").view("i8")
        rows["t"] = np.array(["2020-01-01", "NaT"], "M8[s]").view("i8")
        rows["d"] = [90_061_500_000, np.iinfo("i8").min]
        rows["s"], rows["w"] = [b"a", b"nan"], [b"nan", b"_nan_"]
        group = h5.create_group("df")
        group.attrs.update({"pandas_type": np.bytes_(b"frame_table"), "nan_rep": np.bytes_(b"N.")})
        group.attrs["data_col_nan_rep"] = np.uint8(1)
        table = group.create_dataset("table", data=rows)
        table.attrs.update({f"{name}_kind": pickled(name) for name in "tdsw"})
        said = {"index_kind": "datetime64[us]", "t_dtype": "datetime64[s]", "d_dtype": "timedelta64[us]"}
        said |= {"s_nan_rep": "nan"}  # and none in the other
        table.attrs.update({name: np.bytes_(value) for name, value in said.items()})

    assert csv(fill, "/df") == [
        ["index", "t", "d", "s", "w"],
        ["2000-01-01T00:00:00.000000", "2020-01-01T00:00:00", "P1DT1H1M1.5S", "a", "nan"],
        ["2000-01-02T00:00:00.000000", "", "", "", "_nan_"],
    ]


def test_nothing_is_unpickled() -> None:
    def fill(h5: h5py.File) -> None:
        hdf_store(h5)
        h5["df/table"].attrs["values_block_0_kind"] = np.bytes_(b"cos\nsystem\n(S'echo x'\ntR.")
        h5["df/table"].attrs["values_block_2_kind"] = np.bytes_(b"(lp0\nV")

    assert csv(fill, "/df")[0] == [
        "index", "values_block_0_0", "values_block_0_1", "values_block_2_0", "t", "c", "ok"
    ]  # fmt: skip


def scan(h5: h5py.File) -> None:
    group = h5.create_group("entry/data")
    h5["entry"].attrs["NX_class"], group.attrs["NX_class"] = "NXentry", "NXdata"
    group.attrs["signal"], group.attrs["axes"] = "counts", ["y", "x"]
    group["counts"], group["y"], group["x"] = [[1, 2], [3, 4]], [0.5, 1.5], [10, 20]


@pytest.mark.parametrize("path", ["/entry/data", "/entry"])
def test_the_signal_of_a_group_with_its_axes(path: str, tmp_path: Path) -> None:
    rows = [["y", "x", "counts"], *(row.split() for row in ("0.5 10 1", "0.5 20 2", "1.5 10 3", "1.5 20 4"))]
    assert csv(scan, path) == rows
    assert csv(scan, path, selection="1,:")[1:] == rows[3:]
    document = read_json(stream(stored(scan), path, format="json"))
    assert document["data"] == [[1, 2], [3, 4]] and document["coordinates"][1]["values"] == [10, 20]
    with pytest.raises(
        UsageError, match=r"and npy holds one array; .* or name the dataset /entry/data/counts"
    ):
        take(stored(scan), tmp_path / "a.npy", path)


def test_without_a_name_a_table_goes_to_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = run("get", file("anndata"), "/obs").lines[0]
    assert line.startswith("obs.csv: 4 {index: str, kind: str, score: float64}, ")
    said = run("get", file("anndata"), "/obs", "-o", "a.h5").failed(2)
    assert "/obs is a table of several columns, and h5 holds one array; use csv, json or parquet" in said


def test_other_groups_are_none() -> None:
    assert "/events is a group, not a dataset" in run("get", file("pytables"), "/events").failed(2)
    assert "/uns is a group, not a dataset" in run("get", file("anndata"), "/uns").failed(2)
