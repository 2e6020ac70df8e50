"""What a log says, in tables written by hand: columns, features, deletion vectors, times, what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from h5s3.errors import DamagedError, NotFoundError, RefusedError, UsageError
from h5s3.formats.tables.delta.schema import is_wider
from h5s3.formats.tables.delta.table import DeltaTable
from h5s3.records import ColumnRange
from tests.formats.tables.delta.making import (
    PROTOCOL,
    Action,
    add,
    asked,
    features,
    field,
    in_file,
    inline,
    opened,
    remove,
    schema,
    write_log,
    write_rows,
)
from tests.support.cli import run

LONG = field("a", "long")
PLAIN = schema(LONG)


def mapped(name: str, kind: Any, number: int, physical: str) -> dict[str, Any]:
    """A field of a table whose columns are mapped."""
    told = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
    return {"name": name, "type": kind, "nullable": True, "metadata": told}


def test_columns(tmp_path: Path) -> None:
    inner = {"type": "struct", "fields": [field("x", "decimal(10,2)", False), field("y", "timestamp_ntz")]}
    kinds: dict[str, Any] = {
        "s": inner,
        "l": {"type": "array", "elementType": "string", "containsNull": False},
        "m": {"type": "map", "keyType": "string", "valueType": inner, "valueContainsNull": True},
        "v": "void",
        "c": "varchar(7)",
        "u": "interval month",
        "deep": {"type": "array", "elementType": "interval month", "containsNull": True},
    }
    fields = [field(name, kind, comment=f"about {name}") for name, kind in kinds.items()]
    found = opened(write_log(tmp_path, [PROTOCOL, schema(*fields), add("f")]))
    told = {one.name: one for one in found.columns}
    assert told["s"].type == "struct" and [one.name for one in told["s"].children] == ["x", "y"]
    assert not told["s"].children[0].nullable and told["s"].comment == "about s"
    assert told["l"].type == "array<string>" and str(told["l"].arrow) == "list<element: string not null>"
    assert told["m"].type == "map<string, struct>" and told["m"].children[1].children[1].name == "y"
    assert told["m"].arrow.item_type == told["s"].arrow == pa.struct(
        [pa.field("x", pa.decimal128(10, 2), False), pa.field("y", pa.timestamp("us"))]
    )  # fmt: skip
    assert [str(told[name].arrow) for name in "vcu"] == ["null", "string", "None"]
    assert told["deep"].arrow is None


@pytest.mark.parametrize("mode", ["name", "id"])
def test_mapped_columns(mode: str, tmp_path: Path) -> None:
    """They have other names in files, statistics and partition values."""
    inner = {"type": "struct", "fields": [mapped("in", "long", 3, "col-3")]}
    fields = [
        mapped("new", "long", 1, "col-1"),
        mapped("s", inner, 2, "col-2"),
        mapped("day", "date", 4, "col-4"),
    ]
    metadata = schema(*fields, partitions=["day"], delta__columnMapping__mode=mode)
    stats = {"numRecords": 2, "minValues": {"col-1": 5, "col-2": {"col-3": 7}}, "nullCount": {"col-1": 0}}
    file = add("f", stats=json.dumps(stats), partitionValues={"col-4": "2024-01-02"})
    protocol: Action = {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}
    found = opened(write_log(tmp_path, [protocol, metadata, file]))
    assert found.found_by == mode and found.refused is None
    assert [(one.physical, one.field_id) for one in found.columns] == [
        ("col-1", 1),
        ("col-2", 2),
        ("col-4", 4),
    ]
    (one,) = found.files
    assert one.statistics is not None and str(one.partition["day"]) == "2024-01-02"
    assert (one.statistics["/new"].min, one.statistics["/s/in"].min) == (5, 7)
    assert [one.name for one in found.features] == ["columnMapping"]


def test_a_mapping_that_is_not_in_force(tmp_path: Path) -> None:
    metadata = schema(mapped("a", "long", 1, "col-1"), delta__columnMapping__mode="name")
    found = opened(write_log(tmp_path, [PROTOCOL, metadata, add("f")]))
    assert found.columns[0].physical is None and found.found_by == "name"


REFUSED: dict[str, tuple[list[Action], str]] = {
    "feature": ([features("deletionVectors", "timeTravelBackwards"), PLAIN], "timeTravelBackwards"),
    "catalog": ([features("catalogManaged"), PLAIN], "catalogManaged"),
    "version": ([{"protocol": {"minReaderVersion": 4, "minWriterVersion": 7}}, PLAIN], "reader version 4"),
    "mapping": ([features("columnMapping"), schema(LONG, delta__columnMapping__mode="name")], "column"),
    "mode": ([features("columnMapping"), schema(LONG, delta__columnMapping__mode="guess")], "guess"),
    "types": (
        [
            features("typeWidening"),
            schema(field("a", "integer", **{"delta.typeChanges": [{"fromType": "date", "toType": "byte"}]})),
        ],
        "from date to byte",
    ),
    "files": ([PROTOCOL, {"metaData": PLAIN["metaData"] | {"format": {"provider": "orc"}}}], "orc"),
    "partition": (
        [PROTOCOL, schema(field("a", "date"), partitions=["a"]), add("g", partitionValues={"a": "monday"})],
        "'monday' of partition column a",
    ),
    "twice": ([features("deletionVectors"), PLAIN, add("f", vector=inline([1])), add("f")], "twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused_by_name(name: str, tmp_path: Path) -> None:
    """And all that is known is told."""
    actions, reason = REFUSED[name]
    found = opened(write_log(tmp_path, [*actions, add("f")]))
    assert found.refused is not None and reason in found.refused
    assert found.columns and any(one.path == "f" for one in found.files)


def test_types_that_became_wider() -> None:
    for old, new in [
        ("byte", "long"), ("integer", "double"), ("float", "double"), ("date", "timestamp_ntz"),
        ("decimal(6,2)", "decimal(10,4)"), ("integer", "decimal(10,0)"), ("long", "decimal(22,2)"),
        ("void", "string"),
    ]:  # fmt: skip
        assert is_wider(old, new) and not is_wider(new, old)
    for old, new in [
        ("decimal(6,2)", "decimal(7,4)"),
        ("long", "decimal(19,0)"),
        ("long", "double"),
        ("date", "long"),
    ]:
        assert not is_wider(old, new)


def test_files_by_path_and_deletion_vector(tmp_path: Path) -> None:
    """One that is added with another vector takes the place of the one that is removed, in any order."""
    first, second = inline([0]), inline([0, 2])
    where = write_log(
        tmp_path,
        [features("deletionVectors"), PLAIN, add("a"), add("b"), add("c")],
        [add("a", vector=first), remove("a"), remove("c")],
        [remove("a", first), add("a", vector=second), add("b", tags={"t": "again"}), add("c", rows=None)],
    )
    for version, rows, vectors in ((0, 9, 0), (1, 5, 1), (2, None, 1)):
        found = opened(where, str(version))
        assert (found.rows, found.num_deletion_vectors) == (rows, vectors)
    assert sorted(file.path for file in found.files) == ["a", "b", "c"]


def test_deletion_vectors(tmp_path: Path) -> None:
    """In the log, in files by their number or their whole path; several of a file in one request."""
    one, two = in_file(tmp_path, [1, 2], [2**33])
    three, four = in_file(tmp_path, [4], prefix="ab")[0], in_file(tmp_path, [0], absolute=True)[0]
    files = [
        add(name, rows=2**34, vector=told)
        for name, told in zip("abcde", [one, two, three, four, inline([7, 70_000])], strict=True)
    ]
    where = write_log(tmp_path, [features("deletionVectors"), PLAIN, *files, add("f")])
    hidden = asked(where, lambda table: table.hidden(table.files))
    assert {name: rows.tolist() for name, rows in hidden.items()} == {
        "a": [1, 2], "b": [2**33], "c": [4], "d": [0], "e": [7, 70_000]
    }  # fmt: skip
    assert opened(where).rows == 5 * 2**34 + 3 - 7


def test_the_example_of_the_protocol(tmp_path: Path) -> None:
    """Its text says what these two are."""
    vector = {
        "storageType": "i", "pathOrInlineDv": "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
        "sizeInBytes": 40, "cardinality": 6,
    }  # fmt: skip
    named = {
        "storageType": "u",
        "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^",
        "offset": 4,
        "sizeInBytes": 40,
        "cardinality": 6,
    }
    where = write_log(
        tmp_path, [features("deletionVectors"), PLAIN, add("f", 40, vector), add("g", 40, named)]
    )
    table = opened(where)
    assert str(table.files[1].deletes[0]).startswith(
        "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"
    )
    hidden = asked(where, lambda table: table.hidden(table.files[:1]))
    assert hidden["f"].tolist() == [3, 4, 7, 11, 18, 29]


@pytest.mark.parametrize(
    "changes",
    [
        {"cardinality": 3},
        {"sizeInBytes": 33},
        {"offset": 3},
        {"pathOrInlineDv": "0" * 20},
        {"offset": 10_000},
    ],
    ids=lambda one: next(iter(one)),
)
def test_deletion_vectors_that_are_not_as_they_were_told(changes: Action, tmp_path: Path) -> None:
    told = in_file(tmp_path, [1, 2])[0] | changes
    where = write_log(tmp_path, [features("deletionVectors"), PLAIN, add("f", vector=told)])
    with pytest.raises(DamagedError):
        asked(where, lambda table: table.hidden(table.files))


def test_deletion_vectors_elsewhere_are_refused(tmp_path: Path) -> None:
    outside = in_file(tmp_path / "other", [1], absolute=True)[0]
    above = in_file(tmp_path, [1], prefix="x")[0]
    above["pathOrInlineDv"] = "../x" + above["pathOrInlineDv"][-20:]
    for told in (outside, above):
        where = write_log(tmp_path / "table", [features("deletionVectors"), PLAIN, add("f", vector=told)])
        with pytest.raises(RefusedError):
            asked(where, lambda table: table.hidden(table.files))


def test_files_elsewhere(tmp_path: Path) -> None:
    table = tmp_path / "table"
    inside = (table / "in side.parquet").as_uri()
    named = [
        "plain",
        "a%20b",
        "x=1%2F2/f",
        "../up",
        "s3://other/f",
        "/etc/passwd",
        "file:///etc/passwd",
        inside,
        "a//b",
    ]
    found = opened(write_log(table, [PROTOCOL, PLAIN, *map(add, named)]))
    assert [(file.path, file.elsewhere) for file in found.files] == [
        ("plain", False), ("a b", False), ("x=1/2/f", False), ("../up", True), ("s3://other/f", True),
        ("/etc/passwd", True), ("file:///etc/passwd", True), ("in side.parquet", False), ("a//b", True),
    ]  # fmt: skip


def test_versions_and_times(tmp_path: Path) -> None:
    days = [1714521600000 + day * 86_400_000 for day in range(200)]  # from the first of May 2024
    commits: list[list[Action]] = [
        [{"commitInfo": {"timestamp": time, "operation": "WRITE"}}] for time in days
    ]
    commits[0] += [PROTOCOL, PLAIN]
    commits[7] = [{"commitInfo": {"operation": "WRITE"}}]  # it does not tell when
    commits[9] = [{"commitInfo": {"timestamp": 5, "inCommitTimestamp": days[9], "operation": "WRITE"}}]
    where = write_log(tmp_path, *commits)
    for asked_for, version in [
        (None, "199"), ("3", "3"), ("2024-05-01", "0"), ("2024-05-03T11:00:00Z", "2"), ("2024-10-08", "160"),
        ("2024-05-08T12:00Z", "6"), ("2024-05-10T00:00:00+02:00", "8"), ("2024-05-10T00:00:00", "9"),
        ("2030-01-01", "199"),
    ]:  # fmt: skip
        assert opened(where, asked_for).version == version, asked_for
    assert opened(where, "9").time == "2024-05-10T00:00:00Z"
    with pytest.raises(NotFoundError, match=r"oldest commit in its log is of 2024-05-01T00:00:00Z"):
        opened(where, "2024-04-30")
    with pytest.raises(NotFoundError, match="versions 0 to 199"):
        opened(where, "200")
    with pytest.raises(UsageError, match="no version"):
        opened(where, "yesterday")


def test_commits_that_are_missing(tmp_path: Path) -> None:
    where = write_log(tmp_path, [PROTOCOL, PLAIN], [add("a")], [add("b")])
    (where / "_delta_log" / f"{1:020}.json").unlink()
    with pytest.raises(DamagedError, match="commit of version 1 is missing"):
        opened(where)
    assert opened(where, "0").version == "0"
    assert [one.version for one in asked(where, lambda table: table.history(), "0")] == ["2", "0"]


def test_a_checkpoint_that_is_damaged_is_passed_over(tmp_path: Path) -> None:
    where = write_log(tmp_path, [PROTOCOL, PLAIN], [add("a")], [add("b")])
    (where / "_delta_log" / f"{1:020}.checkpoint.parquet").write_bytes(b"PAR1 and no more PAR1")
    found = opened(where)
    assert len(found.files) == 2 and "passed over" in found.notes[0]
    (where / "_delta_log" / f"{0:020}.json").unlink()
    with pytest.raises(DamagedError, match=r"checkpoint\.parquet cannot be read"):
        opened(where)


def test_clustering_and_other_domains(tmp_path: Path) -> None:
    clustering = {"clusteringColumns": [["col-1"], "gone"]}
    metadata = schema(mapped("a", "long", 1, "col-1"), delta__columnMapping__mode="name")
    domain = {"domain": "delta.clustering", "configuration": json.dumps(clustering), "removed": False}
    other = {"domain": "mine", "configuration": "x", "removed": False}
    where = write_log(
        tmp_path,
        [features("columnMapping"), metadata, {"domainMetadata": domain}, {"domainMetadata": other}],
        [{"domainMetadata": other | {"removed": True}}],
    )
    found = opened(where)
    assert found.sort_order == ["a", "gone"] and "domain mine" not in found.properties
    assert opened(where, "0").properties["domain mine"] == "x"
    older = {"domain": "delta.liquid", "configuration": '{"clusteringColumns": [{"physicalName": ["a"]}]}'}
    assert opened(write_log(tmp_path / "o", [PROTOCOL, PLAIN, {"domainMetadata": older}])).sort_order == ["a"]


def test_statistics_that_the_log_does_not_have(tmp_path: Path) -> None:
    """Footers have them, where files are there."""

    def question(table: DeltaTable) -> list[tuple[Any, Any]]:
        table.read_statistics()
        return [(one.rows, (one.statistics or {}).get("/a")) for one in table.files]

    told = write_rows(tmp_path / "f", pa.table({"a": [3, None, 1]}))
    del told["add"]["stats"]
    where = write_log(tmp_path, [PROTOCOL, PLAIN, told, add("g", 7)])
    assert asked(where, question) == [(3, ColumnRange(min=1, max=3, nulls=1)), (7, None)]
    write_log(tmp_path, [add("gone", rows=None)], first=1)
    assert [rows for rows, _ in asked(where, question)] == [None, 7, None]


def test_listings_name_the_format(tmp_path: Path) -> None:
    write_log(tmp_path / "sales", [PROTOCOL, PLAIN])
    (tmp_path / "other").mkdir()
    found = run("ls", "-l", str(tmp_path), "--json").json
    assert {one["key"].rstrip("/").rpartition("/")[2]: one.get("format") for one in found["entries"]} == {
        "other": None,
        "sales": "delta",
    }
