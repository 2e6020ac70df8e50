"""A Zarr store held against the HDF5 file that it was made of: zarr-python and h5py read both."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 - registers filters
import numpy as np
import zarr

MOST = 10_000_000  # elements of one dataset that are compared


def differences(h5: Path, store: Any, left: Collection[str], top: str = "/") -> list[str]:
    """What is not as it should be: missing though not named in `left`, or of other values."""
    with warnings.catch_warnings(), h5py.File(h5) as file:
        warnings.simplefilter("ignore")
        opened = zarr.open(store, mode="r")
        if isinstance(opened, zarr.Array):
            return list(_array(file[top], opened, top))
        made = dict(opened.members(max_depth=None))
        return list(_compared(file[top], made, left, top))


def _compared(group: Any, made: dict[str, Any], left: Collection[str], top: str) -> Iterator[str]:
    seen: set[int] = set()
    for path, found in _below(group, seen):
        name = path.removeprefix(top).strip("/")
        if path in left or any(path.startswith(one + "/") for one in left):
            continue
        if name not in made:
            if not _bare(found):
                yield f"{path} is missing"
        elif isinstance(found, h5py.Dataset):
            yield from _array(found, made[name], path)


def _below(group: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Groups and datasets by hard links, each once, level by level."""
    level = [group]
    while level:
        below = []
        for one in level:
            for name in _names(one):
                if one.id.links.get_info(name.encode()).type == h5py.h5l.TYPE_HARD:
                    try:
                        found = one[name]
                    except (KeyError, OSError, RuntimeError, ValueError):
                        continue
                    address = h5py.h5o.get_info(found.id).addr
                    if address in seen or isinstance(found, h5py.Datatype):
                        continue
                    seen.add(address)
                    yield f"{one.name.rstrip('/')}/{name}", found
                    if isinstance(found, h5py.Group):
                        below.append(found)
        level = below


def _names(group: Any) -> list[str]:
    names: list[bytes] = []
    group.id.links.iterate(names.append)
    return [name.decode() for name in names if name.decode(errors="ignore").encode() == name]


def _bare(found: Any) -> bool:
    name = found.attrs.get("NAME", b"") if isinstance(found, h5py.Dataset) else b""
    return isinstance(name, bytes) and name.startswith(b"This is a netCDF dimension but not")


def _array(dataset: Any, made: Any, path: str) -> Iterator[str]:
    if not isinstance(made, zarr.Array):
        yield f"{path} is no array"
        return
    if dataset.size and dataset.size > MOST:
        return
    try:
        wanted = dataset[()]
    except OSError:  # h5py cannot read it
        return
    found = made[()]
    if not _same(wanted, found):
        first, other = (str(np.asarray(values).reshape(-1)[:3])[:100] for values in (wanted, found))
        yield f"{path}: {first} is {other}"


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, bytes | str) and isinstance(np.asarray(found).item(), str):
        return bool(_text(wanted) == np.asarray(found).item())
    wanted, found = np.asarray(wanted), np.asarray(found)
    if wanted.dtype.kind == "O":
        return wanted.shape == found.shape and all(
            isinstance(one, h5py.h5r.Reference) or _text(one) == other
            for one, other in zip(wanted.reshape(-1), found.reshape(-1), strict=True)
        )
    if wanted.dtype.names is not None:
        leaves = list(_leaves(wanted))
        others = list(_leaves(found))
        return len(leaves) == len(others) and all(map(_same, leaves, others))
    if wanted.shape != found.shape:
        return False
    if wanted.dtype.kind in "SV":
        return wanted.tobytes() == found.tobytes()
    return np.array_equal(wanted, found, equal_nan=wanted.dtype.kind in "fc")


def _leaves(values: Any) -> Iterator[Any]:
    if values.dtype.names is None:
        yield values
        return
    for name in values.dtype.names:
        part = values[name]
        more = part.shape[values.ndim :]
        for at in np.ndindex(*more):
            yield from _leaves(part[(..., *at)])


def _text(value: Any) -> Any:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
