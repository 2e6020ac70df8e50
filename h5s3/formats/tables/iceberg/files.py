"""The files of a snapshot: where they lie, their partitions, what is known of their columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from h5s3.formats.tables.iceberg.deletes import Delete
from h5s3.formats.tables.iceberg.manifests import Entry
from h5s3.formats.tables.iceberg.metadata import Metadata, Spec
from h5s3.formats.tables.iceberg.types import paths_of
from h5s3.formats.tables.iceberg.values import bound, result_type, transformed
from h5s3.formats.tables.json_values import json_of
from h5s3.formats.tables.place import below
from h5s3.formats.tables.table import Column, DataFile
from h5s3.records import ColumnRange, PartitionField

CUT = 16  # characters after which writers cut bounds of texts, unless a property says otherwise
CUT_PROPERTY = "write.metadata.metrics.default"


class Roots:
    """Where a table lies, and where its metadata says that it does: it may have been moved."""

    def __init__(self, location: str, here: str, outside: Callable[[str], str | None]) -> None:
        """`location`: as the metadata has it. `outside`: the path by which to read what lies elsewhere."""
        self._location, self._here, self._outside = location, here, outside
        self._before: list[str] = []

    def add(self, before: str) -> None:
        """A place where the table was before it came to its location."""
        self._before.append(before)

    @property
    def moved_from(self) -> str | None:
        """Where its metadata says that files are, if that is elsewhere."""
        for root in [*self._before, self._location]:
            if below(f"{root.rstrip('/')}/x", self._here) != "x":
                return root
        return None

    def path(self, location: str) -> str | None:
        """The path below the table of a location that metadata names; None for one that is elsewhere."""
        for root in [self._location, self._here, *self._before]:
            found = below(location, root) if root else None
            if found is not None:
                return found
        return self._outside(location)

    def same(self, location: str) -> str:
        """One text for all ways to name a file."""
        return self.path(location) or location


@dataclass(frozen=True)
class Partitions:
    """Values of partitions in the words of their transforms."""

    specs: Mapping[int, Spec]
    types: Mapping[int, str]  # of columns, by their ids

    def of(self, entry: Entry) -> dict[str, Any]:
        """The values of a file, by the names of the fields of its partitioning."""
        spec = self.specs.get(entry.spec_id)
        if spec is None or not entry.partition_types:
            return {}
        written = {
            number: (word, value)
            for (number, word), value in zip(entry.partition_types, entry.partition, strict=True)
        }
        found = {}
        for one in spec.fields:
            word, value = written.get(one.field_id or 0, (None, None))
            source = next((self.types[number] for number in one.sources if number in self.types), "string")
            kind = result_type(one.transform, source)
            if word is not None and (word not in ("int", "long", "binary") and not word.startswith("fixed")):
                kind = word  # as it was when the file was written
            found[one.name] = transformed(one.transform, kind, value)
        return found


def fields_of(specs: Sequence[Spec], default: int | None, columns: Sequence[Column]) -> list[PartitionField]:
    """What files are partitioned by, and were."""
    paths = paths_of(columns)
    current = next((spec for spec in specs if spec.spec_id == default), specs[-1])
    names: dict[tuple[int | None, str, str], PartitionField] = {}
    for spec in specs:
        for one in spec.fields:
            if one.transform == "void":
                continue
            sources = [paths[number][0] if number in paths else f"column {number}" for number in one.sources]
            key = one.field_id, one.name, one.transform
            if key not in names:
                names[key] = PartitionField(
                    name=one.name, source=", ".join(sources), transform=one.transform, current=False
                )
                if len(specs) > 1:
                    names[key].since = str(spec.spec_id)
            names[key].current |= spec is current
    return list(names.values())


def sort_order_of(metadata: Metadata, columns: Sequence[Column]) -> list[str]:
    """The keys by which new files are sorted."""
    paths = paths_of(columns)
    order = next(
        (one for one in metadata.sort_orders if one.order_id == metadata.default_sort_order_id), None
    )
    found = []
    for one in order.fields if order else ():
        sources = [one.source_id] if one.source_id is not None else one.source_ids
        names = ", ".join(paths[number][0] if number in paths else f"column {number}" for number in sources)
        key = names if one.transform == "identity" else f"{one.transform}({names})"
        found.append(f"{key} {one.direction} {one.null_order.replace('-', ' ')}".strip())
    return found


class Ranges(Mapping[str, ColumnRange]):
    """What manifests tell of the columns of a file, by path; decoded when it is asked for."""

    def __init__(self, entry: Entry, paths: Mapping[int, tuple[str, str]], cut: int | None) -> None:
        """`paths`: paths and types of columns, by their ids."""
        self._entry, self._paths, self._cut = entry, paths, cut

    def __getitem__(self, path: str) -> ColumnRange:
        return self._found[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def _found(self) -> dict[str, ColumnRange]:
        nulls, lower, upper = (
            {one.get("key", -1): one.get("value") for one in listed or ()}
            for listed in (self._entry.nulls, self._entry.lower, self._entry.upper)
        )
        found = {}
        for number in sorted({*nulls, *lower, *upper} & self._paths.keys()):
            path, kind = self._paths[number]
            bounds = lower.get(number), upper.get(number)
            ends = [None if one is None else bound(kind, one) for one in bounds]
            found[path] = ColumnRange(
                min=json_of(ends[0]),
                max=json_of(ends[1]),
                nulls=nulls.get(number),
                exact=all(self._is_exact(kind, one) for one in ends),
            )
        return found

    def _is_exact(self, kind: str, value: Any) -> bool:
        """Whether a bound is a value of the column: texts and bytes of some length may be cut short."""
        if not isinstance(value, str | bytes) or kind.endswith("_ns"):
            return True
        return self._cut is not None and len(value) < self._cut


def data_files(
    entries: Sequence[tuple[Entry, tuple[Delete, ...]]],
    roots: Roots,
    partitions: Partitions,
    paths: Mapping[int, tuple[str, str]],
    cut: int | None,
) -> list[DataFile]:
    """The data files of a snapshot."""
    found = []
    for entry, deletes in entries:
        path = roots.path(entry.path)
        found.append(
            DataFile(
                entry.path if path is None else path,
                entry.size,
                entry.rows,
                deleted_of(deletes),
                partitions.of(entry),
                Ranges(entry, paths, cut),
                entry.format,
                deletes,
                elsewhere=path is None,
                detail=entry,
            )
        )
    return found


def deleted_of(deletes: Sequence[Delete]) -> int | None:
    """Rows that deletes hide, where metadata tells it: it does for a deletion vector alone."""
    if not deletes:
        return 0
    return deletes[0].entry.rows if len(deletes) == 1 and deletes[0].vector else None


def cut_of(metadata: Metadata) -> int | None:
    """Characters after which bounds of texts are cut short; None where it is not known of all columns."""
    properties = metadata.properties or {}
    if any(name.startswith("write.metadata.metrics.column.") for name in properties):
        return None
    known = re.fullmatch(r"truncate\((\d{1,6})\)", str(properties.get(CUT_PROPERTY, f"truncate({CUT})")))
    return int(known[1]) if known else None


def stored_bytes(
    files: Sequence[DataFile], columns: Sequence[Column]
) -> dict[str, tuple[int | None, int | None]]:
    """Stored bytes of columns, with all that is in them, where the manifests of all files tell them."""
    if not all(isinstance(one.detail, Entry) and one.detail.column_sizes for one in files):
        return {}
    sums: dict[int, int] = {}
    for one in files:
        for pair in one.detail.column_sizes:
            sums[pair.get("key")] = sums.get(pair.get("key"), 0) + (pair.get("value") or 0)
    found: dict[str, tuple[int | None, int | None]] = {}
    for number, (path, column) in paths_of(columns).items():
        parts = path.split("/")
        size = 0 if column.children else sums.get(number, 0)
        for depth in range(2, len(parts) + 1):
            above = "/".join(parts[:depth])
            found[above] = (found.get(above, (0, None))[0] or 0) + size, None
    return found
