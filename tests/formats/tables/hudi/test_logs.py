"""Merge-on-read: what log files say, merged with base files."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.tables.hudi.logs import reading, records
from h5s3.formats.tables.hudi.logs.blocks import read_blocks
from h5s3.formats.tables.hudi.table import HudiTable, open_table
from h5s3.formats.tables.rows.scan import scan
from tests.formats.tables.hudi.tables import (
    FolderPlace,
    Maker,
    block,
    deletes_block,
    rollback_block,
    rows_block,
)  # fmt: skip

FIRST, SECOND, THIRD, FOURTH = (f"2024050112000{n}000" for n in range(1, 5))
KEY = "_hoodie_record_key"
SCHEMA = {
    "type": "record",
    "name": "row",
    "fields": [
        {"name": KEY, "type": ["null", "string"], "default": None},
        {"name": "id", "type": ["null", "int"], "default": None},
        {"name": "ts", "type": ["null", "long"], "default": None},
        {"name": "word", "type": ["null", "string"], "default": None},
    ],
}
EVENT = "org.apache.hudi.common.model.DefaultHoodieRecordPayload"
LATEST = "org.apache.hudi.common.model.OverwriteWithLatestAvroPayload"
PARTIAL = "org.apache.hudi.common.model.PartialUpdateAvroPayload"


def row(number: int, ts: int | None, word: str) -> dict[str, Any]:
    return {KEY: f"k{number}", "id": number, "ts": ts, "word": word}


class Merging:
    """A table of one file group: rows 1 to 4, of times 10 to 40, and logs."""

    def __init__(self, folder: Path, version: int = 6, **properties: str) -> None:
        shown = {"hoodie.table.type": "MERGE_ON_READ", "hoodie.populate.meta.fields": "true"}
        if version == 6:
            shown |= {"hoodie.table.precombine.field": "ts", "hoodie.compaction.payload.class": EVENT}
        else:
            shown |= {"hoodie.table.ordering.fields": "ts", "hoodie.record.merge.mode": "EVENT_TIME_ORDERING"}
        self.made = Maker(folder, version)
        self.made.properties({"hoodie.table.partition.fields": "", **shown, **properties})
        self.made.base("g1", FIRST, [0], "")
        rows = [row(number, 10 * number, "base") for number in range(1, 5)]
        self.write(folder / f"g1_0-1-2_{FIRST}.parquet", rows)
        self.commit(FIRST)

    def write(self, path: Path, rows: list[dict[str, Any]]) -> None:
        kinds = [(KEY, pa.string()), ("id", pa.int32()), ("ts", pa.int64()), ("word", pa.string())]
        pq.write_table(pa.Table.from_pylist(rows, pa.schema(kinds)), path, row_group_size=2)

    def commit(self, instant: str, action: str = "deltacommit") -> None:
        import json

        data = {**SCHEMA, "fields": SCHEMA["fields"][1:]}  # type: ignore[index]
        self.made.commit(instant, {}, action, extraMetadata={"schema": json.dumps(data)})

    def log(self, instant: str, data: bytes, number: int = 1, done: bool = True) -> None:
        """A log file of a commit: before version 8 it has the name of the base file's."""
        named = instant if self.made.version >= 8 else FIRST
        (self.made.folder / f".g1_{named}.log.{number}_0-{number}-1").write_bytes(data)
        if done:
            self.commit(instant)

    def open(self, version: str | None = None) -> HudiTable:
        return open_table(FolderPlace(self.made.folder), version)

    def rows(self, version: str | None = None, **asked: Any) -> list[dict[str, Any]]:
        table = self.open(version)
        assert table.rows is None or not table.files[0].logs
        return [one for some in scan(table, table.place, **asked) for one in some.to_pylist()]

    def words(self, version: str | None = None, **asked: Any) -> dict[int, str]:
        return {one["id"]: one["word"] for one in self.rows(version, **asked)}


BASE = {1: "base", 2: "base", 3: "base", 4: "base"}


@pytest.fixture(params=[6, 9], ids="version {}".format)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Merging:
    return Merging(tmp_path, request.param)


