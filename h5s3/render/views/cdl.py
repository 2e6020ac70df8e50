"""NetCDF in its text form, CDL, as `ncdump -h` prints it (NetCDF Users Guide, "CDL").

Two things differ: it is indented by four blanks in place of tabs, and an attribute stays on its line. What
CDL has no words for is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from h5s3.records import UNSET, Attribute, Convention, Item
from h5s3.render.columns import Line
from h5s3.render.text import safe
from h5s3.render.value_text import cell_text

STEP = "    "
LONGEST_VALUE = 20_000  # characters of one attribute
NAME = re.compile(r"[A-Za-z_\u0080-\U0010ffff][\w@.+-]*\Z")
SUFFIXES = {"i1": "b", "u1": "UB", "i2": "s", "u2": "US", "u4": "U", "i8": "LL", "u8": "ULL", "f4": "f"}
DTYPE = re.compile(r"(?:>([iuf])(\d)|(int|uint|float)(\d+))\Z")
DIGITS = {"f4": 7, "f2": 4}


def cdl_lines(found: Convention, name: str, where: str) -> Iterator[Line]:
    """The lines for a file, or a group of it, of that name."""
    yield [("netcdf ", "faint"), (_name(name), "key"), (" {", ""), (f" // {safe(where)}", "faint")]
    top = Item(
        kind="group", name="/", items=found.items, attributes=found.attributes, num_items=found.num_items
    )
    yield from _group(top)
    yield from ([(f"// {safe(note)}", "faint")] for note in found.notes)
    yield [("}", "")]


def _group(top: Item) -> Iterator[Line]:
    """A group and what is below it, without recursion: a file may nest deeper than Python's stack."""
    stack: list[tuple[Item, int]] = [(top, 0)]
    open_groups: list[tuple[Item, int]] = []
    while stack:
        group, level = stack.pop()
        while open_groups and open_groups[-1][1] >= level:
            yield _end(*open_groups.pop())
        if level:
            yield []
            yield [(STEP * (level - 1), ""), ("group: ", "faint"), (_name(group.name), "group"), (" {", "")]
            open_groups.append((group, level))
        for line in _inside(group):
            yield [(STEP * level, ""), *line] if line else []
        below = [item for item in _items(group) if item.kind == "group"]
        stack += [(item, level + 1) for item in reversed(below)]
    while open_groups:
        yield _end(*open_groups.pop())


def _end(group: Item, level: int) -> Line:
    return [(STEP * (level - 1) + "}", ""), (f" // group {safe(group.name)}", "faint")]


def _inside(group: Item) -> Iterator[Line]:
    sections = {"type": "types:", "dimension": "dimensions:", "variable": "variables:"}
    draw = {"type": _type, "dimension": _dimension, "variable": _variable}
    for kind, heading in sections.items():
        items = [item for item in _items(group) if item.kind == kind]
        if items:
            yield [(heading, "faint")]
            for item in items:
                yield from ([(STEP, ""), *line] for line in draw[kind](item))
    for item in _items(group):
        if item.target is not UNSET:
            yield [(f"// {safe(item.name)} -> {safe(item.target)}", "faint")]
        elif item.kind == "unresolved":
            yield [(f"// {safe(item.name)}: {safe(str(item.facts.get('unreadable')))}", "bad")]
    if group.num_items is not UNSET:
        yield [(f"// … {group.num_items - len(_items(group)):,} more (--limit 0 shows all)", "faint")]
    if group.attributes is not UNSET and group.attributes:
        yield []
        yield [("// global attributes:" if group.name == "/" else "// group attributes:", "faint")]
        yield from ([(STEP, ""), *_attribute("", one)] for one in group.attributes)


def _items(group: Item) -> Sequence[Item]:
    return group.items if group.items is not UNSET else []


def _dimension(item: Item) -> Iterator[Line]:
    size = item.shape[0] if item.shape is not UNSET else 0
    name = (_name(item.name), "dataset" if not item.facts else "faint")
    if item.unlimited is True:
        yield [name, (" = ", ""), ("UNLIMITED", "shape"), (" ;", ""), (f" // ({size} currently)", "faint")]
    else:
        yield [name, (" = ", ""), (str(size), "shape"), (" ;", "")]


