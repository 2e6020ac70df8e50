"""References as kerchunk writes them in Parquet: a folder with `.zmetadata`, files of rows for each array.

Row n of an array is its n-th chunk in C order: `path`, `offset`, `size`, or `raw`, the bytes themselves; a
chunk that was never written has neither. fsspec reads a file of rows when one of its chunks is wanted first.
What the objects were stands in `.zmetadata`, under `h5s3`. Source: fsspec's LazyReferenceMapper.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from h5s3.errors import RefusedError
from h5s3.export.parquet import require_pyarrow
from h5s3.export.references.hierarchy import Hierarchy, VirtualArray
from h5s3.export.references.kerchunk_json import about_references
from h5s3.records import LeftOut

MOST_ROWS = 10_000  # of one file, as kerchunk has them
MOST_NUMBERED = 1 << 62  # chunks
ENCODED = b"base64:"  # fsspec decodes what begins so
Row = tuple[
    int, str | None, int, int, bytes | None
]  # number of the chunk, URL, first byte, bytes; or the bytes


def write_parquet(folder: str, made: Hierarchy, left_out: Sequence[LeftOut]) -> None:
    """Write the references of a hierarchy into an empty folder; `.zmetadata` comes last.

    Raises `H5s3Error` without pyarrow, `RefusedError` where the chunks of an array cannot be numbered.
    """
    require_pyarrow()
    for array in made.arrays:
        if prod(_grid(array)) >= MOST_NUMBERED:
            raise RefusedError(f"/{array.path} has room for more chunks than Parquet references can count")
    rows = min(MOST_ROWS, max((prod(_grid(array)) for array in made.arrays), default=1) or 1)
    for array in made.arrays:
        _write_array(os.path.join(folder, *array.path.split("/")), array, rows)
    document = {"metadata": made.documents(), "record_size": rows, "h5s3": about_references(made, left_out)}
    with open(os.path.join(folder, ".zmetadata"), "x", encoding="utf-8") as stream:
        json.dump(document, stream)


def _grid(array: VirtualArray) -> list[int]:
    sizes = zip(array.array.shape, array.array.chunks, strict=True)
    return [-(-length // chunk) for length, chunk in sizes] or [1]


def _write_array(folder: str, array: VirtualArray, rows: int) -> None:
    found = sorted(_rows(array), key=lambda row: row[0])
    if found:
        os.makedirs(folder, exist_ok=True)
    total, at = prod(_grid(array)), 0
    while at < len(found):
        record = found[at][0] // rows
        end = next((n for n in range(at, len(found)) if found[n][0] // rows != record), len(found))
        first = record * rows
        _write_rows(
            os.path.join(folder, f"refs.{record}.parq"), found[at:end], first, min(rows, total - first)
        )
        at = end


def _rows(array: VirtualArray) -> Iterator[Row]:
    strides = np.cumprod([1, *_grid(array)[:0:-1]])[::-1].astype("u8")
    for url, table in array.places:
        cells = table[:, :-2] if table.shape[1] > 2 else np.zeros((len(table), 1), dtype="u8")
        numbers = (cells.astype("u8") * strides).sum(axis=1)
        for number, (start, size) in zip(numbers.tolist(), table[:, -2:].tolist(), strict=True):
            yield number, url, start, size, None
    for key, data in array.inlined.items():
        number = sum(int(n) * int(stride) for n, stride in zip(key.split("."), strides, strict=True))
        yield number, None, 0, 0, ENCODED + base64.b64encode(data) if data.startswith(ENCODED) else data


def _write_rows(path: str, found: Sequence[Row], first: int, count: int) -> None:
    pa = require_pyarrow()
    columns: dict[str, list[Any]] = {
        "path": [None] * count, "offset": [0] * count, "size": [0] * count, "raw": [None] * count,
    }  # fmt: skip
    for number, *values in found:
        for name, value in zip(columns, values, strict=True):
            columns[name][number - first] = value
    kinds = {"path": pa.string(), "offset": pa.int64(), "size": pa.int64(), "raw": pa.binary()}
    table = pa.table({name: pa.array(values, type=kinds[name]) for name, values in columns.items()})
    always = [
        "offset",
        "size",
    ]  # fastparquet makes floats of integers that may be missing, for all it is told
    pa.parquet.write_table(table, path, compression="zstd", write_statistics=always)
