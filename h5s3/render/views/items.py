"""What a convention has no text form for: its facts, then its items as a tree of aligned lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from h5s3.records import UNSET, Convention, Item, Tree, UnsetType, replaced
from h5s3.render.columns import Cell, Line, Row, align_with_tails
from h5s3.render.console import Symbols
from h5s3.render.text import plural, safe, shape
from h5s3.render.value_text import cell_text, number_text
from h5s3.sizes import size_text

LONGEST_NAME, LONGEST_VALUE, LONGEST_FACT = 120, 60, 1000
SPARE = (3, 2, 1, 0)  # columns that give way to a long name: size, stored type, shape, kind
TABLES = ("table", "frame")
WIDE, NARROW = 120, 16  # columns of a screen; characters of a type on those that are not as wide
PLOT = "default plot"
UNITS = {"rate": "Hz", "start": "s", "duration": "s"}
STYLES = {"group": "group", "link": "link", "unresolved": "bad", "attribute": "faint"}


def item_lines(tree: Tree, found: Convention, width: int, symbols: Symbols) -> Iterator[Line]:
    """The lines of a view: a heading, facts, one line for each item, and what was left out."""
    version = f" {safe(found.version, 40)}" if found.version is not UNSET else ""
    yield [
        (safe(tree.location, 1000), "key"),
        (f"  {safe(tree.path)}", "group"),
        (f"  {found.name}{version}", "datatype"),
    ]
    plots = [item for item in found.items if item.kind == "plot"]
    items = [item for item in found.items if item.kind != "plot"]
    yield from _facts(found.facts, [_plot(item, symbols) for item in plots])
    total = (found.num_items if found.num_items is not UNSET else len(found.items)) - len(plots)
    rows = _rows(items, total, symbols, NARROW if width < WIDE else 40)
    yield from align_with_tails(rows, width, [False, False, False, True], SPARE)
    yield from ([(safe(note), "faint")] for note in found.notes)


def _facts(facts: dict[str, Any], plots: Sequence[Line]) -> Iterator[Line]:
    """Facts below each other, and the default plot as one of them."""
    wide = max([len(safe(name)) for name in facts] + [len(PLOT) for _ in plots], default=0)
    for plot in plots:
        yield [(f"{PLOT:{wide}}  ", "faint"), *plot]
    for name, value in facts.items():
        text = _listed(value) if isinstance(value, list) else cell_text(value, LONGEST_FACT)
        text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else text
        yield [(f"{safe(name):{wide}}  ", "faint"), (text, "")]


def _plot(item: Item, symbols: Symbols) -> Line:
    """The default plot: its signal, and its axes with their units."""
    axes = item.items if item.items is not UNSET and item.dimensions is not UNSET else []
    words = [safe(axis.name, 40) + _in_brackets(axis.units, " ") for axis in axes]
    told = [
        (safe(item.name), "key"),
        (_shape(replaced(item, dimensions=UNSET), symbols), "shape"),
        (_in_brackets(item.units), ""),
        (f"over {', '.join(words)}" if words else "", "shape"),
        (safe(item.title, 100) if item.title is not UNSET else "", "faint"),
    ]
    return [part for cell in told if cell[0] for part in (cell, ("  ", ""))][:-1]


def _in_brackets(units: str | UnsetType, before: str = "") -> str:
    return f"{before}[{safe(units, 40)}]" if units is not UNSET else ""


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(cell_text(value, LONGEST_FACT) for value in values)


def _fact(name: str, value: Any, timed: bool = False) -> str:
    """`default`, `8 categories`, `rate 30 Hz` (where it is of something that is `timed`)."""
    if value is True:
        return name
    if isinstance(value, int) and value is not False:
        if value == 1:
            name = f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")
        return f"{value:,} {name}"
    if timed and name in UNITS and isinstance(value, float):
        return f"{name} {number_text(value)} {UNITS[name]}"
    words = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return f"{name} {_listed(value) if words else cell_text(value)}"


def _rows(items: Sequence[Item], total: int, symbols: Symbols, most: int) -> list[tuple[Row, Cell]]:
    """All rows and what stands behind their columns, depth first, without recursion."""
    rows: list[tuple[Row, Cell]] = []
    stack = [("", items, 0, total)]
    while stack:
        prefix, level, index, count = stack.pop()
        if index >= len(level):
            if count > len(level):
                words = f"… {count - len(level):,} more (--limit 0 shows all)"
                rows.append((([(prefix + symbols.last, "faint"), (words, "faint")], []), ("", "")))
            continue
        stack.append((prefix, level, index + 1, count))
        item, last = level[index], index + 1 == count
        branch = prefix + (symbols.last if last else symbols.branch)
        row = ([(branch, "faint"), *_name(item, symbols)], _cells(item, symbols, most))
        rows.append((row, _tail(item)))
        if item.items is not UNSET:
            below = prefix + ("    " if last else symbols.pipe)
            more = item.num_items if item.num_items is not UNSET else len(item.items)
            if item.items:
                stack.append((below, item.items, 0, more))
    return rows


def _name(item: Item, symbols: Symbols) -> Line:
    name = safe(item.name, LONGEST_NAME)
    if item.target is not UNSET:
        return [(name, "link"), (f" {symbols.arrow} {safe(item.target)}", "target")]
    if not _is_inline(item):
        return [(name, STYLES.get(item.kind, "dataset"))]
    kind = [(f"  {safe(item.type, 60)}", "datatype")] if item.type is not UNSET else []
    dims = [(f"  {_size(item, symbols)}", "shape")] if item.shape is not UNSET else []
    told = _told(item)
    name += "/" if item.items is not UNSET else ""
    return [(name, "group"), *kind, *dims, *([(f"  {told}", "faint")] if told else [])]


def _is_inline(item: Item) -> bool:
    """Whether all there is to say stands behind the name: nothing of it needs a column."""
    return item.items is not UNSET or all(
        one is UNSET for one in (item.shape, item.dtype, item.value, item.units)
    )


def _cells(item: Item, symbols: Symbols, most: int) -> list[Cell]:
    """The convention's type, shape, stored type in `most` characters; where there is room, bytes."""
    if _is_inline(item):
        return []
    return [
        (safe(item.type, 60) if item.type is not UNSET else "", "datatype"),
        (_shape(item, symbols), "shape"),
        (safe(item.dtype, most) if item.dtype is not UNSET else "", "dtype"),
        (size_text(item.nbytes) if item.nbytes is not UNSET and most > NARROW else "", "size"),
    ]


