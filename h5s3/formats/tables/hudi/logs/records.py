"""Rows of log blocks as Arrow tables of the table's types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from h5s3.errors import RefusedError
from h5s3.formats.tables.arrow import reading
from h5s3.formats.tables.hudi.logs.blocks import AVRO, Block, records_of
from h5s3.formats.tables.hudi.schema import columns_of
from h5s3.formats.tables.table import Column
from h5s3.sizes import MIB

MOST_ROWS = 1_000_000  # of the logs of some files together
MOST_DECODED = 512 * MIB  # bytes of a block of Parquet, decoded


class Rows(Protocol):
    """The rows of a block."""

    def __len__(self) -> int:
        """How many there are."""

    def column(self, column: Column) -> Any:
        """A column of the table, in its type; without values where the block does not have it."""


def rows_of(block: Block) -> Rows:
    """The rows of a data block. Raises `DamagedError`, `RefusedError`."""
    return _AvroRows(block) if block.kind == AVRO else _ParquetRows(block)


class _AvroRows:
    def __init__(self, block: Block) -> None:
        schema, self._rows = records_of(block)
        self._types = {one.name: one.arrow for one in columns_of(schema)}
        self._named = block.named

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, column: Column) -> Any:
        import pyarrow as pa

        if column.name not in self._types:
            return pa.nulls(len(self), column.arrow)
        kind = self._types[column.name]
        if kind is None:
            raise RefusedError(
                f"{self._named}: the column {column.name} is of a type that Arrow does not have"
            )
        values = [_arrowed(one[column.name], kind) for one in self._rows]
        with reading(f"the column {column.name} of {self._named}"):
            return pa.array(values, kind).cast(column.arrow)


class _ParquetRows:
    def __init__(self, block: Block) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._named = block.named
        with reading(f"a block of {block.named}"):
            file = pq.ParquetFile(pa.BufferReader(block.content))
            groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
            if sum(group.total_byte_size for group in groups) > MOST_DECODED:
                raise RefusedError(f"a block of {block.named} has more than {MOST_DECODED // MIB} MiB")
            self._rows = file.read(use_threads=False)

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def column(self, column: Column) -> Any:
        import pyarrow as pa

        if column.name not in self._rows.column_names:
            return pa.nulls(len(self), column.arrow)
        with reading(f"the column {column.name} of {self._named}"):
            return self._rows.column(column.name).combine_chunks().cast(column.arrow)


def _arrowed(value: Any, kind: Any) -> Any:
    """A value of fastavro as pyarrow wants it: maps as pairs, UUIDs as texts."""
    import pyarrow as pa

    if value is None or not pa.types.is_nested(kind):
        return str(value) if value is not None and pa.types.is_string(kind) else value
    if pa.types.is_map(kind):
        return [(key, _arrowed(one, kind.item_type)) for key, one in value.items()]
    if pa.types.is_struct(kind):
        return {field.name: _arrowed(value.get(field.name), field.type) for field in kind}
    return [_arrowed(one, kind.value_type) for one in value]


def table_of(parts: Sequence[tuple[Rows, Sequence[int]]], columns: Sequence[Column]) -> Any:
    """Chosen rows of blocks, with these columns."""
    import pyarrow as pa

    schema = pa.schema([pa.field(one.name, one.arrow) for one in columns])
    made = [
        pa.table([rows.column(one).take(pa.array(numbers, pa.int64())) for one in columns], schema=schema)
        for rows, numbers in parts
    ]
    return pa.concat_tables(made) if made else schema.empty_table()


def plain_of(values: Any) -> list[Any]:
    """Values of an ordering field as Hudi compares them: times as the numbers that are stored."""
    import pyarrow as pa

    kind = values.type
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        values = values.cast(pa.int64())
    return list(values.to_pylist())
