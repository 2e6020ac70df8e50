"""Attribute values and table cells in a line of safe text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from h5s3.records import UNSET, Attribute
from h5s3.render.text import safe, shape


def value_text(attribute: Attribute, most: int = 200) -> str:
    """The value of an attribute, or why there is none."""
    if attribute.error is not UNSET:
        return f"({safe(attribute.error, most)})"
    if attribute.shape is None:
        return "(null dataspace)"
    text = cell_text(attribute.value, most, null_word(attribute.nan_count, attribute.inf_count))
    return text + (f" … {shape(attribute.shape)} in all" if attribute.truncated is True else "")


def null_word(nans: Any, infinities: Any, missing: Any = 0, unread: bool = False) -> str:
    """What a null stands for where so many NaN, infinities and missing values became nulls."""
    counts = {"nan": nans, "inf": infinities, "missing": missing, "unread": unread}
    return " or ".join(word for word, count in counts.items() if count) or "null"


def cell_text(value: Any, most: int = 80, null: str = "null") -> str:
    """A JSON value as people write it, cut at `most` characters."""
    return safe(_text(value, most, null), most)


def _text(value: Any, most: int, null: str) -> str:
    if value is None:
        return null
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return _joined((_text(item, most, null) for item in value), most, "[", "]")
    if isinstance(value, dict):
        return _joined((f"{name}: {_text(item, most, null)}" for name, item in value.items()), most, "{", "}")
    return str(value)


def _joined(parts: Iterable[str], most: int, opening: str, closing: str) -> str:
    """Parts until the line is full: a value may have millions."""
    text = opening
    for index, part in enumerate(parts):
        text += (", " if index else "") + part
        if len(text) > most:
            return text[: max(1, most - 1)] + "…"
    return text + closing


def number(value: float | None) -> str:
    """Six significant digits, without a needless exponent or point."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value}"
    return f"{value:.6g}"
