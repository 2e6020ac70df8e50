"""References as zarr-python reads them, held against what h5py reads from the file itself."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import h5py
import numpy as np
import zarr

from h5s3.explore.refs.refs import RefsRequest, refs
from h5s3.explore.session import Session
from h5s3.formats.hdf5.objects.numpy_values import in_order
from h5s3.records import Refs
from h5s3.settings import Settings

LARGEST = 1 << 26  # bytes of a dataset that is compared
RENAMED = "_nc4_non_coord_"
Values = np.ndarray[Any, Any]


def written(path: Path, output: Path, **more: Any) -> Refs:
    """The receipt of references to a file of this machine."""
    with Session(Settings(no_cache=True)) as session:
        return refs(
            session, [session.location(path)], RefsRequest(output=str(output), overwrite=True, **more)
        )


def opened(references: Path) -> zarr.Group:
    """The root group of references."""
    remote = {"asynchronous": True}
    system = fsspec.filesystem(
        "reference", fo=str(references), asynchronous=True, skip_instance_cache=True, remote_options=remote
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return zarr.open_group(
            zarr.storage.FsspecStore(system, read_only=True, path=""), mode="r", zarr_format=2
        )


def arrays(group: zarr.Group, path: str = "") -> Iterator[tuple[str, zarr.Array]]:
    """All arrays below a group by their paths."""
    for name, found in group.members():
        if isinstance(found, zarr.Group):
            yield from arrays(found, f"{path}{name}/")
        else:
            yield path + name, found


def differences(path: Path, references: Path) -> tuple[int, list[str]]:
    """How many arrays were compared, and in what they differ from the datasets of the file."""
    found, compared = [], 0
    told = {
        key.removesuffix("/.zarray")
        for key in json.loads(references.read_bytes())["refs"]
        if key.endswith("/.zarray")
    }
    with h5py.File(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, array in arrays(opened(references)):
            told.discard(name)
            group, _, last = name.rpartition("/")
            renamed = f"{group}/{RENAMED}{last}"
            dataset = file[renamed if renamed in file else name]
            if dataset.nbytes <= LARGEST:
                compared += 1
                found += _difference(name, dataset, array)
    return compared, found + [f"{name}: not there" for name in told]


def _difference(name: str, dataset: h5py.Dataset, array: zarr.Array) -> list[str]:
    try:
        wanted = from_hdf5(dataset)
    except OSError:  # it is damaged: Zarr must not read it either
        try:
            return [f"{name}: h5py cannot read it, and Zarr does: {from_zarr(array)!r}"[:300]]
        except (RuntimeError, ValueError, zlib.error):
            return []
    try:
        found = from_zarr(array)
    except (RuntimeError, ValueError, zlib.error) as error:
        return [f"{name}: Zarr cannot read it: {error}"]
    return [] if same(wanted, found) else [f"{name}: {wanted!r} and {found!r}"[:300]]


def from_hdf5(dataset: h5py.Dataset) -> Values:
    """The values of a dataset; texts as bytes, opaque values as they are."""
    opaque = dataset.id.get_type().get_class() in (h5py.h5t.OPAQUE, h5py.h5t.BITFIELD)
    if opaque and dataset.dtype.kind not in "Mm":
        values = np.zeros(dataset.shape, dtype=dataset.dtype)
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values, mtype=dataset.id.get_type())
        return values
    if dataset.dtype.kind in "Mm":
        values = np.zeros(dataset.shape, dtype=dataset.dtype)
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
        return values
    values = in_order(
        np.asarray(dataset[()], dtype=None if dataset.dtype.kind != "O" else object), dataset.dtype
    )
    return _texts(values) if values.dtype.kind == "O" else values


def from_zarr(array: zarr.Array) -> Values:
    """The values of an array; texts as bytes."""
    values = np.asarray(array[...])
    text = array.metadata.dtype.to_native_dtype().kind in "TO"
    return _texts(values.astype(object)) if text else values


def _texts(values: Values) -> Values:
    found = np.empty(values.shape, dtype=object)
    for cell in np.ndindex(values.shape):
        one = values[cell]
        found[cell] = one.encode("utf-8", "surrogateescape") if isinstance(one, str) else bytes(one)
    return found


def same(one: Values, other: Values) -> bool:
    """Whether two arrays have the same values in the same places."""
    if one.shape != other.shape:
        return False
    if one.dtype.names:
        return one.dtype.names == other.dtype.names and all(same(one[n], other[n]) for n in one.dtype.names)
    if one.dtype.kind == "V":
        return one.tobytes() == other.tobytes()
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fcMm")
