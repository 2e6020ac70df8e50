"""Deletes: which hide rows of which files, and which rows are left; those by position as pyiceberg has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from h5s3.errors import DamagedError
from h5s3.formats.tables.iceberg.table import IcebergTable, open_table
from tests.formats.tables.iceberg.making import FolderPlace, Made, column, one

SPEC = [{"source-id": 2, "field-id": 1000, "transform": "identity", "name": "name"}]
BY_NAME: dict[str, Any] = {"spec": SPEC, "partition": [one(1000, "name", "string")]}
A, B = {"partition": {"name": "a"}}, {"partition": {"name": "b"}}


def hundred(start: int = 0) -> dict[str, list[Any]]:
    numbers = range(start, start + 100)
    return {"id": [*numbers], "name": [f"n{n % 7}" for n in numbers], "value": [n / 2 for n in numbers]}


def left(table: IcebergTable) -> list[int]:
    """Ids of all rows that the table has, by what it hides of its files."""
    hidden = table.hidden(table.files)
    found: list[int] = []
    for file in table.files:
        assert isinstance(table.place, FolderPlace)
        rows = pq.read_table(table.place.root / file.path)
        mask = np.ones(rows.num_rows, bool)
        mask[hidden.get(file.path, np.array([], np.uint64)).astype(int)] = False
        found += table.kept(file, rows.filter(pa.array(mask))).column("id").to_pylist()
    return sorted(found)


def by_position(table: Made) -> None:
    table.manifest(table.data("a.parquet", hundred()), table.data("b.parquet", hundred(100)))
    hidden = [("a.parquet", row) for row in (0, 1, 99)] + [("b.parquet", row) for row in range(50, 60)]
    table.manifest(table.positions("d.parquet", hidden), sequence=2)


def of_one_file(table: Made) -> None:
    table.manifest(table.data("a.parquet", hundred()), table.data("b.parquet", hundred(100)))
    path = f"{table.location}/data/b.parquet"
    table.manifest(
        table.positions("d.parquet", [("b.parquet", 3)], referenced_data_file=path),
        table.positions("e.parquet", [("b.parquet", 3), ("b.parquet", 9)]),
        sequence=2,
    )


def in_order(table: Made) -> None:
    """Position deletes hide rows of files of their own commit and of earlier ones, not of later ones."""
    table.manifest(table.data("old.parquet", hundred()), sequence=1)
    table.manifest(table.data("same.parquet", hundred(100)), sequence=2)
    table.manifest(table.data("new.parquet", hundred(200)), sequence=3)
    hidden = [(name, 5) for name in ("new.parquet", "old.parquet", "same.parquet")]
    table.manifest(table.positions("d.parquet", hidden), sequence=2)


def of_a_partition(table: Made) -> None:
    """Deletes of another partition hide nothing, whatever they name."""
    table.manifest(table.data("a.parquet", hundred(), **A), table.data("b.parquet", hundred(100), **B))
    table.manifest(table.positions("d.parquet", [("a.parquet", 5), ("b.parquet", 6)], **A), sequence=2)


def in_vectors(table: Made) -> None:
    """A deletion vector stands for the position deletes of its file, which are left alone."""
    table.manifest(table.data("a.parquet", hundred()), table.data("b.parquet", hundred(100)))
    table.manifest(table.positions("d.parquet", [("a.parquet", 1), ("b.parquet", 2)]), sequence=2)
    table.manifest(table.vector("v.puffin", "a.parquet", [1, 7, 98]), sequence=3)


@pytest.mark.parametrize(
    ("make", "version", "more", "gone"),
    [
        (by_position, 2, {}, [0, 1, 99, *range(150, 160)]),
        (of_one_file, 2, {}, [103, 109]),
        (in_order, 2, {}, [5, 105]),
        (of_a_partition, 2, BY_NAME, [5]),
        (in_vectors, 3, {}, [1, 7, 98, 102]),
    ],
)
def test_deletes_by_position(
    tmp_path: Path, make: Callable[[Made], None], version: int, more: dict[str, Any], gone: list[int]
) -> None:
    from tests.formats.tables.iceberg.oracle import files_of, opened, rows_of

    table = Made(tmp_path, version=version, **more)
    make(table)
    table.finish()
    place = FolderPlace(tmp_path)
    found = open_table(place, None)
    place.rounds.clear()
    assert left(found) == sorted({*range(100 * len(found.files))} - {*gone})
    assert len(place.rounds) <= 2  # all files of deletes at once, all vectors at once
    place.rounds.clear()
    assert {*found.hidden(found.files[:1])} <= {found.files[0].path}
    assert all(kind == "read" for kind, _ in place.rounds)  # files of deletes are about many files
    theirs = opened(tmp_path, "metadata/v1.metadata.json")
    if make not in (in_order, of_a_partition):
        assert left(found) == sorted(rows_of(theirs).column("id").to_pylist())
    else:  # pyiceberg knows which deletes are about a file, and takes what they name for all files
        listed = files_of(theirs, tmp_path)
        assert {one.path: len(one.deletes) for one in found.files} == {
            path: count for path, (*_, count) in listed.items()
        }


def test_counts_of_rows_are_told_where_they_are_known(tmp_path: Path) -> None:
    table = Made(tmp_path, version=3)
    in_vectors(table)
    found = open_table(FolderPlace(table.finish()), None)
    assert [one.deleted for one in found.files] == [3, None] and found.rows is None
    assert (found.num_delete_files, found.num_deletion_vectors) == (1, 1)
    assert [str(one) for one in found.files[0].deletes] == ["deletion vector data/v.puffin at 4"]
    assert {"deletion vectors", "position deletes"} <= {one.name for one in found.features}


def equality(
    tmp_path: Path, values: Sequence[dict[str, list[Any]]], more: dict[str, Any] | None = None, **entry: Any
) -> IcebergTable:
    """A table of two files of 100 rows, and files of equality deletes after the first one of them."""
    table = Made(tmp_path, **(more or {}))
    rows = hundred()
    rows["name"][3] = rows["value"][4] = None
    table.manifest(table.data("a.parquet", rows, **({} if more is None else A)), sequence=1)
    for number, listed in enumerate(values):
        table.manifest(table.equality(f"e{number}.parquet", listed, **entry), sequence=2)
    table.manifest(table.data("b.parquet", hundred(100), **({} if more is None else A)), sequence=2)
    return open_table(FolderPlace(table.finish()), None)


def test_equality_deletes_hide_rows_of_earlier_files_alone(tmp_path: Path) -> None:
    found = equality(tmp_path, [{"id": [5, 105, 7_000]}, {"id": [6]}, {"name": ["n1"], "value": [4.0]}])
    assert left(found) == sorted({*range(200)} - {5, 6, 8})
    assert found.needed(found.files) == ["id", "name", "value"] and found.rows is None
    assert found.needed(found.files[1:]) == [] and found.files[1].deleted == 0


def test_null_equals_null(tmp_path: Path) -> None:
    assert left(equality(tmp_path, [{"name": [None]}])) == sorted({*range(200)} - {3})
    assert left(equality(tmp_path / "2", [{"name": ["n4"], "value": [None]}])) == sorted({*range(200)} - {4})


def test_equality_deletes_of_a_partition(tmp_path: Path) -> None:
    """They hide rows of their own partition; those without one, rows everywhere."""
    assert left(equality(tmp_path, [{"id": [5]}], BY_NAME, **A)) == sorted({*range(200)} - {5})
    assert left(equality(tmp_path / "2", [{"id": [5]}], BY_NAME, **B)) == [*range(200)]
    specs = {"partition-specs": [{"spec-id": 0, "fields": SPEC}, {"spec-id": 1, "fields": []}]}
    table = Made(tmp_path / "3", **BY_NAME)
    table.manifest(table.data("a.parquet", hundred(), **A), table.data("b.parquet", hundred(100), **B))
    table.manifest(table.equality("e.parquet", {"id": [5, 105]}), sequence=2, partition_spec_id=1)
    found = open_table(FolderPlace(table.finish(**specs)), None)
    assert left(found) == sorted({*range(200)} - {5, 105})


def test_columns_that_were_renamed_or_widened_since(tmp_path: Path) -> None:
    """Deletes name columns by their ids, and values are compared as the table has them now."""
    table = Made(tmp_path, columns=[column(1, "id", "long"), column(2, "number", "int")])
    table.manifest(table.data("a.parquet", {"id": [1, 2, 3], "number": [10, 20, 30]}))
    table.manifest(table.equality("e.parquet", {"number": [20]}), sequence=2)
    table.columns = [column(1, "id", "long"), column(2, "count", "long")]
    found = open_table(FolderPlace(table.finish()), None)
    found.hidden(found.files)
    rows = pa.table({"id": [1, 2, 3], "count": [10, 20, 30]})
    assert found.needed(found.files) == ["count"]
    assert found.kept(found.files[0], rows).column("id").to_pylist() == [1, 3]


def test_fields_of_structs(tmp_path: Path) -> None:
    inner = {"type": "struct", "fields": [column(5, "code", "long")]}
    table = Made(tmp_path, columns=[column(1, "id", "long"), column(4, "at", inner)])
    kind = pa.struct([pa.field("code", pa.int64(), metadata={"PARQUET:field_id": "5"})])
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), metadata={"PARQUET:field_id": "1"}),
            pa.field("at", kind, metadata={"PARQUET:field_id": "4"}),
        ]
    )
    rows = pa.table([[1, 2, 3, 4], [{"code": 7}, {"code": None}, None, {"code": 8}]], schema)
    table.manifest(table.data("a.parquet", rows))
    deletes = pa.table([[{"code": 8}, {"code": None}]], pa.schema([schema.field("at")]))
    table.manifest(table.data("e.parquet", deletes, content=2, equality_ids=[5]), sequence=2)
    found = open_table(FolderPlace(table.finish()), None)
    assert found.needed(found.files) == ["at"] and left(found) == [1]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"equality_ids": [9]}, "a column that was dropped"),
        ({"equality_ids": []}, "name no columns"),
        ({"file_format": "AVRO"}, "format avro"),
        ({"file_path": "s3://other/e.parquet"}, "outside the table"),
        ({"key_metadata": b"key"}, "encryption"),
    ],
)
def test_deletes_that_cannot_be_honoured_are_refused(
    tmp_path: Path, entry: dict[str, Any], reason: str
) -> None:
    found = equality(tmp_path, [{"id": [5]}], **entry)
    assert found.refused is not None and reason in found.refused and len(found.files) == 2


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        ([("a.parquet", 100)], "row 100 of data/a.parquet is deleted"),
        ([("a.parquet", -1)], "before the first"),
    ],
)
def test_rows_that_are_not_there(tmp_path: Path, hidden: list[tuple[str, int]], message: str) -> None:
    table = Made(tmp_path)
    table.manifest(table.data("a.parquet", hundred()))
    table.manifest(table.positions("d.parquet", hidden), sequence=2)
    found = open_table(FolderPlace(table.finish()), None)
    with pytest.raises(DamagedError, match=message):
        found.hidden(found.files)


def test_deletes_that_are_damaged(tmp_path: Path) -> None:
    table = Made(tmp_path, version=3)
    in_vectors(table)
    table.finish()

    def hidden(number: int) -> None:
        found = open_table(FolderPlace(tmp_path), None)
        found.hidden(found.files[number : number + 1])

    path = tmp_path / "data/v.puffin"
    path.write_bytes(path.read_bytes().replace(b"\x07\x00", b"\x08\x00"))
    with pytest.raises(DamagedError, match="checksum"):
        hidden(0)
    (tmp_path / "data/d.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DamagedError, match=r"d\.parquet cannot be read"):
        hidden(1)
    (tmp_path / "data/d.parquet").unlink()
    with pytest.raises(DamagedError, match=r"d\.parquet is not there"):
        hidden(1)
