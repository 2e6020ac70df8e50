"""Rows that deletes hide by their values.

Source: the Iceberg specification, "Equality Delete Files": a row is hidden if it equals one of the file in
all columns that the file names; null equals null.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError
from h5s3.formats.tables.arrow import reading, require_pyarrow
from h5s3.formats.tables.iceberg.deletes import Delete
from h5s3.formats.tables.iceberg.positions import open_parquet, path_of
from h5s3.formats.tables.table import Column

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Columns = Mapping[int, tuple[Column, ...]]  # all, with those around them, by their ids


class Equality:
    """Deletes that were read: what they hide of rows."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._read: dict[str, list[pa.Array]] = {}  # the columns of each file

    def missing(self, deletes: Sequence[Delete]) -> list[Delete]:
        """Those of the deletes that were not read yet."""
        return [one for one in deletes if one.equality and path_of(one) not in self._read]

    def add(self, one: Delete, data: bytes) -> None:
        """Take in a file of deletes. Raises `DamagedError`."""
        path = path_of(one)
        with reading(path):
            source = open_parquet(path, data)
            places = _places(source.schema_arrow)
            columns = []
            for number in one.entry.equality_ids:
                names = places.get(number) or _named(source.schema_arrow, self._names(number))
                if names is None:
                    raise DamagedError(f"{path} has no column {number}, by which it deletes rows")
                table = source.read(columns=[".".join(names)])
                columns.append(_inside(table, names, self._columns[number][-1].arrow))
            self._read[path] = columns

    def keep(self, deletes: Sequence[Delete], rows: pa.Table) -> pa.Table:
        """The rows that none of these deletes hides."""
        import pyarrow as pa

        together: dict[tuple[int, ...], list[list[pa.Array]]] = defaultdict(list)
        for one in deletes:
            if one.equality:
                together[one.entry.equality_ids].append(self._read[path_of(one)])
        for ids, files in together.items():
            if not rows.num_rows:
                break
            there = [_inside(rows, self._names(number), self._columns[number][-1].arrow) for number in ids]
            gone = [pa.concat_arrays([file[place] for file in files]) for place in range(len(ids))]
            rows = rows.filter(pa.array(~_equal(there, gone)))
        return rows

    def _names(self, number: int) -> list[str]:
        return [column.name for column in self._columns[number]]


def _equal(there: Sequence[pa.Array], gone: Sequence[pa.Array]) -> np.ndarray[Any, Any]:
    """For each row of `there`, whether it equals one of `gone` in all columns."""
    import numpy as np

    length = len(there[0])
    keys = np.zeros(length + len(gone[0]), np.int64)
    for left, right in zip(there, gone, strict=True):
        pa = require_pyarrow()
        codes = pa.concat_arrays([left, right]).dictionary_encode(null_encoding="encode").indices
        numbers = codes.to_numpy().astype(np.int64)
        _, keys = np.unique(keys * (int(numbers.max(initial=0)) + 1) + numbers, return_inverse=True)
    found: np.ndarray[Any, Any] = np.isin(keys[:length], keys[length:])
    return found


def _inside(table: pa.Table, names: Sequence[str], kind: pa.DataType | None) -> pa.Array:
    """A column, or a field of a struct, as one array of a type."""
    pa = require_pyarrow()
    found = table.column(names[0]).combine_chunks()
    found = pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
    for name in names[1:]:
        found = _field(found, name)
    return found if kind is None or found.type == kind else found.cast(kind)


def _field(struct: pa.Array, name: str) -> pa.Array:
    """A field of structs, null where the struct is."""
    import pyarrow.compute as pc

    return pc.struct_field(struct, name)


def _places(schema: pa.Schema) -> dict[int, list[str]]:
    """Names that lead to each column, by its id, through structs."""
    pa = require_pyarrow()
    found: dict[int, list[str]] = {}

    def walk(fields: Any, above: list[str]) -> None:
        for one in fields:
            number = (one.metadata or {}).get(b"PARQUET:field_id")
            names = [*above, one.name]
            if number is not None:
                found.setdefault(int(number), names)
            if pa.types.is_struct(one.type):
                walk(one.type, names)

    walk(schema, [])
    return found


def _named(schema: pa.Schema, names: list[str]) -> list[str] | None:
    """Names that lead to a column of a file without ids."""
    return names if names[0] in schema.names else None
