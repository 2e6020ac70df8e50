"""All Parquet files below a prefix as one table, with what paths say of partitions (`day=2024-05-01/`).

Hive's way of naming folders, as Spark, pyarrow and DuckDB read it. Names that begin with `_` or `.` are
passed over, and what is not Parquet.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from h5s3.errors import NotFoundError, RefusedError
from h5s3.formats.tables.arrow import column_of, require_pyarrow
from h5s3.formats.tables.parquet.footers import Footer, read_footers
from h5s3.formats.tables.parquet.nodes import nodes_of
from h5s3.formats.tables.parquet.schema import fields_of, properties_of, words_of
from h5s3.formats.tables.place import Place
from h5s3.formats.tables.table import Column, DataFile
from h5s3.records import PartitionField

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".parquet", ".parq", ".pq")
NULL = "__HIVE_DEFAULT_PARTITION__"
INTEGER, DATE = re.compile(r"-?\d{1,18}"), re.compile(r"\d{4}-\d{2}-\d{2}")
MOST_FILES = 100_000
TOGETHER = 4096  # footers that are read at once
NAMED = 5  # files that a sentence names


@dataclass
class Dataset:
    """What a prefix holds."""

    columns: Sequence[Column]
    files: Sequence[DataFile]
    footers: Mapping[str, Footer]
    partitioning: Sequence[PartitionField]
    properties: Mapping[str, str]
    format_version: str | None
    written_by: str | None
    refused: str | None
    notes: list[str] = field(default_factory=list)


def is_data(path: str) -> bool:
    """Whether a path below a prefix is that of a file with rows."""
    *folders, name = path.split("/")
    hidden = name.startswith(("_", ".")) or any(_is_hidden(folder) for folder in folders)
    return not hidden and name.lower().endswith(SUFFIXES)


def _is_hidden(folder: str) -> bool:
    return folder.startswith(".") or (folder.startswith("_") and "=" not in folder)


def read_dataset(place: Place, listed: Sequence[tuple[str, int]]) -> Dataset:
    """The table of all files that were listed. Raises `NotFoundError` where none is Parquet's."""
    found = sorted((path, size) for path, size in listed if is_data(path))
    if not found:
        raise NotFoundError("no Parquet files are below it")
    if len(found) > MOST_FILES:
        raise RefusedError(f"more than {MOST_FILES:,} Parquet files are below it", hint="name a part of them")
    footers: dict[str, Footer] = {}
    for at in range(0, len(found), TOGETHER):
        footers |= read_footers(place, found[at : at + TOGETHER])
    parts = {path: dict(keys_of(path)) for path, _ in found}
    names = list(dict.fromkeys(name for keys in parts.values() for name in keys))
    kinds = {name: _kind([keys.get(name) for keys in parts.values()]) for name in names}
    files = [
        DataFile(
            path,
            size,
            footers[path].num_rows,
            partition={name: _value(parts[path].get(name), kinds[name]) for name in names},
        )
        for path, size in found
    ]
    schema = _Schema()
    for path, footer in footers.items():
        schema.take(path, footer)
    columns = schema.columns()
    there = {one.name for one in columns}
    columns += [Column(name, kinds[name], _arrow(kinds[name])) for name in names if name not in there]
    first = next(iter(footers.values()))
    makers = {footer.created_by for footer in footers.values()}
    return Dataset(
        columns,
        files,
        footers,
        [PartitionField(name=name, source=f"/{name}") for name in names],
        _common([properties_of(footer) for footer in footers.values()]),
        first.format_version if len({one.format_version for one in footers.values()}) == 1 else None,
        (first.created_by or None) if len(makers) == 1 else None,
        schema.refused,
        schema.notes(len(found)),
    )


def keys_of(path: str) -> list[tuple[str, str | None]]:
    """Names and values that the folders of a path say; None for null."""
    found: list[tuple[str, str | None]] = []
    for folder in path.split("/")[:-1]:
        name, mark, value = folder.partition("=")
        if mark and name:
            found.append((unquote(name), None if value == NULL else unquote(value)))
    return found


def _kind(values: Sequence[str | None]) -> str:
    """The type that suits all values."""
    there = [value for value in values if value is not None]
    if there and all(INTEGER.fullmatch(value) for value in there):
        return "int"
    if there and all(DATE.fullmatch(value) and _date(value) for value in there):
        return "date"
    return "string"


def _value(text: str | None, kind: str) -> Any:
    if text is None:
        return None
    return int(text) if kind == "int" else _date(text) if kind == "date" else text


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _arrow(kind: str) -> pa.DataType:
    pa = require_pyarrow()
    return {"int": pa.int64(), "date": pa.date32(), "string": pa.string()}[kind]


def _common(all_of: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What all files say."""
    first = dict(all_of[0])
    for other in all_of[1:]:
        first = {name: value for name, value in first.items() if other.get(name) == value}
    return first


class _Schema:
    """The columns of all files, each in the type that holds all of its values."""

    def __init__(self) -> None:
        self.refused: str | None = None
        self._fields: dict[str, pa.Field] = {}
        self._words: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._files = 0
        self._seen: dict[bytes, list[str]] = {}  # names of columns, by schema

    def take(self, path: str, footer: Footer) -> None:
        """The columns of one more file."""
        self._files += 1
        nodes = nodes_of(footer)
        fields = fields_of(footer, nodes)
        pa = require_pyarrow()
        key = bytes(pa.schema(fields).remove_metadata().serialize())
        if key not in self._seen:
            self._seen[key] = [one.name for one in fields]
            self._words = words_of(footer, nodes) | self._words
            for one in fields:
                self._join(path, one)
        for name in self._seen[key]:
            self._counts[name] = self._counts.get(name, 0) + 1

    def _join(self, path: str, other: pa.Field) -> None:
        pa = require_pyarrow()
        known = self._fields.get(other.name)
        if known is None:
            self._fields[other.name] = other
            return
        try:
            plain = [pa.schema([one.remove_metadata()]) for one in (known, other)]
            both = pa.unify_schemas(plain, promote_options="permissive").field(0)
        except (pa.ArrowException, NotImplementedError):
            if self.refused is None:
                self.refused = (
                    f"the column {other.name} is of type {known.type} in one file, of {other.type} in {path}"
                )
            return
        self._fields[other.name] = both if both.type != known.type else known.with_nullable(both.nullable)

    def columns(self) -> list[Column]:
        """In the order in which files have them."""
        found = []
        for name, one in self._fields.items():
            missing = self._counts[name] < self._files
            found.append(column_of(one.with_nullable(True) if missing else one, self._words.get))
        return found

    def notes(self, files: int) -> list[str]:
        """Columns that not all files have."""
        short = [f"{name} ({files - count:,})" for name, count in self._counts.items() if count < files]
        more = f", and {len(short) - NAMED:,} more" if len(short) > NAMED else ""
        return [f"files without columns that others have: {', '.join(short[:NAMED])}{more}"] if short else []
