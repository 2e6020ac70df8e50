"""Checkpoints: what all commits up to a version add up to, read by columns.

Source: Delta Transaction Log Protocol, "Checkpoints", "Sidecar Files", "Checkpoint Schema".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, starmap
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.tables.arrow import reading, require_pyarrow
from h5s3.formats.tables.delta.actions import NO_VALUES, Add, State, actions_of
from h5s3.formats.tables.delta.fetched import Fetched
from h5s3.formats.tables.delta.names import SIDECARS
from h5s3.formats.tables.delta.statistics import many_rows_of, parsed_rows, rows_of
from h5s3.formats.tables.delta.vectors import Vector, vector_of
from h5s3.formats.tables.place import Place
from h5s3.sizes import GIB, MIB

if TYPE_CHECKING:
    import pyarrow as pa

FEW = ("protocol", "metaData", "domainMetadata", "sidecar")  # actions of which there are few
OF_ADDS = ("path", "size", "partitionValues", "stats", "stats_parsed", "deletionVector")
MOST_ROWS = 5_000_000
MOST_BYTES = 2 * GIB  # of the columns that are read, decoded
MOST_FOOTER = 64 * MIB
BATCH = 1 << 15  # rows
MOST_SIDECARS = 10_000


def read_checkpoint(
    place: Place, paths: Sequence[str], documents: Fetched, sizes: Mapping[str, int]
) -> tuple[State, list[Add]]:
    """What a checkpoint holds, whose parts are in `documents`. Files that it names take one round, or two.

    `sizes`: of all files in the log. Raises `DamagedError`.
    """
    state, adds = State(), []
    for path in paths:
        if path.endswith(".json"):
            for name, action in actions_of(documents[path], path):
                state.take(name, action)
        else:
            adds += _parquet(documents[path], path, state)
    adds += state.adds.values()
    state.adds, state.removed = {}, set()
    adds += _sidecars(place, state.sidecars, sizes)
    if state.metadata is None or state.protocol is None:
        raise DamagedError(f"{paths[0]} does not tell what the table is")
    return state, adds


def _sidecars(place: Place, named: Sequence[str], sizes: Mapping[str, int]) -> list[Add]:
    """Files in other files, all of which stand in one folder."""
    if len(named) > MOST_SIDECARS:
        raise RefusedError(f"a checkpoint is made of {len(named):,} files, more than {MOST_SIDECARS:,}")
    paths = list(dict.fromkeys(f"{SIDECARS}/{unquote(path).rpartition('/')[2]}" for path in named))
    documents = Fetched(place, paths, sizes)
    found: list[Add] = []
    for path in paths:
        found += _parquet(documents[path], path, State())
    return found


def _parquet(data: bytes, path: str, state: State) -> list[Add]:
    """The files that a Parquet file names; `state` takes what else is in it."""
    pa = require_pyarrow()
    found: list[Add] = []
    taken = 0
    with reading(path):
        for batch in _batches(data, path):
            taken += batch.nbytes
            if taken > MOST_BYTES:
                raise RefusedError(f"{path} holds more than {MOST_BYTES // MIB} MiB")
            for name in FEW:
                for action in _rows(batch, name).to_pylist():
                    state.take(name, _plain(action))
            adds = _rows(batch, "add")
            if len(adds):
                found += _adds(adds, pa)
    return found


def _batches(data: bytes, path: str) -> Iterator[pa.RecordBatch]:
    """The columns that are needed, some rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(
        pa.BufferReader(data),
        thrift_string_size_limit=MOST_FOOTER,
        thrift_container_size_limit=MOST_FOOTER // 64,
    )
    if file.metadata.num_rows > MOST_ROWS:
        raise RefusedError(f"{path} has {file.metadata.num_rows:,} rows, more than {MOST_ROWS:,}")
    schema = file.schema_arrow
    columns = [name for name in FEW if _struct(schema, name, path)]
    if adds := _struct(schema, "add", path):
        there = {field.name for field in adds}
        if "stats" in there and "stats_parsed" in there and _all_stats(file):
            there.discard("stats_parsed")
        columns += [f"add.{name}" for name in OF_ADDS if name in there]
    logical = _logical(file, columns)
    if logical > MOST_BYTES:
        raise RefusedError(f"{path} holds {logical // MIB} MiB, more than {MOST_BYTES // MIB}")
    yield from file.iter_batches(BATCH, columns=columns, use_threads=False)


