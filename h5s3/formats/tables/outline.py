"""A table as `diff` compares it: columns with their types, properties and partitioning as attributes, and the
files that it is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence

from h5s3.formats.encoding.digests import digest_of_bytes
from h5s3.formats.requests import OutlineRequest
from h5s3.formats.tables.arrow import info_of
from h5s3.formats.tables.table import Column, DataFile, Table, is_struct
from h5s3.formats.tables.tree import column_at
from h5s3.records import (
    UNSET,
    Outline,
    OutlinedDataset,
    OutlinedFile,
    OutlinedObject,
    OutlinedTable,
    OutlinedType,
    OutlinedValue,
    PartitionField,
    TypeInfo,
    UnsetType,
    to_json,
)
from h5s3.storage.base import ObjectInfo

MOST_FILES = 200_000  # of which each is told


def read_outline(table: Table, info: ObjectInfo, asked: OutlineRequest) -> Outline:
    """Everything below a path but rows. Raises `NotFoundError`."""
    top = column_at(table.columns, asked.path)
    walk = _Walk()
    if top is None:
        facts = {
            "partitioned by": ", ".join(_words(one) for one in table.partitioning if one.current),
            "sorted by": ", ".join(table.sort_order),
        }
        properties = {**table.properties, **{name: text for name, text in facts.items() if text}}
        walk.objects.append(
            OutlinedObject(
                path="/", kind="group", attributes=[walk.value(n, v) for n, v in properties.items()]
            )
        )
        walk.take(table.columns, "")
    elif is_struct(top):
        walk.objects.append(OutlinedObject(path="/", kind="group"))
        walk.take(top.children, "")
    else:
        walk.objects.append(OutlinedObject(path="/", kind="dataset", dataset=walk.dataset(top)))
    return Outline(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        format=table.format,
        objects=walk.objects,
        types=walk.types,
        table=_outlined(table) if top is None else UNSET,
    )


def _words(field: PartitionField) -> str:
    source = field.source.removeprefix("/")
    return source if field.transform == "identity" else f"{field.transform}({source})"


def _outlined(table: Table) -> OutlinedTable:
    files: list[OutlinedFile] | UnsetType = UNSET
    if len(table.files) <= MOST_FILES and not any(one.path == "" for one in table.files):
        files = [OutlinedFile(path=one.path, size=one.size, rows=_rows(one)) for one in table.files]
    sizes = [one.size for one in table.files]
    return OutlinedTable(
        id=table.id,
        version=table.version,
        time=table.time,
        rows=table.rows,
        num_files=len(table.files),
        bytes=None if None in sizes else sum(size or 0 for size in sizes),
        files=files,
    )


def _rows(file: DataFile) -> int | None:
    if file.rows is None or file.deleted is None or file.logs:
        return None
    return file.rows - file.deleted


class _Walk:
    def __init__(self) -> None:
        self.objects: list[OutlinedObject] = []
        self.types: list[OutlinedType] = []
        self._numbers: dict[bytes, int] = {}

    def take(self, columns: Sequence[Column], above: str) -> None:
        for column in columns:
            path = f"{above}/{column.name}"
            if is_struct(column):
                made = OutlinedObject(path=path, kind="group")
            else:
                made = OutlinedObject(path=path, kind="dataset", dataset=self.dataset(column))
            made.attributes = self._facts(column)
            if column.field_id is not None or column.physical is not None:
                made.column = str(column.physical if column.field_id is None else column.field_id)
            self.objects.append(made)
            if is_struct(column):
                self.take(column.children, path)

    def dataset(self, column: Column) -> OutlinedDataset:
        """A column. Its rows are those of the table, and told there."""
        words = column.type if column.arrow is None else str(column.arrow)
        return OutlinedDataset(
            type=self._number(OutlinedType(words=words, info=info_of(column.arrow))),
            dtype=words,
            layout="columns",
        )

    def value(self, name: str, value: str) -> OutlinedValue:
        kind = self._number(OutlinedType(words="str", info=TypeInfo(class_="string", variable=True)))
        made = OutlinedValue(name=name, value=value, dtype="str", shape=[], type=kind)
        made.digest = digest_of_bytes(json.dumps(value).encode())
        return made

    def _facts(self, column: Column) -> list[OutlinedValue]:
        facts = {"nullable": "" if column.nullable else "no", "comment": column.comment}
        return [self.value(name, text) for name, text in facts.items() if text]

    def _number(self, made: OutlinedType) -> int:
        key = to_json(made)
        if key not in self._numbers:
            self._numbers[key] = len(self.types)
            self.types.append(made)
        return self._numbers[key]
