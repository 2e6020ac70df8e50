"""Answers of queries as files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from h5s3.errors import UsageError
from h5s3.export.atomic_file import atomic_write, check_target, write_errors
from h5s3.export.catalog.tables import require_pyarrow
from h5s3.records import Json


def check_file(path: str, overwrite: bool) -> None:
    """Raises `UsageError` or `H5s3Error` where an answer cannot be written there."""
    if not path.lower().endswith((".parquet", ".csv")):
        raise UsageError("an answer is written as .parquet or .csv", location=path)
    check_target(path, overwrite)


def write_parquet(path: str, names: list[str], schema: Any, batches: Iterator[Any], overwrite: bool) -> int:
    """Write record batches as Parquet; the number of rows."""
    pa = require_pyarrow()
    schema = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
    rows = 0
    with write_errors(path), atomic_write(path, overwrite) as (stream, _):
        with pa.parquet.ParquetWriter(stream, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
    return rows


def write_csv(path: str, names: list[str], rows: Iterable[Sequence[Json]], overwrite: bool) -> int:
    """Write rows as CSV; how many there are."""
    count = 0
    with write_errors(path), atomic_write(path, overwrite) as (stream, _):
        text = io.TextIOWrapper(stream, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow(map(cell_text, row))
            count += 1
        text.flush()
        text.detach()
    return count


def cell_text(value: Json) -> str:
    """A value as text: nothing for null, JSON for lists and what has names."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)  # nan, inf
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
