"""Which document of metadata is the current one, and which version of it is looked at."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from h5s3.errors import DamagedError, NotFoundError, RefusedError
from h5s3.formats.tables.iceberg import metadata
from h5s3.formats.tables.iceberg.metadata import Metadata
from h5s3.formats.tables.iceberg.table import open_table
from h5s3.formats.tables.meta import facts_of
from h5s3.records import UNSET
from tests.formats.tables.iceberg.making import ELSEWHERE, TIME, FolderPlace, Made, column

SECOND = {
    "snapshot-id": 2, "parent-snapshot-id": 1, "sequence-number": 10, "timestamp-ms": TIME + 86_400_000,
    "schema-id": 1, "manifest-list": f"{ELSEWHERE}/metadata/snap-1.avro",
    "summary": {
        "operation": "overwrite", "added-records": "5", "deleted-records": "2", "added-data-files": "1",
        "deleted-data-files": "1", "added-files-size": "1000", "engine-name": "spark", "engine-version": "4",
    },
}  # fmt: skip


def document(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "metadata/v1.metadata.json").read_bytes())
    return found


@pytest.fixture
def made(tmp_path: Path) -> Made:
    table = Made(tmp_path)
    table.manifest(table.data("a.parquet", {"id": [1, 2], "name": ["a", "b"], "value": [0.5, None]}))
    table.finish()
    return table


@pytest.fixture
def evolved(made: Made) -> Made:
    """Two snapshots; the second one has a column more."""
    found = document(made.root)
    later = {"type": "struct", "schema-id": 1, "fields": [*made.columns, column(4, "later", "int")]}
    found["snapshots"][0]["summary"]["operation"] = "append"
    found |= {
        "schemas": [*found["schemas"], later],
        "current-schema-id": 1,
        "snapshots": [*found["snapshots"], SECOND],
        "current-snapshot-id": 2,
        "refs": {"main": {"snapshot-id": 2, "type": "branch"}, "old": {"snapshot-id": 1, "type": "tag"}},
        "snapshot-log": [
            {"snapshot-id": 1, "timestamp-ms": TIME}, {"snapshot-id": 2, "timestamp-ms": TIME + 86_400_000}
        ],
        "metadata-log": [
            {"metadata-file": f"{ELSEWHERE}/metadata/v1.metadata.json", "timestamp-ms": TIME - 5}
        ],
    }  # fmt: skip
    made.write("metadata/v2.metadata.json", json.dumps(found).encode())
    return made


def named(root: Path, name: str, time: int) -> None:
    """One more document, told from others by its time."""
    found = json.dumps(document(root) | {"last-updated-ms": time, "current-snapshot-id": None}).encode()
    packed = gzip.compress(found) if ".gz" in name else found
    (root / "metadata" / name).write_bytes(packed)


@pytest.mark.parametrize(
    ("names", "hint", "expected"),
    [
        (["v1.metadata.json", "v2.metadata.json", "v10.metadata.json"], None, 2),
        (["00009-a.metadata.json", "00010-b.metadata.json"], None, 1),
        (["v2.gz.metadata.json", "v3.metadata.json.gz"], None, 1),
        (["v2.metadata.json", "v4.metadata.json"], "2", 0),  # 3 is not there: 4 was not reached
        (["v2.metadata.json", "v3.metadata.json"], "2\n", 1),  # the hint is written last
        (["v2.metadata.json", "v3.metadata.json"], "7", 1),
        (["00002-b.metadata.json", "00003-c.metadata.json"], "00002-b", 0),
        (["00002-a.metadata.json", "00002-b.metadata.json"], None, 1),  # two writers: the later one
        (["v2.metadata.json", ".v3.metadata.json.crc", "v4.metadata.json.tmp"], "../../x", 0),
    ],
)
def test_the_current_document(made: Made, names: list[str], hint: str | None, expected: int) -> None:
    for number, name in enumerate(names):
        named(made.root, name, TIME + 1000 * (number + 1))
    if hint is not None:
        made.write("metadata/version-hint.text", hint.encode())
    found = open_table(FolderPlace(made.root), None)
    assert isinstance(found.metadata, Metadata)
    assert found.metadata.last_updated_ms == TIME + 1000 * (expected + 1)


def test_more_names_than_a_place_tells_at_once(made: Made) -> None:
    """The hint is asked for then, and all are listed only where there is none."""
    for number in range(1001):
        (made.root / f"metadata/m-{number}.avro").touch()
    named(made.root, "v2.metadata.json", TIME + 2)
    place = FolderPlace(made.root)
    assert open_table(place, None).version is None and place.rounds[1] == ("documents", 1)
    made.write("metadata/version-hint.text", b"1")
    assert open_table(place, None).version is None
    (made.root / "metadata/v2.metadata.json").unlink()
    assert open_table(place, None).version == "1"


def test_a_document_that_is_named(evolved: Made) -> None:
    found = open_table(FolderPlace(evolved.root), None, "metadata/v1.metadata.json")
    assert found.version == "1" and [one.name for one in found.columns] == ["id", "name", "value"]


@pytest.mark.parametrize(
    ("version", "snapshot", "columns"),
    [
        (None, "2", 4),
        ("2", "2", 4),
        ("1", "1", 3),
        ("old", "1", 3),
        ("main", "2", 4),
        ("v1", "1", 3),  # the document of this number
        ("2023-11-14T22:13:20Z", "1", 3),
        ("2023-11-15", "1", 3),
        ("2023-11-15T23:13:20+01:00", "2", 4),
        ("2030-01-01", "2", 4),
    ],
)
def test_versions(evolved: Made, version: str | None, snapshot: str, columns: int) -> None:
    found = open_table(FolderPlace(evolved.root), version)
    assert (found.version, len(found.columns)) == (snapshot, columns)


@pytest.mark.parametrize("version", ["3", "v7", "new", "2020-01-01", "12345678901234567890123", "../v1"])
def test_a_version_that_is_not_there_names_those_that_are(evolved: Made, version: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        open_table(FolderPlace(evolved.root), version)
    assert "2 of 2023-11-15" in raised.value.hint and "old" in raised.value.hint


def test_history(evolved: Made) -> None:
    second, first, change = open_table(FolderPlace(evolved.root), "old").history()
    assert (second.version, second.operation, second.parent, second.by) == ("2", "overwrite", "1", "spark 4")
    assert (second.rows_added, second.rows_removed, second.bytes_added) == (5, 2, 1000)
    assert second.current and not first.current and second.time == "2023-11-15T22:13:20.000+00:00"
    assert isinstance(first.detail, dict) and first.detail["refs"] == ["old"] and first.detail["ancestor"]
    assert (change.version, change.operation) == ("v1", "metadata")


def test_a_snapshot_that_a_rollback_left_is_no_ancestor(evolved: Made) -> None:
    path = evolved.root / "metadata/v2.metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"current-snapshot-id": 1}))
    second, first, _ = open_table(FolderPlace(evolved.root), None).history()
    assert isinstance(first.detail, dict) and isinstance(second.detail, dict)
    assert first.current and first.detail["ancestor"] and not second.detail["ancestor"]


def test_what_new_rows_will_be(made: Made) -> None:
    order = {
        "order-id": 3,
        "fields": [
            {"source-id": 2, "transform": "identity", "direction": "asc", "null-order": "nulls-first"},
            {"source-id": 1, "transform": "bucket[4]", "direction": "desc", "null-order": "nulls-last"},
        ],
    }
    made.columns = [*made.columns, column(4, "d", "date", **{"write-default": "2024-02-29"})]
    found = open_table(FolderPlace(made.finish(**{"sort-orders": [order], "default-sort-order-id": 3})), None)
    assert list(found.sort_order) == ["/name asc nulls first", "bucket[4](/id) desc nulls last"]
    told = facts_of(found).columns[3]
    assert (told.write_default, told.default) == ("2024-02-29", UNSET)


def test_a_table_without_snapshots(made: Made) -> None:
    named(made.root, "v2.metadata.json", TIME)
    found = open_table(FolderPlace(made.root), None)
    assert (found.version, found.rows, list(found.files), found.refused) == (None, 0, [], None)


def test_a_table_that_was_moved_says_so(made: Made) -> None:
    found = open_table(FolderPlace(made.root), None)
    assert found.moved_from == ELSEWHERE and [one.path for one in found.files] == ["data/a.parquet"]
    path = made.root / "metadata/v1.metadata.json"
    path.write_text(path.read_text().replace(ELSEWHERE, f"file://{made.root}"))
    assert open_table(FolderPlace(made.root), None).moved_from == ELSEWHERE  # as the manifests have it
    other = Made(made.root.parent / "there", location=f"file:{made.root.parent}/there")
    other.manifest(other.data("a.parquet", {"id": [1]}))
    assert open_table(FolderPlace(other.finish()), None).moved_from is None


@pytest.mark.parametrize(
    "path",
    [
        "s3://other/table/data/a.parquet",
        "file:///etc/passwd",
        f"{ELSEWHERE}/../other/a.parquet",
        f"{ELSEWHERE}-2/a.parquet",
        f"{ELSEWHERE}/data//a.parquet",
    ],
)
def test_files_elsewhere_are_told_of_and_not_read(made: Made, path: str) -> None:
    made.manifest(made.file("data/b.parquet", 2, 10) | {"file_path": path})
    found = open_table(FolderPlace(made.finish()), None)
    assert [one.elsewhere for one in found.files] == [False, True] and found.files[1].path == path
    assert found.refused is not None and "outside the table" in found.refused and found.rows == 4


def test_manifests_elsewhere_leave_the_files_unknown(made: Made) -> None:
    made.manifests[0]["manifest_path"] = "s3://other/m0.avro"
    found = open_table(FolderPlace(made.finish()), None)
    assert found.rows is None and found.refused is not None and "s3://other/m0.avro" in found.refused
    assert [one.name for one in found.columns] == ["id", "name", "value"]


def test_encryption_is_refused_by_name(made: Made) -> None:
    made.manifest(made.file("data/b.parquet", 2, 10) | {"key_metadata": b"key"})
    assert "encryption" in str(open_table(FolderPlace(made.finish()), None).refused)
    made.manifests[0]["key_metadata"] = b"key"
    found = open_table(FolderPlace(made.finish()), None)
    assert "encryption" in str(found.refused) and found.rows is None


def test_a_version_of_the_format_that_is_not_known(made: Made) -> None:
    found = open_table(FolderPlace(made.finish(**{"format-version": 4})), None)
    assert "format version 4" in str(found.refused) and found.rows == 2
    made.write("metadata/snap-1.avro", b"PAR1 or whatever it will be")
    found = open_table(FolderPlace(made.root), None)
    assert "format version 4" in str(found.refused) and found.rows is None and found.columns


@pytest.mark.parametrize("kind", ["avro", "ORC", "lance"])
def test_formats_of_files_that_are_not_read(made: Made, kind: str) -> None:
    made.manifest(made.file("data/b.x", 2, 10) | {"file_format": kind})
    found = open_table(FolderPlace(made.finish()), None)
    assert f"format {kind.lower()}" in str(found.refused) and found.files[1].format == kind.lower()
    assert [one.known for one in found.features if kind.lower() in one.name] == [False]


def test_what_is_not_there_is_damage(made: Made) -> None:
    (made.root / "metadata/m0.avro").unlink()
    with pytest.raises(DamagedError, match=r"metadata/m0\.avro is not there"):
        open_table(FolderPlace(made.root), None)
    (made.root / "metadata/snap-1.avro").unlink()
    with pytest.raises(DamagedError, match=r"metadata/snap-1\.avro is not there"):
        open_table(FolderPlace(made.root), None)
    (made.root / "metadata/v1.metadata.json").unlink()
    with pytest.raises(NotFoundError, match=r"metadata\.json"):
        open_table(FolderPlace(made.root), None)


def test_a_document_that_unpacks_to_too_much(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "MOST_UNPACKED", 1 << 20)
    (made.root / "metadata/v2.gz.metadata.json").write_bytes(gzip.compress(b" " * (2 << 20)))
    with pytest.raises(RefusedError, match="unpacks to more than"):
        open_table(FolderPlace(made.root), None)
