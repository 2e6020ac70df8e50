"""PyTables: its leaves by class, tables with their columns; and what pandas keeps in such files.

PyTables user's guide, appendix C, "PyTables File Format". pandas: `HDFStore`, formats "table" and "fixed".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from h5s3.formats.hdf5.conventions.pandas_values import listed
from h5s3.formats.hdf5.data.small_values import SmallValue
from h5s3.formats.hdf5.objects.datatypes import short
from h5s3.formats.hdf5.views.survey import Plan, Thing, more_attributes, small_values
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
from h5s3.records import UNSET, Convention, Item, Json, TypeInfo

USUAL = 6  # levels: of a table of pandas, the categories of its columns
CLASS, TITLE, VERSION, PANDAS = "CLASS", "TITLE", "PYTABLES_FORMAT_VERSION", "pandas_type"
NAMES = (CLASS, TITLE, VERSION, PANDAS, "non_index_axes", "levels", "value_type")
INSIDE = ("_i_", "_p_")  # how names begin that PyTables keeps for itself
FRAMES = ("frame", "frame_table", "appendable_frame", "appendable_multiframe")
MOST_NAMES, LONGEST_NAMES = 1000, 256 * 1024  # columns of a fixed frame, and bytes of their names
MOST_COLUMNS = 1000  # of which more is read than their types
META = ("_kind", "_dtype", "_meta")


@dataclass
class _Known:
    """What was read beside the walk: values of datasets, and attributes, by path."""

    values: Mapping[bytes, SmallValue]
    attributes: dict[bytes, dict[str, Json]] = field(default_factory=dict)


def plan(levels: int | None) -> Plan:
    """All but the indexes."""
    names = frozenset(name.encode() for name in NAMES)
    return Plan(levels_of(levels, USUAL, DEEPEST), names, lambda thing: not thing.text.startswith(INSIDE))


def read(asked: Asked) -> Convention | None:
    """Everything that PyTables knows of; None where it knows of nothing."""
    top = asked.top
    things = everything(top)
    if not any(thing.word(CLASS) or thing.word(VERSION) for thing in things):
        return None
    return _convention(asked, "pytables", "PyTables", top.word(VERSION))


def read_pandas(asked: Asked) -> Convention | None:
    """The same; None where there is nothing of pandas."""
    if not any(thing.word(PANDAS) for thing in everything(asked.top)):
        return None
    return _convention(asked, "pandas", "pandas", "")


def _convention(asked: Asked, view: str, name: str, version: str) -> Convention:
    known = _look(asked)
    title = asked.top.word(TITLE)
    found = _frame(asked, asked.top, known) if asked.top.word(PANDAS) else _group(asked, asked.top, known)
    return Convention(
        view=view,
        name=name,
        version=version or UNSET,
        facts={"title": title} if title else {},
        items=found.items or [],
        num_items=found.num_items,
        notes=asked.notes,
    )


def _look(asked: Asked) -> _Known:
    """The names of columns: of fixed frames datasets, of tables attributes. All of either at once."""
    things = everything(asked.top)
    names = [thing for thing in things if thing.text == "axis0" or thing.text.endswith("_items")]
    small = [thing for thing in things if thing not in names and len(thing.shape) <= 1]
    values = {
        **small_values(asked.file, small),
        **small_values(asked.file, names, MOST_NAMES, LONGEST_NAMES),
    }
    tables = [table for thing in things if thing.word(PANDAS) if (table := thing.dataset("table"))]
    wanted = [
        (table, [f"{name}{end}" for name in _fields(table)[:MOST_COLUMNS] for end in META])
        for table in tables
    ]
    found = more_attributes(asked.file, wanted)
    return _Known(values, {table.path: one for table, one in zip(tables, found, strict=True)})


def _fields(table: Thing) -> list[str]:
    return [one.name for one in _members(table)]


def _members(table: Thing) -> Any:
    return (table.facts.type.members or []) if table.facts is not None else []


def _group(asked: Asked, top: Thing, known: _Known) -> Item:
    """A group with what is below it, the deepest first: a file may nest deeper than Python's stack."""
    done: dict[bytes, Item] = {}
    groups = [thing for thing in everything(top) if thing.kind == "group" and thing.alias is None]
    for group in reversed(groups):
        if group is not top and group.word(PANDAS):
            done[group.path] = _frame(asked, group, known)
            continue
        shown = [thing for name, thing in group.children.items() if not name.startswith(INSIDE)]
        items = [
            found
            if thing.alias is None and (found := done.pop(thing.path, None))
            else _leaf(asked, thing, known)
            for thing in shown
        ]
        hidden = len(group.children) - len(shown)
        done[group.path] = group_item(asked, group, items, hidden, title=group.word(TITLE) or UNSET)
    return done[top.path]


def _leaf(asked: Asked, thing: Thing, known: _Known) -> Item:
    if thing.facts is None or thing.alias is not None:
        return link_item(thing)
    kind = thing.word(CLASS)
    about: dict[str, Any] = {"type": kind.capitalize() if kind.isupper() else kind or UNSET}
    about["type"] = {"EARRAY": "EArray", "CARRAY": "CArray", "VLARRAY": "VLArray"}.get(kind, about["type"])
    about["title"] = thing.word(TITLE) or UNSET
    if kind != "TABLE" or not _members(thing):
        if kind != "VLARRAY":
            about |= valued(known.values.get(thing.path))
        return item("leaf", thing, shape=list(thing.shape), dtype=_word(thing.facts.type), **about)
    columns = _columns(thing.facts.type)
    return item("table", thing, shape=[prod(thing.shape)], **about, **asked.cut(columns))


