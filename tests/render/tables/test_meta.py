"""A table's description as text, from a record with all that one may have."""

from __future__ import annotations

import pytest

from h5s3.records import (
    Attribute,
    ColumnChunk,
    ColumnRange,
    Feature,
    Meta,
    Partition,
    PartitionField,
    RowGroup,
    TableColumn,
    TableFacts,
    TableFile,
    TableVersion,
)
from h5s3.render.columns import Line, width_of
from h5s3.render.html.html import html_of
from h5s3.render.tables.lists import partition_lines
from h5s3.render.tables.meta import table_lines

HOSTILE = "bad\x1b[31m\nname"
COLUMNS = [
    TableColumn(name="id", path="/id", type="long", arrow="int64", nullable=False, field_id=1, key=True),
    TableColumn(
        name="place", path="/place", type="struct<x: double>", arrow="struct<x: double>", nullable=True,
        field_id=2, children=[
            TableColumn(name="x", path="/place/x", type="double", arrow="double", nullable=True, field_id=3)
        ],
    ),
    TableColumn(
        name=HOSTILE, path=f"/{HOSTILE}", type="variant", arrow=None, nullable=True, default=7,
        comment="what \x1b[2J it is",
    ),
]  # fmt: skip
FACTS = TableFacts(
    format="delta",
    format_version="3.7",
    id="1234",
    table_name="sales",
    description="all of them",
    version="12",
    time="2024-05-01T12:00:00Z",
    columns=COLUMNS,
    partitioning=[
        PartitionField(name="day", source="/ts", transform="day", since="1"),
        PartitionField(name="region", source="/region", since="0", current=False),
    ],
    sort_order=["id desc"],
    properties={"delta.appendOnly": "true"},
    features=[Feature(name="deletionVectors", known=True), Feature(name="fancy", known=False)],
    refused="the feature fancy",
    rows=None,
    num_files=3,
    bytes=3_000_000,
    smallest=500_000,
    median=1_000_000,
    largest=1_500_000,
    num_delete_files=1,
    num_deletion_vectors=2,
    num_log_files=4,
    written_by="Spark",
    moved_from="hdfs://old/place",
    notes=["a note"],
)
FILE = TableFile(
    path="day=1/part-0.parquet",
    size=500_000,
    rows=1000,
    rows_deleted=10,
    partition={"day": 1},
    deletes=["deletes/a.bin"],
    statistics={
        "/id": ColumnRange(min=1, max=99, nulls=0),
        "/name": ColumnRange(min="a", max="b", nulls=2, exact=False),
    },
)  # fmt: skip


def made(**more: object) -> Meta:
    """The record of the table."""
    properties = [Attribute(name="delta.appendOnly", value="true", dtype="str", shape=[])]
    return Meta(
        location="s3://bucket/t/", key="t/", etag=None, path="/", name="/", kind="group",
        attributes=properties, num_attributes=1, table=FACTS, **more,
    )  # type: ignore[arg-type]  # fmt: skip


def text(lines: list[Line]) -> list[str]:
    """The words of lines."""
    return ["".join(word for word, _ in line) for line in lines]