def test_updates_inserts_and_deletes(table: Merging) -> None:
    table.log(SECOND, rows_block(SECOND, [row(2, 21, "new"), row(9, 1, "more")], SCHEMA))
    table.log(THIRD, deletes_block(THIRD, {"k3": None, "k4": 0}), 2)
    opened = table.open()
    assert (opened.refused, opened.rows, len(opened.files[0].logs)) == (None, None, 2)
    assert table.words() == {1: "base", 2: "new", 9: "more"}
    assert table.words(SECOND) == {**BASE, 2: "new", 9: "more"}
    assert table.words(FIRST) == BASE
    assert table.rows(columns=["word"], where="id = 2") == [{"word": "new"}]
    assert table.rows(where="word = 'base' AND id > 1") == []
    assert len(table.rows(limit=2)) == 2
    assert len(table.rows(limit=3)) == 3


def test_the_greatest_ordering_value_counts(table: Merging) -> None:
    late = [row(1, 5, "late"), row(2, 20, "same"), row(7, 70, "first")]
    table.log(SECOND, rows_block(SECOND, late, SCHEMA))
    table.log(THIRD, rows_block(THIRD, [row(7, 60, "second")], SCHEMA), 2)
    table.log(FOURTH, deletes_block(FOURTH, {"k3": 29, "k4": 41, "k7": 69}), 3)
    assert table.words() == {1: "base", 2: "same", 3: "base", 7: "first"}


def test_what_is_written_after_a_delete_counts(table: Merging) -> None:
    table.log(SECOND, deletes_block(SECOND, {"k1": 0, "k2": 25, "k9": None}))
    again = [row(1, 10, "again"), row(2, 24, "late"), row(9, 1, "new")]
    table.log(THIRD, rows_block(THIRD, again, SCHEMA), 2)
    assert table.words() == {1: "again", 3: "base", 4: "base", 9: "new"}


def test_rows_that_come_again_with_smaller_values_are_refused(table: Merging) -> None:
    """There readers differ: for one the delete still counts, for another it is forgotten."""
    table.log(
        SECOND, rows_block(SECOND, [row(8, 80, "x")], SCHEMA) + deletes_block(SECOND, {"k1": 0, "k8": 0})
    )
    assert 1 not in table.words()
    table.log(THIRD, rows_block(THIRD, [row(1, 9, "again")], SCHEMA), 2)
    with pytest.raises(RefusedError, match="readers differ"):
        table.rows()
    table.log(THIRD, rows_block(THIRD, [row(8, 79, "again")], SCHEMA), 2)
    with pytest.raises(RefusedError, match="readers differ"):
        table.rows()


@pytest.mark.parametrize("kind", ["int", "long", "double", "timestampMicros"])
def test_ordering_values_of_deletes(table: Merging, kind: str) -> None:
    """Each in a record of its own, of which the number tells which it is."""
    table.log(SECOND, deletes_block(SECOND, {"k1": 10, "k2": 19, "k3": 0, "k9": 1}, kind))
    assert table.words() == {2: "base", 4: "base"}


@pytest.mark.parametrize(("kind", "value"), [("boolean", True), ("decimal", b"x"), ("string", "x")])
def test_ordering_values_of_deletes_that_do_not_compare(table: Merging, kind: str, value: Any) -> None:
    table.log(SECOND, deletes_block(SECOND, {"k1": value}, kind))
    with pytest.raises(RefusedError, match=r"types|a type that is not known"):
        table.rows()


def test_ordering_values_of_other_types_are_refused(table: Merging) -> None:
    text = {**SCHEMA, "fields": [*SCHEMA["fields"][:2], {"name": "ts", "type": "string"}]}  # type: ignore[index]
    table.log(SECOND, rows_block(SECOND, [{KEY: "k1", "id": 1, "ts": "x"}], text))
    with pytest.raises(DamagedError, match="the column ts"):
        table.rows()


def test_in_the_order_of_commits_the_last_counts(tmp_path: Path) -> None:
    table = Merging(tmp_path, 9, **{"hoodie.record.merge.mode": "COMMIT_TIME_ORDERING"})
    table.log(SECOND, rows_block(SECOND, [row(1, 5, "late")], SCHEMA) + deletes_block(SECOND, {"k2": 1}))
    assert table.words() == {1: "late", 3: "base", 4: "base"}


def test_where_readers_differ_rows_are_refused(tmp_path: Path) -> None:
    table = Merging(tmp_path, 6, **{"hoodie.compaction.payload.class": LATEST})
    table.log(SECOND, rows_block(SECOND, [row(1, 11, "new")], SCHEMA))
    assert table.words() == {**BASE, 1: "new"}
    table.log(THIRD, rows_block(THIRD, [row(2, 19, "late")], SCHEMA), 2)
    with pytest.raises(RefusedError, match="smaller values of ts"):
        table.rows()
    assert table.words(SECOND) == {**BASE, 1: "new"}


