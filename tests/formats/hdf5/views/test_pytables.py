"""The views of PyTables and pandas: leaves, tables, frames, with their columns and numbers of rows."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.support.cli import file, run


def view(path: Path, word: str, *args: object) -> Any:
    return run("tree", path, *args, "--view", word, "--json").json["convention"]


def named(items: list[Any]) -> dict[str, Any]:
    return {item["name"]: item for item in items}


def test_leaves_and_tables() -> None:
    found = view(file("pytables"), "pytables")
    assert (found["version"], found["facts"]) == ("2.1", {"title": "a title"})
    items = named(found["items"])
    assert list(items) == ["array", "earray", "events"]
    assert (items["array"]["type"], items["array"]["shape"]) == ("Array", [2, 3])
    assert items["earray"]["type"] == "EArray" and items["earray"]["value"] == [0, 1, 2, 3]
    (table,) = items["events"]["items"]  # without its index
    assert (table["type"], table["shape"], table["title"]) == ("Table", [5], "events")
    with h5py.File(file("pytables")) as plain:
        dtype = plain["events/table"].dtype
        columns = named(table["items"])
        assert list(columns) == list(dtype.names)
        assert columns["energy"]["shape"] == [2] and columns["energy"]["dtype"] == "float64"
        assert columns["id"]["dtype"] == dtype["id"] and columns["name"]["dtype"] == "str[8]"


def test_frames() -> None:
    assert run("tree", file("pandas"), "--view", "auto", "--json").json["convention"]["view"] == "pandas"
    items = named(view(file("pandas"), "pandas")["items"])
    fixed, table = items["fixed"], items["table"]
    assert (fixed["type"], fixed["shape"], fixed["facts"]) == ("DataFrame", [3, 2], {"format": "fixed"})
    assert [(one["name"], one["dtype"]) for one in fixed["items"]] == [
        ("index", "int64"), ("a", "float64"), ("b", "float64")
    ]  # fmt: skip
    assert (table["shape"], table["facts"]) == ([3, 2], {"format": "table"})
    assert [one["kind"] for one in table["items"]] == ["index", "column", "column"]


def test_a_file_without_frames_has_no_view_of_pandas() -> None:
    assert "cannot be shown as pandas" in run("tree", file("pytables"), "--view", "pandas").failed(2)


def test_names_times_and_categories_of_a_table(tmp_path: Path) -> None:
    """As pandas writes them: pickled lists in attributes, categories in a table of their own."""

    def pickled(names: list[Any]) -> np.bytes_:
        return np.bytes_(pickle.dumps(names, 0))

    path = tmp_path / "frame.h5"
    with h5py.File(path, "w") as new:
        frame = new.create_group("frame")
        frame.attrs["pandas_type"] = np.bytes_(b"frame_table")
        frame.attrs["non_index_axes"] = pickled([(1, ["when", "b", "kind", "a"])])
        rows = [
            ("index", "<i8"),
            ("values_block_0", "<f8", (2,)),
            ("values_block_1", "<i8", (1,)),
            ("kind", "i1"),
        ]
        table = frame.create_dataset("table", data=np.zeros(6, rows))
        table.attrs["values_block_0_kind"] = pickled(["a", "b"])
        table.attrs["values_block_1_kind"] = pickled(["when"])
        table.attrs["values_block_1_dtype"] = np.bytes_(b"datetime64[ns]")
        table.attrs["kind_meta"] = np.bytes_(b"category")
        frame.create_dataset("meta/kind/meta/table", data=np.zeros(3, [("index", "<i8"), ("values", "S1")]))
    (frame,) = view(path, "pandas")["items"]
    assert frame["shape"] == [6, 4]
    assert [(one["name"], one["dtype"]) for one in frame["items"]] == [
        ("index", "int64"), ("when", "datetime64[ns]"), ("b", "float64"), ("kind", "int8"), ("a", "float64")
    ]  # fmt: skip
    assert named(frame["items"])["kind"]["facts"] == {"categories": 3}
