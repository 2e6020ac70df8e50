"""What columns take in the Parquet files that a table of any format is made of, as their footers tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from h5s3.formats.tables.parquet.footers import read_footers
from h5s3.formats.tables.parquet.table import columns_of, sizes_of
from h5s3.formats.tables.table import Column, Table

if TYPE_CHECKING:
    from h5s3.formats.tables.place import Place

MOST_FILES = 2000  # whose footers are read for it

Sizes = Mapping[str, tuple[int | None, int | None]]


def sizes_in_files(place: Place, table: Table) -> Sizes:
    """Stored and logical bytes of columns, by path. Nothing where not all files are Parquet's and here, or
    where they are very many."""
    files = table.files
    told = all(one.format == "parquet" and not one.elsewhere and not one.logs for one in files)
    if not told or len(files) > MOST_FILES:
        return {}
    footers = read_footers(place, [(one.path, one.size if table.sizes_hold else None) for one in files])
    sums = {path: [0, 0] for path, _, _ in _columns(table.columns, "", "")}
    for footer in footers.values():
        sizes = sizes_of([footer])
        if table.found_by == "id":
            there = {number: path for path, _, number in _columns(columns_of(footer), "", "")}
            named = {path: there.get(number) for path, _, number in _columns(table.columns, "", "")}
        else:
            named = {path: physical for path, physical, _ in _columns(table.columns, "", "")}
        for path, physical in named.items():
            stored, logical = sizes.get(physical or "", (0, 0))
            sums[path][0] += stored or 0
            sums[path][1] += logical or 0
    return {path: (stored, logical) for path, (stored, logical) in sums.items()}


def _columns(columns: Sequence[Column], above: str, physically: str) -> Iterator[tuple[str, str, int | None]]:
    """Columns and what is in them: the path, the path in the files, the id."""
    for one in columns:
        path, physical = f"{above}/{one.name}", f"{physically}/{one.physical or one.name}"
        yield path, physical, one.field_id
        yield from _columns(one.children, path, physical)
