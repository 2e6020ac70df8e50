"""An Iceberg table: one of its snapshots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from h5s3.errors import DamagedError, NotFoundError
from h5s3.formats.tables.iceberg.current import Document, current_document, document_at, document_of
from h5s3.formats.tables.iceberg.defaults import names_of
from h5s3.formats.tables.iceberg.deletes import Delete, Index
from h5s3.formats.tables.iceberg.equality import Equality
from h5s3.formats.tables.iceberg.features import MAPPING, features_of, refusal
from h5s3.formats.tables.iceberg.files import (
    Partitions,
    Roots,
    cut_of,
    data_files,
    fields_of,
    sort_order_of,
    stored_bytes,
)
from h5s3.formats.tables.iceberg.manifests import DATA, Entry
from h5s3.formats.tables.iceberg.metadata import KNOWN, Metadata, Snapshot
from h5s3.formats.tables.iceberg.positions import Hidden, check_sizes, path_of, read_whole
from h5s3.formats.tables.iceberg.snapshot import UnreadableError, entries_of
from h5s3.formats.tables.iceberg.types import by_id, columns_of, paths_of
from h5s3.formats.tables.iceberg.versions import chosen, history_of, time_of, written_by
from h5s3.formats.tables.place import Place
from h5s3.formats.tables.table import DataFile, Table
from h5s3.records import TableVersion
from h5s3.sizes import MIB

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Positions = np.ndarray[Any, Any]


MOST_HELD = 128 * MIB  # bytes of files of deletes that are kept from one question to the next


@dataclass
class IcebergTable(Table):
    """A snapshot, with what is needed to read its rows."""

    place: Place | None = None
    metadata: Metadata | None = None
    roots: Roots = field(default_factory=lambda: Roots("", "", lambda location: None))
    complete: bool = True  # whether `files` are all of them
    held: dict[str, bytes] = field(
        default_factory=dict
    )  # files of position deletes: they are about many files

    @property
    def rows(self) -> int | None:
        """Rows that a reader gets, where the metadata tells it."""
        return super().rows if self.complete else None

    def history(self) -> list[TableVersion]:
        """All snapshots that are still known, and changes of metadata alone, the newest first."""
        assert self.metadata is not None
        return history_of(self.metadata)

    def column_bytes(self) -> Mapping[str, tuple[int | None, int | None]]:
        """By footers also how large columns are unpacked; by manifests where there are too many files."""
        found = self.measured() if self.measured is not None and not self.refused else {}
        return found or self._known_bytes

    def known_bytes(self) -> Mapping[str, tuple[int | None, int | None]]:
        """Stored bytes of columns, as manifests tell them."""
        return self._known_bytes

    @cached_property
    def _known_bytes(self) -> Mapping[str, tuple[int | None, int | None]]:
        return stored_bytes(self.files, self.columns)

    @cached_property
    def equality(self) -> Equality:
        """Deletes by values that were read so far."""
        return Equality(by_id(self.columns))

    def hidden(self, files: Sequence[DataFile]) -> dict[str, Positions]:
        """Rows that deletes by position hide. Deletes by values are read in the same round."""
        assert self.place is not None
        deletes = [one for file in files for one in file.deletes]
        check_sizes(deletes)
        hidden = Hidden(files, self.roots.same)
        missing = {path_of(one): one for one in self.equality.missing(deletes)}
        before = {path: self.held[path] for path in hidden.paths if path in self.held}
        found = read_whole(self.place, [*(path for path in hidden.paths if path not in before), *missing])
        for path, one in missing.items():
            self.equality.add(one, found.pop(path))
        if sum(map(len, (*self.held.values(), *found.values()))) <= MOST_HELD:
            self.held |= found
        return hidden.positions(self.place, before | found)

    def kept(self, file: DataFile, rows: pa.Table) -> pa.Table:
        """The rows that equality deletes leave."""
        return self.equality.keep(file.deletes, rows)

    def needed(self, files: Sequence[DataFile]) -> Sequence[str]:
        """Columns by which equality deletes hide rows of these files, the ones at the top."""
        columns = by_id(self.columns)
        ids = {number for file in files for one in file.deletes for number in one.entry.equality_ids}
        return list(dict.fromkeys(columns[number][0].name for number in sorted(ids)))


def open_table(
    place: Place, version: str | None, document: str | None = None, listed: Sequence[str] | None = None
) -> IcebergTable:
    """A table: its current snapshot, or the one that a version names. `document`: of its metadata, where one
    was named; `listed`: names in the folder of metadata, where they are known already.

    Raises `NotFoundError` for a version that is not there, `DamagedError`, `RefusedError`.
    """
    current = document_at(place, document) if document else current_document(place, listed)
    looked_at = _Looked(place, current, version)
    found, snapshot = looked_at.document, looked_at.snapshot
    metadata = found.metadata
    names = names_of((metadata.properties or {}).get(MAPPING))
    columns = columns_of(metadata.schema_of(looked_at.schema), names)
    roots = Roots(metadata.location, place.display, place.outside)
    table = IcebergTable(
        format="iceberg",
        columns=columns,
        files=(),
        version=None if snapshot is None else str(snapshot.snapshot_id),
        time=time_of(metadata.last_updated_ms if snapshot is None else snapshot.timestamp_ms),
        format_version=str(metadata.format_version),
        id=metadata.table_uuid,
        partitioning=fields_of(metadata.specs(), metadata.default_spec_id, columns),
        sort_order=sort_order_of(metadata, columns),
        properties={key: str(value) for key, value in (metadata.properties or {}).items()},
        written_by=written_by(snapshot.summary) if snapshot else None,
        notes=[*found.notes, *looked_at.notes],
        found_by="id",
        sizes_hold=False,  # other readers go by what lies there
        place=place,
        metadata=metadata,
        roots=roots,
    )
    _add_files(table, metadata, snapshot)
    return table


class _Looked:
    """What a version means: a document of metadata, a snapshot of it, and a schema."""

    def __init__(self, place: Place, current: Document, version: str | None) -> None:
        self.document = current
        self.notes: list[str] = []
        metadata = current.metadata
        self.snapshot = metadata.snapshot(metadata.current)
        self.schema: int | None = None  # the current one
        if version is None:
            return
        try:
            self.snapshot, branch = chosen(metadata, version)
        except NotFoundError:
            number = re.fullmatch(r"v?(\d{1,9})", version)
            earlier = document_of(place, int(number[1])) if number else None
            if earlier is None:
                raise
            self.document, metadata = earlier, earlier.metadata
            self.snapshot = metadata.snapshot(metadata.current)
            return
        if not branch:
            self._look_back(metadata)

    def _look_back(self, metadata: Metadata) -> None:
        """With the columns of that time."""
        known = {one.schema_id for one in metadata.all_schemas()}
        if self.snapshot is not None and self.snapshot.schema_id in known:
            self.schema = self.snapshot.schema_id
            if self.schema != metadata.current_schema_id:
                self.notes.append(
                    f"columns are those of the snapshot (schema {self.schema}), not the current ones"
                    f" (schema {metadata.current_schema_id})"
                )


def _add_files(table: IcebergTable, metadata: Metadata, snapshot: Snapshot | None) -> None:
    """The files of a snapshot, what hides rows of them, and what a reader has to know of them."""
    assert table.place is not None
    deletes: list[Delete] = []
    unreadable = None
    if snapshot is not None:
        try:
            entries = entries_of(table.place, metadata, snapshot, table.roots)
        except (UnreadableError, DamagedError) as error:
            if isinstance(error, DamagedError) and metadata.format_version in KNOWN:
                raise
            unreadable, entries, table.complete = str(error), [], False
        deletes = [Delete(one, table.roots.path(one.path)) for one in entries if one.content != DATA]
        table.files = _data_files(table, metadata, entries, deletes)
    table.num_deletion_vectors = sum(one.vector for one in deletes)
    table.num_delete_files = len(deletes) - table.num_deletion_vectors
    table.features = features_of(metadata, table.columns, table.files, deletes)
    table.refused = refusal(metadata, table.columns, table.files, deletes, table.place) or unreadable
    table.moved_from = table.roots.moved_from


def _data_files(
    table: IcebergTable, metadata: Metadata, entries: Sequence[Entry], deletes: Sequence[Delete]
) -> list[DataFile]:
    specs = metadata.specs()
    index = Index(deletes, specs, table.roots.same)
    types = {number: chain[-1].type for number, chain in by_id(table.columns).items()}
    sources = {number for spec in specs for one in spec.fields for number in one.sources}
    for schema in metadata.all_schemas():
        if sources <= types.keys():
            break  # else a column of partitions was dropped since
        types = {number: chain[-1].type for number, chain in by_id(columns_of(schema)).items()} | types
    paths = {
        number: (path, column.type)
        for number, (path, column) in paths_of(table.columns).items()
        if not column.children
    }
    return data_files(
        [(one, index.of(one)) for one in entries if one.content == DATA],
        table.roots,
        Partitions({spec.spec_id: spec for spec in specs}, types),
        paths,
        cut_of(metadata),
    )
