"""Files that the metadata of a table names outside of it: read where the user said so, else refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import h5s3
from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.storage.location import Location
from h5s3.storage.objects import outside_location
from tests.support.servers.s3 import S3Server

SCHEMA = {"type": "struct", "fields": [{"name": "id", "type": "long", "nullable": True, "metadata": {}}]}


def log(path: str, size: int) -> bytes:
    """The log of a Delta table of one file."""
    lines = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": "a",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(SCHEMA),
                "partitionColumns": [],
                "configuration": {},
            }
        },
        {
            "add": {
                "path": path,
                "partitionValues": {},
                "size": size,
                "modificationTime": 0,
                "dataChange": True,
            }
        },
    ]
    return "\n".join(map(json.dumps, lines)).encode()


def rows() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": pa.array([1, 2, 3], pa.int64())}), sink)
    return sink.getvalue().to_pybytes()


def values(table: str, tmp_path: Path, **settings: Any) -> list[str]:
    out = tmp_path / "out.csv"
    h5s3.get(table, "/", output=str(out), overwrite=True, **settings)
    return out.read_text().split()[1:]


def local_table(tmp_path: Path, target: Path) -> Path:
    (tmp_path / "table" / "_delta_log").mkdir(parents=True)
    data = log(target.as_uri(), target.stat().st_size)
    (tmp_path / "table" / "_delta_log" / f"{0:020}.json").write_bytes(data)
    return tmp_path / "table"


def test_a_file_elsewhere_is_read_only_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "other.parquet").write_bytes(rows())
    table = str(local_table(tmp_path, tmp_path / "other.parquet"))
    with pytest.raises(RefusedError, match="outside"):
        values(table, tmp_path)
    assert values(table, tmp_path, follow_external=True) == ["1", "2", "3"]


def test_what_is_no_table_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("root:x:0:0:secret words of somebody else\n" * 100)
    table = str(local_table(tmp_path, tmp_path / "secret"))
    for allowed in (False, True):
        with pytest.raises(H5s3Error) as caught:
            values(table, tmp_path, follow_external=allowed)
        assert isinstance(caught.value, RefusedError | DamagedError)
        assert "somebody" not in str(caught.value)


def test_in_object_storage_no_file_of_this_machine_is_read(
    rclone: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.parquet").write_bytes(rows())
    size = len(rows())
    name = f"{0:020}.json"
    rclone.put("elsewhere", f"local/_delta_log/{name}", log((tmp_path / "other.parquet").as_uri(), size))
    rclone.put("elsewhere", "there/other.parquet", rows())
    rclone.put("elsewhere", f"table/_delta_log/{name}", log("s3a://elsewhere/there/other.parquet", size))
    for key, value in rclone.env().items():
        monkeypatch.setenv(key, value)
    with pytest.raises(RefusedError, match="outside"):
        values("s3://elsewhere/local/", tmp_path, follow_external=True)
    with pytest.raises(RefusedError, match="outside"):
        values("s3://elsewhere/table/", tmp_path)
    assert values("s3://elsewhere/table/", tmp_path, follow_external=True) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("path", "kind", "place"),
    [
        ("s3://b/k/../x", "s3", Location("s3", "k/../x", "b")),  # a key, verbatim
        ("s3://b/", "s3", None),
        ("s3:///k", "s3", None),
        ("/etc/passwd", "s3", None),
        ("https://host/x", "s3", None),
        ("s3://b/k", "local", None),
        ("/a/b", "local", Location("local", "/a/b")),
        ("a/b", "local", None),
        ("s3://b/k\0", "s3", None),
    ],
)
def test_absolute_paths_are_of_the_same_storage(path: str, kind: str, place: Location | None) -> None:
    assert outside_location(path, kind) == place


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "../secret.parquet",
            "--follow-external has it read: its path leads out of the table by ..",
        ),
        ("s3://other/secret.parquet", "it is not in the storage of the table, this machine"),
    ],
)
def test_what_stands_against_reading_is_told(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "table" / "_delta_log").mkdir(parents=True)
    (tmp_path / "table" / "_delta_log" / f"{0:020}.json").write_bytes(log(path, 100))
    for allowed in (False, True):
        with pytest.raises(RefusedError, match="outside") as caught:
            h5s3.preview(str(tmp_path / "table"), follow_external=allowed)
        assert words in (caught.value.hint or "")
    (tmp_path / "other.parquet").write_bytes(rows())
    (tmp_path / "table" / "_delta_log" / f"{0:020}.json").write_bytes(
        log((tmp_path / "other.parquet").as_uri(), len(rows()))
    )
    with pytest.raises(RefusedError) as caught:
        h5s3.preview(str(tmp_path / "table"))
    assert caught.value.hint == "--follow-external has it read"
    found = h5s3.preview(str(tmp_path / "table"), follow_external=True)  # of rows that no metadata counts
    assert found.shape == [3] and found.table is not None and not found.table.rows_truncated
