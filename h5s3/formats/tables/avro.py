"""Avro files of metadata, within bounds: what they unpack to, and what their schemas may make of a few bytes.

Source: Avro 1.11, "Object Container Files" and "Binary Encoding".
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from h5s3.errors import DamagedError, H5s3Error, RefusedError
from h5s3.formats.tables.arrow import reading
from h5s3.sizes import MIB

MAGIC, SYNC = b"Obj\x01", 16
MOST_UNPACKED = 256 * MIB  # of one file
MOST_NODES = 20_000  # types in a schema, those counted again that are named again
MOST_EMPTY = 64  # of these, such that take no bytes
DEEPEST = 64
SIZES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}

Named = Callable[[dict[str, Any], int], str]  # what a field of a record becomes, by its depth


@dataclass(frozen=True)
class Container:
    """An Avro file. `schema`: as its header has it; `records`: to be taken once."""

    metadata: dict[str, bytes]
    schema: Any
    records: Iterator[Any]


@dataclass
class Decoder:
    """Reads files, most of which have the same schema.

    Values come without their logical types (a date is a number), fields by the names that `named` gives them,
    None for those that are left out.
    """

    named: Named = lambda field, _: str(field["name"])
    _schemas: dict[bytes, tuple[Any, Any]] = field(default_factory=dict)

    def read(self, data: bytes, what: str, most: int = MOST_UNPACKED) -> Container:
        """A file. Raises `DamagedError`, and `RefusedError` for one that unpacks to more than `most`."""
        header = _Header(what, data)
        text = header.metadata.get("avro.schema", b"")
        if text not in self._schemas:
            self._schemas[text] = self._parsed(text, what)
        schema, parsed = self._schemas[text]
        return Container(header.metadata, schema, _records(header, parsed, most))

    def _parsed(self, text: bytes, what: str) -> tuple[Any, Any]:
        schema, clean = read_schema(text, what, self.named)
        try:
            from fastavro import parse_schema
            from fastavro.schema import SchemaParseException
        except ImportError:
            raise H5s3Error(
                "Avro files need the package fastavro", hint="pip install 'h5s3[tables]'"
            ) from None
        try:
            return schema, parse_schema(clean)
        except (SchemaParseException, ValueError, TypeError, KeyError) as error:
            raise DamagedError(f"the Avro schema of {what} cannot be read: {error}") from None


def read_schema(text: bytes, what: str, named: Named = Decoder.named) -> tuple[Any, Any]:
    """A schema as it is, and written anew. Raises `DamagedError` for one that is not safe to decode by."""
    try:
        schema = json.loads(text)
        return schema, _Clean(named).type(schema, 0)
    except (RecursionError, ValueError, TypeError, KeyError) as error:
        raise DamagedError(f"the Avro schema of {what} cannot be read: {error}") from None


def _records(header: _Header, parsed: Any, most: int) -> Iterator[Any]:
    from fastavro import schemaless_reader

    codec = header.metadata.get("avro.codec", b"null").decode("ascii", "replace")
    left = most
    for count, packed in header.blocks():
        with reading(f"a block of {header.what}"):
            block = unpacked(codec, packed, left, header.what)
        left -= len(block)
        if count > len(block):
            raise DamagedError(f"{header.what} claims {count} records in {len(block)} bytes")
        stream = BytesIO(block)
        try:
            for _ in range(count):
                yield schemaless_reader(stream, parsed, None)
        except (EOFError, ValueError, IndexError, TypeError, KeyError, OverflowError) as error:
            told = str(error)[:200] or type(error).__name__
            raise DamagedError(f"a record of {header.what} cannot be read: {told}") from None


class _Header:
    """The beginning of a file, and the way through its blocks."""

    def __init__(self, what: str, data: bytes) -> None:
        self.what, self._data, self._at = what, data, 0
        if self._take(4) != MAGIC:
            raise DamagedError(f"{what} is not an Avro file")
        self.metadata: dict[str, bytes] = {}
        while count := self._number():
            if count < 0:
                count = -count
                self._number()
            for _ in range(count):
                key = self._take(self._number()).decode("utf-8", "replace")
                self.metadata[key] = self._take(self._number())
        self._sync = self._take(SYNC)

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Records and packed bytes of each block."""
        while self._at < len(self._data):
            count = self._number()
            packed = self._take(self._number())
            if count < 0 or self._take(SYNC) != self._sync:
                raise DamagedError(f"{self.what} is damaged between its blocks")
            yield count, packed

    def _take(self, length: int) -> bytes:
        if not 0 <= length <= len(self._data) - self._at:
            raise DamagedError(f"{self.what} is cut short")
        self._at += length
        return self._data[self._at - length : self._at]

    def _number(self) -> int:
        found = shift = 0
        while shift < 70:
            byte = self._take(1)[0]
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (found >> 1) ^ -(found & 1)
            shift += 7
        raise DamagedError(f"{self.what} has a number that is too long")


