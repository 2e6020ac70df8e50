"""Tables of Hudi: those that others wrote, small ones made here, and a place that counts rounds."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from h5s3.formats.tables.place import Tail
from tests.support import ROOT

SHARED = ROOT.parent / "shared" / "tables" / "hudi"
NAMES = sorted(path.relative_to(SHARED).as_posix() for path in SHARED.rglob("*.zip"))
RECORD = {
    "type": "record",
    "name": "row",
    "fields": [
        {"name": "id", "type": "int"},
        {"name": "name", "type": ["null", "string"], "default": None},
        {"name": "part", "type": ["null", "string"], "default": None},
    ],
}
STAT = {
    "type": "record",
    "name": "HoodieWriteStat",
    "fields": [
        {"name": name, "type": ["null", "string"], "default": None} for name in ("fileId", "path", "baseFile")
    ]
    + [
        {"name": name, "type": ["null", "long"], "default": None}
        for name in ("numWrites", "numInserts", "numUpdateWrites", "numDeletes", "fileSizeInBytes")
    ],
}
WRAPPED = "boolean int long float double bytes string date decimal timeMicros timestampMicros".split()
COMMIT = {
    "type": "record",
    "name": "HoodieReplaceCommitMetadata",
    "fields": [
        {
            "name": "partitionToWriteStats",
            "type": ["null", {"type": "map", "values": {"type": "array", "items": STAT}}],
        },
        {"name": "extraMetadata", "type": ["null", {"type": "map", "values": "string"}]},
        {"name": "operationType", "type": ["null", "string"]},
        {
            "name": "partitionToReplaceFileIds",
            "type": ["null", {"type": "map", "values": {"type": "array", "items": "string"}}],
            "default": None,
        },
    ],
}


def unpacked(name: str, folder: Path) -> Path:
    """A table of the shared collection, below this folder."""
    target = folder / name.removesuffix(".zip").replace("/", "_")
    if not target.exists():
        with zipfile.ZipFile(SHARED / name) as archive:
            archive.extractall(target)
    return next(
        path.parent
        for path in sorted(target.rglob(".hoodie"))
        if "__MACOSX" not in path.parts and path.parent.name != "metadata"
    )


class FolderPlace:
    """A folder, as a table reads from it. `rounds`: what was asked for, each a round."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.display = folder, str(folder)
        self.rounds: list[tuple[str, int]] = []

    def names(self, path: str = "") -> list[str]:
        return [one.name + "/" * one.is_dir() for one in sorted((self.folder / path).iterdir())]

    def below(self, path: str = "") -> Iterator[tuple[str, int]]:
        self.rounds.append(("list", 1))
        for one in sorted((self.folder / path).rglob("*")):
            if one.is_file():
                yield one.relative_to(self.folder / path).as_posix(), one.stat().st_size

    def documents(self, paths: Sequence[str], most: int = 0) -> dict[str, bytes]:
        self.rounds.append(("documents", len(paths)))
        assert not any(".." in path.split("/") or path.startswith("/") for path in paths)
        return {path: (self.folder / path).read_bytes() for path in paths if (self.folder / path).is_file()}

    def tails(self, files: Sequence[tuple[str, int | None]], length: int) -> dict[str, Tail]:
        self.rounds.append(("tails", len(files)))
        found = {}
        for path, _ in files:
            if not (self.folder / path).is_file():
                continue
            data = (self.folder / path).read_bytes()
            found[path] = Tail(len(data), max(0, len(data) - length), data[-length:])
        return found

    def read(self, wanted: Sequence[tuple[str, tuple[int, int]]]) -> list[bytes]:
        self.rounds.append(("read", len(wanted)))
        return [(self.folder / path).read_bytes()[start:stop] for path, (start, stop) in wanted]


