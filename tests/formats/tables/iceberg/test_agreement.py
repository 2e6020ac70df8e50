"""Tables that others wrote, and what pyiceberg writes, are told as pyiceberg tells them."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import StaticTable
from pyiceberg.table.sorting import SortOrder
from pyiceberg.transforms import DayTransform, HourTransform, IdentityTransform, MonthTransform
from pyiceberg.types import (
    DecimalType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
)

from h5s3.errors import DamagedError
from h5s3.formats.tables.iceberg.current import current_document
from h5s3.formats.tables.iceberg.table import IcebergTable, open_table
from h5s3.formats.tables.iceberg.types import paths_of
from h5s3.records import ColumnRange
from tests.formats.tables.iceberg.making import FolderPlace
from tests.formats.tables.iceberg.oracle import files_of, opened
from tests.support import ROOT

SHARED = ROOT.parent / "shared" / "tables" / "iceberg"
TABLES = sorted(str(one.parent.relative_to(SHARED)) for one in SHARED.rglob("metadata") if one.is_dir())
DOCUMENTS = {  # of the tables that have more than one, and no hint
    "add_columns_with_defaults": "00003-3f1801a5-7dfb-4072-b14a-39cd12f9279b",
    "equality_delete_cross_partition": "vfinal",
    "map_stats": "00002-0e059d4b-e5e8-41af-a763-76cbf3a3d0bc",
    "null_stats": "00003-9d6a621e-8a72-4190-a880-f6ca02e32b86",
    "partition_time": "00001-44546aa6-1ee5-48c5-9e3b-bc6c0bc0a60c",
}
ELSEWHERE = {  # where files of these are said to be, which were never inside them
    "column_mapping": "warehouse/example/mock_data.parquet",
    "generated_bounds": "s3://fake-bucket/d/0000000000/t.parquet",
}
NOT_THEIRS = {  # which pyiceberg does not read, and their files
    "big_query_error": [(True, 2)],  # its document says that it is elsewhere than its list and manifests do
    "iceberg_v1_deprecated": [(True, 2), (True, 1)],  # manifests stand in the document
}


def agree(root: Path, snapshot: int | None = None) -> IcebergTable:
    """A snapshot as both read it: schema, files, their partitions, bounds, and deletes, history."""
    place = FolderPlace(root)
    ours = open_table(place, None if snapshot is None else str(snapshot))
    theirs = opened(root, current_document(place).path)
    wanted = theirs.snapshot_by_id(snapshot) if snapshot is not None else theirs.current_snapshot()
    assert ours.version == (None if wanted is None else str(wanted.snapshot_id))
    assert (ours.id, ours.format_version) == (
        str(theirs.metadata.table_uuid),
        str(theirs.metadata.format_version),
    )
    assert dict(ours.properties) == theirs.properties
    schema = theirs.schema()
    if snapshot is not None and wanted is not None and wanted.schema_id is not None:
        schema = theirs.schemas()[wanted.schema_id]
    same_schema(ours, schema)
    same_files(ours, theirs, root, snapshot)
    told = [one for one in ours.history() if one.operation != "metadata"]
    assert sorted(int(one.version) for one in told) == sorted(one.snapshot_id for one in theirs.snapshots())
    for one in told:
        found = theirs.snapshot_by_id(int(one.version))
        assert found is not None
        assert one.parent == (str(found.parent_snapshot_id) if found.parent_snapshot_id else one.parent)
        if found.summary is not None:
            assert one.operation == found.summary.operation.value
            assert str(one.rows_added or 0) in (found.summary["added-records"] or "0", "UNSET")
    return ours


def same_schema(ours: IcebergTable, schema: Schema) -> None:
    names = {number: path[1:].replace("/", ".") for number, (path, _) in paths_of(ours.columns).items()}
    assert names == {number: schema.find_column_name(number) for number in schema.field_ids}
    for number, (_, column) in paths_of(ours.columns).items():
        field = schema.find_field(number)
        assert (column.nullable, column.comment) == (not field.required, field.doc or "")
        assert column.children or column.type.replace(" ", "") == str(field.field_type).replace(" ", "")
        assert column.key == (number in schema.identifier_field_ids)


def same_files(ours: IcebergTable, theirs: StaticTable, root: Path, snapshot: int | None) -> None:
    try:
        told = files_of(theirs, root, snapshot)
    except ValueError as error:  # "PyIceberg does not yet support deletes"
        assert "equality deletes" in {one.name for one in ours.features}, error
        return
    inside = {one.path.rpartition(str(root))[2]: one for one in ours.files}
    assert sorted(path.rpartition("/")[2] for path in inside) == sorted(
        path.rpartition("/")[2] for path in told
    )
    by_name = {path.rpartition("/")[2]: one for path, one in told.items()}
    for path, file in inside.items():
        if file.elsewhere:
            continue
        rows, size, values, deletes = by_name[path.rpartition("/")[2]]
        assert (file.rows, file.size, len(file.deletes)) == (rows, size, deletes)
        assert list(file.partition) == list(values)


@pytest.mark.skipif(not TABLES, reason="the collection of tables is not on this machine")
@pytest.mark.parametrize("name", TABLES)
def test_tables_that_others_wrote(name: str) -> None:
    root, short = SHARED / name, name.split("/")[1]
    ours = open_table(FolderPlace(root), None)
    assert bool(ours.refused) == (short in ELSEWHERE) and ours.moved_from
    assert short not in ELSEWHERE or any(one.path.endswith(ELSEWHERE[short]) for one in ours.files)
    if short in DOCUMENTS:
        path = current_document(FolderPlace(root)).path
        assert path == f"metadata/{DOCUMENTS[short]}.metadata.json"
    for file in ours.files:
        assert file.elsewhere or (root / file.path).is_file()
    if short in NOT_THEIRS:
        assert [(one.path.startswith("data/"), one.rows) for one in ours.files] == NOT_THEIRS[short]
        return
    agree(root)
    for one in ours.history():
        if one.operation != "metadata" and not one.current:
            list_of = opened(root, current_document(FolderPlace(root)).path).snapshot_by_id(int(one.version))
            assert list_of is not None
            if (root / "metadata" / list_of.manifest_list.rpartition("/")[2]).exists():
                agree(root, int(one.version))
            else:
                with pytest.raises(DamagedError, match="is not there, which lists the manifests"):
                    open_table(FolderPlace(root), one.version)


SCHEMA = Schema(
    NestedField(1, "id", IntegerType(), required=True),
    NestedField(2, "ts", TimestampType(), doc="when it was"),
    NestedField(3, "name", StringType()),
    NestedField(4, "price", DecimalType(9, 2)),
    NestedField(5, "tags", ListType(6, StringType(), element_required=False)),
    NestedField(7, "more", MapType(8, StringType(), 9, LongType(), value_required=False)),
    NestedField(
        10, "at", StructType(NestedField(11, "x", IntegerType()), NestedField(12, "y", StringType()))
    ),
    identifier_field_ids=[1],
)
HOUR = datetime.timedelta(hours=1)


def some(start: int, count: int, columns: Schema) -> pa.Table:
    """Rows of the columns of the first schema."""
    values: list[dict[str, Any]] = [
        {
            "id": n,
            "ts": None if n % 11 == 0 else datetime.datetime(2024, 1, 31) + n * HOUR,
            "name": None if n % 7 == 0 else f"{'long ' * 5}name {n % 3}",
            "price": None,
            "tags": [str(n)] * (n % 3),
            "more": [("k", n)],
            "at": {"x": n, "y": "y"},
        }
        for n in range(start, start + count)
    ]
    return pa.Table.from_pylist(values, schema=columns.as_arrow())


def written(folder: Path, version: int) -> Path:
    """A table whose columns, partitioning and rows changed, by pyiceberg."""
    catalog = InMemoryCatalog("c", warehouse=f"file://{folder}")
    catalog.create_namespace("n")
    table = catalog.create_table(
        "n.t", SCHEMA, partition_spec=PartitionSpec(), sort_order=SortOrder(),
        properties={"format-version": str(version), "commit.manifest-merge.enabled": "false"},
    )  # fmt: skip
    first = table.schema()
    table.append(some(0, 100, table.schema()))
    with table.update_spec() as spec:
        spec.add_field("ts", DayTransform(), "day")
        spec.add_field("name", IdentityTransform(), "name")
    table.append(some(100, 50, table.schema()))
    with table.update_schema() as schema:
        schema.rename_column("name", "title")
        schema.update_column("id", LongType())
        schema.add_column("added", StringType())
        schema.delete_column("price")
    if version > 1:  # where fields of partitions go for good
        with table.update_spec() as spec:
            spec.remove_field("day")
            spec.add_field("ts", MonthTransform(), "month")
    table.delete("id < 20")
    table.manage_snapshots().create_tag(table.metadata.current_snapshot_id or 0, "tagged").commit()
    with table.update_spec() as spec:
        spec.remove_field("name")
        if version > 1:
            spec.remove_field("month")
            spec.add_field("ts", HourTransform(), "hour")
    rows = (
        some(200, 10, first)
        .drop_columns(["price"])
        .rename_columns(["id", "ts", "title", "tags", "more", "at"])
    )
    table.append(rows.append_column("added", pa.array(["new"] * 10)).cast(table.schema().as_arrow()))
    return Path(table.location().removeprefix("file://"))


@pytest.fixture(scope="module", params=[1, 2])
def evolved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("iceberg"), request.param)


def test_a_table_that_evolved(evolved: Path) -> None:
    ours = agree(evolved)
    assert ours.rows == 140 and ours.moved_from is None and ours.refused is None
    assert [one.name for one in ours.columns] == ["id", "ts", "title", "tags", "more", "at", "added"]
    later = [("month", "/ts", "month", False), ("hour", "/ts", "hour", True)]
    second = ours.format_version == "2"
    assert [(one.name, one.source, one.transform, one.current) for one in ours.partitioning] == [
        ("day", "/ts", "day", not second),
        ("name", "/title", "identity", False),
        *(later if second else []),
    ]
    for one in ours.history():
        if one.operation != "metadata":
            agree(evolved, int(one.version))
    tagged = open_table(FolderPlace(evolved), "tagged")
    assert tagged.rows == 130


def test_partitions_are_told_as_pyiceberg_shows_them(evolved: Path) -> None:
    place = FolderPlace(evolved)
    theirs = opened(evolved, current_document(place).path)
    shown: dict[str, dict[str, str]] = {}
    for task in theirs.scan().plan_files():
        spec = theirs.metadata.specs()[task.file.spec_id]
        types = spec.partition_type(theirs.schema()).fields
        name = task.file.file_path.rpartition("/")[2]
        shown[name] = {
            one.name: one.transform.to_human_string(kind.field_type, value)
            for one, kind, value in zip(spec.fields, types, task.file.partition._data, strict=True)
        }
    ours = open_table(place, None)
    assert {one.path.rpartition("/")[2] for one in ours.files} == set(shown)
    for file in ours.files:
        expected = shown[file.path.rpartition("/")[2]]
        assert {
            name: "null" if value is None else str(value) for name, value in file.partition.items()
        } == expected


def test_bounds_are_those_of_the_rows(evolved: Path) -> None:
    oldest = open_table(FolderPlace(evolved), None).history()[-2]
    ours = open_table(FolderPlace(evolved), oldest.version)
    (first,) = ours.files
    assert oldest.operation == "append" and first.statistics is not None
    assert first.statistics["/id"] == ColumnRange(min=0, max=99, nulls=0)
    assert first.statistics["/ts"].min == "2024-01-31T01:00:00" and first.statistics["/ts"].nulls == 10
    name = first.statistics["/name"]
    assert (name.min, name.exact) == ("long long long l", False)
    assert first.statistics["/at/x"].nulls == 0
    sizes = ours.known_bytes()
    stored, _ = sizes["/at"]
    assert stored == sum(size or 0 for size, _ in (sizes["/at/x"], sizes["/at/y"])) and stored > 0
    assert sizes["/tags"] == sizes["/tags/element"]