def test_all_that_is_known_is_told() -> None:
    shown = text(table_lines(made(), 120))
    facts = dict(line.strip().split("  ", 1) for line in shown[1:20] if "  " in line.strip())
    facts = {label: words.strip() for label, words in facts.items()}
    assert facts["format"] == "Delta, version 3.7"
    assert facts["version"] == "12  of 2024-05-01T12:00:00Z"
    assert facts["rows"] == "?  (the metadata does not tell it)"
    assert facts["files"] == "3 files, 3.0 MB  (500.0 kB to 1.5 MB, median 1.0 MB)"
    assert facts["deletes"] == "1 delete file, 2 deletion vectors, 4 log files"
    assert facts["partitions"] == "day(ts)  (before: region)"
    assert facts["sorted by"] == "id desc"
    assert facts["features"] == "deletionVectors, fancy [not known here]"
    assert facts["refused"] == "rows are not read: the feature fancy"
    assert facts["moved from"] == "hdfs://old/place"
    columns = shown[shown.index("columns (3)") + 1 : shown.index("properties (1)")]
    assert columns[0].split() == ["id", "long", "int64", "required", "#1", "key"]
    assert columns[1].split() == ["place", "struct", "#2"]
    assert columns[2].startswith("    x ") and columns[2].split() == ["x", "double", "#3"]
    assert columns[3].split("  ")[1] == r"bad\x1b[31m\nname" and "not read here" in columns[3]
    assert columns[3].endswith(r"default 7; what \x1b[2J it is")
    assert shown[-1].split() == ["delta.appendOnly", "true"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_has_what_a_terminal_obeys(width: int) -> None:
    document = made(
        history=[TableVersion(version="1", time=None, operation=HOSTILE, by=HOSTILE)],
        files=[TableFile(path=HOSTILE, size=1, rows=None, partition={HOSTILE: HOSTILE}, deletes=[HOSTILE])],
    )
    column = Meta(
        location="x", key="x", etag=None, path=f"/{HOSTILE}", name=HOSTILE, kind="dataset", attributes=[],
        num_attributes=0, column=COLUMNS[2],
    )  # fmt: skip
    parts = [Partition(values={HOSTILE: HOSTILE}, rows=None, files=1, bytes=None)]
    for one in (*map(table_lines, (made(), document, column), [width] * 3), partition_lines(parts, 1)):
        assert all(line.isprintable() for line in text(one))
    for page in map(html_of, (made(), document, column)):
        assert "\x1b" not in page and "\n" not in page


@pytest.mark.parametrize("width", [80, 120])
def test_a_schema_fits_the_screen(width: int) -> None:
    lines = table_lines(made(), width)
    start = text(lines).index("columns (3)")
    assert all(width_of(line) <= width for line in lines[start : start + 4])


def test_versions_are_the_newest_first_in_columns() -> None:
    document = made(
        history=[
            TableVersion(
                version="12",
                time="2024-05-01T12:00:00Z",
                operation="DELETE",
                rows_removed=5,
                by="Spark",
                current=True,
            ),
            TableVersion(
                version="11", time=None, operation="WRITE", rows_added=1000, files_added=2, bytes_added=2048
            ),
        ],
        history_truncated=True,
    )
    heading, titles, first, second, more = text(table_lines(document, 120))
    assert heading == "s3://bucket/t/  /  Delta version 12, ? rows, 3 files, 3.0 MB"
    assert titles.split() == ["version", "time", "operation", "rows", "files", "bytes", "by"]
    assert first.split() == ["*", "12", "2024-05-01T12:00:00Z", "DELETE", "-5", "Spark"]
    assert second.split() == ["11", "WRITE", "+1,000", "+2", "+2.0", "kB"]
    assert "--limit 0" in more


def test_versions_fit_a_narrow_screen() -> None:
    version = TableVersion(
        version="6154553663017965981",
        time="2025-05-04T10:35:55.271+00:00",
        operation="append",
        rows_added=1000,
        files_added=12,
        bytes_added=2048,
        by="Apache Iceberg 1.8.1 (commit 9ce0fcf0af7b)",
    )
    lines = table_lines(made(history=[version]), 80)[1:]
    assert all(width_of(line) <= 80 for line in lines)
    assert text(lines)[1].split()[:2] == ["6154553663017965981", "2025-05-04T10:35:55Z"]
    assert "Apache" in text(lines)[1] and "2.0 kB" not in text(lines)[1]
    assert "2025-05-04T10:35:55.271Z" in text(table_lines(made(history=[version]), 200))[2]


@pytest.mark.parametrize("by", [{}, {"by": "Apache Iceberg 1.8.1"}])
def test_versions_that_just_fit_stand_on_one_line(by: dict[str, str]) -> None:
    version = TableVersion(
        version="20250118044632401",
        time="2025-01-18T04:46:32.401Z",
        operation="upsert",
        rows_added=1,
        files_added=2,
        bytes_added=453_100,
        **by,
    )
    for width in range(66, 100):
        lines = table_lines(made(history=[version]), width)[1:]
        assert max(map(width_of, lines)) <= width
        assert by or "…" not in "".join(text(lines))


def test_files_are_told_with_what_they_hold() -> None:
    shown = text(table_lines(made(files=[FILE]), 120))
    assert shown[1].split() == ["rows", "deleted", "size", "file"]
    assert shown[2].split() == ["1,000", "-10", "500.0", "kB", "day=1/part-0.parquet"]
    assert shown[3].strip() == "deletes: deletes/a.bin"
    assert shown[4].strip() == "id 1 … 99; name ~a … b, 2 nulls"
    assert shown[5].strip() == "… 2 more (--limit 0 shows all)"


def test_row_groups_are_told_in_place_of_the_file() -> None:
    chunk = ColumnChunk(
        path="/id", type="INT64", encodings=["PLAIN", "RLE"], compression="ZSTD", stored=100, logical=200,
        values=10, statistics=ColumnRange(min=1, max=9, nulls=0), bloom_filter=True,
    )  # fmt: skip
    group = RowGroup(rows=10, stored=100, logical=200, columns=[chunk])
    shown = text(table_lines(made(files=[FILE], row_groups=[group]), 120))
    assert shown[1] == "row group 0  10 rows, 100 B stored, 200 B unpacked"
    assert shown[2].split() == [
        "id",
        "INT64",
        "ZSTD",
        "PLAIN",
        "RLE",
        "100",
        "B",
        "1",
        "…",
        "9;",
        "Bloom",
        "filter",
    ]


def test_a_column_is_told_with_what_is_in_it() -> None:
    column = Meta(
        location="x", key="x", etag=None, path="/place", name="place", kind="group", attributes=[],
        num_attributes=0, column=COLUMNS[1], storage_size=2000, nbytes=4000,
    )  # fmt: skip
    shown = text(table_lines(column, 120))
    assert shown[0] == "x  /place  column"
    assert "stored in 2.0 kB of 4.0 kB" in shown[3] and shown[-2] == "inside (1 field)"
    assert shown[-1].split() == ["x", "double", "#3"]


def test_partitions_have_rows_files_and_shares() -> None:
    parts = [
        Partition(values={"day": 1, "region": None}, rows=10, files=2, bytes=750),
        Partition(values={"day": 2, "region": "eu"}, rows=None, files=1, bytes=250),
    ]
    shown = text(partition_lines(parts, 5, whole=1000))
    assert shown[0].split() == ["rows", "files", "size", "share", "partition"]
    assert shown[1].split() == ["10", "2", "750", "B", "75.0", "%", "day=1,", "region=null"]
    assert shown[2].split() == ["?", "1", "250", "B", "25.0", "%", "day=2,", "region=eu"]
    assert "3 more" in shown[3]
