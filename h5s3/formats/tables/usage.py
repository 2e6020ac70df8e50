"""What the columns of a table take."""

from __future__ import annotations

from typing import Any

from h5s3.errors import UsageError
from h5s3.formats.requests import UsageRequest
from h5s3.formats.tables.partitions import partitions_of
from h5s3.formats.tables.table import Column, Table, is_struct
from h5s3.formats.tables.tree import column_at
from h5s3.records import UNSET, DiskUsage, Partition, Usage
from h5s3.storage.base import ObjectInfo

UNKNOWN = "what columns take is not known: files are very many, elsewhere, not Parquet's, or have logs"
SORTS: dict[str, Any] = {
    "stored": lambda one: (-(one.stored or 0), one.path),
    "logical": lambda one: (-one.logical, one.path),
    "ratio": lambda one: (-(one.ratio or 0), one.path),
    "name": lambda one: one.path,
}


def read_usage(table: Table, info: ObjectInfo, asked: UsageRequest) -> DiskUsage:
    """What the columns below a path take. Raises `NotFoundError`."""
    top = column_at(table.columns, asked.path)
    if asked.partitions:
        return _partitions(table, info, asked)
    sizes = dict(table.column_bytes())
    if sizes:  # columns that only the paths of files hold
        sizes |= {one.source: (0, 0) for one in table.partitioning if one.source not in sizes}
    entries: list[Usage] = []

    def walk(columns: tuple[Column, ...], above: str, depth: int) -> None:
        for column in columns:
            path = f"{above}/{column.name}"
            stored, logical = sizes.get(path, (None, None))
            if not asked.depth or depth <= asked.depth:
                entries.append(
                    Usage(
                        path=path,
                        type="group" if is_struct(column) else "dataset",
                        stored=stored,
                        logical=logical or 0,
                        ratio=float(f"{logical / stored:.6g}") if stored and logical else None,
                        num_datasets=1,
                        unknown=int(stored is None),
                    )
                )
            if is_struct(column):
                walk(column.children, path, depth + 1)

    inside = "" if top is None else asked.path.rstrip("/")
    columns = table.columns if top is None else (top.children if is_struct(top) else ())
    walk(tuple(columns), inside, 1)
    if top is None:
        first = [sizes.get(f"/{one.name}", (None, None)) for one in table.columns]
    else:
        first = [sizes.get(inside, (None, None))]
    stored, logical = (sum(one[number] or 0 for one in first) for number in (0, 1))
    entries.sort(key=SORTS[asked.sort])
    unknown = sum(one[0] is None for one in first)
    size = sum(one.size or 0 for one in table.files)
    return DiskUsage(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        path=asked.path,
        size=size,
        objects=len(table.files),
        stored=stored,
        logical=logical,
        ratio=float(f"{logical / stored:.6g}") if stored and logical else None,
        num_datasets=len(entries),
        entries=entries[: asked.limit] if asked.limit else entries,
        num_entries=len(entries),
        entries_truncated=bool(asked.limit and len(entries) > asked.limit),
        unknown=unknown,
        notes=[UNKNOWN] if table.files and not sizes else [],
        other=UNSET if top is not None or unknown else max(0, size - stored),
        table=table.format,
    )


def _partitions(table: Table, info: ObjectInfo, asked: UsageRequest) -> DiskUsage:
    """What the partitions take, as the metadata of the table tells it."""
    if asked.path != "/":
        raise UsageError("--partitions is about the whole table", hint="leave PATH out")
    if asked.sort not in ("stored", "name"):
        raise UsageError("partitions are sorted by stored bytes, or by name")
    found = partitions_of(table)
    if asked.sort == "stored":
        found.sort(key=_largest_first)
    sizes = [one.bytes for one in found]
    size = sum(one or 0 for one in sizes)
    return DiskUsage(
        location=info.location.display,
        key=info.location.shown_key,
        etag=None,
        path="/",
        size=size,
        objects=len(table.files),
        stored=size,
        logical=0,
        ratio=None,
        num_datasets=0,
        entries=[],
        unknown=sizes.count(None),
        partitions=found[: asked.limit] if asked.limit else found,
        num_partitions=len(found),
        table=table.format,
        notes=[],
    )


def _largest_first(one: Partition) -> int:
    return -(one.bytes or 0)
