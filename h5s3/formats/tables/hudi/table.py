"""A table of Hudi as it is at an instant.

Sources: Hudi's technical specification; properties are those of `HoodieTableConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from h5s3.errors import RefusedError
from h5s3.formats.tables.arrow import require_pyarrow
from h5s3.formats.tables.hudi.avro import require_fastavro
from h5s3.formats.tables.hudi.commits import WriteStat
from h5s3.formats.tables.hudi.features import DROPPED, features_of
from h5s3.formats.tables.hudi.history import read_history
from h5s3.formats.tables.hudi.logs.merging import Rule, rule_of
from h5s3.formats.tables.hudi.logs.reading import hidden_rows, read_logs
from h5s3.formats.tables.hudi.opening import Opened, read_opened
from h5s3.formats.tables.hudi.partitions import Partitioning, partitioning_of
from h5s3.formats.tables.hudi.properties import flag, words
from h5s3.formats.tables.hudi.schema import columns_of, meta_columns, text_column
from h5s3.formats.tables.hudi.slices import Slice, slices_at
from h5s3.formats.tables.hudi.timeline import time_of
from h5s3.formats.tables.parquet.footers import Footer, read_footers
from h5s3.formats.tables.parquet.sizes import sizes_in_files
from h5s3.formats.tables.parquet.table import columns_of as columns_of_file
from h5s3.formats.tables.place import Place
from h5s3.formats.tables.rows.ranges import ranges_of_footer
from h5s3.formats.tables.table import Column, DataFile, Table
from h5s3.records import TableVersion

CREATED = "hoodie.table.create.schema"
MOST_FILES = 5000  # whose footers are read
KINDS = {"COPY_ON_WRITE": "copy-on-write", "MERGE_ON_READ": "merge-on-read"}


if TYPE_CHECKING:
    import pyarrow as pa

    from h5s3.formats.tables.table import Positions


class HudiTable(Table):
    """One version of a table, and what it was read from."""

    place: Place
    opened: Opened
    rule: Rule | str  # how log files are merged, or why they are not

    def history(self) -> list[TableVersion]:
        """All completed instants of the timeline, by one round."""
        return read_history(self.place, self.opened)

    def read_statistics(self) -> None:
        """From the footers of the base files."""
        plain = [one for one in self.files if one.format == "parquet"][:MOST_FILES]
        footers = read_footers(self.place, [(one.path, one.size) for one in plain])
        self.files = [_told(one, footers[one.path]) if one.path in footers else one for one in self.files]

    def column_bytes(self) -> Mapping[str, tuple[int | None, int | None]]:
        """Sums over the base files."""
        return sizes_in_files(self.place, self)

    def hidden(self, files: Sequence[DataFile]) -> dict[str, Positions]:
        """Rows of base files that their logs hide; what these add is kept for `added`."""
        logged = [one for one in files if one.logs]
        self._merged = {}
        if not logged:
            return {}
        assert isinstance(self.rule, Rule)
        self._merged = read_logs(self.place, logged, self.rule, self.opened)
        return hidden_rows(self.place, logged, self.columns, self._merged)

    def added(self, file: DataFile, columns: Sequence[str]) -> pa.Table | None:
        """Rows that logs wrote."""
        merged = self._merged.pop(file.path, None)
        return merged.added([one for one in self.columns if one.name in columns]) if merged else None


def open_table(place: Place, version: str | None) -> HudiTable:
    """The table as it is, or was at an instant or a time. Raises `NotFoundError`."""
    require_pyarrow()
    require_fastavro()
    opened = read_opened(place, version)
    _check_cleaned(opened)
    properties = opened.properties
    written = {stat.path: stat for commit in opened.commits.values() for stat in commit.stats}
    slices = slices_at(opened.groups, opened.timeline, opened.until, opened.replaced, written)
    partitioning = partitioning_of(properties)
    columns = _columns(opened, partitioning) or _columns_of_file(place, slices)
    by_name = {one.name: one for one in columns}
    files = [_file(one, partitioning, by_name, written) for one in slices]
    rule = rule_of(properties, by_name)
    features = features_of(opened, slices, files, rule)
    found = HudiTable(
        format="hudi",
        columns=columns,
        files=files,
        version=opened.until or None,
        time=time_of(opened.until),
        format_version=properties.get("hoodie.table.version"),
        table_type=KINDS.get(properties.get("hoodie.table.type", "COPY_ON_WRITE").upper()),
        name=properties.get("hoodie.table.name"),
        partitioning=partitioning.told(),
        properties={name: value for name, value in properties.items() if name != CREATED},
        features=features,
        refused=next((one.name for one in features if not one.known), None),
        notes=_notes(opened),
    )
    found.place, found.opened = place, opened
    found.rule = rule
    return found


def _told(file: DataFile, footer: Footer) -> DataFile:
    return replace(file, rows=footer.num_rows, statistics=ranges_of_footer(footer) or None)


def _check_cleaned(opened: Opened) -> None:
    """Raise `RefusedError` for a version whose files may have been removed."""
    if opened.instant is None or opened.instant == opened.timeline.commits[-1]:
        return
    kept = opened.cleans[-1].get("earliestCommitToRetain") if opened.cleans else None
    whole = isinstance(kept, str) and kept != "" and opened.until >= kept
    if not whole and any(one.get("totalFilesDeleted") != 0 for one in opened.cleans):
        hint = f"versions since {kept} are whole" if kept else ""
        raise RefusedError(
            f"files of version {opened.until} were removed when the table was cleaned", hint=hint
        )


def _columns(opened: Opened, partitioning: Partitioning) -> list[Column]:
    """The columns as a reader gets them, those that Hudi adds first; none where nothing tells them."""
    properties = opened.properties
    created = properties.get(CREATED, "")
    newest = [
        opened.commits[one.path]
        for one in reversed(opened.timeline.commits)
        if one.path in opened.commits and one.time <= opened.until
    ]
    schema = next((text for one in newest if (text := one.extra.get("schema"))), created)
    if not schema:
        return []
    found = columns_of(schema, words(properties, "hoodie.table.recordkey.fields"))
    have = {one.name for one in found}
    if flag(properties, DROPPED):
        typed = {one.name: one for one in columns_of(created)} if created else {}
        missing = [name for name in partitioning.fields if name not in have]
        found += [typed.get(name) or text_column(name) for name in missing]
    if not flag(properties, "hoodie.populate.meta.fields", True):
        return found
    added = meta_columns(flag(properties, "hoodie.allow.operation.metadata.field"))
    return [*(one for one in added if one.name not in have), *found]


def _columns_of_file(place: Place, slices: list[Slice]) -> list[Column]:
    """The columns of the newest base file, where no schema is told of."""
    bases = [one.base for one in slices if one.base is not None and one.base.format == "parquet"]
    if not bases:
        return []
    newest = max(bases, key=lambda one: one.instant)
    return list(columns_of_file(read_footers(place, [(newest.path, newest.size)])[newest.path]))


def _file(
    one: Slice, partitioning: Partitioning, columns: Mapping[str, Column], written: Mapping[str, WriteStat]
) -> DataFile:
    """A slice as a data file: its base file, or where there is none, its first log."""
    first = one.base or one.logs[0]
    stat = written.get(first.path)
    return DataFile(
        path=first.path,
        size=first.size,
        rows=stat.rows if stat is not None and one.base is not None else None,
        deleted=None if one.logs else 0,
        partition=partitioning.values(one.partition, columns),
        format=one.base.format if one.base is not None else "log",
        logs=tuple(log.path for log in one.logs),
        detail=one,
    )


def _notes(opened: Opened) -> list[str]:
    """What a reader should know of the timeline."""
    timeline, found = opened.timeline, []
    if timeline.pending:
        actions = ", ".join(f"{time} ({action})" for time, action in [*timeline.pending.items()][:3])
        more = ", …" if len(timeline.pending) > 3 else ""
        count = len(timeline.pending)
        found.append(f"{count} not completed, and left out: {actions}{more}")
    if timeline.archived:
        found.append("older instants are archived: --history tells of those that can be read")
    if opened.clock:
        found.append(f"the clock of its writer was {opened.clock} UTC: times are as in the names of instants")
    return found
