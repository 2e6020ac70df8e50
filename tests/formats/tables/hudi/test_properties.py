"""Java properties, schemas of Avro, and what paths of partitions say."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.hudi.partitions import partitioning_of
from h5s3.formats.tables.hudi.properties import clock_of, parse_properties
from h5s3.formats.tables.hudi.schema import columns_of
from h5s3.formats.tables.hudi.table import open_table
from h5s3.formats.tables.rows.scan import scan
from tests.formats.tables.hudi.tables import RECORD, FolderPlace, Maker

INSTANT = "20240501120001000"


def test_properties_are_read_as_java_writes_them() -> None:
    text = (
        "#c\n! c\n a.b = x\\:y\\=z\nlong=one,\\\n   two\nk\\:1:v\nempty\nu=\\u00e9\\n\nend=1\\\\\nlast \\\n"
    )
    assert parse_properties(text.encode()) == {
        "a.b": "x:y=z",
        "long": "one,two",
        "k:1": "v",
        "empty": "",
        "u": "é\n",
        "end": "1\\",
        "last": "",
    }


def test_properties_have_bounds() -> None:
    with pytest.raises(RefusedError, match="more than"):
        parse_properties(b"a=b\n" * (2 << 20))
    with pytest.raises(RefusedError, match="10,000"):
        parse_properties(b"".join(b"k%d=v\n" % number for number in range(10_001)))


def test_the_first_lines_tell_the_clock_of_the_writer() -> None:
    def lines(utc: str, local: str) -> bytes:
        return f"#Properties saved on {utc}\n#{local}\n".encode()

    assert clock_of(lines("2026-03-07T19:56:56.586680Z", "Sat Mar 07 13:56:56 CST 2026")) == "06:00 behind"
    assert clock_of(lines("2026-03-07T19:56:56Z", "Sun Mar 08 01:26:56 IST 2026")) == "05:30 ahead of"
    assert clock_of(lines("2026-03-07T19:56:56Z", "Sat Mar 07 19:56:56 UTC 2026")) == ""
    assert clock_of(b"hoodie.table.name=x\n") == ""


def logical(kind: str, name: str, **more: int) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


def schema(*fields: Any) -> str:
    return json.dumps(
        {"type": "record", "name": "r", "fields": [{"name": "c", "type": one} for one in fields]}
    )


@pytest.mark.parametrize(
    ("avro", "arrow", "words"),
    [
        ("boolean", pa.bool_(), "boolean"),
        (logical("int", "date"), pa.date32(), "int date"),
        (logical("long", "timestamp-millis"), pa.timestamp("ms", "UTC"), "long timestamp-millis"),
        (logical("long", "local-timestamp-micros"), pa.timestamp("us"), "long local-timestamp-micros"),
        (logical("bytes", "decimal", precision=40, scale=3), pa.decimal256(40, 3), "bytes decimal(40,3)"),
        ({"type": "fixed", "name": "f", "size": 4}, pa.binary(4), "fixed(4)"),
        ({"type": "enum", "name": "e", "symbols": ["A"]}, pa.string(), "enum"),
        (logical("string", "uuid"), pa.string(), "string uuid"),
        ({"type": "array", "items": "int"}, pa.list_(pa.field("element", pa.int32(), False)), "array<int>"),
        (["null", "int", "string"], None, "int | string"),
    ],
    ids=str,
)  # fmt: skip
def test_types_of_avro(avro: Any, arrow: pa.DataType | None, words: str) -> None:
    (column,) = columns_of(schema(avro))
    assert (column.arrow, column.type) == (arrow, words)


def test_structs_have_children_and_named_types_are_found_again() -> None:
    point = {"type": "record", "name": "point", "fields": [{"name": "x", "type": ["null", "double"]}]}
    one, two = columns_of(schema(point, {"type": "map", "values": "point"}))
    assert [child.name for child in one.children] == ["x"]
    assert two.arrow == pa.map_(
        pa.string(), pa.field("value", pa.struct([pa.field("x", pa.float64())]), False)
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"type":"record"}',
        '{"fields":[{"name":1,"type":"int"}]}',
        schema("no"),
        schema({"type": "fixed", "size": -1}),
        schema({"type": "bytes", "logicalType": "decimal", "precision": 1000}),
        "[" * 100_000,
    ],
)
def test_what_is_no_schema_is_damaged(text: str) -> None:
    with pytest.raises(DamagedError, match="no schema of Avro"):
        columns_of(text)


def test_a_schema_that_holds_itself_is_damaged() -> None:
    with pytest.raises(DamagedError, match="no schema of Avro"):
        columns_of(schema({"type": "record", "name": "n", "fields": [{"name": "n", "type": ["null", "n"]}]}))


COLUMNS = {
    one.name: one
    for one in columns_of(
        json.dumps(
            {
                "type": "record",
                "name": "r",
                "fields": [
                    {"name": "n", "type": "long"},
                    {"name": "s", "type": "string"},
                    {"name": "d", "type": logical("int", "date")},
                    {"name": "b", "type": "boolean"},
                    {"name": "x", "type": logical("bytes", "decimal", precision=9, scale=2)},
                    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                ],
            }
        )
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "path", "more", "values"),
    [
        ("n", "7", {}, {"n": 7}),
        ("n", "n=-7", {"hive_style_partitioning": "true"}, {"n": -7}),
        ("s", "2024/05/01", {}, {"s": "2024/05/01"}),
        (
            "s",
            "s=a%2Fb",
            {"hive_style_partitioning": "true", "partitionpath.urlencode": "true"},
            {"s": "a/b"},
        ),
        ("s", "s=a%2Fb", {"hive_style_partitioning": "true"}, {"s": "a%2Fb"}),
        ("n,s", "7/x", {}, {"n": 7, "s": "x"}),
        ("n,d", "7/__HIVE_DEFAULT_PARTITION__", {}, {"n": 7, "d": None}),
        ("s", "__HIVE_DEFAULT_PARTITION__", {}, {"_hoodie_partition_path": "__HIVE_DEFAULT_PARTITION__"}),
        ("s", "__HIVE_DEFAULT_PARTITION__", {"drop.partition.columns": "true"}, {"s": None}),
        (
            "d",
            "2024/05/01",
            {"slash.separated.date.partitioning": "true"},
            {"_hoodie_partition_path": "2024/05/01"},
        ),
        (
            "d,b,x",
            "2024-05-01/true/1.50",
            {},
            {"d": datetime.date(2024, 5, 1), "b": True, "x": Decimal("1.50")},
        ),
        ("d", "19844", {}, {"d": datetime.date(2024, 5, 1)}),
        ("d", "9999999", {}, {"_hoodie_partition_path": "9999999"}),
        ("n", "x", {}, {"_hoodie_partition_path": "x"}),
        ("t", "1714564800000000", {}, {"_hoodie_partition_path": "1714564800000000"}),
        ("n,s", "7", {}, {"_hoodie_partition_path": "7"}),
        ("n", "m=7", {"hive_style_partitioning": "true"}, {"_hoodie_partition_path": "m=7"}),
        ("no.such", "7", {}, {"_hoodie_partition_path": "7"}),
        ("n:TIMESTAMP", "2024/05", {}, {"_hoodie_partition_path": "2024/05"}),
        ("n:SIMPLE", "7", {}, {"n": 7}),
        ("", "", {}, {}),
    ],
)
def test_partition_values(fields: str, path: str, more: dict[str, str], values: dict[str, Any]) -> None:
    properties = {f"hoodie.datasource.write.{name}": value for name, value in more.items()}
    properties |= {"hoodie.table.partition.fields": fields, "hoodie.table.keygenerator.type": "SIMPLE"}
    assert partitioning_of(properties).values(path, COLUMNS) == values


@pytest.mark.parametrize(
    ("generator", "fields", "values"),
    [
        ("org.apache.hudi.keygen.SimpleKeyGenerator", "s", {"s": "x"}),
        ("org.apache.hudi.keygen.ComplexAvroKeyGenerator", "s", {"s": "x"}),
        ("org.apache.hudi.keygen.CustomKeyGenerator", "s:SIMPLE", {"s": "x"}),
        ("org.apache.hudi.keygen.CustomKeyGenerator", "s", {"_hoodie_partition_path": "x"}),
        ("org.apache.hudi.keygen.TimestampBasedKeyGenerator", "s", {"_hoodie_partition_path": "x"}),
        ("org.example.Own", "s", {"_hoodie_partition_path": "x"}),
        ("", "s", {"_hoodie_partition_path": "x"}),
    ],
)
def test_paths_of_other_generators_are_no_values(generator: str, fields: str, values: dict[str, Any]) -> None:
    """What they write need not be the value of the column: files would be passed over by it."""
    properties = {"hoodie.table.keygenerator.class": generator, "hoodie.table.partition.fields": fields}
    found = partitioning_of(properties)
    assert found.values("x", COLUMNS) == values
    (told,) = found.told()
    assert (told.transform == "identity") == ("s" in values)


@pytest.mark.parametrize("generator", ["SIMPLE", "TIMESTAMP", ""])
def test_no_row_is_passed_over_by_what_a_path_says(tmp_path: Path, generator: str) -> None:
    """A row of the partition `a` in a folder of another name, as generators of one's own write them."""
    made = Maker(tmp_path, **{"hoodie__table__keygenerator__type": generator})
    path = made.base("g1", INSTANT, [1], "a")
    where = path if generator == "SIMPLE" else "2024/05/g1_0-1-2_" + INSTANT + ".parquet"
    (tmp_path / where).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).rename(tmp_path / where)
    made.commit(INSTANT, {where: 1})
    found = open_table(FolderPlace(tmp_path), None)
    rows = [row for some in scan(found, found.place, where="part = 'a'") for row in some.to_pylist()]
    assert [row["id"] for row in rows] == [1]