def _tail(item: Item) -> Cell:
    """The value and its units, and what else there is to say."""
    if _is_inline(item):
        return ("", "")
    units = safe(item.units, 40) if item.units is not UNSET else ""
    value = _in_brackets(item.units)
    if item.value is not UNSET:
        only = isinstance(item.value, list) and len(item.value) == 1
        value = f"= {cell_text(item.value[0] if only else item.value, LONGEST_VALUE)} {units}".rstrip()
    return ("  ".join(filter(None, (value, _told(item)))), "" if value else "faint")


def _shape(item: Item, symbols: Symbols) -> str:
    if item.shape is UNSET:
        return ""
    single = item.value is not UNSET and item.shape in ([], [1])
    dims = "" if single else shape(item.shape, symbols.times)
    if item.dimensions is not UNSET and item.dimensions:
        dims += f" ({', '.join(safe(name, 40) for name in item.dimensions)})"
    return dims


def _size(item: Item, symbols: Symbols) -> str:
    """The shape of what holds items; of a table as its rows and columns."""
    if item.kind not in TABLES or item.shape is UNSET:
        return _shape(item, symbols)
    counts = zip(item.shape, ("row", "column"), strict=False)
    return symbols.times.join(plural(number, noun) for number, noun in counts)


def _told(item: Item) -> str:
    told = [_fact(safe(name), value, item.kind == "series") for name, value in item.facts.items()]
    if item.title is not UNSET and item.title != item.name:
        told.append(safe(item.title, 100))
    if item.num_items is not UNSET and item.items is not UNSET and not item.items:
        told.insert(0, plural(item.num_items, "child", "children"))
    return ", ".join(told)
