"""Logs of Delta tables, written by hand, and how tables are asked."""

from __future__ import annotations

import json
import struct
import uuid
import zlib
from base64 import b85encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pyroaring import BitMap64

from h5s3.explore.session import Session
from h5s3.formats.tables.bitmaps import MAGIC
from h5s3.formats.tables.delta.table import DeltaTable
from h5s3.formats.tables.delta.vectors import DIGITS, OURS
from h5s3.settings import Settings
from tests.support import ROOT

T = TypeVar("T")
SHARED = ROOT.parent / "shared" / "tables" / "delta" / "data"
Action = dict[str, Any]
PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}


def asked(where: Path | str, question: Callable[[DeltaTable], T], version: str | None = None) -> T:
    """The answer of a table, or of a version of it."""
    with Session(Settings(no_cache=True, version=version)) as session:
        found: T = session.read(session.location(str(where)), lambda contents: question(contents.table))
        return found


def opened(where: Path | str, version: str | None = None) -> DeltaTable:
    """A table, which can tell all that its metadata tells."""
    return asked(where, lambda table: table, version)


def features(*names: str) -> Action:
    """A protocol that asks readers to know these."""
    named = {"readerFeatures": list(names), "writerFeatures": list(names)}
    return {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **named}}


def field(name: str, kind: Any, nullable: bool = True, **metadata: Any) -> dict[str, Any]:
    """A field of a schema."""
    return {"name": name, "type": kind, "nullable": nullable, "metadata": metadata}


def schema(*fields: dict[str, Any], partitions: Sequence[str] = (), **configuration: str) -> Action:
    """The metadata of a table."""
    return {
        "metaData": {
            "id": "made",
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": fields}),
            "partitionColumns": list(partitions),
            "configuration": {key.replace("__", "."): value for key, value in configuration.items()},
        }
    }


def add(path: str, rows: int | None = 3, vector: Action | None = None, **more: Any) -> Action:
    """A file. `rows`: as its statistics tell them."""
    told: Action = {"path": path, "partitionValues": {}, "size": 1, "modificationTime": 0, "dataChange": True}
    if rows is not None:
        told["stats"] = json.dumps({"numRecords": rows})
    if vector is not None:
        told["deletionVector"] = vector
    return {"add": told | more}


def remove(path: str, vector: Action | None = None) -> Action:
    """A file that is gone."""
    told: Action = {"path": path, "deletionTimestamp": 0, "dataChange": True}
    return {"remove": told if vector is None else told | {"deletionVector": vector}}


def write_log(folder: Path, *commits: Sequence[Action], first: int = 0) -> Path:
    """A table of these commits."""
    log = folder / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    for version, actions in enumerate(commits, first):
        text = "".join(json.dumps(action) + "\n" for action in actions)
        (log / f"{version:020}.json").write_text(text)
    return folder


def write_rows(path: Path, table: pa.Table) -> Action:
    """A file of rows, and the action that adds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return add(path.name, table.num_rows, size=path.stat().st_size)


def z85(data: bytes) -> str:
    """Bytes as the log has them, filled up to whole words."""
    data += bytes(-len(data) % 4)
    return b85encode(data).decode().translate(str.maketrans(OURS, DIGITS))


def inline(numbers: Sequence[int]) -> Action:
    """A deletion vector in the log."""
    body = MAGIC + BitMap64(numbers).serialize()
    return {
        "storageType": "i", "pathOrInlineDv": z85(body), "sizeInBytes": len(body), "cardinality": len(numbers)
    }  # fmt: skip


def in_file(folder: Path, *vectors: Sequence[int], prefix: str = "", absolute: bool = False) -> list[Action]:
    """Deletion vectors in one file of a table."""
    name = uuid.uuid4()
    path = folder / prefix / f"deletion_vector_{name}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    data, found = b"\x01", []
    for numbers in vectors:
        body = MAGIC + BitMap64(numbers).serialize()
        told: Action = {
            "storageType": "p" if absolute else "u",
            "pathOrInlineDv": path.as_uri() if absolute else prefix + z85(name.bytes),
            "offset": len(data),
            "sizeInBytes": len(body),
            "cardinality": len(numbers),
        }
        found.append(told)
        data += struct.pack(">I", len(body)) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data)
    return found


def checkpoint(files: int) -> bytes:
    """One of many files, partitioned by day, file `n` of `n` rows."""
    days = [f"2024-01-{n % 28 + 1:02}" for n in range(files)]
    text = pa.string()
    kinds = {"path": text, "partitionValues": pa.map_(text, text), "size": pa.int64(), "stats": text}
    kind = pa.struct(kinds | {"modificationTime": pa.int64(), "dataChange": pa.bool_()})
    adds = [
        {
            "path": f"day={day}/part-{n * 2654435761 % 2**64:020}.parquet",
            "partitionValues": [("day", day)],
            "size": n,
            "modificationTime": 0,
            "dataChange": True,
            "stats": f'{{"numRecords":{n},"minValues":{{"a":{n}}},"maxValues":{{"a":{2 * n}}}}}',
        }
        for n, day in enumerate(days)
    ]
    told = schema(field("a", "long"), field("day", "date"), partitions=["day"])["metaData"]
    format_ = pa.struct({"provider": text, "options": pa.map_(text, text)})
    facts = {"id": text, "format": format_, "schemaString": text, "partitionColumns": pa.list_(text)}
    metadata = pa.struct(facts | {"configuration": pa.map_(text, text), "createdTime": pa.int64()})
    values = {name: told[name] for name in ("id", "schemaString", "partitionColumns")}
    values |= {"format": {"provider": "parquet", "options": []}, "configuration": []}
    versions = pa.struct({"minReaderVersion": pa.int32(), "minWriterVersion": pa.int32()})
    parts = {
        "metaData": pa.array([values], metadata),
        "protocol": pa.array([PROTOCOL["protocol"]], versions),
        "add": pa.array(adds, kind),
    }
    rows = [pa.table({name: part}) for name, part in parts.items()]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.concat_tables(rows, promote_options="default"), sink)
    return bytes(sink.getvalue())
