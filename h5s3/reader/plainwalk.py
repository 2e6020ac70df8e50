"""The walk that everybody writes with h5py: what `bench --compare` holds ours against."""

from __future__ import annotations

from io import RawIOBase
from typing import Any, BinaryIO

import h5py

from h5s3.errors import DamagedError, H5s3Error
from h5s3.reader.links import resolve
from h5s3.reader.names import raw_path
from h5s3.reader.opening import plain_reason


def plain_walk(file: BinaryIO | RawIOBase, path: str = "/") -> int:
    """Open what lies at and below `path`, with the shape and dtype of each dataset; how many objects.

    Each object counts once, however many names it has. No soft or external link below `path` is followed.
    Raises `NotFoundError` for a path that is not there, `DamagedError` for what h5py cannot read, and
    what reading the file raises.
    """
    try:
        with h5py.File(file, "r", locking=False) as h5:
            start = resolve(h5py.h5g.open(h5.id, b"/"), raw_path(path)).object
            return 0 if start is None else _count(start)
    except H5s3Error:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"h5py cannot walk the file: {plain_reason(error)}") from None


def _count(start: Any) -> int:
    opened = 1

    def visit(_: str, found: Any) -> None:
        nonlocal opened
        opened += 1
        if isinstance(found, h5py.Dataset):
            _look(found)

    if isinstance(start, h5py.h5g.GroupID):
        h5py.Group(start).visititems(visit)
    elif isinstance(start, h5py.h5d.DatasetID):
        _look(h5py.Dataset(start))
    return opened


def _look(dataset: h5py.Dataset) -> None:
    _ = dataset.shape
    try:
        _ = dataset.dtype
    except (TypeError, ValueError, KeyError):
        pass  # a type that NumPy has no match for
