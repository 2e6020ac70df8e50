"""Rows of tables, compared with DuckDB's and with what Arrow holds."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from h5s3.errors import DamagedError, NotFoundError, RefusedError, UsageError
from h5s3.formats.tables.arrow import column_of
from h5s3.formats.tables.parquet.table import open_table
from h5s3.formats.tables.rows.scan import scan
from h5s3.formats.tables.table import Column, DataFile, Table
from h5s3.records import PartitionField, TableVersion
from tests.support.tables.places import FolderPlace

ROWS = 5000
DAY = datetime.date(2024, 1, 1)
TIME = datetime.datetime(2024, 1, 1, 12)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(1)

    def gaps(values: Sequence[Any]) -> list[Any]:
        return [None if random.random() < 0.1 else value for value in values]

    inner = pa.struct([pa.field("n", pa.int32()), pa.field("s", pa.string())])
    table = pa.table(
        {
            "number": pa.array(range(ROWS), pa.int64()),
            "small": pa.array(gaps([int(n) for n in random.integers(-100, 100, ROWS)]), pa.int8()),
            "big": pa.array(gaps([int(n) for n in random.integers(0, 1 << 63, ROWS)]), pa.uint64()),
            "price": pa.array(gaps(random.normal(size=ROWS).tolist()), pa.float64()),
            "text": pa.array(gaps([f"name {n % 97}" for n in range(ROWS)])),
            "flag": pa.array(gaps([n % 3 == 0 for n in range(ROWS)])),
            "day": pa.array(gaps([DAY + datetime.timedelta(n // 10) for n in range(ROWS)])),
            "time": pa.array(
                gaps([TIME + datetime.timedelta(minutes=n) for n in range(ROWS)]), pa.timestamp("us")
            ),
            "cost": pa.array(gaps([decimal.Decimal(n) / 100 for n in range(ROWS)]), pa.decimal128(12, 2)),
            "a.b": pa.array(range(ROWS), pa.int16()),
            "point": pa.array(gaps([{"n": n, "s": str(n)} for n in range(ROWS)]), inner),
            "list": pa.array(gaps([[n] * (n % 3) for n in range(ROWS)]), pa.list_(pa.int64())),
        }
    )
    path = tmp_path_factory.mktemp("scan") / "t.parquet"
    pq.write_table(table, path, row_group_size=600)
    return path


def rows_of(path: Path, *args: Any, **more: Any) -> list[dict[str, Any]]:
    place = FolderPlace(path)
    found = list(scan(open_table(place, None), place, *args, **more))
    return pa.concat_tables(found).to_pylist() if found else []


CONDITIONS = [
    "number > 4321",
    "number >= 17.5 and number < 18.5",
    "number between 100 and 120",
    "number in (1, 5000, 70) or number = 4999",
    "not (number < 4990)",
    "small < -50 and not small in (-60, -70)",
    "small not between -99 and 99",
    "small <> 5 and number <= 50",
    "small < 300 and small > -1000 and number < 30",
    "small is null",
    "small is not null and text is null",
    "big > 9000000000000000000",
    "big >= -1 and number < 10",
    "price > 1.5e0",
    "text = 'name 5'",
    "text >= 'name 95' and \"number\" < 1000",
    "flag and number < 20",
    "not flag and number < 20",
    "day = '2024-02-03'",
    "day > date '2025-04-01'",
    "time <= '2024-01-01 12:30:00'",
    "time between timestamp '2024-01-02' and '2024-01-02 03:00:00.5'",
    "cost = 12.34",
    "cost > 49.9 or cost < 0.015",
    '"a.b" < 7',
    "point.n > 4970",
    "point.s = '17' or (point.n is null and number < 100)",
    "point is null and number < 200",
    "list is null and number < 100",
    "small in (5, null, 7) or number in (null)",
    "small not in (5, null)",
    "text like 'name 1%'",
    "number < 300 and not (text like '%_7' or small is null)",
    "text not like 'name __' and point.s like '%9'",
    "not (number = 4 or small in (null)) or number = 17",
    "number < 100 and not (small in (1, null) and small > 3)",
    "small < 0 or (text = 'name 5' and not (price < 0 or price is null))",
]


@pytest.mark.parametrize("where", CONDITIONS)
def test_conditions_mean_what_duckdb_means(file: Path, where: str) -> None:
    wanted = duckdb.sql(f"select number from '{file}' where {where}").fetchall()
    assert [(row["number"],) for row in rows_of(file, ["number"], where)] == wanted
    assert len(wanted) < ROWS


def test_all_rows_are_those_of_the_file(file: Path) -> None:
    assert rows_of(file) == pq.read_table(file).to_pylist()


def test_columns_and_fields_are_chosen(file: Path) -> None:
    found = rows_of(file, ["point.s", "a.b", "list"], "number = 4", 3)
    wanted = pq.read_table(file).slice(4, 1).to_pylist()[0]
    assert found == [{"point.s": (wanted["point"] or {}).get("s"), "a.b": 4, "list": wanted["list"]}]


def test_a_limit_ends_early(file: Path) -> None:
    assert [row["number"] for row in rows_of(file, ["number"], None, 7)] == list(range(7))
    assert [row["number"] for row in rows_of(file, ["number"], "number > 900", 3)] == [901, 902, 903]
    assert rows_of(file, None, None, 0) == []


def test_only_row_groups_that_may_match_are_fetched(file: Path) -> None:
    place = FolderPlace(file)
    table = open_table(place, None)
    place.rounds.clear()
    assert len(list(scan(table, place, ["text"], "number > 4800 and number < 4900"))) == 1
    chunks = {pq.read_metadata(file).row_group(8).column(c).data_page_offset for c in (0, 4)}
    assert len(place.rounds) == 1 and len(place.rounds[0]) == len(chunks)


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("nothing > 5", "no column nothing"),
        ("text > 5", "text in single quotes"),
        ("text like 5", "like takes a text"),
        ("text like 'a\\%'", "no "),
        ("number like '5%'", "with a number"),
        ("day like '2024-01-01'", "holds no texts"),
        ("number = 'x'", "with a number"),
        ("day = 'monday'", "a date, such as"),
        ("number >", "a number, or a text"),
        ("number > 5 and", "the name of a column"),
        ("(number > 5", "\\) is expected"),
        ("number > 5; drop table x", "makes no sense"),
        ("list = 5", "cannot be compared"),
        ("not " * 60 + "flag", "nested more than"),
    ],
)
def test_conditions_that_make_no_sense_are_told_of(file: Path, where: str, problem: str) -> None:
    with pytest.raises((UsageError, NotFoundError), match=problem):
        rows_of(file, None, where)


def test_columns_that_are_not_there_are_named(file: Path) -> None:
    with pytest.raises(NotFoundError, match="no column numbr") as caught:
        rows_of(file, ["numbr"])
    assert "number" in caught.value.hint


# ------------------------------------------------------------------------- files that differ from the table


class Made(Table):
    """A table that was put together by hand."""

    gone: dict[str, Any] = {}

    def history(self) -> list[TableVersion]:
        return []

    def hidden(self, files: Sequence[DataFile]) -> dict[str, Any]:
        return self.gone


def made(folder: Path, columns: Sequence[Column], **more: Any) -> tuple[Made, FolderPlace]:
    found = sorted(folder.glob("*.parquet"))
    files = [DataFile(one.name, one.stat().st_size, pq.read_metadata(one).num_rows) for one in found]
    return Made("made", columns, more.pop("files", files), **more), FolderPlace(folder)


def all_rows(table: Table, place: FolderPlace, *args: Any) -> list[dict[str, Any]]:
    return [row for part in scan(table, place, *args) for row in part.to_pylist()]


def numbered(name: str, kind: pa.DataType, number: int) -> pa.Field:
    return pa.field(name, kind, metadata={"PARQUET:field_id": str(number)})


def test_columns_are_found_by_their_numbers(tmp_path: Path) -> None:
    inner = pa.struct([numbered("x", pa.int32(), 5), numbered("y", pa.int32(), 6)])
    old = pa.schema([numbered("a", pa.int32(), 1), numbered("b", pa.int32(), 2), numbered("s", inner, 3),
                     numbered("l", pa.list_(numbered("element", inner, 8)), 7)])  # fmt: skip
    rows = {"a": [1], "b": [2], "s": [{"x": 3, "y": 4}], "l": [[{"x": 5, "y": 6}]]}
    pq.write_table(pa.table(rows, schema=old), tmp_path / "f.parquet")
    element = "element"
    swapped = pa.struct(
        [numbered("x", pa.int64(), 6), numbered("y", pa.int32(), 5), numbered("z", pa.int32(), 9)]
    )
    new = [numbered("b", pa.int64(), 1), numbered("a", pa.int32(), 2), numbered("s", swapped, 3),
           numbered("l", pa.list_(numbered(element, swapped, 8)), 7),
           numbered("n", pa.string(), 10)]  # fmt: skip
    table, place = made(tmp_path, [column_of(field) for field in new], found_by="id")
    wanted = {"b": 1, "a": 2, "s": {"x": 4, "y": 3, "z": None}, "l": [{"x": 6, "y": 5, "z": None}], "n": None}
    assert all_rows(table, place) == [wanted]
    assert all_rows(table, place, ["s.z", "s.x"], "b = 1 and s.z is null") == [{"s.z": None, "s.x": 4}]
    assert all_rows(table, place, ["b"], "a = 1") == []


def test_columns_that_a_file_does_not_have_are_null_or_their_default(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "f.parquet")
    later = Column("later", "int", pa.int32(), default=7)
    missing = Column("missing", "date", pa.date32())
    table, place = made(tmp_path, [Column("a", "long", pa.int64()), later, missing])
    assert all_rows(table, place)[1] == {"a": 2, "later": 7, "missing": None}
    assert all_rows(table, place, ["later"], "later > 6 and missing is null") == [{"later": 7}] * 2


def test_partition_values_stand_for_columns(tmp_path: Path) -> None:
    files = []
    for number, day in enumerate([DAY, datetime.date(2024, 5, 1), None]):
        pq.write_table(pa.table({"a": [number, number]}), tmp_path / f"{number}.parquet")
        files.append(DataFile(f"{number}.parquet", None, 2, partition={"day": day}))
    columns = [Column("day", "date", pa.date32()), Column("a", "long", pa.int64())]
    partitioning = [PartitionField(name="day", source="day")]
    table, place = made(tmp_path, columns, files=files, partitioning=partitioning)
    assert [row["day"] for row in all_rows(table, place)] == [
        one.partition["day"] for one in files for _ in "ab"
    ]
    place.rounds.clear()
    assert all_rows(table, place, ["a"], "day > '2024-04-01'") == [{"a": 1}] * 2
    assert {path for one in place.rounds for path, _ in one} == {"1.parquet"}
    assert all_rows(table, place, ["day"], "day is null") == [{"day": None}] * 2


def test_types_are_promoted_only_where_values_stay_the_same(tmp_path: Path) -> None:
    file = {
        "a": pa.array([1], pa.int32()),
        "b": pa.array([1.5], pa.float32()),
        "c": pa.array([DAY]),
        "d": ["x"],
    }
    pq.write_table(pa.table(file), tmp_path / "f.parquet")
    good = [Column("a", "long", pa.int64()), Column("b", "double", pa.float64()),
            Column("c", "timestamp", pa.timestamp("us"))]  # fmt: skip
    assert all_rows(*made(tmp_path, good)) == [{"a": 1, "b": 1.5, "c": datetime.datetime(2024, 1, 1)}]
    for name, kind in (("d", pa.int64()), ("b", pa.int32()), ("a", pa.string())):
        with pytest.raises(DamagedError, match=f"the column {name} is of type"):
            all_rows(*made(tmp_path, [Column(name, "other", kind)]))


def test_rows_that_deletes_hide_are_left_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(1000))}), tmp_path / "f.parquet", row_group_size=100)
    table, place = made(tmp_path, [Column("a", "long", pa.int64())])
    table.gone = {"f.parquet": np.array([0, 1, 99, 100, 555, 999], np.uint64)}
    assert [row["a"] for row in all_rows(table, place)] == sorted(
        set(range(1000)) - {0, 1, 99, 100, 555, 999}
    )
    assert [row["a"] for row in all_rows(table, place, ["a"], "a > 554 and a < 557")] == [556]
    assert [row["a"] for row in all_rows(table, place, ["a"], None, 2)] == [2, 3]


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (DataFile("f.parquet", elsewhere=True), "outside the table"),
        (DataFile("f.lance", format="lance"), "format lance"),
        (DataFile("f.parquet", logs=("x.log",)), "changed by other files"),
    ],
)
def test_files_whose_rows_are_not_certain_are_refused(tmp_path: Path, file: DataFile, problem: str) -> None:
    table, place = made(tmp_path, [Column("a", "long", pa.int64())], files=[file])
    with pytest.raises(RefusedError, match=problem):
        all_rows(table, place)
    table, place = made(tmp_path, [Column("a", "long", pa.int64())], refused="the feature x")
    with pytest.raises(RefusedError, match="the feature x"):
        all_rows(table, place)


def test_files_are_read_in_shared_rounds(tmp_path: Path) -> None:
    for number in range(50):
        pq.write_table(pa.table({"a": [number]}), tmp_path / f"{number:02}.parquet")
    table, place = made(tmp_path, [Column("a", "long", pa.int64())])
    assert [row["a"] for row in all_rows(table, place)] == list(range(50))
    assert len(place.rounds) == 1


def test_large_row_groups_are_read_a_window_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(2).bytes(3_000_000)
    parts = [random[at : at + 1000] for at in range(0, len(random), 1000)]
    pq.write_table(
        pa.table({"a": parts, "b": parts}),
        tmp_path / "f.parquet",
        compression=None,
        use_dictionary=False,
        data_page_size=100_000,
        write_batch_size=50,
    )
    columns = [Column("a", "bytes", pa.binary()), Column("b", "bytes", pa.binary())]
    monkeypatch.setattr("h5s3.formats.tables.rows.pieces.TOGETHER", 1_000_000)
    monkeypatch.setattr("h5s3.formats.tables.rows.pieces.DECODED", 500_000)
    table, place = made(tmp_path, columns)
    assert [row["b"] for row in all_rows(table, place)] == parts
    fetched = sum(stop - start for one in place.rounds for _, (start, stop) in one)
    assert fetched < 1.1 * 6_000_000 and len(place.rounds) < 12
    place.rounds.clear()
    assert len(all_rows(table, place, None, None, 5)) == 5
    assert sum(stop - start for one in place.rounds for _, (start, stop) in one) < 3_000_000


def test_rows_are_given_while_files_are_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(1000))}), tmp_path / "f.parquet", row_group_size=100)
    table, place = made(tmp_path, [Column("a", "long", pa.int64())])
    found: Iterator[pa.Table] = scan(table, place)
    assert next(found).num_rows == 100
