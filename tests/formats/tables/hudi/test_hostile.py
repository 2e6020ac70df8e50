"""Whatever stands in a table of Hudi ends in an answer or in one error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.tables.hudi import opening
from h5s3.formats.tables.hudi.avro import Decoder
from h5s3.formats.tables.hudi.commits import commit_of, document_of
from h5s3.formats.tables.hudi.table import open_table
from tests.formats.tables.hudi.tables import COMMIT, RECORD, FolderPlace, Maker

INSTANT = "20240501120001000"


def laughs(depth: int) -> dict[str, Any]:
    """A schema whose values are many, of no bytes."""
    inner: dict[str, Any] = {"type": "record", "name": "r0", "fields": []}
    for level in range(1, depth):
        fields = [{"name": "a", "type": inner}, {"name": "b", "type": f"r{level - 1}"}]
        inner = {"type": "record", "name": f"r{level}", "fields": fields}
    return inner


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "record", "name": "r", "fields": []}},
        {"type": "array", "items": {"type": "fixed", "name": "f", "size": 0}},
        {"type": "record", "name": "r", "fields": [{"name": "r", "type": ["null", "r"]}]},
        {"type": "array"},
        laughs(40),
        7,
    ],
    ids=["records", "fixed", "itself", "array", "laughs", "number"],
)
def test_schemas_that_are_not_followed(schema: Any) -> None:
    with pytest.raises(DamagedError, match="Avro schema of it"):
        Decoder(json.dumps(schema), "it")


def test_documents_have_schemas_that_are_followed(tmp_path: Path) -> None:
    made = Maker(tmp_path, 9)
    path = made.commit(INSTANT, {made.base("g1", INSTANT, [1]): 1})
    path.write_bytes(path.read_bytes().replace(b'"long"', b'"lung"'))
    with pytest.raises(DamagedError, match="Avro schema"):
        open_table(FolderPlace(tmp_path), None)


@pytest.mark.parametrize(
    "document",
    [
        b"\x00\x01", b"[]", b"{", b"[" * 200_000, b"1" * 10_000,
        b'{"partitionToWriteStats": 7}', b'{"partitionToWriteStats": {"a": {}}}',
        b'{"partitionToWriteStats": {"a": [7]}}', b'{"partitionToWriteStats": {"a": [{"path": 7}]}}',
        b'{"partitionToReplaceFileIds": {"a": "g1"}}', b'{"extraMetadata": []}',
    ],
)  # fmt: skip
def test_documents_that_are_none(tmp_path: Path, document: bytes) -> None:
    made = Maker(tmp_path)
    made.commit(INSTANT, {made.base("g1", INSTANT, [1]): 1}).write_bytes(document)
    with pytest.raises(DamagedError):
        open_table(FolderPlace(tmp_path), None)


def test_counts_that_make_no_sense_are_not_told() -> None:
    stat = {"path": "a/g1", "fileId": "g1", "numWrites": -1, "numInserts": True, "fileSizeInBytes": 1 << 70}
    (found,) = commit_of({"partitionToWriteStats": {"a": [stat]}}, "it").stats
    assert (found.rows, found.inserts, found.size) == (None, None, None)


def test_paths_that_lead_elsewhere_are_not_followed(tmp_path: Path) -> None:
    """What is read are files that were listed: the place refuses all else, and here it would fail."""
    for number, path in enumerate(["../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "a/../../x"]):
        made = Maker(tmp_path / str(number))
        inside = made.base("g1", INSTANT, [1])
        made.commit(INSTANT, {inside: 1, path: 5}, replaced={"..": ["../g1"]}, action="replacecommit")
        table = open_table(FolderPlace(tmp_path / str(number)), None)
        table.read_statistics()
        assert [one.path for one in table.files] == [inside]
        assert table.history()[0].files_added == 2


def test_names_with_escapes_stay_as_they_are(tmp_path: Path) -> None:
    made = Maker(tmp_path)
    path = made.base("g\x1b[31m1", INSTANT, [1], "a\n\x1b]0;x\x07")
    made.commit(INSTANT, {path: 1})
    (file,) = open_table(FolderPlace(tmp_path), None).files
    assert (file.path, file.partition) == (path, {"part": "a\n\x1b]0;x\x07"})


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("hoodie.table.version", "nine", DamagedError),
        ("hoodie.table.version", "9" * 5000, DamagedError),
        ("hoodie.timeline.layout.version", "3", RefusedError),
        ("hoodie.timeline.path", "../../..", DamagedError),
    ],
)
def test_properties_that_are_not_right(tmp_path: Path, name: str, value: str, error: type[H5s3Error]) -> None:
    layout = {"hoodie.timeline.layout.version": "2"} if "path" in name else {}
    made = Maker(tmp_path)
    made.commit(INSTANT, {made.base("g1", INSTANT, [1]): 1})
    made.properties({**layout, name: value})
    if "path" in name:
        assert open_table(FolderPlace(tmp_path), None).version is None  # nothing is there
        return
    with pytest.raises(error):
        open_table(FolderPlace(tmp_path), None)


class Listed(FolderPlace):
    """A table that is a listing alone."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        super().__init__(folder)
        self.more = dict.fromkeys(names)

    def below(self, path: str = "") -> Iterator[tuple[str, int]]:
        yield from super().below(path)
        yield from ((name, 10) for name in self.more)

    def documents(self, paths: Any, most: int = 0) -> dict[str, bytes]:
        found = super().documents(paths, most)
        return {**{path: b"" for path in paths if path in self.more}, **found}


@pytest.mark.parametrize("count", [2_500, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_long_timeline_is_read_by_its_names(tmp_path: Path, count: int) -> None:
    Maker(tmp_path, hoodie__table__create__schema=json.dumps(RECORD))
    names = [f".hoodie/{20240501120000000 + number}.commit" for number in range(count)]
    names += [f"a/g{number}_0-1-2_{20240501120000000 + number}.parquet" for number in range(count)]
    place = Listed(tmp_path, names)
    table = open_table(place, None)
    assert len(table.files) == count
    assert place.rounds[1][1] < 200
    assert len(table.history()) == count
    assert place.rounds[2][1] == 2000


def test_commits_that_replace_without_end_are_refused(tmp_path: Path) -> None:
    Maker(tmp_path)
    names = [f".hoodie/{20240501120000000 + number}.replacecommit" for number in range(5001)]
    with pytest.raises(RefusedError, match="5,000 commits replaced"):
        open_table(Listed(tmp_path, names), None)


def test_documents_have_a_bound_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Maker(tmp_path)
    made.commit(INSTANT, {made.base("g1", INSTANT, [1]): 1})
    monkeypatch.setattr(opening, "MOST_FETCHED", 100)
    with pytest.raises(RefusedError, match="its timeline says"):
        open_table(FolderPlace(tmp_path), None)


def test_documents_of_avro_are_read(tmp_path: Path) -> None:
    file = BytesIO()
    fastavro.writer(
        file, COMMIT, [{"operationType": "INSERT", "partitionToWriteStats": None, "extraMetadata": None}]
    )
    assert commit_of(document_of(file.getvalue(), "it"), "it").operation == "insert"
    assert document_of(b"", "it") == {}
