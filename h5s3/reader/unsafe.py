"""Data that is never read: it lies elsewhere, or this machine cannot decode it."""

from __future__ import annotations

from typing import Any

import h5py

from h5s3.errors import NotFoundError, RefusedError
from h5s3.reader.datasets import Facts, read_facts, virtual_sources
from h5s3.reader.names import raw_path
from h5s3.reader.opening import OpenFile


def refuse_unsafe(file: OpenFile, dataset: Any, facts: Facts) -> None:
    """Raise `RefusedError` for data that lies elsewhere, or that this machine cannot decode."""
    if facts.external:
        names = ", ".join(item.name for item in facts.external[:3])
        raise RefusedError(f"the values lie in external files ({names}), which are never read")
    if facts.layout == "virtual":
        _refuse_virtual(file, dataset)
    missing = [item for item in facts.filters if not item.available]
    if missing:
        named = ", ".join(f"{item.id} ({item.name})" for item in missing)
        raise RefusedError(f"no plugin here decodes the filter with id {named}")


def _refuse_virtual(file: OpenFile, dataset: Any) -> None:
    """Only values stored in this same file are read: libhdf5 would look for another file's in this one.

    A virtual dataset made of virtual ones is refused too: a circle of them crashes libhdf5.
    """
    sources, cut = virtual_sources(dataset)
    foreign = [source.file for source in sources if not source.same_file]
    if foreign or cut:
        named = f" ({', '.join(dict.fromkeys(foreign[:3]))})" if foreign else ""
        raise RefusedError(f"a virtual dataset whose values lie in other files{named}")
    for path in dict.fromkeys(source.path for source in sources):
        try:
            found = file.find(raw_path(path)).object
        except NotFoundError:
            continue  # libhdf5 shows the fill value
        if isinstance(found, h5py.h5d.DatasetID) and read_facts(found).layout in ("virtual", "external"):
            raise RefusedError(f"a virtual dataset made of {path}, whose values lie elsewhere in turn")
