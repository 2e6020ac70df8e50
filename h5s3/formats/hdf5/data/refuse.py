"""Data that is never read: it is stored elsewhere, or this machine cannot decode it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import h5py
from h5py import h5s

from h5s3.errors import NotFoundError, RefusedError
from h5s3.formats.base import Facts
from h5s3.formats.hdf5.objects.datasets import MOST_SOURCES, read_facts, virtual_source, virtual_sources
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, LeadsNowhereError
from h5s3.formats.names import raw_path
from h5s3.sizes import MIB

LARGEST_SOURCE = 256 * MIB  # decoded, of one chunk below a virtual dataset
Find = Callable[[bytes], Found]


def refuse_unsafe(file: OpenFile, dataset: Any, facts: Facts) -> None:
    """Raise `RefusedError` for data stored elsewhere, or that this machine cannot decode."""
    refuse_elsewhere(dataset, facts, file.find)
    missing = [item for item in facts.filters if not item.available]
    if missing:
        named = ", ".join(f"{item.id} ({item.name})" for item in missing)
        raise RefusedError(f"no plugin here decodes the filter with id {named}")


def refuse_elsewhere(dataset: Any, facts: Facts, find: Find) -> None:
    """Raise `RefusedError` for data in another file. `find` walks to a path of this one."""
    if facts.external:
        names = ", ".join(item.name for item in facts.external[:3])
        cause = f"the values are stored in external files ({names}), which are not read"
        raise RefusedError(cause, hint="preview and get read them with --follow")
    if facts.layout == "virtual":
        _refuse_virtual(dataset, facts, find)


def _refuse_virtual(dataset: Any, facts: Facts, find: Find) -> None:
    """Only values stored in this same file are read: libhdf5 would look for another file's in this one.

    The same file is `.` alone: whether another name means this object cannot be known. What a name leads to
    is looked at as well, since libhdf5 would go on through an external link. A virtual dataset made of
    virtual ones is refused too: a circle of them crashes libhdf5.
    """
    sources, cut = virtual_sources(dataset)
    foreign = [source.file for source in sources if not source.same_file]
    if foreign:
        named = f" ({', '.join(dict.fromkeys(foreign[:3]))})"
        cause = f"a virtual dataset whose values are stored in other files{named}"
        raise RefusedError(cause, hint="preview and get read them with --follow")
    if cut:
        raise RefusedError(f"a virtual dataset made of more than {MOST_SOURCES} others")
    paths = (path for index, _ in enumerate(sources) for path in _paths(dataset, facts, index))
    for path in dict.fromkeys(paths):
        _refuse_source(path, find)


def _refuse_source(path: str, find: Find) -> None:
    try:
        found = find(raw_path(path))
    except LeadsNowhereError as error:
        raise RefusedError(f"a virtual dataset made of {path}: {error.cause}") from None
    except NotFoundError:
        return  # libhdf5 shows the fill value
    if found.object is None:
        raise RefusedError(f"a virtual dataset made of {path}, a link that is never followed")
    if not isinstance(found.object, h5py.h5d.DatasetID):
        return
    facts = read_facts(found.object)
    if facts.layout in ("virtual", "external"):
        raise RefusedError(f"a virtual dataset made of {path}, whose values are stored elsewhere too")
    if prod(facts.chunks or ()) * facts.itemsize > LARGEST_SOURCE:
        raise RefusedError(f"a virtual dataset made of {path}, of which one chunk alone is too large")


def _paths(dataset: Any, facts: Facts, index: int) -> Iterator[str]:
    """The paths that one mapping leads to: with a pattern, those of every block that there may be."""
    dcpl = dataset.get_create_plist()
    path = virtual_source(dcpl, index)[1]
    yield path
    if "%" not in path:
        return
    blocks = _count_blocks(dcpl.get_virtual_vspace(index), facts.shape or ())
    if blocks > MOST_SOURCES:
        raise RefusedError(f"a virtual dataset made of more than {MOST_SOURCES} others")
    for block in range(blocks):
        yield "%".join(part.replace("%b", str(block)) for part in path.split("%%"))


def _count_blocks(space: Any, shape: tuple[int, ...]) -> int:
    """How many blocks of a mapping without end there are room for."""
    if space.get_select_type() != h5s.SEL_HYPERSLABS or not space.is_regular_hyperslab():
        return 1
    start, stride, count, _ = space.get_regular_hyperslab()
    ends = [n for n, many in enumerate(count) if many == h5s.UNLIMITED]
    return max((-(-(shape[n] - start[n]) // stride[n]) for n in ends if n < len(shape)), default=1)
