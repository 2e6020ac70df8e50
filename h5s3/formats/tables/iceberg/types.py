"""Types of Iceberg: as columns, and as Arrow reads them.

Source: the Iceberg specification, "Schemas and Data Types" and "Appendix A" (Parquet, Avro).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError
from h5s3.formats.tables.arrow import DEEPEST, MOST_COLUMNS, require_pyarrow
from h5s3.formats.tables.iceberg.defaults import default_of
from h5s3.formats.tables.iceberg.metadata import Field, ListType, Schema, StructType, nested
from h5s3.formats.tables.table import Column

if TYPE_CHECKING:
    import pyarrow as pa

DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")
FIXED = re.compile(r"fixed\[(\d{1,9})\]")


Names = Mapping[int, tuple[str, ...]]  # of columns in files without ids, by their ids


def columns_of(schema: Schema, names: Names | None = None) -> tuple[Column, ...]:
    """All columns, with what is in them. `names`: None where the table says none. Raises `DamagedError`."""
    return _Columns(frozenset(schema.identifier_field_ids), names).fields(schema.fields, 0)


class _Columns:
    def __init__(self, keys: frozenset[int], names: Names | None) -> None:
        self._keys, self._names, self._count = keys, names, 0

    def fields(self, fields: Sequence[Field], depth: int) -> tuple[Column, ...]:
        return tuple(self.field(one, depth) for one in fields)

    def field(self, one: Field, depth: int) -> Column:
        self._count += 1
        if self._count > MOST_COLUMNS or depth > DEEPEST:
            raise DamagedError(f"the schema has more than {MOST_COLUMNS:,} columns, or {DEEPEST} levels")
        children, arrow, word = self._type(one.type, depth)
        return Column(
            one.name,
            word,
            arrow,
            nullable=not one.required,
            field_id=one.id,
            mapped=None if self._names is None else self._names.get(one.id, ()),
            comment=one.doc,
            default=default_of(one.type, one.initial_default),
            write_default=default_of(one.type, one.write_default),
            key=one.id in self._keys,
            children=children,
        )

    def _type(self, kind: Any, depth: int) -> tuple[tuple[Column, ...], pa.DataType | None, str]:
        pa = require_pyarrow()
        if isinstance(kind, str):
            return (), primitive(kind), kind
        found = nested(kind)
        if isinstance(found, StructType):
            children = self.fields(found.fields, depth + 1)
            inner = [as_field(one) for one in children]
            arrow = None if any(one is None for one in inner) else pa.struct(inner)
            words = ", ".join(f"{one.name}: {one.type}" for one in children)
            return children, arrow, f"struct<{words}>"
        if isinstance(found, ListType):
            element = Field(
                id=found.element_id, name="element", type=found.element, required=found.element_required
            )
            item = self.field(element, depth + 1)
            inside = as_field(item)
            return (item,), None if inside is None else pa.list_(inside), f"list<{item.type}>"
        key = self.field(Field(id=found.key_id, name="key", type=found.key, required=True), depth + 1)
        value = self.field(
            Field(id=found.value_id, name="value", type=found.value, required=found.value_required), depth + 1
        )
        first, second = as_field(key), as_field(value)
        arrow = None if first is None or second is None else pa.map_(first, second)
        return (key, value), arrow, f"map<{key.type}, {value.type}>"


def as_field(column: Column) -> pa.Field | None:
    """A column as a field of Arrow; None where its type has no counterpart."""
    if column.arrow is None:
        return None
    metadata = {} if column.field_id is None else {"PARQUET:field_id": str(column.field_id)}
    return require_pyarrow().field(column.name, column.arrow, column.nullable, metadata=metadata)


def primitive(word: str) -> pa.DataType | None:
    """What values of a type are in Arrow; None for `variant`, and for what is not known."""
    pa = require_pyarrow()
    if word in PLAIN:
        return getattr(pa, PLAIN[word])()
    if word in TIMES:
        unit, zone = TIMES[word]
        return pa.time64(unit) if word == "time" else pa.timestamp(unit, zone)
    if known := DECIMAL.fullmatch(word):
        precision, scale = int(known[1]), int(known[2])
        return pa.decimal128(precision, scale) if 1 <= precision <= 38 else None
    if known := FIXED.fullmatch(word):
        return pa.binary(int(known[1])) if int(known[1]) < 1 << 24 else None
    if word.partition("(")[0] in ("geometry", "geography"):  # in Well-Known Binary
        return pa.binary()
    return pa.uuid() if word == "uuid" else None


PLAIN = {
    "boolean": "bool_",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "date": "date32",
    "string": "string",
    "binary": "binary",
    "unknown": "null",
}
TIMES = {
    "time": ("us", None),
    "timestamp": ("us", None),
    "timestamptz": ("us", "UTC"),
    "timestamp_ns": ("ns", None),
    "timestamptz_ns": ("ns", "UTC"),
}


def chains_of(columns: Sequence[Column], above: tuple[Column, ...] = ()) -> Iterator[tuple[Column, ...]]:
    """All columns and what is in them, each with all that are around it."""
    for column in columns:
        yield (*above, column)
        yield from chains_of(column.children, (*above, column))


def by_id(columns: Sequence[Column]) -> dict[int, tuple[Column, ...]]:
    """The same by the ids of the innermost ones."""
    return {one[-1].field_id: one for one in chains_of(columns) if one[-1].field_id is not None}


def paths_of(columns: Sequence[Column]) -> dict[int, tuple[str, Column]]:
    """Paths of all columns, by their ids."""
    return {
        number: (f"/{'/'.join(column.name for column in chain)}", chain[-1])
        for number, chain in by_id(columns).items()
    }
