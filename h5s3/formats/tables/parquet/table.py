"""Parquet as a table: one file, or all files below a prefix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from h5s3.errors import UsageError
from h5s3.formats.tables.parquet.dataset import Dataset, read_dataset
from h5s3.formats.tables.parquet.footers import Footer, read_footers
from h5s3.formats.tables.parquet.nodes import nodes_of, paths_of
from h5s3.formats.tables.parquet.row_groups import ranges_of, row_groups_of
from h5s3.formats.tables.parquet.schema import columns_of, notes_of, properties_of
from h5s3.formats.tables.place import ObjectPlace, Place
from h5s3.formats.tables.table import DataFile, Table
from h5s3.records import UNSET, RowGroup, TableVersion, UnsetType

__all__ = ["ParquetTable", "columns_of", "open_table", "sizes_of"]

LISTS_VERSIONS = "h5s3 ls --versions lists those of an object"


class ParquetTable(Table):
    """All that footers tell."""

    found: Mapping[str, Footer]  # by path

    def known_bytes(self) -> dict[str, tuple[int | None, int | None]]:
        """Sums over the row groups."""
        return sizes_of(list(self.found.values()))

    def footers(self) -> Mapping[str, Footer]:
        """All of them were read."""
        return self.found

    def history(self) -> list[TableVersion]:
        """There are no versions."""
        raise UsageError(_no_versions([one.path for one in self.files] == [""]), hint=LISTS_VERSIONS)

    def read_statistics(self) -> None:
        """Those of each file, from its row groups."""
        self.files = [replace(one, statistics=ranges_of(self.found[one.path])) for one in self.files]

    def row_groups(self, most: int | None) -> list[RowGroup] | UnsetType:
        """Of a single file."""
        if len(self.files) != 1 or self.files[0].path:
            return UNSET
        return row_groups_of(self.found[""], most)


def open_table(place: Place, version: str | None) -> ParquetTable:
    """The table that a file holds, or all files below a prefix. Raises `UsageError` for a version, and
    `DamagedError`, `NotFoundError` where there are none."""
    if version is not None:
        raise UsageError(
            _no_versions(isinstance(place, ObjectPlace)), hint="--version-id names one of an object"
        )
    listed = [(path, size) for path, size in place.below()]
    if [path for path, _ in listed] != [""]:
        return _of_dataset(read_dataset(place, listed))
    footer = read_footers(place, [("", None)])[""]
    columns = columns_of(footer)
    found = ParquetTable(
        format="parquet",
        columns=columns,
        files=[DataFile("", listed[0][1], footer.num_rows)],
        format_version=footer.format_version,
        written_by=footer.created_by or None,
        properties=properties_of(footer),
        notes=notes_of(columns),
    )
    found.found = {"": footer}
    _note_encrypted(found)
    return found


def _no_versions(alone: bool) -> str:
    return (
        "a Parquet file has no versions of its own"
        if alone
        else "Parquet files have no versions of their own"
    )


def _of_dataset(made: Dataset) -> ParquetTable:
    found = ParquetTable(
        format="parquet",
        columns=made.columns,
        files=made.files,
        format_version=made.format_version,
        partitioning=made.partitioning,
        properties=made.properties,
        written_by=made.written_by,
        refused=made.refused,
        notes=[*made.notes, *notes_of(made.columns)],
    )
    found.found = made.footers
    _note_encrypted(found)
    return found


def _note_encrypted(table: ParquetTable) -> None:
    names = dict.fromkeys(
        footer.schema.column(number).path
        for footer in table.found.values()
        for number in sorted(footer.encrypted)
    )
    if names:
        table.notes.append("encrypted, and not read: " + ", ".join(names))


def sizes_of(footers: Sequence[Any]) -> dict[str, tuple[int | None, int | None]]:
    """Stored and logical bytes of columns in all these files: those of lists and maps with all that is in
    them."""
    found: dict[str, list[int]] = {}
    for footer in footers:
        sums = [[0, 0] for _ in range(footer.num_columns)]
        for group in range(footer.num_row_groups):
            for number, chunk in footer.chunks(group):
                if chunk is not None:
                    sums[number][0] += chunk.total_compressed_size
                    sums[number][1] += chunk.total_uncompressed_size
        for path, node in paths_of(nodes_of(footer)):
            total = found.setdefault(path, [0, 0])
            total[0] += sum(sums[leaf][0] for leaf in node.leaves)
            total[1] += sum(sums[leaf][1] for leaf in node.leaves)
    return {path: (stored, logical) for path, (stored, logical) in found.items()}
