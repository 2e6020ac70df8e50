"""The partitions of a table, summed up from its metadata."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from h5s3.formats.tables.json_values import json_of
from h5s3.formats.tables.table import DataFile, Table
from h5s3.records import Partition


def partitions_of(table: Table) -> list[Partition]:
    """All files with the same partition values, in the order of the values."""
    together: dict[tuple[tuple[str, Any], ...], list[DataFile]] = defaultdict(list)
    for file in table.files:
        together[tuple((name, _hashable(value)) for name, value in file.partition.items())].append(file)
    found = [
        Partition(
            values={name: json_of(value) for name, value in files[0].partition.items()},
            rows=_sum(
                None if one.rows is None or one.deleted is None or one.logs else one.rows - one.deleted
                for one in files
            ),
            files=len(files),
            bytes=_sum(one.size for one in files),
        )
        for files in together.values()
    ]
    found.sort(
        key=lambda one: [(value is not None, str(type(value)), value) for value in one.values.values()]
    )
    return found


def _sum(values: Any) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, float | list | dict) else value
