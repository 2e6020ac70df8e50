"""Datasets taken away in a test, and what h5py reads of the same file and of what was written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet
import pytest
from h5py import h5s, h5t

from h5s3.explore.get.get import Estimate, GetRequest, get
from h5s3.records import Get
from tests.support.servers.memory import LOCATION, MemoryStore, memory_session


def take(
    store: MemoryStore,
    output: Path | str | None,
    path: str = "/data",
    *,
    max_bytes: int | None = None,
    **asked: Any,
) -> Get:
    """The receipt of a dataset that was written to a file."""
    with memory_session(store, max_bytes=max_bytes) as session:
        return get(
            session, LOCATION, GetRequest(path, output=None if output is None else str(output), **asked)
        )


def stream(store: MemoryStore, path: str = "/data", **wish: Any) -> bytes:
    """What goes to standard output."""
    target = io.BytesIO()
    take(store, None, path, stream=target, **wish)
    return target.getvalue()


def planned(store: MemoryStore, output: Path, path: str = "/data", **wish: Any) -> Estimate:
    """What is said before."""
    found: list[Estimate] = []
    take(store, output, path, announce=found.append, **wish)
    return found[-1]


@contextmanager
def boxes_of(size: int, batch: int | None = None) -> Iterator[None]:
    """Boxes of so many bytes, and text of so many values at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("h5s3.formats.boxes.BOX", size)
        patch.setattr("h5s3.formats.grid.RUN", max(8, size // 4))
        if batch:
            patch.setattr("h5s3.export.csv.BATCH", batch)
            patch.setattr("h5s3.export.json.BATCH", batch)
        yield


def by_h5py(store: MemoryStore, index: Any = (), path: str = "/data") -> Any:
    """The same values as h5py reads them."""
    with h5py.File(io.BytesIO(store.data)) as h5:
        return _read(h5[path], index)


def _read(data: h5py.Dataset, index: Any) -> Any:
    """All by h5py, a part by NumPy: an array even where one value is left, in the byte order of the file."""
    values = np.zeros(data.shape, dtype=data.dtype)
    if values.size:
        data.id.read(h5s.ALL, h5s.ALL, values, mtype=h5t.py_create(data.dtype))
    index = index if isinstance(index, tuple) else (index,)
    parts = [
        slice(i % n, i % n + 1) if isinstance(i, int) else i for i, n in zip(index, data.shape, strict=False)
    ]
    kept = [n for n in range(values.ndim) if n >= len(index) or not isinstance(index[n], int)]
    picked = values[tuple(parts)] if parts else values
    return picked.reshape([picked.shape[n] for n in kept])


def same(found: Any, wanted: Any) -> bool:
    """Whether two arrays are equal bit for bit, shape and type included; fields of compounds one by one."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        return False
    if wanted.dtype.names:
        return found.dtype.names == wanted.dtype.names and all(
            same(found[name], wanted[name]) for name in wanted.dtype.names
        )
    if wanted.dtype.hasobject:
        return all(map(_equal, found.ravel(), wanted.ravel()))
    if wanted.dtype.kind == "f" and wanted.dtype.itemsize > 8:  # 10 bytes of 16 are used
        return found.dtype == wanted.dtype and np.array_equal(found, wanted, equal_nan=True)
    return found.dtype == wanted.dtype and found.tobytes() == wanted.tobytes()


def _equal(one: Any, other: Any) -> bool:
    if isinstance(other, np.ndarray):
        return same(one, other)
    return bool(type(one) is type(other) and one == other)


def read_npz(path: Path) -> Any:
    """The one array of an archive."""
    with np.load(path, allow_pickle=False) as archive:
        (name,) = archive.files
        return archive[name]


def read_h5(path: Path, name: str = "/data") -> Any:
    """The dataset of a new file."""
    with h5py.File(path) as h5:
        return _read(h5[name], ())


def read_csv(source: Path | bytes) -> list[list[str]]:
    """Rows of text."""
    text = (source if isinstance(source, bytes) else source.read_bytes()).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def below_names(source: Path | bytes, *names: str) -> list[list[str]]:
    """Rows of text below a line of names: these, if some are given."""
    first, *rows = read_csv(source)
    assert not names or first == list(names)
    return rows


def read_json(source: Path | bytes) -> Any:
    """The document."""
    return json.loads(source if isinstance(source, bytes) else source.read_bytes())


def read_parquet(path: Path) -> list[Any]:
    """The columns as NumPy arrays, or lists where NumPy has no such type."""
    table = pyarrow.parquet.read_table(path)
    return [_array(column.combine_chunks()) for column in table.columns]


def _array(column: Any) -> Any:
    if pyarrow.types.is_fixed_size_list(column.type):
        inner = _array(column.flatten())
        kind = column.type.value_type
        while pyarrow.types.is_fixed_size_list(kind):
            kind = kind.value_type
        if pyarrow.types.is_struct(kind):
            return inner
        flat = np.asarray(inner, dtype=object if isinstance(inner, list) else None)
        return flat.reshape(len(column), column.type.list_size, *flat.shape[1:])
    if pyarrow.types.is_struct(column.type):
        return [_array(column.field(number)) for number in range(column.type.num_fields)]
    if pyarrow.types.is_string(column.type) or pyarrow.types.is_fixed_size_binary(column.type):
        return column.to_pylist()
    return column.to_numpy(zero_copy_only=False)
