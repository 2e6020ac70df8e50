"""Checkpoints in all shapes, and logs that were compacted, tell the same table."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable as Oracle
from deltalake import write_deltalake

from h5s3.errors import H5s3Error
from tests.formats.tables.delta.making import asked, opened
from tests.formats.tables.delta.test_agreement import agree


@pytest.fixture
def checkpointed(tmp_path: Path) -> Path:
    """A table with a checkpoint, and a commit after it; without the commits before."""
    where = str(tmp_path / "table")
    for number in range(4):
        rows = pa.table({"a": [number, None], "b": ["x", f"y{number}"]})
        write_deltalake(
            where,
            rows,
            mode="append",
            partition_by=["b"],
            configuration={"delta.logRetentionDuration": "interval 0 days"} if not number else None,
        )
    Oracle(where).create_checkpoint()
    write_deltalake(where, pa.table({"a": [9], "b": ["z"]}), mode="append")
    for version in range(3):
        (tmp_path / "table" / "_delta_log" / f"{version:020}.json").unlink(missing_ok=True)
    return tmp_path / "table"


def test_checkpoints_in_parts(checkpointed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = checkpointed / "_delta_log"
    (single,) = log.glob("*.checkpoint.parquet")
    rows = pq.read_table(single)
    before = agree(checkpointed)
    version = single.name[:20]
    single.unlink()
    (log / "_last_checkpoint").unlink()
    cuts = [0, 3, 5, rows.num_rows]
    for number, (start, stop) in enumerate(pairwise(cuts), 1):
        pq.write_table(
            rows.slice(start, stop - start), log / f"{version}.checkpoint.{number:010}.{3:010}.parquet"
        )
    assert [one.path for one in agree(checkpointed).files] == [one.path for one in before.files]
    monkeypatch.setattr("h5s3.formats.tables.delta.fetched.PORTION", 1)  # bytes: one after another then
    assert [one.path for one in agree(checkpointed).files] == [one.path for one in before.files]
    next(log.glob("*.0000000002.0000000003.parquet")).unlink()
    with pytest.raises(H5s3Error, match="commit of version 0 is missing"):
        asked(checkpointed, lambda table: table.version)


@pytest.mark.parametrize(
    ("kind", "sidecars"),
    [
        ("json", 2),
        ("parquet", 2),
        pytest.param("classic", 2, marks=pytest.mark.slow),
        pytest.param("json", 0, marks=pytest.mark.slow),
        ("parquet", 0),
    ],
)
def test_checkpoints_of_the_second_version(kind: str, sidecars: int, checkpointed: Path) -> None:
    """The same in other shapes: as text or columns, files in it or beside it."""
    log = checkpointed / "_delta_log"
    (single,) = log.glob("*.checkpoint.parquet")
    before = agree(checkpointed)
    table = pq.read_table(single)
    single.unlink()
    (log / "_last_checkpoint").unlink()
    actions = [
        {name: one for name, one in row.items() if one is not None}
        for row in table.to_pylist(maps_as_pydicts="strict")
    ]
    files = [one for one in actions if "add" in one]
    others = [one for one in actions if not {"add", "remove"} & set(one)]
    for one in others:
        if "protocol" in one:
            one["protocol"] = {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": ["v2Checkpoint"],
                "writerFeatures": ["v2Checkpoint"],
            }
    others.append({"checkpointMetadata": {"version": int(single.name[:20])}})
    (log / "_sidecars").mkdir()
    for number in range(sidecars):
        name = f"part{number}.parquet"
        part = table.select(["add"]).filter(table["add"].is_valid())
        half = part.num_rows // 2
        pq.write_table(part.slice(number * half, half if not number else None), log / "_sidecars" / name)
        size = (log / "_sidecars" / name).stat().st_size
        others.append({"sidecar": {"path": name, "sizeInBytes": size, "modificationTime": 0}})
    lines = others if sidecars else others + files
    named = ".80a083e8-7026-4e79-81be-64bd76c43a11" if kind != "classic" else ""
    target = log / f"{single.name[:20]}.checkpoint{named}.{'json' if kind == 'json' else 'parquet'}"
    if kind == "json":
        target.write_text("".join(json.dumps(one) + "\n" for one in lines))
    else:
        kept = table.filter(pa.compute.invert(table["add"].is_valid())) if sidecars else table
        pq.write_table(as_second_version(kept, others), target)
    found = agree(checkpointed) if not (kind == "json" and not sidecars) else opened(checkpointed)
    assert sorted(one.path for one in found.files) == sorted(one.path for one in before.files)
    assert found.rows == before.rows and [one.name for one in found.features] == ["v2Checkpoint"]


def as_second_version(table: pa.Table, others: list[dict[str, Any]]) -> pa.Table:
    """With its protocol, and rows that name other files."""
    text, long = pa.string(), pa.int64()
    names = pa.list_(text)
    protocol = pa.struct(
        {
            "minReaderVersion": pa.int32(),
            "minWriterVersion": pa.int32(),
            "readerFeatures": names,
            "writerFeatures": names,
        }
    )
    sidecar = pa.struct({"path": text, "sizeInBytes": long, "modificationTime": long})
    metadata = pa.struct({"version": long})
    kept = table.filter(pa.compute.invert(table["protocol"].is_valid())).drop_columns("protocol")
    wanted = [one for one in others if {"protocol", "sidecar", "checkpointMetadata"} & set(one)]
    more = pa.table({
        "protocol": pa.array([one.get("protocol") for one in wanted], protocol),
        "sidecar": pa.array([one.get("sidecar") for one in wanted], sidecar),
        "checkpointMetadata": pa.array([one.get("checkpointMetadata") for one in wanted], metadata),
    })  # fmt: skip
    kept = pa.table(
        {name: pa.array(kept[name].to_pylist(), optional(kept[name].type)) for name in kept.schema.names}
    )
    return pa.concat_tables([more, kept], promote_options="default")


def optional(kind: pa.DataType) -> pa.DataType:
    """A type whose fields may all be null."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(one.name, optional(one.type)) for one in kind])
    return kind


def test_a_log_that_was_compacted(tmp_path: Path) -> None:
    """Compacted commits stand for those that they hold, and are not read where the version is in between."""
    where = str(tmp_path / "table")
    for number in range(5):
        write_deltalake(where, pa.table({"a": [number]}), mode="append" if number != 3 else "overwrite")
    table = Oracle(where)
    before = [agree(tmp_path / "table", version) for version in range(5)]
    table.compact_logs(1, 3)
    assert list((tmp_path / "table" / "_delta_log").glob("*.compacted.json"))
    for version in range(5):
        found = agree(tmp_path / "table", version)
        assert sorted(one.path for one in found.files) == sorted(one.path for one in before[version].files)
    for version in (1, 2):
        (tmp_path / "table" / "_delta_log" / f"{version:020}.json").unlink()
    found = opened(tmp_path / "table")
    assert sorted(one.path for one in found.files) == sorted(one.path for one in before[4].files)
    shutil.rmtree(tmp_path)
