"""JSON documents that strangers wrote: bounded in depth, safe as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from h5s3.errors import DamagedError

DEEPEST = 64  # lists and objects within each other
INT64 = 1 << 63
DECODE = json.JSONDecoder().decode
LONG = re.compile(r"[0-9]{19}")
SURROGATE = re.compile(r"[\ud800-\udfff]")
Fields = dict[str, Any]


def text_of(data: bytes, what: str) -> str:
    """A document as text. Raises `DamagedError`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DamagedError(f"{what} is not UTF-8") from None


def lines_of(text: str) -> Iterable[str]:
    """Lines that are not empty."""
    return (line for line in text.split("\n") if line and not line.isspace())


def is_plain(text: str) -> bool:
    """Whether all texts and numbers in it can be held by everything."""
    return "\\u" not in text and not LONG.search(text) and (text.isascii() or not SURROGATE.search(text))


def parsed(text: str, what: str, plain: bool = False) -> Fields:
    """A JSON object, bounded in depth, of texts and numbers that all can hold. Raises `DamagedError`.

    `plain`: it is known that it has no others.
    """
    try:
        found = DECODE(text)
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        raise DamagedError(f"{what} is {'nested too deeply' if deep else 'not JSON'}") from None
    if not isinstance(found, dict):
        raise DamagedError(f"{what} is not a JSON object")
    if text.count("{") + text.count("[") > DEEPEST and _depth(found) > DEEPEST:
        raise DamagedError(f"{what} is nested too deeply")
    return found if plain or is_plain(text) else _safe(found)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [one for items in inner for one in items if isinstance(one, dict | list)]
    return depth


def _safe(value: Any) -> Any:
    """Without what no encoder takes: halves of surrogate pairs are escaped, long integers are text."""
    if isinstance(value, str):
        return SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    if isinstance(value, list):
        return [_safe(item) for item in value]
    if isinstance(value, dict):
        return {_safe(name): _safe(item) for name, item in value.items()}
    if isinstance(value, int) and not -INT64 <= value < 2 * INT64:
        return str(value)
    return value