def _columns(info: TypeInfo) -> list[Item]:
    """The fields of a compound. A field that has more than one dimension shows its shape."""
    found = []
    for one in info.members or []:
        kind, dims = one.type, list[int]()
        while kind.class_ == "array" and kind.base is not None:
            dims += kind.dims or []
            kind = kind.base
        below = _columns(kind) if kind.class_ == "compound" and short(kind)[:1] == "{" else UNSET
        dtype = UNSET if below is not UNSET else _word(kind)
        found.append(
            Item(
                kind="column",
                name=one.name,
                name_b64=one.name_b64,
                dtype=dtype,
                shape=dims or UNSET,
                items=below,
            )
        )
    return found


def _word(info: TypeInfo) -> str:
    """A datatype in PyTables' words: booleans are bits, and what is pickled lies in sequences of bytes."""
    word = short(info)
    return {"bitfield8": "bool", "vlen(uint8)": "object"}.get(word, word)


def _frame(asked: Asked, group: Thing, known: _Known) -> Item:
    """A frame or a series of pandas."""
    kind, table = group.word(PANDAS), group.dataset("table")
    word = "DataFrame" if kind in FRAMES else "Series" if "series" in kind else kind
    if table is not None:
        columns, rows, how = _of_table(group, table, known), prod(table.shape), "table"
    else:
        columns, rows = _of_blocks(group, known) if word == "DataFrame" else _of_series(group)
        how = "fixed"
    number = sum(prod(one.shape) if one.shape is not UNSET else 1 for one in columns if one.kind == "column")
    shape = [rows, number] if word == "DataFrame" else [rows]
    return item("frame", group, type=word, shape=shape, facts={"format": how}, **asked.cut(columns))


def _of_table(group: Thing, table: Thing, known: _Known) -> list[Item]:
    """Index and columns of the format "table", in the order of the frame."""
    attributes = known.attributes.get(table.path, {})
    found: list[Item] = []
    levels = listed(group.value("levels"))  # of the index, which are columns then
    for member in _columns(table.facts.type) if table.facts is not None else []:
        kind, stored, meta = (attributes.get(f"{member.name}{end}") for end in META)
        names = listed(kind)
        if member.name == "index":
            if not levels:
                dtype = _meant(kind, stored, member)
                found.append(Item(kind="index", name="index", dtype=dtype, facts={"index": True}))
            continue
        if not names and member.shape is not UNSET:
            names = [f"{member.name}_{number}" for number in range(min(prod(member.shape), MOST_NAMES))]
        for name in names or [member.name]:
            one = Item(kind="column", name=name, dtype=_meant(kind, stored, member))
            if name in levels:
                one.kind, one.facts = "index", {"index": True}
            if meta == "category":
                one.type, one.facts = "category", _categories(group, member.name)
            found.append(one)
    order = {name: number for number, name in enumerate(listed(group.value("non_index_axes"))[1:])}
    return sorted(found, key=lambda one: order.get(one.name, -1))


def _meant(kind: Json, stored: Json, member: Item) -> Any:
    """The type of a column for pandas: times are stored as integers."""
    told = stored if isinstance(stored, str) else kind if isinstance(kind, str) else ""
    return told if told.startswith("datetime64") or told == "bool" else member.dtype


def _categories(group: Thing, name: str) -> dict[str, Any]:
    table = group.dataset("meta", name, "meta", "table")
    return {} if table is None else {"categories": prod(table.shape)}


def _of_blocks(group: Thing, known: _Known) -> tuple[list[Item], int]:
    """Index and columns of the format "fixed": blocks of columns of one type, in the order of `axis0`."""
    index = group.dataset("axis1") or group.dataset("axis1_label0")
    rows = prod(index.shape) if index is not None else 0
    found = []
    levels = sum(name.startswith("axis1_label") for name in group.children)
    if index is not None and index.facts is not None:
        dtype = UNSET if levels else index.facts.dtype
        facts = {"index": True} | ({"levels": levels} if levels else {})
        found.append(Item(kind="index", name="index", dtype=dtype, facts=facts))
    for name, values in group.children.items():
        if not (name.startswith("block") and name.endswith("_values") and values.facts is not None):
            continue
        items = group.dataset(f"{name.removesuffix('_values')}_items")
        names = _names(items, known)
        told = values.word("value_type")
        dtype = told if told.startswith("datetime64") else _word(values.facts.type)
        if names:
            found += [Item(kind="column", name=one, dtype=dtype) for one in names]
        else:  # names that are pickled, or too many
            number = prod(items.shape) if items is not None else 0
            found.append(Item(kind="column", name=name, dtype=dtype, shape=[number]))
    order = {name: number for number, name in enumerate(_names(group.dataset("axis0"), known))}
    return sorted(found, key=lambda one: -1 if one.kind == "index" else order.get(one.name, len(order))), rows


def _names(thing: Thing | None, known: _Known) -> list[str]:
    small = known.values.get(thing.path) if thing is not None else None
    values = small.value if small is not None and small.truncated is UNSET else []
    return [str(one) for one in values] if isinstance(values, list) else []


def _of_series(group: Thing) -> tuple[list[Item], int]:
    found = []
    for kind in ("index", "values"):
        thing = group.dataset(kind)
        if thing is not None and thing.facts is not None:
            facts = {"index": True} if kind == "index" else {}
            found.append(item("index" if facts else "column", thing, dtype=thing.facts.dtype, facts=facts))
    values = group.dataset("values")
    return found, prod(values.shape) if values is not None else 0


VIEW = View("pytables", "PyTables", plan, read)
PANDAS_VIEW = View("pandas", "pandas", plan, read_pandas)
