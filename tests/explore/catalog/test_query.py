"""SQL over a catalog: what it answers, and that it reaches nothing else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import DamagedError, H5s3Error, NetworkError, NotFoundError, UsageError
from tests.explore.catalog.test_build import manifest, scan
from tests.support.cli import run
from tests.support.servers.proxy import Proxy
from tests.support.servers.s3 import S3Server
from tests.support.servers.stores import reach

SECRET = "nobody may read this"
PYTHON = pa.table({"x": [SECRET]})  # a variable that a replacement scan would find


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with a part that is masked in part."""
    top = tmp_path_factory.mktemp("query")
    (top / "files").mkdir()
    for number in range(6):
        (top / f"files/{number}.h5").write_bytes(scan(number))
    h5s3.catalog_build(top / "files", top / "out")
    (top / "files/5.h5").write_bytes(scan(50))
    h5s3.catalog_build(top / "files", top / "out")
    assert len(manifest(top / "out").parts) == 2
    (top / "secret.csv").write_text(f"x\n{SECRET}\n")
    pq.write_table(PYTHON, top / "secret.parquet")
    return top


def ask(folder: Path, sql: str) -> list[list[object]]:
    return h5s3.catalog_query(folder / "out", sql).rows


def test_tables_have_what_counts_and_no_more(folder: Path) -> None:
    assert ask(folder, "SELECT count(*), count(DISTINCT file) FROM files") == [[6, 6]]
    assert ask(folder, "SELECT max(shape[1]) FROM objects WHERE path = '/entry/data'") == [[51]]
    joined = "SELECT sum(o.number) FROM objects o JOIN attributes a USING (file, path) WHERE a.text = 'K'"
    assert ask(folder, joined) == [[20 + 21 + 22 + 23 + 24 + 70]]
    found = h5s3.catalog_query(folder / "out", "SELECT status, 1, 1, [1.5, NULL] x FROM files", limit=2)
    assert found.truncated is True and found.num_rows == 2
    assert len({column.name for column in found.columns}) == 4
    assert found.rows[0] == ["ok", 1, 1, [1.5, None]]


def test_values_that_files_have_no_types_for(folder: Path, tmp_path: Path) -> None:
    sql = "SELECT INTERVAL 3 HOUR AS a, 1 AS a, union_value(b := 2) AS b, '101'::BIT AS c"
    assert ask(folder, sql) == [["03:00:00", 1, "2", "101"]]
    words = ["catalog", "query", str(folder / "out"), sql, "-o", str(tmp_path / "a.parquet")]
    assert run(*words).code == 0
    assert pq.read_table(tmp_path / "a.parquet").column("a").to_pylist() == ["03:00:00"]
    for moment in (
        "DATE 'infinity'",
        "[TIMESTAMP '200000-01-01']",
        "TIMESTAMP_NS '2020-01-01 00:00:00.1234567'",
    ):
        with pytest.raises(UsageError, match="a time before year 1"):
            ask(folder, f"SELECT {moment}")
        assert isinstance(ask(folder, f"SELECT CAST({moment} AS VARCHAR)")[0][0], str)


def test_what_interrupts_a_long_question_ends_it(folder: Path) -> None:
    def expire(number: int, frame: object) -> None:
        raise NetworkError("it takes too long")

    before = signal.signal(signal.SIGALRM, expire)
    try:
        for counted in ("SELECT count(*) FROM", "FROM"):
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(NetworkError):
                ask(folder, f"{counted} range(100000000000) WHERE range < 0")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


