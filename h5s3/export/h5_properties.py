"""How files and datasets are created so that a copy is like the original: versions, layout, filters."""

from __future__ import annotations

from typing import Any

import numpy as np
from h5py import h5d, h5f, h5p, h5z

from h5s3.export.h5 import set_fill
from h5s3.formats.hdf5.file_space import file_space
from h5s3.formats.hdf5.objects.file import FAILURES, OpenFile
from h5s3.formats.hdf5.objects.filters import list_filters
from h5s3.formats.hdf5.objects.values import memory_dtype
from h5s3.sizes import MIB

LARGEST_USER_BLOCK = MIB
LARGEST_PAGE = MIB
OLDEST = {0: h5f.LIBVER_EARLIEST, 1: h5f.LIBVER_EARLIEST, 2: h5f.LIBVER_V18, 3: h5f.LIBVER_V110}


def file_properties(file: OpenFile) -> tuple[Any, tuple[int, int]]:
    """A list of properties for a new file, and the versions of the format that it may use.

    Sizes of a crafted file are not taken over where they would make a file large.
    """
    source, found = file.h5.id.get_create_plist(), h5p.create(h5p.FILE_CREATE)
    if 0 < file.superblock_offset <= LARGEST_USER_BLOCK:
        found.set_userblock(file.superblock_offset)
    root = file.root.get_create_plist()
    found.set_link_creation_order(root.get_link_creation_order())
    found.set_attr_creation_order(root.get_attr_creation_order())
    try:
        strategy, page = source.get_file_space_strategy(), source.get_file_space_page_size()
        if page <= LARGEST_PAGE:
            found.set_file_space_strategy(*strategy)
            found.set_file_space_page_size(page)
    except FAILURES:
        pass
    version = file_space(file).superblock_version
    return found, (OLDEST.get(version or 0, h5f.LIBVER_V110), h5f.LIBVER_LATEST)


def group_properties(source: Any) -> Any:
    """A list of properties for a group like another, made anew: the other's knows where its links are."""
    given, found = source.get_create_plist(), h5p.create(h5p.GROUP_CREATE)
    found.set_link_creation_order(given.get_link_creation_order())
    _copy_header(given, found)
    return found


def dataset_properties(source: Any) -> tuple[Any, list[str]]:
    """A list of properties for a dataset like another, and what of it cannot be had.

    Nothing is stored before something is written, and never in other files. The list is made anew: that of
    the other may know where parts of it are stored.
    """
    given, found = source.get_create_plist(), h5p.create(h5p.DATASET_CREATE)
    if given.get_layout() == h5d.VIRTUAL:
        return given, []
    notes: list[str] = []
    _copy_header(given, found)
    if given.get_external_count():  # libhdf5 would write fill values into these files
        notes.append("the external files of its values are left out")
    else:
        found.set_layout(given.get_layout())
    if given.get_layout() == h5d.CHUNKED:
        found.set_chunk(given.get_chunk())
        found.set_alloc_time(h5d.ALLOC_TIME_INCR)
        notes += _copy_filters(given, found)
    found.set_fill_time(given.get_fill_time())
    if not _copy_fill(source, found):
        notes.append("the fill value is left out")
    return found, notes


def _copy_header(given: Any, found: Any) -> None:
    found.set_attr_creation_order(given.get_attr_creation_order())
    found.set_attr_phase_change(*given.get_attr_phase_change())
    found.set_obj_track_times(given.get_obj_track_times())


def _copy_filters(given: Any, found: Any) -> list[str]:
    missing = []
    known = {item.id: item for item in list_filters(given)}
    for number in range(given.get_nfilters()):
        code, flags, values, _ = given.get_filter(number)
        if h5z.filter_avail(code) or (flags & h5z.FLAG_OPTIONAL and known[code].available):
            found.set_filter(code, flags, values)
        elif flags & h5z.FLAG_OPTIONAL:
            found.set_filter(code, flags, values)
        else:
            missing.append(known[code].name or str(code))
    return [f"the filter {name} is left out, which this machine does not have" for name in missing]


def _copy_fill(source: Any, target: Any) -> bool:
    """Whether there is no fill value, or it could be copied."""
    given, dtype = source.get_create_plist(), memory_dtype(source.get_type())
    if given.fill_value_defined() != h5d.FILL_VALUE_USER_DEFINED:
        return True
    if dtype is None or dtype.hasobject or dtype.subdtype or (dtype.kind == "V" and dtype.names is None):
        return False
    try:
        value = np.zeros((), dtype=dtype)
        given.get_fill_value(value)
        set_fill(target, value)
    except FAILURES:
        return False
    return True
