"""The JSON documents of a store, which strangers wrote: bounded in size and depth, safe as text."""

from __future__ import annotations

import json
import re
from typing import Any

from h5s3.errors import DamagedError, RefusedError
from h5s3.sizes import MIB

LARGEST = 4 * MIB  # bytes of the document of one group or array
LARGEST_OF_ALL = 64 * MIB  # of one that holds those of all
DEEPEST = 64  # lists and objects within each other
SURROGATE = re.compile(r"[\ud800-\udfff]")
LONG = re.compile(rb"[0-9]{19}")
INT64 = 1 << 63
Fields = dict[str, Any]


def parsed(data: bytes, name: str, most: int = LARGEST) -> Fields:
    """A document as a dictionary. Raises `DamagedError`, and `RefusedError` for one that is too large."""
    if len(data) > most:
        raise RefusedError(f"{name} is larger than {most // MIB} MiB")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        raise DamagedError(f"{name} is {'nested too deeply' if deep else 'not JSON'}") from None
    if not isinstance(found, dict):
        raise DamagedError(f"{name} is not a JSON object")
    nested = data.count(b"{") + data.count(b"[") > DEEPEST
    if nested and _depth(found) > DEEPEST:
        raise DamagedError(f"{name} is nested too deeply")
    return _safe(found) if rb"\u" in data or LONG.search(data) else found


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [one for items in inner for one in items if isinstance(one, dict | list)]
    return depth


def _safe(value: Any) -> Any:
    """Without what no encoder here takes: halves of surrogate pairs are escaped, integers of more than 64
    bits are text."""
    if isinstance(value, str):
        return SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", value)
    if isinstance(value, list):
        return [_safe(item) for item in value]
    if isinstance(value, dict):
        return {_safe(name): _safe(item) for name, item in value.items()}
    if isinstance(value, int) and not -INT64 <= value < 2 * INT64:
        return str(value)
    return value
