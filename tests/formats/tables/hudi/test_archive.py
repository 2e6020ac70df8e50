"""Instants that were archived, as the history of a table tells them."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from h5s3.formats.tables.hudi import archive
from h5s3.formats.tables.hudi.table import HudiTable, open_table
from h5s3.records import UNSET
from tests.formats.tables.hudi.tables import COMMIT, FolderPlace, Maker, rows_block

FIRST, SECOND, THIRD, FOURTH = (f"2024050112000{n}000" for n in range(1, 5))
ENTRY = {
    "type": "record",
    "name": "HoodieArchivedMetaEntry",
    "fields": [
        {"name": "hoodieCommitMetadata", "type": ["null", COMMIT], "default": None},
        {"name": "commitTime", "type": ["null", "string"], "default": None},
        {"name": "actionType", "type": ["null", "string"], "default": None},
        {"name": "actionState", "type": ["null", "string"], "default": None},
    ],
}


def said(path: str, rows: int) -> dict[str, Any]:
    stat = {
        "path": path,
        "fileId": "g1",
        "numWrites": rows,
        "numInserts": rows,
        "numDeletes": 0,
        "numUpdateWrites": 0,
    }
    return {"partitionToWriteStats": {"a": [stat]}, "operationType": "INSERT", "extraMetadata": None}


def current(folder: Path, version: int) -> tuple[Maker, str]:
    """A table with one file of an archived commit, one of a commit that is not, which replaced a third."""
    made = Maker(folder, version)
    old = made.base("g1", SECOND, [1, 2])
    gone = {"a": ["g0"]}
    made.commit(
        THIRD, {made.base("g2", THIRD, [3]): 1}, "replacecommit", replaced=gone, operationType="CLUSTER"
    )
    made.commit(FOURTH, {}, "replacecommit", replaced={"a": ["g1"]}, operationType="DELETE_PARTITION")
    return made, old


def with_logs(folder: Path) -> Maker:
    made, old = current(folder, 6)
    entries = [
        (FIRST, "clean", "COMPLETED", None),
        (SECOND, "commit", "INFLIGHT", None),
        (SECOND, "commit", "COMPLETED", said(old, 2)),
        (THIRD, "replacecommit", "COMPLETED", None),  # which was not removed yet
    ]
    rows = [
        {"hoodieCommitMetadata": what, "commitTime": time, "actionType": action, "actionState": state}
        for time, action, state, what in entries
    ]
    place = made.timeline / "archived"
    place.mkdir()
    (place / ".commits_.archive.1_1-0-1").write_bytes(rows_block(FIRST, rows, ENTRY))
    return made


def with_parquet(folder: Path) -> Maker:
    made, old = current(folder, 9)
    fastavro.writer(file := BytesIO(), COMMIT, [said(old, 2)])
    entries = [
        {"instantTime": FIRST, "completionTime": FIRST, "action": "clean", "metadata": None, "plan": None},
        {
            "instantTime": SECOND,
            "completionTime": THIRD,
            "action": "commit",
            "metadata": file.getvalue(),
            "plan": b"",
        },
    ]
    place = made.timeline / "history"
    place.mkdir()
    pq.write_table(pa.Table.from_pylist(entries), place / f"{FIRST}_{SECOND}_1.parquet")
    (place / f"{FIRST}_{FIRST}_0.parquet").write_bytes(b"merged into the other one")
    (place / "manifest_1").write_text(json.dumps({"files": [{"fileName": f"{FIRST}_{FIRST}_0.parquet"}]}))
    name = {"fileName": f"{FIRST}_{SECOND}_1.parquet", "fileLen": 1}
    outside = {"fileName": "../../../../etc/passwd"}
    (place / "manifest_2").write_text(json.dumps({"files": [name, outside]}))
    (place / "_version_").write_text("2")
    return made


@pytest.fixture(params=[with_logs, with_parquet])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Maker:
    maker: Maker = request.param(tmp_path)
    return maker


def opened(made: Maker) -> HudiTable:
    return open_table(FolderPlace(made.folder), None)


def test_the_history_goes_on_in_the_archive(made: Maker) -> None:
    table = opened(made)
    assert any("archived" in note for note in table.notes)
    history = table.history()
    assert [(one.version, one.operation) for one in history] == [
        (FOURTH, "delete_partition"), (THIRD, "cluster"), (SECOND, "insert"), (FIRST, "clean"),
    ]  # fmt: skip
    assert (history[2].rows_added, history[0].rows_removed) == (2, 2)
    assert [one.current for one in history] == [True, False, False, False]


@pytest.mark.parametrize("bound", ["MOST", "MOST_DECODED"])
def test_archives_that_are_too_long_or_damaged_are_passed_over(
    made: Maker, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(archive, bound, 1)
        assert len(opened(made).history()) == (4 if made.version == 6 and bound == "MOST_DECODED" else 2)
    for path in made.timeline.glob("*/*"):
        path.write_bytes(path.read_bytes()[:-7])
    assert len(opened(made).history()) == 2
    assert opened(made).history()[0].rows_removed is UNSET