def table(folder: Path, schema: Any = RECORD, **properties: str) -> Any:
    made = Maker(folder, **properties)
    path = made.base("g1", INSTANT, [1], "7")
    made.commit(INSTANT, {path: 1}, extraMetadata={"schema": json.dumps(schema)})
    return open_table(FolderPlace(folder), None)


def test_columns_that_paths_alone_hold_are_columns(tmp_path: Path) -> None:
    without = {**RECORD, "fields": RECORD["fields"][:2]}  # type: ignore[index]
    drop = {"hoodie__datasource__write__drop__partition__columns": "true"}
    plain = table(tmp_path / "a", without, **drop)
    assert [(one.name, one.type) for one in plain.columns][-1] == ("part", "string")
    assert (plain.files[0].partition, plain.refused) == ({"part": "7"}, None)
    typed = json.dumps({**RECORD, "fields": [{"name": "part", "type": ["null", "long"]}]})
    created = table(tmp_path / "b", without, **drop, hoodie__table__create__schema=typed)
    assert created.files[0].partition == {"part": 7}
    for other in ("TIMESTAMP", "", "CUSTOM"):
        timed = table(tmp_path / other / "c", without, **drop, hoodie__table__keygenerator__type=other)
        assert timed.refused is not None and "paths do not tell" in timed.refused
    assert timed.refused is not None and "paths do not tell" in timed.refused


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("hoodie.table.version", "10", "table version 10"),
        ("hoodie.bootstrap.base.path", "s3://elsewhere/x", "bootstrapped"),
        ("hoodie.table.format", "iceberg", "table format iceberg"),
    ],
)
def test_what_is_not_known_is_named(tmp_path: Path, name: str, value: str, named: str) -> None:
    found = table(tmp_path, **{name.replace(".", "__"): value, "hoodie__timeline__layout__version": "1"})
    assert found.refused is not None and named in found.refused
    assert found.columns and found.files


def test_hudis_own_columns_come_first(tmp_path: Path) -> None:
    own = {"hoodie__populate__meta__fields": "true", "hoodie__allow__operation__metadata__field": "true"}
    names = [one.name for one in table(tmp_path, **own).columns]
    assert names[:2] == ["_hoodie_commit_time", "_hoodie_commit_seqno"]
    assert names[4:] == ["_hoodie_file_name", "_hoodie_operation", "id", "name", "part"]
    assert [one.name for one in table(tmp_path, **own).columns if one.key] == ["id"]