def _variable(item: Item) -> Iterator[Line]:
    dimensions = item.dimensions if item.dimensions is not UNSET else []
    axes = f"({', '.join(map(_name, dimensions))})" if dimensions else ""
    name = _name(item.name)
    if item.type is UNSET:
        words = f"// {name}{axes} is of type {safe(str(item.dtype))}, which NetCDF does not have"
        yield [(words, "faint")]
        return
    yield [(_name(item.type), "dtype"), (" ", ""), (name, "key"), (axes, "shape"), (" ;", "")]
    for attribute in item.attributes if item.attributes is not UNSET else ():
        yield [(STEP, ""), *_attribute(name, attribute)]
    if item.facts:
        yield [(STEP, ""), (f"// unreadable attributes: {cell_text(item.facts['attributes'])}", "bad")]


def _type(item: Item) -> Iterator[Line]:
    name, base = _name(item.name), safe(str(item.facts.get("base", "")))
    if item.type == "compound":
        yield [("compound ", "dtype"), (name, "key"), (" {", "")]
        for one in _items(item):
            dims = f"({', '.join(map(str, one.shape))})" if one.shape is not UNSET else ""
            yield [(STEP, ""), (safe(str(one.type)), "dtype"), (f" {_name(one.name)}{dims} ;", "")]
        yield [("}; ", ""), (f"// {name}", "faint")]
    elif item.type in ("enum", "boolean"):
        pairs = ", ".join(f"{_name(key)} = {value}" for key, value in item.facts.get("mapping", {}).items())
        yield [(f"{base} enum ", "dtype"), (name, "key"), (f" {{{pairs}}} ;", "")]
    elif item.type == "vlen":
        yield [(f"{base}(*) ", "dtype"), (name, "key"), (" ;", "")]
    elif item.type == "opaque":
        yield [(f"opaque({item.facts.get('size')}) ", "dtype"), (name, "key"), (" ;", "")]
    else:
        yield [(f"// {name} is {safe(str(item.dtype))}", "faint")]


def _attribute(variable: str, found: Attribute) -> Line:
    name = _name(found.name)
    if found.error is not UNSET:
        return [(f"// {variable}:{name}: {safe(found.error)}", "bad")]
    strings = found.dtype == "str" or (found.dtype.startswith("str[") and bool(found.shape))
    kind = f"{_name(found.type_name)} " if found.type_name is not UNSET else "string " if strings else ""
    note = " // …" if found.truncated is True else ""
    return [
        (kind, "dtype"),
        (variable, "faint"),
        (f":{name}", ""),
        (" = ", "faint"),
        (_values(found), ""),
        (" ;", "faint"),
        (note, "faint"),
    ]


def _values(found: Attribute) -> str:
    """The values of an attribute as constants of CDL, separated by commas."""
    if found.shape is None:
        return '""'
    parts: list[str] = []
    size = 0
    for value in _flat(found.value):
        parts.append(_constant(value, found))
        size += len(parts[-1])
        if size > LONGEST_VALUE:
            return ", ".join(parts)[:LONGEST_VALUE] + "…"
    return ", ".join(parts) or '""'


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _constant(value: Any, found: Attribute) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(_constant(one, found) for part in value.values() for one in _flat(part)) + "}"
    if isinstance(value, str) and found.dtype.startswith("enum"):
        return _name(value)
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{safe(quoted, LONGEST_VALUE)}"'
    code = _code(found.dtype)
    if value is None and code[:1] == "f":
        infinite = found.inf_count is not UNSET and found.nan_count is UNSET
        return ("Infinity" if infinite else "NaN") + SUFFIXES.get(code, "")
    if isinstance(value, float) and code:
        return _float(value, DIGITS.get(code, 15)) + SUFFIXES.get(code, "")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}{SUFFIXES.get(code, '')}"
    return cell_text(value, LONGEST_VALUE)


def _code(dtype: str) -> str:
    """`f4` for `float32` and `>f4`."""
    match = DTYPE.match(dtype)
    if not match:
        return ""
    return f"{match[1]}{match[2]}" if match[1] else f"{match[3][0]}{int(match[4]) // 8}"


def _float(value: float, digits: int) -> str:
    """As C's `%#.15g` without the zeros at the end: `1.`, `0.01`, `1.e+20`."""
    mantissa, mark, exponent = f"{value:#.{digits}g}".partition("e")
    return mantissa.rstrip("0") + mark + exponent


def _name(name: str) -> str:
    """A name with those characters escaped that mean something in CDL."""
    shown = safe(name)
    return shown if NAME.match(shown) else re.sub(r"([^\w@.+\-\u0080-\U0010ffff\\])", r"\\\1", shown)
