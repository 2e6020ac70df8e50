"""Default plots of NeXus files: which dataset a group would show, and what its axes are.

NeXus manual, "Find the plottable data": the attributes `default`, `signal` and `axes` (version 3), and what
older files do instead (first group of a class; datasets with an attribute `signal=1` and a list `axes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import h5py
from h5py import h5d, h5g

from h5s3.formats.base import Coordinate
from h5s3.formats.cf import one, text
from h5s3.formats.hdf5.conventions.coordinates import is_one_string, length_of
from h5s3.formats.hdf5.data.array import Hdf5Array
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.metadata.node import OBJECT
from h5s3.formats.hdf5.objects.attributes import named_value, named_values, texts
from h5s3.formats.hdf5.objects.file import OpenFile
from h5s3.formats.hdf5.objects.links import Found, get_link, list_links, open_link
from h5s3.formats.names import join, text_of

DEEPEST = 10  # groups between the one that was asked for and its NXdata
MOST_CHILDREN = 200  # of one group that are looked at
NEXT = {"NXroot": "NXentry", "": "NXentry", "NXentry": "NXdata", "NXsubentry": "NXdata"}
CLASS, DEFAULT, SIGNAL, AXES, AXIS = b"NX_class", b"default", b"signal", b"axes", b"axis"
AUXILIARY = b"auxiliary_signals"
LONG_NAME, LONGEST_TITLE = b"long_name", 200


def default_plot(file: OpenFile, found: Found) -> Found | None:
    """The signal that a group shows by default, or None where it shows none."""
    here = found
    for _ in range(DEEPEST):
        if not isinstance(here.object, h5g.GroupID):
            return None
        values = named_values(file, here.object, (CLASS, DEFAULT, SIGNAL))
        kind = text(values.get(CLASS))
        name = text(values.get(SIGNAL))
        if kind == "NXdata" or name:
            return file.child(here, name) if name else _old_signal(file, here)
        wanted = text(values.get(DEFAULT))
        step = file.child(here, wanted) if wanted else _first(file, here, NEXT.get(kind, "NXdata"))
        if step is None:
            return None
        here = step
    return None


def is_signal(file: OpenFile, found: Found) -> bool:
    """Whether a dataset is what its group, an NXdata, shows, or is to be seen with that."""
    values = named_values(file, found.parent, (CLASS, SIGNAL, AUXILIARY))
    if text(values.get(CLASS)) != "NXdata":
        return False
    name = text(values.get(SIGNAL))
    if name:
        return found.link is not None and text_of(found.link.name) in (name, *texts(values.get(AUXILIARY)))
    return one(named_values(file, found.object, [SIGNAL]).get(SIGNAL)) in ("1", 1)


def signal_axes(file: OpenFile, signal: Found, shape: tuple[int, ...]) -> list[Coordinate]:
    """The axes of every dimension of a signal: by its group's `axes`, by its own, or by what they say."""
    group = Found(signal.path.rpartition(b"/")[0] or b"/", signal.parent, None, signal.parent)
    values = named_values(file, group.object, [AXES])
    own = named_values(file, signal.object, [AXES])
    names = texts(values.get(AXES)) or texts(own.get(AXES))
    found = [Coordinate()] * len(shape)
    for dimension, (name, axis) in _axes_of(file, group, names, len(shape)).items():
        found[dimension] = _coordinate(file, name, axis, shape[dimension])
    return found


def _axes_of(
    file: OpenFile, group: Found, names: list[str], ndim: int
) -> dict[int, tuple[str, Found | None]]:
    if not names:
        return _old_axes(file, group, ndim)
    indices = named_values(file, group.object, [f"{name}_indices".encode() for name in names if name])
    wanted: dict[int, str] = {}
    for position, name in enumerate(names[:ndim]):
        given = one(indices.get(f"{name}_indices".encode()))
        dimension = given if isinstance(given, int) and 0 <= given < ndim else position
        if name and name != ".":
            wanted.setdefault(dimension, name)
    _prefetch(file, group, wanted.values())
    return {dimension: (name, file.child(group, name)) for dimension, name in wanted.items()}


def _old_axes(file: OpenFile, group: Found, ndim: int) -> dict[int, tuple[str, Found | None]]:
    """Datasets that say themselves which dimension they are the axis of, counted from 1."""
    found: dict[int, tuple[str, Found | None]] = {}
    for child, value in _children(file, group, AXIS):
        number = int(value) if str(value).isdecimal() else 0
        if 1 <= number <= ndim and isinstance(child.object, h5d.DatasetID):
            found.setdefault(number - 1, (text_of(child.path.rpartition(b"/")[2]), child))
    return found


def _coordinate(file: OpenFile, name: str, axis: Found | None, size: int) -> Coordinate:
    """An axis; of edges of bins, one more than there are values, the middles will be taken."""
    if axis is None or axis.object is None:
        return Coordinate(name, name=name)
    title = text(named_values(file, axis.object, [LONG_NAME]).get(LONG_NAME))
    length = length_of(axis.object)
    if length not in (size, size + 1):
        return Coordinate(title or name, name=name)
    return Coordinate(title or name, Hdf5Array(file, axis.object), length == size + 1, name)


def title_of(file: OpenFile, group: Any) -> str:
    """The title of an NXdata or NXentry: a dataset of one string, where there is one."""
    link = get_link(group, b"title")
    if link is None or link.link_class != "hard":
        return ""

    def read() -> str:
        found = open_link(group, link)
        if not isinstance(found, h5d.DatasetID) or not is_one_string(found):
            return ""
        value = h5py.Dataset(found)[()]
        return text_of(value) if isinstance(value, bytes) else str(value)

    return gather(file.blocks, [read], lambda *_: "")[0][:LONGEST_TITLE]


def _first(file: OpenFile, parent: Found, wanted: str) -> Found | None:
    """The first child group of a class."""
    return next((child for child, kind in _children(file, parent, CLASS) if kind == wanted), None)


def _old_signal(file: OpenFile, parent: Found) -> Found | None:
    """The dataset that says itself that it is the signal."""
    marked = (child for child, value in _children(file, parent, SIGNAL) if value in ("1", 1))
    return next((child for child in marked if isinstance(child.object, h5d.DatasetID)), None)


def _children(file: OpenFile, parent: Found, name: bytes) -> Sequence[tuple[Found, Any]]:
    """The objects below a group, each with one of its attributes."""
    links = [link for link in list_links(parent.object, MOST_CHILDREN) if link.link_class == "hard"]
    file.prefetch_objects(link.address for link in links if link.address is not None)

    def look(link: Any) -> tuple[Found, Any]:
        child = open_link(parent.object, link)
        found = Found(join(parent.path, link.name), parent.object, link, child)
        return found, one(named_value(file, child, name))

    found = gather(file.blocks, [partial(look, link) for link in links], lambda *_: None)
    return [item for item in found if item is not None]


def _prefetch(file: OpenFile, group: Found, names: Iterable[str]) -> None:
    """Have the axes of a group here in one round."""
    encoded = [name.encode("utf-8", "surrogateescape") for name in names if "/" not in name]
    links = [get_link(group.object, name) for name in encoded]
    file.prefetch_objects((link.address for link in links if link and link.address is not None), OBJECT)