class Maker:
    """Writes a small table commit by commit, as version 6 (JSON) or 9 (Avro) of tables have it."""

    def __init__(self, folder: Path, version: int = 6, **properties: str) -> None:
        self.folder, self.version = folder, version
        self.timeline = folder / ".hoodie" / ("timeline" if version >= 8 else "")
        self.timeline.mkdir(parents=True, exist_ok=True)
        self.properties({"hoodie.table.partition.fields": "part", **properties})

    def properties(self, more: Mapping[str, str]) -> None:
        lines = {
            "hoodie.table.name": "made",
            "hoodie.table.type": "COPY_ON_WRITE",
            "hoodie.table.version": str(self.version),
            "hoodie.timeline.layout.version": "2" if self.version >= 8 else "1",
            "hoodie.table.recordkey.fields": "id",
            "hoodie.populate.meta.fields": "false",
            "hoodie.table.keygenerator.type": "SIMPLE",
            **{name.replace("__", "."): value for name, value in more.items()},
        }
        text = "".join(f"{name}={value}\n" for name, value in lines.items())
        (self.folder / ".hoodie" / "hoodie.properties").write_text("#Properties saved\n" + text)

    def base(
        self, group: str, instant: str, ids: Sequence[int], partition: str = "a", token: str = "0-1-2"
    ) -> str:
        """A base file; its path."""
        path = (
            f"{partition}/{group}_{token}_{instant}.parquet"
            if partition
            else f"{group}_{token}_{instant}.parquet"
        )
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        names = [f"{instant[-3:]} {number}" for number in ids]
        rows = pa.table({"id": pa.array(ids, pa.int32()), "name": names, "part": [partition] * len(ids)})
        pq.write_table(rows, self.folder / path)
        return path

    def commit(
        self,
        instant: str,
        written: Mapping[str, int] | None = None,
        action: str = "commit",
        completed: str | None = None,
        replaced: Mapping[str, Sequence[str]] | None = None,
        **more: Any,
    ) -> Path:
        """An instant that wrote these files, with so many rows each."""
        stats: dict[str, list[dict[str, Any]]] = {}
        for path, rows in (written or {}).items():
            size = (self.folder / path).stat().st_size if (self.folder / path).exists() else 0
            stats.setdefault(path.rpartition("/")[0], []).append(
                {
                    "fileId": path.rpartition("/")[2].split("_")[0],
                    "path": path,
                    "numWrites": rows,
                    "numInserts": rows,
                    "numUpdateWrites": 0,
                    "numDeletes": 0,
                    "fileSizeInBytes": size,
                }
            )
        document = {
            "partitionToWriteStats": stats,
            "extraMetadata": {"schema": json.dumps(RECORD)},
            "operationType": "UPSERT",
            "partitionToReplaceFileIds": {name: list(ids) for name, ids in (replaced or {}).items()},
            **more,
        }
        if self.version < 8:
            path = self.timeline / f"{instant}.{action}"
            path.write_text(json.dumps(document))
            return path
        path = self.timeline / f"{instant}_{completed or str(int(instant) + 500)}.{action}"
        with open(path, "wb") as file:
            fastavro.writer(file, COMMIT, [document], codec="null")
        return path


def block(kind: int, header: Mapping[int, str], content: bytes) -> bytes:
    """A block of a log file."""
    keys = b"".join(
        struct.pack(">II", key, len(text.encode())) + text.encode() for key, text in header.items()
    )
    inside = struct.pack(">III", 1, kind, len(header)) + keys
    inside += struct.pack(">Q", len(content)) + content + struct.pack(">I", 0)
    length = len(inside) + 8
    return b"#HUDI#" + struct.pack(">Q", length) + inside + struct.pack(">Q", length + 6)


def rows_block(instant: str, rows: Sequence[Mapping[str, Any]], schema: Any, **header: str) -> bytes:
    """A block of rows in Avro."""
    content = struct.pack(">II", 3, len(rows))
    for row in rows:
        fastavro.schemaless_writer(made := BytesIO(), schema, row)
        content += struct.pack(">I", len(made.getvalue())) + made.getvalue()
    more = {int(key.removeprefix("key")): text for key, text in header.items()}
    return block(3, {0: instant, 2: json.dumps(schema), **more}, content)


def wrapper(kind: str) -> dict[str, Any]:
    """The record in which Hudi holds an ordering value."""
    inside = {"date": "int", "decimal": "bytes", "timeMicros": "long", "timestampMicros": "long"}
    fields = [{"name": "value", "type": inside.get(kind, kind)}]
    return {"type": "record", "name": f"{kind}Wrapper", "fields": fields}


def deletes_block(instant: str, keys: Mapping[str, Any], kind: str = "long") -> bytes:
    """A block of deletes: keys and ordering values of a kind."""
    row = {
        "type": "record",
        "name": "HoodieDeleteRecord",
        "fields": [
            {"name": "recordKey", "type": ["null", "string"]},
            {"name": "partitionPath", "type": ["null", "string"]},
            {"name": "orderingVal", "type": ["null", *map(wrapper, WRAPPED)]},
        ],
    }
    schema = {
        "type": "record",
        "name": "l",
        "fields": [{"name": "rows", "type": {"type": "array", "items": row}}],
    }
    rows = [
        {
            "recordKey": key,
            "partitionPath": "a",
            "orderingVal": None if value is None else (f"{kind}Wrapper", {"value": value}),
        }
        for key, value in keys.items()
    ]
    fastavro.schemaless_writer(made := BytesIO(), schema, {"rows": rows})
    return block(1, {0: instant}, struct.pack(">II", 3, len(made.getvalue())) + made.getvalue())


def rollback_block(instant: str, target: str) -> bytes:
    """A block that undoes a commit."""
    return block(0, {0: instant, 1: target, 3: "0"}, b"")
