"""Tables that others wrote, and what deltalake writes, are told as deltalake tells them."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pytest
from deltalake import DeltaTable as Oracle
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError

from h5s3.errors import H5s3Error
from h5s3.formats.tables.delta.commits import iso
from h5s3.formats.tables.delta.table import DeltaTable
from tests.formats.tables.delta.making import SHARED, asked, opened

TABLES = sorted(str(one.parent.relative_to(SHARED)) for one in SHARED.rglob("_delta_log"))


def agree(where: Path, version: int | None = None) -> DeltaTable:
    """A version as both read it: schema, files, their partitions and rows, what is hidden, commits."""

    def question(table: DeltaTable) -> tuple[DeltaTable, Any, Any]:
        return table, table.hidden(table.files), table.history()

    ours, hidden, history = asked(where, question, None if version is None else str(version))
    theirs = Oracle(str(where), version=version)
    assert ours.version == str(theirs.version())
    same_schema(ours, theirs)
    same_files(ours, theirs)
    told = pa.table(theirs.deletion_vectors()).to_pylist() if not ours.refused else []
    flags = {unquote(one["filepath"]).rpartition("/")[2]: one["selection_vector"] for one in told}
    assert {path.rpartition("/")[2]: sorted(rows.tolist()) for path, rows in hidden.items()} == {
        name: [row for row, kept in enumerate(keeps) if not kept] for name, keeps in flags.items()
    }
    if version is None:
        commits = [(one["version"], one.get("operation", "?")) for one in theirs.history()]
        assert [(int(one.version), one.operation) for one in history] == commits
        if "inCommitTimestamp" not in str(ours.features):
            assert [one.time for one in history] == [iso(one["timestamp"]) for one in theirs.history()]
    return ours


def same_schema(ours: DeltaTable, theirs: Oracle) -> None:
    def plain(kind: pa.DataType) -> str:
        return str(kind).replace("binary not null", "binary")  # of variants

    found = [(one.name, plain(one.arrow), one.nullable) for one in ours.columns]
    schema = pa.schema(theirs.schema().to_arrow())
    assert found == [(one.name, plain(one.type), one.nullable) for one in schema]
    metadata = theirs.metadata()
    assert (ours.id, ours.name, ours.description) == (str(metadata.id), metadata.name, metadata.description)
    assert [one.name for one in ours.partitioning] == metadata.partition_columns
    assert {
        name: value for name, value in ours.properties.items() if " " not in name
    } == metadata.configuration


def same_files(ours: DeltaTable, theirs: Oracle) -> None:
    told = pa.table(theirs.get_add_actions()).to_pylist()
    assert sorted(file.path for file in ours.files) == sorted(unquote(one["path"]) for one in told)
    by_path = {unquote(one["path"]): one for one in told}
    for file in ours.files:
        one = by_path[file.path]
        assert (file.size, file.rows) == (one["size_bytes"], one["num_records"])
        assert dict(file.partition) == (one.get("partition") or {})
        same_statistics(file.statistics or {}, one)


def same_statistics(ours: Any, told: dict[str, Any]) -> None:
    for name, nulls in (told.get("null_count") or {}).items():
        if isinstance(nulls, int) and f"/{name}" in ours:
            assert ours[f"/{name}"].nulls in (nulls, None)
    for name, low in (told.get("min") or {}).items():
        if isinstance(low, int | float) and not isinstance(low, bool):
            assert ours[f"/{name}"].min == low


@pytest.mark.skipif(not TABLES, reason="the collection of tables is not on this machine")
@pytest.mark.parametrize("name", TABLES)
def test_the_collection(name: str) -> None:
    agree(SHARED / name)


@pytest.mark.slow
@pytest.mark.skipif(not TABLES, reason="the collection of tables is not on this machine")
@pytest.mark.parametrize("name", TABLES)
def test_older_versions_of_the_collection(name: str) -> None:
    for version in range(int(opened(SHARED / name).version or 0)):
        try:
            Oracle(str(SHARED / name), version=version)
        except DeltaError:
            with pytest.raises(H5s3Error):
                opened(SHARED / name, str(version))
        else:
            agree(SHARED / name, version)


def test_what_deltalake_writes(tmp_path: Path) -> None:
    """Appends, deletes, updates, merges, compaction; checkpoints and compacted logs on the way."""
    where, rows = str(tmp_path), pa.table({"a": range(100), "b": [str(one % 7) for one in range(100)]})
    write_deltalake(where, rows, partition_by=["b"], name="numbers", description="of all kinds")
    table = Oracle(where)
    table.delete("a < 10")
    table.update(updates={"a": "a + 1000"}, predicate="b = '3'")
    table.create_checkpoint()
    write_deltalake(where, rows.append_column("c", pa.array([1.5] * 100)), mode="append", schema_mode="merge")
    table = Oracle(where)
    table.merge(
        rows.slice(5, 9), "s.a = t.a", source_alias="s", target_alias="t"
    ).when_matched_delete().execute()
    table.optimize.compact()
    table.create_checkpoint()
    table.delete("b = '5'")
    told = asked(tmp_path, lambda table: table.history())[::-1]
    rows_left = 0
    for version, commit in enumerate(told):
        assert isinstance(commit.rows_added, int) and isinstance(commit.rows_removed, int)
        rows_left += commit.rows_added - commit.rows_removed
        assert agree(tmp_path, version).rows == rows_left
    assert [one.rows_removed for one in told][:4] == [0, 10, 13, 0]
    before = agree(tmp_path)
    assert all(one.by for one in told) and [one.current for one in told] == [False] * 6 + [True]
    for base in (tmp_path / "_delta_log").glob("*.checkpoint.parquet"):
        base.unlink()
    (tmp_path / "_delta_log" / "_last_checkpoint").write_text('{"version": 5, "size": 1}')
    same = opened(tmp_path)  # deltalake cannot read it: its hint is wrong
    assert sorted(one.path for one in same.files) == sorted(one.path for one in before.files)


PARTITIONS: dict[str, list[Any]] = {
    "text": ["a b/c%=é", "null", None],
    "whole": [-(2**31), 7, None],
    "long": [2**63 - 1, 0, None],
    "real": [1.5, -0.25, None],
    "exact": [decimal.Decimal("12.30"), decimal.Decimal("7.25"), None],
    "flag": [True, False, None],
    "day": [datetime.date(2024, 2, 29), datetime.date(1, 1, 1), None],
    "moment": [datetime.datetime(2024, 5, 1, 12, 30, 0, 123456, datetime.UTC), None, None],
    "local": [datetime.datetime(2024, 5, 1, 12, 30), None, None],
    "raw": [b"\x00\x01\xff", b"abc", None],
}
KINDS = {
    "whole": pa.int32(), "exact": pa.decimal128(10, 2), "moment": pa.timestamp("us", "UTC"),
    "local": pa.timestamp("us"), "raw": pa.binary(),
}  # fmt: skip


def test_partition_values_of_all_types(tmp_path: Path) -> None:
    columns = {name: pa.array(values, KINDS.get(name)) for name, values in PARTITIONS.items()}
    write_deltalake(str(tmp_path), pa.table(columns | {"n": [1, 2, 3]}), partition_by=list(columns))
    found = agree(tmp_path)
    for name, values in PARTITIONS.items():
        told = [file.partition[name] for file in found.files]
        assert set(told) == set(values) or name == "raw"  # which it does not read as it wrote them
    assert found.rows == 3
    Oracle(str(tmp_path)).create_checkpoint()
    agree(tmp_path)
