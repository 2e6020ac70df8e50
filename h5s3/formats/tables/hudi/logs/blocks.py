"""Blocks of log files: what was written to a file group after its base file.

Source: Hudi's technical specification, "Log file format", and `HoodieLogFormat`; numbers are big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.hudi.avro import Decoder, read_datum

MAGIC = b"#HUDI#"
COMMAND, DELETE, CORRUPT, AVRO, HFILE, PARQUET, CDC = range(7)
NAMES = {CORRUPT: "corrupt", HFILE: "HFile", CDC: "change data"}
INSTANT, TARGET, SCHEMA, COMMAND_KIND, COMPACTED, POSITIONS, IDENTIFIER, PARTIAL = range(8)  # keys of headers
MOST_ENTRIES = 100  # of a header
ROLLBACK = "0"
CONTENT = 3  # the version of what is in data and delete blocks, since Hudi 0.12
# Types of the ordering value of a deleted row: what is in the records that Hudi wraps it in (`IntWrapper` …).
# Arrays, of several ordering fields, and what came after them are not here.
ORDERING = "null boolean int long float double bytes string int bytes long long".split()


@dataclass(frozen=True)
class Block:
    """A block. `instant`: the commit that wrote it."""

    kind: int
    header: dict[int, str]
    content: bytes
    named: str

    @property
    def instant(self) -> str:
        """The commit that wrote it."""
        return self.header.get(INSTANT, "")

    @property
    def undone(self) -> str | None:
        """The commit that this block undoes, if it does."""
        rolls = self.kind == COMMAND and self.header.get(COMMAND_KIND, ROLLBACK) == ROLLBACK
        return self.header.get(TARGET) if rolls else None


def read_blocks(data: bytes, named: str) -> list[Block]:
    """The blocks of a file. Raises `DamagedError`, `RefusedError` for what is not known."""
    found: list[Block] = []
    reader = _Reader(data, named)
    while reader.at < len(data):
        if reader.take(len(MAGIC)) != MAGIC:
            raise DamagedError(
                f"{named} is no log file of Hudi, or is damaged: a block does not begin as it must"
            )
        length = reader.large()
        end = reader.at + length
        if length > len(data) - reader.at:
            raise DamagedError(f"{named} is cut short: a block claims {length} bytes")
        version = reader.small()
        if version != 1:
            raise RefusedError(f"{named} has blocks of version {version}, which is not known here")
        kind, header = reader.small(), reader.header()
        content = reader.take(reader.large())
        if reader.at > end:
            raise DamagedError(f"a block of {named} is longer than it says")
        reader.at = end
        found.append(Block(kind, header, content, named))
    return found


def check_known(block: Block) -> None:
    """Raise `RefusedError` for a block that is not read right here."""
    if block.kind not in (COMMAND, DELETE, AVRO, PARQUET):
        name = NAMES.get(block.kind, f"type {block.kind}")
        raise RefusedError(f"{block.named} has a block of {name}, which is not read")
    if block.header.get(COMPACTED):
        raise RefusedError(f"{block.named} was made by log compaction, which is not followed")
    if block.header.get(PARTIAL, "").lower() == "true":
        raise RefusedError(f"{block.named} has partial updates, which are not merged")
    if block.kind == COMMAND and block.undone is None:
        raise RefusedError(f"{block.named} has a command that is not known")


def deletes_of(block: Block) -> list[tuple[str, Any]]:
    """Keys of deleted rows, and their ordering values as they are stored."""
    reader = _Reader(block.content, block.named)
    _check_content(reader.small(), block)
    fields = [
        {"name": "recordKey", "type": ["null", "string"]},
        {"name": "partitionPath", "type": ["null", "string"]},
        {"name": "orderingVal", "type": ORDERING},
    ]
    row = {"type": "record", "name": "HoodieDeleteRecord", "fields": fields}
    rows = [{"name": "deleteRecordList", "type": {"type": "array", "items": row}}]
    file = BytesIO(reader.take(reader.small()))
    found = read_datum(file, {"type": "record", "name": "list", "fields": rows})["deleteRecordList"]
    if file.read(1) or any(isinstance(one["orderingVal"], bool | bytes) for one in found):
        raise RefusedError(f"{block.named} has deletes with ordering values of a type that is not known")
    if any(one["recordKey"] is None for one in found):
        raise RefusedError(f"{block.named} has deletes without a key")
    return [(one["recordKey"], one["orderingVal"]) for one in found]


def records_of(block: Block) -> tuple[str, list[dict[str, Any]]]:
    """The schema and the rows of a data block of Avro."""
    reader = _Reader(block.content, block.named)
    _check_content(reader.small(), block)
    schema = block.header.get(SCHEMA, "")
    decode, count = Decoder(schema, block.named), reader.small()
    if count > len(block.content):
        raise DamagedError(f"a block of {block.named} claims {count} rows")
    return schema, [decode(BytesIO(reader.take(reader.small()))) for _ in range(count)]


def _check_content(version: int, block: Block) -> None:
    if version != CONTENT:
        raise RefusedError(
            f"{block.named} has a block whose content is of version {version}, which is not read"
        )


class _Reader:
    def __init__(self, data: bytes, named: str) -> None:
        self._data, self._named = data, named
        self.at = 0

    def take(self, length: int) -> bytes:
        found = self._data[self.at : self.at + length]
        if len(found) < length:
            raise DamagedError(f"{self._named} is cut short")
        self.at += length
        return found

    def small(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def large(self) -> int:
        return int(struct.unpack(">Q", self.take(8))[0])

    def header(self) -> dict[int, str]:
        count = self.small()
        if count > MOST_ENTRIES:
            raise DamagedError(f"a block of {self._named} claims {count} entries in its header")
        return {self.small(): self.take(self.small()).decode("utf-8", "replace") for _ in range(count)}
