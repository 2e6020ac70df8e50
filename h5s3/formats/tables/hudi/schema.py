"""Avro schemas as columns: in them, commits and properties tell what a table has.

Types are those of Hudi's own reader: dates, times and decimals by their logical types, `["null", T]` as a T
that may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.hudi.avro import MOST_SCHEMA
from h5s3.formats.tables.table import Column

DEEPEST = 100
MOST_COLUMNS = 100_000
META = (
    "_hoodie_commit_time",
    "_hoodie_commit_seqno",
    "_hoodie_record_key",
    "_hoodie_partition_path",
    "_hoodie_file_name",
)
OPERATION = "_hoodie_operation"
PLAIN = {
    "null": "null",
    "boolean": "bool_",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "bytes": "binary",
    "string": "string",
}
TIMES = {
    "date": ("date32", ()),
    "time-millis": ("time32", ("ms",)),
    "time-micros": ("time64", ("us",)),
    "timestamp-millis": ("timestamp", ("ms", "UTC")),
    "timestamp-micros": ("timestamp", ("us", "UTC")),
    "timestamp-nanos": ("timestamp", ("ns", "UTC")),
    "local-timestamp-millis": ("timestamp", ("ms",)),
    "local-timestamp-micros": ("timestamp", ("us",)),
    "local-timestamp-nanos": ("timestamp", ("ns",)),
}


def columns_of(schema: str, keys: Collection[str] = ()) -> list[Column]:
    """The columns of a record. Raises `DamagedError` for what is no Avro schema of one."""
    if len(schema) > MOST_SCHEMA:
        raise RefusedError(f"its schema is of {len(schema)} characters, more than {MOST_SCHEMA}")
    try:
        found = json.loads(schema.strip().replace("\\:", ":"))
        reader = _Reader()
        return reader.fields(found, 0, keys)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(f"its schema is no schema of Avro: {str(error)[:200]}") from None


def meta_columns(operation: bool = False) -> list[Column]:
    """What Hudi adds to each row."""
    return [text_column(name) for name in (*META, *([OPERATION] if operation else []))]


def text_column(name: str) -> Column:
    """A column of texts."""
    import pyarrow as pa

    return Column(name, "string", pa.string())


class _Reader:
    """Types by name, as Avro refers to them."""

    def __init__(self) -> None:
        self._named: dict[str, Any] = {}
        self._count = 0

    def fields(self, schema: Any, depth: int, keys: Collection[str] = ()) -> list[Column]:
        return [
            self.column(one["name"], one["type"], depth, one.get("doc"), key=one["name"] in keys)
            for one in schema["fields"]
        ]

    def column(self, name: str, schema: Any, depth: int, doc: Any = None, key: bool = False) -> Column:
        """One field, with all below it."""
        self._count += 1
        if self._count > MOST_COLUMNS or depth > DEEPEST:
            raise ValueError(f"more than {MOST_COLUMNS:,} columns, or {DEEPEST} levels")
        if not isinstance(name, str):
            raise ValueError("a field has no name")
        nullable, kind = _nullable(schema)
        kind = self._resolved(kind)
        words, arrow, children = self._type(kind, depth)
        return Column(
            name,
            words,
            arrow,
            nullable,
            comment=doc if isinstance(doc, str) else "",
            key=key,
            from_numbers=words == "string",
            children=tuple(children),
        )

    def _resolved(self, kind: Any) -> Any:
        """A type that was named before, or this one, whose name is kept."""
        if isinstance(kind, str) and kind not in PLAIN:
            return self._named[kind if kind in self._named else kind.rpartition(".")[2]]
        if isinstance(kind, dict) and isinstance(kind.get("type"), dict | list):
            return self._resolved(_nullable(kind["type"])[1])
        if isinstance(kind, dict) and kind.get("name"):
            self._named[str(kind["name"])] = self._named[str(kind["name"]).rpartition(".")[2]] = kind
        return kind

    def _type(self, kind: Any, depth: int) -> tuple[str, Any, list[Column]]:
        """In the words of Avro, as Arrow has it, and what is inside."""
        import pyarrow as pa

        if isinstance(kind, str):
            return kind, getattr(pa, PLAIN[kind])(), []
        if isinstance(kind, list):
            return " | ".join(map(_word, kind)), None, []
        what = kind["type"]
        if what in ("record", "error"):
            inside = self.fields(kind, depth + 1)
            return "record", _arrow_of(pa.struct, inside, list(map(_field, inside))), inside
        if what == "array":
            item = self.column("element", kind["items"], depth + 1)
            return f"array<{item.type}>", _arrow_of(pa.list_, [item], _field(item)), [item]
        if what == "map":
            key = Column("key", "string", pa.string(), nullable=False)
            item = self.column("value", kind["values"], depth + 1)
            return f"map<{item.type}>", _arrow_of(pa.map_, [item], pa.string(), _field(item)), [key, item]
        return _scalar(kind)


def _scalar(kind: dict[str, Any]) -> tuple[str, Any, list[Column]]:
    import pyarrow as pa

    what, logical = kind["type"], kind.get("logicalType")
    if logical == "decimal":
        precision, scale = int(kind["precision"]), int(kind.get("scale", 0))
        made = pa.decimal128 if precision <= 38 else pa.decimal256
        return f"{what} decimal({precision},{scale})", made(precision, scale), []
    if logical in TIMES:
        name, parameters = TIMES[logical]
        return f"{what} {logical}", getattr(pa, name)(*parameters), []
    if what == "enum":
        return "enum", pa.string(), []
    if what == "fixed":
        size = int(kind["size"])
        if size < 0:
            raise ValueError("a type has less than no bytes")
        return f"fixed({size})", pa.binary(size), []
    return (f"{what} {logical}" if isinstance(logical, str) else what), getattr(pa, PLAIN[what])(), []


def _nullable(schema: Any) -> tuple[bool, Any]:
    """Whether a value may be missing, and the type of those that are there."""
    if not isinstance(schema, list):
        return schema == "null", schema
    kinds = [one for one in schema if one != "null"]
    kind = kinds[0] if len(kinds) == 1 else kinds or "null"
    return len(kinds) < len(schema), kind


def _field(column: Column) -> Any:
    import pyarrow as pa

    return pa.field(column.name, column.arrow or pa.null(), column.nullable)


def _arrow_of(make: Any, inside: list[Column], *parameters: Any) -> Any:
    """A type that holds others, if these have types of Arrow."""
    return make(*parameters) if all(one.arrow is not None for one in inside) else None


def _word(kind: Any) -> str:
    return str(kind.get("type")) if isinstance(kind, dict) else str(kind)
