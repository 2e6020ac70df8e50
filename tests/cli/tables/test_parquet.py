"""A Parquet file as the commands show it, and the options that are about tables alone."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import UsageError
from tests.support.cli import file, on_terminal_here, run, without_colour
from tests.support.servers.s3 import S3Server
from tests.support.shared import made_once

HOSTILE = "bad\x1b[31m\nname"
SHOWN = r"bad\x1b[31m\nname"


def _make(folder: Path) -> None:
    point = pa.struct([pa.field("x", pa.float64()), pa.field("y", pa.float32(), nullable=False)])
    table = pa.table(
        {
            "number": pa.array(range(1000), pa.int64()),
            "point": pa.array([{"x": n, "y": n} for n in range(1000)], point),
            HOSTILE: [f"name {n}" for n in range(1000)],
        }
    )
    pq.write_table(table, folder / "t.parquet", row_group_size=400)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "cli-parquet", _make) / "t.parquet"


def test_tree_has_rows_types_and_stored_sizes(table: Path) -> None:
    heading, *lines = run("tree", table, "-r", COLUMNS="80").lines
    assert heading.endswith("(3 columns, stored sizes)")
    assert [line.split()[1] for line in lines if not line.startswith("│")] == ["number", "point/", SHOWN]
    assert lines[0].split()[2:4] == ["1,000", "int64"]
    document = run("tree", table, "-r", "--json").json
    number = document["children"][0]
    assert (number["shape"], number["layout"]) == ([1000], "columns")
    assert number["storage_size"] == pq.read_metadata(table).row_group(0).column(
        0
    ).total_compressed_size + sum(
        pq.read_metadata(table).row_group(group).column(0).total_compressed_size for group in (1, 2)
    )


def test_meta_has_the_schema_in_full(table: Path) -> None:
    lines = run("meta", table, COLUMNS="80").lines
    columns = lines[lines.index("columns (3)") + 1 :]
    assert [line.split()[0] for line in columns] == ["number", "point", "x", "y", SHOWN]
    assert columns[3].split()[-1] == "required"
    told = run("meta", table, "--json").json["table"]
    assert (told["format"], told["rows"], told["num_files"]) == ("parquet", 1000, 1)
    assert told["columns"][2]["name"] == HOSTILE


def test_meta_of_a_column(table: Path) -> None:
    lines = run("meta", table, "/point").lines
    assert lines[0].endswith("/point  column") and lines[-1].split()[0] == "y"
    assert run("meta", table, "/point/y", "--json").json["column"]["nullable"] is False


def test_du_by_column_and_by_partition(table: Path) -> None:
    lines = run("du", table).lines
    assert lines[-2].endswith("/  (3 columns)")
    assert lines[-1].endswith("is not in columns: footers, indexes")
    found = run("du", table, "--partitions", "--json").json
    assert found["partitions"] == [{"values": {}, "rows": 1000, "files": 1, "bytes": table.stat().st_size}]
    assert run("du", table, "--partitions").lines[2].endswith("%  (not partitioned)")
    assert run("tree", table, "--partitions").lines[0].endswith("(1 partition)")


ABOUT_TABLES = [
    (("tree", "--partitions"), "--partitions is about tables, and this is none"),
    (("du", "--partitions"), "--partitions is about tables, and this is none"),
    (("meta", "--history"), "--history and --files are about tables, and this is none"),
    (("meta", "--files"), "--history and --files are about tables, and this is none"),
    *(
        (
            (command, "--version", "3"),
            "--version is about tables, and this is hdf5; --version-id names a version of the object",
        )
        for command in ("tree", "meta", "du", "preview")
    ),
]


@pytest.mark.parametrize(("words", "line"), ABOUT_TABLES, ids=lambda value: " ".join(value))
def test_what_is_about_tables_says_so_of_a_file(words: tuple[str, ...], line: str) -> None:
    command, *options = words
    assert run(command, file("compact"), *options).failed(2).partition(": ")[2] == line


NONSENSE = [
    (("meta", "--chunks"), "a table has no chunks"),
    (("meta", "--limit", "3"), "--limit goes with --history or --files"),
    (("meta", "--history", "--attr", "x"), "--history and --files go neither with --chunks nor --attr"),
    (("meta", "/number", "--files"), "leave PATH out"),
    (("meta", "--history"), "a Parquet file has no versions of its own"),
    (("tree", "--view", "netcdf"), "--view netcdf shows HDF5 files"),
    (("tree", "--partitions", "--jsonl"), "--jsonl has no lines for --partitions"),
    (("du", "--partitions", "--sort", "ratio"), "partitions are sorted by stored bytes, or by name"),
    (("du", "/number", "--partitions"), "--partitions is about the whole table; leave PATH out"),
]


@pytest.mark.parametrize(("words", "line"), NONSENSE, ids=lambda value: " ".join(value))
def test_what_makes_no_sense_for_a_table_says_so(table: Path, words: tuple[str, ...], line: str) -> None:
    command, *options = words
    at = 1 if options[0].startswith("/") else 0
    assert line in run(command, table, *options[:at], *options[at:]).failed(2)


def test_names_of_partitions_are_whole_on_a_narrow_screen(tmp_path: Path) -> None:
    part = tmp_path / f"place={'x' * 60}"
    part.mkdir()
    pq.write_table(pa.table({"n": [1]}), part / "t.parquet")
    for command in ("tree", "du"):
        _, screen = on_terminal_here(command, tmp_path, "--partitions", columns=60)
        assert "…" not in screen and part.name in "".join(without_colour(screen).split())


def test_python_takes_the_same(table: Path) -> None:
    assert h5s3.tree(str(table), partitions=True).num_partitions == 1
    assert h5s3.meta(str(table), files=1).files is not None
    assert h5s3.du(str(table), partitions=True).partitions is not None
    with pytest.raises(UsageError, match="--version is about tables"):
        h5s3.meta(str(table), version=3)


def test_behind_a_signed_url_and_out_of_the_cache(moto: S3Server, table: Path) -> None:
    moto.put_file("cli-parquet", "t.parquet", table)
    names = {"Bucket": "cli-parquet", "Key": "t.parquet"}
    url = moto.client().generate_presigned_url("get_object", Params=names)
    found = run("meta", url, "--json").json
    assert found["table"]["rows"] == 1000 and "Signature" not in found["location"]
    again = run("meta", url, "--offline", "--json").json
    assert again["cached"] is True and again["table"] == found["table"]
    assert run("tree", url, "--offline").failed(5).endswith("not in the cache; run without --offline")
    place = "s3://cli-parquet/t.parquet"
    assert run("tree", place, "--insecure", on=moto).out.startswith(f"{place}  /  (3 columns")
    assert "not in the cache" in run("tree", place, "--offline", on=moto).failed(5)  # nothing was kept
