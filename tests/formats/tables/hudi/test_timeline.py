"""Which files count, at which instant: small tables of both layouts of the timeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from h5s3.errors import ChangedError, DamagedError, NotFoundError, RefusedError
from h5s3.formats.tables.hudi.table import HudiTable, open_table
from h5s3.formats.tables.hudi.timeline import instant_of, time_of
from tests.formats.tables.hudi.tables import FolderPlace, Maker

FIRST, SECOND, THIRD, FOURTH = (f"2024050112000{n}000" for n in range(1, 5))


@pytest.fixture(params=[6, 9], ids="version {}".format)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    return Maker(tmp_path / "t", request.param)


def opened(made: Maker, version: str | None = None) -> HudiTable:
    return open_table(FolderPlace(made.folder), version)


def names(table: HudiTable) -> list[str]:
    return [one.path for one in table.files]


def test_the_newest_base_file_of_each_group_counts(made: Maker) -> None:
    one, two = made.base("g1", FIRST, [1, 2]), made.base("g2", FIRST, [3], "b")
    made.commit(FIRST, {one: 2, two: 1})
    newer = made.base("g1", SECOND, [1, 2, 4])
    made.commit(SECOND, {newer: 3})
    table = opened(made)
    assert names(table) == [newer, two]
    assert (table.rows, table.version) == (4, SECOND)
    assert names(opened(made, FIRST)) == [one, two]
    assert names(opened(made, "2024-05-01T12:00:01.500Z")) == [one, two]
    assert [one.current for one in opened(made, FIRST).history()] == [False, True]


def test_files_of_commits_that_were_not_completed_are_passed_over(made: Maker) -> None:
    one = made.base("g1", FIRST, [1])
    made.commit(FIRST, {one: 1})
    made.base("g1", SECOND, [1, 2])
    made.base("g9", SECOND, [5])
    (made.timeline / f"{SECOND}.commit.requested").write_bytes(b"")
    (made.timeline / f"{SECOND}.inflight").write_bytes(b"")
    table = opened(made)
    assert names(table) == [one]
    assert any("1 not completed" in note and SECOND in note for note in table.notes)


def test_files_of_archived_commits_count(made: Maker) -> None:
    one, two = made.base("g1", FIRST, [1]), made.base("g2", SECOND, [2])
    made.commit(SECOND, {two: 1})
    table = opened(made)
    assert names(table) == [one, two]
    assert table.rows is None
    table.read_statistics()
    assert table.rows == 2
    with pytest.raises(NotFoundError, match="no version"):
        opened(made, FIRST)


def test_a_savepoint_is_not_where_the_timeline_begins(made: Maker) -> None:
    held = made.base("g1", FIRST, [1])
    made.commit(FIRST, {held: 1})
    made.commit(FIRST, action="savepoint")
    between = made.base("g2", SECOND, [2])  # its commit is archived
    last = made.base("g3", THIRD, [3])
    made.commit(THIRD, {last: 1})
    assert names(opened(made)) == [held, between, last]


def test_replaced_groups_are_gone(made: Maker) -> None:
    one, two = made.base("g1", FIRST, [1, 2]), made.base("g2", FIRST, [3], "b")
    made.commit(FIRST, {one: 2, two: 1})
    new = made.base("g3", SECOND, [9])
    made.commit(SECOND, {new: 1}, "replacecommit", replaced={"a": ["g1"]}, operationType="INSERT_OVERWRITE")
    table = opened(made)
    assert names(table) == [new, two]
    newest = table.history()[0]
    assert (newest.operation, newest.rows_added, newest.rows_removed) == ("insert_overwrite", 1, 2)
    assert (newest.files_added, newest.files_removed) == (1, 1)
    assert names(opened(made, FIRST)) == [one, two]


def test_a_deleted_partition_leaves_nothing(made: Maker) -> None:
    one = made.base("g1", FIRST, [1, 2])
    made.commit(FIRST, {one: 2})
    gone = {"a": ["g1"]}
    made.commit(
        SECOND, {}, "replacecommit", replaced=gone, operationType="DELETE_PARTITION", extraMetadata={}
    )
    table = opened(made)
    assert (names(table), table.rows) == ([], 0)
    assert [one.name for one in table.columns] == ["id", "name", "part"]  # of the commit before


def test_of_two_base_files_of_one_instant_the_one_that_was_committed_counts(made: Maker) -> None:
    made.base("g1", FIRST, [1, 1], token="0-1-1")
    right = made.base("g1", FIRST, [1, 2], token="0-1-2")
    made.commit(FIRST, {right: 2})
    assert names(opened(made)) == [right]


def test_which_of_two_base_files_counts_is_not_guessed(made: Maker) -> None:
    made.base("g1", FIRST, [1, 1], token="0-1-1")
    made.base("g1", FIRST, [1, 2], token="0-1-2")
    made.commit(FIRST, {})
    assert opened(made).refused == "several base files of one instant"


@pytest.mark.parametrize("clean", [{}, {"earliestCommitToRetain": ""}, {"earliestCommitToRetain": SECOND}])
def test_versions_whose_files_were_removed_are_refused(tmp_path: Path, clean: dict[str, Any]) -> None:
    made = Maker(tmp_path / "t")
    for number, instant in enumerate((FIRST, SECOND, THIRD)):
        made.commit(instant, {made.base("g1", instant, range(number + 1)): number + 1})
    (made.folder / "a" / f"g1_0-1-2_{FIRST}.parquet").unlink()
    made.commit(FOURTH, action="clean", totalFilesDeleted=1, **clean)
    with pytest.raises(RefusedError, match="removed when the table was cleaned"):
        opened(made, FIRST)
    assert opened(made).rows == 3
    assert opened(made, FOURTH).version == THIRD
    if clean.get("earliestCommitToRetain"):
        assert opened(made, SECOND).rows == 2
    assert [(one.operation, one.current) for one in opened(made).history()][:2] == [
        ("clean", False),
        ("upsert", True),
    ]


def test_the_schema_is_that_of_the_version(made: Maker) -> None:
    one = made.base("g1", FIRST, [1])
    old = '{"type":"record","name":"r","fields":[{"name":"id","type":"int"}]}'
    made.commit(FIRST, {one: 1}, extraMetadata={"schema": old})
    made.commit(SECOND, {made.base("g1", SECOND, [1]): 1})
    assert [one.name for one in opened(made).columns] == ["id", "name", "part"]
    assert [one.name for one in opened(made, FIRST).columns] == ["id"]


def test_without_a_schema_the_columns_are_those_of_a_file(made: Maker) -> None:
    made.commit(FIRST, {made.base("g1", FIRST, [1]): 1}, extraMetadata={})
    assert [(one.name, str(one.arrow)) for one in opened(made).columns] == [
        ("id", "int32"), ("name", "string"), ("part", "string"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "version", ["20240501", "yesterday", "2024-05-01T11:59:00Z", "0001-01-01T00:00:00+14:00", FOURTH[:3]]
)
def test_versions_that_never_were_are_not_found(made: Maker, version: str) -> None:
    made.commit(FIRST, {made.base("g1", FIRST, [1]): 1})
    with pytest.raises(NotFoundError, match="no version"):
        opened(made, version)


def test_a_table_without_commits_is_empty(made: Maker) -> None:
    made.base("g1", FIRST, [1])
    table = opened(made)
    assert (table.rows, names(table), table.version, table.history()) == (0, [], None, [])
    with pytest.raises(NotFoundError, match="nothing was committed"):
        opened(made, FIRST)


def test_properties_that_are_being_written_are_read_from_their_copy(made: Maker) -> None:
    made.commit(FIRST, {made.base("g1", FIRST, [1]): 1})
    properties = made.folder / ".hoodie" / "hoodie.properties"
    properties.rename(f"{properties}.backup")
    assert opened(made).rows == 1
    Path(f"{properties}.backup").unlink()
    with pytest.raises(DamagedError, match=r"no \.hoodie/hoodie\.properties"):
        opened(made)


def test_the_timeline_is_where_the_properties_say(tmp_path: Path) -> None:
    made = Maker(tmp_path / "t", 9, hoodie__timeline__path="elsewhere")
    made.timeline = made.folder / ".hoodie" / "elsewhere"
    made.timeline.mkdir()
    made.commit(FIRST, {made.base("g1", FIRST, [1]): 1})
    assert opened(made).rows == 1


def test_a_document_that_goes_while_it_is_read_is_a_change(made: Maker) -> None:
    made.commit(FIRST, {made.base("g1", FIRST, [1]): 1}).rename(made.folder / "moved")

    class Late(FolderPlace):
        def below(self, path: str = "") -> Any:
            yield from super().below(path)
            suffix = f"_{int(FIRST) + 500}" if made.version >= 8 else ""
            yield f"{made.timeline.relative_to(made.folder).as_posix()}/{FIRST}{suffix}.commit", 10

    with pytest.raises(ChangedError, match="went while"):
        open_table(Late(made.folder), None)


def test_opening_takes_a_list_and_one_round_of_documents(made: Maker) -> None:
    for instant in (FIRST, SECOND, THIRD):
        made.commit(instant, {made.base("g" + instant[-4], instant, [1]): 1})
    place = FolderPlace(made.folder)
    table = open_table(place, None)
    assert place.rounds == [("list", 1), ("documents", 4)]
    table.history()
    assert place.rounds[2:] == [("documents", 3)]


def test_instants_are_times_and_back() -> None:
    assert time_of(FIRST) == "2024-05-01T12:00:01.000Z"
    assert time_of("20240501120001") == "2024-05-01T12:00:01Z"
    assert time_of("00000000000000001") is None
    assert instant_of("2024-05-01T14:00:01+02:00") == FIRST
    assert instant_of("2024-05-01") == "20240501000000000"
    assert instant_of("20240501120001") == "20240501120001999"  # as Hudi has it: the whole second
    assert instant_of("9999-12-31T23:59:59-01:00") is None