@dataclass
class _Clean:
    """Writes a schema anew, with names of its own, of what is known to be safe to decode: no type is inside
    itself, no array has items without bytes, and types do not multiply."""

    named: Named
    nodes: int = 0
    empty: int = 0
    sizes: dict[str, tuple[str, int, int, int] | None] = field(default_factory=dict)  # None: while inside

    def type(self, schema: Any, depth: int) -> Any:
        """A type without what is not needed to decode it."""
        return self._type(schema, depth)[0]

    def _type(self, schema: Any, depth: int) -> tuple[Any, int]:
        """A type, and the fewest bytes that a value takes."""
        self.nodes += 1
        if depth > DEEPEST or self.nodes > MOST_NODES:
            raise ValueError("it is nested too deep, or has too many types")
        if isinstance(schema, str):
            return self._plain(schema)
        if isinstance(schema, list):  # one byte at least tells which of the types it is
            return [one if one == "null" else self._type(one, depth + 1)[0] for one in schema], 1
        kind = schema["type"]
        if isinstance(kind, dict | list):
            return self._type(kind, depth + 1)
        if kind == "record":
            return self._definition(schema, depth)
        if kind == "array":
            items, least = self._type(schema["items"], depth + 1)
            if not least:
                raise ValueError("items of an array take no bytes")
            return {"type": "array", "items": items}, 1
        if kind == "map":
            return {"type": "map", "values": self._type(schema["values"], depth + 1)[0]}, 1
        if kind in ("fixed", "enum"):
            return self._definition(schema, depth)
        return self._plain(kind)

    def _plain(self, kind: str) -> tuple[Any, int]:
        if kind in SIZES:
            if not SIZES[kind]:
                self._add_empty(1)
            return kind, SIZES[kind]
        known = self.sizes.get(kind)
        if known is None:
            raise ValueError(f"type {kind} is not defined, or inside itself")
        name, least, nodes, empty = known
        self.nodes += nodes
        self._add_empty(empty)
        return name, least

    def _definition(self, schema: dict[str, Any], depth: int) -> tuple[Any, int]:
        name, kind = f"T{self.nodes}", schema["type"]
        nodes, empty = self.nodes, self.empty
        known = {str(schema.get("name")), f"{schema.get('namespace', '')}.{schema.get('name')}"}
        for one in known:
            self.sizes[one] = None
        clean: dict[str, Any] = {"type": kind, "name": name}
        if kind == "record":
            least = 0
            clean["fields"] = []
            for number, inner in enumerate(schema["fields"]):
                found, size = self._type(inner["type"], depth + 1)
                least += size
                clean["fields"].append({"name": self.named(inner, depth) or f"_{number}", "type": found})
        elif kind == "fixed":
            clean["size"] = least = int(schema["size"])
            if least < 0:
                raise ValueError("a size is below zero")
        else:
            clean["symbols"], least = [f"S{number}" for number, _ in enumerate(schema["symbols"])], 1
        if not least:
            self._add_empty(1)
        for one in known:
            self.sizes[one] = (name, least, self.nodes - nodes, self.empty - empty)
        return clean, least

    def _add_empty(self, count: int) -> None:
        self.empty += count
        if self.empty > MOST_EMPTY:
            raise ValueError("too many of its types take no bytes")


def unpacked(codec: str, data: bytes, most: int, what: str) -> bytes:
    """The bytes of a block. Raises `RefusedError` for more than `most`."""
    if codec == "null":
        found = data
    elif codec == "deflate":
        found = inflated(data, -15, most, what)
    elif codec == "snappy":
        found = _snappy(data, most, what)
    elif codec in ("zstandard", "bzip2"):
        import pyarrow as pa

        with pa.input_stream(pa.BufferReader(data), "zstd" if codec == "zstandard" else "bz2") as stream:
            found = stream.read(most + 1)
    else:
        raise RefusedError(f"{what} is packed with {codec[:40]}, which is not known here")
    if len(found) > most:
        raise RefusedError(f"{what} unpacks to more than {MOST_UNPACKED // MIB} MiB")
    return found


def inflated(data: bytes, window: int, most: int, what: str) -> bytes:
    """Bytes that zlib packed, at most one more than `most`. `window`: -15: bare, 31: gzip."""
    unpacker = zlib.decompressobj(window)
    try:
        found = unpacker.decompress(data, most + 1)
    except zlib.error as error:
        raise DamagedError(f"{what} cannot be unpacked: {error}") from None
    if len(found) <= most and not unpacker.eof:
        raise DamagedError(f"{what} is cut short")
    return found


def _snappy(data: bytes, most: int, what: str) -> bytes:
    import pyarrow as pa

    size = shift = 0
    for byte in data[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > most:
        raise RefusedError(f"{what} unpacks to more than {MOST_UNPACKED // MIB} MiB")
    found: bytes = pa.Codec("snappy").decompress(data[:-4], size, asbytes=True)
    if zlib.crc32(found).to_bytes(4, "big") != data[-4:]:
        raise DamagedError(f"{what} is not what its checksum says")
    return found