def test_blocks_of_commits_that_were_not_completed_are_passed_over(table: Merging) -> None:
    table.log(SECOND, rows_block(SECOND, [row(1, 11, "new")], SCHEMA), done=False)
    table.commit(THIRD)
    assert table.words() == BASE


def test_blocks_that_were_undone_are_passed_over(table: Merging) -> None:
    table.log(SECOND, rows_block(SECOND, [row(1, 11, "new")], SCHEMA))
    table.log(THIRD, rollback_block(THIRD, SECOND) + rows_block(THIRD, [row(2, 22, "new")], SCHEMA), 2)
    assert table.words() == {**BASE, 2: "new"}


def test_blocks_of_parquet(table: Merging) -> None:
    table.write(table.made.folder / "rows", [row(2, 21, "new"), row(9, 1, "more")])
    data = (table.made.folder / "rows").read_bytes()
    table.log(SECOND, block(5, {0: SECOND}, data))
    assert table.words() == {**BASE, 2: "new", 9: "more"}


def test_logs_without_a_base_file(table: Merging) -> None:
    (table.made.folder / f"g1_0-1-2_{FIRST}.parquet").unlink()
    table.log(SECOND, rows_block(SECOND, [row(5, 1, "alone")], SCHEMA) + deletes_block(SECOND, {"k1": 0}))
    assert table.words() == {5: "alone"}
    assert table.rows(columns=["id"], where="word = 'no'") == []


def test_a_base_file_without_rows(table: Merging) -> None:
    table.write(table.made.folder / f"g1_0-1-2_{FIRST}.parquet", [])
    table.log(SECOND, rows_block(SECOND, [row(5, 1, "alone")], SCHEMA))
    assert table.words(where="id = 5") == {5: "alone"}


def test_a_base_file_that_logs_were_compacted_into(table: Merging) -> None:
    table.log(SECOND, rows_block(SECOND, [row(1, 11, "new")], SCHEMA))
    table.write(table.made.folder / f"g1_0-2-2_{THIRD}.parquet", [row(1, 11, "compacted")])
    table.commit(THIRD, "commit")
    assert table.words() == {1: "compacted"}
    assert table.words(SECOND) == {**BASE, 1: "new"}


def test_columns_that_came_later_and_types_that_grew(table: Merging) -> None:
    old = {"type": "record", "name": "row", "fields": [
        {"name": KEY, "type": "string"}, {"name": "id", "type": "int"}, {"name": "ts", "type": "int"},
    ]}  # fmt: skip
    table.log(SECOND, rows_block(SECOND, [{KEY: "k1", "id": 1, "ts": 11}], old))
    found = next(one for one in table.rows() if one["id"] == 1)
    assert (found["ts"], found["word"], found["_hoodie_file_name"]) == (11, None, None)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"#HUDI#", DamagedError, "cut short"),
        (b"PAR1PAR1", DamagedError, "is no log file"),
        (rows_block(SECOND, [row(1, 11, "x")], SCHEMA)[:-9], DamagedError, "cut short"),
        (b"#HUDI#" + struct.pack(">QI", 4, 2), RefusedError, "version 2"),
        (b"#HUDI#" + struct.pack(">QIII", 12, 1, 3, 1 << 30), DamagedError, "1073741824 entries"),
        (block(4, {0: SECOND}, b""), RefusedError, "block of HFile"),
        (block(2, {0: SECOND}, b""), RefusedError, "block of corrupt"),
        (block(9, {0: SECOND}, b""), RefusedError, "block of type 9"),
        (block(0, {0: SECOND, 3: "7"}, b""), RefusedError, "command"),
        (block(3, {0: SECOND}, struct.pack(">II", 2, 0)), RefusedError, "version 2"),
        (block(3, {0: SECOND, 2: '"int"'}, struct.pack(">II", 3, 1 << 31)), DamagedError, "2147483648 rows"),
        (block(3, {0: SECOND, 2: "{"}, struct.pack(">II", 3, 0)), DamagedError, "Avro schema"),
        (block(1, {0: SECOND}, struct.pack(">II", 3, 9)), DamagedError, "cut short"),
        (block(1, {0: SECOND}, struct.pack(">II", 3, 2) + b"\x02\x09"), DamagedError, "Avro"),
        (block(1, {0: SECOND}, struct.pack(">II", 3, 2) + b"\x00\x09"), RefusedError, "deletes"),
        (block(5, {0: SECOND}, b"PAR1"), DamagedError, "a block of"),
        (rows_block(SECOND, [row(1, 11, "x")], SCHEMA, key7="true"), RefusedError, "partial updates"),
        (rows_block(SECOND, [row(1, 11, "x")], SCHEMA, key4="1,2"), RefusedError, "log compaction"),
        (rows_block(SECOND, [row(1, None, "x")], SCHEMA), RefusedError, "no value of ts"),
        (rows_block(SECOND, [{**row(1, 1, "x"), KEY: None}], SCHEMA), RefusedError, "no key"),
    ],
)
def test_logs_that_are_not_right(tmp_path: Path, data: bytes, error: type[H5s3Error], message: str) -> None:
    table = Merging(tmp_path)
    table.log(SECOND, data)
    with pytest.raises(error, match=message):
        table.rows()