def _struct(schema: pa.Schema, name: str, path: str) -> pa.DataType | None:
    """The type of an action, where a checkpoint has such."""
    import pyarrow as pa

    if name not in schema.names:
        return None
    kind = schema.field(name).type
    if not pa.types.is_struct(kind):
        raise DamagedError(f"{path} is not a checkpoint: its {name} is {kind}")
    return kind


def _all_stats(file: Any) -> bool:
    """Whether statistics are there as JSON: then they need not be read in another form."""
    for group in map(file.metadata.row_group, range(file.metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema == "add.stats" and chunk.statistics is not None:
                if not chunk.statistics.has_null_count or chunk.statistics.null_count < group.num_rows:
                    return True
    return False


def _logical(file: Any, columns: Sequence[str]) -> int:
    """Bytes of columns before they were compressed."""
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    return sum(
        chunk.total_uncompressed_size
        for group in groups
        for chunk in map(group.column, range(group.num_columns))
        if any(f"{chunk.path_in_schema}.".startswith(f"{column}.") for column in columns)
    )


def _rows(batch: pa.RecordBatch, name: str) -> pa.StructArray:
    """The actions of a kind that are in a batch."""
    import pyarrow as pa

    if name not in batch.schema.names:
        return pa.nulls(0, pa.struct([]))
    column = batch.column(name)
    return column.filter(column.is_valid())


def _plain(action: dict[str, Any]) -> dict[str, Any]:
    """An action as JSON would have it: maps are dictionaries there."""
    found = dict(action)
    for name in ("configuration", "options", "tags"):
        if isinstance(found.get(name), list):
            found[name] = dict(found[name])
    return found


def _adds(rows: pa.StructArray, pa: Any) -> list[Add]:
    """The files, column by column."""
    count = len(rows)
    columns = {field.name: rows.field(number) for number, field in enumerate(rows.type)}
    paths = columns["path"].cast(pa.string()).to_pylist()
    if None in paths:
        raise DamagedError("a file of a checkpoint has no path")
    sizes = columns["size"].cast(pa.int64()).to_pylist() if "size" in columns else [None] * count
    if any(size is not None and size < 0 for size in sizes):
        raise DamagedError("a file of a checkpoint is of less than no bytes")
    values = _values(columns["partitionValues"], pa) if "partitionValues" in columns else [NO_VALUES] * count
    vectors = _vectors(columns["deletionVector"]) if "deletionVector" in columns else [None] * count
    texts = columns["stats"].cast(pa.string()) if "stats" in columns else pa.nulls(count, pa.string())
    stats: list[Any] = texts.to_pylist()
    counts = many_rows_of(texts)
    if "stats_parsed" in columns and pa.types.is_struct(columns["stats_parsed"].type):
        others = parsed_rows(columns["stats_parsed"])
        stats = [told or other for told, other in zip(stats, others, strict=True)]
        counts = list(map(rows_of, stats))
    return list(starmap(Add, zip(paths, sizes, values, stats, counts, vectors, strict=True)))


def _values(column: pa.Array, pa: Any) -> Sequence[Any]:
    """Partition values: maps, or, where a table has none, nothing."""
    if not pa.types.is_map(column.type):
        raise DamagedError(f"partition values of a checkpoint are {column.type}")
    ends = column.offsets.to_pylist()
    if ends[0] == ends[-1]:
        return [NO_VALUES] * len(column)
    names, texts = column.keys.cast(pa.string()).to_pylist(), column.items.cast(pa.string()).to_pylist()
    made: dict[tuple[Any, ...], Mapping[str, str | None]] = {(): NO_VALUES}
    found = []
    for start, stop in pairwise(ends):
        key = (*names[start:stop], *texts[start:stop])
        one = made.get(key)
        if one is None:
            one = made[key] = dict(zip(names[start:stop], texts[start:stop], strict=True))
        found.append(one)
    return found


def _vectors(column: pa.Array) -> Sequence[Vector | None]:
    if column.null_count == len(column):
        return [None] * len(column)
    return [vector_of(told) for told in column.to_pylist()]
