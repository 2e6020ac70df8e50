"""Small Iceberg tables, written piece by piece: what no library here writes (deletes, odd metadata)."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from pyroaring import BitMap64

from h5s3.errors import DamagedError
from h5s3.formats.tables.bitmaps import MAGIC
from h5s3.storage.base import Range

ELSEWHERE = "s3://where-it-was/made/table"  # recorded as the location
TIME = 1_700_000_000_000
Part = dict[str, Any]


class FolderPlace:
    """A folder as a table's place; counts the rounds that a remote one would take."""

    def __init__(self, root: Path) -> None:
        self.root, self.display = root, str(root)
        self.rounds: list[tuple[str, int]] = []

    def outside(self, location: str) -> str | None:
        return None

    def against(self, location: str) -> str:
        return "it is elsewhere"

    def names(self, path: str = "") -> list[str]:
        self.rounds.append(("names", 1))
        folder = self.root / path
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return [one.name + "/" * one.is_dir() for one in found][:1001]

    def below(self, path: str = "") -> Iterator[tuple[str, int]]:
        for folder, _, names in os.walk(self.root / path):
            for name in names:
                file = Path(folder, name)
                yield str(file.relative_to(self.root)), file.stat().st_size

    def documents(self, paths: Sequence[str], most: int = 1 << 28) -> dict[str, bytes]:
        self.rounds.append(("documents", len(paths)))
        assert not any(part in ("", "..") for path in paths for part in path.split("/"))
        return {path: (self.root / path).read_bytes() for path in paths if (self.root / path).is_file()}

    def tails(self, files: Any, length: int) -> Any:
        raise NotImplementedError

    def read(self, wanted: Sequence[tuple[str, Range]]) -> list[bytes]:
        self.rounds.append(("read", len(wanted)))
        for path, (_, stop) in wanted:
            if not (self.root / path).is_file() or (self.root / path).stat().st_size < stop:
                raise DamagedError(f"{path} is not there, or is cut short")
        return [(self.root / path).read_bytes()[start:stop] for path, (start, stop) in wanted]


def struct_of(name: str, *fields: Part) -> Part:
    return {"type": "record", "name": name, "fields": list(fields)}


def one(number: int, name: str, kind: Any, optional: bool = True) -> Part:
    return {"name": name, "field-id": number, "type": ["null", kind] if optional else kind}


def pairs(name: str, key: int, value: Any) -> Part:
    items = struct_of(name, one(key, "key", "int", False), one(key + 1, "value", value, False))
    return {"type": "array", "logicalType": "map", "items": items}


def entry_schema(partition: Sequence[Part]) -> Part:
    """What manifests of all versions hold together."""
    file = struct_of(
        "r2",
        one(134, "content", "int"),
        one(100, "file_path", "string", False),
        one(101, "file_format", "string", False),
        {"name": "partition", "field-id": 102, "type": struct_of("r102", *partition)},
        one(103, "record_count", "long", False),
        one(104, "file_size_in_bytes", "long", False),
        one(108, "column_sizes", pairs("k117_v118", 117, "long")),
        one(110, "null_value_counts", pairs("k121_v122", 121, "long")),
        one(125, "lower_bounds", pairs("k126_v127", 126, "bytes")),
        one(128, "upper_bounds", pairs("k129_v130", 129, "bytes")),
        one(131, "key_metadata", "bytes"),
        one(135, "equality_ids", {"type": "array", "items": "int", "element-id": 136}),
        one(143, "referenced_data_file", "string"),
        one(144, "content_offset", "long"),
        one(145, "content_size_in_bytes", "long"),
    )
    return struct_of(
        "manifest_entry",
        one(0, "status", "int", False),
        one(1, "snapshot_id", "long"),
        one(3, "sequence_number", "long"),
        one(4, "file_sequence_number", "long"),
        {"name": "data_file", "field-id": 2, "type": file},
    )


LIST = struct_of(
    "manifest_file",
    one(500, "manifest_path", "string", False),
    one(501, "manifest_length", "long", False),
    one(502, "partition_spec_id", "int", False),
    one(517, "content", "int", False),
    one(515, "sequence_number", "long", False),
    one(516, "min_sequence_number", "long", False),
    one(503, "added_snapshot_id", "long", False),
    one(504, "added_files_count", "int", False),
    one(505, "existing_files_count", "int", False),
    one(506, "deleted_files_count", "int", False),
    one(512, "added_rows_count", "long", False),
    one(513, "existing_rows_count", "long", False),
    one(514, "deleted_rows_count", "long", False),
    one(519, "key_metadata", "bytes"),
)


def avro(schema: Part, records: Sequence[Part], codec: str = "deflate", **metadata: str) -> bytes:
    stream = BytesIO()
    fastavro.writer(stream, schema, records, codec=codec, metadata=metadata)
    return stream.getvalue()


def column(number: int, name: str, kind: Any, **more: Any) -> Part:
    return {"id": number, "name": name, "required": False, "type": kind, **more}


ARROW = {"int": pa.int32(), "long": pa.int64(), "string": pa.string(), "double": pa.float64()}
COLUMNS = (column(1, "id", "long"), column(2, "name", "string"), column(3, "value", "double"))


def rows(columns: Sequence[Part], values: Mapping[str, Sequence[Any]], ids: bool = True) -> pa.Table:
    """Columns of an Arrow table with the ids of fields."""
    named = {one["name"]: one for one in columns}
    fields = [
        pa.field(
            name,
            ARROW[named[name]["type"]],
            metadata={"PARQUET:field_id": str(named[name]["id"])} if ids else None,
        )
        for name in values
    ]
    return pa.table([pa.array(values[one.name], one.type) for one in fields], pa.schema(fields))


