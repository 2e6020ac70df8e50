"""What is under a cursor in a plot, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from h5s3.formats.selection import Axis
from h5s3.records import UNSET, Json, Point
from h5s3.render.screen.digits import float_text
from h5s3.render.text import safe, to_ascii

LONGEST = 300


def point_text(point: Point, spans: Mapping[int, Axis], unicode: bool) -> str:
    """The value, its indices and coordinates, and what its cell of the screen stands for."""
    parts = [_value(point), f"[{point.at}]"]
    for axis in point.axes:
        name = safe(axis.label, 30) if isinstance(axis.label, str) else f"dimension {axis.dimension}"
        units = f" {safe(axis.units, 30)}" if isinstance(axis.units, str) else ""
        parts.append(f"{name} {exact_text(axis.value, axis.digits)}{units}")
    parts += _near(point, spans)
    text = "   ".join(parts)
    return text if unicode else to_ascii(text)


def waiting_text(at: str, spans: Mapping[int, Axis], unicode: bool) -> str:
    """The same before the value is there."""
    return "   ".join(["…" if unicode else "...", f"[{at}]", *_of(spans)])


def exact_text(value: Json, digits: str = "") -> str:
    """A value with all its digits, also in lists and in fields; `digits`: those of which floats."""
    return safe(_exact(value, digits), LONGEST)


def _exact(value: Any, digits: str) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return float_text(value, digits)
    if isinstance(value, list):
        return "[" + ", ".join(_exact(item, digits) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_exact(item, digits)}" for name, item in value.items()) + "}"
    return str(value)


def _value(point: Point) -> str:
    words = {"nan": "NaN", "inf": "infinite", "-inf": "-infinite"}
    text = exact_text(point.value, point.digits)
    if isinstance(point.word, str):
        text = words.get(point.word, point.word)
    elif isinstance(point.units, str):
        text += f" {safe(point.units, 30)}"
    stored = f" (stored {exact_text(point.stored)})" if point.stored is not UNSET else ""
    return (f"{safe(point.of, 40)} " if isinstance(point.of, str) else "") + text + stored


def _near(point: Point, spans: Mapping[int, Axis]) -> list[str]:
    """The extremes of a cell, where it stands for many samples."""
    if point.low is UNSET or point.high is UNSET:
        none = ", none known" if point.near is not UNSET and point.missing == point.count else ""
        return [text + none for text in _of(spans)]
    ends = [f"{exact_text(one.value, point.digits)} [{one.at}]" for one in (point.low, point.high)]
    gone = f", {point.missing:,} without a value" if point.missing else ""
    return [f"{_of(spans)[0]}: lowest {ends[0]}, highest {ends[1]}{gone}" if _of(spans) else ""]


def _of(spans: Mapping[int, Axis]) -> list[str]:
    """Which samples the cell stands for, if more than one."""
    count = 1
    for axis in spans.values():
        count *= axis.count
    if count == 1:
        return []
    return [f"this cell: {count:,} values {','.join(spans[number].text for number in sorted(spans))}"]
