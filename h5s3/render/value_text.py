"""Attribute values, table cells and dates in a line of safe text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from h5s3.records import UNSET, Attribute, DatasetNode, Followed, Json, Meta
from h5s3.render.text import safe, shape

_DATE = re.compile(r"(-?\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|[+-]\d\d:?\d\d)?\Z")


def followed_text(followed: Followed) -> str:
    """Where a link led, in another file."""
    return f"{safe(followed.location, 1000)}:{safe(followed.path)}"


def attribute_text(attribute: Attribute, most: int = 200) -> str:
    """The value of an attribute, or why there is none."""
    if attribute.error is not UNSET:
        return f"({safe(attribute.error, most)})"
    if attribute.shape is None:
        return "(null dataspace)"
    text = cell_text(attribute.value, most, null_word(attribute.nan_count, attribute.inf_count))
    return text + (f" … {shape(attribute.shape)} in all" if attribute.truncated is True else "")


def small_value_text(record: DatasetNode | Meta, most: int = 200) -> str:
    """The value of a small dataset."""
    text = cell_text(record.value, most, null_word(record.nan_count, record.inf_count))
    return text + (" …" if record.value_truncated is True else "")


def null_word(nans: Any, infinities: Any, missing: Any = 0, unread: bool = False) -> str:
    """What a null stands for where so many NaN, infinities and missing values became nulls."""
    counts = {"nan": nans, "inf": infinities, "missing": missing, "unread": unread}
    return " or ".join(word for word, count in counts.items() if count) or "null"


def cell_text(
    value: Any, most: int = 80, null: str = "null", number: Callable[[float], str] | None = None
) -> str:
    """A JSON value as people write it, cut at `most` characters. `number` writes floats, also those in it."""
    return safe(_text(value, most, null, number or number_text), most)


def _text(value: Any, most: int, null: str, number: Callable[[float], str]) -> str:
    if value is None:
        return null
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return _joined((_text(item, most, null, number) for item in value), most, "[", "]")
    if isinstance(value, dict):
        texts = (f"{name}: {_text(item, most, null, number)}" for name, item in value.items())
        return _joined(texts, most, "{", "}")
    return str(value)


def _joined(parts: Iterable[str], most: int, opening: str, closing: str) -> str:
    """Parts until the line is full: a value may have millions."""
    text = opening
    for index, part in enumerate(parts):
        text += (", " if index else "") + part
        if len(text) > most:
            return text[: max(1, most - 1)] + "…"
    return text + closing


def number_text(value: float | None) -> str:
    """Six significant digits, without a needless exponent or point."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value}"
    return f"{value:.6g}"


def shorten_dates(texts: Sequence[str]) -> tuple[list[str], str]:
    """Dates without what all of them share, and what that is if it is needed: the day of times."""
    matches = [_DATE.match(text) for text in texts]
    found = [match for match in matches if match]
    if not found or len(found) < len(texts):
        return list(texts), ""
    dates, times = [match[1] for match in found], [match[2] for match in found]
    times = _short_times(times)
    if len(set(dates)) == 1 and len(dates) > 1:
        return times, dates[0]
    if set(times) == {"00:00"}:
        return _short_dates(dates), ""
    return [f"{date} {time}" for date, time in zip(dates, times, strict=True)], ""


def standing_text(where: Mapping[str, Json]) -> str:
    """Where a slice stands, by the coordinates of the dimensions that it cuts: `time 2024-07-07`."""
    texts = {
        name: shorten_dates([value])[0][0] if isinstance(value, str) else value
        for name, value in where.items()
    }
    return ", ".join(f"{safe(name, 30)} {cell_text(value, 30)}" for name, value in texts.items())


def _short_times(times: Sequence[str]) -> list[str]:
    """Without seconds where all are full minutes."""
    return [time[:5] for time in times] if all(time[5:].strip(":.0") == "" for time in times) else list(times)


def _short_dates(dates: Sequence[str]) -> list[str]:
    """Months or years, where every date is the first of one."""
    for end in ("-01-01", "-01"):
        if len(dates) > 1 and all(date.endswith(end) for date in dates):
            return [date.removesuffix(end) for date in dates]
    return list(dates)
