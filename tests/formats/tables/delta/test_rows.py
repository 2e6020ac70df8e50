"""Rows, as deltalake reads them; or why they are not read."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable as Oracle
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.tables.rows.scan import scan
from tests.formats.tables.delta.making import (
    PROTOCOL,
    SHARED,
    Action,
    add,
    asked,
    features,
    field,
    in_file,
    inline,
    schema,
    write_log,
    write_rows,
)
from tests.formats.tables.delta.test_agreement import KINDS, PARTITIONS, TABLES

REFUSED = {"spark-shredded-variant-preview-delta": "variantShredding-preview"}


def rows_of(table: Path, version: int | None = None, **more: Any) -> list[dict[str, Any]]:
    """As this tool reads them."""

    def question(opened: Any) -> list[dict[str, Any]]:
        return [row for part in scan(opened, opened.place, **more) for row in part.to_pylist()]

    return asked(table, question, None if version is None else str(version))


def oracle(where: Path, version: int | None = None) -> list[dict[str, Any]]:
    """As deltalake does, deletion vectors honoured."""
    return pa.table(Oracle(str(where), version=version).scan()).to_pylist()


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


@pytest.mark.skipif(not TABLES, reason="the collection of tables is not on this machine")
@pytest.mark.parametrize("name", TABLES)
def test_the_collection(name: str) -> None:
    where = SHARED / name
    if name in REFUSED:
        with pytest.raises(RefusedError, match=REFUSED[name]):
            rows_of(where)
        return
    try:
        told = oracle(where)
    except pa.ArrowInvalid as error:
        assert "No such file" in str(error) or "not found" in str(error), error
        with pytest.raises(DamagedError, match="is not there"):
            rows_of(where)
        return
    assert in_order(rows_of(where)) == in_order(told)


@pytest.mark.slow
@pytest.mark.skipif(not TABLES, reason="the collection of tables is not on this machine")
@pytest.mark.parametrize("name", [name for name in TABLES if name not in REFUSED])
def test_older_versions_of_the_collection(name: str) -> None:
    where = SHARED / name
    for version in range(Oracle(str(where)).version()):
        try:
            told = oracle(where, version)
        except (DeltaError, pa.ArrowInvalid):  # the log, or files, are no longer there
            with pytest.raises(H5s3Error):
                rows_of(where, version)
        else:
            assert in_order(rows_of(where, version)) == in_order(told)


def test_what_deltalake_writes(tmp_path: Path) -> None:
    """Columns that were added, rows that were changed and deleted, partitions of all types."""
    where = str(tmp_path)
    columns = {name: pa.array(values, KINDS.get(name)) for name, values in PARTITIONS.items()}
    write_deltalake(where, pa.table(columns | {"n": [1, 2, 3]}), partition_by=list(columns))
    more = pa.table(columns | {"n": [4, 5, 6], "s": [{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}]})
    write_deltalake(where, more, mode="append", schema_mode="merge")
    Oracle(where).update(updates={"s": "NULL"}, predicate="n = 4")
    for version in range(3):
        assert in_order(rows_of(tmp_path, version)) == in_order(oracle(tmp_path, version))
    assert [row["n"] for row in rows_of(tmp_path, where="day = '2024-02-29' and n > 1")] == [4]
    assert sorted(row["n"] for row in rows_of(tmp_path, where="moment is null")) == [2, 3, 5, 6]


def test_deletion_vectors(tmp_path: Path) -> None:
    """Through row groups, together with conditions and limits."""
    rows = pa.table({"a": range(1000), "b": [n % 10 for n in range(1000)]})
    gone = [0, 1, 99, 100, 101, *range(250, 460), 999]
    named = []
    for number, told in enumerate((in_file(tmp_path, gone)[0], inline(gone), None)):
        action = write_rows(tmp_path / f"f{number}", rows)
        pq.write_table(rows, tmp_path / f"f{number}", row_group_size=100)
        action["add"]["size"] = (tmp_path / f"f{number}").stat().st_size
        named.append(action["add"] | ({"deletionVector": told} if told else {}))
    metadata = schema(field("a", "long"), field("b", "long"))
    where = write_log(tmp_path, [features("deletionVectors"), metadata, *({"add": one} for one in named)])
    kept = [n for n in range(1000) if n not in gone]
    assert [row["a"] for row in rows_of(where)] == [*kept, *kept, *range(1000)] and in_order(
        rows_of(where)
    ) == in_order(oracle(where))
    assert [row["a"] for row in rows_of(where, limit=5)] == kept[:5]
    matched = [n for n in kept if n % 10 == 3 and n > 400]
    assert [row["a"] for row in rows_of(where, where="b = 3 and a > 400", limit=len(matched))] == matched


@pytest.mark.parametrize("mode", ["name", "id"])
def test_mapped_columns(mode: str, tmp_path: Path) -> None:
    """Renamed, dropped and nested ones; by id the names in the files mean nothing."""

    def numbered(name: str, kind: pa.DataType, number: int) -> pa.Field:
        return pa.field(name, kind, metadata={"PARQUET:field_id": str(number)})

    def mapped(name: str, kind: Any, number: int, physical: str) -> dict[str, Any]:
        return field(name, kind) | {
            "metadata": {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
        }

    inner = pa.struct([numbered("c4", pa.int64(), 4), numbered("c5", pa.string(), 5)])
    fields = [numbered("c1", pa.int64(), 1), numbered("c2", pa.string(), 2), numbered("c3", inner, 3)]
    arrays = [[1, 2], ["x", "y"], [{"c4": 7, "c5": "p"}, None]]
    columns = [pa.array(values, one.type) for values, one in zip(arrays, fields, strict=True)]
    file = write_rows(tmp_path / "f", pa.table(columns, schema=pa.schema(fields)))
    shape = {"type": "struct", "fields": [mapped("five", "string", 5, "c5"), mapped("new", "long", 9, "c9")]}
    metadata = schema(
        mapped("c2", "long", 1, "c1"), mapped("s", shape, 3, "c3"), mapped("later", "date", 10, "c10"),
        delta__columnMapping__mode=mode, delta__columnMapping__maxColumnId="10",
    )  # fmt: skip
    protocol: Action = {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}
    where = write_log(tmp_path, [protocol, metadata, file])
    assert rows_of(where) == [
        {"c2": 1, "s": {"five": "p", "new": None}, "later": None},
        {"c2": 2, "s": None, "later": None},
    ]
    assert in_order(rows_of(where)) == in_order(oracle(where))
    assert rows_of(where, columns=["s.five", "c2"], where="c2 < 2") == [{"s.five": "p", "c2": 1}]


PRICE = decimal.Decimal("1234.56")
WIDER: dict[str, tuple[pa.Array, str, list[Any]]] = {
    "byte": (pa.array([-128, None], pa.int8()), "long", [-128, None]),
    "integer": (pa.array([2**31 - 1], pa.int32()), "double", [2.0**31 - 1]),
    "float": (pa.array([0.5], pa.float32()), "double", [0.5]),
    "date": (pa.array([datetime.date(2024, 5, 1)]), "timestamp_ntz", [datetime.datetime(2024, 5, 1)]),
    "decimal(6,2)": (pa.array([PRICE], pa.decimal128(6, 2)), "decimal(10,4)", [PRICE]),
    "long": (pa.array([2**62], pa.int64()), "decimal(22,2)", [decimal.Decimal(2**62)]),
    "short": (pa.array([7], pa.int16()), "decimal(10,0)", [decimal.Decimal(7)]),
}  # fmt: skip


@pytest.mark.parametrize("old", WIDER)
def test_types_that_became_wider(old: str, tmp_path: Path) -> None:
    before, new, values = WIDER[old]
    file = write_rows(tmp_path / "f", pa.table({"a": before}))
    changed = {"delta.typeChanges": [{"fromType": old, "toType": new}]}
    protocol = features("typeWidening", "timestampNtz")
    where = write_log(tmp_path, [protocol, schema(field("a", new, **changed)), file])
    assert [row["a"] for row in rows_of(where)] == values


def test_variants(tmp_path: Path) -> None:
    """As the bytes that they are made of; those that are shredded are refused, whatever the log says."""
    told = schema(field("v", "variant"), field("l", {"type": "array", "elementType": "variant"}))
    whole = {"value": b"\x0c\x01", "metadata": b"\x01\x00\x00"}
    rows = pa.table({"v": [whole, None], "l": [[whole], []]})
    where = write_log(tmp_path / "a", [features("variantType"), told, write_rows(tmp_path / "a" / "f", rows)])
    assert rows_of(where) == rows.to_pylist()
    for shredded in ({"v": [whole | {"typed_value": 7}]}, {"l": [[whole | {"typed_value": "x"}]]}):
        file = write_rows(tmp_path / "b" / "f", pa.table(shredded))
        where = write_log(tmp_path / "b", [features("variantType"), told, file])
        with pytest.raises(RefusedError, match="variantShredding"):
            rows_of(where)


def test_columns_without_values(tmp_path: Path) -> None:
    """Of type void, and those that a file does not have."""
    file = write_rows(tmp_path / "f", pa.table({"a": [1, 2]}))
    told = schema(
        field("v", "void"), field("a", "long"), field("b", {"type": "array", "elementType": "long"})
    )
    where = write_log(tmp_path, [PROTOCOL, told, file])
    assert rows_of(where) == [{"v": None, "a": 1, "b": None}, {"v": None, "a": 2, "b": None}]


def test_bounds_that_are_not_exact_hide_no_row(tmp_path: Path) -> None:
    """Floats in fewer digits, texts and times that were cut short, decimals as numbers."""
    rows = pa.table({
        "f": pa.array([0.1], pa.float32()),
        "t": ["x" * 40],
        "d": pa.array([decimal.Decimal("1234567890123456789.12")], pa.decimal128(38, 2)),
        "at": pa.array([datetime.datetime(2024, 5, 1, 0, 0, 0, 999_999)], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    file = write_rows(tmp_path / "f", rows)
    bounds = {"f": 0.1, "t": "x" * 32, "d": 1234567890123456789.12, "at": "2024-05-01T00:00:00.999Z"}
    file["add"]["stats"] = json.dumps({"numRecords": 1, "minValues": bounds, "maxValues": bounds})
    told = schema(
        field("f", "float"), field("t", "string"), field("d", "decimal(38,2)"), field("at", "timestamp")
    )
    where = write_log(tmp_path, [PROTOCOL, told, file])
    for condition in (
        "f > 0.1", f"t > '{'x' * 33}'", "d = 1234567890123456789.12", "at > '2024-05-01T00:00:00.9995Z'"
    ):  # fmt: skip
        assert len(rows_of(where, where=condition)) == 1, condition


def test_files_elsewhere_are_refused(tmp_path: Path) -> None:
    where = write_log(tmp_path, [PROTOCOL, schema(field("a", "long")), add("file:///etc/passwd")])
    with pytest.raises(RefusedError, match="outside the table"):
        rows_of(where)


@pytest.mark.parametrize("path", ["./a.parquet", "x//a.parquet", "", ".", "a%00"])
def test_paths_that_are_not_plain_are_called_so(path: str, tmp_path: Path) -> None:
    where = write_log(tmp_path, [PROTOCOL, schema(field("a", "long")), add(path)])
    with pytest.raises(RefusedError, match="no plain path below the table, and is not read") as raised:
        rows_of(where)
    assert (path or "an empty path").replace("%00", "\0") in str(raised.value)
