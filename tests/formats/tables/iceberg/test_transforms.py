"""Partitions by transforms, and nested columns that changed, against pyiceberg: values, rows, conditions."""

from __future__ import annotations

import base64
import datetime
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import (
    BucketTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    Transform,
    TruncateTransform,
    YearTransform,
)
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
    TimeType,
)

from h5s3.formats.tables.iceberg.current import current_document
from h5s3.formats.tables.iceberg.table import open_table
from h5s3.formats.tables.rows.scan import scan
from tests.formats.tables.iceberg.oracle import opened, rows_of
from tests.support.tables.places import FolderPlace

pytestmark = pytest.mark.slow
Fields = list[tuple[str, Transform[Any, Any], str]]
UTC, BEFORE = datetime.UTC, datetime.datetime(1969, 12, 30, tzinfo=datetime.UTC)
ROWS = 30
SPECS: list[Fields] = [
    [("ts", YearTransform(), "y"), ("id", BucketTransform(4), "bucket")],
    [("d", MonthTransform(), "m"), ("bo", IdentityTransform(), "bo")],
    [("s", TruncateTransform(4), "start"), ("dec", TruncateTransform(50_000), "about")],
    [("dec", IdentityTransform(), "dec"), ("ts", HourTransform(), "h")],
    [("b", IdentityTransform(), "b"), ("t", IdentityTransform(), "t")],
]
INNER = StructType(NestedField(13, "y", StringType()))
ITEM = StructType(NestedField(16, "p", IntegerType()), NestedField(17, "q", StringType()))
SCHEMA = Schema(
    NestedField(1, "id", LongType()),
    NestedField(2, "ts", TimestamptzType()),
    NestedField(3, "d", DateType()),
    NestedField(4, "s", StringType()),
    NestedField(5, "dec", DecimalType(20, 4)),
    NestedField(6, "b", BinaryType()),
    NestedField(7, "f", DoubleType()),
    NestedField(8, "bo", BooleanType()),
    NestedField(9, "t", TimeType()),
    NestedField(10, "st", StructType(NestedField(11, "x", IntegerType()), NestedField(12, "inner", INNER))),
    NestedField(14, "ls", ListType(15, ITEM, element_required=False)),
    NestedField(
        18, "mp", MapType(19, StringType(), 20, StructType(NestedField(21, "v", FloatType())), False)
    ),
)


def some(schema: pa.Schema) -> pa.Table:
    """Rows with values of all types, before and after 1970, and nulls at all levels."""
    chance = random.Random(3)

    def gap(value: Any) -> Any:
        return None if chance.random() < 0.15 else value

    rows = [
        {
            "id": n,
            "ts": gap(BEFORE + datetime.timedelta(hours=7 * n)),
            "d": gap(datetime.date(1969, 6, 1) + datetime.timedelta(days=40 * n)),
            "s": gap(f"ünï{n % 5}" * 3),
            "dec": gap(Decimal(n * 1_234_567 - 99_999) / 10_000),
            "b": gap(bytes([n % 7, 200])),
            "f": gap(float("nan") if n % 9 == 0 else n / 3 - 4),
            "bo": gap(n % 2 == 0),
            "t": gap(datetime.time(n % 24, 1, 2, 3)),
            "st": gap({"x": gap(n), "inner": gap({"y": gap(f"y{n}")})}),
            "ls": gap([gap({"p": item, "q": gap("q")}) for item in range(n % 3)]),
            "mp": gap([(f"k{item}", gap({"v": item / 2})) for item in range(n % 3)]),
        }
        for n in range(ROWS)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def evolved(folder: Path, version: str, fields: Fields) -> Table:
    catalog = InMemoryCatalog("c", warehouse=f"file://{folder}")
    catalog.create_namespace("n")
    table = catalog.create_table("n.t", SCHEMA, properties={"format-version": version})
    with table.update_spec() as spec:
        for source, transform, name in fields:
            spec.add_field(source, transform, name)
    table.append(some(table.schema().as_arrow()))
    with table.update_schema() as schema:
        schema.add_column(("st", "new"), IntegerType())
        schema.update_column("st.x", LongType())
        schema.rename_column("st.x", "xx")
        schema.add_column(("ls", "element", "r"), DoubleType())
        schema.rename_column("ls.element.p", "pp")
        schema.update_column("mp.value.v", DoubleType())
        schema.move_first("s")
    return table


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(one) for name, one in sorted(value.items())}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else str(value)


def shown(value: Any) -> str:
    """As pyiceberg shows values of partitions."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


CONDITIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "id >= 7 and id < 12": lambda row: 7 <= row["id"] < 12,
    "s is null": lambda row: row["s"] is None,
    f"s = '{'ünï2' * 3}'": lambda row: row["s"] == "ünï2" * 3,
    "d > '1971-01-01'": lambda row: row["d"] and row["d"] > datetime.date(1971, 1, 1),
    "dec > 1.5": lambda row: row["dec"] is not None and row["dec"] > Decimal("1.5"),
    "f > 1": lambda row: row["f"] is not None and row["f"] > 1,
    "ts < '1970-01-02T00:00:00Z'": lambda row: (
        row["ts"] and row["ts"] < datetime.datetime(1970, 1, 2, tzinfo=UTC)
    ),
    "bo = true": lambda row: row["bo"] is True,
}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("fields", SPECS, ids=lambda fields: "-".join(name for *_, name in fields))
def test_partitions_rows_and_conditions(tmp_path: Path, version: str, fields: Fields) -> None:
    root = Path(evolved(tmp_path, version, fields).location().removeprefix("file://"))
    place = FolderPlace(root)
    ours, theirs = open_table(place, None), opened(root, current_document(place).path)
    rows = [row for part in scan(ours, place) for row in part.to_pylist()]
    expected = {row["id"]: plain(row) for row in rows_of(theirs).to_pylist()}
    assert {row["id"]: plain(row) for row in rows} == expected and len(expected) == ROWS

    (spec,) = [one for one in theirs.metadata.specs().values() if one.fields]
    types = [one.field_type for one in spec.partition_type(theirs.schema()).fields]
    told = {
        task.file.file_path.rpartition("/")[2]: {
            one.name: one.transform.to_human_string(kind, value)
            for one, kind, value in zip(spec.fields, types, task.file.partition._data, strict=True)
        }
        for task in theirs.scan().plan_files()
    }
    assert told == {
        one.path.rpartition("/")[2]: {name: shown(value) for name, value in one.partition.items()}
        for one in ours.files
    }
    for where, keep in CONDITIONS.items():
        found = [row["id"] for part in scan(ours, place, where=where) for row in part.to_pylist()]
        assert sorted(found) == [row["id"] for row in sorted(rows, key=lambda row: row["id"]) if keep(row)], (
            where
        )