HOSTILE = [
    "SELECT * FROM read_text('{}/secret.csv')",
    "SELECT * FROM read_csv('{}/secret.csv')",
    "SELECT * FROM read_blob('{}/secret.csv')",
    "SELECT * FROM read_parquet('{}/secret.parquet')",
    "SELECT * FROM '{}/secret.csv'",
    "SELECT * FROM '{}/secret.parquet'",
    "FROM glob('{}/*')",
    "SELECT * FROM parquet_metadata('{}/secret.parquet')",
    "SELECT * FROM query('SELECT * FROM read_text(''{}/secret.csv'')')",
    "SELECT * FROM query_table('{}/secret.csv')",
    "SELECT * FROM sniff_csv('{}/secret.csv')",
    "SELECT * FROM PYTHON",
    "SELECT * FROM pa",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM read_text('https://127.0.0.1:1/x')",
    "SELECT * FROM 's3://bucket/key.parquet'",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_secrets()",
    "COPY files TO '{}/written.csv'",
    "COPY (SELECT 1) TO '{}/written.csv'",
    "EXPORT DATABASE '{}/written'",
    "IMPORT DATABASE '{}/written'",
    "ATTACH '{}/written.db' AS other",
    "ATTACH ':memory:' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{}/x.duckdb_extension'",
    "SET enable_external_access=true",
    "RESET enable_external_access",
    "SET lock_configuration=false",
    "PRAGMA profiling_output='{}/written'",
    "PRAGMA database_list",
    "CALL enable_logging(storage='file', storage_path='{}/written')",
    "CREATE TABLE x AS SELECT 1",
    "CREATE PERSISTENT SECRET s (TYPE s3)",
    "CREATE MACRO files() AS TABLE SELECT 1",
    "DROP VIEW files",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT 1; COPY files TO '{}/written.csv'",
    "SELECT 1; SELECT 2",
    "WITH x AS (SELECT 1) INSERT INTO files SELECT * FROM x",
    "PREPARE x AS SELECT 1",
    "VACUUM",
    "",
    "nonsense",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_sql_reads_the_catalog_and_nothing_else(folder: Path, sql: str) -> None:
    before = sorted(os.listdir(folder))
    with pytest.raises(UsageError) as caught:
        ask(folder, sql.format(*[folder] * sql.count("{}")))
    assert SECRET not in str(caught.value)
    assert sorted(os.listdir(folder)) == before


def test_what_is_damaged_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no catalog"):
        h5s3.catalog_query(tmp_path, "SELECT 1")
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(DamagedError):
        h5s3.catalog_query(tmp_path, "SELECT 1")
    text = (folder / "out/manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(NotFoundError):
        h5s3.catalog_query(tmp_path, "SELECT 1")
    (tmp_path / "parts").mkdir()
    for name in os.listdir(folder / "out/parts"):
        data = bytearray((folder / "out/parts" / name).read_bytes())
        (tmp_path / "parts" / name).write_bytes(data[:-1])
    with pytest.raises(DamagedError, match="not what was written"):
        h5s3.catalog_query(tmp_path, "SELECT 1")
    for name in os.listdir(folder / "out/parts"):
        data = bytearray((folder / "out/parts" / name).read_bytes())
        data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
        (tmp_path / "parts" / name).write_bytes(data)
    with pytest.raises(H5s3Error) as caught:
        h5s3.catalog_query(tmp_path, "SELECT * FROM files")
    assert caught.value.exit_code == 6
    for name in os.listdir(folder / "out/parts"):
        data = bytearray((folder / "out/parts" / name).read_bytes())
        data[4:200] = b"\xff" * 196  # pages, not the footer
        (tmp_path / "parts" / name).write_bytes(data)
    with pytest.raises(DamagedError, match="the catalog is damaged: files: "):
        h5s3.catalog_query(tmp_path, "SELECT * FROM files")
    (tmp_path / "manifest.json").write_text(text.replace('"name":"', '"name":"../../'))
    with pytest.raises(DamagedError):
        h5s3.catalog_query(tmp_path, "SELECT 1")


def test_tables_of_others_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    found = manifest(folder / "out")
    text = (folder / "out/manifest.json").read_text()
    for part in found.parts:
        for table, known in part.tables.items():
            path = tmp_path / "parts" / f"{part.name}.{table}.parquet"
            pq.write_table(PYTHON, path)
            text = text.replace(f'"size":{known.size},', f'"size":{path.stat().st_size},')
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(DamagedError, match="not a table"):
        h5s3.catalog_query(tmp_path, "SELECT 1")


def test_in_s3_only_what_is_needed_is_read(
    rclone: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(tmp_path / "many.h5", "w") as new:
        for number in range(300):
            new[f"dataset {number} {np.random.default_rng(number).integers(2**60)}"] = number
    rclone.put("catalogs", "nothing", b"")
    with Proxy(rclone) as proxy:
        reach(rclone, monkeypatch, proxy.url)
        h5s3.catalog_build(tmp_path / "many.h5", "s3://catalogs/many")
        proxy.reset()
        found = h5s3.catalog_query("s3://catalogs/many", "SELECT count(*), sum(number) FROM objects")
        assert found.rows == [[301, 299 * 150]]
        sizes = {
            one.path.rpartition("/")[2].split(".")[-2]: 0 for one in proxy.requests if "parquet" in one.path
        }
        assert set(sizes) == {"files", "objects", "attributes"}
        assert proxy.count() < 25 and not proxy.count("LIST")
