"""A version of a Delta table, read from its log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from h5s3.errors import DamagedError, RefusedError
from h5s3.formats.encoding.documents import parsed
from h5s3.formats.tables.arrow import import_early
from h5s3.formats.tables.delta.actions import Add, State, actions_of
from h5s3.formats.tables.delta.checkpoints import read_checkpoint
from h5s3.formats.tables.delta.commits import by_of, chosen, info_of, iso, read_history, time_of
from h5s3.formats.tables.delta.fetched import Fetched
from h5s3.formats.tables.delta.names import LOG, LogNames, Plan, plans, read_names
from h5s3.formats.tables.delta.protocol import protocol_of
from h5s3.formats.tables.delta.schema import changes_of, columns_of, is_wider
from h5s3.formats.tables.delta.statistics import Leaf, Statistics, leaves_of
from h5s3.formats.tables.delta.values import PartitionValues
from h5s3.formats.tables.delta.vectors import read_vectors
from h5s3.formats.tables.parquet.footers import Footer, read_footers
from h5s3.formats.tables.place import Place, below
from h5s3.formats.tables.rows.ranges import ranges_of_footer
from h5s3.formats.tables.table import Column, DataFile, Table
from h5s3.records import PartitionField, TableVersion

if TYPE_CHECKING:
    from h5s3.formats.tables.table import Positions

ABSOLUTE = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*:/")
PLAIN = re.compile(r"(?:[^/:%.\0][^/:%\0]*/)*[^/:%.\0][^/:%\0]*")  # as nearly all are
MOST_FILES = 5000  # whose footers are read
MODES = ("none", "name", "id")  # of the mapping of columns


@dataclass
class _Version:
    """What the log tells of a version."""

    number: int
    state: State
    adds: list[Add]
    info: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)


class DeltaTable(Table):
    """A version of a Delta table."""

    place: Place
    log: LogNames

    def history(self) -> list[TableVersion]:
        """From all commits that are still in the log: one round, or two, for each thousand."""
        return read_history(self.place, self.log, int(self.version or 0))

    def read_statistics(self) -> None:
        """From the footers of files of which the log has none."""
        missing = [one for one in self.files if one.rows is None and not one.elsewhere][:MOST_FILES]
        try:
            footers = read_footers(self.place, [(one.path, one.size) for one in missing])
        except DamagedError:
            return  # a log can be told of without what it names
        mapped = any(leaf.names != tuple(leaf.path.split("/")[1:]) for leaf in leaves_of(self.columns))
        self.files = [
            _measured(one, footers[one.path], mapped) if one.path in footers else one for one in self.files
        ]

    def hidden(self, files: Sequence[DataFile]) -> dict[str, Positions]:
        """From deletion vectors, all of them read at once."""
        wanted = [(file.path, file.deletes[0], file.rows) for file in files if file.deletes]
        return read_vectors(self.place, wanted) if wanted else {}


def open_table(place: Place, version: str | None) -> DeltaTable:
    """A version of the table: a number, a time, or None for the newest.

    One listing of the log, one round or two for a checkpoint and all commits after it, and as many for the
    files that the checkpoint names. Raises `NotFoundError`, `DamagedError`, `RefusedError`.
    """
    import_early()
    log = read_names(place.below(LOG))
    return _table(place, log, _read(place, log, chosen(place, log, version)))


def _read(place: Place, log: LogNames, number: int) -> _Version:
    """By the newest checkpoint that can be read; where there is none, by all commits."""
    failed: DamagedError | None = None
    ways = plans(log, number)
    while True:
        try:
            way = next(ways)
            found = _by(place, log, way)
        except _CheckpointError as error:
            failed = failed or error.cause_of
        except DamagedError as error:
            raise failed or error from None
        except StopIteration:
            assert failed is not None
            raise failed from None
        else:
            if failed is not None:
                found.notes.append(f"a checkpoint was passed over: {failed.cause}")
            return found


class _CheckpointError(Exception):
    """A checkpoint that cannot be read: an older one may do."""

    def __init__(self, cause: DamagedError) -> None:
        super().__init__(cause)
        self.cause_of = cause


def _by(place: Place, log: LogNames, way: Plan) -> _Version:
    last = log.commits.get(way.version)
    documents = Fetched(place, [*way.checkpoint, *way.after, *([last] if last else [])], log.sizes)
    base, adds = State(), list[Add]()
    if way.checkpoint:
        try:
            base, adds = read_checkpoint(place, way.checkpoint, documents, log.sizes)
        except DamagedError as error:
            raise _CheckpointError(error) from None
    state = State(base.protocol, base.metadata, dict(base.domains))
    for name in way.after:
        for kind, action in actions_of(documents[name], name):
            state.take(kind, action)
    if state.adds or state.removed:
        paths = {path for path, _ in (*state.adds, *state.removed)}
        gone = state.adds.keys() | state.removed
        adds = [add for add in adds if add.path not in paths or add.key not in gone]
        adds += state.adds.values()
    info = info_of(documents[last], last) if last else {}
    return _Version(way.version, state, adds, info)


def _table(place: Place, log: LogNames, found: _Version) -> DeltaTable:
    metadata, told = found.state.metadata, found.state.protocol
    if metadata is None or told is None:
        raise DamagedError("its log does not tell what the table is: the protocol or the metadata is missing")
    protocol = protocol_of(told)
    properties = _texts(metadata.get("configuration"))
    mode = properties.get("delta.columnMapping.mode", "none") if protocol.maps else "none"
    columns = columns_of(metadata.get("schemaString"), mode != "none")
    partitioned = _partition_columns(metadata, columns)
    values = PartitionValues(partitioned)
    table = DeltaTable(
        format="delta",
        columns=columns,
        files=_files(place, found.adds, columns, values),
        version=str(found.number),
        time=iso(time_of(dict(found.info))),
        format_version=f"reader {protocol.reader}, writer {protocol.writer}",
        id=_text(metadata.get("id")),
        name=_text(metadata.get("name")),
        description=_text(metadata.get("description")),
        partitioning=[PartitionField(name=column.name, source=f"/{column.name}") for column in partitioned],
        sort_order=_clustered(found.state.domains, columns),
        properties=properties | {f"domain {name}": value for name, value in found.state.domains.items()},
        features=protocol.features(),
        num_deletion_vectors=sum(add.vector is not None for add in found.adds),
        written_by=by_of(dict(found.info)) or None,
        notes=found.notes,
        found_by="id" if mode == "id" else "name",
    )
    table.place, table.log = place, log
    table.refused = protocol.refused(max(log.staged, default=-1) > log.latest) or _refused(
        metadata, mode, table, values
    )
    if values.zoneless:
        table.notes.append("times in partition values tell no zone: they are taken for UTC")
    if table.sort_order:
        table.notes.append("rows are clustered by the columns named, not sorted")
    return table


def _files(
    place: Place, adds: Sequence[Add], columns: Sequence[Column], values: PartitionValues
) -> list[DataFile]:
    leaves: list[Leaf] = list(leaves_of(columns))
    found = []
    for add in adds:
        path, elsewhere = located(add.path, place.display)
        if elsewhere and (outside := place.outside(path)) is not None:
            path, elsewhere = outside, False
        vector = add.vector
        found.append(
            DataFile(
                path,
                add.size,
                add.rows,
                0 if vector is None else vector.rows,
                values.of(add.values),
                None if add.stats is None else Statistics(add.stats, leaves),
                deletes=() if vector is None else (vector,),
                elsewhere=elsewhere,
            )
        )
    return found


def located(uri: str, base: str) -> tuple[str, bool]:
    """Where the log says that a file is: its path below the table, or all of it and that it is elsewhere."""
    if PLAIN.fullmatch(uri):
        return uri, False
    path = unquote(uri) if "%" in uri else uri
    if ABSOLUTE.match(uri):
        inside = below(path, base)
        return (path, True) if inside is None else (inside, False)
    return path, "\0" in path or any(part in ("", ".", "..") for part in path.split("/"))


def _measured(file: DataFile, footer: Footer, mapped: bool) -> DataFile:
    """A file with what its footer tells: of columns whose names in it are those of the table."""
    return replace(
        file, rows=footer.num_rows, statistics=None if mapped else ranges_of_footer(footer) or None
    )


def _refused(
    metadata: Mapping[str, Any], mode: str, table: DeltaTable, values: PartitionValues
) -> str | None:
    """Why rows cannot be read right, apart from features."""
    if mode not in MODES:
        return f"its columns are mapped in a way that is not known here (columnMapping: {mode})"
    if mode != "none" and (name := _unmapped(table.columns, mode)):
        return f"its column {name} has no name or number in the files (columnMapping)"
    for name, old, new in changes_of(metadata["schemaString"]):
        if not is_wider(old, new):
            return f"the type of its column {name} was changed from {old} to {new} (typeWidening)"
    provider = metadata.get("format")
    provider = provider.get("provider") if isinstance(provider, dict) else None
    if provider not in (None, "parquet"):
        return f"its files are of the format {provider}"
    if values.wrong:
        return values.wrong
    paths = {file.path for file in table.files}
    if len(paths) < len(table.files):
        return "its log names a file twice, with different deletion vectors"
    return None


def _unmapped(columns: Sequence[Column], mode: str) -> str | None:
    """A field that cannot be found in the files."""

    def fields(inside: Sequence[Column], above: Column | None) -> Iterator[Column]:
        for column in inside:
            if above is None or above.type == "struct":
                yield column
            yield from fields(column.children, column)

    for column in fields(columns, None):
        if column.physical is None or (mode == "id" and column.field_id is None):
            return column.name
    return None


def _partition_columns(metadata: Mapping[str, Any], columns: Sequence[Column]) -> list[Column]:
    """Raises `DamagedError` for those that are not there."""
    named = metadata.get("partitionColumns") or []
    by_name = {column.name: column for column in columns}
    if not isinstance(named, list) or not all(isinstance(name, str) and name in by_name for name in named):
        raise DamagedError("its log names partition columns that are not in the schema")
    return [by_name[name] for name in named]


def _clustered(domains: Mapping[str, str], columns: Sequence[Column]) -> list[str]:
    """The columns that rows are clustered by, which the log has by their names in the files."""
    told = domains.get("delta.clustering") or domains.get("delta.liquid")  # as it was called before
    if not told:
        return []
    try:
        named = parsed(told, "the clustering in its log").get("clusteringColumns")
    except (DamagedError, RefusedError):
        return []
    names = {leaf.names: leaf.path.strip("/") for leaf in leaves_of(columns)}
    found = []
    for one in named if isinstance(named, list) else []:
        one = one.get("physicalName") if isinstance(one, dict) else one
        parts = tuple(map(str, one)) if isinstance(one, list) else (str(one),)
        found.append(names.get(parts, ".".join(parts)))
    return found


def _texts(value: Any) -> dict[str, str]:
    return {str(name): str(one) for name, one in value.items()} if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
