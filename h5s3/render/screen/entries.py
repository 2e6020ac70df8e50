"""What was listed of a bucket, a prefix or an object, and trails of places, for a screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from h5s3.records import Entry
from h5s3.render.columns import Line
from h5s3.render.text import safe
from h5s3.sizes import option_text, size_text


def entry_lines(where: str, kind: str, entry: Entry | None) -> list[Line]:
    """A heading, and the facts of a listing."""
    lines: list[Line] = [[(safe(where, 1000), "key"), (f"  {kind}", "faint")]]
    if entry is None:
        return lines
    size = f"{size_text(entry.size)} ({entry.size:,} bytes)" if entry.size is not None else ""
    facts = {
        "size": size,
        "modified": _text(entry.last_modified),
        "etag": _text(entry.etag),
        "class": _text(entry.storage_class),
        "format": _text(entry.format),
        "version": _text(entry.version_id),
    }
    wide = max(map(len, facts))
    return lines + [
        [(f"  {name.ljust(wide)}  ", "faint"), (text, "")] for name, text in facts.items() if text
    ]


def trail(parts: Sequence[str], width: int, arrow: str) -> Line:
    """A trail of places, its beginning left out where there is no room."""
    texts = [safe(part, 200) for part in parts]
    between = f" {arrow} "
    left_out = False
    while len(texts) > 1 and len(between.join(texts)) + (2 if left_out else 0) > width:
        texts.pop(0)
        left_out = True
    start = [("… ", "faint")] if left_out else []
    line: Line = [*start]
    for number, text in enumerate(texts):
        line += [(between, "faint")] if number or left_out else []
        line.append((text, "key" if number == len(texts) - 1 else ""))
    return line


def receipt_text(receipt: dict[str, Any], ahead: tuple[int, int], width: int) -> str:
    """What was asked of the storage so far, as far as there is room for it. `ahead`: bytes of it that were
    read in idle time, of so many."""
    parts = [
        f"{receipt['requests']:,} req",
        size_text(receipt["bytes"]),
        f"{receipt['seconds_waiting']:.1f} s wait",
        f"{receipt['cache_hits']:,} cached",
        f"ahead {size_text(ahead[0])} of {option_text(ahead[1])}",
    ]
    while len(parts) > 2 and len(" · ".join(parts)) > width:
        parts.pop()
    return " · ".join(parts)


def _text(value: object) -> str:
    return safe(value) if isinstance(value, str) else ""