@dataclass
class Made:
    """A table that is being made: its manifests so far, by the sequence numbers of their snapshots."""

    root: Path
    columns: Sequence[Part] = COLUMNS
    spec: Sequence[Part] = ()
    partition: Sequence[Part] = ()  # fields of partitions in manifests
    version: int = 2
    location: str = ELSEWHERE
    codec: str = "deflate"
    manifests: list[Part] = field(default_factory=list)
    more: Part = field(default_factory=dict)  # of the document

    def data(self, name: str, values: Mapping[str, Sequence[Any]] | pa.Table, **more: Any) -> Part:
        """A data file, which is written."""
        table = values if isinstance(values, pa.Table) else rows(self.columns, values)
        path = self.root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        return self.file(f"data/{name}", table.num_rows, path.stat().st_size, **more)

    def file(self, path: str, count: int, size: int, **more: Any) -> Part:
        return {
            "content": 0,
            "file_path": f"{self.location}/{path}",
            "file_format": "PARQUET",
            "partition": {},
            "record_count": count,
            "file_size_in_bytes": size,
        } | more

    def positions(self, name: str, hidden: Iterable[tuple[str, int]], **more: Any) -> Part:
        """A file of position deletes: of files by their names, rows by their numbers."""
        listed = list(hidden)
        schema = pa.schema(
            [
                pa.field("file_path", pa.string(), False, {"PARQUET:field_id": "2147483546"}),
                pa.field("pos", pa.int64(), False, {"PARQUET:field_id": "2147483545"}),
            ]
        )
        paths = [f"{self.location}/data/{file}" for file, _ in listed]
        return self.data(name, pa.table([paths, [row for _, row in listed]], schema), **{"content": 1} | more)

    def equality(self, name: str, values: Mapping[str, Sequence[Any]], **more: Any) -> Part:
        """A file of equality deletes, by all columns that it has."""
        ids = [one["id"] for one in self.columns if one["name"] in values]
        return self.data(name, values, **{"content": 2, "equality_ids": ids} | more)

    def vector(self, name: str, of: str, numbers: Iterable[int], **more: Any) -> Part:
        """A Puffin file with one deletion vector."""
        bitmap = BitMap64(numbers)
        body = MAGIC + bitmap.serialize()
        blob = struct.pack(">I", len(body)) + body + struct.pack(">I", zlib.crc32(body))
        footer = json.dumps(
            {
                "blobs": [
                    {
                        "type": "deletion-vector-v1", "fields": [2147483546], "snapshot-id": -1,
                        "sequence-number": -1, "offset": 4, "length": len(blob),
                        "properties": {
                            "referenced-data-file": f"{self.location}/data/{of}",
                            "cardinality": str(len(bitmap)),
                        },
                    }
                ]
            }
        ).encode()  # fmt: skip
        data = b"PFA1" + blob + b"PFA1" + footer + struct.pack("<ii", len(footer), 0) + b"PFA1"
        (self.root / "data" / name).write_bytes(data)
        return (
            self.file(f"data/{name}", len(bitmap), len(data))
            | {
                "content": 1,
                "file_format": "PUFFIN",
                "referenced_data_file": f"{self.location}/data/{of}",
                "content_offset": 4,
                "content_size_in_bytes": len(blob),
            }
            | more
        )

    def manifest(self, *files: Part, sequence: int = 1, content: int | None = None, **more: Any) -> None:
        """A manifest of files that were added; `content`: 1 for deletes."""
        path = f"metadata/m{len(self.manifests)}.avro"
        entries = [{"status": one.get("status", 1), "snapshot_id": 1, "data_file": one} for one in files]
        data = avro(
            entry_schema(self.partition), entries, self.codec, **{"format-version": str(self.version)}
        )
        self.write(path, data)
        kind = int(any(one["content"] for one in files)) if content is None else content
        self.manifests.append(
            {
                "manifest_path": f"{self.location}/{path}", "manifest_length": len(data),
                "partition_spec_id": 0, "content": kind, "sequence_number": sequence,
                "min_sequence_number": sequence, "added_snapshot_id": 1, "added_files_count": len(files),
                "existing_files_count": 0, "deleted_files_count": 0, "added_rows_count": 0,
                "existing_rows_count": 0, "deleted_rows_count": 0,
            } | more
        )  # fmt: skip

    def finish(self, name: str = "v1.metadata.json", **more: Any) -> Path:
        """The list of manifests, and the document."""
        self.write("metadata/snap-1.avro", avro(LIST, self.manifests, self.codec))
        document = {
            "format-version": self.version,
            "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
            "location": self.location,
            "last-sequence-number": 9,
            "last-updated-ms": TIME,
            "last-column-id": 99,
            "current-schema-id": 0,
            "schemas": [{"type": "struct", "schema-id": 0, "fields": list(self.columns)}],
            "default-spec-id": 0,
            "partition-specs": [{"spec-id": 0, "fields": list(self.spec)}],
            "last-partition-id": 1000,
            "default-sort-order-id": 0,
            "sort-orders": [{"order-id": 0, "fields": []}],
            "properties": {},
            "current-snapshot-id": 1,
            "snapshots": [
                {
                    "snapshot-id": 1, "sequence-number": 9, "timestamp-ms": TIME, "schema-id": 0,
                    "manifest-list": f"{self.location}/metadata/snap-1.avro",
                    "summary": {"operation": "append"},
                }
            ],
            **({"next-row-id": 0} if self.version > 2 else {}),
        }  # fmt: skip
        self.write(f"metadata/{name}", json.dumps(document | self.more | more).encode())
        return self.root

    def write(self, path: str, data: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)
