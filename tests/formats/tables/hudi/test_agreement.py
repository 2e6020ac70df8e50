"""What is told of the tables that others wrote equals what Hudi's own reader tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from h5s3.errors import RefusedError
from h5s3.formats.tables.hudi.table import HudiTable, open_table
from h5s3.formats.tables.json_values import json_of
from h5s3.formats.tables.rows.scan import scan
from h5s3.records import UNSET
from tests.formats.tables.hudi.tables import NAMES, FolderPlace, unpacked
from tests.support.shared import made_once

hudi = pytest.importorskip("hudi")
pytestmark = pytest.mark.skipif(not NAMES, reason="the collection of tables is not on this machine")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "hudi", lambda folder: [unpacked(name, folder) for name in NAMES])


def both(name: str, folder: Path) -> tuple[HudiTable, Any]:
    """A table as read here, and by Hudi's reader."""
    where = unpacked(name, folder)
    return open_table(FolderPlace(where), None), hudi.HudiTable(str(where))


def ours(table: HudiTable) -> set[tuple[str, str, tuple[str, ...]]]:
    """Slices: partition, base file, logs."""
    return {
        (one.path.rpartition("/")[0], Path(one.path).name, tuple(Path(log).name for log in one.logs))
        for one in table.files
    }


def theirs(table: Any, version: str | None = None) -> set[tuple[str, str, tuple[str, ...]]]:
    """The same. Of an older version, Hudi's reader names logs that came later, and passes over them."""
    options = hudi.HudiReadOptions()
    if version is not None:
        options = options.with_as_of_timestamp(version)
    return {
        (
            one.partition_path,
            one.base_file_name,
            tuple(log for log in one.log_file_names if version is None or log.split("_")[1][:17] <= version),
        )
        for one in table.get_file_slices(options)
    }


@pytest.mark.parametrize("name", NAMES)
def test_slices_schema_and_rows_are_those_of_hudi(name: str, folder: Path) -> None:
    table, reader = both(name, folder)
    assert ours(table) == theirs(reader)
    assert table.table_type == reader.table_type.replace("_", "-").lower()
    assert table.name == reader.table_name
    columns = {one.name: one for one in table.columns}
    schema = reader.get_schema()
    if reader.hudi_options().get("hoodie.populate.meta.fields") != "false":
        schema = reader.get_schema_with_meta_fields()
    assert list(columns) == schema.names
    assert [columns[field.name].arrow for field in schema] == [field.type for field in schema]
    data = [field for field in schema if not field.name.startswith("_hoodie")]
    assert [columns[field.name].nullable for field in data] == [field.nullable for field in data]
    if table.rows is not None:
        assert table.rows == sum(batch.num_rows for batch in reader.read())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_commit_is_told_of_and_can_be_gone_back_to(name: str, folder: Path) -> None:
    table, reader = both(name, folder)
    timeline = reader.get_timeline()
    instants = {
        (one.timestamp, one.action, one.epoch_mills): one
        for ask in ("commits", "deltacommits", "replacecommits")
        for one in getattr(timeline, f"get_completed_{ask}")()
    }
    history = {one.version: one for one in table.history()}
    assert [one.version for one in table.history()] == sorted(history, reverse=True)
    assert set(history) == {version for version, *_ in instants}
    for (version, action, _), instant in instants.items():
        told = history[version]
        assert told.detail is not UNSET and told.detail["action"] == action
        document = json.loads(timeline.get_instant_metadata_in_json(instant))
        stats = [one for several in document["partitionToWriteStats"].values() for one in several]
        assert told.operation == document["operationType"].lower()
        assert told.files_added == len(stats)
        assert told.bytes_added == sum(one["fileSizeInBytes"] for one in stats)
        then = open_table(table.place, version)
        assert (then.version, told.current) == (version, version == table.version)
        assert ours(then) == theirs(reader, version)
    if table.table_type == "copy-on-write" and instants:
        assert table.rows == sum(int(one.rows_added) - int(one.rows_removed) for one in history.values())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_read_is_named(name: str, folder: Path) -> None:
    table, _ = both(name, folder)
    lance = any(one.path.endswith(".lance") for one in table.files)
    assert table.refused == ("base files of the format lance" if lance else None)
    assert [one.name for one in table.features if not one.known] == ([table.refused] if lance else [])


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_hudi(name: str, folder: Path) -> None:
    """Of the newest version, with what log files say; the files of Lance are refused."""
    table, reader = both(name, folder)
    if table.refused:
        with pytest.raises(RefusedError, match="lance"):
            read(table)
        return
    assert sorted(map(repr, read(table))) == sorted(map(repr, rows_of(reader.read())))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_rows_of_older_versions_are_those_of_hudi(name: str, folder: Path) -> None:
    """Its reader gives them in the types that the table has now, which are texts where they were numbers."""
    table, reader = both(name, folder)
    for version in [] if table.refused else [one.version for one in table.history()]:
        then = open_table(table.place, version)
        now = {one.name: one.type for one in table.columns}
        changed = [one.name for one in then.columns if now.get(one.name, one.type) != one.type]
        mine = [{**row, **{one: str(row[one]) for one in changed}} for row in read(then)]
        theirs = rows_of(reader.read(hudi.HudiReadOptions().with_as_of_timestamp(version)))
        assert sorted(map(repr, mine)) == sorted(map(repr, theirs)), version


@pytest.mark.parametrize("name", [name for name in NAMES if "lance" not in name])
def test_statistics_are_those_of_the_files(name: str, folder: Path) -> None:
    table, _ = both(name, folder)
    table.read_statistics()
    for one in table.files:
        rows = pq.read_table(unpacked(name, folder) / one.path)
        assert one.rows == rows.num_rows
        assert rows.num_rows == 0 or one.statistics
        for path, told in (one.statistics or {}).items():
            values = rows.column(path.split("/")[1]).combine_chunks()
            for field in path.split("/")[2:]:
                values = pc.struct_field(values, field)
            assert told.nulls == values.null_count, path
            if told.min is not None and not pa.types.is_timestamp(values.type):
                least, most = (json_of(pc.min_max(values)[end].as_py()) for end in ("min", "max"))
                assert (told.min, told.max) == (least, most), path


def read(table: HudiTable) -> list[dict[str, Any]]:
    return [row for rows in scan(table, table.place) for row in rows.to_pylist()]


def rows_of(batches: Any) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.to_pylist()]
