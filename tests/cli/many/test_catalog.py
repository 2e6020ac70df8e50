"""`h5s3 catalog` as a command: what it says, its JSON, its exit codes."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import h5py
import pyarrow.parquet as pq
import pytest

from tests.support.cli import on_terminal_here, run, spawn, without_colour


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four files, of which one is none."""
    (tmp_path / "in").mkdir()
    for number in range(3):
        with h5py.File(tmp_path / f"in/{number}.h5", "w") as new:
            new["entry/temperature"] = 290.0 + number
            new["entry/temperature"].attrs["units"] = "K"
    (tmp_path / "in/bad.h5").write_bytes(b"no such thing")
    return tmp_path


def test_build_says_what_it_did(folder: Path) -> None:
    done = run("catalog", "build", folder / "in", "-o", folder / "out", "--log", folder / "log")
    assert done.code == 0
    assert done.out.startswith(f"{folder}/out: 4 files (4 new, 1 of them failed), ")
    assert done.err.splitlines()[0] == "1 file could not be looked into:"
    (line,) = (folder / "log").read_text().splitlines()
    assert json.loads(line)["exit_code"] == 6
    again = run("catalog", "build", folder / "in", "-o", folder / "out").lines
    assert again[0].startswith(f"{folder}/out: 4 files (4 unchanged), ")
    document = run("catalog", "build", folder / "in", "-o", folder / "out", "--json").json
    assert (document["files"], document["unchanged"], document["failed"]) == (4, 4, 0)


def test_build_ends_with_a_code(folder: Path) -> None:
    out = folder / "out"
    assert run("catalog", "build", folder / "in/bad.h5", "-o", out).code == 6
    assert "is also of" in run("catalog", "build", folder / "in", "-o", out).failed(2)
    (folder / "empty").mkdir()
    assert "no files" in run("catalog", "build", folder / "empty", "-o", folder / "x").failed(3)
    assert "a file, where a folder" in run(
        "catalog", "build", folder / "in", "-o", folder / "in/0.h5"
    ).failed(2)
    assert "is a folder or s3://" in run("catalog", "build", folder / "in", "-o", "https://x/y").failed(2)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with names that are not safe to show."""
    top = tmp_path_factory.mktemp("built")
    (top / "in").mkdir()
    for number in range(3):
        with h5py.File(top / f"in/{number}.h5", "w") as new:
            new["entry/data"] = [1.0] * (number + 1)
            new["entry/data"].attrs["title"] = "red \x1b[31m, or so"
    assert run("catalog", "build", top / "in", "-o", top / "out").code == 0
    return top / "out"


SQL = "SELECT path, o.shape, text FROM objects o JOIN attributes USING (file, path) ORDER BY ALL"


def test_query_in_a_pipe_on_a_screen_and_as_json(built: Path) -> None:
    shown = "red \\x1b[31m, or so"
    assert run("catalog", "query", built, SQL).lines == [
        "path\tshape\ttext",
        *(f"/entry/data\t[{length}]\t{shown}" for length in (1, 2, 3)),
    ]
    code, screen = on_terminal_here("catalog", "query", built, SQL, columns=80)
    assert code == 0 and f"/entry/data  [1]    {shown}" in without_colour(screen)
    document = run("catalog", "query", built, SQL, "--json").json
    assert [column["name"] for column in document["columns"]] == ["path", "shape", "text"]
    assert document["rows"][0] == ["/entry/data", [1], "red \x1b[31m, or so"] and document["num_rows"] == 3
    assert run("catalog", "query", built, SQL, "--limit", "1", "--json").json["truncated"] is True
    cut = run("catalog", "query", built, SQL, "--limit", "1")
    assert cut.out.count("\n") == 2 and cut.err.startswith("only the first 1 row")


def test_what_is_not_finite_is_no_null(built: Path, tmp_path: Path) -> None:
    sql = "SELECT 'nan'::DOUBLE a, '-inf'::DOUBLE b, ['inf'::FLOAT, NULL] c, NULL::DOUBLE d, 1.5::DOUBLE e"
    row = ["nan", "-inf", "[Infinity, null]", "", "1.5"]
    assert run("catalog", "query", built, sql).lines[1] == "\t".join(row)
    assert list(csv.reader(run("catalog", "query", built, sql, "--csv").lines))[1] == row
    assert run("catalog", "query", built, sql, "-o", tmp_path / "a.csv").code == 0
    assert list(csv.reader((tmp_path / "a.csv").open()))[1] == row
    document = run("catalog", "query", built, sql, "--json").json
    assert document["rows"] == [[None, None, [None, None], None, 1.5]]
    assert (document["nan_count"], document["inf_count"]) == (1, 2)


def test_a_part_that_changed_is_one_line(built: Path, tmp_path: Path) -> None:
    """Also at the end of the process, where the engine tells what is still in use."""
    shutil.copytree(built, tmp_path / "out")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    for part in manifest["parts"]:
        part["tables"]["files"] |= {"size": 4000, "etag": "another"}
    (tmp_path / "out/manifest.json").write_text(json.dumps(manifest))
    done = spawn("catalog", "query", tmp_path / "out", "SELECT * FROM files")
    assert "changed while it was being read" in done.failed(7)


def test_query_into_files(built: Path, tmp_path: Path) -> None:
    first = run("catalog", "query", built, SQL, "--csv").out
    assert first.splitlines()[1] == '/entry/data,[1],"red \x1b[31m, or so"'
    done = run("catalog", "query", built, SQL, "-o", tmp_path / "a.csv")
    assert (done.code, done.out) == (0, "") and (tmp_path / "a.csv").read_text() == first
    again = run("catalog", "query", built, SQL, "-o", tmp_path / "a.csv")
    assert "the file exists" in again.failed(2)
    document = run("catalog", "query", built, SQL, "-o", tmp_path / "a.parquet", "--json").json
    assert document["output"].endswith("a.parquet") and document["num_rows"] == 3
    assert pq.read_table(tmp_path / "a.parquet")["shape"].to_pylist() == [[1], [2], [3]]


def test_query_ends_with_a_code(built: Path, tmp_path: Path) -> None:
    assert "does not exist" in run("catalog", "query", built, "FROM nothing").failed(2)
    assert "not a question" in run("catalog", "query", built, "COPY files TO 'x'").failed(2)
    assert "no catalog here" in run("catalog", "query", tmp_path, "SELECT 1").failed(3)
    assert "contradict" in run("catalog", "query", built, "SELECT 1", "--csv", "--json").failed(2)
    assert "as .parquet or .csv" in run("catalog", "query", built, "SELECT 1", "-o", "x.txt").failed(2)


def test_find_in_a_catalog(built: Path) -> None:
    of_files = run("find", built.parent / "in", "--shape", ">1").lines
    assert len(of_files) == 2 and run("find", "--catalog", built, "--shape", ">1").lines == of_files
    assert run("find", "--catalog", built, "--missing", "/entry/x", "--json").json["files"]["searched"] == 3
    assert "give LOCATION or --catalog" in run("find", "--name", "x").failed(2)
    assert "give LOCATION or --catalog" in run("find", built, "--catalog", built).failed(2)
    assert "no catalog here" in run("find", "--catalog", built.parent, "--name", "x").failed(3)
