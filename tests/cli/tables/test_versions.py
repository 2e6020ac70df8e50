"""A table with versions as the commands show it: what they are, one of them, and what differs of two."""

from __future__ import annotations

import json
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

import h5s3
from tests.support.cli import run
from tests.support.servers.s3 import S3Server
from tests.support.shared import made_once

BUCKET, KEY = "cli-tables", "lake/sales/"
PLACE = f"s3://{BUCKET}/{KEY}"
DAYS = ["2024-01-01", "2024-01-02"]


def _make(folder: Path) -> None:
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "day": [DAYS[0], DAYS[0], DAYS[1]]})
    deltalake.write_deltalake(folder, rows, partition_by=["day"], configuration={"delta.appendOnly": "false"})
    more = rows.append_column("price", pa.array([1.5, 2.5, 3.5])).slice(2)
    deltalake.write_deltalake(folder, more, mode="append", schema_mode="merge")
    deltalake.DeltaTable(folder).delete("id = 1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "cli-delta", _make)


@pytest.fixture(scope="module")
def stored(moto: S3Server, folder: Path) -> S3Server:
    for path in folder.rglob("*"):
        if path.is_file():
            moto.put_file(BUCKET, KEY + path.relative_to(folder).as_posix(), path)
    return moto


def test_history_is_the_newest_first(folder: Path) -> None:
    heading, titles, *versions = run("meta", folder, "--history").lines
    assert heading.endswith("Delta version 2, 3 rows, 3 files, " + heading.rpartition(", ")[2])
    assert titles.split()[:4] == ["version", "time", "operation", "rows"]
    assert [line[2] for line in versions] == ["2", "1", "0"] and versions[0].startswith("* ")
    found = run("meta", folder, "--history", "--limit", "1", "--json").json
    assert [one["version"] for one in found["history"]] == ["2"] and found["history_truncated"] is True


def test_every_command_looks_at_the_version(stored: S3Server) -> None:
    def asked(*words: str) -> dict[str, object]:
        command, *options = words
        found: dict[str, object] = run(command, PLACE, *options, "--json", on=stored).json
        return found

    for version, columns, rows in (("0", 2, 3), ("1", 3, 4), ("2", 3, 3)):
        found = asked("tree", "--version", version)
        assert found["num_children"] == columns
        table = asked("meta", "--version", version)["table"]
        assert isinstance(table, dict) and (table["version"], table["rows"]) == (version, rows)
        assert asked("du", "--version", version)["num_entries"] == columns
        parts = asked("du", "--partitions", "--version", version)["partitions"]
        assert isinstance(parts, list) and sum(one["rows"] for one in parts) == rows
    assert asked("tree")["num_children"] == 3  # the current one


def test_a_version_that_is_not_there(folder: Path) -> None:
    assert "7" in run("meta", folder, "--version", "7").failed(3)


def test_a_version_by_its_time(folder: Path) -> None:
    times = [one["time"] for one in run("meta", folder, "--history", "--json").json["history"]]
    found = run("meta", folder, "--version", times[1], "--json").json["table"]
    assert found["version"] == "1"


def test_partitions_have_rows_files_and_bytes(folder: Path) -> None:
    found = run("tree", folder, "--partitions", "--json").json
    assert [(one["values"], one["rows"]) for one in found["partitions"]] == [
        ({"day": DAYS[0]}, 1),
        ({"day": DAYS[1]}, 2),
    ]
    assert found["num_partitions"] == 2
    cut = run("tree", folder, "--partitions", "--limit", "1").lines
    assert cut[1].split() == ["rows", "files", "size", "partition"]
    assert cut[2].endswith(f"  day={DAYS[0]}") and cut[3].endswith("1 more (--limit 0 shows all)")


def test_files_have_partitions_and_statistics(folder: Path) -> None:
    found = run("meta", folder, "--files", "--json").json["files"]
    assert len(found) == 3 and all(one["partition"]["day"] in DAYS for one in found)
    text = run("meta", folder, "--files", "--limit", "1").out
    assert "id " in text and "… 2 more (--limit 0 shows all)" in text


def test_two_versions_differ(folder: Path) -> None:
    done = run("diff", folder, "--version", "0", "--version", "1")
    assert done.code == 9
    lines = done.out.splitlines()
    assert lines[0] == "+ /price  double"
    assert "  ~ rows   3 → 4" in lines and any("+ 1 file: 1 row, " in line for line in lines)
    assert lines[-1].startswith("1 added, other data  (both have 2 columns and 2 properties")
    found = json.loads(run("diff", folder, "--version", "0", "--version", "1", "--json").out)
    assert (found["a"]["version"], found["b"]["version"]) == ("0", "1")
    table = found["table"]
    assert (table["added"]["rows"], table["removed"]["count"], table["num_kept"]) == (1, 0, 2)


def test_one_version_is_compared_with_the_current_one(folder: Path) -> None:
    assert run("diff", folder, "--version", "2").code == 0
    assert run("diff", folder, "--version", "1").code == 9
    assert "compared with itself" in run("diff", folder, "--version", "1", "--version", "1").failed(2)
    assert "at the most" in run("diff", folder, *[word for n in "012" for word in ("--version", n)]).failed(2)
    assert not h5s3.diff(str(folder), table_versions=[0]).identical
    assert h5s3.meta(str(folder), version=1).to_dict()["table"]["version"] == "1"


def test_rows_of_tables_are_not_compared(folder: Path) -> None:
    assert "leave out --data" in run("diff", folder, "--version", "1", "--data").failed(2)


def test_an_error_tells_which_version_it_is_of(folder: Path) -> None:
    assert f"{folder} (version 9)" in run("diff", folder, "--version", "1", "--version", "9").failed(3)


NONSENSE = [
    (("tree", "--values"), "--values shows small datasets, not columns"),
    (("tree", "--follow"), "--follow is about HDF5 files, and this is delta"),
    (("meta", "/id", "--attr", "x"), "--attr, --history and --files are about the table; leave PATH out"),
    (("tree", "--offline"), "not in the cache; run without --offline"),
]


@pytest.mark.parametrize(("words", "line"), NONSENSE, ids=lambda value: " ".join(value))
def test_what_makes_no_sense_for_a_table_says_so(stored: S3Server, words: tuple[str, ...], line: str) -> None:
    command, *options = words
    done = run(command, PLACE, *options, on=stored)
    assert done.code in (2, 5) and line in done.failed(done.code)


def test_connections_are_those_that_are_named(stored: S3Server) -> None:
    assert run("tree", PLACE, "--no-cache", on=stored).code == 0
    assert "access denied" in run("tree", PLACE, "--anon", on=stored).failed(4)
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert run("tree", PLACE, "--endpoint-url", stored.url, on=stored, **nowhere).code == 0
    assert "not done within" in run("tree", PLACE, "--timeout", "0.001", on=stored).failed(5)


def test_offline_the_last_answer_is_shown(stored: S3Server) -> None:
    assert "run without --offline" in run("meta", PLACE, "--offline", on=stored).failed(5)
    found = run("meta", PLACE, "--json", on=stored).json
    again = run("meta", PLACE.rstrip("/"), "--offline", "--json", on=stored).json
    assert again["cached"] is True and again["table"] == found["table"]
    assert "run without --offline" in run("meta", PLACE, "--version", "1", "--offline", on=stored).failed(5)
    anonymous = run("meta", PLACE, "--offline", "--anon", on=stored)
    assert anonymous.code == 5  # what one may see is not shown to another
