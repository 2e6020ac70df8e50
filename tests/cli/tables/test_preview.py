"""`preview` of tables: first rows, what is known of columns and how, plots, and columns as arrays."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import RefusedError
from h5s3.records import UNSET
from tests.support.cli import run

ROWS = 3000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = pa.table(
        {
            "id": range(ROWS),
            "gaps": [None if n % 3 == 0 else n for n in range(ROWS)],
            "wave": np.sin(np.arange(ROWS) / 100),
            "name": [f"name {n:04}" for n in range(ROWS)],
            "list": [[n] for n in range(ROWS)],
            "at": pa.array(range(ROWS), pa.timestamp("us", "Europe/Paris")),
            "flag": [n % 2 == 0 for n in range(ROWS)],
        }
    )
    path = tmp_path_factory.mktemp("preview") / "t.parquet"
    pq.write_table(table, path, row_group_size=700)
    return path


def test_statistics_say_where_they_are_from(file: Path) -> None:
    found = h5s3.preview(str(file))
    assert found.columns is not UNSET
    told = {one.path: (one.min, one.max, one.nulls, one.rows, one.source) for one in found.columns}
    assert told["/id"] == (0, ROWS - 1, 0, ROWS, "metadata")
    assert told["/gaps"] == (1, ROWS - 1, 1000, ROWS, "metadata")
    assert told["/name"] == ("name 0000", "name 0999", 0, 1000, "sample")
    assert told["/list"] == (None, None, 0, 1000, "sample")
    text = run("preview", file, "--only", "stats", COLUMNS="80").out
    assert "exact: by the metadata" in text and "of the first 1,000 rows" in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_first_rows_are_a_table_with_a_plot(file: Path, width: int) -> None:
    found = h5s3.preview(str(file))
    assert found.table is not None and found.plot is not None and found.shape == [ROWS]
    assert found.table.columns == pq.read_schema(file).names and len(found.table.rows) == 10
    assert found.table.rows[1][:2] == [1, 1] and found.table.rows[1][4] == [1]
    assert (found.plot.label, found.plot.type) == ("id", "line")
    lines = run("preview", file, COLUMNS=str(width)).lines
    assert all(len(line) <= width for line in lines[1:])
    assert any("name 0009" in line for line in lines)


SLASHES = {"m/s": [1.5, 2.5], "m": [{"s": 3, "a/b": None}, {"s": 4, "a/b": "x"}], "a.b": [7, 8], "/": [9, 9]}


def test_names_of_columns_may_have_slashes_and_dots(tmp_path: Path) -> None:
    """Also where another column has a field whose path is the same."""
    pq.write_table(pa.table(SLASHES), tmp_path / "t.parquet", write_statistics=False)
    file = str(tmp_path / "t.parquet")
    found = h5s3.preview(file)
    assert found.columns is not UNSET and found.plot is not None and found.plot.label == "m/s"
    told = [(one.path, one.min, one.max, one.nulls) for one in found.columns]
    assert told[0] == ("/m/s", 1.5, 2.5, 0) and told[2:] == [
        ("/m/a/b", "x", "x", 1), ("/a.b", 7, 8, 0), ("//", 9, 9, 0)
    ]  # fmt: skip
    for path, values in (("/m/s", [1.5, 2.5]), ("/a.b", [7, 8])):
        assert h5s3.get(file, path).tolist() == values
        assert h5s3.meta(file, path).path == path
    assert (
        h5s3.meta(file, "/m/a/b").raw_type == "BYTE_ARRAY String"
        and h5s3.tree(file, "/m/s").node is not UNSET
    )
    for column, label in (("a.b", "a.b"), ("m/s", "m/s")):
        drawn = h5s3.preview(file, column=column)
        assert drawn.plot is not None and drawn.plot.label == label
    assert "did you mean /m/s" in run("meta", file, "/m.s").failed(3)


def test_a_column_may_have_no_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"": [1, 2], "b": [3, 4]}), tmp_path / "t.parquet")
    assert h5s3.tree(str(tmp_path / "t.parquet")).num_children == 2
    found = h5s3.preview(str(tmp_path / "t.parquet"))
    assert found.table is not None and found.table.rows == [[1, 3], [2, 4]]


def test_another_column_is_drawn(file: Path) -> None:
    found = h5s3.preview(str(file), column="wave")
    assert found.plot is not None and found.plot.label == "wave"
    assert "holds no plain numbers" in run("preview", file, "--column", "name").failed(2)


def test_a_column_of_numbers_is_an_array(file: Path) -> None:
    found = h5s3.preview(str(file), "/wave", selection="1000:2000:10")
    assert found.stats is not None and found.stats.sample_size == 100 and found.plot is not None
    wanted = np.sin(np.arange(1000, 2000, 10) / 100)
    assert found.stats.max == pytest.approx(wanted.max()) and found.plot.data == pytest.approx(
        wanted.tolist()
    )
    gaps = h5s3.preview(str(file), "/gaps")
    assert gaps.stats is not None and gaps.stats.max == ROWS - 1
    assert (gaps.stats.missing_count, gaps.stats.nan_count) == (1000, 0)


def test_a_column_that_is_not_of_numbers_is_a_table(file: Path) -> None:
    found = h5s3.preview(str(file), "/list")
    assert found.table is not None and found.table.rows[3] == [[3]] and found.plot is None
    assert "--slice and --sel are for arrays" in run("preview", file, "/name", "--slice", "0:5").failed(2)
    assert "no column /nothing" in run("preview", file, "/nothing").failed(3)


def test_a_column_goes_into_npy(file: Path, tmp_path: Path) -> None:
    h5s3.get(str(file), "/id", tmp_path / "o.npy", selection="650:2200:7")
    assert (np.load(tmp_path / "o.npy") == np.arange(650, 2200, 7)).all()
    assert h5s3.get(str(file), "/flag").tolist() == [n % 2 == 0 for n in range(ROWS)]
    with pytest.raises(RefusedError, match="some values of /gaps are null"):
        h5s3.get(str(file), "/gaps", tmp_path / "p.npy")


def test_no_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "t.parquet")
    assert "no rows" in run("preview", tmp_path / "t.parquet").out
    assert h5s3.get(str(tmp_path / "t.parquet"), "/a").shape == (0,)


LARGE = [2**53 + 1, None, 2**62 + 1]
FLOATS = [1.5, None, math.nan, math.inf, -math.inf]


@pytest.fixture(scope="module")
def nulls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = pa.table(
        {
            "f": FLOATS,
            "i": [*LARGE, None, 0],
            "u": pa.array([2**64 - 1, None, None, 1, 2], pa.uint64()),
            "h": pa.array([np.float16(0.5), None, np.float16(math.nan), None, None], pa.float16()),
            "b": [True, None, False, None, None],
            "s": pa.array([None] * 5, pa.string()),
            "st": [{"x": n} for n in range(5)],
        }
    )
    path = tmp_path_factory.mktemp("nulls") / "n.parquet"
    pq.write_table(table, path, row_group_size=2)
    return path


@pytest.mark.parametrize(
    ("path", "rows", "low", "high"),
    [
        ("/i", [*LARGE, None, 0], 0, 2**62 + 1),
        ("/u", [2**64 - 1, None, None, 1, 2], 1, 2**64 - 1),
        ("/b", [True, None, False, None, None], 0, 1),
    ],
)
def test_integers_beside_nulls_stay_exact(
    nulls: Path, path: str, rows: list[Any], low: int, high: int
) -> None:
    found = json.loads(run("preview", nulls, path, "--json").out)
    assert [type(value) for (value,) in found["table"]["rows"]] == [type(value) for value in rows]
    assert found["table"]["rows"] == [[value] for value in rows]
    assert (found["stats"]["min"], found["stats"]["max"]) == (low, high)
    assert isinstance(found["stats"]["max"], int)
    assert (found["stats"]["nan_count"], found["stats"]["missing_count"]) == (0, rows.count(None))


def test_of_integers_beside_nulls_a_part_is_exact(nulls: Path) -> None:
    for part, value in (("0", LARGE[0]), ("1", None), ("2", LARGE[2])):
        found = h5s3.preview(str(nulls), "/i", selection=part)
        assert found.table is not None and found.table.rows == [[value]]
        shown = run("preview", nulls, "/i", "--slice", part, "--only", "table").lines[-1].strip()
        assert shown == ("null" if value is None else str(value))
    found = h5s3.preview(str(nulls), "/i", selection="0:5:2")
    assert found.table is not None and found.table.rows == [[LARGE[0]], [LARGE[2]], [0]]


def test_null_nan_and_infinities_are_told_apart(nulls: Path) -> None:
    words = ["1.5", "null", "nan", "inf", "-inf"]
    assert [line.split()[1] for line in run("preview", nulls, "/f", "--only", "table").lines[-5:]] == words
    assert [line.split()[1] for line in run("preview", nulls, "--only", "table").lines[-5:]] == words
    found = h5s3.preview(str(nulls), "/f")
    assert found.stats is not None and found.table is not None
    stats = found.stats
    assert (stats.nan_count, stats.inf_count, stats.missing_count) == (1, 2, 1)
    assert found.table.rows == [[1.5], [None], [None], [None], [None]]
    assert "1 NaN, 2 infinite, 1 missing" in run("preview", nulls, "/f", "--only", "stats").out
    half = h5s3.preview(str(nulls), "/h")
    assert half.stats is not None and (half.stats.nan_count, half.stats.missing_count) == (1, 3)
    assert half.table is not None and half.table.null_words == [[None], ["null"], ["nan"], ["null"], ["null"]]


def test_texts_that_are_null_are_not_nan(nulls: Path) -> None:
    table = h5s3.preview(str(nulls)).table
    assert table is not None and table.columns is not UNSET and table.null_words is not UNSET
    at = table.columns.index("s")
    assert [row[at] for row in table.null_words] == ["null"] * 5


def test_a_dotted_path_is_answered_with_the_one_that_is_meant(nulls: Path) -> None:
    for command in (("get",), ("preview",)):
        assert "did you mean /st/x?" in run(*command, nulls, "/st.x").failed(3)


def test_a_folder_of_parquet_files_has_no_versions(nulls: Path, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.parquet").write_bytes(nulls.read_bytes())
    assert "Parquet files have no versions" in run("meta", tmp_path, "--history").failed(2)
    assert "a Parquet file has no versions" in run("meta", nulls, "--history").failed(2)


def test_a_table_of_one_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["x"]}), tmp_path / "one.parquet")
    assert "of the first row\n" in run("preview", tmp_path / "one.parquet").out


def test_a_plot_is_drawn_by_rows(file: Path) -> None:
    lines = run("preview", file, COLUMNS="80").lines
    assert any(line.strip() == "row" for line in lines)
    drawn = h5s3.preview(str(file), "/wave").plot
    assert drawn is not None and drawn.x is not UNSET and drawn.x.label == "row"
    refused = run("get", file, "/wave", "--sel", "row=5", "-o", "-")
    assert refused.code == 2 and "--slice" in refused.err


def test_digits_that_are_cut_are_told_of(tmp_path: Path) -> None:
    """Times of 96 bits are to the nanosecond, and reach further than nanoseconds of 64 bits do."""
    path = tmp_path / "old.parquet"
    times = pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))
    pq.write_table(pa.table({"at": times, "n": [1]}), path, use_deprecated_int96_timestamps=True)
    told = "times of INT96 are read to the microsecond: finer digits are cut"
    assert h5s3.preview(str(path)).notes == [told] == h5s3.preview(str(path), "/at").notes
    assert h5s3.preview(str(path), "/n").notes == []
    assert told in run("meta", path).out and told in run("meta", tmp_path).out
    got = run("get", path, "/", "-o", tmp_path / "old.csv")
    assert told in got.out + got.err
    assert "2023-11-14T22:13:20.123456\n" in run("get", path, "/at", "--format", "csv", "-o", "-").out
