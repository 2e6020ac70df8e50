"""NeXus: groups with their classes, the plot that is shown by default, fields with units and small values.

NeXus manual, "Rules for Storing Data Items in NeXus Files" and "Find the plottable data".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from h5s3.formats.base import Coordinate
from h5s3.formats.cf import text
from h5s3.formats.hdf5.conventions.nexus import default_plot, signal_axes
from h5s3.formats.hdf5.data.small_values import SmallValue
from h5s3.formats.hdf5.fetch.waves import gather
from h5s3.formats.hdf5.objects.attributes import named_values, texts
from h5s3.formats.hdf5.objects.datasets import read_facts
from h5s3.formats.hdf5.views.survey import Plan, Thing, small_values
from h5s3.formats.hdf5.views.view import (
    Asked,
    View,
    everything,
    group_item,
    item,
    levels_of,
    link_item,
    valued,
)
from h5s3.formats.hdf5.walk import DEEPEST
from h5s3.formats.names import text_of
from h5s3.records import UNSET, Convention, Item

USUAL = 3  # levels: entries, their groups, and what is in these
MARK, DEFAULT, SIGNAL, AXES = "NX_class", "default", "signal", "axes"
NAMES = (MARK, DEFAULT, SIGNAL, AXES, "units", "long_name", "NeXus_version", "creator", "file_time")


def plan(levels: int | None) -> Plan:
    """The upper levels: there are classes that nest deep."""
    return Plan(levels_of(levels, USUAL, DEEPEST), frozenset(name.encode() for name in NAMES))


def read(asked: Asked) -> Convention | None:
    """The groups and fields; None where no group has a class."""
    things = list(everything(asked.top))
    if not (asked.top.word("NeXus_version") or any(thing.word(MARK) for thing in things)):
        return None
    values = small_values(asked.file, [thing for thing in things if len(thing.shape) <= 1])
    facts = {name: found for name in ("creator", "file_time") if (found := asked.top.word(name))}
    (plot,) = gather(asked.file.blocks, [partial(_plot, asked)], lambda *_: None)
    top = _items(asked, values)
    return Convention(
        view="nexus",
        name="NeXus",
        version=asked.top.word("NeXus_version") or UNSET,
        facts=facts,
        items=([plot] if plot is not None else []) + (top.items or []),
        num_items=UNSET if top.num_items is UNSET else top.num_items + (plot is not None),
        notes=asked.notes,
    )


def _plot(asked: Asked) -> Item | None:
    """The signal that is shown by default, with the names of its axes."""
    found = default_plot(asked.file, asked.found)
    if found is None or found.object is None:
        return None
    facts = read_facts(found.object)
    shape = facts.shape or ()
    words = named_values(asked.file, found.object, [b"units", b"long_name"])
    axes = signal_axes(asked.file, found, shape)
    items = [
        Item(kind="axis", name=axis.name or axis.label or ".", units=_units(axis), shape=[size])
        for axis, size in zip(axes, shape, strict=True)
    ]
    return Item(
        kind="plot",
        name=text_of(found.path),
        path=text_of(found.path),
        shape=list(shape),
        dtype=facts.dtype,
        dimensions=[one.name for one in items] if any(one.name != "." for one in items) else UNSET,
        units=text(words.get(b"units")) or UNSET,
        title=text(words.get(b"long_name")) or UNSET,
        items=items,
    )


def _units(axis: Coordinate) -> str | Any:
    return (axis.array.coding().units or UNSET) if axis.array is not None else UNSET


def _items(asked: Asked, values: Mapping[bytes, SmallValue]) -> Item:
    """All groups with what is in them, the deepest first: a file may nest deeper than Python's stack."""
    done: dict[bytes, Item] = {}
    groups = [thing for thing in everything(asked.top) if thing.kind == "group" and thing.alias is None]
    for group in reversed(groups):
        wanted = group.word(DEFAULT)
        items = []
        for thing in group.children.values():
            found = done.pop(thing.path, None) if thing.alias is None else None
            found = found or _item(thing, values)
            if wanted and thing.text == wanted:
                found.facts = {"default": True, **found.facts}
            items.append(found)
        done[group.path] = group_item(
            asked, group, items, type=group.word(MARK) or UNSET, facts=_facts(group)
        )
    return done[asked.top.path]


def _facts(group: Thing) -> dict[str, Any]:
    """What an NXdata shows."""
    signal = group.word(SIGNAL)
    if not signal:
        return {}
    axes = group.attributes.get(AXES)
    return {"signal": signal} | ({"axes": texts(axes.value)} if axes is not None else {})


def _item(thing: Thing, values: Mapping[bytes, SmallValue]) -> Item:
    if thing.facts is None or thing.alias is not None:
        return link_item(thing)
    return item(
        "field",
        thing,
        shape=list(thing.shape),
        dtype=thing.facts.dtype,
        units=thing.word("units") or UNSET,
        title=thing.word("long_name") or UNSET,
        **valued(values.get(thing.path)),
    )


VIEW = View("nexus", "NeXus", plan, read)
