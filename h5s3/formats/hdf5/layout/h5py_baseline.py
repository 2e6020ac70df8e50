"""What everybody writes with h5py: what `bench --compare` holds ours against."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import RawIOBase
from typing import Any, BinaryIO, TypeAlias

import h5py

from h5s3.errors import DamagedError, H5s3Error, NotFoundError, RefusedError
from h5s3.formats.hdf5.data.refuse import refuse_elsewhere
from h5s3.formats.hdf5.fetch.collector import held_back
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import plain_reason
from h5s3.formats.hdf5.objects.links import misleading, resolve
from h5s3.formats.names import raw_path
from h5s3.formats.selection import count_values, parse_selection

DEEPEST = 1000  # groups in groups
Readable: TypeAlias = BinaryIO | RawIOBase


def plain_walk(file: Readable, path: str = "/") -> int:
    """Open what is at and below `path`, with the shape and dtype of each dataset; how many objects.

    Each object counts once, however many names it has. No soft or external link below `path` is followed.
    Raises `NotFoundError` for a path that is not there, `DamagedError` for what h5py cannot read, and
    what reading the file raises.
    """
    with _opened(file, path, "walk the file") as start:
        return 0 if start is None else _count(start)


def plain_level(file: Readable, path: str = "/") -> int:
    """Open what `path` leads to and, of a group, all that it holds: the number of links of each group, the
    shape and dtype of each dataset; how many objects. Counts, follows and raises as `plain_walk`.
    """
    with _opened(file, path, "list the group") as start:
        if isinstance(start, h5py.h5g.GroupID):
            return _list(h5py.Group(start))
        return 0 if start is None else _count(start)


def plain_read(file: Readable, path: str, selections: Sequence[str]) -> int:
    """Read these selections of a dataset, one after another; how many values. Raises as `plain_walk`."""
    with _opened(file, path, "read the values") as start:
        _check(start, path)
        dataset, values = h5py.Dataset(start), 0
        for text in selections:
            chosen = parse_selection(text, dataset.shape)
            _ = dataset[tuple(axis.as_slice if axis.keep else axis.start for axis in chosen)]
            values += count_values(text, dataset.shape)
        return values


def _check(start: Any, path: str) -> None:
    """Values in another file are not read in any way: h5py would follow what the file says."""
    if not isinstance(start, h5py.h5d.DatasetID):
        raise NotFoundError(f"no dataset {path} in the file")
    root = h5py.h5g.open(h5py.h5i.get_file_id(start), b"/")
    refuse_elsewhere(start, read_facts(start), partial(resolve, root))


@contextmanager
def _opened(file: Readable, path: str, doing: str) -> Iterator[Any]:
    """What a path leads to in a file that is open as long as the block lasts; None for links elsewhere."""
    try:
        with held_back(), h5py.File(file, "r", locking=False) as h5:
            yield resolve(h5py.h5g.open(h5.id, b"/"), raw_path(path)).object
    except H5s3Error:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"h5py cannot {doing}: {plain_reason(error)}") from None


def _count(start: Any) -> int:
    opened = 1

    def visit(name: str, found: Any) -> None:
        nonlocal opened
        if name.count("/") >= DEEPEST:  # h5py looks each up from the top: time grows with the square
            raise RefusedError(f"it nests more than {DEEPEST} groups")
        opened += 1
        if isinstance(found, h5py.Dataset):
            _look(found)

    if isinstance(start, h5py.h5g.GroupID):
        h5py.Group(start).visititems(visit)
    elif isinstance(start, h5py.h5d.DatasetID):
        _look(h5py.Dataset(start))
    return opened


def _list(group: h5py.Group) -> int:
    met = {_address(group)}
    for name in group:
        if misleading(os.fsencode(name)) or not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        child = group[name]
        met.add(_address(child))
        if isinstance(child, h5py.Dataset):
            _look(child)
        elif isinstance(child, h5py.Group):
            len(child)
    return len(met)


def _address(found: Any) -> tuple[int, ...]:
    number: tuple[int, ...] = h5py.h5g.get_objinfo(found.id).objno
    return number


def _look(dataset: h5py.Dataset) -> None:
    _ = dataset.shape
    try:
        _ = dataset.dtype
    except (TypeError, ValueError, KeyError):
        pass  # a type that NumPy has no match for
