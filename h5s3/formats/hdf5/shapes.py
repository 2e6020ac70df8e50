"""The shapes of virtual datasets, which their sources make."""

from __future__ import annotations

from typing import Any

from h5s3.formats.base import Facts
from h5s3.formats.hdf5.fetch.waves import OF_THE_FILE
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.objects.file import OpenFile


def facts_of(file: OpenFile, dataset: Any) -> Facts:
    """The header of a dataset; of a virtual one that can grow, where other files are followed, with the shape
    that its sources make, as far as they can be read."""
    header = read_facts(dataset)
    if file.files is None or header.layout != "virtual" or header.maxshape == header.shape:
        return header
    from h5s3.formats.hdf5.data.array import Hdf5Array  # few need it

    try:
        return Hdf5Array(file, dataset).facts
    except OF_THE_FILE:
        return header
