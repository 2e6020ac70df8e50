"""What pyiceberg says of a table that lies in a folder, wherever its metadata says that it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.io import InputFile
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import DataFileContent, clear_manifest_cache
from pyiceberg.table import StaticTable

HERE, THERE = "test.here", "test.there"


class MovedIO(PyArrowFileIO):
    """Reads from a folder what is said to be elsewhere."""

    def new_input(self, location: str) -> InputFile:
        here, there = self.properties[HERE], self.properties[THERE]
        return super().new_input(here + location[len(there) :] if location.startswith(there) else location)


def opened(root: Path, document: str) -> StaticTable:
    """A table by a document of its metadata, as pyiceberg has it."""
    path = root / document
    location = json.loads(path.read_bytes())["location"]
    clear_manifest_cache()  # by the names of manifests, which may be those of another table
    name = f"{MovedIO.__module__}.{MovedIO.__name__}"
    return StaticTable.from_metadata(str(path), {"py-io-impl": name, HERE: str(root), THERE: location})


def rows_of(table: StaticTable, snapshot: int | None = None) -> pa.Table:
    """Its rows."""
    return table.scan(snapshot_id=snapshot).to_arrow()


def files_of(table: StaticTable, root: Path, snapshot: int | None = None) -> dict[str, Any]:
    """Its data files, by their paths below the table: rows, bytes, partition, numbers of files of deletes."""
    location, specs = table.metadata.location, table.metadata.specs()
    found = {}
    for task in table.scan(snapshot_id=snapshot).plan_files():
        path = task.file.file_path.removeprefix(location).removeprefix(str(root)).lstrip("/")
        spec = specs[task.file.spec_id]
        values = {one.name: value for one, value in zip(spec.fields, task.file.partition._data, strict=True)}
        found[path] = (task.file.record_count, task.file.file_size_in_bytes, values, len(task.delete_files))
    return found


def rows_without(root: Path, table: StaticTable) -> list[dict[str, Any]]:
    """Its rows, of which DuckDB takes those that equality deletes hide, as the specification says."""
    import duckdb

    def here(one: Any) -> str:
        return f"'{root}{one.data_file.file_path.removeprefix(table.metadata.location)}'"

    snapshot, schema = table.current_snapshot(), table.schema()
    assert snapshot is not None
    entries = [
        one for manifest in snapshot.manifests(table.io) for one in manifest.fetch_manifest_entry(table.io)
    ]
    found: list[dict[str, Any]] = []
    for file in entries:
        if file.data_file.content != DataFileContent.DATA:
            continue
        query = f"select * from read_parquet({here(file)}, hive_partitioning=false) d where true"
        for one in entries:
            same = list(one.data_file.partition._data) == list(file.data_file.partition._data)
            later = (one.sequence_number or 0) > (file.sequence_number or 0)
            if one.data_file.content == DataFileContent.EQUALITY_DELETES and same and later:
                names = [schema.find_column_name(number) for number in one.data_file.equality_ids or ()]
                equal = " and ".join(f'e."{name}" is not distinct from d."{name}"' for name in names)
                inner = f"select 1 from read_parquet({here(one)}, hive_partitioning=false) e where {equal}"
                query += f" and not exists ({inner})"
        found += duckdb.sql(query).to_arrow_table().to_pylist()
    return found
