"""Rows of Iceberg tables: those that pyiceberg reads, or DuckDB where it does not, or a reason why not."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.iceberg.current import current_document
from h5s3.formats.tables.iceberg.table import open_table
from h5s3.formats.tables.rows.scan import Scan, scan
from tests.formats.tables.iceberg.making import Made, column, one
from tests.formats.tables.iceberg.oracle import opened, rows_of, rows_without
from tests.formats.tables.iceberg.test_agreement import ELSEWHERE, SHARED, TABLES, written
from tests.formats.tables.iceberg.test_deletes import by_position, in_vectors, of_one_file
from tests.support.tables.places import FolderPlace

Rows = list[dict[str, Any]]
EQUALITY = ("equality_deletes", "equality_delete_cross_partition")
PLAIN = ("big_query_error", "iceberg_v1_deprecated")  # which pyiceberg does not read, DuckDB their files
TIMES: dict[str, list[Any]] = {  # partitions of which pyiceberg does not find the column
    "partition_time": [datetime.time(8, 21, 9), datetime.time(12, 34, 56)],
    "partition_timestamptz": [
        datetime.datetime(2023, 5, 15, 14, 30, 45, tzinfo=datetime.UTC),
        datetime.datetime(2023, 8, 22, 9, 15, 20, tzinfo=datetime.UTC),
    ],
}


def read(root: Path, version: str | None = None, **how: Any) -> Rows:
    place = FolderPlace(root)
    return [row for rows in scan(open_table(place, version), place, **how) for row in rows.to_pylist()]


def same(ours: Rows, theirs: Rows) -> bool:
    """The same rows, in any order."""
    return sorted(map(_plain, ours)) == sorted(map(_plain, theirs))


def _plain(row: dict[str, Any]) -> str:
    return repr({name: str(value) for name, value in sorted(row.items())})


@pytest.mark.skipif(not TABLES, reason="the collection of tables is not on this machine")
@pytest.mark.parametrize("name", TABLES)
def test_tables_that_others_wrote(name: str) -> None:
    root, short = SHARED / name, name.split("/")[1]
    document = current_document(FolderPlace(root)).path
    if short in ELSEWHERE:
        with pytest.raises(RefusedError, match="lies outside the table"):
            read(root)
    elif short in TIMES:
        assert sorted(row["partition_col"] for row in read(root)) == TIMES[short]
        assert sorted(row["user_id"] for row in read(root)) == [12345, 67890]
    elif short in PLAIN:
        files = f"{root}/data/**/*.parquet"
        theirs = duckdb.sql(
            f"select * from read_parquet('{files}', hive_partitioning=false)"
        ).to_arrow_table()
        assert same(read(root), theirs.to_pylist())
    elif short in EQUALITY:
        ours = read(root)
        assert same(ours, rows_without(root, opened(root, document))) and ours
    else:
        assert same(read(root), rows_of(opened(root, document)).to_pylist())


@pytest.mark.parametrize("version", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_table_that_evolved(tmp_path: Path, version: int) -> None:
    root = written(tmp_path, version)
    place = FolderPlace(root)
    theirs = opened(root, current_document(place).path)
    everything = read(root)
    assert same(everything, rows_of(theirs).to_pylist()) and len(everything) == 140
    for version_ in open_table(place, None).history():
        if version_.operation != "metadata":
            number = int(version_.version)
            assert same(read(root, version_.version), rows_of(theirs, number).to_pylist())
    day = datetime.datetime(2024, 2, 5)
    for where, keep in (
        ("id >= 120 and id < 205", lambda row: 120 <= row["id"] < 205),
        ("ts > '2024-02-05'", lambda row: row["ts"] is not None and row["ts"] > day),
        ("title is null", lambda row: row["title"] is None),
        ("added = 'new'", lambda row: row["added"] == "new"),
        ("at.x = 33", lambda row: row["at"]["x"] == 33),
    ):
        assert same(read(root, where=where), [row for row in everything if keep(row)]), where


@pytest.mark.parametrize(("make", "version"), [(by_position, 2), (of_one_file, 2), (in_vectors, 3)])
def test_deletes(tmp_path: Path, make: Callable[[Made], None], version: int) -> None:
    table = Made(tmp_path, version=version)
    make(table)
    theirs = rows_of(opened(table.finish(), "metadata/v1.metadata.json")).to_pylist()
    assert same(read(tmp_path), theirs)
    assert same(read(tmp_path, columns=["name"], where="id > 90"), [
        {"name": row["name"]} for row in theirs if row["id"] > 90
    ])  # fmt: skip
    assert [row["id"] for row in read(tmp_path, limit=1)] == [min(row["id"] for row in theirs)]


def test_equality_deletes_by_a_column_with_a_slash_in_its_name(tmp_path: Path) -> None:
    table = Made(tmp_path, columns=[column(1, "m/s", "long"), column(2, "m", "string")])
    table.manifest(table.data("a.parquet", {"m/s": [1, 2], "m": ["a", "b"]}))
    table.manifest(table.equality("e.parquet", {"m/s": [2]}), sequence=2)
    assert read(table.finish()) == [{"m/s": 1, "m": "a"}]
    assert read(tmp_path, columns=["m"]) == [{"m": "a"}]


def test_equality_deletes_look_at_columns_that_were_not_asked_for(tmp_path: Path) -> None:
    table = Made(tmp_path)
    table.manifest(
        table.data("a.parquet", {"id": [1, 2, 3], "name": ["a", None, "c"], "value": [1.0, 2.0, 3.0]})
    )
    table.manifest(
        table.equality("e.parquet", {"name": [None]}), table.equality("f.parquet", {"id": [1]}), sequence=2
    )
    table.finish()
    assert read(tmp_path, columns=["value"]) == [{"value": 3.0}]
    assert read(tmp_path, columns=["value"], where="value < 3") == []
    assert same(read(tmp_path), rows_without(tmp_path, opened(tmp_path, "metadata/v1.metadata.json")))


MAPPING = [
    {"field-id": 1, "names": ["id", "number"]},
    {"field-id": 2, "names": ["old name"]},
    {"field-id": 4, "names": ["at"], "fields": [{"field-id": 5, "names": ["long", "x"]}]},
]


def test_files_without_ids(tmp_path: Path) -> None:
    """Names tell columns where the table says which; where it does not, they are not guessed."""
    inner = {"type": "struct", "fields": [column(5, "x", "double")]}
    table = Made(
        tmp_path, columns=[column(1, "id", "long"), column(2, "name", "string"), column(4, "at", inner)]
    )
    for number, rows in enumerate(
        (
            pa.table({"id": [1], "old name": ["a"], "at": [{"x": 1.5}]}),
            pa.table({"number": [2], "name": ["not it"], "at": [{"long": 2.5}]}),
        )
    ):
        table.manifest(table.data(f"{number}.parquet", rows))
    table.finish()
    with pytest.raises(RefusedError, match="field ids"):
        read(tmp_path)
    table.finish(properties={"schema.name-mapping.default": json.dumps(MAPPING)})
    expected = [
        {"id": 1, "name": "a", "at": {"x": 1.5}},
        {"id": 2, "name": None, "at": {"x": 2.5}},
    ]
    assert read(tmp_path) == expected
    table.finish(properties={"schema.name-mapping.default": "{"})
    with pytest.raises(DamagedError, match="without ids"):
        read(tmp_path)


DEFAULTS: dict[str, tuple[Any, Any]] = {
    "boolean": (True, True),
    "int": (-3, -3),
    "long": (1 << 40, 1 << 40),
    "float": (0.5, 0.5),
    "double": (-0.25, -0.25),
    "decimal(9, 2)": ("14.20", Decimal("14.20")),
    "date": ("2024-02-29", datetime.date(2024, 2, 29)),
    "time": ("12:30:00.000001", datetime.time(12, 30, 0, 1)),
    "timestamp": ("2024-02-29T12:30:00.000001", datetime.datetime(2024, 2, 29, 12, 30, 0, 1)),
    "timestamptz": (
        "2024-02-29T12:30:00+00:00", datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.UTC)
    ),
    "string": ("text", "text"),
    "uuid": ("f79c3e09-677c-4bbd-a479-3f349cb785e7", uuid.UUID("f79c3e09-677c-4bbd-a479-3f349cb785e7")),
    "fixed[3]": ("0a00ff", b"\x0a\x00\xff"),
    "binary": ("0a00ff", b"\x0a\x00\xff"),
}  # fmt: skip


def test_defaults_of_columns_that_files_do_not_have(tmp_path: Path) -> None:
    later = [
        column(number + 10, kind, kind, **{"initial-default": default, "write-default": None})
        for number, (kind, (default, _)) in enumerate(DEFAULTS.items())
    ]
    table = Made(tmp_path, columns=[column(1, "id", "long")], version=3)
    table.manifest(table.data("a.parquet", {"id": [1, 2]}))
    table.columns = [column(1, "id", "long"), *later, column(40, "none", "string")]
    table.finish()
    expected = {kind: value for kind, (_, value) in DEFAULTS.items()}
    found = read(tmp_path)
    assert found == [{"id": number, **expected, "none": None} for number in (1, 2)]
    names = tuple(
        name for name in found[0] if name != "uuid"
    )  # of which older versions of Arrow make nothing
    theirs = opened(tmp_path, "metadata/v1.metadata.json").scan(selected_fields=names).to_arrow().to_pylist()
    assert same(theirs, [{name: row[name] for name in names} for row in found])
    assert "column defaults" in {one.name for one in open_table(FolderPlace(tmp_path), None).features}
    later[0]["initial-default"], later[6]["initial-default"] = True, "yesterday"
    with pytest.raises(DamagedError, match="default of type date"):
        read(table.finish())


def test_values_that_partitions_tell_and_files_do_not(tmp_path: Path) -> None:
    """Also where a column was renamed, and another one has its name now: the partition is of the first."""
    spec = [{"source-id": 2, "field-id": 1000, "transform": "identity", "name": "name"}]
    table = Made(tmp_path, spec=spec, partition=[one(1000, "name", "string")])
    for value in ("a", None):
        table.manifest(table.data(f"{value}.parquet", {"id": [1]}, partition={"name": value}))
    table.columns = [column(1, "id", "long"), column(2, "title", "string"), column(9, "name", "string")]
    table.finish()
    assert read(tmp_path) == [
        {"id": 1, "title": "a", "name": None}, {"id": 1, "title": None, "name": None}
    ]  # fmt: skip
    assert read(tmp_path, where="name = 'a'") == [] and len(read(tmp_path, where="title = 'a'")) == 1
    assert len(read(tmp_path, where="name is null")) == 2


AFTER = datetime.datetime(1970, 1, 1, 0, 0, 0, 2)
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}


def test_partitions_of_all_types_stand_for_columns(tmp_path: Path) -> None:
    """As `write.parquet.write-partition-values=false` leaves them out of files."""
    number = uuid.UUID("f79c3e09-677c-4bbd-a479-3f349cb785e7")
    kinds: dict[str, tuple[Any, Any, Any]] = {  # the type in manifests, the value there, and in rows
        "uuid": ({"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"}, number.bytes, number),
        "date": ({"type": "int", "logicalType": "date"}, -1, datetime.date(1969, 12, 31)),
        "timestamp_ns": ({"type": "long", "logicalType": "timestamp-nanos"}, 2000, AFTER),
        "decimal(9, 2)": (DECIMAL, b"\xff\x9c", Decimal("-1.00")),
        "fixed[2]": ({"type": "fixed", "name": "f", "size": 2}, b"\0\xff", b"\0\xff"),
        "boolean": ("boolean", False, False),
        "float": ("float", 0.5, 0.5),
    }  # fmt: skip
    columns = [column(number + 2, kind, kind) for number, kind in enumerate(kinds)]
    spec = [
        {"source-id": c["id"], "field-id": 998 + c["id"], "transform": "identity", "name": c["name"]}
        for c in columns
    ]
    fields = [
        one(998 + c["id"], f"p{c['id']}", kind)
        for c, (kind, _, _) in zip(columns, kinds.values(), strict=True)
    ]
    table = Made(
        tmp_path, columns=[column(1, "id", "long"), *columns], spec=spec, partition=fields, version=3
    )
    values = {field["name"]: value for field, (_, value, _) in zip(fields, kinds.values(), strict=True)}
    table.manifest(table.data("a.parquet", {"id": [1]}, partition=values))
    (row,) = read(table.finish())
    assert row == {"id": 1} | {kind: value for kind, (_, _, value) in kinds.items()}


def test_columns_that_were_renamed_swapped_and_widened(tmp_path: Path) -> None:
    table = Made(tmp_path, columns=[column(1, "a", "int"), column(2, "b", "int"), column(3, "c", "string")])
    table.manifest(table.data("0.parquet", {"a": [1], "b": [2], "c": ["3"]}))
    table.columns = [column(2, "a", "long"), column(1, "b", "long"), column(4, "c", "string")]
    table.manifest(table.data("1.parquet", {"a": [20], "b": [10], "c": ["30"]}))
    table.finish()
    assert read(tmp_path) == [{"a": 2, "b": 1, "c": None}, {"a": 20, "b": 10, "c": "30"}]
    assert read(tmp_path, where="a = 2") == [{"a": 2, "b": 1, "c": None}]


def test_a_file_that_is_not_the_one_of_the_metadata(tmp_path: Path) -> None:
    """Of another length it may be the same, rewritten; of other rows it is not."""
    table = Made(tmp_path)
    table.manifest(table.data("a.parquet", {"id": [1, 2], "name": ["a", "b"], "value": [1.0, None]}))
    table.finish()
    expected, path = read(tmp_path), tmp_path / "data/a.parquet"
    pq.write_table(pq.read_table(path), path, compression="gzip")
    assert read(tmp_path) == expected
    place = FolderPlace(tmp_path)
    place.strict = True
    assert [piece.rows for piece in Scan(open_table(place, None), place, ["id"], None, None).pieces(5)] == [2]
    pq.write_table(pq.read_table(path).slice(1), path)
    with pytest.raises(DamagedError, match="has 1 rows, the metadata of the table says 2"):
        read(tmp_path)
