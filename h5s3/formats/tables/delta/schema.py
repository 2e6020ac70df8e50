"""Columns, from the schema that the log has as JSON.

Source: Delta Transaction Log Protocol, "Schema Serialization Format", "Column Mapping", "Type Widening".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError
from h5s3.formats.encoding.documents import parsed
from h5s3.formats.tables.arrow import require_pyarrow
from h5s3.formats.tables.table import VARIANT, Column

if TYPE_CHECKING:
    import pyarrow as pa

DEEPEST = 50
MOST_FIELDS = 100_000
MAPPED = "delta.columnMapping"
DECIMAL = re.compile(r"decimal(?:\(\s*([0-9]{1,2})\s*,\s*(-?[0-9]{1,2})\s*\))?")
ORDER = ("byte", "short", "integer", "long")
DIGITS = {
    "byte": 10,
    "short": 10,
    "integer": 10,
    "long": 20,
}  # before the point, of decimals that they become


def columns_of(schema: Any, mapped: bool) -> tuple[Column, ...]:
    """The columns of a table. `mapped`: whether they have other names, and numbers, in the files.

    Raises `DamagedError`.
    """
    if not isinstance(schema, str):
        raise DamagedError("its log has no schema")
    return _Reader(mapped).fields(parsed(schema, "the schema in its log"), 0)


def changes_of(schema: str) -> Iterator[tuple[str, str, str]]:
    """The types that columns had before: the column, the type it had, the type that followed."""
    level: list[Any] = [parsed(schema, "the schema in its log")]
    while level:
        value = level.pop()
        if isinstance(value, list):
            level += value
        elif isinstance(value, dict):
            metadata = value.get("metadata")
            for change in (metadata.get("delta.typeChanges") or ()) if isinstance(metadata, dict) else ():
                told = change if isinstance(change, dict) else {}
                yield str(value.get("name")), str(told.get("fromType")), str(told.get("toType"))
            level += [one for one in value.values() if isinstance(one, dict | list)]


def is_wider(old: str, new: str) -> bool:
    """Whether values of a type are, as they are, values of another: one of the changes that there may be."""
    if old in ORDER and new in ORDER:
        return ORDER.index(old) <= ORDER.index(new)
    if new == "double":
        return old in ("float", *ORDER[:3])
    if (old, new) == ("date", "timestamp_ntz") or old in ("void", "null"):
        return True
    wide, narrow = DECIMAL.fullmatch(new), DECIMAL.fullmatch(old)
    if wide is None or wide[1] is None:
        return False
    digits, scale = int(wide[1]), int(wide[2])
    if narrow is not None and narrow[1] is not None:
        return digits - int(narrow[1]) >= scale - int(narrow[2]) >= 0
    return old in DIGITS and digits - DIGITS[old] >= scale >= 0


class _Reader:
    def __init__(self, mapped: bool) -> None:
        self._mapped = mapped
        self._count = 0
        self._pa = require_pyarrow()

    def fields(self, struct: dict[str, Any], depth: int) -> tuple[Column, ...]:
        """The fields of a struct."""
        found = struct.get("fields")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise DamagedError("the schema in its log has a struct without fields")
        names = [one.get("name") for one in found]
        if len(set(map(str, names))) < len(names) or not all(
            isinstance(name, str) and name for name in names
        ):
            raise DamagedError("the schema in its log has fields without names, or two of one name")
        return tuple(self._field(one, depth) for one in found)

    def _field(self, told: dict[str, Any], depth: int) -> Column:
        metadata = told.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        number, physical = metadata.get(f"{MAPPED}.id"), metadata.get(f"{MAPPED}.physicalName")
        comment = metadata.get("comment")
        return self._column(
            told["name"],
            told.get("type"),
            told.get("nullable") is not False,
            depth,
            field_id=number if self._mapped and isinstance(number, int) else None,
            physical=physical if self._mapped and isinstance(physical, str) else None,
            comment=comment if isinstance(comment, str) else "",
        )

    def _column(self, name: str, told: Any, nullable: bool, depth: int, **more: Any) -> Column:
        self._count += 1
        if depth > DEEPEST or self._count > MOST_FIELDS:
            raise DamagedError(
                f"the schema in its log has more than {DEEPEST} levels, or {MOST_FIELDS:,} fields"
            )
        if isinstance(told, str):
            inside = self._variant() if told == VARIANT else ()
            return Column(name, told, self._simple(told), nullable, children=inside, **more)
        kind = told.get("type") if isinstance(told, dict) else None
        if kind == "struct":
            inner: Sequence[Column] = self.fields(told, depth + 1)
            word = "struct"
        elif kind == "array":
            may = told.get("containsNull") is not False
            inner = (self._column("element", told.get("elementType"), may, depth + 1),)
            word = f"array<{inner[0].type}>"
        elif kind == "map":
            may = told.get("valueContainsNull") is not False
            inner = (
                self._column("key", told.get("keyType"), False, depth + 1),
                self._column("value", told.get("valueType"), may, depth + 1),
            )
            word = f"map<{inner[0].type}, {inner[1].type}>"
        elif isinstance(kind, str):
            return self._column(name, kind, nullable, depth + 1, **more)
        else:
            raise DamagedError(f"the schema in its log has a column {name} without a type")
        return Column(name, word, self._nested(kind, inner), nullable, children=tuple(inner), **more)

    def _variant(self) -> tuple[Column, ...]:
        """The bytes that a value is made of."""
        return tuple(Column(name, "binary", self._pa.binary()) for name in ("metadata", "value"))

    def _nested(self, kind: str, inner: Sequence[Column]) -> pa.DataType | None:
        pa = self._pa
        if any(one.arrow is None for one in inner):
            return None
        fields = [pa.field(one.name, one.arrow, one.nullable) for one in inner]
        if kind == "struct":
            return pa.struct(fields)
        return pa.list_(fields[0]) if kind == "array" else pa.map_(fields[0].type, fields[1])

    def _simple(self, name: str) -> pa.DataType | None:
        pa = self._pa
        if match := DECIMAL.fullmatch(name):
            digits, scale = int(match[1] or 10), int(match[2] or 0)
            return pa.decimal128(digits, scale) if 1 <= digits <= 38 and 0 <= scale <= digits else None
        if name.startswith(("string collate ", "char(", "varchar(")):
            return pa.string()
        makers = {
            "string": pa.string,
            "long": pa.int64,
            "integer": pa.int32,
            "short": pa.int16,
            "byte": pa.int8,
            "float": pa.float32,
            "double": pa.float64,
            "boolean": pa.bool_,
            "binary": pa.binary,
            "date": pa.date32,
            "timestamp": lambda: pa.timestamp("us", "UTC"),
            "timestamp_ntz": lambda: pa.timestamp("us"),
            "void": pa.null,
            "null": pa.null,
            "variant": lambda: pa.struct([pa.field("metadata", pa.binary()), pa.field("value", pa.binary())]),
        }
        return makers[name]() if name in makers else None
