"""NWB: the facts of a session and its subject, series with their units and rates, tables with their columns.

Neurodata Without Borders, "NWB Format Specification" 2.x; tables are those of hdmf-common.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from h5s3.formats.cf import one
from h5s3.formats.hdf5.data.small_values import SmallValue
from h5s3.formats.hdf5.views.survey import Plan, Thing, small_values
from h5s3.formats.hdf5.views.view import (
    Asked,
    View,
    bytes_of,
    everything,
    group_item,
    item,
    levels_of,
    link_item,
    valued,
)
from h5s3.formats.hdf5.walk import DEEPEST
from h5s3.records import UNSET, Convention, Item

USUAL = 7  # levels: /processing/module/interface/series/data and what lies above
KIND, COLUMNS, UNIT = "neurodata_type", "colnames", "unit"
NAMES = (KIND, COLUMNS, UNIT, "nwb_version", "rate", "description")
SCHEMAS = ("specifications", ".specloc")  # of the format itself
FACTS = (
    "session_description", "identifier", "session_start_time", "timestamps_reference_time",
    "file_create_date",
)  # fmt: skip
ABOUT = (
    "session_id", "experimenter", "institution", "lab", "experiment_description", "keywords", "protocol",
    "related_publications", "virus", "surgery", "notes",
)  # fmt: skip
SUBJECT = (
    "subject_id",
    "species",
    "sex",
    "age",
    "date_of_birth",
    "strain",
    "genotype",
    "weight",
    "description",
)


def plan(levels: int | None) -> Plan:
    """All but the schemas that the file brings along."""
    names = frozenset(name.encode() for name in NAMES)
    return Plan(levels_of(levels, USUAL, DEEPEST), names, lambda thing: thing.text not in SCHEMAS)


def read(asked: Asked) -> Convention | None:
    """The session and what was recorded; None where nothing has a type of NWB."""
    top = asked.top
    things = everything(top)
    if not (top.word("nwb_version") or any(thing.word(KIND) for thing in things)):
        return None
    book = _Book(asked, small_values(asked.file, [thing for thing in things if len(thing.shape) <= 1]))
    found = book.item(top)
    if found.items is not UNSET:
        found.items.sort(key=lambda one: one.name == "general")  # devices and the like come last
    return Convention(
        view="nwb",
        name="NWB",
        version=top.word("nwb_version") or UNSET,
        facts=book.session(top),
        items=found.items or [],
        num_items=found.num_items,
        notes=asked.notes,
    )


class _Book:
    """Makes items of what has a type, and of the groups that hold it."""

    def __init__(self, asked: Asked, values: Mapping[bytes, SmallValue]) -> None:
        self._asked, self._values = asked, values

    def session(self, top: Thing) -> dict[str, Any]:
        """Facts of the session and of the subject."""
        found = self._facts(top, FACTS)
        general = top.group("general")
        if general is not None:
            found |= self._facts(general, ABOUT)
            subject = general.group("subject")
            if subject is not None:
                found |= {
                    f"subject {name}".replace("subject subject_", "subject "): value
                    for name, value in self._facts(subject, SUBJECT).items()
                }
        return found

    def _facts(self, group: Thing, names: tuple[str, ...]) -> dict[str, Any]:
        things = [(name, group.dataset(name)) for name in names]
        found = [(name, self._values.get(thing.path)) for name, thing in things if thing is not None]
        return {name: one(small.value) for name, small in found if small is not None}

    def item(self, top: Thing) -> Item:
        """A group with what is below it, the deepest first: a file may nest deeper than Python's stack."""
        done: dict[bytes, Item | None] = {}
        groups = [thing for thing in everything(top) if thing.kind == "group" and thing.alias is None]
        for group in reversed(groups):
            done[group.path] = self._group(group, done, group is top)
        return done[top.path] or group_item(self._asked, top, [])

    def _group(self, group: Thing, done: dict[bytes, Item | None], top: bool) -> Item | None:
        columns = group.words(COLUMNS)
        if columns and not top:
            return self._table(group, columns)
        if _is_series(group) and not top:
            return self._series(group)
        inside = [self._inside(group, thing, done) for thing in group.children.values()]
        items = [found for found in inside if found is not None]
        if not (items or top or group.word(KIND)) and group.walked:
            return None  # nothing was recorded there
        told = group.walked and len(group.children) == group.total
        kind, title = group.word(KIND) or UNSET, _title(group)
        if told:
            fields = {"items": items} if items else {}
            return item("group" if items else "object", group, type=kind, title=title, **fields)
        return group_item(self._asked, group, items, type=kind, title=title)

    def _inside(self, group: Thing, thing: Thing, done: dict[bytes, Item | None]) -> Item | None:
        if thing.text in SCHEMAS or (group.text == "general" and thing.text == "subject"):
            return None
        if thing.alias is not None or thing.kind not in ("group", "dataset"):
            return link_item(thing)
        if thing.facts is None:
            return done.pop(thing.path, None)
        if group.text in ("general", "/") or (group.word(KIND) and not thing.word(KIND)):
            return None  # a fact, or a field of something that has a type
        return item(
            "field",
            thing,
            type=thing.word(KIND) or UNSET,
            shape=list(thing.shape),
            dtype=thing.facts.dtype,
            units=thing.word(UNIT) or UNSET,
            title=_title(thing),
            **valued(self._values.get(thing.path)),
        )

    def _series(self, group: Thing) -> Item:
        """Its data, and when they were taken: at a rate from a start, or at times of their own."""
        data, times, start = (group.dataset(name) for name in ("data", "timestamps", "starting_time"))
        facts: dict[str, Any] = {}
        rate = start.value("rate") if start is not None else None
        if isinstance(rate, int | float) and start is not None:
            facts["rate"] = float(rate)
            small = self._values.get(start.path)
            facts |= {"start": one(small.value)} if small is not None else {}
            if data is not None and data.shape and rate > 0:
                facts["duration"] = round(data.shape[0] / rate, 6)
        elif times is not None:
            facts["timestamps"] = prod(times.shape)
        return item(
            "series",
            group,
            type=group.word(KIND) or UNSET,
            shape=list(data.shape) if data is not None else UNSET,
            dtype=data.facts.dtype if data is not None and data.facts is not None else UNSET,
            nbytes=bytes_of(data),
            units=(data.word(UNIT) or UNSET) if data is not None else UNSET,
            title=_title(group),
            facts=facts,
        )

    def _table(self, group: Thing, names: list[str]) -> Item:
        """Its columns in their order."""
        ids = group.dataset("id")
        columns = [self._column(group, name) for name in names]
        rows = prod(ids.shape) if ids is not None else 0
        cut = self._asked.cut(columns)
        return item(
            "table",
            group,
            type=group.word(KIND) or UNSET,
            shape=[rows, len(names)],
            title=_title(group),
            **cut,
        )

    def _column(self, table: Thing, name: str) -> Item:
        thing = table.children.get(name)
        if thing is None or thing.facts is None:
            return Item(kind="column", name=name)
        ragged = {"ragged": True} if f"{name}_index" in table.children else {}
        kind = thing.word(KIND)
        return item(
            "column",
            thing,
            type=kind if kind not in ("", "VectorData") else UNSET,
            dtype=thing.facts.dtype,
            units=thing.word(UNIT) or UNSET,
            title=_title(thing),
            facts=ragged,
        )


def _is_series(group: Thing) -> bool:
    """Whether a group is a TimeSeries, or a class that was derived from it."""
    timed = group.dataset("timestamps") or group.dataset("starting_time")
    linked = any(group.children.get(name) is not None for name in ("timestamps", "starting_time"))
    return bool(group.word(KIND)) and (timed is not None or (linked and "data" in group.children))


def _title(thing: Thing) -> Any:
    words = thing.word("description")
    return words if words and words.lower() not in ("no description", "no comments") else UNSET


VIEW = View("nwb", "NWB", plan, read)