def test_two_rows_with_a_key_that_a_log_names_are_refused(table: Merging) -> None:
    table.write(
        table.made.folder / f"g1_0-1-2_{FIRST}.parquet",
        [row(1, 1, "a"), row(1, 1, "b"), row(2, 2, "c"), row(2, 2, "d")],
    )
    table.log(SECOND, rows_block(SECOND, [row(3, 1, "new")], SCHEMA))
    assert len(table.rows()) == 5
    table.log(THIRD, rows_block(THIRD, [row(2, 3, "new")], SCHEMA), 2)
    with pytest.raises(RefusedError, match="the same key"):
        table.rows()


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({"hoodie.compaction.payload.class": PARTIAL}, "PartialUpdateAvroPayload"),
        ({"hoodie.record.merge.mode": "CUSTOM"}, "CUSTOM"),
        ({"hoodie.table.partial.update.mode": "KEEP_VALUES"}, "partial updates"),
        ({"hoodie.record.merge.property.hoodie.payload.delete.field": "x"}, "partial updates"),
        ({"hoodie.table.ordering.fields": "ts,id"}, "several ordering fields"),
        ({"hoodie.table.precombine.field": "none"}, "ordered by none"),
        ({"hoodie.populate.meta.fields": "false"}, "without Hudi's own columns"),
        ({"hoodie.allow.operation.metadata.field": "true"}, "operations"),
    ],
)
def test_ways_of_merging_that_are_not_known_are_named(
    tmp_path: Path, properties: Mapping[str, str], named: str
) -> None:
    table = Merging(tmp_path, 6, **properties)
    assert table.open().refused is None
    table.log(SECOND, rows_block(SECOND, [row(1, 11, "new")], SCHEMA))
    refused = table.open().refused
    assert refused is not None and refused.startswith("merge-on-read log files") and named in refused
    with pytest.raises(RefusedError, match="merge-on-read log files"):
        table.rows()


def test_logs_have_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = Merging(tmp_path)
    table.write(table.made.folder / "rows", [row(2, 21, "x")])
    table.log(SECOND, block(5, {0: SECOND}, (table.made.folder / "rows").read_bytes()))
    for module, name, said in [
        (records, "MOST_DECODED", "a block of"),
        (reading, "MOST_LOGS", "wait for being compacted"),
    ]:
        with monkeypatch.context() as patch, pytest.raises(RefusedError, match=said):
            patch.setattr(module, name, 10)
            table.rows()


def test_logs_are_read_in_shared_rounds(table: Merging) -> None:
    for group in ("g2", "g3"):
        table.write(table.made.folder / f"{group}_0-1-2_{FIRST}.parquet", [row(5, 1, group)])
        named = SECOND if table.made.version >= 8 else FIRST
        log = table.made.folder / f".{group}_{named}.log.1_0-1-1"
        log.write_bytes(rows_block(SECOND, [row(6, 1, group)], SCHEMA))
    table.commit(SECOND)
    place = FolderPlace(table.made.folder)
    opened = open_table(place, None)
    del place.rounds[:]
    assert sum(rows.num_rows for rows in scan(opened, place)) == 8
    assert [kind for kind, _ in place.rounds] == ["tails", "documents", "tails", "read", "read"]


def test_numbers_are_big_endian() -> None:
    (found,) = read_blocks(deletes_block(SECOND, {"k": 1}), "it")
    assert (found.kind, found.instant) == (1, SECOND)
    made = BytesIO(found.content)
    assert struct.unpack(">I", made.read(4)) == (3,)
