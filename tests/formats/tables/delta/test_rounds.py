"""What a table of many files costs over S3: rounds and requests, counted by a proxy, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from h5s3.formats.tables.delta.table import DeltaTable
from h5s3.formats.tables.rows.scan import scan
from h5s3.storage.location import parse_location
from tests.benchmarks.lake import delta as benchmark
from tests.formats.tables.delta.making import (
    Action,
    add,
    checkpoint,
    features,
    field,
    in_file,
    schema,
    write_log,
    write_rows,
)
from tests.support.servers.counted import asking
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server

FILES, COMMITS = 10_000, 12  # in the checkpoint, after it


def lines(*actions: Action) -> bytes:
    return "".join(json.dumps(action) + "\n" for action in actions).encode()


def test_a_table_of_many_files(server: S3Server, proxy: Proxy) -> None:
    """The place, the log, its checkpoint and all commits; all history."""
    log = "many/_delta_log"
    server.put("deltas", f"{log}/{100:020}.checkpoint.parquet", checkpoint(FILES))
    for version in range(90, 101 + COMMITS):
        server.put(
            "deltas",
            f"{log}/{version:020}.json",
            lines({"commitInfo": {"timestamp": version}}, add(f"v{version}", partitionValues={"day": None})),
        )

    def question(table: DeltaTable) -> tuple[int, int, int, int]:
        opening = session.trace.rounds, proxy.count()
        return len(table.files), len(table.history()), *opening

    with asking(server, proxy) as session:
        files, commits, rounds, requests = session.read(
            parse_location("s3://deltas/many/"), lambda contents: question(contents.table)
        )
        assert (files, commits) == (FILES + COMMITS, 11 + COMMITS)
        assert rounds <= 3 and requests <= COMMITS + 10
        assert session.trace.rounds <= rounds + 1


def test_deletion_vectors_of_many_files(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    """Those of one file are one request, and those of all files one round, once it is known what is there."""
    vectors = [told for _ in range(2) for told in in_file(tmp_path, *[[n, n + 1] for n in range(10)])]
    actions = [
        write_rows(tmp_path / f"f{n}", pa.table({"a": range(100 * n, 100 * n + 20)})) for n in range(20)
    ]
    for action, told in zip(actions, vectors, strict=True):
        action["add"]["deletionVector"] = told
    write_log(tmp_path, [features("deletionVectors"), schema(field("a", "long")), *actions])
    for path in tmp_path.rglob("*"):
        if path.is_file():
            server.put_file("deltas", f"vectors/{path.relative_to(tmp_path)}", path)
    with asking(server, proxy) as session:

        def question(table: DeltaTable) -> tuple[int, int, int]:
            before = session.trace.rounds
            hidden = table.hidden(table.files)
            asked = session.trace.rounds - before
            return asked, len(hidden), sum(part.num_rows for part in scan(table, table.place))

        asked, files, rows = session.read(
            parse_location("s3://deltas/vectors/"), lambda contents: question(contents.table)
        )
        assert (files, rows) == (20, 20 * 18)
        assert asked == 2 and sum(".bin" in one.path for one in proxy.requests) == 2 * 2 + 2
        assert session.trace.rounds <= 10


@pytest.mark.slow
def test_the_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["--files", "30", "--commits", "2", "--repeat", "1"])
    told = capsys.readouterr().out
    assert "30 in a checkpoint, and 2 commits after it" in told and told.count("| h5s3 meta") == 2


def test_rows_of_small_files_take_one_request_each(server: S3Server, proxy: Proxy, tmp_path: Path) -> None:
    """The end of a small file, which is fetched for its footer, is all of it."""
    files = 12
    actions = [
        write_rows(tmp_path / f"f{n}", pa.table({name: range(20) for name in ("a", "b", "c")}))
        for n in range(files)
    ]
    write_log(tmp_path, [features(), schema(*(field(name, "long") for name in ("a", "b", "c"))), *actions])
    for path in tmp_path.rglob("*"):
        if path.is_file():
            server.put("deltas", f"small/{path.relative_to(tmp_path)}", path.read_bytes())

    def question(contents: Any) -> tuple[int, int]:
        opened = len(contents.table.files) and proxy.count()
        return sum(part.num_rows for part in scan(contents.table, contents.table.place)), opened

    with asking(server, proxy) as session:
        rows, opened = session.read(parse_location("s3://deltas/small/"), question)
        assert (rows, proxy.count() - opened) == (20 * files, files)
