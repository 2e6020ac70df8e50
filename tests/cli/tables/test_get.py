"""`get` of tables: rows in CSV, JSON and Parquet, and what is refused."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import UsageError
from tests.support.cli import run, validator

ROWS = 300
DAY = datetime.date(2024, 1, 1)
TIME = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = pa.table(
        {
            "id": range(ROWS),
            "name": [None if n % 7 == 0 else f'n "{n}", x' for n in range(ROWS)],
            "price": [float("nan") if n == 5 else n / 3 for n in range(ROWS)],
            "day": [DAY + datetime.timedelta(n) for n in range(ROWS)],
            "at": pa.array(
                [TIME + datetime.timedelta(hours=n) for n in range(ROWS)], pa.timestamp("us", "Europe/Paris")
            ),
            "cost": [decimal.Decimal(n) / 100 for n in range(ROWS)],
            "tags": [["a"] * (n % 3) for n in range(ROWS)],
            "point": [{"x": n, "y": None} for n in range(ROWS)],
            "raw": [b"\xff" if n else b"ok" for n in range(ROWS)],
        }
    )
    path = tmp_path_factory.mktemp("get") / "t.parquet"
    pq.write_table(table, path, row_group_size=100)
    return path


def test_rows_come_out_as_csv(file: Path) -> None:
    found = list(csv.reader(io.StringIO(run("get", file, "/", "-o", "-", "--limit", 3).out)))
    assert found[0] == pq.read_schema(file).names
    assert found[1] == ["0", "", "0.0", "2024-01-01", "2024-01-01T00:00:00+00:00", "0.00", "[]",
                        '{"x": 0, "y": null}', "ok"]  # fmt: skip
    assert found[2][1:2] + found[2][6:] == ['n "1", x', '["a"]', '{"x": 1, "y": null}', '{"b64": "/w=="}']
    assert len(found) == 4
    assert run("get", file, "-o", "-").out == run("get", file, "/", "-o", "-").out  # without a path


def test_rows_come_out_as_json_that_fits_the_schema(file: Path) -> None:
    text = run(
        "get", file, "/", "-o", "-", "--json", "--where", "id between 4 and 6", "--columns", "id,price"
    ).out
    document = json.loads(text)
    validator("get").validate(document)
    assert document["data"] == [{"id": 4, "price": 4 / 3}, {"id": 5, "price": None}, {"id": 6, "price": 2.0}]
    assert (document["rows"], document["selected_shape"], document["nan_count"]) == (3, [3], 1)


def test_parquet_keeps_the_types(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "o.parquet"
    found = h5s3.get(str(file), "/", output, where="at >= '2024-01-10'")
    assert pq.read_table(output).equals(pq.read_table(file).slice(216))
    assert (found.rows, found.shape, found.selected_shape) == (84, [ROWS], [84])
    result = run("get", file, "/", "-o", tmp_path / "p.parquet", "--columns", "point.x, id")
    assert f"{ROWS} rows of 2 columns" in result.out
    assert pq.read_schema(tmp_path / "p.parquet").names == ["point.x", "id"]


def test_a_column_is_chosen_by_its_path(file: Path) -> None:
    assert run("get", file, "/point/x", "-o", "-", "--limit", 2).out == "point.x\n0\n1\n"


def test_nothing_that_matches_is_a_table_without_rows(file: Path, tmp_path: Path) -> None:
    assert run("get", file, "/id", "-o", "-", "--where", "id > 1000").out == "id\n"
    h5s3.get(str(file), "/", tmp_path / "o.parquet", where="id > 1000")
    assert pq.read_table(tmp_path / "o.parquet").schema.equals(pq.read_schema(file).remove_metadata())


@pytest.mark.parametrize(
    ("options", "code", "problem"),
    [
        (("/", "-o", "x.npy"), 2, "rows go to csv, json, parquet"),
        (("/", "-o", "-", "--slice", "0:5"), 2, "--where, --limit and --columns"),
        (("/", "-o", "-", "--coords"), 2, "no coordinates"),
        (("/id", "-o", "-", "--columns", "id"), 2, "leave one out"),
        (("/", "-o", "-", "--where", "id >"), 2, "is expected"),
        (("/", "-o", "-", "--columns", "idd"), 3, "did you mean id?"),
        (("/nothing", "-o", "-"), 3, "no column /nothing"),
        (("/", "-o", "-", "--max-bytes", "1000"), 8, "--max-bytes 1000"),
    ],
)
def test_what_cannot_be_written_is_told(
    file: Path, options: tuple[str, ...], code: int, problem: str
) -> None:
    assert problem in run("get", file, *options).failed(code)


def test_rows_are_asked_of_tables_alone(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as made:
        made["x"] = [1, 2]
    with pytest.raises(UsageError, match="about the rows of tables"):
        h5s3.get(str(tmp_path / "a.h5"), "/x", tmp_path / "o.csv", limit=1)
    assert "/ is a group, not a dataset" in run("get", tmp_path / "a.h5", "-o", tmp_path / "o.npy").failed(2)
