"""Several datasets of a file, opened in shared rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import h5py

from h5s3.errors import NotFoundError
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.data.chunk_index import read_indexes
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import resolve
from h5s3.formats.names import raw_path


def open_arrays(file: OpenFile, paths: Sequence[str]) -> list[Hdf5Array | Exception]:
    """The datasets at these paths, the indexes of their chunks read; or why they cannot be read."""
    calls: list[Callable[[], Hdf5Array | Exception]] = [partial(_opened, file, path) for path in paths]
    found = gather(file.blocks, calls, lambda _, error: error)
    chunked = [
        one
        for one in found
        if isinstance(one, Hdf5Array) and one.facts.layout == "chunked" and one.facts.shape
    ]
    indexes = read_indexes(file, [(one.dataset, one.facts) for one in chunked])
    failed = {
        id(one): index for one, index in zip(chunked, indexes, strict=True) if isinstance(index, Exception)
    }
    return [failed.get(id(one), one) for one in found]


def _opened(file: OpenFile, path: str) -> Hdf5Array:
    found = resolve(file.root, raw_path(path)).object
    if not isinstance(found, h5py.h5d.DatasetID):
        raise NotFoundError(f"no dataset {path} in the file")
    array = Hdf5Array(file, found)
    array.path = path
    assert array.facts.ndim >= 0  # the header is read now, with those of the others
    return array
